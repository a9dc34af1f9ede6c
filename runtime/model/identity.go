package model

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Identity tells a model from others: it is of everything in a model file that moves logits or
// gives tokens their meaning, and of nothing else. Files that depend on a model hold the identity
// of the one they were made with.
type Identity struct {
	Arch string `json:"arch"`
	// hyperparameters as they were read, defaults included
	Keys   map[string]string `json:"keys"`
	Tokens map[string]string `json:"tokens"` // digests of the tokenizer's keys
	// digest of all bytes of all tensors, and of their names, shapes and types
	Weights string `json:"weights"`

	// Not part of what is compared: how the model was called.
	File string `json:"file,omitempty"`
	Name string `json:"name,omitempty"` // general.name
}

// Hash is the identity in 64 hexadecimal digits.
func (d *Identity) Hash() string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q", d.Arch, d.Weights)
	for _, m := range []map[string]string{d.Keys, d.Tokens} {
		fmt.Fprintf(h, " %d", len(m))
		for _, k := range slices.Sorted(maps.Keys(m)) {
			fmt.Fprintf(h, " %q %q", k, m[k])
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Check is an error where a file that was made with the model was is used with the model d. It
// names both and says in what they differ. what is the file, such as "the base file".
func (d *Identity) Check(what string, was *Identity) error {
	if was.Hash() == d.Hash() {
		return nil
	}
	return fmt.Errorf("%s was made with another model, %s; this is %s: %s", what, was.called(), d.called(), strings.Join(d.differences(was), ", "))
}

// called is the names of a model.
func (d *Identity) called() string {
	file := cmp.Or(d.File, "one in memory")
	if d.Name != "" {
		return fmt.Sprintf("%.80q (general.name %.80q)", file, d.Name)
	}
	return fmt.Sprintf("%.80q", file)
}

// differences is at most four of them, in words.
func (d *Identity) differences(was *Identity) (list []string) {
	if was.Arch != d.Arch {
		return []string{fmt.Sprintf("the architecture is %.40q there and %.40q here", was.Arch, d.Arch)}
	}
	value := func(m map[string]string, k string) string {
		if v, ok := m[k]; ok {
			return fmt.Sprintf("%.60s", v)
		}
		return "absent"
	}
	for _, k := range keysOf(was.Keys, d.Keys) {
		if a, b := value(was.Keys, k), value(d.Keys, k); was.Keys[k] != d.Keys[k] {
			list = append(list, fmt.Sprintf("%.80s is %s there and %s here", k, a, b))
		}
	}
	for _, k := range keysOf(was.Tokens, d.Tokens) {
		if was.Tokens[k] != d.Tokens[k] {
			list = append(list, fmt.Sprintf("%.80s differs", k))
		}
	}
	if was.Weights != d.Weights {
		list = append(list, "the weights differ")
	}
	const most = 4
	if n := len(list) - most; n > 0 {
		list = append(list[:most], fmt.Sprintf("and %d more", n))
	}
	return list
}

// keysOf is the keys of both, in order.
func keysOf(a, b map[string]string) []string {
	return slices.Compact(slices.Sorted(func(yield func(string) bool) {
		for _, m := range []map[string]string{a, b} {
			for k := range m {
				if !yield(k) {
					return
				}
			}
		}
	}))
}

// identified is the identity of a model once it is known.
type identified struct {
	mu sync.Mutex
	id *Identity
}

// Identity is that of the model, made when it is first asked for: all weights are read.
func (m *Model) Identity() (*Identity, error) { return m.Identify(nil, nil) }

// Identify is Identity with the digests of weights that were made before, nil for none. stop,
// unless nil, is asked now and then: an error of it ends the work.
func (m *Model) Identify(known *Digests, stop func() error) (*Identity, error) {
	m.identified.mu.Lock()
	defer m.identified.mu.Unlock()
	if m.identified.id != nil {
		return m.identified.id, nil
	}
	d := &Identity{Arch: m.Arch, Keys: maps.Clone(m.keys), Tokens: map[string]string{}, File: filepath.Base(m.File.Path())}
	if m.File.Path() == "" {
		d.File = ""
	}
	d.Name, _, _ = m.File.Str("general.name")
	d.Name = d.Name[:min(len(d.Name), 200)]
	d.File, d.Name = strings.ToValidUTF8(d.File, "\ufffd"), strings.ToValidUTF8(d.Name, "\ufffd")
	for k, v := range d.Keys {
		if len(v) > 200 { // a number for each of many layers
			d.Keys[k] = digestOf([]byte(v))
		}
	}
	if !m.trained() {
		delete(d.Keys, "context_length")
		delete(d.Keys, "rope.scaling.original_context_length")
	}
	for _, key := range m.File.Keys() {
		name, ok := strings.CutPrefix(key, "tokenizer.ggml.")
		if !ok {
			continue
		}
		raw, _, err := m.File.Raw(key)
		if err != nil {
			return nil, err
		}
		kind, n, _ := m.File.Kind(key)
		d.Tokens["tokenizer.ggml."+strings.ToValidUTF8(name, "\ufffd")] = digestOf(fmt.Appendf(nil, "%v %d\n%s", kind, n, raw))
	}
	const most = 64 << 10 // bytes of keys; files with more were made to make others large
	size := 0
	for _, m := range []map[string]string{d.Keys, d.Tokens} {
		for k, v := range m {
			size += len(k) + len(v)
		}
	}
	if size > most {
		all := Identity{Keys: d.Keys, Tokens: d.Tokens}
		d.Keys, d.Tokens = map[string]string{"all": all.Hash()}, map[string]string{}
	}
	var err error
	if d.Weights, err = known.weights(m.File, stop); err != nil {
		return nil, err
	}
	m.identified.id = d
	return d, nil
}

// trained says whether logits depend on how many positions the model was first trained for.
func (m *Model) trained() bool {
	for _, r := range m.program.Ropes {
		if r.Long != nil {
			return true
		}
	}
	return m.keys["rope.scaling.type"] == "yarn"
}

// digestOf is a short digest.
func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:16])
}
