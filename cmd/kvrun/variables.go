package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// variables are the LLAMA_ARG_* variables that llama.cpp's tools read in place of flags, with the flags they are here.
var variables = []struct{ name, flag string }{
	{"MODEL", "model"}, {"HF_REPO", "hf-repo"}, {"HF_FILE", "hf-file"}, {"MODEL_URL", "model-url"}, {"OFFLINE", "offline"}, {"CTX_SIZE", "ctx-size"}, {"N_PREDICT", "predict"}, {"THREADS", "threads"}, {"BATCH", "batch-size"}, {"UBATCH", "ubatch-size"},
	{"CACHE_TYPE_K", "cache-type-k"}, {"CACHE_TYPE_V", "cache-type-v"}, {"FLASH_ATTN", "flash-attn"}, {"N_GPU_LAYERS", "gpu-layers"}, {"DEVICE", "device"}, {"TENSOR_SPLIT", "tensor-split"},
	{"TEMPERATURE", "temp"}, {"TOP_K", "top-k"}, {"TOP_P", "top-p"}, {"MIN_P", "min-p"}, {"REPEAT_PENALTY", "repeat-penalty"},
	{"NO_CONTEXT_SHIFT", "no-context-shift"},
}

// readsVariables are the commands that read them: those whose counterparts in llama.cpp do. llama-bench does not, and what a
// measurement compares is said in its own line.
var readsVariables = []string{"run", "chat", "info", "ppl", "kld", "probe"}

// fromVariables sets flags that the line leaves open from the environment, and says so.
func (e *environment) fromVariables(fs *pflag.FlagSet) error {
	var read, unread []string
	left := e.llamaVariables()
	if slices.Contains(readsVariables, fs.Name()) {
		for _, v := range variables {
			name := "LLAMA_ARG_" + v.name
			f := fs.Lookup(v.flag)
			i := slices.Index(left, name)
			if i < 0 || f == nil {
				continue
			}
			left = slices.Delete(left, i, i+1)
			if f.Changed || e.spokenFor(fs, v.flag) {
				continue // the line decides
			}
			value, _ := e.lookup(name)
			if value == "" {
				return fmt.Errorf("%s is empty", name)
			}
			if err := fs.Set(v.flag, value); err != nil {
				return fmt.Errorf("%s: %w", name, invalid(f, value, err))
			}
			read = append(read, fmt.Sprintf("%s=%s", name, value))
		}
	}
	unread = append(unread, left...)
	if len(read) > 0 {
		fmt.Fprintln(e.stderr, "note: from the environment:", strings.Join(read, ", "))
	}
	if len(unread) > 0 {
		fmt.Fprintln(e.stderr, "note: without effect here:", strings.Join(unread, ", "))
	}
	return nil
}

// spokenFor says whether the line leaves a flag open, but has said the same by another.
func (e *environment) spokenFor(fs *pflag.FlagSet, flag string) bool {
	given := func(name string) bool { f := fs.Lookup(name); return f != nil && f.Changed }
	switch flag {
	case "model":
		return fs.NArg() > 0 || given("hf-repo") || given("model-url")
	case "hf-repo", "hf-file", "model-url":
		return fs.NArg() > 0 || given("model") || given("hf-repo") || given("model-url")
	case "cache-type-k", "cache-type-v":
		return given("cache") || given("policy")
	case "gpu-layers":
		return given("device")
	case "device":
		return given("gpu-layers")
	}
	return false
}

// llamaVariables are the names of the variables of other programs that are set, in their order.
func (e *environment) llamaVariables() (names []string) {
	for _, v := range e.environ {
		name, _, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, "LLAMA_ARG_") || name == "OLLAMA_KV_CACHE_TYPE" || name == "OLLAMA_CONTEXT_LENGTH" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
