//go:build emulate || gpu

package main

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// TestPlacementsOnGPU has some layers on a GPU, the others on the processor or another GPU. Logits
// are the processor's but for rounding, and a record says which layer was where.
func TestPlacementsOnGPU(t *testing.T) {
	for _, c := range []struct {
		name, args string
		// parts are the placements of the record: layers, the output being one, by device number.
		// The processor is -1.
		parts string
		most  float64
	}{
		{"llama_hd64", "-ngl 0 --device cuda", "", 1e-12},
		{"llama_hd64", "-ngl 1", "0-1, output", 2e-4},
		{"llama_hd64", "-ngl 2 -b 7", "0-0, 1-1 output", 2e-4},
		{"llama_hd64", "-ngl 3", "", 2e-4},
		{"llama_hd64", "--device cuda:0,cuda:1", "0-1, output", 2e-4},
		{"llama_hd64", "--device cuda:0,cuda:1 -ts 1,2", "0-0, 1-1 output", 2e-4},
		{"llama_hd64", "--device cuda:0,cuda:1 --tensor-split 1/1 -ngl 2", "0-0, 1-1, output", 2e-4},
		{"qwen35moe", "-ngl 2 --decode", "", 2e-4},
	} {
		t.Run(c.name+" "+c.args, func(t *testing.T) {
			if strings.Contains(c.args, "cuda:1") {
				if code, _, stderr := kvrun("", "info", "--device", "cuda:1"); code == 1 {
					t.Skip(stderr)
				}
			}
			form := "-ctk f16 -ctv f16 "
			decode := strings.Contains(c.args, "--decode")
			same := form
			if decode {
				same += "--decode"
			}
			cpu := logitsOf(t, c.name, same)
			most, unit := 0.0, rootMeanSquare(cpu)
			for i, v := range logitsOf(t, c.name, form+c.args) {
				most = math.Max(most, math.Abs(v-cpu[i]))
			}
			if !(most <= c.most*unit) {
				t.Errorf("%.2g from the processor, %.2g is allowed", most/unit, c.most)
			}
			var r infoResult
			kvrunJSON(t, &r, append([]string{"info", arches + "/" + c.name + "/model.gguf", "--json"}, strings.Fields(strings.Replace(c.args, "--decode", "", 1))...)...)
			var parts []string
			for _, p := range r.Record.Placements {
				text := ""
				if p.Layers > 0 {
					text = fmt.Sprintf("%d-%d", p.First, p.First+p.Layers-1)
				}
				if p.Output {
					text = strings.TrimSpace(text + " output")
				}
				parts = append(parts, text)
			}
			if got := strings.Join(parts, ", "); c.parts != "" && got != c.parts {
				t.Errorf("the record has placements %q, want %q", got, c.parts)
			}
		})
	}
}

// TestPlacedCommandsOnGPU runs commands with layers on both: the plan, a conversation beyond the
// context, measurements.
func TestPlacedCommandsOnGPU(t *testing.T) {
	tiny := arches + "/llama_hd64/model.gguf"
	for _, c := range []struct {
		stdin, args string
		code        int
		says        []string
	}{
		{"", "info " + tiny + " -ngl 2", 0, []string{"layer 0: the processor\nlayer 1 and the output: ", "the longest context that fits", "instruction sets:"}},
		{"", "info " + tiny + " -ngl 1", 0, []string{"layers 0-1: the processor\nthe output: "}},
		{"hi\n", "chat -n 3 --temp 0 -ngl 2", 0, nil},
		{"", "bench " + tiny + " -p 9 -n 2 -r 1 -ngl 2 -npl 1,2", 0, []string{"| CUDA       |   2 |"}},
		{"", "info " + arches + "/gemma4_e2b/model.gguf -ngl %d", 1, []string{"which must be on the same device", "the nearest numbers that work"}},
		{"", "run " + tiny + " -p a -n 1 --device cuda -ngl 0", 0, []string{"--device cuda: the processor runs the model: --gpu-layers 0"}},
	} {
		args := c.args
		if strings.Contains(args, "%d") { // a cut between a cache and those who read it
			args = fmt.Sprintf(args, 2)
		}
		code, out, stderr := kvrun(c.stdin, strings.Fields(args)...)
		if code != c.code {
			t.Errorf("%s: exit %d, %s%s", args, code, out, stderr)
		}
		for _, want := range c.says {
			if !strings.Contains(out+stderr, want) {
				t.Errorf("%s: no %q in\n%s%s", args, want, out, stderr)
			}
		}
	}
	run := "run -p The -n 20 -c 12 --math exact --temp 0"
	_, there, stderr := kvrun("", strings.Fields(run+" -ngl 3")...)
	if _, here, _ := kvrun("", strings.Fields(run)...); here != there || here == "" {
		t.Errorf("in two places it writes %q, on the processor %q\n%s", there, here, stderr)
	}
	var whole, half infoResult
	kvrunJSON(t, &whole, "info", tiny, "--json", "--device", "cuda")
	kvrunJSON(t, &half, "info", tiny, "--json", "-ngl", "2")
	if a, b := whole.Budget, half.Budget; b.Cache == 0 || b.Cache > a.Cache*6/10 || b.Weights >= a.Weights || whole.Record.Placements != nil || half.ISAs == nil {
		t.Errorf("the whole model takes %+v, half of it %+v", a, b)
	}
}
