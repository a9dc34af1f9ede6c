package serve

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/generate"
	"github.com/kvgen/kvgen/runtime/gguf"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
)

// poisoned is a family whose embedding of one token is no number.
func poisoned(t *testing.T, folder string, token int) *model.Model {
	t.Helper()
	data, err := os.ReadFile(folder + "/model.gguf")
	if err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Parse(data, model.TypeSize(kernels.Default()))
	if err != nil {
		t.Fatal(err)
	}
	x, _ := f.Tensor("token_embd.weight")
	row := int(x.Size / x.Dims[1])
	// NaN in f32 and f16
	copy(data[int(x.Offset)+token*row:][:row], bytes.Repeat([]byte{0xff}, row))
	m, err := model.Parse(data, kernels.Default())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// TestPoison: a token whose rows are no numbers ends the text that it is of, with the reason. The
// others in the batch go on as if they were alone.
func TestPoison(t *testing.T) {
	const bad = 7
	for _, name := range []string{"llama_hd64", "gptoss"} {
		t.Run(name, func(t *testing.T) {
			f := family{m: poisoned(t, "../../testdata/arch/"+name, bad), words: demoWords(t)}
			p := policies()["q8_0"]
			if name == "gptoss" {
				p = policies()["f16"]
			}
			good := []int32{10, 20, 30, 40, 50}
			own := f.scheduler(t, p, 4, Options{})
			alone := listen(t, own, good, 12)
			must(t, own, alone.Text)

			s := f.scheduler(t, p, 4, Options{Queue: 8, Chunk: 4})
			x := listen(t, s, good, 12)
			for range 4 {
				if _, err := s.step(); err != nil {
					t.Fatal(err)
				}
			}
			y := listen(t, s, []int32{10, 20, 30, bad, 50, 60, 70}, 12)
			z := listen(t, s, []int32{10, 20, 99}, 12)
			for _, h := range []*heard{x, z} {
				must(t, s, h.Text)
			}
			if d := apart(x.rows, alone.rows); d > orderOfSums {
				t.Errorf("logits of another text differ by %v", d)
			}
			_, err := y.Wait()
			var logits *model.NotNumbers
			var row *kv.Fault
			if !errors.As(err, &logits) && !errors.As(err, &row) {
				t.Errorf("the text with the token: %v", err)
			}
			if n := s.Stats(); n.Failed != 1 || n.Finished != 2 || n.Running != 0 {
				t.Errorf("%+v", n)
			}
			again := must(t, s, listen(t, s, good, 12).Text)
			if again.Stop != generate.StopLimit || !slices.Equal(again.Tokens, alone.grow.Tokens) {
				t.Errorf("the same text afterwards: %+v, alone %v", again, alone.grow.Tokens)
			}
		})
	}
}
