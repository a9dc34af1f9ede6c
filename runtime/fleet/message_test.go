package fleet

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/lab"
	"github.com/kvgen/kvgen/runtime/model"
)

var hash = strings.Repeat("0f", 32)

// small is a manifest of two cells for the tiny model.
func small(t testing.TB, m *model.Model) *Manifest {
	t.Helper()
	e := &encoder{known: map[string]int{}}
	offset := kv.NewOffset("x", []kv.LayerOffset{{Mu: make([]float32, m.KVLayers()[0].Heads*m.KVLayers()[0].KeyDim)}})
	plan := func(p kv.Policy) Plan {
		made, err := kv.NewPlan(m.KVLayers(), p)
		if err != nil {
			t.Fatal(err)
		}
		out, err := e.plan(made)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	f16, q4 := kv.Choice{Type: m.Table.ByName("f16")}, kv.Choice{Type: m.Table.ByName("q4_0")}
	turned := kv.Choice{Type: q4.Type, Rotation: m.Table.Rotations()[0]}
	biased := kv.Choice{Type: q4.Type, Offset: offset}
	out := &Manifest{Program: "p", Backend: "b", Model: Model{Hash: hash}, Math: "exact", Texts: []Text{{Tokens: make([]byte, 4*32), AddBOS: true}},
		Tasks: []Task{{Context: 8, Path: lab.Prefill, Chunks: 4}}, Reference: plan(kv.Policy{K: f16, V: f16})}
	out.Cells = []Plan{plan(kv.Policy{K: q4, V: turned, Ends: kv.Ends{First: 4, Last: 8}, Layers: map[int][2]kv.Choice{0: {biased, f16}}}), plan(kv.Policy{K: f16, V: q4})}
	out.Offsets = e.offsets
	return out
}

func openModel(t testing.TB) *model.Model {
	t.Helper()
	m, err := model.Open("../../testdata/arch/llama_hd64/model.gguf", kernels.Default())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestManifest: what was planned comes out, and each lie about it is refused by its name.
func TestManifest(t *testing.T) {
	m := openModel(t)
	back, err := DecodeManifest(encode(t, small(t, m)))
	if err != nil {
		t.Fatal(err)
	}
	b, err := back.Bench(m, lab.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	b.Close()
	for _, c := range []struct {
		says string
		lie  func(m *Manifest)
	}{
		{"hash", func(m *Manifest) { m.Model.Hash = "../" + hash[3:] }},
		{"hash", func(m *Manifest) { m.Model.Hash = strings.ToUpper(hash) }},
		{"a file of -1 bytes", func(m *Manifest) { m.Model.Files = []File{{hash, -1}} }},
		{"a file of 1 bytes with the hash \"/etc/", func(m *Manifest) { m.Model.Files = []File{{"/etc/passwd", 1}} }},
		{"math", func(m *Manifest) { m.Math = "quick" }},
		{"n_batch", func(m *Manifest) { m.Batch = 1 << 30 }},
		{"text 1", func(m *Manifest) { m.Tasks[0].Text = 1 }},
		{"chunks of 1 tokens", func(m *Manifest) { m.Tasks[0].Context = 1 }},
		{"path", func(m *Manifest) { m.Tasks[0].Path = "both" }},
		{"5 chunks of 8 tokens do not fit", func(m *Manifest) { m.Tasks[0].Chunks = 5 }},
		{"do not fit", func(m *Manifest) { m.Texts[0].Tokens = m.Texts[0].Tokens[:127] }},
		{"cells: 0", func(m *Manifest) { m.Cells = []Plan{} }},
		{"offset 2", func(m *Manifest) { m.Cells[0].Layers[0].K.Offset = 2 }},
		{"rows exact", func(m *Manifest) { m.Cells[0].Layers[0].Last = -1 }},
		{"a plan of 1 layers", func(m *Manifest) { m.Cells[1].Layers = m.Cells[1].Layers[:1] }},
		{"no cache type q9", func(m *Manifest) { m.Cells[1].Layers[0].K.Type = "q9" }},
		{"no cache type q4_K", func(m *Manifest) { m.Cells[1].Layers[0].K.Type = "q4_K" }},
		{"no rotation", func(m *Manifest) { m.Cells[1].Layers[0].V.Rotation = "x" }},
		{"stores other bytes", func(m *Manifest) { m.Cells[1].Layers[0].V.Type = "q8_0" }},
		{"stores other bytes", func(m *Manifest) { m.Offsets[0].Layers[0][3] = 1 }},
		{"layer 0 has 4 bytes", func(m *Manifest) { m.Offsets[0].Layers[0] = make([]byte, 4) }},
		{"NaN", func(m *Manifest) { copy(m.Offsets[0].Layers[0], "\xff\xff\xff\x7f") }},
		{"token 0 is", func(m *Manifest) { copy(m.Texts[0].Tokens, "\xff\xff\xff\x7f") }},
		{"begins with token", func(m *Manifest) { m.Texts[0].BOS = -7 }},
	} {
		bad := small(t, m)
		c.lie(bad)
		back, err := DecodeManifest(encode(t, bad))
		if err == nil {
			_, err = back.Bench(m, lab.Options{Threads: 1})
		}
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v, want %q", err, c.says)
		}
	}
}

// TestMessages refuses entries, jobs and greetings that are not what a worker can trust.
func TestMessages(t *testing.T) {
	m := small(t, openModel(t))
	entry := fmt.Sprintf(`{"program":"p","backend":"b","model":%q,"memory":1,"size":2,"travels":0}`, hash)
	if e, err := decodeEntry([]byte(entry)); err != nil || e.Model != hash {
		t.Fatal(e, err)
	}
	if j, err := decodeJob([]byte(`{"task":0,"chunk":3,"cells":[0,1]}`), m); err != nil || j.Chunk != 3 {
		t.Fatal(j, err)
	}
	if h, err := decodeHello(encode(t, Hello{Worker: "a-1", Backends: []string{"b"}, Models: []string{hash}})); err != nil || h.Worker != "a-1" {
		t.Fatal(h, err)
	}
	job := func(data []byte) error { _, err := decodeJob(data, m); return err }
	ent := func(data []byte) error { _, err := decodeEntry(data); return err }
	hello := func(data []byte) error { _, err := decodeHello(data); return err }
	for _, c := range []struct {
		decode     func([]byte) error
		data, says string
	}{
		{ent, strings.Replace(entry, hash, "..", 1), "64 hexadecimal"},
		{ent, strings.Replace(entry, `"size":2`, `"size":1000000000000`, 1), "manifest of"},
		{ent, strings.Replace(entry, `"memory":1`, `"memory":-1`, 1), "memory of -1"},
		{ent, strings.Replace(entry, `"program"`, `"path"`, 1), "no such key"},
		{ent, entry + strings.Repeat(" ", maxEntry), "4096 at most"},
		{ent, "", "nothing here"},
		{job, `{"task":1,"chunk":0,"cells":[0]}`, "task 1"},
		{job, `{"task":0,"chunk":4,"cells":[0]}`, "chunk 4"},
		{job, `{"task":0,"chunk":0,"cells":[]}`, "0 cells"},
		{job, `{"task":0,"chunk":0,"cells":[2]}`, "rising numbers below 2"},
		{job, `{"task":0,"chunk":0,"cells":[1,0]}`, "rising"},
		{job, `{"task":0,"chunk":0,"cells":[1,1]}`, "rising"},
		{job, `{"task":0,"chunk":0,"cells":[-1]}`, "rising"},
		{job, `{"task":0,"chunk":0,"cells":null}`, "null"},
		{hello, `{"worker":"a\nb"}`, "letters and digits"},
		{hello, `{"worker":""}`, "letters and digits"},
	} {
		if err := c.decode([]byte(c.data)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%.80s: %v, want %q", c.data, err, c.says)
		}
	}
}

// TestFits says why a sweep is left to others.
func TestFits(t *testing.T) {
	w := &Worker{Hello: Hello{Program: "1", Backends: []string{"amd64 avx2"}, Memory: 1 << 30, Models: []string{hash}}, Most: 10}
	other := strings.Repeat("ab", 32)
	for _, c := range []struct {
		e    Entry
		says string
	}{
		{Entry{Program: "1", Backend: "amd64 avx2", Model: hash, Memory: 1 << 29}, ""},
		{Entry{Program: "1", Backend: "amd64 avx2", Model: other, Travels: 10}, ""},
		{Entry{Program: "2", Backend: "amd64 avx2", Model: hash}, `kvrun "2"`},
		{Entry{Program: "1", Backend: "arm64 neon", Model: hash}, "arm64 neon"},
		{Entry{Program: "1", Backend: "amd64 avx2", Model: hash, Memory: 1 << 31}, "2048 MiB"},
		{Entry{Program: "1", Backend: "amd64 avx2", Model: other}, "does not have"},
		{Entry{Program: "1", Backend: "amd64 avx2", Model: other, Travels: 11}, "10 may be brought"},
	} {
		err := w.fits(c.e)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v, want %q", c.e, err, c.says)
		}
	}
}

// FuzzManifest: whatever comes, it is refused or is a sweep of bounded size.
func FuzzManifest(f *testing.F) {
	m := openModel(f)
	f.Add(encode(f, small(f, m)))
	f.Add([]byte(`{"texts":[{}],"tasks":[{"n_ctx":4}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		back, err := DecodeManifest(data)
		if err != nil {
			return
		}
		if b, err := back.Bench(m, lab.Options{Threads: 1}); err == nil {
			b.Close()
		}
	})
}

// FuzzMessages: the small messages likewise.
func FuzzMessages(f *testing.F) {
	m := small(f, openModel(f))
	f.Add([]byte(`{"task":0,"chunk":3,"cells":[0,1]}`))
	f.Add([]byte(`{"worker":"a","nll":"AAAA","kld":"","same_top":""}`))
	f.Add(encode(f, Entry{Program: "p", Backend: "b", Model: hash, Size: 1}))
	f.Add(encode(f, Hello{Worker: "a"}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if j, err := decodeJob(data, m); err == nil && (j.Chunk > 3 || len(j.Cells) > 2) {
			t.Errorf("%+v", j)
		}
		decodeEntry(data)
		decodeHello(data)
		decode[Score](data, maxScore)
		decode[Failure](data, maxFailure)
	})
}
