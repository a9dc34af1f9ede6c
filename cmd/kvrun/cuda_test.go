//go:build emulate || gpu

package main

import (
	"flag"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
)

// These tests run models on a GPU: with the tag gpu on a real one, with the tag emulate on one that this processor plays.

var onlyModels = flag.String("models", "", "a list of the models of testdata/arch to run on the GPU; all if empty")

// TestModelsOnGPU compares logits with those of the processor in the exact form, which other tests compare with another engine's.
// Bounds of quantised caches leave room for codes that round the other way, which are more where activations differ more (GELU): the
// types themselves change logits by .15 (gemma3, q8_0), .07 (gemma4_e2b, q8_0), 1.5 (gptoss_mxfp4, lm4_64) in the same measure.
func TestModelsOnGPU(t *testing.T) {
	for _, c := range []struct {
		name, args string
		most       float64 // largest difference over the root mean square of the logits
	}{
		{"llama_hd64", "-ctk f16 -ctv f16", 2e-4},
		{"llama_hd64", "-ctk f16 -ctv f16 --decode", 2e-4},
		{"llama_hd128", "-ctk turbo4 -ctv turbo4", 1e-2},
		{"llama_hd64", "-ctk q4_0 -ctv q4_0 --rot-k attn --rot-v attn --decode", 1e-2},
		{"llama_hd80", "-ctk f16 -ctv f16 -b 7", 2e-4},
		{"llama_bf16", "-ctk f16 -ctv bf16", 2e-3},
		{"llama_rope", "-ctk f16 -ctv f16", 2e-4},
		{"mistral3", "-ctk f16 -ctv f16", 2e-4},
		{"qwen2", "-ctk f16 -ctv f16 -b 40", 2e-4},
		{"qwen2_hd64", "-ctk lm4_64 -ctv lm4_64 --keep-first 4 --keep-last 16", 1e-2},
		{"qwen2_hd64", "-ctk lm4_64 -ctv lm4_64 --k-offset bias --decode", 1e-2},
		{"qwen3", "-ctk f16 -ctv f16", 2e-4},
		{"gemma2", "-ctk f16 -ctv f16 -b 16", 2e-3},
		{"gemma3", "-ctk f16 -ctv f16 -b 16", 2e-3},
		{"gemma3", "-ctk q8_0 -ctv q8_0 --decode", 3e-2},
		{"phi3", "-ctk f16 -ctv f16", 2e-4},
		{"phi3_long", "-ctk f16 -ctv f16", 2e-4},
		{"gpt2", "-ctk f16 -ctv f16", 2e-4},
		{"starcoder2", "-ctk f16 -ctv f16", 2e-4},
		{"mixtral", "-ctk f16 -ctv f16", 4e-4},
		{"mixtral", "-ctk q5_1 -ctv q5_1 -b 9 --decode", 1e-2},
		{"qwen3moe", "-ctk f16 -ctv f16", 4e-4},
		{"qwen3moe", "-ctk f16 -ctv f16 -b 5", 4e-4},
		{"qwen3moe", "-ctk q8_0 -ctv q8_0 -b 2 --decode", 1e-2},
		{"gptoss", "-ctk f16 -ctv f16", 2e-4},
		{"gptoss", "-ctk q8_0 -ctv q8_0 --decode", 1e-2},
		{"gptoss_mxfp4", "-ctk f16 -ctv f16", 2e-4},
		{"gptoss_mxfp4", "-ctk lm4_64 -ctv lm4_64 -b 9", 4e-2},
		{"gemma4_e2b", "-ctk f16 -ctv f16", 2e-3},
		{"gemma4_e2b", "-ctk f16 -ctv f16 -b 3", 2e-3},
		{"gemma4_e2b", "-ctk q8_0 -ctv q8_0 --decode", 4e-2},
		{"gemma4_e2b", "-ctk q8_0 -ctv q8_0 --keep-first 2 --keep-last 6", 4e-2},
		{"gemma4_a4b", "-ctk f16 -ctv f16", 2e-3},
		{"gemma4_a4b", "-ctk f16 -ctv f16 -b 6 --decode", 2e-3},
		{"gemma4_a4b", "-ctk q8_0 -ctv q8_0 -b 11", 4e-2},
		{"qwen35", "-ctk f16 -ctv f16", 2e-4},
		{"qwen35", "-ctk f16 -ctv f16 -b 2 --decode", 2e-4},
		{"qwen35", "-ctk q8_0 -ctv q8_0 -b 7", 1e-2},
		{"qwen35moe", "-ctk f16 -ctv f16", 2e-4},
		{"qwen35moe", "-ctk f16 -ctv f16 --decode", 2e-4},
		{"qwen35moe", "-ctk lm4_64 -ctv lm4_64 -b 10", 1e-2},
		{"w_q4_0", "--decode", 2e-4}, {"w_q4_1", "", 2e-4}, {"w_q5_0", "", 2e-4}, {"w_q5_1", "--decode", 2e-4}, {"w_q8_0", "", 2e-4},
		{"w_q2_k", "", 2e-4}, {"w_q3_k", "--decode", 2e-4}, {"w_q4_k", "--decode", 2e-4}, {"w_q5_k", "", 2e-4}, {"w_q6_k", "--decode", 2e-4},
		{"w_iq4_nl", "", 2e-4}, {"w_iq4_xs", "--decode", 2e-4}, {"w_mxfp4", "", 2e-4}, {"w_tq3_1s", "", 2e-4}, {"w_tq4_1s", "--decode", 2e-4},
		{"w_q4_0", "--math fast --decode", 6e-2}, {"w_q8_0", "--math fast", 6e-2},
	} {
		if *onlyModels != "" && !strings.Contains(","+*onlyModels+",", ","+c.name+",") {
			continue
		}
		t.Run(c.name+" "+c.args, func(t *testing.T) {
			cpu := logitsOf(t, c.name, strings.ReplaceAll(c.args, "--math fast", ""))
			gpu := logitsOf(t, c.name, c.args+" --device cuda")
			var most, power float64
			for i, want := range cpu {
				most, power = math.Max(most, math.Abs(gpu[i]-want)), power+want*want
			}
			rms := math.Sqrt(power / float64(len(cpu)))
			t.Logf("largest difference %.2g of logits of %.2g", most, rms)
			if !(most < c.most*rms) {
				t.Errorf("too far from the processor: %.2g of %.2g allowed", most/rms, c.most)
			}
		})
	}
}

// logitsOf is the logits of the last positions of a case.
func logitsOf(t *testing.T, name, args string) []float64 {
	t.Helper()
	dir, out := arches+"/"+name, filepath.Join(t.TempDir(), "out.f32")
	var r logitsResult
	kvrunJSON(t, &r, append([]string{"logits", "-m", dir + "/model.gguf", "--tokens", dir + "/tokens.txt", "--out", out, "--json",
		"--last", fmt.Sprint(8)}, strings.Fields(args)...)...)
	return floats(t, out)
}
