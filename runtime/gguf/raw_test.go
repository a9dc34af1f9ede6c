package gguf

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

// raw builds a file field by field, so that any of them can be wrong.
type raw []byte

func (r *raw) u32(v ...uint32) *raw {
	for _, x := range v {
		*r = binary.LittleEndian.AppendUint32(*r, x)
	}
	return r
}

func (r *raw) u64(v ...uint64) *raw {
	for _, x := range v {
		*r = binary.LittleEndian.AppendUint64(*r, x)
	}
	return r
}

func (r *raw) str(s string) *raw {
	r.u64(uint64(len(s)))
	*r = append(*r, s...)
	return r
}

// head is the fixed start: version, tensor count, metadata count.
func (r *raw) head(version uint32, nTensors, nEntries uint64) *raw {
	*r = append(*r, magic...)
	return r.u32(version).u64(nTensors, nEntries)
}

// kv starts a metadata entry; the value follows.
func (r *raw) kv(key string, kind Kind) *raw { return r.str(key).u32(uint32(kind)) }

func (r *raw) tensor(name string, typ uint32, offset uint64, dims ...uint64) *raw {
	return r.str(name).u32(uint32(len(dims))).u64(dims...).u32(typ).u64(offset)
}

// data pads to 32 bytes and appends n more.
func (r *raw) data(n int) *raw {
	*r = append(*r, make([]byte, int(align(int64(len(*r)), 32))-len(*r)+n)...)
	return r
}

func file() *raw { return &raw{} }

// Type ids of ggml, for the tests alone: the program's own list is the dispatch table.
const (
	f32  = 0
	f16  = 1
	q8_0 = 8
	none = 999
)

func testSizes(id uint32) (block, bytes int, ok bool) {
	switch id {
	case f32:
		return 1, 4, true
	case f16, 30: // 30 is bf16
		return 1, 2, true
	case q8_0:
		return 32, 34, true
	case 39: // mxfp4
		return 32, 17, true
	}
	return 0, 0, false
}

func mustParse(t *testing.T, data []byte) *File {
	t.Helper()
	f, err := Parse(data, testSizes)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// models are small real files; each was written by gguf-py and loaded by llama.cpp.
var models = []string{"llama_bf16", "w_mxfp4", "w_q8_0"}

func modelPath(name string) string {
	return filepath.Join("..", "..", "testdata", "arch", name, "model.gguf")
}

func readModel(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(modelPath(name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
