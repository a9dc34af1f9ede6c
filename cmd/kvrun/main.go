// Kvrun runs GGUF models with any key and value type in the cache. It measures what that costs and
// brings.
//
//	kvrun                        a look at the embedded model: text, plan and cache types
//	kvrun run    [MODEL] -p TEXT continue a text, with --parallel several times at once
//	kvrun chat   [MODEL]         talk to a model by its chat template
//	kvrun serve  [MODEL]         answer clients of OpenAI, Anthropic and ollama over HTTP
//	kvrun info   [MODEL]         the model, the plan of its cache, the kernels chosen and why
//	kvrun ppl    [MODEL] -f FILE perplexity, counted as llama-perplexity does
//	kvrun probe  [MODEL]         completions with several caches side by side, and a needle in a
//	                             haystack
//	kvrun floor  [MODEL]         what differs when nothing should: the noise floor of this build
//	kvrun kld    [MODEL] -f FILE how far a cache moves predictions, with the statistics of
//	                             llama-perplexity
//	kvrun compare REFERENCE MODEL -f FILE
//	                             how far other weights move predictions
//	kvrun sweep  [MODEL] -f FILE many caches against one reference: which is worth its bytes
//	kvrun worker [MODEL]...      run parts of sweeps that other processes coordinate (--fleet)
//	kvrun calibrate [MODEL]      measure the mean of the keys, for --k-offset mean
//	kvrun tune   [MODEL] --budget 4.5bpv
//	                             the best policy of the cache within a budget, layer by layer
//	kvrun bench  [MODEL]...      speed: llama-bench's syntax, tests and field names
//	kvrun logits [MODEL] --tokens FILE --out FILE
//	                             logits of given tokens as little-endian f32
//	kvrun pull   NAME...         bring models by name and print where they are
//	kvrun synth  --out FILE      write a model of a given shape with random weights
//	kvrun tokenize [MODEL] -p TEXT
//	                             the tokens of a text
//	kvrun quantize IN OUT --type TYPE
//	                             write a model with its weights in other types
//	kvrun types  [MODEL]         the types that a cache can have, and what they take for a model
//	kvrun selftest               what works on this machine, in one file to send
//	kvrun help   [COMMAND]       the page of a command; kvrun help cache is how to choose a cache
//	kvrun completion SHELL       a script for bash, zsh or fish
//	kvrun man                    the manual as a man page
//	kvrun --version              what the program was built from
//
// chat keeps what a model said, not what it generated. Thinking, channels and tool calls are read
// by the family of its template. They are shown dim or between labels; --raw shows the text as it
// is. On a terminal turns are edited with history, which is kept for the user alone in
// ~/.local/state/kvrun/history (--no-history for none). There a paste is one turn, Ctrl-C stops an
// answer, and /help lists commands (/clear /regen /continue /system /save /load /stats /exit).
// Through a pipe a line is a turn, of up to 64 MiB, and is said as it is. Commands are a person's,
// so that a text that begins with a slash is safe in a script; a note names a line that looks like
// one.
//
// MODEL is a path, also after -m; without one it is the embedded model. -hf owner/name[:quant] is a
// repository of Hugging Face, -mu an address. hf:owner/name, ollama:name:tag and https://... stand
// for a path too. What is not on the disk is downloaded first. A download resumes after any end, is
// checked by its SHA-256, and lies in the folder hub of the user's cache (KVRUN_MODELS is another).
// The caches of Hugging Face's programs and of ollama are read. HF_TOKEN, HF_ENDPOINT,
// HF_HUB_OFFLINE and HTTPS_PROXY mean what they mean elsewhere.
//
// Flags carry llama.cpp's names, its short spellings (-ctk, -ctv, -ngl, -fa) included. A line that
// was written for llama.cpp, its turbo fork, ik_llama.cpp, ollama or mlx_lm is honoured, or refused
// for a reason. Flags that do not change a result here (--no-mmap, --jinja, -fmoe) are accepted and
// named in one note. Others are refused together, each with why or with what it is called here
// (cmd/internal/peers has the table). -c 0 is the context of the model. -ngl 20 has the last 20
// layers on a GPU, the output counted as one; where there is no GPU the command goes on with a
// note. Escapes of -p such as \n are read unless --no-escape is given. MODEL "TEXT" is MODEL -p
// "TEXT", and a pipe is the text of run.
//
// run, chat, serve, info, ppl, kld and probe read the LLAMA_ARG_* variables whose flags they have.
// These count less than the line and are noted. An empty value, as of a shell variable that is not
// set, is an error. The LLAMA_ATTN_ROT_* variables mean what they mean in
// TheTom/llama-cpp-turboquant.
//
// --spec FILE, which may be given again, adds the types and rotations of a spec file to those of
// the table (go doc ./gen/spec is the language). On the processor they are interpreted, which is
// slow and said in plan and notes. For a GPU they are compiled as all others are. A mistake in the
// file, or a name or number that is taken, is shown with its place and gives exit code 2.
//
// The plan says what was asked of the cache, what is in effect for every layer and side, and why
// they differ. It is part of every result. A request that cannot be honoured ends the command with
// code 1, unless --allow-fallback is given.
//
// What a command writes never replaces a file that it reads, nor a file of another kind. An older
// result of the same kind needs --force. Prompt caches and journals are continued. Outputs are
// opened before the work, and take their names when they are whole. The result is printed even if
// its file could not be written. Links are followed. Modes are the umask's or the old file's; a new
// prompt cache is for its user alone. What a killed program left is removed by the next output in
// its folder.
//
// Prompt caches, base files, journals, key offsets and the policies of tune name the model that
// they were made with, by all that moves its logits, and have checksums. Those of another model and
// damaged ones are refused. What cannot be checked is noted. A prompt cache gives the tokens of a
// run without it; rows that such a run would not have are run again (docs/measuring.md).
//
// Control codes in what comes from files (names, templates, journals, texts of errors) are written
// out, as \u001b, and long names are cut. What a model says goes to other programs byte for byte.
// On a terminal its control codes are written out too.
//
// Ctrl-C ends a command between two layers, or at once where it reads or loads. What was measured
// is printed; files that are not whole are removed. A second Ctrl-C ends it without waiting for the
// layer.
//
// Exit codes: 0 all is well, 1 a request that is not honoured or a finding, 2 could not run, 130
// ended by Ctrl-C, 143 by SIGTERM, 129 by the terminal that was closed, 141 by the reader of its
// output that went away.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/kvgen/kvgen/cmd/internal/interrupt"
	_ "github.com/kvgen/kvgen/cmd/internal/limit" // before all that opens a file
	"github.com/kvgen/kvgen/cmd/internal/output"
	"github.com/kvgen/kvgen/cmd/internal/plain"
	"github.com/kvgen/kvgen/cmd/internal/progress"
	"github.com/kvgen/kvgen/gen/live"
	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/policy"
)

// environment is what a command sees of the world.
type environment struct {
	ctx            context.Context               // ends at Ctrl-C
	divert         func(func()) (restore func()) // interrupt.Handler.Divert, nil for no signals
	stdin          io.Reader
	stdout, stderr io.Writer
	lookup         func(string) (string, bool)              // of environment variables
	environ        []string                                 // all of them, NAME=VALUE
	inspect        func(fs *pflag.FlagSet, synopsis string) // looks at flags; no command is run
	devices        devices
	system         string         // whose it is: linux/amd64
	self           string         // file of this program, "" where it starts no other process
	files          output.Set     // what the command reads and writes
	table          *kernels.Table // nil for the default one
	live           *live.Set      // the types of --spec, nil for none
}

// kernels is the table of the command.
func (e *environment) kernels() *kernels.Table {
	if e.table == nil {
		return kernels.Default()
	}
	return e.table
}

// pace begins n steps of a command that measures, as progress.Start has it.
func (e *environment) pace(what string, n int, step, advice, keep string) *progress.Bar {
	return progress.Start(e.stderr, what, n, step, advice, keep)
}

// A command is one subcommand; run gets the arguments after its name.
type command struct {
	name, summary string
	run           func(e *environment, args []string) error
}

// flags are the flags of a command and how it is called.
func (c *command) flags() (flags *pflag.FlagSet, synopsis string) {
	c.run(&environment{inspect: func(fs *pflag.FlagSet, s string) { flags, synopsis = fs, s }}, nil)
	return flags, synopsis
}

// commands in the order of the help text.
func commands() []command {
	return []command{
		{"run", "continue a text", runCommand},
		{"chat", "talk to a model by its chat template", chatCommand},
		{"serve", "answer clients of OpenAI, Anthropic and ollama over HTTP", serveCommand},
		{"info", "the model, the plan of its cache, the kernels chosen and why", infoCommand},
		{"ppl", "perplexity, counted as llama-perplexity does", pplCommand},
		{"probe", "completions with several caches side by side, and a needle in a haystack", probeCommand},
		{"floor", "what differs when nothing should: the noise floor of this build", floorCommand},
		{"kld", "how far a cache moves predictions, with the statistics of llama-perplexity", kldCommand},
		{"compare", "how far the weights of a model move predictions from those of another", compareCommand},
		{"sweep", "many caches against one reference: which is worth its bytes", sweepCommand},
		{"worker", "run parts of sweeps that other processes coordinate", workerCommand},
		{"calibrate", "measure the mean of the keys, for --k-offset mean", calibrateCommand},
		{"tune", "the best policy of the cache within a budget, layer by layer", tuneCommand},
		{"bench", "speed: llama-bench's tests and field names", benchCommand},
		{"logits", "logits of given tokens as little-endian f32", logitsCommand},
		{"pull", "bring a model from Hugging Face, ollama's library or an address", pullCommand},
		{"synth", "write a model of a given shape with random weights", synthCommand},
		{"tokenize", "the tokens of a text", tokenizeCommand},
		{"quantize", "write a model with its weights in other types", quantizeCommand},
		{"types", "the types that a cache can have, and what they take for a model", typesCommand},
		{"selftest", "what works on this machine, in one file to send", selftestCommand},
		{"help", "this list, or the page of a command", helpCommand},
		{"completion", "a script by which bash, zsh or fish completes commands, flags and values", completionCommand},
		{"man", "the manual as a man page", manCommand},
	}
}

func main() {
	h := interrupt.Start(os.Stderr, 0)
	self, err := os.Executable()
	if err != nil {
		self = "" // what wants a process of its own does without
	}
	e := &environment{self: self, ctx: h.Context, divert: h.Divert, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	code := e.run(os.Args[1:])
	h.Close()
	os.Exit(code)
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return (&environment{ctx: ctx, stdin: stdin, stdout: stdout, stderr: stderr}).run(args)
}

func (e *environment) run(args []string) int {
	e.lookup, e.environ = os.LookupEnv, os.Environ()
	if e.system == "" {
		e.system = runtime.GOOS + "/" + runtime.GOARCH
	}
	e.files.Context, e.files.Stdout = e.ctx, e.stdout
	defer func() { e.devices.close() }()
	if len(args) == 0 {
		return e.exit("", showCommand(e, showDefault))
	}
	switch args[0] {
	case "-h", "--help", "-help", "--usage":
		return e.exit("help", overview(e.stdout))
	case "version", "--version", "-version", "-V":
		printVersion(e.stdout)
		return 0
	}
	for _, c := range commands() {
		if c.name == args[0] {
			e.clean(c.name)
			return e.exit(c.name, c.run(e, args[1:]))
		}
	}
	return e.exit("", noCommand(args))
}

// clean keeps control codes of models, journals and other files from the terminal. What a model
// says is not changed on its way to another program. chat edits lines on the terminal and cleans
// them itself.
func (e *environment) clean(command string) {
	if command == "run" {
		if f, ok := plain.File(e.stdout); !ok || !term.IsTerminal(int(f.Fd())) {
			return
		}
	}
	if command != "chat" {
		e.stdout = plain.NewWriter(e.stdout)
	}
}

// refusal is a request that cannot be honoured: exit code 1.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

// refuse makes a refusal.
func refuse(format string, args ...any) error { return refusal{fmt.Errorf(format, args...)} }

// exit prints what a command returned and gives the exit code.
func (e *environment) exit(command string, err error) int {
	var r refusal
	var p policy.Refusal
	var s interrupt.Signal
	if err == nil && (command == "chat" || command == "serve") && errors.As(context.Cause(e.ctx), &s) {
		return interrupt.Code(s) // neither has another end than that it is left
	}
	switch {
	case err == nil || errors.Is(err, pflag.ErrHelp):
		return 0
	}
	code := interrupt.Code(err)
	if code != 0 {
		if c := interrupt.Code(context.Cause(e.ctx)); c != 0 {
			code = c
		}
		if code == 141 {
			return code // whoever read it is gone
		}
		var partly interrupted
		if !errors.As(err, &partly) {
			err = errors.New("interrupted")
		}
	}
	if command != "" {
		command = " " + command
	}
	fmt.Fprintf(e.stderr, "kvrun%s: %s\n", command, plain.Message(err.Error()))
	switch {
	case code != 0:
		return code
	case errors.As(err, &r), errors.As(err, &p):
		return 1
	}
	return 2
}

// interrupted is an error that says more of an interruption than that it was one.
type interrupted struct{ say string }

func (i interrupted) Error() string { return "interrupted; " + i.say }
func (i interrupted) Unwrap() error { return context.Canceled }
