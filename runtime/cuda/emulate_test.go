//go:build emulate

package cuda

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/ref"
)

// These tests run the kernels on a CPU, compiled by g++ with testdata/emulate in place of the GPU's instructions: go test -tags
// emulate. They are about indices and arithmetic.

const emulation = "../../kernels/cuda/testdata/emulate"

// program compiles a source with the main function of that name.
func program(t *testing.T, s *Source, name string) string {
	t.Helper()
	dir := t.TempDir()
	put := func(file, text string) {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for h, text := range s.Headers {
		put(h, text)
	}
	for _, file := range []string{"warp.cuh", name + ".cpp"} {
		text, err := os.ReadFile(filepath.Join(emulation, file))
		if err != nil {
			t.Fatal(err)
		}
		put(file, string(text))
	}
	put("program.cuh", s.Main)
	bin := filepath.Join(dir, name)
	out, err := exec.Command("g++", "-O1", "-std=c++17", "-ffp-contract=off", "-w", "-o", bin, filepath.Join(dir, name+".cpp")).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", s.Name, err, out)
	}
	return bin
}

func emulated(t *testing.T, bin string, in ...any) []byte {
	t.Helper()
	var input bytes.Buffer
	for _, v := range in {
		if err := binary.Write(&input, binary.LittleEndian, v); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(bin)
	cmd.Stdin, cmd.Stderr = &input, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", bin, err)
	}
	return out
}

// stored is one side as the kernel store left it.
type stored struct {
	rowBytes, scaleBytes int32
	packed, rows, scales []byte
}

func storeSide(t *testing.T, s Side, key bool, x []float32, tokens, heads, cells int) stored {
	t.Helper()
	src, err := StoreSource(s, key, Generated)
	if err != nil {
		t.Fatal(err)
	}
	out := emulated(t, program(t, src, "store"), []int32{int32(tokens), int32(heads), int32(cells)}, x)
	var r stored
	r.rowBytes, r.scaleBytes = int32(binary.LittleEndian.Uint32(out)), int32(binary.LittleEndian.Uint32(out[4:]))
	out = out[8:]
	n := tokens * heads * s.Type.RowBytes(s.Type.HeadDim(s.Dim))
	r.packed, out = out[:n], out[n:]
	n = cells * heads * int(r.rowBytes)
	r.rows, r.scales = out[:n], out[n:]
	return r
}

func TestEmulated(t *testing.T) {
	for _, c := range []struct {
		k, v     string
		dk, dv   int
		rotation string
		heads    int
		kvHeads  int
		cells    int
		queries  int
		window   int
		sinks    bool
		cap      float32
		splits   int
		fast     bool
		rows     int
	}{
		{k: "lm4_128", v: "lm4_128", dk: 128, dv: 128, heads: 8, kvHeads: 2, cells: 77, queries: 1, splits: 3, rows: 4},
		{k: "lm3_64", v: "lm3_128", dk: 64, dv: 128, heads: 3, kvHeads: 1, cells: 70, queries: 5, splits: 2, window: 40, rows: 16},
		{k: "q4_0", v: "q4_1", dk: 96, dv: 64, heads: 4, kvHeads: 1, cells: 45, queries: 1, splits: 1, sinks: true, rotation: "attn32"},
		{k: "q8_0", v: "turbo4", dk: 64, dv: 64, heads: 12, kvHeads: 1, cells: 33, queries: 1, splits: 1, cap: 3},
		{k: "f16", v: "f32", dk: 40, dv: 40, heads: 2, kvHeads: 2, cells: 100, queries: 3, splits: 2, rows: 4},
		{k: "bf16", v: "f16", dk: 80, dv: 128, heads: 2, kvHeads: 1, cells: 64, queries: 1, splits: 1},
		{k: "lm6_32", v: "lm5_64", dk: 64, dv: 192, heads: 8, kvHeads: 1, cells: 64, queries: 1, splits: 1},
		{k: "turbo3", v: "turbo2", dk: 256, dv: 512, heads: 8, kvHeads: 1, cells: 64, queries: 1, splits: 1},
		{k: "q4_1", v: "q5_1", dk: 576, dv: 576, heads: 8, kvHeads: 1, cells: 64, queries: 1, splits: 1},
		{k: "turbo4", v: "turbo4", dk: 128, dv: 128, heads: 8, kvHeads: 1, cells: 40, queries: 1, splits: 1, fast: true},
		{k: "turbo4", v: "turbo3", dk: 128, dv: 128, heads: 4, kvHeads: 1, cells: 200, queries: 1, splits: 2, rows: 4},
		{k: "f32", v: "iq4_nl", dk: 128, dv: 128, heads: 4, kvHeads: 1, cells: 64, queries: 1, splits: 2, rotation: ""},
	} {
		t.Run(fmt.Sprintf("%s-%s-%d-%d", c.k, c.v, c.dk, c.dv), func(t *testing.T) {
			key, value := Side{Type: kernels.ByName(c.k), Dim: c.dk}, Side{Type: kernels.ByName(c.v), Dim: c.dv}
			if c.rotation != "" {
				key.Rotation, value.Rotation = kernels.RotationByName(c.rotation), kernels.RotationByName(c.rotation)
			}
			room := (c.cells + 63) / 64 * 64
			x, y := normal(1, c.cells*c.kvHeads*c.dk), normal(2, c.cells*c.kvHeads*c.dv)
			k, v := storeSide(t, key, true, x, c.cells, c.kvHeads, room), storeSide(t, value, false, y, c.cells, c.kvHeads, room)
			if !bytes.Equal(k.packed, encoded(key, x)) || !bytes.Equal(v.packed, encoded(value, y)) {
				t.Fatal("packed rows are not those of the CPU kernels")
			}
			a := Attention{Key: key, Value: value, Fast: c.fast, SoftCap: c.cap > 0, Warps: 2, Rows: c.rows}
			src, err := a.Source(Generated)
			if err != nil {
				t.Fatal(err)
			}
			q := normal(3, c.queries*c.heads*c.dk)
			var sinks []float32
			if c.sinks {
				sinks = normal(4, c.heads)
			}
			scale := float32(1 / math.Sqrt(float64(c.dk)))
			first := c.cells - c.queries
			n := []int32{int32(first), int32(c.queries), int32(c.heads), int32(c.kvHeads), int32(c.cells), int32(room), int32(c.window), int32(c.splits),
				int32(min(1, len(sinks))), k.rowBytes, k.scaleBytes, v.rowBytes, v.scaleBytes}
			out := emulated(t, program(t, src, "attend"), n, []float32{scale, c.cap}, q, sinks, k.rows, k.scales, v.rows, v.scales)
			oracle := ref.Attention{Heads: c.heads, KVHeads: c.kvHeads, KeyDim: c.dk, ValueDim: c.dv, Scale: float64(scale), Softcap: float64(c.cap), Window: c.window, Sinks: sinks}
			want := oracle.Run(q, decoded(key, k.packed), decoded(value, v.packed), first)
			var e, p float64
			for i, w := range want {
				got := float64(math.Float32frombits(binary.LittleEndian.Uint32(out[4*i:])))
				e, p = e+(got-w)*(got-w), p+w*w
			}
			rel := math.Sqrt(e / p)
			t.Logf("relative error %.2g, %d and %d bytes a row", rel, k.rowBytes+k.scaleBytes, v.rowBytes+v.scaleBytes)
			limit := 4e-4
			if c.fast {
				limit = 1e-2
			}
			if !(rel < limit) {
				t.Error("too far from the oracle")
			}
		})
	}
}
