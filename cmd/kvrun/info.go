package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/kvgen/kvgen/cmd/internal/plain"
	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/abi"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/policy"
)

// infoResult is the JSON of kvrun info.
type infoResult struct {
	Layers     int            `json:"n_layer"`
	Width      int            `json:"n_embd"`
	Vocab      int            `json:"n_vocab"`
	Trained    int            `json:"n_ctx_train"`
	Name       string         `json:"name,omitempty"`
	FileType   string         `json:"file_type,omitempty"` // the weights' type in the file: Q4_K_M
	Vocabulary string         `json:"tokenizer,omitempty"`
	Template   bool           `json:"chat_template"`
	Metadata   map[string]any `json:"hyperparameters"`
	CacheBytes int            `json:"cache_bytes"` // of all sequences, each of n_ctx of the record
	Parallel   int            `json:"n_parallel"`
	Others     []model.Other  `json:"other_layers,omitempty"`
	Tensors    []typeUse      `json:"tensor_types"`
	Kernels    []kernelUse    `json:"kernels"`
	ISAs       []isaRecord    `json:"isas"`
	Budget     *gpuBudget     `json:"gpu_budget,omitempty"`  // where a GPU computes
	Budgets    []*gpuBudget   `json:"gpu_budgets,omitempty"` // instead, of several GPUs
	Record     record         `json:"record"`
}

// typeUse is how much of the file is of a type.
type typeUse struct {
	Type    string `json:"type"`
	Tensors int    `json:"n_tensors"`
	Bytes   int64  `json:"bytes"`
}

// kernelUse is what runs a type.
type kernelUse struct {
	Type     string   `json:"type"`
	For      string   `json:"for"` // weights, keys, values
	Identity string   `json:"identity"`
	Spec     string   `json:"spec,omitempty"` // the file of a type that is interpreted
	ISA      string   `json:"isa"`            // a kernel that it lacks comes from the next one
	Kernels  []string `json:"kernels"`
	Form     string   `json:"form"` // of the products, and why
}

type isaRecord struct {
	Name     string `json:"name"`
	Selected bool   `json:"selected"`
	Rejected string `json:"rejected,omitempty"`
}

// infoCommand describes a model and what would run it.
func infoCommand(e *environment, args []string) error {
	var m modelFlags
	parallel := 1
	fs := newFlags("info")
	fs.IntVar(&parallel, "parallel", 1, "`sequences` of --ctx-size positions each whose memory is counted")
	m.add(fs, model.Fast)
	s, err := e.begin(fs, "[MODEL] [flags]", args, &m, nil, func() error {
		if parallel < 1 || parallel > kv.MaxSequences {
			return fmt.Errorf("--parallel %d: want 1 to %d", parallel, kv.MaxSequences)
		}
		return nil
	})
	if err != nil {
		return err
	}
	defer s.Close()
	r := s.info(parallel)
	if m.backends != nil {
		if r.Budgets, err = s.gpuBudgets(parallel); err != nil {
			return err
		}
		if len(r.Budgets) == 1 {
			r.Budget, r.Budgets = r.Budgets[0], nil
		}
		if !model.OnProcessor(m.places) {
			r.ISAs, r.Kernels = nil, nil // of the processor
		}
	}
	if m.json {
		return printJSON(e.stdout, r)
	}
	return r.print(e.stdout, s)
}

func (s *session) info(parallel int) infoResult {
	r := infoResult{Layers: s.Layers, Width: s.Width, Vocab: s.Vocab, Trained: s.Context, Metadata: map[string]any{}, Record: s.record(nil)}
	r.Record.Size, r.Record.Batch = s.defaultSize(), s.flags.batch
	if r.Record.Batch == 0 {
		r.Record.Batch = defaultBatch
	}
	r.CacheBytes, r.Others = s.plan.Bytes(r.Record.Size, r.Record.Batch), s.Others()
	for _, o := range r.Others {
		r.CacheBytes += o.State
	}
	r.CacheBytes, r.Parallel = parallel*r.CacheBytes, parallel
	r.Name, _, _ = s.File.Str("general.name")
	if n, ok, err := s.File.I64s("general.file_type"); ok && err == nil && len(n) == 1 {
		r.FileType = fileTypes[n[0]]
	}
	_, _, r.Template = s.File.Kind("tokenizer.chat_template")
	if t, err := s.vocabulary(); err == nil {
		r.Vocabulary = strings.TrimSpace(t.Model + " " + t.Pre)
	}
	for _, key := range s.File.Keys() {
		if name, own := strings.CutPrefix(key, s.Arch+"."); own {
			if v, ok := s.number(key); ok {
				r.Metadata[name] = v
			}
		}
	}
	for _, i := range s.table.ISAs() {
		r.ISAs = append(r.ISAs, isaRecord{i.Name, i.Selected, i.Rejected})
	}
	r.uses(s)
	return r
}

// number is a metadata entry that is one number or a short list of them.
func (s *session) number(key string) (any, bool) {
	if _, n, _ := s.File.Kind(key); n > 64 {
		return nil, false
	}
	if v, ok, err := s.File.I64s(key); ok && err == nil {
		if len(v) == 1 {
			return v[0], true
		}
		return v, true
	}
	if v, ok, err := s.File.F32s(key); ok && err == nil && len(v) == 1 {
		return v[0], true
	}
	v, ok, err := s.File.Str(key)
	return v, ok && err == nil
}

// uses fills in the types of the file and the kernels of all types in use.
func (r *infoResult) uses(s *session) {
	use := map[*kernels.Type]*typeUse{}
	for _, t := range s.File.Tensors() {
		if k := s.table.ByID(int(t.Type)); k != nil {
			if use[k] == nil {
				use[k] = &typeUse{Type: k.Name}
			}
			use[k].Tensors++
			use[k].Bytes += t.Size
		}
	}
	keys, values := map[*kernels.Type]bool{}, map[*kernels.Type]bool{}
	for _, l := range s.plan.Layers {
		keys[l.K.Effective.Type], values[l.V.Effective.Type] = true, true
	}
	for _, m := range s.Matrices() {
		k := kernelsOf(s.typeNamed(m.Type), "weights", s.flags.kind)
		if s.flags.kind == model.Fast {
			k.Form = fmt.Sprintf("int8 activations for %d of %d matrices", m.Int8, m.Count)
		}
		r.Kernels = append(r.Kernels, k)
	}
	for _, t := range s.table.Types() {
		if u := use[t]; u != nil {
			r.Tensors = append(r.Tensors, *u)
		}
		if keys[t] {
			r.Kernels = append(r.Kernels, kernelsOf(t, "keys", s.flags.kind))
		}
		if values[t] {
			r.Kernels = append(r.Kernels, kernelsOf(t, "values", s.flags.kind))
		}
	}
	slices.SortStableFunc(r.Tensors, func(a, b typeUse) int { return cmp.Compare(b.Bytes, a.Bytes) })
}

// kernelsOf says what runs a type for a use.
func kernelsOf(t *kernels.Type, use string, math model.Math) kernelUse {
	best := t.Best()
	u := kernelUse{Type: t.Name, For: use, Identity: t.Identity, Spec: t.Spec, ISA: best.ISA}
	for _, k := range abi.Kinds {
		if !k.For(abi.Use(use)) || !best.Has(k) {
			continue
		}
		name := k.Name
		if from := best.From(name); from != u.ISA { // the set lacks it for this type
			name = fmt.Sprintf("%s(%s)", name, from)
		}
		u.Kernels = append(u.Kernels, name)
	}
	switch {
	case t.Spec != "":
		u.Form = "f32, interpreted from " + t.Spec + ": slow"
	case math == model.Exact:
		u.Form = "f32: exact was asked for"
	case use == "values" && best.MixQ8 != nil:
		u.Form = "levels rounded to 7 bits while they are multiplied; what is stored keeps its bits, and --math exact all of them"
	case use == "values":
		u.Form = "f32: there is no quicker form"
	case best.MatmulQ8 == nil:
		u.Form = "f32: the type has no int8 form"
	default:
		u.Form = "int8 queries"
	}
	return u
}

func (r *infoResult) print(w io.Writer, s *session) error {
	name := r.Name
	if r.FileType != "" {
		name = strings.TrimSpace(name + " " + r.FileType)
	}
	fmt.Fprintf(w, "%s: %s, %s, %s parameters, %.1f MiB, hash %.12s\n", plain.Name(s.path, 400), tableName(r.Record.Model.Arch), tableName(name), short(float64(r.Record.Model.Parameters)),
		float64(r.Record.Model.Size)/(1<<20), r.Record.Model.Hash)
	fmt.Fprintf(w, "  %d layers of width %d, %d tokens (%s), %d positions, chat template: %v\n", r.Layers, r.Width, r.Vocab, r.Vocabulary, r.Trained, r.Template)
	var names []string
	for name := range r.Metadata {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(w, "    %s = %s\n", tableName(name), plain.Name(fmt.Sprint(r.Metadata[name]), 200))
	}
	fmt.Fprintln(w, "tensors:")
	for _, u := range r.Tensors {
		fmt.Fprintf(w, "  %-8s %4d, %.1f MiB\n", u.Type, u.Tensors, float64(u.Bytes)/(1<<20))
	}
	of := ""
	if r.Parallel > 1 {
		of = fmt.Sprintf(" of each of %d sequences", r.Parallel)
	}
	fmt.Fprintf(w, "cache: %.1f MiB for %d positions%s\n", float64(r.CacheBytes)/(1<<20), r.Record.Size, of)
	policy.Print(w, s.plan, r.Record.Size)
	for _, o := range r.Others {
		if o.State > 0 {
			fmt.Fprintf(w, "  layer %d: recurrent, %.2f MiB of state\n", o.Layer, float64(o.State)/(1<<20))
		} else {
			fmt.Fprintf(w, "  layer %d: reads the cache of layer %d\n", o.Layer, o.Reads)
		}
	}
	s.remarks(w)
	for _, p := range r.Record.Placements {
		fmt.Fprintf(w, "%s\n", p)
	}
	if r.Budget != nil {
		r.Budgets = []*gpuBudget{r.Budget}
	}
	for _, b := range r.Budgets {
		if err := b.print(w); err != nil {
			return err
		}
	}
	if r.ISAs == nil {
		return nil
	}
	fmt.Fprintln(w, "instruction sets:")
	sets := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, i := range r.ISAs {
		why := i.Rejected
		switch {
		case i.Selected:
			why = "selected"
		case why == "":
			why = "for kernels that those before it lack"
		}
		fmt.Fprintf(sets, "  %s\t%s\n", i.Name, why)
	}
	sets.Flush()
	fmt.Fprintf(w, "kernels, math %s:\n", r.Record.Math)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, k := range r.Kernels {
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\n", k.Type, k.For, k.ISA, strings.Join(k.Kernels, " "), k.Form)
	}
	return t.Flush()
}

// fileTypes names the numbers of general.file_type as llama.cpp's quantisation programs do (enum
// llama_ftype).
var fileTypes = map[int64]string{
	0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M", 13: "Q3_K_L",
	14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS",
	23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S", 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16",
	36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4_MOE",
}
