package synth

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// TestWrite writes every architecture in every type with an encoder, loads it and runs it: logits
// are finite and differ between tokens.
func TestWrite(t *testing.T) {
	for _, typ := range kernels.Default().Types() {
		if !typ.Weight || typ.ID < 0 || typ.Best().Encode == nil {
			continue
		}
		for _, arch := range Architectures() {
			s := Shape{Arch: arch, Type: typ, Layers: 2, Width: 256, Heads: 4, KVHeads: 2, Vocab: 300, Untied: arch == "llama", Seed: 3}
			s.Fill()
			var file bytes.Buffer
			if err := s.Write(context.Background(), &file, nil); err != nil {
				t.Fatalf("%s %s: %v", arch, typ.Name, err)
			}
			m, err := model.Parse(file.Bytes(), kernels.Default())
			if err != nil {
				t.Fatalf("%s %s: %v", arch, typ.Name, err)
			}
			check(t, arch+" "+typ.Name, m)
			m.Close()
		}
	}
}

func check(t *testing.T, name string, m *model.Model) {
	t.Helper()
	f32 := kv.Choice{Type: kernels.Default().ByID(0)}
	plan, err := kv.NewPlan(m.KVLayers(), kv.Policy{K: f32, V: f32})
	if err != nil {
		t.Fatal(err)
	}
	c, err := m.NewContext(model.Options{Plan: plan, Size: 8, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	l, err := c.Prefill([]int32{5, 77, 200})
	if err != nil {
		t.Fatal(err)
	}
	var sum, squares float64
	for _, v := range l {
		sum += float64(v)
		squares += float64(v) * float64(v)
	}
	n := float64(len(l))
	deviation := math.Sqrt(squares/n - sum*sum/n/n)
	if !(deviation > .05 && deviation < 50) {
		t.Errorf("%s: logits deviate by %v", name, deviation)
	}
}

// TestVocabulary spells text with a vocabulary that is larger than the embedded model's.
func TestVocabulary(t *testing.T) {
	s := Shape{Type: kernels.Default().ByID(0), Layers: 1, Width: 64, Vocab: 1600}
	s.Fill()
	var file bytes.Buffer
	if err := s.Write(context.Background(), &file, nil); err != nil {
		t.Fatal(err)
	}
	m, err := model.Parse(file.Bytes(), kernels.Default())
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	tok, err := tokenizer.New(m.File)
	if err != nil {
		t.Fatal(err)
	}
	const text = "Once more unto the breach!"
	ids := tok.Encode(text, false, false)
	if got := tok.Decode(ids, false); got != text || tok.Len() != 1600 || len(ids) >= len(text) {
		t.Errorf("%q comes back as %q by %d tokens of %d", text, got, len(ids), tok.Len())
	}
}

func TestRefuses(t *testing.T) {
	f32 := kernels.Default().ByID(0)
	for want, s := range map[string]Shape{
		"architecture":                 {Type: f32, Arch: "gpt5"},
		"a multiple of the 2 KV heads": {Type: f32, Heads: 3, KVHeads: 2},
		"must be even":                 {Type: f32, HeadDim: 63},
		"want 1 to":                    {Type: f32, Layers: 1 << 20},
		"its type is missing":          {},
		"at most the 4 there are":      {Type: f32, Experts: 4, Used: 5},
		"whole blocks":                 {Type: kernels.Default().ByID(8), Width: 80, HeadDim: 80},
		"is for caches":                {Type: onlyCache(t)},
		"is read-only":                 {Type: onlyRead(t)},
	} {
		s.Fill()
		var file bytes.Buffer
		err := s.Write(context.Background(), &file, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
		if file.Len() > 0 {
			t.Errorf("%s: something was written", want)
		}
	}
	s := Shape{Type: f32}
	s.Fill()
	done, stop := context.WithCancel(context.Background())
	stop()
	if err := s.Write(done, io.Discard, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled write gave %v", err)
	}
}

func onlyCache(t *testing.T) *kernels.Type {
	return first(t, func(k *kernels.Type) bool { return !k.Weight })
}

func onlyRead(t *testing.T) *kernels.Type {
	return first(t, func(k *kernels.Type) bool { return k.Weight && k.ID >= 0 && k.Best().Encode == nil })
}

func first(t *testing.T, ok func(*kernels.Type) bool) *kernels.Type {
	for _, k := range kernels.Default().Types() {
		if ok(k) {
			return k
		}
	}
	t.Fatal("the table has no such type")
	return nil
}
