package attend

import (
	"bytes"
	"cmp"
	"debug/elf"
	"encoding/binary"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/cuda"
	"github.com/kvgen/kvgen/runtime/gpu/rope"
	"github.com/kvgen/kvgen/runtime/gpu/rows"
	"github.com/kvgen/kvgen/runtime/internal/gputest"
)

var (
	compilerFile = flag.String("compiler", "", "an NVRTC library: compile kernels with it")
	disassembler = flag.String("disassembler", "", "nvdisasm: count the instructions of the loop of attend")
	countArch    = flag.Int("arch", 90, "compute capability that instructions are counted for")
	countTypes   = flag.String("count", "lm4_128,turbo4,turbo4/fast,lm3_128,turbo3,turbo3/fast,q4_0,q8_0,f16", "types, or KEY:VALUE, and /fast")
	countTiles   = flag.String("count-tiles", "0", "tiles that a warp takes at a time, several")
	countWarps   = flag.Int("count-warps", 0, "warps of a block")
	countBlocks  = flag.String("count-blocks", "0", "blocks of a multiprocessor, several")
	countRows    = flag.Int("count-rows", 4, "query rows of a block")
	countOffset  = flag.Bool("count-offset", false, "keys have an offset")
	countExact   = flag.Bool("count-exact", false, "some rows stay exact, as f16; the loop over the others is counted")
	countPaged   = flag.Bool("count-paged", false, "rows are of several sequences")
	countDim     = flag.Int("count-dim", 128, "values of a head")
	listing      = flag.String("listing", "", "a folder for cubins and listings")
)

// TestInstructions prints how many instructions the loop of attend takes for 32 rows of keys and
// values, by the unit that runs them. It needs NVRTC and nvdisasm, no GPU: go test -run
// TestInstructions ./runtime/gpu/attend -args -compiler FILE -disassembler FILE.
func TestInstructions(t *testing.T) {
	if *compilerFile == "" || *disassembler == "" {
		t.Skip("nothing is counted: name NVRTC and nvdisasm with -args -compiler FILE -disassembler FILE")
	}
	c := &cuda.Compiler{Files: []string{*compilerFile}}
	dir := *listing
	if dir == "" {
		dir = t.TempDir()
	}
	fmt.Printf("%-12s %5s %5s %6s %5s %6s  by unit, for 32 rows; skipped: what is rare\n", "type", "tiles", "warps", "blocks", "regs", "sum")
	for _, name := range strings.Split(*countTypes, ",") {
		types, mode, _ := strings.Cut(name, "/")
		k, v, _ := strings.Cut(types, ":")
		if v == "" {
			v = k
		}
		side := func(n string) rows.Side { return rows.Side{Type: kernels.Default().ByName(n), Dim: *countDim} }
		for _, shape := range gputest.Combined(gputest.Ints(t, *countTiles), gputest.Ints(t, *countBlocks)) {
			a := Shape{Key: side(k), Value: side(v), Fast: mode == "fast", Warps: *countWarps, Blocks: shape[1], Tiles: shape[0], Rows: *countRows, Paged: *countPaged}
			if *countOffset {
				a.Offset = &rope.Pairing{Pairs: *countDim / 2}
			}
			if *countExact {
				a.Exact = &rows.Pair{Key: side("f16"), Value: side("f16")}
			}
			src, err := a.Source(cuda.NewDialect(nil))
			if err != nil {
				t.Fatal(err)
			}
			image, err := c.Compile(src, cuda.Target{Arch: *countArch})
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, fmt.Sprintf("%s-%d-%d.cubin", strings.NewReplacer("/", "-", ":", "-").Replace(name), shape[0], shape[1]))
			if err := os.WriteFile(file, image.Code, 0o666); err != nil {
				t.Fatal(err)
			}
			text, err := exec.Command(*disassembler, "-c", file).Output()
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(strings.TrimSuffix(file, "cubin")+"sass", text, 0o666); err != nil {
				t.Fatal(err)
			}
			loop, err := mainLoop(string(text))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			fmt.Printf("%-12s %5d %5d %6d %5d %6d  %s\n", name, a.TilesOf(0), OrDefault(a.Warps, DefaultWarps), a.Blocks, registers(t, image.Code), loop.sum()/a.TilesOf(0), loop.text(a.TilesOf(0)))
		}
	}
}

// registers of a thread of attend: an attribute (0x2f) in the section .nv.info, which pairs it with
// the index of a symbol.
func registers(t *testing.T, cubin []byte) uint32 {
	f, err := elf.NewFile(bytes.NewReader(cubin))
	if err != nil {
		t.Fatal(err)
	}
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Section(".nv.info").Data()
	if err != nil {
		t.Fatal(err)
	}
	for len(info) >= 4 {
		size := 0
		if info[0] == 4 { // a value of the size that follows; others have it in place
			size = int(binary.LittleEndian.Uint16(info[2:]))
		}
		if info[0] == 4 && info[1] == 0x2f && size == 8 && len(info) >= 12 {
			index := int(binary.LittleEndian.Uint32(info[4:])) - 1 // Symbols leaves symbol 0 out
			if index >= 0 && index < len(symbols) && symbols[index].Name == "attend" {
				return binary.LittleEndian.Uint32(info[8:])
			}
		}
		info = info[min(len(info), 4+size):]
	}
	t.Fatal("the cubin does not say how many registers attend takes")
	return 0
}

// counts is instructions by unit, and by name.
type counts struct {
	units, names map[string]int
	rare         int
}

func (c counts) sum() (n int) {
	for _, v := range c.units {
		n += v
	}
	return n
}

func (c counts) text(tiles int) string {
	var parts []string
	for _, list := range []map[string]int{c.units, c.names} {
		keys := slices.SortedFunc(maps.Keys(list), func(a, b string) int { return cmp.Or(list[b]-list[a], cmp.Compare(a, b)) })
		for _, k := range keys {
			parts = append(parts, k+" "+strconv.FormatFloat(float64(list[k])/float64(tiles), 'g', 4, 64))
		}
		parts = append(parts, "|")
	}
	return strings.Join(append(parts, fmt.Sprint("skipped ", c.rare)), " ")
}

// units of a multiprocessor by instruction, in what they share.
var units = map[string]string{
	"IMMA": "tensor", "HMMA": "tensor",
	"LDG": "load", "STG": "load", "LDS": "shared", "STS": "shared", "LDSM": "shared", "LDL": "spill", "STL": "spill", "SHFL": "shuffle",
	"MUFU": "slow", "I2F": "slow", "F2I": "slow", "F2F": "slow",
	"FFMA": "float", "FMUL": "float", "FADD": "float", "HADD2": "float", "HFMA2": "float", "HMUL2": "float", "IMAD": "imad",
	"BRA": "control", "BSSY": "control", "BSYNC": "control", "EXIT": "control", "WARPSYNC": "control", "NOP": "control", "CALL": "control",
	"LDC": "control", "ULDC": "control", "LDCU": "control", "R2UR": "control", "S2R": "control", "S2UR": "control",
}

func unit(op string) string {
	if u, ok := units[op]; ok {
		return u
	}
	if strings.HasPrefix(op, "U") {
		return "uniform"
	}
	return "integer"
}

var (
	label       = regexp.MustCompile(`^\s*(\.L_x_\d+):`)
	instruction = regexp.MustCompile(`^\s*/\*[0-9a-f]{4,}\*/\s+(.*?);`)
	branch      = regexp.MustCompile("BRA.*`\\((\\.L_x_\\d+)\\)")
	predicate   = regexp.MustCompile(`^@!?U?P\w+\s+`)
)

// mainLoop counts the smallest loop that holds most of attend's products. What a vote jumps over is
// rare and not counted.
func mainLoop(text string) (counts, error) {
	_, text, ok := strings.Cut(text, ".text.attend:")
	if !ok {
		return counts{}, fmt.Errorf("no kernel attend in the listing")
	}
	at := map[string]int{}
	var code []string
	for line := range strings.Lines(text) {
		if m := label.FindStringSubmatch(line); m != nil {
			at[m[1]] = len(code)
		} else if m := instruction.FindStringSubmatch(line); m != nil {
			code = append(code, m[1])
		}
	}
	products := func(from, to int) (n int) {
		for _, s := range code[from:to] {
			if strings.Contains(s, "MMA.") {
				n++
			}
		}
		return n
	}
	first, last, most := 0, 0, 0
	for i, s := range code {
		m := branch.FindStringSubmatch(s)
		if m == nil {
			continue
		}
		to, ok := at[m[1]]
		if !ok || to > i {
			continue
		}
		if n := products(to, i+1); n > most || n == most && i-to < last-first {
			first, last, most = to, i, n
		}
	}
	if most == 0 {
		return counts{}, fmt.Errorf("no loop with products")
	}
	c := counts{units: map[string]int{}, names: map[string]int{}}
	for i := first; i <= last; i++ {
		s := code[i]
		op := strings.Fields(predicate.ReplaceAllString(s, ""))[0]
		name, _, _ := strings.Cut(op, ".")
		c.units[unit(name)]++
		c.names[name]++
		if m := branch.FindStringSubmatch(s); m != nil && predicate.MatchString(s) && at[m[1]] > i+12 && at[m[1]] <= last && products(i, at[m[1]]) == 0 {
			c.rare += at[m[1]] - i - 1
			i = at[m[1]] - 1
		}
	}
	return c, nil
}
