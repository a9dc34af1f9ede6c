package offset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/state"
)

const (
	kind    = "kvgen key offset"
	version = 2
	maxFile = 256 << 20 // bytes; far more than the largest models need
)

// File is a measured offset as it is kept beside its model.
type File struct {
	Kind    string `json:"kind"`
	Version int    `json:"version"`
	Corpus  Corpus `json:"corpus"`
	Tokens  int    `json:"n_tokens"` // of the corpus that were run
	Skipped int    `json:"n_skipped"`
	Values  string `json:"values_sha256"` // kv.Offset.Identity of the means
	Sum     string `json:"sum"`           // checksum of all else

	Model  model.Identity `json:"model"`
	Layers []Layer        `json:"layers"` // by KV layer
}

// Corpus is the text that was measured.
type Corpus struct {
	Name   string `json:"name"`
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Layer is the mean of the keys of one KV layer.
type Layer struct {
	Layer  int       `json:"layer"` // of the model
	Heads  int       `json:"kv_heads"`
	KeyDim int       `json:"key_dim"`
	Mean   []float32 `json:"mean"` // [Heads][KeyDim]
}

// Path is where the file of the model at path is looked for.
func Path(model string) string { return strings.TrimSuffix(model, ".gguf") + ".k-offset.json" }

// Write writes the file, a line for each layer.
func (f *File) Write(w io.Writer) error {
	var err error
	if f.Sum, err = f.sum(); err != nil {
		return err
	}
	layers := f.Layers
	head := *f
	head.Layers = nil
	text, err := json.MarshalIndent(head, "", "  ")
	if err != nil {
		return err
	}
	b := bytes.NewBuffer(bytes.TrimSuffix(text, []byte("null\n}")))
	for i, l := range layers {
		line, err := json.Marshal(l)
		if err != nil {
			return err
		}
		b.WriteString([]string{"[\n    ", ",\n    "}[min(i, 1)])
		b.Write(line)
	}
	b.WriteString("\n  ]\n}\n")
	_, err = w.Write(b.Bytes())
	return err
}

// Read reads the file at path and checks that it is whole.
func Read(path string) (*File, error) {
	r, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	f, err := Parse(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// Parse reads what Write writes and refuses anything else.
func Parse(r io.Reader) (*File, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("more than the %d bytes of a key offset", maxFile)
	}
	var old struct {
		Kind    string `json:"kind"`
		Version int    `json:"version"`
	}
	if json.Unmarshal(text, &old) == nil && old.Kind == kind && old.Version == 1 {
		return nil, errors.New("a key offset of version 1, which does not say enough of its model: kvrun calibrate makes it again")
	}
	f := &File{}
	if err := state.Decode(text, f); err != nil {
		return nil, fmt.Errorf("no key offset, or a damaged one: %w", err)
	}
	switch {
	case f.Kind != kind:
		return nil, fmt.Errorf("its kind is %.40q and not %q", f.Kind, kind)
	case f.Version != version:
		return nil, fmt.Errorf("key offsets of version %d: this program reads version %d", f.Version, version)
	}
	if len(f.Layers) == 0 {
		return nil, errors.New("it has no layers")
	}
	if sum, err := f.sum(); err != nil || sum != f.Sum {
		return nil, errors.New("it was changed after it was written: its checksum differs")
	}
	for _, l := range f.Layers {
		if len(l.Mean) != l.Heads*l.KeyDim || l.Heads < 1 || l.KeyDim < 1 {
			return nil, fmt.Errorf("layer %d: %d values for %d heads of %d", l.Layer, len(l.Mean), l.Heads, l.KeyDim)
		}
	}
	if f.offset("").Identity != f.Values {
		return nil, errors.New("the values are not those that were written: their hash differs")
	}
	return f, nil
}

// Offset is the file's offset for m, with the name by which plans show it. A file of another model
// is refused.
func (f *File) Offset(m *model.Model, name string) (*kv.Offset, error) {
	id, err := m.Identity()
	if err == nil {
		err = id.Check("the key offset", &f.Model)
	}
	if err != nil {
		return nil, err
	}
	layers := m.KVLayers()
	if len(layers) != len(f.Layers) {
		return nil, fmt.Errorf("it has %d layers and the model %d with a cache", len(f.Layers), len(layers))
	}
	for i, l := range layers {
		if g := f.Layers[i]; g.Layer != l.Index || g.Heads != l.Heads || g.KeyDim != l.KeyDim {
			return nil, fmt.Errorf("its entry %d is layer %d with %d heads of %d, and the model has layer %d with %d of %d",
				i, g.Layer, g.Heads, g.KeyDim, l.Index, l.Heads, l.KeyDim)
		}
	}
	return f.offset(name), nil
}

// sum is the checksum of the file.
func (f *File) sum() (string, error) {
	c := *f
	c.Sum = ""
	return state.Sum(&c)
}

func (f *File) offset(name string) *kv.Offset {
	var layers []kv.LayerOffset
	for _, l := range f.Layers {
		layers = append(layers, kv.LayerOffset{Mu: l.Mean})
	}
	return kv.NewOffset(name, layers)
}
