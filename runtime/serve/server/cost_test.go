package server_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/serve/internal/served"
	"github.com/kvgen/kvgen/runtime/serve/server"
)

// TestDrift: /v1/kv has the drift of texts that were replayed, and null without shadow mode.
func TestDrift(t *testing.T) {
	type drift struct {
		Texts, Pending, Skipped, Tokens int
		Mean                            float64 `json:"kld_mean"`
		Max                             float64 `json:"kld_max"`
		SameTop                         float64 `json:"same_top"`
		Last                            []struct {
			At      string
			Tokens  int
			Mean    float64 `json:"kld_mean"`
			Max     float64 `json:"kld_max"`
			SameTop float64 `json:"same_top"`
		}
	}
	for _, on := range []bool{false, true} {
		h := served.Host(t, served.Options{Cache: "q4_0", Shadow: on})
		handler := server.Handler(h, server.Options{})
		measured := ""
		read := func() *drift {
			var answer struct {
				Data []struct {
					Shadow   *drift
					Measured string
				}
			}
			if w := send(t, handler, "GET", "/v1/kv", ""); json.Unmarshal(w.Body.Bytes(), &answer) != nil || len(answer.Data) != 1 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			measured = answer.Data[0].Measured
			return answer.Data[0].Shadow
		}
		d := read()
		if !on {
			if d != nil {
				t.Errorf("without shadow mode there is %+v", d)
			}
			continue
		}
		if d == nil || d.Texts != 0 || d.Last == nil || measured != "" {
			t.Fatalf("before a text there is %+v", d)
		}
		for _, body := range []string{hello, `{"messages": [{"role": "user", "content": "KING"}], "max_tokens": 9}`} {
			send(t, handler, "POST", "/v1/chat/completions", body)
		}
		eventually(t, "both texts are replayed", func() bool { return h.Scheduler.Drift().Texts == 2 })
		if d = read(); d.Texts != 2 || len(d.Last) != 2 || d.Tokens != d.Last[0].Tokens+d.Last[1].Tokens || d.Skipped+d.Pending != 0 {
			t.Fatalf("%+v", d)
		}
		if want := fmt.Sprintf("mean KLD %.3g nats of %d tokens in 2 texts, by the shadow mode", d.Mean, d.Tokens); !strings.HasPrefix(measured, want) {
			t.Errorf("measured: %q, want %q", measured, want)
		}
		a, b, n := d.Last[0], d.Last[1], float64(d.Tokens)
		mean := func(x, y float64) float64 { return (x*float64(a.Tokens) + y*float64(b.Tokens)) / n }
		if d.Mean <= 0 || math.Abs(d.Mean-mean(a.Mean, b.Mean)) > 1e-12 || d.Max != max(a.Max, b.Max) || math.Abs(d.SameTop-mean(a.SameTop, b.SameTop)) > 1e-12 {
			t.Errorf("of all tokens %+v", d)
		}
	}
}
