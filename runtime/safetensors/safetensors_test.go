package safetensors

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// file writes a file with a header and so many bytes of data, each its own offset.
func file(t testing.TB, dir, name, header string, data int) string {
	t.Helper()
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	b = append(b, header...)
	for i := range data {
		b = append(b, byte(i))
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

const two = `{"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[],"data_offsets":[12,16]},"a":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]}}   `

// TestOpen reads a file: its tensors in the order of their data, and parts of them.
func TestOpen(t *testing.T) {
	f, err := Open(file(t, t.TempDir(), single, two, 16))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if len(f.Tensors) != 2 || f.Tensors[0].Name != "a" || f.Tensors[1].Name != "b" || f.Tensors[0].Shape[1] != 3 {
		t.Fatalf("%+v", f.Tensors)
	}
	got := make([]byte, 3)
	if err := f.Tensors[1].Read(got, 1); err != nil || string(got) != "\x0d\x0e\x0f" {
		t.Errorf("%x, %v", got, err)
	}
	for _, off := range []int64{-1, 2} {
		if err := f.Tensors[1].Read(got, off); err == nil || !strings.Contains(err.Error(), `"b"`) {
			t.Errorf("3 bytes at %d of 4: %v", off, err)
		}
	}
}

// bad are headers over 16 bytes of data, with what is said of each.
var bad = map[string]string{
	``:   "no JSON",
	`[]`: "no JSON object",
	`{`:  "no JSON",
	`{}`: "the tensors have 0 bytes, and the file has 16",
	`{"a":{"dtype":"F99","shape":[4],"data_offsets":[0,16]}}`:                                                                   `dtype "F99"`,
	`{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,17]}}`:                                                                   "within the 16 bytes",
	`{"a":{"dtype":"F32","shape":[4],"data_offsets":[-1,15]}}`:                                                                  "within the 16 bytes",
	`{"a":{"dtype":"F32","shape":[4],"data_offsets":[16]}}`:                                                                     "begin and end",
	`{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,16]}}`:                                                                   "has 12 bytes, and data_offsets are 16 apart",
	`{"a":{"dtype":"F32","shape":[-4],"data_offsets":[0,16]}}`:                                                                  "shape [-4]",
	`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,16]}}`:                                               "2^63-1",
	`{"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,16],"data_offsets":[0,16]}}`:                                                   "9 dimensions",
	`{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}`:                                                                   "the tensors have 12 bytes",
	`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[3],"data_offsets":[4,16]}}`:              "in the one before it",
	`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}`:              "belong to none",
	`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}`:              "duplicate",
	`{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16],"extra":1}}`:                                                         "extra",
	`{"__metadata__":{"format":1},"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}`:                                       metadataKey,
	`{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"b":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}`:             "in the one before it",
	`{"a":{"dtype":"F32","shape":[4611686018427387904,4611686018427387904,0],"data_offsets":[0,0]}}`:                            "2^63-1",
	`{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"b":{"dtype":"F32","shape":[0],"data_offsets":[4,4]}}`:              "in the one before it",
	`{"a":{"dtype":"F32","shape":[1e99],"data_offsets":[0,16]}}`:                                                                "tensor",
	`{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"b":{"dtype":"F32","shape":[0],"data_offsets":[9007199254740993]}}`: "begin and end",
}

func TestBad(t *testing.T) {
	for header, want := range bad {
		if _, err := parse([]byte(header), 16); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", header, err, want)
		}
	}
	path := file(t, t.TempDir(), single, two, 16)
	for _, size := range []int64{0, 7, 8, 100, 24 + int64(len(two)) - 1} {
		if err := os.Truncate(path, size); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("cut to %d bytes: %v", size, err)
		}
		path = file(t, filepath.Dir(path), single, two, 16)
	}
	huge := binary.LittleEndian.AppendUint64(nil, 1<<63)
	if err := os.WriteFile(path, huge, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "allowed") {
		t.Errorf("a header of 2^63 bytes: %v", err)
	}
}

// TestFolder reads a model of two files, and indexes that do not fit theirs.
func TestFolder(t *testing.T) {
	a := `{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`
	b := `{"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`
	for weights, want := range map[string]string{
		`{"a":"1.safetensors","b":"2.safetensors"}`:                      "",
		`{"a":"1.safetensors","b":"1.safetensors"}`:                      `no tensor "b"`,
		`{"a":"1.safetensors","b":"2.safetensors","c":"2.safetensors"}`:  `no tensor "c"`,
		`{"a":"1.safetensors","c":"2.safetensors"}`:                      `tensor "b"`,
		`{"b":"2.safetensors","a":"0.safetensors"}`:                      "0.safetensors",
		`{"a":"1.safetensors","b":"../2.safetensors"}`:                   "of the folder",
		`{"a":"1.safetensors","b":"2.bin"}`:                              "of the folder",
		`{"a":"1.safetensors","b":"2.safetensors","d":"3.safetensors"}`:  "3.safetensors",
		`{"a":"1.safetensors","b":"2.safetensors","b":"2.safetensors"}`:  "duplicate",
		`{"a":"1.safetensors","b":"2.safetensors","d":["3.safetensors"]`: index,
	} {
		dir := t.TempDir()
		file(t, dir, "1.safetensors", a, 4)
		file(t, dir, "2.safetensors", b, 4)
		if err := os.WriteFile(filepath.Join(dir, index), []byte(`{"metadata":{"total_size":8},"weight_map":`+weights+`}`), 0o666); err != nil {
			t.Fatal(err)
		}
		d, err := OpenFolder(dir)
		if err == nil {
			if len(d.Tensors) != 2 || len(d.Files) != 2 {
				t.Errorf("%s: %v", weights, d.Tensors)
			}
			d.Close()
		}
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", weights, err, want)
		}
	}
	if _, err := OpenFolder(t.TempDir()); err == nil || !strings.Contains(err.Error(), single) {
		t.Errorf("an empty folder: %v", err)
	}
}

// FuzzParse holds what is accepted to cover the data once.
func FuzzParse(f *testing.F) {
	f.Add([]byte(two), int64(16))
	for header := range bad {
		f.Add([]byte(header), int64(16))
	}
	f.Fuzz(func(t *testing.T, header []byte, data int64) {
		tensors, err := parse(header, data)
		if err != nil {
			return
		}
		end := int64(0)
		for _, x := range tensors {
			values := int64(1)
			for _, d := range x.Shape {
				values *= d
			}
			if x.at != end || x.Size != values*widths[x.Type] {
				t.Fatalf("%+v after %d bytes", x, end)
			}
			end += x.Size
		}
		if end != data {
			t.Fatalf("%d bytes of %d", end, data)
		}
	})
}
