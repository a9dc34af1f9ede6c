package gen_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/kvgen/kvgen/gen"
	"github.com/kvgen/kvgen/gen/interp"
	"github.com/kvgen/kvgen/gen/spec"
)

var (
	lexeme = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*|[0-9][0-9.e-]*|[-+*/%<>=!&|?:]+|[()\[\],]`)
	number = regexp.MustCompile(`^[0-9]`)
	name   = regexp.MustCompile(`^[A-Za-z_]`)
)

// pieces are the declarations of all spec files, each type with the transforms of its file before
// it.
func pieces(tb testing.TB) (all []string) {
	tb.Helper()
	for _, folder := range []string{"kernels/spec", "testdata/unseen"} {
		paths, _ := filepath.Glob(filepath.Join(root, folder, "*.hcl"))
		for _, p := range paths {
			text, err := os.ReadFile(p)
			if err != nil {
				tb.Fatal(err)
			}
			var shared, types []string
			for _, d := range regexp.MustCompile(`(?ms)^(type|family|transform|rotation) .*?^}\n`).FindAllString(string(text), -1) {
				if strings.HasPrefix(d, "transform") {
					shared = append(shared, d)
				} else {
					types = append(types, d)
				}
			}
			for _, d := range types {
				all = append(all, strings.Join(shared, "")+d)
			}
		}
	}
	if len(all) < 60 {
		tb.Fatalf("%d declarations", len(all))
	}
	return all
}

// mutate changes up to three tokens of the last declaration of text to others of their kind, mostly
// ones that stand there or mean something.
func mutate(r *rand.Rand, text string) string {
	words := strings.Fields("i block x codebook sum min max absmax extremum clamp abs sqrt inv floor f16 bf16 e8m0 trunc rint round float nearest pow head_dim quantised true")
	numbers := strings.Fields("0 1 2 3 4 7 8 15 16 31 32 63.5 64 127 128 255 0.5 1e-10 16777216 65536 1e30")
	operators := strings.Fields("+ - * / % < <= > >= == != && || ? :")
	at := max(0, strings.LastIndex(text, "\n}\n"+"type"))
	for range 1 + r.IntN(3) {
		spans := lexeme.FindAllStringIndex(text[at:], -1)
		s := spans[r.IntN(len(spans))]
		from, to := at+s[0], at+s[1]
		old, put := text[from:to], ""
		other := spans[r.IntN(len(spans))]
		switch {
		case r.IntN(8) == 0:
			put = text[at+other[0] : at+other[1]]
		case name.MatchString(old):
			if put = words[r.IntN(len(words))]; r.IntN(2) == 0 {
				put = old + "*" + numbers[r.IntN(len(numbers))]
			}
		case number.MatchString(old):
			put = numbers[r.IntN(len(numbers))]
		case strings.ContainsAny(old, "()[],"):
			continue
		default:
			put = operators[r.IntN(len(operators))]
		}
		text = text[:from] + put + text[to:]
	}
	return text
}

// FuzzTokens changes tokens of the project's and of unseen types: whatever comes out is refused
// with a place, or compiles for every target and can be interpreted, in bounded time and without a
// panic.
func FuzzTokens(f *testing.F) {
	all := pieces(f)
	for seed := range uint64(150) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 1))
		text := mutate(r, all[r.IntN(len(all))])
		start := time.Now()
		set, err := spec.Parse(map[string][]byte{"a.hcl": []byte(text)})
		if err != nil {
			return
		}
		if _, err := gen.Run(set, gen.Targets()...); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
		for _, typ := range set.Types {
			x, row, y := make([]float32, typ.Block), make([]byte, typ.Bytes), make([]float32, typ.Block)
			for k := range x {
				x[k] = float32(r.NormFloat64())
			}
			if typ.Encode != nil {
				interp.Encode(typ, row, x)
			}
			interp.Decode(typ, y, row)
		}
		if d := time.Since(start); d > time.Minute { // far above what any takes, for slow machines
			t.Errorf("took %v:\n%s", d, text)
		}
	})
}
