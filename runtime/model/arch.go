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
	{"smollm3", smollm3},
	{"olmo2", olmo2},
	{"exaone4", exaone4},
	{"cohere2", cohere2},
	{"seed_oss", seedOSS},
	{"hunyuan-dense", hunyuanDense},
	{"glm4", glm4},
	{"glm4moe", glm4moe},
	{"dots1", dots1},
	{"granite", granite},
	{"granitemoe", granite},
	{"ernie4_5", ernie45},
	{"ernie4_5-moe", ernie45},
	{"qwen2moe", qwen2moe},
	{"phimoe", phimoe},
	{"stablelm", stablelm},
	{"minimax-m2", minimaxM2},
	{"bailingmoe2", bailingmoe2},
	{"qwen3vl", qwen3vl},
	{"qwen3vlmoe", qwen3vl},
	{"llama4", llama4},
	{"apertus", apertus},
	{"deepseek2", deepseek2},
	{"qwen3next", qwen3next},
	{"kimi-linear", kimiLinear},
	{"lfm2", lfm2},
	{"lfm2moe", lfm2},
	{"mamba2", mamba2},
	{"granitehybrid", graniteHybrid},
	{"nemotron_h", nemotronH},
	{"nemotron_h_moe", nemotronH},
	{"falcon-h1", falconH1},
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
