package fleet

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/kvgen/kvgen/runtime/eval"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/lab"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/state"
)

// Manifest is all that a worker must know of a sweep.
type Manifest struct {
	Program   string   `json:"program"`
	Backend   string   `json:"backend"`
	Model     Model    `json:"model"`
	Math      string   `json:"math"`
	Batch     int      `json:"n_batch"`
	Reference Plan     `json:"reference"`
	Texts     []Text   `json:"texts"`
	Tasks     []Task   `json:"tasks"`
	Cells     []Plan   `json:"cells"`
	Offsets   []Offset `json:"offsets,omitempty"`
}

// Model says which model, and of which files it is where it travels.
type Model struct {
	Hash  string `json:"hash"`            // of its identity
	Files []File `json:"files,omitempty"` // on the server, none where it does not travel
}

// File is one file of a model.
type File struct {
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

// Text is the tokens that chunks are cut from.
type Text struct {
	Tokens []byte `json:"tokens"` // little-endian i32
	BOS    int32  `json:"bos"`
	AddBOS bool   `json:"add_bos"`
}

// Task is a text in chunks of one length by one path.
type Task struct {
	Text    int    `json:"text"`
	Context int    `json:"n_ctx"`
	Path    string `json:"path"`
	Chunks  int    `json:"n_chunks"`
}

// DecodeManifest reads a manifest and checks all that does not depend on the model.
func DecodeManifest(data []byte) (*Manifest, error) {
	if len(data) > maxManifest {
		return nil, fmt.Errorf("a manifest of %d bytes: want %d at most", len(data), maxManifest)
	}
	m := &Manifest{}
	if err := state.Decode(data, m); err != nil {
		return nil, err
	}
	for _, n := range []struct {
		what        string
		n, lo, most int
	}{{"texts", len(m.Texts), 1, maxTasks}, {"tasks", len(m.Tasks), 1, maxTasks}, {"cells", len(m.Cells), 1, maxCells},
		{"offsets", len(m.Offsets), 0, maxCells}, {"files", len(m.Model.Files), 0, maxFiles}, {"n_batch", m.Batch, 0, 1 << 24},
		{"bytes of a version", len(m.Program), 0, maxWord}, {"bytes of a back end", len(m.Backend), 1, maxWord}} {
		if n.n < n.lo || n.n > n.most {
			return nil, fmt.Errorf("%s: %d, want %d to %d", n.what, n.n, n.lo, n.most)
		}
	}
	if !isHash(m.Model.Hash) {
		return nil, errors.New("the hash of the model is none")
	}
	for _, f := range m.Model.Files {
		if !isHash(f.SHA256) || f.Size < 1 || f.Size > 1<<50 {
			return nil, fmt.Errorf("a file of %d bytes with the hash %s", f.Size, state.Short(f.SHA256))
		}
	}
	if _, err := m.math(); err != nil {
		return nil, err
	}
	jobs := 0
	for i, t := range m.Tasks {
		if err := m.checkTask(t); err != nil {
			return nil, fmt.Errorf("task %d: %w", i, err)
		}
		if jobs += t.Chunks * ((len(m.Cells) + Part - 1) / Part); jobs > maxJobs {
			return nil, fmt.Errorf("more than %d jobs", maxJobs)
		}
	}
	for _, p := range append(m.Cells[:len(m.Cells):len(m.Cells)], m.Reference) {
		if err := p.check(len(m.Offsets)); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *Manifest) checkTask(t Task) error {
	switch {
	case t.Text < 0 || t.Text >= len(m.Texts):
		return fmt.Errorf("text %d: there are %d, from 0", t.Text, len(m.Texts))
	case t.Context < 4 || t.Context > 1<<24:
		return fmt.Errorf("chunks of %d tokens: want 4 to %d", t.Context, 1<<24)
	case t.Path != lab.Prefill && t.Path != lab.Decode:
		return fmt.Errorf("path %s: want prefill or decode", state.Short(t.Path))
	case len(m.Texts[t.Text].Tokens)%4 != 0 || t.Chunks < 1 || t.Chunks > len(m.Texts[t.Text].Tokens)/4/t.Context:
		return fmt.Errorf("%d chunks of %d tokens do not fit the %d bytes of the text", t.Chunks, t.Context, len(m.Texts[t.Text].Tokens))
	}
	return nil
}

func (m *Manifest) math() (model.Math, error) {
	for _, k := range []model.Math{model.Exact, model.Fast} {
		if k.String() == m.Math {
			return k, nil
		}
	}
	return 0, fmt.Errorf("math %s: want exact or fast", state.Short(m.Math))
}

// Bench prepares the jobs of the manifest on its model. o has what the machine says; the manifest
// says the rest.
func (m *Manifest) Bench(of *model.Model, o lab.Options) (*lab.Bench, error) {
	var err error
	if o.Math, err = m.math(); err != nil {
		return nil, err
	}
	o.Batch, o.Chunks = m.Batch, 0
	var offsets []*kv.Offset
	for i, x := range m.Offsets {
		made, err := x.made(of.KVLayers())
		if err != nil {
			return nil, fmt.Errorf("offset %d: %w", i, err)
		}
		offsets = append(offsets, made)
	}
	if o.Reference, err = m.Reference.made(of, offsets); err != nil {
		return nil, fmt.Errorf("the reference: %w", err)
	}
	var plans []*kv.Plan
	for i, p := range m.Cells {
		made, err := p.made(of, offsets)
		if err != nil {
			return nil, fmt.Errorf("cell %d: %w", i, err)
		}
		plans = append(plans, made)
	}
	var texts []eval.Text
	for i, t := range m.Texts {
		x := eval.Text{BOS: t.BOS, AddBOS: t.AddBOS, Tokens: make([]int32, len(t.Tokens)/4)}
		for k := range x.Tokens {
			if x.Tokens[k] = int32(binary.LittleEndian.Uint32(t.Tokens[4*k:])); x.Tokens[k] < 0 || int(x.Tokens[k]) >= of.Vocab {
				return nil, fmt.Errorf("text %d: token %d is %d: the model has %d", i, k, x.Tokens[k], of.Vocab)
			}
		}
		if t.AddBOS && (t.BOS < 0 || int(t.BOS) >= of.Vocab) {
			return nil, fmt.Errorf("text %d: begins with token %d: the model has %d", i, t.BOS, of.Vocab)
		}
		texts = append(texts, x)
	}
	var tasks []lab.Task
	for _, t := range m.Tasks {
		tasks = append(tasks, lab.Task{Text: texts[t.Text], Setting: lab.Setting{Context: t.Context, Path: t.Path}})
	}
	return lab.NewBench(of, tasks, plans, o), nil
}
