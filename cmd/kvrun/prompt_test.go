package main

import (
	"strings"
	"testing"

	"github.com/kvgen/kvgen/cmd/internal/line"
	"github.com/kvgen/kvgen/runtime/model"
)

// TestUnescape reads the escapes of llama.cpp, and leaves what is none as it is.
func TestUnescape(t *testing.T) {
	for given, want := range map[string]string{
		`a\nb`: "a\nb", `\t\r\\\'\"`: "\t\r\\'\"", `\x41\x7a`: "Az", `\xZZ`: `\xZZ`, `\x4`: `\x4`, `\x`: `\x`, `\q`: `\q`, `end\`: `end\`, `\\n`: `\n`,
		"": "", "plain": "plain", `\x+1`: `\x+1`, `\x-1a`: `\x-1a`, `C:\new`: "C:\new",
	} {
		if got := unescape(given); got != want {
			t.Errorf("%q: %q, want %q", given, got, want)
		}
	}
}

// TestPromptSources continues what each source of a text gives.
func TestPromptSources(t *testing.T) {
	m := arches + "/llama_hd64/model.gguf"
	file, empty := write(t, "prompt", `from\na file`), write(t, "empty", "")
	for _, c := range []struct {
		stdin, args, want string // the prompt, or an error after !
	}{
		{"", `run M -p a\nb`, "a\nb"}, {"", `run M -p a\nb --no-escape`, `a\nb`}, {"", `run M -e -p a\tb`, "a\tb"},
		{"", "run M -f FILE", `from\na file`}, {"piped text", "run M", "piped text"}, {`piped\ntext`, "run M -f -", `piped\ntext`}, {"ignored", "run M -p x", "x"},
		{"", "run M", "!nothing to continue"}, {"", "run M -f EMPTY", "!EMPTY is empty"}, {"", "run -f EMPTY", "!EMPTY is empty"}, {"x", "run M -f FILE -p y", "!both given"},
		{"", "run M word", "word"}, {"", "run -m M word", "word"}, {"", "run M word -p x", "!one model, not 2"}, {"", "run M M", "!one model, not 2"}, {"", "run M a b", "!one model, not 3"},
		{"", "run", demoPrompt},
	} {
		names := strings.NewReplacer("FILE", file, "EMPTY", empty)
		args := strings.Fields(c.args)
		for i, a := range args {
			if args[i] = names.Replace(a); a == "M" {
				args[i] = m
			}
		}
		args = append(args, "-n", "1", "--json")
		if says, fails := strings.CutPrefix(c.want, "!"); fails {
			if code, _, stderr := kvrun(c.stdin, args...); code != 2 || !strings.Contains(stderr, names.Replace(says)) {
				t.Errorf("%s: exit %d, want %q: %s", c.args, code, says, stderr)
			}
			continue
		}
		code, out, stderr := kvrun(c.stdin, args...)
		if want := `"prompt": ` + quoteJSON(c.want); code != 0 || !strings.Contains(out, want) {
			t.Errorf("%s: exit %d, want %s: %s%.200s", c.args, code, want, stderr, out)
		}
	}
}

func quoteJSON(s string) string {
	var b strings.Builder
	if err := printLine(&b, s); err != nil {
		return err.Error()
	}
	return strings.TrimSpace(b.String())
}

// TestVariables reads LLAMA_ARG_* where the line says nothing, and names those that it does not
// read.
func TestVariables(t *testing.T) {
	m := arches + "/llama_hd64/model.gguf"
	for _, c := range []struct {
		env, args string
		code      int
		out, says string
	}{
		{"LLAMA_ARG_CTX_SIZE=77", "info M --json", 0, `"n_ctx": 77`, "note: from the environment: LLAMA_ARG_CTX_SIZE=77\n"},
		{"LLAMA_ARG_CTX_SIZE=77", "info M --json -c 99", 0, `"n_ctx": 99`, ""},
		{"LLAMA_ARG_CTX_SIZE=0", "info M --json", 0, `"n_ctx": 2048`, "from the environment"},
		{"LLAMA_ARG_CACHE_TYPE_K=q8_0 LLAMA_ARG_CACHE_TYPE_V=q4_0", "info M", 0, "requested q4_0", "LLAMA_ARG_CACHE_TYPE_K=q8_0, LLAMA_ARG_CACHE_TYPE_V=q4_0"},
		{"LLAMA_ARG_CACHE_TYPE_K=q8_0", "info M --cache lm4_64", 0, "requested lm4_64", ""},
		{"LLAMA_ARG_CACHE_TYPE_K=q9_0", "info M", 2, "", `no cache type "q9_0"`},
		{"LLAMA_ARG_CTX_SIZE=x", "info M", 2, "", `LLAMA_ARG_CTX_SIZE: --ctx-size "x": want a whole number`},
		{"LLAMA_ARG_CTX_SIZE=", "info M", 2, "", "LLAMA_ARG_CTX_SIZE is empty"},
		{"LLAMA_ARG_MODEL=M", "info", 0, "161.1K parameters", "LLAMA_ARG_MODEL="},
		{"LLAMA_ARG_MODEL=nowhere", "info M", 0, "161.1K parameters", ""},
		{"LLAMA_ARG_N_GPU_LAYERS=99", "info M --device cpu", 0, "layers 0-1", ""},
		{"LLAMA_ARG_PORT=80 OLLAMA_KV_CACHE_TYPE=q8_0", "info M", 0, "", "note: without effect here: LLAMA_ARG_PORT, OLLAMA_KV_CACHE_TYPE\n"},
		{"LLAMA_ARG_THREADS=1", "bench M -p 4 -n 0 -r 1 -o csv", 0, "", "without effect here: LLAMA_ARG_THREADS"},
		{"LLAMA_ARG_CTX_SIZE=77", "synth --out X --embd 64", 0, "", "without effect here: LLAMA_ARG_CTX_SIZE"},
		{"LLAMA_ATTN_ROT_K_OVERRIDE=xx", "info M", 2, "", `LLAMA_ATTN_ROT_K_OVERRIDE="xx"`},
	} {
		t.Run(c.env+" "+c.args, func(t *testing.T) {
			for _, v := range strings.Fields(c.env) {
				name, value, _ := strings.Cut(v, "=")
				if value == "M" {
					value = m
				}
				t.Setenv(name, value)
			}
			args := strings.Fields(c.args)
			for i, a := range args {
				switch a {
				case "M":
					args[i] = m
				case "X":
					args[i] = t.TempDir() + "/x.gguf"
				}
			}
			code, out, stderr := kvrun("", args...)
			if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(stderr, c.says) || c.says == "" && stderr != "" {
				t.Errorf("exit %d, want %d, %q, %q:\n%s%s", code, c.code, c.out, c.says, out, stderr)
			}
		})
	}
}

// FuzzLine reads any line without a panic, and never loses a word: each is an argument, a flag that
// is named in an error or a note, or the value of one.
func FuzzLine(f *testing.F) {
	for _, l := range strings.Split(lines, "\n") {
		f.Add(l)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var m modelFlags
		var in promptFlags
		fs := newFlags("run")
		fs.StringVarP(&in.prompt, "prompt", "p", "", "")
		in.addEscapes(fs)
		m.add(fs, model.Fast)
		args := strings.Fields(text)
		l := line.Read(fs, args, nil)
		if _, err := l.Check(); err == nil && !l.Help {
			fs.Parse(l.Args)
		} else if err != nil && err.Error() == "" {
			t.Errorf("%q: an error without words", text)
		}
		unescape(text)
		if ns, err := numbers("-p", text); len(ns) > maxList || err == nil && len(ns) == 0 {
			t.Errorf("%q: %d numbers", text, len(ns))
		}
	})
}
