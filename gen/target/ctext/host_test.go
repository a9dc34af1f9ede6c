package ctext_test

import (
	"bytes"
	_ "embed"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/gen/interp"
	"github.com/kvgen/kvgen/gen/lower"
	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target/ctext"
	"github.com/kvgen/kvgen/kernels/ref"
)

// host is C++ for a machine with one lane, in memory that is one: the second implementation of
// Dialect, whose text runs here.
var host = ctext.Target{Dialect: &ctext.Dialect{
	Name:     "host",
	Language: "C++",
	Folder:   "host",
	Suffix:   ".h",

	Function: "static",
	Inline:   "static inline",
	Init:     "explicit",
	Constant: "static constexpr",
	Table:    "static const",
	Entries:  "const float*",

	Block:   "const Byte*",
	Words:   "Byte*",
	Shared:  "float*",
	Given:   "const float*",
	Out:     "unsigned*",
	Held:    "[[maybe_unused]] ",
	Lanes:   1,
	Unroll:  "// all of them",
	Once:    "#pragma once",
	Include: "#include %q",

	Join: func(_, expression string) string { return "[](float v, float so_far) { return " + expression + "; }" },
	Levels: func(b ctext.Book) (statements []string) {
		for k, row := range b.Rows {
			entries := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(row)), ", "), "[]")
			statements = append(statements, fmt.Sprintf("static const signed char row%d[] = {%s};", k, entries),
				fmt.Sprintf("out[%d] = levels_of(row%[1]d, low, high);", k))
		}
		return statements
	},
	Terms: func(ctext.Book) int { return 1 },
}}

//go:embed testdata/host.h
var hostFrame []byte

// rows of each type that are encoded, and that are read.
const rows = 12

// hostProgram compiles the structs of a set, and calls them type by type.
func hostProgram(t *testing.T, set *spec.Set, texts map[string][]byte) string {
	t.Helper()
	gxx, err := exec.LookPath("g++")
	if err != nil {
		if os.Getenv("KVGEN_REQUIRE_CXX") != "" {
			t.Fatal(err)
		}
		t.Skip("nothing of the host dialect is compiled: there is no g++")
	}
	dir := t.TempDir()
	write := func(name string, text []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	var main strings.Builder
	fmt.Fprintln(&main, `#include "host.h"`)
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		write(name, texts[name])
		fmt.Fprintf(&main, "#include %q\n", name)
	}
	fmt.Fprintln(&main, "int main() {")
	for _, typ := range set.Types {
		if encodes(typ) {
			fmt.Fprintf(&main, "  encode_rows<Type_%s>(%d);\n", typ.Name, rows)
		}
		if !typ.Whole() {
			fmt.Fprintf(&main, "  read_rows<Type_%s>(%d);\n", typ.Name, rows)
		}
	}
	fmt.Fprintln(&main, "}")
	write("host.h", hostFrame)
	write("main.cpp", []byte(main.String()))
	out, err := exec.Command(gxx, "-std=c++17", "-O1", "-ffp-contract=off", "-w", "-o", filepath.Join(dir, "main"), filepath.Join(dir, "main.cpp")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return filepath.Join(dir, "main")
}

// encodes says whether the struct of a type has an encoder.
func encodes(t *spec.Type) bool { return t.KV && t.Encode != nil && t.Block > 1 }

// oracle is the published format, or what the interpreter makes of the spec.
func oracle(t *spec.Type) ref.Format {
	if f, ok := ref.ByName(t.Name); ok {
		return f
	}
	return interp.Format(t)
}

// floats are rows that encoders are tried with.
func floats(n int, seed uint64) []float32 {
	x := ref.LCG(n*rows, seed, 1)
	copy(x[n:], ref.Heavy(n))
	clear(x[2*n : 3*n])
	copy(x[3*n:], ref.Big(n))
	for i := range n {
		x[4*n+i] *= 1e-6
		x[5*n+i] = float32(i%3) - 1
	}
	return x
}

// packed are blocks to read: what the oracle packs, and after these any bytes.
func packed(t *spec.Type, f ref.Format) []byte {
	b := make([]byte, rows*t.Bytes)
	r := rand.New(rand.NewPCG(7, uint64(t.Bytes)))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	if f.Encode != nil {
		f.Encode(b[:rows/2*t.Bytes], floats(t.Block, 5)[:rows/2*t.Block])
	}
	return b
}

// TestHost runs the structs of every type, of the project and of layouts that the compiler has not
// seen, in the host dialect, and compares them with the oracles. What is encoded is equal byte for
// byte, values bit for bit, levels within what their form rounds.
func TestHost(t *testing.T) {
	for _, folder := range []string{"../../../kernels/spec", "../../../testdata/unseen"} {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			set, err := spec.Load(os.DirFS(folder))
			if err != nil {
				t.Fatal(err)
			}
			checkHost(t, set, host.Structs(set), func(format string, args ...any) { t.Errorf(format, args...) })
		})
	}
}

// TestHostPlanted has it find mistakes in the text of a type.
func TestHostPlanted(t *testing.T) {
	set, err := spec.Load(os.DirFS("../../../kernels/spec"))
	if err != nil {
		t.Fatal(err)
	}
	texts := host.Structs(set)
	want := []string{"iq4_nl", "lm2_128", "lm4_64", "q4_K", "q8_0", "turbo3"}
	for name, plant := range map[string][2]string{
		"type-q4_K.h":    {"68 + 8 * (i / 32)", "72 + 8 * (i / 32)"},
		"type-lm4_64.h":  {"{-122, -93, ", "{-122, -92, "},
		"type-q8_0.h":    {"round_int(", "trunc_int("},
		"type-turbo3.h":  {"forward(v, lane)", "inverse(v, lane)"},
		"type-iq4_nl.h":  {"{-127, -104", "{-127, -105"},
		"type-lm2_128.h": {"put_bits<2>(b, 16 + ", "put_bits<2>(b, 24 + "},
	} {
		if was := string(texts[name]); strings.Contains(was, plant[0]) {
			texts[name] = []byte(strings.Replace(was, plant[0], plant[1], 1))
		} else {
			delete(texts, name) // said below
		}
	}
	if len(texts) != len(set.Types)+len(set.Transforms) {
		t.Fatal("a mistake cannot be planted: the text is another one")
	}
	set.Types = slices.DeleteFunc(set.Types, func(typ *spec.Type) bool { return !slices.Contains(want, typ.Name) })
	found := map[string]bool{}
	checkHost(t, set, texts, func(format string, args ...any) {
		name, _, _ := strings.Cut(fmt.Sprintf(format, args...), ":")
		found[name] = true
	})
	if got := slices.Sorted(maps.Keys(found)); !slices.Equal(got, want) {
		t.Errorf("of mistakes in %v found those in %v", want, got)
	}
}

// checkHost runs the texts of a set and tells what is wrong.
func checkHost(t *testing.T, set *spec.Set, texts map[string][]byte, tell func(format string, args ...any)) {
	program := hostProgram(t, set, texts)
	var in bytes.Buffer
	for _, typ := range set.Types {
		if encodes(typ) {
			binary.Write(&in, binary.LittleEndian, floats(typ.Block, 3))
		}
		if !typ.Whole() {
			in.Write(packed(typ, oracle(typ)))
		}
	}
	cmd := exec.Command(program)
	cmd.Stdin, cmd.Stderr = &in, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	r := bytes.NewReader(out)
	for _, typ := range set.Types {
		f := oracle(typ)
		if encodes(typ) {
			got, want := make([]byte, rows*typ.Bytes), make([]byte, rows*typ.Bytes)
			r.Read(got)
			f.Encode(want, floats(typ.Block, 3))
			for k := range rows {
				if a, b := got[k*typ.Bytes:][:typ.Bytes], want[k*typ.Bytes:][:typ.Bytes]; !bytes.Equal(a, b) {
					tell("%s: row %d is packed as\n%x, want\n%x", typ.Name, k, a, b)
					break
				}
			}
		}
		if !typ.Whole() {
			checkRead(r, typ, string(texts["type-"+typ.Name+".h"]), f, tell)
		}
	}
	if r.Len() > 0 {
		t.Errorf("%d bytes too many", r.Len())
	}
}

// checkRead compares what was read of the packed rows of a type.
func checkRead(r *bytes.Reader, typ *spec.Type, text string, f ref.Format, tell func(format string, args ...any)) {
	n := typ.Block
	next := func() []float32 {
		x := make([]float32, n)
		binary.Read(r, binary.LittleEndian, x)
		return x
	}
	p, _ := lower.Split(typ)
	var largest float64
	for _, l := range p.Levels {
		largest = max(largest, math.Abs(float64(l)))
	}
	packed := packed(typ, f)
	want := make([]float32, n)
	for k := range rows {
		f.Decode(want, packed[k*typ.Bytes:][:typ.Bytes])
		equal := func(what string, got []float32) {
			for i := range got {
				if math.Float32bits(got[i]) != math.Float32bits(want[i]) && (got[i] == got[i] || want[i] == want[i]) {
					tell("%s: %s %d of row %d is %g, want %g", typ.Name, what, i, k, got[i], want[i])
					return
				}
			}
		}
		equal("value", next())
		if !strings.Contains(text, "weight_codes = true") {
			continue
		}
		scale := next()
		for _, form := range []struct {
			name  string
			error float64 // of a level
		}{{"exact", largest / (126 * 64)}, {"fast", float64(p.Factor) * 0.51}} {
			if p.Exact {
				form.error = 0
			}
			for i, got := range next() {
				s := math.Abs(float64(scale[i]))
				bound := s*form.error + 1e-6*(s*largest+math.Abs(float64(want[i]))) + 1e-37
				if off := math.Abs(float64(got) - float64(want[i])); off > bound && want[i]-want[i] == 0 && s*largest < math.MaxFloat32 {
					tell("%s: %s %d of row %d is %g, want %g within %g", typ.Name, form.name, i, k, got, want[i], bound)
					break
				}
			}
		}
		if strings.Contains(text, "kept = true") {
			equal("value of what is kept,", next())
		}
		if strings.Contains(text, "stepped = true") {
			product := next()
			want = next()
			equal("scale in steps,", product)
		}
	}
}
