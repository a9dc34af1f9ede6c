package hf

// metadata is entries of a GGUF file, in order. It is a tokenizer.Metadata.
type metadata struct{ entries []entry }

type entry struct {
	key   string
	value any
}

func (m *metadata) set(key string, v any) { m.entries = append(m.entries, entry{key, v}) }

// get finds a value of a type.
func get[T any](m *metadata, key string) (v T, found bool, err error) {
	for _, e := range m.entries {
		if e.key == key {
			v, found = e.value.(T)
		}
	}
	return v, found, nil
}

func (m *metadata) Str(key string) (string, bool, error)     { return get[string](m, key) }
func (m *metadata) U32(key string) (uint32, bool, error)     { return get[uint32](m, key) }
func (m *metadata) Bool(key string) (v, found bool, _ error) { return get[bool](m, key) }
func (m *metadata) Strs(key string) ([]string, bool, error)  { return get[[]string](m, key) }
func (m *metadata) F32s(key string) ([]float32, bool, error) { return get[[]float32](m, key) }
func (m *metadata) I32s(key string) ([]int32, bool, error)   { return get[[]int32](m, key) }
