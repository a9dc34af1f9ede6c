package quantize

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gguf"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/synth"
)

var table = kernels.Default()

// synthetic writes a model of random weights of a type and returns its path.
func synthetic(t testing.TB, s synth.Shape) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "source.gguf")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	s.Fill()
	if err := errors.Join(s.Write(context.Background(), f, nil), f.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// small is a model whose rows of 96 values are whole blocks of 32 and not of 256.
func small(t testing.TB) string {
	return synthetic(t, synth.Shape{Layers: 2, Width: 96, HeadDim: 32, Inner: 256, Vocab: 300, Type: table.ByName("f16")})
}

func open(t testing.TB, path string) (*gguf.File, *File) {
	t.Helper()
	f, err := gguf.Open(path, model.TypeSize(table))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	s, err := NewFile(f, table)
	if err != nil {
		t.Fatal(err)
	}
	return f, s
}

func plan(t testing.TB, path string, o Options) *Plan {
	t.Helper()
	_, s := open(t, path)
	p, err := NewPlan(s, table, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestTypes writes a model in every type, reads it back and compares each tensor with rows that are
// encoded here, one by one, by portable code. The model that comes of it runs.
func TestTypes(t *testing.T) {
	source := small(t)
	f, _ := open(t, source)
	portable, err := table.SelectISA("generic")
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range table.Types() {
		if !CanEncode(typ) {
			continue
		}
		out := filepath.Join(t.TempDir(), "out.gguf")
		p := plan(t, source, Options{Type: typ})
		if err := p.Write(context.Background(), out, 3, Progress{}); err != nil {
			t.Fatal(typ.Name, err)
		}
		g, _ := open(t, out)
		if g.Size%g.Alignment != 0 {
			t.Errorf("%s: a file of %d bytes, not padded to %d", typ.Name, g.Size, g.Alignment)
		}
		for i := range f.Tensors() {
			was, is := &f.Tensors()[i], &g.Tensors()[i]
			to := portable.ByID(int(is.Type))
			if was.Name != is.Name || !slices.Equal(was.Dims, is.Dims) || to != portable.ByName(p.Choices[i].Type.Name) {
				t.Fatalf("%s: %v became %v", typ.Name, was, is)
			}
			from, _ := f.Data(was)
			got, _ := g.Data(is)
			if want := encoded(t, portable.ByID(int(was.Type)), to, from, int(was.Dims[0])); !bytes.Equal(got, want) {
				t.Errorf("%s: %s has other bytes", typ.Name, is.Name)
			}
		}
		compareKeys(t, f, g)
		m, err := model.Open(out, table)
		if err != nil {
			t.Fatalf("%s: %v", typ.Name, err)
		}
		m.Close()
	}
}

// encoded makes rows of n values, of f16 or f32, to rows of another type.
func encoded(t *testing.T, from, to *kernels.Type, data []byte, n int) (all []byte) {
	if from == to {
		return data
	}
	if from.Name != "f16" {
		t.Fatalf("weights of %s", from.Name)
	}
	for ; len(data) > 0; data = data[2*n:] {
		x := make([]float32, n)
		for i := range x {
			x[i] = half(binary.LittleEndian.Uint16(data[2*i:]))
		}
		row := make([]byte, to.RowBytes(n))
		to.Impls[len(to.Impls)-1].Encode(row, x)
		all = append(all, row...)
	}
	return all
}

// half is an f16 that is a number.
func half(h uint16) float32 {
	exponent, fraction := int(h>>10&31), float64(h&1023)/1024
	v := math.Ldexp(fraction, -14)
	if exponent > 0 {
		v = math.Ldexp(1+fraction, exponent-15)
	}
	if h>>15 == 1 {
		v = -v
	}
	return float32(v)
}

// compareKeys holds a result to the keys of its source, but for those on how weights are stored.
func compareKeys(t *testing.T, f, g *gguf.File) {
	t.Helper()
	for _, key := range f.Keys() {
		if about[key] {
			continue
		}
		was, _, _ := f.Raw(key)
		is, found, _ := g.Raw(key)
		if !found || !bytes.Equal(was, is) {
			t.Errorf("%s is %q and was %q", key, is, was)
		}
	}
}

// TestChoices holds plans to what each matrix should become.
func TestChoices(t *testing.T) {
	named := table.ByName
	tied := small(t)
	untied := synthetic(t, synth.Shape{Layers: 1, Width: 256, Vocab: 300, Untied: true, Type: named("f32")})
	for _, c := range []struct {
		source, what string
		options      Options
		tensor, want string
	}{
		{tied, "norms stay", Options{Type: named("q4_0")}, "blk.0.attn_norm.weight", "f32"},
		{tied, "matrices", Options{Type: named("q4_0")}, "blk.1.ffn_down.weight", "q4_0"},
		{tied, "tied output", Options{Type: named("q4_0")}, embedding, "q8_0"},
		{tied, "pure", Options{Type: named("q4_0"), Pure: true}, embedding, "q4_0"},
		{tied, "output asked for", Options{Type: named("q4_0"), Output: named("bf16")}, embedding, "bf16"},
		{tied, "more bits than the output needs", Options{Type: named("f16")}, embedding, "f16"},
		{untied, "the embedding beside an output", Options{Type: named("q4_0")}, embedding, "q4_0"},
		{untied, "an output", Options{Type: named("q4_1")}, "output.weight", "q6_K"},
		{untied, "the embedding asked for", Options{Type: named("q4_0"), Embedding: named("q5_0")}, embedding, "q5_0"},
		{tied, "first rule", Options{Type: named("q4_0"), Rules: []Rule{{regexp.MustCompile(`blk\.1\.`), named("q5_1")}, {regexp.MustCompile("ffn"), named("q8_0")}}},
			"blk.1.ffn_up.weight", "q5_1"},
		{tied, "a rule of the output", Options{Type: named("q4_0"), Rules: []Rule{{regexp.MustCompile("embd"), named("q4_1")}}}, embedding, "q4_1"},
	} {
		p := plan(t, c.source, c.options)
		i := slices.IndexFunc(p.Choices, func(x Choice) bool { return x.Tensor.Name == c.tensor })
		if got := p.Choices[i].Type.Name; got != c.want {
			t.Errorf("%s: %s becomes %s, want %s", c.what, c.tensor, got, c.want)
		}
	}
	p := plan(t, tied, Options{Type: named("q4_0")})
	if len(p.Notes) != 1 || !strings.Contains(p.Notes[0], "token_embd.weight: q8_0, since the output matrix") {
		t.Errorf("notes %q", p.Notes)
	}
}

// TestRows gives a type to a matrix whose rows are no whole blocks of it.
func TestRows(t *testing.T) {
	wide := *table.ByName("q4_0")
	wide.Name, wide.ID, wide.Block, wide.Bytes = "wide", 9999, 256, 144
	p := plan(t, small(t), Options{Type: &wide, Pure: true})
	for _, c := range p.Choices {
		want := "f32"
		switch {
		case len(c.Tensor.Dims) > 1 && c.Tensor.Dims[0] == 96:
			want = "iq4_nl" // the first of 4.5 bits
		case len(c.Tensor.Dims) > 1:
			want = "wide"
		}
		if c.Type.Name != want {
			t.Errorf("%s %v becomes %s, want %s", c.Tensor.Name, c.Tensor.Dims, c.Type.Name, want)
		}
	}
	if len(p.Notes) != 1 || !strings.Contains(p.Notes[0], "and 12 more: iq4_nl, since rows of 96 values are no whole blocks of 256, of wide") {
		t.Errorf("notes %q", p.Notes)
	}
}

func TestPlanErrors(t *testing.T) {
	four := synthetic(t, synth.Shape{Layers: 1, Width: 64, Vocab: 64, Type: table.ByName("q4_0")})
	for _, c := range []struct {
		source  string
		options Options
		want    string
	}{
		{four, Options{Type: table.ByName("q8_0")}, "token_embd.weight is quantised already, to q4_0"},
		{four, Options{Type: table.ByName("q8_0"), Requantise: true}, ""},
		{four, Options{Type: table.ByName("q4_0"), Pure: true}, ""}, // is copied
		{small(t), Options{Type: table.ByName("q8_0"), Rules: []Rule{{regexp.MustCompile("nothing"), table.ByName("f16")}}}, `no matrix has a name that "nothing" matches`},
		{small(t), Options{Type: table.ByName("q8_0"), Rules: []Rule{{regexp.MustCompile("norm"), table.ByName("f16")}}}, "no matrix has"},
	} {
		_, s := open(t, c.source)
		_, err := NewPlan(s, table, c.options)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}

// TestNotNumbers refuses a weight that is no number, with its place.
func TestNotNumbers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bad.gguf")
	x := make([]float32, 64*64)
	for i := range x {
		x[i] = float32(rand.NormFloat64())
	}
	x[64*5+3] = float32(math.Inf(-1))
	err := gguf.Create(path, func(w *gguf.Writer) error {
		data, _ := binary.Append(nil, binary.LittleEndian, x)
		return errors.Join(w.Set("general.architecture", "llama"), w.Tensor("blk.0.ffn_up.weight", 0, []int64{64, 64}, int64(len(data))), w.Data("blk.0.ffn_up.weight", data))
	})
	if err != nil {
		t.Fatal(err)
	}
	err = plan(t, path, Options{Type: table.ByName("q4_0")}).Write(context.Background(), filepath.Join(t.TempDir(), "out"), 2, Progress{})
	if err == nil || !strings.Contains(err.Error(), "tensor blk.0.ffn_up.weight: value 3 of row 5 is -Inf") {
		t.Errorf("got %v", err)
	}
}
