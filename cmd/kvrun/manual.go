package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/cmd/internal/completion"
	"github.com/kvgen/kvgen/cmd/internal/engine"
	"github.com/kvgen/kvgen/cmd/internal/line"
	"github.com/kvgen/kvgen/cmd/internal/llamabench"
	"github.com/kvgen/kvgen/cmd/internal/manual"
	"github.com/kvgen/kvgen/cmd/internal/peers"
	"github.com/kvgen/kvgen/cmd/internal/version"
	"github.com/kvgen/kvgen/internal/suggest"
	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/chat"
	"github.com/kvgen/kvgen/runtime/drivers"
	"github.com/kvgen/kvgen/runtime/policy"
	"github.com/kvgen/kvgen/runtime/quantize"
	"github.com/kvgen/kvgen/runtime/synth"
)

// flagGroups are the subjects of help. What stands in none belongs to its command.
var flagGroups = []manual.Group{
	{Title: "This command"},
	{Title: "Model", Flags: []string{"model", "hf-repo", "hf-file", "model-url", "hf-token", "offline", "tokenizer", "override-kv", "lora", "lora-scaled", "spec", "chat-template", "chat-template-file"}},
	{Title: "Cache and context", Flags: []string{"ctx-size", "cache-type-k", "cache-type-v", "rot-k", "rot-v", "k-offset", "keep-first", "keep-last", "policy", "cache",
		"allow-fallback", "keep", "no-context-shift", "prompt-cache", "prompt-cache-ro", "prompt-cache-all"}},
	{Title: "Sampling", Flags: []string{"predict", "temp", "top-k", "top-p", "min-p", "repeat-penalty", "repeat-last-n", "seed", "ignore-eos", "grammar", "grammar-file", "json-schema", "json-schema-file"}},
	{Title: "Measuring", Flags: []string{"chunks", "decode", "ref", "reference", "cells", "types-k", "types-v", "rot", "extras", "by-layer", "path", "check", "chunks-tune"}},
	{Title: "Fleet", Flags: []string{"fleet", "workers", "fleet-listen", "fleet-send", "fleet-creds", "fleet-ca", "fleet-cert", "fleet-key", "max-model", "until-eof"}},
	{Title: "Device and speed", Flags: slices.Concat([]string{"device", "gpu-layers", "tensor-split"}, driverSettings(), []string{"threads", "batch-size", "ubatch-size", "flash-attn", "math", "isa"})},
	{Title: "Output", Flags: []string{"out", "output", "output-err", "format", "report", "emit", "journal", "force", "no-display-prompt", "json", "verbose"}},
}

// examples of commands, for their help.
var examples = map[string][]string{
	"run": {`kvrun run model.gguf -p "Once upon a time" -n 64`, "kvrun run model.gguf -f prompt.txt -ctk q8_0 -ctv lm4_64 --temp 0", "git diff | kvrun run model.gguf -n 200 --json"},
	"chat": {"kvrun chat model.gguf", `kvrun chat model.gguf -sys "Answer in one sentence." -c 0`,
		`kvrun chat model.gguf -j '{"enum": ["yes", "no"]}' --prompt-cache talk.cache`},
	"serve": {"kvrun serve model.gguf", "kvrun serve model.gguf -c 32768 -np 8 -ctk q8_0 -ctv q8_0 --port 9931",
		"kvrun serve -hf owner/name --host 0.0.0.0 --api-key-file keys.txt"},
	"info": {"kvrun info model.gguf", "kvrun info model.gguf -c 0 -ctk q8_0 -ctv turbo4", "kvrun info model.gguf --device " + drivers.All()[0].Name + " -np 4"},
	"ppl":  {"kvrun ppl model.gguf -f wiki.test.raw", "kvrun ppl model.gguf -f wiki.test.raw -c 2048 --chunks 16 -ctk q8_0 -ctv q8_0", "kvrun ppl model.gguf -f wiki.test.raw --format llama"},
	"probe": {"kvrun probe model.gguf", `kvrun probe model.gguf -p "The capital of France is" --cells q8_0,q4_0,lm3_64`,
		"kvrun probe model.gguf --needle 512,2048 --cells q4_0"},
	"floor": {"kvrun floor model.gguf", "kvrun floor model.gguf -f wiki.test.raw --chunks 4", "kvrun floor model.gguf -ctk q8_0 -ctv q8_0"},
	"kld": {"kvrun kld model.gguf -f wiki.test.raw --chunks 16 -ctk q8_0 -ctv lm4_64",
		"kvrun kld model.gguf -f wiki.test.raw --kl-divergence-base base.kld",
		"kvrun kld model.gguf -f wiki.test.raw --kl-divergence-base base.kld --kl-divergence -ctk q4_0"},
	"sweep": {"kvrun sweep model.gguf -f wiki.test.raw --chunks 16 --out run.jsonl --report page.html",
		"kvrun sweep --show run.jsonl --emit llama.cpp",
		"kvrun sweep a.gguf b.gguf -f wiki.test.raw --cells q8_0,q4_0:kv,lm4_64@4+32 --fleet local --out runs"},
	"worker":    {"kvrun worker --fleet nats://queue:4222 model.gguf", "KVRUN_FLEET=tls://queue:4222 kvrun worker --fleet-creds worker.creds a.gguf b.gguf", "kvrun worker --fleet nats://queue:4222 --device " + drivers.All()[0].Name},
	"calibrate": {"kvrun calibrate model.gguf", "kvrun run model.gguf -ctk q4_0 --k-offset mean -p TEXT", "kvrun calibrate model.gguf -f mine.txt -o keys.json"},
	"tune":      {"kvrun tune model.gguf --budget 4.5bpv", "kvrun run model.gguf --cache auto -p TEXT", "kvrun tune model.gguf --budget 3.5bpv -f wiki.test.raw -o small.json"},
	"bench":     {"kvrun bench model.gguf", "kvrun bench -m a.gguf,b.gguf -p 512 -n 128 -d 0,4096", "kvrun bench model.gguf -ctk f16,q8_0,lm4_64 -t 1,2,4 -o csv"},
	"logits":    {"kvrun logits model.gguf --tokens ids.txt --out logits.f32", "echo 1 2 3 | kvrun logits model.gguf --tokens - --out -", "kvrun logits model.gguf --tokens ids.txt --out last.f32 --last 1"},
	"pull":      {"kvrun pull ggml-org/gemma-3-1b-it-GGUF:Q4_K_M", "kvrun pull llama3.2:1b", `kvrun run "$(kvrun pull owner/name)" -p TEXT`},
	"synth": {"kvrun synth --out big.gguf --layers 32 --embd 4096 --heads 32 --kv-heads 8 --head-dim 128", "kvrun synth --arch gemma3 --out g.gguf",
		"kvrun bench big.gguf"},
	"compare":  {"kvrun compare model-f16.gguf model-q4_0.gguf", "kvrun compare model-f16.gguf model-q4_0.gguf -c 2048 --json", "kvrun compare model-f16.gguf mine.gguf --spec mine.hcl -f wiki.test.raw --chunks 16"},
	"tokenize": {`kvrun tokenize model.gguf -p "Hello world"`, "kvrun tokenize model.gguf -f text.txt --ids", "git diff | kvrun tokenize model.gguf --show-count --no-bos"},
	"quantize": {"kvrun quantize model-f16.gguf model-q4_0.gguf --type q4_0", "kvrun quantize in.gguf out.gguf --type q4_0 --tensor 'ffn_down|attn_v=q8_0'",
		"kvrun quantize in.gguf out.gguf --spec mine.hcl --type mine", "kvrun quantize Qwen3-0.6B model-q4_K.gguf --type q4_K"},
	"selftest":   {"kvrun selftest", "kvrun selftest --device " + drivers.All()[0].Name, "kvrun selftest --full -o report.json"},
	"types":      {"kvrun types", "kvrun types model.gguf", "kvrun types model.gguf --json"},
	"help":       {"kvrun help run", "kvrun help cache"},
	"completion": {"source <(kvrun completion bash)", "kvrun completion zsh > ~/.zfunc/_kvrun", "kvrun completion fish > ~/.config/fish/completions/kvrun.fish"},
	"man":        {"kvrun man | man -l -", "kvrun man > ~/.local/share/man/man1/kvrun.1"},
}

// flagValue is what a flag of a command can be given, for help and completion.
func flagValue(command, flag string) manual.Value {
	switch flag {
	case "model", "file", "lora", "lora-scaled", "spec", "policy", "prompt-cache", "out", "report", "show", "kl-divergence-base", "tokens", "journal", "check", "haystack", "api-key-file", "tls-cert", "tls-key", "grammar-file", "json-schema-file",
		"fleet-creds", "fleet-ca", "fleet-cert", "fleet-key":
		return manual.Value{File: true}
	case "chat":
		return manual.Value{File: command == "sweep"}
	case "cache-type-k", "cache-type-v", "types-k", "types-v", "by-layer":
		return manual.Value{Words: policy.TypeNames(kernels.Default(), policy.ForCache)}
	case "type", "output-type", "output-tensor-type", "token-embedding-type":
		return manual.Value{Words: policy.TypeNames(kernels.Default(), quantize.CanEncode)}
	case "chat-template-file":
		return manual.Value{File: true}
	case "chat-template":
		return manual.Value{Words: chat.Names(), File: true}
	case "ref":
		return manual.Value{Words: []string{"f16", "f32"}}
	case "rot-k", "rot-v":
		words := []string{"off", "on"}
		for _, r := range kernels.Default().Rotations() {
			words = append(words, r.Name)
		}
		return manual.Value{Words: words}
	case "k-offset":
		words := []string{"off", "bias", "mean"}
		if command == "tune" {
			words = append(words, policy.AutoName)
		}
		return manual.Value{Words: words, File: true}
	case "isa":
		var words []string
		for _, i := range kernels.Default().ISAs() {
			words = append(words, i.Name)
		}
		return manual.Value{Words: words}
	case "format":
		return manual.Value{Words: []string{"text", "llama", "json"}}
	case "output", "output-err":
		return manual.Value{Words: llamabench.Formats()}
	case "math":
		if command == "floor" {
			return manual.Value{Words: []string{"both", "exact", "fast"}}
		}
		return manual.Value{Words: []string{"exact", "fast"}}
	case "arch":
		return manual.Value{Words: synth.Architectures()}
	}
	for _, d := range drivers.All() {
		for _, s := range d.Settings {
			if s.Name == flag {
				return manual.Value{Words: s.Words, File: s.File}
			}
		}
	}
	return manual.Value{Words: map[string][]string{
		"device": strings.Split("cpu,"+driverNames(","), ","), "gpu-layers": {"0", "all", "auto"}, "flash-attn": {"on", "off", "auto"}, "tokenizer": {"model", "llama.cpp"},
		"cache": {"auto"}, "emit": {"llama.cpp", "fork", "ik", "ollama", "kvrun"}, "path": {"prefill", "decode"},
	}[flag]}
}

// driverSettings are the flags of drivers.
func driverSettings() (names []string) {
	for _, d := range drivers.All() {
		for _, s := range d.Settings {
			names = append(names, s.Name)
		}
	}
	return names
}

// wholeManual is all of kvrun for its manual.
func wholeManual() *manual.Program {
	p := &manual.Program{Name: "kvrun", Summary: "run GGUF models with any key and value type in the cache, and measure what it costs",
		Groups: flagGroups, Spellings: line.Spellings, Values: flagValue}
	for _, c := range commands() {
		m := manual.Command{Name: c.name, Summary: c.summary, Examples: examples[c.name]}
		m.Flags, m.Synopsis = c.flags()
		p.Commands = append(p.Commands, m)
	}
	p.Sections = []manual.Section{
		{Title: "Choosing a cache", Text: cachePage},
		{Title: "Environment", Text: environmentPage},
		{Title: "Exit status", Text: "0 all is well; 1 a request that is not honoured, or a finding; 2 could not run; 130 and 143 ended by a signal."},
		{Title: "See also", Text: "kvrun help COMMAND; docs/study.md and docs/measuring.md of the project."},
	}
	return p
}

// environmentPage says what variables are read.
const environmentPage = `LLAMA_ARG_CTX_SIZE, LLAMA_ARG_CACHE_TYPE_K and the others that llama.cpp's tools read in place of flags that kvrun has too: run, chat, info, ppl, kld and probe read them. A flag on the line counts more. What was read, and what was not, is noted.

LLAMA_ATTN_ROT_K_OVERRIDE, LLAMA_ATTN_ROT_V_OVERRIDE, LLAMA_ATTN_ROT_K_NROT, LLAMA_ATTN_ROT_DISABLE: rotations of the cache, as in TheTom/llama-cpp-turboquant.

KVRUN_FLEET: the address of the NATS server of a worker, as --fleet.

KVRUN_ISA: the instruction set of the kernels, as --isa.

KVRUN_MODELS: the folder for models that are brought by name. HF_TOKEN, HF_TOKEN_PATH, HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_HUB_OFFLINE, OLLAMA_MODELS, HTTPS_PROXY, NO_PROXY: as the programs of Hugging Face, ollama and others have them.`

// writeHelp prints the page of a command.
func (e *environment) writeHelp(name string, fs *pflag.FlagSet, synopsis string) error {
	p := &manual.Program{Name: "kvrun", Groups: flagGroups, Spellings: line.Spellings, Values: flagValue}
	c := &manual.Command{Name: name, Synopsis: synopsis, Examples: examples[name], Flags: fs}
	for _, known := range commands() {
		if known.name == name {
			c.Summary = known.summary
		}
	}
	return p.Help(e.stdout, c, manual.Width(e.stdout))
}

// helpCommand is kvrun help: the list of commands, the page of one, or a topic.
func helpCommand(e *environment, args []string) error {
	fs := newFlags("help")
	if err := e.parse(fs, "[COMMAND | cache | types]", args); err != nil {
		return err
	}
	switch args = fs.Args(); {
	case len(args) == 0:
		return overview(e.stdout)
	case len(args) > 1:
		return fmt.Errorf("one command, not %d: %s", len(args), strings.Join(args, " "))
	case args[0] == "cache":
		return manual.Page(e.stdout, cachePage, manual.Width(e.stdout))
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return c.run(e, []string{"--help"})
		}
	}
	return noCommand(args)
}

func overview(w io.Writer) error {
	fmt.Fprint(w, "Usage: kvrun COMMAND [MODEL] [flags]\n\n")
	if err := wholeManual().Overview(w, manual.Width(w)); err != nil {
		return err
	}
	fmt.Fprintln(w)
	return manual.Page(w, overviewPage, manual.Width(w))
}

// overviewPage follows the list of commands.
const overviewPage = `MODEL is the path of a GGUF file; without it a small embedded model is used. kvrun alone is a demonstration.

  kvrun help COMMAND     its flags, with examples
  kvrun help cache       how to choose a cache, on one page
  kvrun --version        what the program was built from

Exit codes: 0 fine, 1 a request that is not honoured or a finding, 2 could not run.`

// completionCommand writes the script of a shell.
func completionCommand(e *environment, args []string) error {
	fs := newFlags("completion")
	if err := e.parse(fs, strings.Join(completion.Shells, "|"), args); err != nil {
		return err
	}
	if fs.NArg() != 1 || !slices.Contains(completion.Shells, fs.Arg(0)) {
		return fmt.Errorf("which shell? %s", strings.Join(completion.Shells, ", "))
	}
	return completion.Script(e.stdout, fs.Arg(0), wholeManual())
}

// manCommand writes the man page.
func manCommand(e *environment, args []string) error {
	fs := newFlags("man")
	if err := e.parse(fs, "", args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return errors.New("it takes nothing: the page is of all commands")
	}
	return wholeManual().Roff(e.stdout, "kvrun "+version.Short())
}

// noCommand says what to type instead of a line that begins with no command. The line may begin
// with a command of another program, a model or a flag.
func noCommand(args []string) error {
	first := args[0]
	if strings.HasPrefix(first, "-") {
		rest := make([]string, len(args))
		for i, a := range args {
			rest[i] = engine.ShellQuote(a)
		}
		line := strings.Join(rest, " ")
		return fmt.Errorf("a command comes first: kvrun run %s continues a text, kvrun chat %s talks; kvrun help lists the others", line, line)
	}
	if modelName(first) {
		m := engine.ShellQuote(first)
		return fmt.Errorf("a command comes first: kvrun run %s -p TEXT continues a text, kvrun chat %s talks to the model, kvrun info %s describes it", m, m, m)
	}
	if first == "ollama" && len(args) > 1 {
		if says, ok := peers.Command(args[1]); ok {
			return fmt.Errorf("no command %q: %s", first+" "+args[1], says)
		}
	}
	if says, ok := peers.Command(strings.TrimSuffix(filepath.Base(first), ".exe")); ok {
		return fmt.Errorf("no command %q: %s", first, says)
	}
	return fmt.Errorf("no command %q%s; kvrun help lists them", first, suggest.Nearest(first, commandNames()))
}

// commandNames are the names of all commands.
func commandNames() (names []string) {
	for _, c := range commands() {
		names = append(names, c.name)
	}
	return names
}
