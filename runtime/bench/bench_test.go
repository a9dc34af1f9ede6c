package bench

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
)

func open(t *testing.T, name string, size int) *model.Context {
	t.Helper()
	m, err := model.Open("../../testdata/arch/"+name+"/model.gguf", kernels.Default())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	f32 := kv.Choice{Type: kernels.Default().ByID(0)}
	plan, err := kv.NewPlan(m.KVLayers(), kv.Policy{K: f32, V: f32})
	if err != nil {
		t.Fatal(err)
	}
	c, err := m.NewContext(model.Options{Plan: plan, Size: size, Batch: 8, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// TestRun runs every kind of test, also where a sliding window cannot go back to the depth.
func TestRun(t *testing.T) {
	for _, name := range []string{"llama_hd64", "gemma3"} {
		for _, test := range []Test{{Prompt: 20}, {Gen: 3}, {Prompt: 9, Gen: 2, Depth: 17}, {Gen: 30, Depth: 40}} {
			c := open(t, name, test.Size())
			r, err := Run(context.Background(), c, test, Options{Repeat: 3, Warm: true, BOS: 1})
			if err != nil {
				t.Errorf("%s, %v: %v", name, test, err)
				continue
			}
			if len(r.Samples) != 3 || r.Samples[0] <= 0 || c.Len() != 0 || r.Test != test {
				t.Errorf("%s, %v: %+v, %d left in the cache", name, test, r, c.Len())
			}
		}
	}
}

// TestDepth sees the depth in the cache when the measured part begins.
func TestDepth(t *testing.T) {
	c := open(t, "llama_hd64", 40)
	r := &runner{ctx: context.Background(), c: c, bos: -1, rand: random()}
	for range 2 {
		if err := r.seek(30); err != nil || c.Len() != 30 {
			t.Fatalf("%d in the cache, %v", c.Len(), err)
		}
		if err := r.both(5, 5); err != nil || c.Len() != 40 {
			t.Fatalf("%d in the cache, %v", c.Len(), err)
		}
	}
}

func TestRefuses(t *testing.T) {
	c := open(t, "llama_hd64", 16)
	for _, test := range []Test{{}, {Depth: 4}, {Prompt: -1, Gen: 2}, {Prompt: 17}} {
		if _, err := Run(context.Background(), c, test, Options{Repeat: 1}); err == nil {
			t.Errorf("%v: accepted", test)
		}
	}
	done, stop := context.WithCancel(context.Background())
	stop()
	if _, err := Run(done, c, Test{Prompt: 4}, Options{Repeat: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled run gave %v", err)
	}
}

func TestStatistics(t *testing.T) {
	r := Result{Test: Test{Prompt: 100, Depth: 5}, Samples: []time.Duration{time.Second, 2 * time.Second}}
	ns, nsDev := r.Mean()
	ts, tsDev := r.Speed()
	for _, c := range []struct{ got, want float64 }{{ns, 1.5e9}, {nsDev, 1e9 / math.Sqrt2}, {ts, 75}, {tsDev, 50 / math.Sqrt2}, {r.Speeds()[1], 50}} {
		if math.Abs(c.got-c.want) > 1e-9*c.want {
			t.Errorf("got %v, want %v", c.got, c.want)
		}
	}
	if got := r.String(); got != "pp100 @ d5" {
		t.Errorf("name %q", got)
	}
	r.Samples = r.Samples[:1]
	if _, dev := r.Speed(); dev != 0 {
		t.Errorf("one sample deviates by %v", dev)
	}
}
