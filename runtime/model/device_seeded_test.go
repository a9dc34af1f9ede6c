//go:build emulate || gpu

package model_test

import (
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
)

// TestSeededOnGPU holds families of testdata/seeded, of each kind of block one, to llama.cpp's
// logits within what the processor may be away, or sees them refused in these words.
func TestSeededOnGPU(t *testing.T) {
	d := openGPU(t)
	const router = "no kernel chooses experts by sigmoid"
	for name, why := range map[string]string{
		"cohere2": "", "exaone4": "", "fused_qwen35moe": "", "glm4": "", "granitemoe": "", "olmo2": "", "phimoe": "", "smollm3": "", "stablelm": "", "qwen3vl": "",
		"apertus": "no kernel computes xIELU", "deepseek2": "no kernel attends over a latent vector", "qwen3next": "no kernel has value heads that use key heads in groups",
		"lfm2": "no kernels compute a block of *program.ShortConvStep", "falcon_h1": "no kernels compute a block of *program.MambaStep",
		"kimi_linear": "no kernels compute a block of *program.ChannelDeltaStep", "nemotron_h": "no kernels compute a block of *program.MambaStep",
		"dots1": router, "bailingmoe2": router,
		"qwen2moe": router, "llama4": router, "minimax_m2": router, "hunyuan_dense": "no kernel normalises queries and keys after RoPE",
	} {
		t.Run(name, func(t *testing.T) {
			c := model.Seeded(t, name)
			side := kv.Choice{Type: kernels.Default().ByName("f32")}
			plan, err := kv.NewPlan(c.Model.KVLayers(), kv.Policy{K: side, V: side})
			if err != nil {
				t.Fatal(err)
			}
			x, err := c.Model.NewContext(model.Options{Plan: plan, Size: c.Size, Batch: 64, Threads: 1, Placements: whole(d)})
			if why != "" || err != nil {
				if err == nil || why == "" || !strings.Contains(err.Error(), why) {
					t.Errorf("got %v, want %q", err, why)
				}
				return
			}
			t.Cleanup(x.Close)
			first := len(c.Tokens) - len(c.Want)
			err = x.Eval(c.Tokens, first, func(i int, l []float32) error {
				if d := farthest(l, c.Want[i-first]); !(d <= c.Most) {
					t.Errorf("token %d: %.2g, allowed %.2g", i, d, c.Most)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}
