package lab

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/eval"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
)

// bench is a tiny model with what it takes to sweep it.
type bench struct {
	m      *model.Model
	ref    *kv.Plan
	header Header
}

func newBench(t *testing.T) *bench {
	t.Helper()
	m, err := model.Open("../../testdata/arch/llama_hd64/model.gguf", kernels.Default())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	b := &bench{m: m, header: Header{Program: "test", Model: Model{Path: "tiny", Hash: "1234"}, Reference: "f32", Math: "exact"}}
	b.ref = b.cell(t, "f32", "f32").Plan
	return b
}

func (b *bench) cell(t *testing.T, k, v string) Cell {
	t.Helper()
	p, err := kv.NewPlan(b.m.KVLayers(), kv.Policy{K: kv.Choice{Type: kernels.Default().ByName(k)}, V: kv.Choice{Type: kernels.Default().ByName(v)}})
	if err != nil {
		t.Fatal(err)
	}
	return Cell{Name: k + "/" + v, Plan: p}
}

func (b *bench) cells(t *testing.T) []Cell {
	return []Cell{b.cell(t, "f32", "f32"), b.cell(t, "q4_0", "q4_0"), b.cell(t, "q8_0", "q8_0")}
}

// tasks are two: one text by batches of 16, another token by token with 8.
func tasks() []Task {
	text := func(step int32) eval.Text {
		x := eval.Text{BOS: 1, AddBOS: true}
		for i := range int32(128) {
			x.Tokens = append(x.Tokens, 10+i*step%250)
		}
		return x
	}
	return []Task{
		{Setting{Corpus{"a", 1, "aa", 128, "c"}, 16, Prefill}, text(37)},
		{Setting{Corpus{"b", 2, "bb", 128, "d"}, 8, Decode}, text(41)},
	}
}

func (b *bench) run(ctx context.Context, j *Journal, cells []Cell, observe func(Progress)) (*Result, error) {
	return Run(ctx, b.m, tasks(), cells, Options{Reference: b.ref, Chunks: 7, Threads: 1}, j, observe)
}

// asJSON is a result as it is printed, so that it can be compared and shown.
func asJSON(t *testing.T, r *Result) string {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRun(t *testing.T) {
	b := newBench(t)
	var last Progress
	r, err := b.run(context.Background(), NewJournal(b.header), b.cells(t), func(p Progress) { last = p })
	if err != nil {
		t.Fatal(err)
	}
	if last.Done != last.Steps || last.Steps != 2*7*4 || len(r.Tables) != 2 {
		t.Fatalf("%d tables, %+v", len(r.Tables), last)
	}
	for i, x := range r.Tables {
		if !reflect.DeepEqual(x.Setting, tasks()[i].Setting) || x.Chunks != 7 || len(x.Cells) != 3 || len(x.Comparisons) != 3 || !(x.PPL > 1) {
			t.Fatalf("%+v", x)
		}
		same, q4, q8 := x.Cells[0], x.Cells[1], x.Cells[2]
		if same.KLD != (Estimate{}) || same.Max != 0 || same.SameTop != (Estimate{1, 1, 1}) || same.PPL != x.PPL || same.BitsPerValue != 32 {
			t.Errorf("the reference as a cell: %+v", same.Stats)
		}
		if !(q4.KLD.Mean > 4*q8.KLD.Mean && q8.KLD.Mean > 0 && q4.KLD.Low < q4.KLD.Mean && q4.KLD.Mean < q4.KLD.High && q4.Max >= q4.P999 && q4.P999 >= q4.P99 && q4.P99 > q4.Median) {
			t.Errorf("q4_0 %+v\nq8_0 %+v", q4.Stats, q8.Stats)
		}
		if got := mean(q4.PerChunk); len(q4.Chunk) != 7 || got != q4.KLD.Mean || q4.Scored != 7*x.Scored {
			t.Errorf("per chunk %v", q4.PerChunk)
		}
		first, to, sum := q4.ByPosition, x.Context/2, 0.0
		for _, p := range first {
			if p.From != to {
				t.Errorf("a part of the positions starts at %d after %d", p.From, to)
			}
			to, sum = p.To, sum+p.KLD.Mean*float64(p.To-p.From)
		}
		if d := sum/float64(x.Scored) - q4.KLD.Mean; to != x.Context-1 || d > 1e-9 || d < -1e-9 {
			t.Errorf("parts end at %d; their mean is off by %g", to, d)
		}
		if c := x.Comparisons[2]; c.A != "q8_0/q8_0" || c.B != "q4_0/q4_0" || !c.Beats || c.Chunks != 7 {
			t.Errorf("%+v", c)
		}
	}
	_, err = b.run(context.Background(), NewJournal(b.header), append(b.cells(t), b.cells(t)[1]), nil)
	if err == nil || !strings.Contains(err.Error(), "two cells are called q4_0/q4_0") {
		t.Error(err)
	}
}

// TestResume stops a sweep after every number of steps, and cuts its journal anywhere in the last
// line: what is run again is at most a chunk, and the result is that of one run.
func TestResume(t *testing.T) {
	b := newBench(t)
	cells := b.cells(t)[1:]
	want, err := b.run(context.Background(), NewJournal(b.header), cells, nil)
	if err != nil {
		t.Fatal(err)
	}
	for stop := 1; stop < 2*7*3; stop += 4 {
		path := filepath.Join(t.TempDir(), "j.jsonl")
		j, err := Open(path, b.header)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		_, err = b.run(ctx, j, cells, func(p Progress) {
			if p.Done == stop {
				cancel()
			}
		})
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		j.Close()
		text, _ := os.ReadFile(path)
		// as if it had been killed while writing
		if err := os.WriteFile(path, text[:len(text)-stop], 0o644); err != nil {
			t.Fatal(err)
		}
		if j, err = Open(path, b.header); err != nil {
			t.Fatal(err)
		}
		var first *Progress
		got, err := b.run(context.Background(), j, cells, func(p Progress) {
			if first == nil {
				first = &p
			}
		})
		j.Close()
		if err != nil {
			t.Fatal(err)
		}
		// the chunk in work, and the reference and the cell of the cut line
		if first.Steps > 2*7*3-(stop-1)/3*3+2 {
			t.Errorf("stopped after %d steps: %d steps remain", stop, first.Steps)
		}
		if asJSON(t, got) != asJSON(t, want) {
			t.Errorf("stopped after %d steps, the result differs:\n%s\nwant\n%s", stop, asJSON(t, got), asJSON(t, want))
		}
		if read, err := Read(path); err != nil || asJSON(t, read) != asJSON(t, want) {
			t.Errorf("read again, the result differs: %v", err)
		}
	}
}

// TestMore adds cells and chunks to a journal.
func TestMore(t *testing.T) {
	b := newBench(t)
	want, err := b.run(context.Background(), NewJournal(b.header), b.cells(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	j := NewJournal(b.header)
	if _, err := Run(context.Background(), b.m, tasks()[1:], b.cells(t)[2:], Options{Reference: b.ref, Chunks: 2}, j, nil); err != nil {
		t.Fatal(err)
	}
	got, err := b.run(context.Background(), j, b.cells(t), nil)
	if err != nil || asJSON(t, got) != asJSON(t, want) {
		t.Errorf("%v\n%s\nwant\n%s", err, asJSON(t, got), asJSON(t, want))
	}
}

// TestRefused opens journals of other inputs and files that are none; they must stay as they are.
func TestRefused(t *testing.T) {
	b := newBench(t)
	path := filepath.Join(t.TempDir(), "j.jsonl")
	j, err := Open(path, b.header)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.run(context.Background(), j, b.cells(t)[:1], nil); err != nil {
		t.Fatal(err)
	}
	j.Close()
	whole, _ := os.ReadFile(path)
	other := func(f func(*Header)) error {
		h := b.header
		f(&h)
		_, err := Open(path, h)
		return err
	}
	reopened, err := Open(path, b.header)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, b.header); err == nil || !strings.Contains(err.Error(), "another program") {
		t.Errorf("a journal was opened twice: %v", err)
	}
	if _, err := Read(path); err != nil {
		t.Errorf("a journal cannot be read while it grows: %v", err)
	}
	reopened.Close() // a lock hides what else is wrong
	elsewhere := tasks()
	elsewhere[0].Corpus.SHA256 = "ee"
	retokenized := tasks()
	retokenized[0].Corpus.IDs = "ee"
	renamed := b.cell(t, "q4_0", "f32")
	renamed.Name = "f32/f32"
	model, math := other(func(h *Header) { h.Model.Hash = "99" }), other(func(h *Header) { h.Math = "fast" })
	ref, program := other(func(h *Header) { h.Reference = "f16" }), other(func(h *Header) { h.Program = "other" })
	if reopened, err = Open(path, b.header); err != nil {
		t.Fatal(err)
	}
	defer reopened.Close()
	_, text := Run(context.Background(), b.m, elsewhere, b.cells(t), Options{Reference: b.ref}, reopened, nil)
	_, ids := Run(context.Background(), b.m, retokenized, b.cells(t), Options{Reference: b.ref}, reopened, nil)
	_, plan := Run(context.Background(), b.m, tasks(), []Cell{b.cell(t, "f16", "f16"), renamed}, Options{Reference: b.ref}, reopened, nil)
	for _, c := range []struct {
		err  error
		says string
	}{
		{model, "another model: 1234, and now it is 99"},
		{math, "another math"},
		{ref, "another reference cache"},
		{program, "another version"},
		{text, "another text of the name a"},
		{ids, "other tokens of a"},
		{plan, "a cell f32/f32 of another plan"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.says) || !strings.Contains(c.err.Error(), "j.jsonl") {
			t.Errorf("want %q, got %v", c.says, c.err)
		}
	}
	lines := strings.SplitAfter(string(whole), "\n")
	for name, text := range map[string]string{
		"a text":           "Now is the winter\n",
		"a text of a line": "Now is the winter",
		"other JSON":       "{}\n{}\n",
		"of the future":    strings.Replace(string(whole), `"kvrun_sweep":2`, `"kvrun_sweep":3`, 1),
		"damaged inside":   lines[0] + lines[1] + lines[2][:20] + "\n" + strings.Join(lines[3:], ""),
		"a chunk twice":    string(whole) + lines[len(lines)-2] + lines[len(lines)-2],
		"short of bytes":   strings.Replace(string(whole), `"nll":"`, `"nll":"AAAA`, 1),
		"of no setting":    strings.Replace(string(whole), `{"setting":0,"cell":-1`, `{"setting":9,"cell":-1`, 1),
		"of no cell":       strings.Replace(string(whole), `{"setting":0,"cell":0`, `{"setting":0,"cell":7`, 1),
	} {
		path := filepath.Join(t.TempDir(), "other")
		os.WriteFile(path, []byte(text), 0o644)
		_, err := Open(path, b.header)
		_, again := Read(path)
		if err == nil || again == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, %v", name, err, again)
		}
		if left, _ := os.ReadFile(path); string(left) != text {
			t.Errorf("%s: the file was changed", name)
		}
	}
	if left, _ := os.ReadFile(path); string(left) != string(whole) {
		t.Error("a refused journal was changed")
	}
	if _, err := Read(filepath.Join(t.TempDir(), "nowhere")); err == nil {
		t.Error("a journal that does not exist was read")
	}
}
