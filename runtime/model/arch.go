package model

import (
	"fmt"
	"strings"
)

// architectures is every family this package runs, by general.architecture.
var architectures = []struct {
	name  string
	graph func(h *Header) Graph
}{
	{"llama", llama},
	{"mistral3", mistral3},
	{"qwen2", qwen2},
	{"qwen3", qwen3},
	{"gemma2", gemma2},
	{"qwen3moe", qwen3moe},
	{"gemma3", gemma3},
	{"gemma4", gemma4},
	{"qwen35", qwen35},
	{"qwen35moe", qwen35moe},
	{"gpt-oss", gptOSS},
	{"gpt2", gpt2},
	{"phi3", phi3},
	{"starcoder2", starcoder2},
}

// Architectures lists the names of the families.
func Architectures() []string {
	var names []string
	for _, a := range architectures {
		names = append(names, a.name)
	}
	return names
}

func graphOf(h *Header) (Graph, error) {
	for _, a := range architectures {
		if a.name == h.arch {
			g := a.graph(h)
			return g, h.err
		}
	}
	return Graph{}, fmt.Errorf("general.architecture = %.64q: the architectures are %s", h.arch, strings.Join(Architectures(), ", "))
}
