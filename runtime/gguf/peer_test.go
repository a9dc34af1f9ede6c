//go:build peers

package gguf

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	peer "github.com/gpustack/gguf-parser-go"
)

// peerSizes is the type list of the other parser, so that sizes are compared with a source that is
// not ours.
func peerSizes(id uint32) (block, bytes int, ok bool) {
	trait, ok := peer.GGMLType(id).Trait()
	return int(trait.BlockSize), int(trait.TypeSize), ok
}

// Real files, and what the writer makes of them, read the same here and by an independent parser.
func TestPeer(t *testing.T) {
	for _, name := range models {
		t.Run(name, func(t *testing.T) {
			comparePeer(t, modelPath(name))
			f, err := Open(modelPath(name), peerSizes)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			out := filepath.Join(t.TempDir(), "copy.gguf")
			if err := Create(out, func(w *Writer) error { return copyFile(w, f) }); err != nil {
				t.Fatal(err)
			}
			comparePeer(t, out)
		})
	}
	t.Run("every kind", func(t *testing.T) {
		out := filepath.Join(t.TempDir(), "kinds.gguf")
		if err := Create(out, writeKinds); err != nil {
			t.Fatal(err)
		}
		comparePeer(t, out)
	})
	t.Run("version 2", func(t *testing.T) {
		data := readModel(t, models[0])
		data[4] = 2
		out := filepath.Join(t.TempDir(), "v2.gguf")
		if err := os.WriteFile(out, data, 0o666); err != nil {
			t.Fatal(err)
		}
		comparePeer(t, out)
	})
}

func comparePeer(t *testing.T, path string) {
	t.Helper()
	f, err := Open(path, peerSizes)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, err := peer.ParseGGUFFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if f.Version != uint32(p.Header.Version) || f.DataOffset != p.TensorDataStartOffset || f.Size != int64(p.Size) {
		t.Errorf("version, data offset, size: %d, %d, %d; peer: %d, %d, %d",
			f.Version, f.DataOffset, f.Size, p.Header.Version, p.TensorDataStartOffset, p.Size)
	}
	if got, want := len(f.Keys()), int(p.Header.MetadataKVCount); got != want {
		t.Fatalf("%d metadata entries, peer: %d", got, want)
	}
	for i, kv := range p.Header.MetadataKV {
		if f.Keys()[i] != kv.Key {
			t.Fatalf("key %d is %q, peer: %q", i, f.Keys()[i], kv.Key)
		}
		if got, want := value(t, f, kv.Key), peerValue(kv); !reflect.DeepEqual(got, want) {
			t.Errorf("%s = %v, peer: %v", kv.Key, got, want)
		}
	}
	if got, want := len(f.Tensors()), len(p.TensorInfos); got != want {
		t.Fatalf("%d tensors, peer: %d", got, want)
	}
	for i, want := range p.TensorInfos {
		got := f.Tensors()[i]
		dims := make([]uint64, len(got.Dims))
		for j, d := range got.Dims {
			dims[j] = uint64(d)
		}
		if got.Name != want.Name || got.Type != uint32(want.Type) || !slices.Equal(dims, want.Dimensions) ||
			got.Offset != p.TensorDataStartOffset+int64(want.Offset) || got.Size != int64(want.Bytes()) {
			t.Errorf("tensor %+v, peer: %+v", got, want)
		}
	}
}

// value reads key with the getter of its kind, widened to one type per family as peerValue does.
func value(t *testing.T, f *File, key string) any {
	t.Helper()
	elem, n, _ := f.Kind(key)
	if n == 0 {
		return "an empty array of " + elem.String()
	}
	var v any
	var err error
	switch elem {
	case KindString:
		v, _, err = f.Strs(key)
	case KindBool:
		v, _, err = f.Bools(key)
	case KindF32, KindF64:
		v, _, err = f.F32s(key)
	case KindU64:
		v, _, err = f.U64s(key)
	default:
		v, _, err = f.I64s(key)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func peerValue(kv peer.GGUFMetadataKV) any {
	elem, items := kv.ValueType, []any{kv.Value}
	if elem == peer.GGUFMetadataValueTypeArray {
		a := kv.ValueArray()
		elem, items = a.Type, a.Array
	}
	if len(items) == 0 {
		return "an empty array of " + Kind(elem).String()
	}
	switch items[0].(type) {
	case string:
		return each(items, func(v any) string { return v.(string) })
	case bool:
		return each(items, func(v any) bool { return v.(bool) })
	case float32, float64:
		return each(items, func(v any) float32 { return float32(reflect.ValueOf(v).Float()) })
	case uint64:
		return each(items, func(v any) uint64 { return v.(uint64) })
	}
	return each(items, func(v any) int64 {
		if r := reflect.ValueOf(v); r.CanInt() {
			return r.Int()
		} else {
			return int64(r.Uint())
		}
	})
}

func each[T any](items []any, conv func(any) T) []T {
	out := make([]T, len(items))
	for i, v := range items {
		out[i] = conv(v)
	}
	return out
}
