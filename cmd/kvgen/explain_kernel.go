package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/gen"
	"github.com/kvgen/kvgen/gen/lower"
	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target"
	"github.com/kvgen/kvgen/gen/target/gpus"
	"github.com/kvgen/kvgen/internal/suggest"
	"github.com/kvgen/kvgen/kernels/abi"
)

// stems are the beginnings of the names of a kernel's functions, by its field: those for one row of
// activations or of weights, where it has tiles of several.
var stems = map[string]struct{ own, shared []string }{
	"Encode":   {own: []string{"encodeGroups"}},
	"Decode":   {own: []string{"decodeUnits"}},
	"Matmul":   {own: []string{"matmul1x"}, shared: []string{"gemm1xF32"}},
	"MatmulQ8": {own: []string{"matmulQ81x", "matmulQ8Block1x", "matmulQ8Fours1x", "unpack"}, shared: []string{"gemmSigned", "gemmUnsigned"}},
	"Mix":      {own: []string{"mix1x", "mixLevels"}, shared: []string{"mixLevels1x"}},
	"MixQ8":    {own: []string{"mixQ81x", "mixPairs", "mixPlace"}, shared: []string{"mixWeights", "mixPairs1x"}},
}

// score is what attention calls the product of queries with cached keys: matmul on int8.
const score = "score"

// explainedName is a kernel as list names it, or as kvrun does where list leaves it out.
func explainedName(k abi.Kind) string { return cmp.Or(k.Words, k.Name) }

// explainedKernels are their names.
func explainedKernels() (names []string) {
	for _, k := range abi.Kinds {
		names = append(names, explainedName(k))
	}
	return names
}

// explainedStages are the stages of the compiler, the last of them one for each GPU.
func explainedStages() []string {
	stages := []string{"expr", "ir", "asm"}
	for _, g := range gpus.All() {
		stages = append(stages, g.Name())
	}
	return stages
}

// stageUsage says what the stages are.
func stageUsage() string {
	text := "after this `stage`: expr, the expressions; ir, the program over lanes; asm, the assembly"
	for _, g := range gpus.All() {
		text += fmt.Sprintf("; %s, the type in %s", g.Name(), g.Language())
	}
	return text
}

// kernelStage is what explain is asked to print of a kernel.
type kernelStage struct {
	kernel, stage, isa string
	kind               abi.Kind
}

// check compares the flags with what there is.
func (k *kernelStage) check(asJSON bool) error {
	names, stages := explainedKernels(), explainedStages()
	at := slices.IndexFunc(abi.Kinds, func(kind abi.Kind) bool {
		return k.kernel == explainedName(kind) || k.kernel == kind.Name || k.kernel == score && kind.Field == "MatmulQ8"
	})
	switch {
	case k.kernel == "":
		return fmt.Errorf("--stage needs --kernel, one of: %s", strings.Join(names, ", "))
	case at < 0:
		return fmt.Errorf("no kernel %q; there are: %s; score stands for matmul on int8%s", k.kernel, strings.Join(names, ", "), suggest.Nearest(k.kernel, append(names, score)))
	case k.stage == "":
		return fmt.Errorf("--kernel needs --stage, one of: %s", strings.Join(stages, ", "))
	case !slices.Contains(stages, k.stage):
		return fmt.Errorf("no stage %q; there are: %s%s", k.stage, strings.Join(stages, ", "), suggest.Nearest(k.stage, stages))
	case asJSON:
		return errors.New("--json is for a type, a stage of a kernel is text")
	case k.isa != "" && k.stage != "ir" && k.stage != "asm":
		return fmt.Errorf("--isa is for the stages ir and asm; %s is the same for all", k.stage)
	}
	k.kind = abi.Kinds[at]
	k.kernel = explainedName(k.kind)
	return nil
}

// print writes one kernel of a type after the stage.
func (k kernelStage) print(w io.Writer, t *spec.Type) error {
	switch {
	case k.kind.Field == "Encode" && t.Encode == nil:
		return k.none(t, "it is read only")
	case !t.KV && k.kind.For(abi.Values) && !k.kind.For(abi.Weights) && k.kind.Field != "Encode":
		return k.none(t, "it is for weights alone")
	}
	switch k.stage {
	case "expr":
		return k.expressions(w, t)
	case "ir", "asm":
		return k.functions(w, t)
	}
	return k.structOf(w, t)
}

// none says that a type has no such kernel.
func (k kernelStage) none(t *spec.Type, why string) error {
	if why != "" {
		why = ": " + why
	}
	return finding(fmt.Sprintf("%s has no %s kernel%s", t.Name, k.kernel, why))
}

// expressions prints what the kernel computes, as the compiler has taken it apart.
func (k kernelStage) expressions(w io.Writer, t *spec.Type) error {
	same := func(name string) string { return name }
	if k.kind.Field == "Encode" {
		for _, a := range t.Encode {
			fmt.Fprintf(w, "%s = %s\n", a.Name, spec.Text(a.X, same))
		}
		return nil
	}
	fmt.Fprintf(w, "value = %s\n", spec.Text(t.Value, same))
	p, why := lower.Split(t)
	if why != "" {
		fmt.Fprintf(w, "\nevaluated as it stands: %s\n", why)
		return nil
	}
	text := func(x spec.Expr, none string) string {
		if x == nil {
			return none
		}
		return spec.Text(x, same)
	}
	fmt.Fprintf(w, "\nvalue = scale*level + min; scale and min hold for %d values\n\n", p.Run)
	fmt.Fprintf(w, "scale = %s\nmin   = %s\nlevel = by %s, %d bits: %v\n", text(p.Scale, "1"), text(p.Min, "0"), p.Code.Name, p.Code.Bits, p.Levels)
	switch {
	case !slices.Contains([]string{"MatmulQ8", "Mix", "MixQ8"}, k.kind.Field):
	case p.Rounds:
		fmt.Fprintf(w, "\nbytes would round the levels, which the type does not allow\n")
	default:
		fmt.Fprintf(w, "\nas bytes, times %g: %v\n", p.Factor, p.Bytes)
	}
	return nil
}

// functions prints the IR or the assembly of the kernel's functions: under the set that was asked
// for, else under the best that has any.
func (k kernelStage) functions(w io.Writer, t *spec.Type) error {
	var sets, have []string
	var assembling target.Assembling
	for _, tg := range gen.Targets() {
		a, ok := tg.(target.Assembling)
		if !ok {
			continue
		}
		assembling = a
		for _, isa := range a.InstructionSets() {
			sets = append(sets, isa)
			list := k.of(t, a.Functions(t, isa))
			if len(list) == 0 {
				continue
			}
			if have = append(have, isa); k.isa == "" || k.isa == isa {
				k.write(w, list)
				return nil
			}
		}
	}
	switch {
	case k.isa != "" && !slices.Contains(sets, k.isa):
		return fmt.Errorf("no instruction set %q; there are: %s%s", k.isa, strings.Join(sets, ", "), suggest.Nearest(k.isa, sets))
	case len(have) > 0:
		return k.none(t, fmt.Sprintf("not under %s; %s has one", k.isa, strings.Join(have, ", ")))
	}
	return k.none(t, k.why(assembling, t))
}

// of picks the functions of the kernel: those of the type, and those that these hand their work to.
func (k kernelStage) of(t *spec.Type, all []target.Function) (list []target.Function) {
	pick := func(shared bool, beginning string) {
		for _, f := range all {
			if f.Shared == shared && strings.HasPrefix(f.Name, beginning) {
				list = append(list, f)
			}
		}
	}
	for _, stem := range stems[k.kind.Field].own {
		pick(false, stem+target.Ident(t.Name))
	}
	for _, stem := range stems[k.kind.Field].shared {
		if len(list) > 0 {
			pick(true, stem)
		}
	}
	return list
}

func (k kernelStage) write(w io.Writer, list []target.Function) {
	for i, f := range list {
		text := f.IR
		if k.stage == "asm" {
			text = f.Assembly
		}
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprint(w, text)
	}
}

// why is the reason that list gives for a kernel that is not there.
func (k kernelStage) why(a target.Assembling, t *spec.Type) (why string) {
	set := &spec.Set{Types: []*spec.Type{t}}
	if t.Domain != nil {
		set.Transforms = []*spec.Transform{t.Domain}
	}
	out, err := a.Generate(set)
	if err != nil {
		return err.Error()
	}
	for _, isa := range out.ISAs {
		for _, kernels := range isa.Types {
			if m := kernels.Why[k.kind.Field]; m != "" {
				why = plainWhy(scarce, m)
			}
		}
	}
	return why
}

// structOf prints the struct by which the kernels of a GPU read and write the type: all of them
// share it.
func (k kernelStage) structOf(w io.Writer, t *spec.Type) error {
	for _, g := range gpus.All() {
		if g.Name() == k.stage {
			_, err := w.Write(g.Type(t))
			return err
		}
	}
	return k.none(t, "no file for a GPU")
}
