package eval

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
)

// golden is llama-perplexity's base file; testdata/README.md says how it was made.
func golden(t *testing.T) (*Base, []byte) {
	t.Helper()
	raw, err := os.ReadFile("testdata/base.bin")
	if err != nil {
		t.Fatal(err)
	}
	b, err := OpenBase(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	return b, raw
}

// goldenOptions are how the golden files were made.
var goldenOptions = Options{Context: 32, Chunks: 8}

func start(t *testing.T, m *model.Model, p *kv.Plan) *model.Context {
	t.Helper()
	// as the peer
	c, err := m.NewContext(model.Options{Plan: p, Size: 32, Threads: 2, Math: model.Fast})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// text is the text of the base file's chunks and one more chunk that is never run.
func (b *Base) text() Text {
	return Text{Tokens: append(b.Tokens[:len(b.Tokens):len(b.Tokens)], make([]int32, b.Context)...), BOS: 1, AddBOS: true}
}

// TestReadBase compares caches with the peer's base file: the text must be the peer's but for what
// the two engines' arithmetic differs by.
func TestReadBase(t *testing.T) {
	m := tiny(t)
	b, _ := golden(t)
	if b.Context != 32 || b.Vocab != 296 || b.Chunks != 8 || b.Model != nil {
		t.Fatalf("%d chunks of %d, vocabulary %d", b.Chunks, b.Context, b.Vocab)
	}
	for _, c := range []struct{ k, v string }{{"f16", "f16"}, {"q8_0", "q8_0"}, {"q8_0", "q4_0"}} {
		p := plan(t, m, c.k, c.v)
		l, err := b.Lockstep(start(t, m, p), 1, true, goldenOptions)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		var all []Position
		var s Sums
		WriteLlamaHead(&out)
		for k := range l.Chunks() {
			got, err := l.Chunk(context.Background(), k, []*kv.Plan{p}, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range got[0] {
				s.Add(p)
			}
			all = append(all, got[0]...)
			WriteLlamaChunk(&out, k+1, &s)
		}
		if err := WriteLlama(&out, all); err != nil {
			t.Fatal(err)
		}
		name := c.k
		if c.v != c.k {
			name += "-" + c.v
		}
		want, err := os.ReadFile("testdata/" + name + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		_, text, _ := strings.Cut(string(want), "\n\n") // after the time that a pass took
		// the program writes an empty line at its end
		text = strings.TrimSuffix(text, "\n")
		compareText(t, name, out.String(), text)
	}
}

var numbers = regexp.MustCompile(` *-?\d+\.\d+| *-nan`)

// compareText wants the same bytes but for the digits of numbers, and the means to be close.
func compareText(t *testing.T, name, got, want string) {
	t.Helper()
	blank := func(s string) string {
		return numbers.ReplaceAllStringFunc(s, func(n string) string { return strings.Repeat("#", len(n)) })
	}
	if blank(got) != blank(want) {
		a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
		i := 0
		for i < min(len(a), len(b))-1 && blank(a[i]) == blank(b[i]) {
			i++
		}
		t.Errorf("%s: line %d has another form:\n%q, want\n%q", name, i+1, a[i], b[i])
		return
	}
	x, y := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range x {
		label, _, _ := strings.Cut(x[i], ":")
		slip, compared := slips[strings.TrimSpace(label)]
		if !compared {
			continue
		}
		value := func(line string) float64 {
			v, err := strconv.ParseFloat(strings.TrimSpace(numbers.FindString(line[len(label):])), 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		if a, b := value(x[i]), value(y[i]); math.Abs(a-b) > slip*math.Abs(b)+5e-6 {
			t.Errorf("%s: %q, want %q", name, x[i], y[i])
		}
	}
}

// slips are by how much of its value a number may differ. The peer multiplies in f16, so that rows
// are rounded otherwise.
var slips = map[string]float64{"Mean PPL(Q)": .005, "Mean PPL(base)": 1e-6, "Mean    KLD": .1, "95.0%   KLD": .2, "Median  KLD": .2, "Same top p": .02}

// TestWriteBase writes a base file of the same cache as the peer's.
func TestWriteBase(t *testing.T) {
	m := tiny(t)
	b, raw := golden(t)
	f16 := plan(t, m, "f16", "f16")
	l, err := NewLockstep(start(t, m, f16), b.text(), goldenOptions)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w, err := NewBaseWriter(&out, b.text(), goldenOptions, m.Vocab)
	if err != nil {
		t.Fatal(err)
	}
	l.Visit = func(s Scored) error { return w.Write(s.Logits) }
	for k := range l.Chunks() {
		if _, err := l.Chunk(context.Background(), k, []*kv.Plan{f16}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Write(make([]float32, m.Vocab)); err == nil {
		t.Error("a row too many was taken")
	}
	w.rows = 0
	id, err := m.Identity()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(id); err != nil {
		t.Fatal(err)
	}
	got := out.Bytes()
	if !bytes.HasPrefix(got[len(raw):], []byte(sealMagic)) || !bytes.Equal(got[:b.shape.at(0)], raw[:b.shape.at(0)]) {
		t.Fatalf("%d bytes, want %d and a seal, with the same header and tokens", len(got), len(raw))
	}
	worst := 0.0
	for i := range 8 * 15 {
		x, y := storedRow{z: make([]float32, 296), e: make([]float32, 296)}, storedRow{z: make([]float32, 296), e: make([]float32, 296)}
		x.decode(got[b.shape.at(i):b.shape.at(i+1)])
		y.decode(raw[b.shape.at(i):b.shape.at(i+1)])
		for t := range x.z {
			worst = max(worst, math.Abs(float64(x.z[t]-y.z[t])))
		}
	}
	if worst > .03 { // of about 16, by f16 activations there and f32 here
		t.Errorf("a logarithm differs by %v from the peer's", worst)
	}
	mine, err := OpenBase(bytes.NewReader(got), int64(len(got)))
	if err != nil || mine.Model.Hash() != id.Hash() {
		t.Fatalf("%+v, %v", mine, err)
	}
	if _, err := mine.Lockstep(l.c, 1, true, goldenOptions); err != nil {
		t.Error(err)
	}
	mine.Model.Keys["rope.freq_base"] = "1000"
	if _, err = mine.Lockstep(l.c, 1, true, goldenOptions); err == nil || !strings.Contains(err.Error(), "another model") || !strings.Contains(err.Error(), "rope.freq_base is 1000 there and 10000 here") {
		t.Errorf("a base file of another model: %v", err)
	}
	// One bit anywhere is seen when the file is opened or its chunk is run.
	refused := 0
	for i := 0; i < len(got); i += 97 {
		bad := bytes.Clone(got)
		bad[i] ^= 1 << (i % 8)
		x, err := OpenBase(bytes.NewReader(bad), int64(len(bad)))
		for k := 0; err == nil && k < x.Chunks; k++ {
			err = x.check(context.Background(), k)
		}
		if err == nil {
			t.Errorf("a changed bit of byte %d of %d is not seen", i, len(got))
		}
		refused++
	}
	if refused < 500 {
		t.Errorf("%d bits", refused)
	}
	// The seal of an earlier version says nothing, and none is as llama-perplexity has it.
	for _, tail := range []string{"", sealMagicOld + strings.Repeat("0", 64)} {
		x := append(bytes.Clone(got[:len(raw)]), tail...)
		if b, err := OpenBase(bytes.NewReader(x), int64(len(x))); err != nil || b.Model != nil {
			t.Errorf("%q: %v", tail, err)
		}
	}
}

// TestBaseRow decodes what appendRow wrote: within half a step, but for what is clamped.
func TestBaseRow(t *testing.T) {
	for name, z := range map[string][]float32{
		"odd":   {1, 2, 3, -1, .5},
		"far":   {0, -40, -15.99, -16.01, -3},
		"equal": {2, 2, 2, 2},
	} {
		row := appendRow(nil, z)
		if len(row) != 8+4*((len(z)+1)/2) {
			t.Fatalf("%s: %d bytes", name, len(row))
		}
		r := storedRow{z: make([]float32, len(z)), e: make([]float32, len(z))}
		r.decode(row)
		top, ln := LogSumExp(z)
		for i := range z {
			want := float64(max(z[i], top-16)-top) - ln
			if d := math.Abs(float64(r.z[i]) - want); d > 16./65535/2+4e-6 {
				t.Errorf("%s: value %d is %v, want %v", name, i, r.z[i], want)
			}
		}
	}
}

// TestBadBase cuts and damages a base file.
func TestBadBase(t *testing.T) {
	m := tiny(t)
	b, raw := golden(t)
	refused := func(name, says string, data []byte) {
		t.Helper()
		if _, err := OpenBase(bytes.NewReader(data), int64(len(data))); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", name, err, says)
		}
	}
	for _, n := range []int{0, 7, 8, 19, 20, 500, int(b.shape.at(0)), int(b.shape.at(3)) + 1, len(raw) - 1} {
		refused("cut", "base file", raw[:n])
	}
	refused("cut in the rows", "is cut: it has 40000 bytes", raw[:40000])
	refused("longer", "has 73045 bytes", append(bytes.Clone(raw), 0))
	number := func(at int, v int32) []byte {
		x := bytes.Clone(raw)
		binary.LittleEndian.PutUint32(x[at:], uint32(v))
		return x
	}
	refused("no tokens in a chunk", "chunks of 0", number(8, 0))
	refused("a vocabulary below none", "vocabulary of -1", number(12, -1))
	refused("more chunks than bytes", "is cut", number(16, 1<<20))
	wrap := bytes.Clone(raw[:20])
	for i, v := range []uint32{16777215, 16777210, 16777216} { // bytes of all rows: 2^64 + 20
		binary.LittleEndian.PutUint32(wrap[8+4*i:], v)
	}
	refused("sizes whose product wraps", "at most", wrap)
	for i, v := range []uint32{4, 1<<24 - 1, 1<<24 - 1} {
		binary.LittleEndian.PutUint32(wrap[8+4*i:], v)
	}
	refused("sizes whose product is large", "cut", wrap)
	refused("a token that is none", "token 1 of the base file is 296", number(24, 296))
	c := start(t, m, plan(t, m, "f16", "f16"))
	if _, err := b.Lockstep(c, 1, true, Options{Context: 64}); err == nil || !strings.Contains(err.Error(), "chunks of 32 tokens, not 64") {
		t.Error(err)
	}
	other := *b
	other.Vocab = 32000
	if _, err := other.Lockstep(c, 1, true, goldenOptions); err == nil || !strings.Contains(err.Error(), "another model") {
		t.Error(err)
	}
}

// TestBadRow damages rows in ways that no distribution has.
func TestBadRow(t *testing.T) {
	b, raw := golden(t)
	for _, c := range []struct {
		name, says string
		at         int
		bits       uint32
	}{
		{"a step that is no number", "a step of NaN", 0, math.Float32bits(float32(math.NaN()))},
		{"a step below 0", "a step of -3", 0, 0xb8000000},
		{"a step too large", "a step of 0.0", 0, math.Float32bits(17. / 65535)},
		{"a smaller step", "add up to", 0, math.Float32bits(14.99 / 65535)},
		{"no step", "its codes are", 0, 0},
		{"an infinite logarithm", "-Inf as the logarithm", 4, math.Float32bits(float32(math.Inf(-1)))},
		{"a positive logarithm", "5 as the logarithm", 4, math.Float32bits(5)},
		{"another logarithm", "add up to", 4, math.Float32bits(-20)},
	} {
		row := bytes.Clone(raw[b.shape.at(7):b.shape.at(8)])
		binary.LittleEndian.PutUint32(row[c.at:], c.bits)
		r := storedRow{z: make([]float32, b.Vocab), e: make([]float32, b.Vocab)}
		if err := r.decode(row); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.name, err, c.says)
		}
	}
}

// TestBadRowPlace names the chunk and the position of a damaged row.
func TestBadRowPlace(t *testing.T) {
	m := tiny(t)
	b, raw := golden(t)
	raw[b.shape.at(2*15+3)+3] ^= 0x40
	p := plan(t, m, "q8_0", "q8_0")
	l, err := b.Lockstep(start(t, m, p), 1, true, goldenOptions)
	if err != nil {
		t.Fatal(err)
	}
	for k := range 3 {
		_, err = l.Chunk(context.Background(), k, []*kv.Plan{p}, nil)
		if k < 2 && err != nil {
			t.Fatal(err)
		}
	}
	if err == nil || !strings.Contains(err.Error(), "chunk 2, position 19: a step") {
		t.Error(err)
	}
}

func FuzzOpenBase(f *testing.F) {
	raw, err := os.ReadFile("testdata/base.bin")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw[:1200])
	f.Add([]byte("_logits_\x04\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00" + strings.Repeat("\x00", 16+12)))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := OpenBase(bytes.NewReader(data), int64(len(data)))
		if err == nil && (len(b.Tokens) != b.Chunks*b.Context || b.shape.size() > int64(len(data))) {
			t.Errorf("%d chunks of %d tokens in %d bytes", b.Chunks, b.Context, len(data))
		}
	})
}

// TestRowsPass writes distributions of every sharpness, with vocabularies up to the largest: none
// is taken for damaged.
func TestRowsPass(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, vocab := range []int{2, 3, 296, 32000, 262144} {
		for _, spread := range []float64{0, 1e-6, 1e-3, .1, 1, 3, 10, 100} {
			for _, shift := range []float64{0, 500, -2000} {
				z := make([]float32, vocab)
				for i := range z {
					z[i] = float32(shift + spread*rng.NormFloat64())
				}
				if rng.IntN(2) == 0 {
					z[rng.IntN(vocab)] += float32(rng.IntN(60)) // one that stands out
				}
				if rng.IntN(4) == 0 {
					z[0] = float32(math.Inf(-1)) // a token that is ruled out
				}
				r := storedRow{z: make([]float32, vocab), e: make([]float32, vocab)}
				if err := r.decode(appendRow(nil, z)); err != nil {
					t.Errorf("%d tokens, spread %g, shift %g: %v", vocab, spread, shift, err)
				}
			}
		}
	}
}
