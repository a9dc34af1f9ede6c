package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/cmd/internal/line"
	"github.com/kvgen/kvgen/gen/live"
	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/drivers"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// modelFlags are the flags of every command that runs a model.
type modelFlags struct {
	cacheFlags
	specFlags
	overrides      overrideFlags
	lora           loraFlags
	hub            hubFlags // that name a model instead of model
	model          string
	rest           []string // what is no flag
	size           int      // --ctx-size
	set            *pflag.FlagSet
	compute        *pflag.FlagSet // that has the flags of addCompute
	threads        int
	batch, ubatch  int
	layers         string // --gpu-layers
	gpuLayers      int    // of them: 0 for none, allLayers for all
	device         string
	split          string            // --tensor-split
	shares         []float64         // of it
	settings       map[string]string // of drivers, those that are given
	backends       []*backend        // of device, nil for the processor
	places         []model.Placement // of the layers of the model
	flash          string
	math           string
	isa            string
	json, verbose  bool
	tokenizer      string
	chatTemplate   string
	templateFile   string
	templateSource string // what both stand for
	kind           model.Math
	rules          tokenizer.Rules // of tokenizer
	table          *kernels.Table  // of --spec and --isa
	unmet          []string        // requests that --allow-fallback let go
	notes          []string        // what is done otherwise than asked, to the same result
}

// add defines them; math is the default form of the matrix products.
func (m *modelFlags) add(fs *pflag.FlagSet, math model.Math) {
	m.set = fs
	fs.StringVarP(&m.model, "model", "m", "", "`path` of a GGUF file (default: the embedded model)")
	m.hub.add(fs)
	m.overrides.add(fs)
	m.lora.add(fs)
	fs.IntVarP(&m.size, "ctx-size", "c", 0, "`positions` of the context; 0 for all that the model was trained for (default: what the command needs; where text is generated the model's own, but 4096 at most)")
	fs.IntVarP(&m.threads, "threads", "t", 0, "`number` of threads (default, and -1: one per core, on Macs per performance core)")
	m.addCompute(fs, math)
	m.cacheFlags.add(fs)
	fs.BoolVar(&m.json, "json", false, "print the result as JSON")
	fs.BoolVarP(&m.verbose, "verbose", "v", false, "print the plan layer by layer, and timings")
}

// addCompute defines the flags that say how things are computed, and with what types.
func (m *modelFlags) addCompute(fs *pflag.FlagSet, math model.Math) {
	m.specFlags.add(fs)
	fs.IntVarP(&m.batch, "batch-size", "b", 0, "`tokens` of a prompt that go through the model together (default 256, on a GPU 1024)")
	fs.IntVar(&m.ubatch, "ubatch-size", 0, "the same `tokens`; the smaller of both counts")
	fs.StringVar(&m.math, "math", math.String(), "`form` of the matrix products: exact (f32 activations) or fast (int8 activations)")
	fs.StringVar(&m.tokenizer, "tokenizer", tokenizer.Own.String(), "whose `rules` make tokens of text: model (those of the model's own tokenizer) or llama.cpp, for figures to compare with its")
	fs.StringVar(&m.isa, "isa", "", "instruction `set` of the kernels (default: KVRUN_ISA, else the best)")
	fs.StringVar(&m.device, "device", "", fmt.Sprintf("`what` computes: cpu, %s, %s:NUMBER or a list of GPUs, which share the layers out (default: a GPU with -ngl and on Macs with Apple's processors, else cpu)",
		driverNames(", "), drivers.All()[0].Name))
	m.addSettings(fs)
	fs.StringVar(&m.layers, "gpu-layers", "", "`layers` on a GPU, the last of the model, its output counted as one more; all, or auto for all where there is a GPU; without one the processor runs them, and a note says so (default: all with a GPU of --device and on Macs with Apple's processors, else 0)")
	fs.StringVar(&m.split, "tensor-split", "", "`shares` of the GPUs of --device, such as 3,1 (default: by their free memory)")
	fs.StringVar(&m.flash, "flash-attn", "on", "attention by online softmax, the only `kind` there is; off gives the same to rounding")
	fs.Lookup("flash-attn").NoOptDefVal = "on"
}

// addSettings defines the flags of drivers.
func (m *modelFlags) addSettings(fs *pflag.FlagSet) {
	m.compute = fs
	for _, d := range drivers.All() {
		for _, s := range d.Settings {
			fs.String(s.Name, "", s.Usage)
		}
	}
}

// readSettings reads the flags of drivers.
func (m *modelFlags) readSettings() {
	m.settings = map[string]string{}
	if m.compute == nil {
		return
	}
	for _, d := range drivers.All() {
		for _, s := range d.Settings {
			if f := m.compute.Lookup(s.Name); f != nil && f.Value.String() != "" {
				m.settings[s.Name] = f.Value.String()
			}
		}
	}
}

// check reads what add defined, extends the table of types and selects the instruction set. args is
// what was no flag.
func (m *modelFlags) check(e *environment, args []string) error {
	switch {
	case len(args) > 1:
		return fmt.Errorf("one model, not %d: %s (a text goes after -p, between quotes, or a file of it after -f)", len(args), strings.Join(args, " "))
	case len(args) == 1 && m.model != "" && !modelName(args[0]):
		return fmt.Errorf("%.60q belongs to no flag: -m names the model, and a text of several words goes between quotes", args[0])
	case len(args) == 1 && m.model != "":
		return fmt.Errorf("the model is given twice: -m %s and %s", m.model, args[0])
	case len(args) == 1:
		m.model = args[0]
	}
	if err := m.extend(e); err != nil {
		return err
	}
	var err error
	if m.model, err = m.hub.path(e, m.model); err != nil {
		return err
	}
	if m.templateSource, err = m.readTemplate(e); err != nil {
		return err
	}
	return m.checkCompute(e)
}

// modelName says whether a word is a file, or looks like that of a model.
func modelName(word string) bool {
	if strings.HasSuffix(strings.ToLower(word), ".gguf") {
		return true
	}
	s, err := os.Stat(word)
	return err == nil && s.Mode().IsRegular()
}

// whole says whether the context of the model was asked for, as llama.cpp's -c 0.
func (m *modelFlags) whole() bool { return m.set != nil && m.set.Changed("ctx-size") && m.size == 0 }

func (m *modelFlags) checkCompute(e *environment) error {
	if m.threads == -1 { // llama.cpp's word for its default
		m.threads = 0
	}
	for _, n := range []struct {
		flag  string
		value int
	}{{"--ctx-size", m.size}, {"--threads", m.threads}, {"--batch-size", m.batch}, {"--ubatch-size", m.ubatch}} {
		if n.value < 0 || n.value > 1<<24 {
			return fmt.Errorf("%s %d: want 0 to %d", n.flag, n.value, 1<<24)
		}
	}
	for _, n := range []struct {
		name  string
		value int
	}{{"batch-size", m.batch}, {"ubatch-size", m.ubatch}} {
		if n.value == 0 && m.compute != nil && m.compute.Changed(n.name) {
			return fmt.Errorf("--%s 0: want 1 to %d tokens; without the flag it is 256, on a GPU 1024", n.name, 1<<24)
		}
	}
	if m.ubatch > 0 && (m.batch == 0 || m.ubatch < m.batch) {
		m.batch = m.ubatch
	}
	if m.threads == 0 {
		m.threads = cpu.Threads()
	}
	if m.threads > 512 {
		return fmt.Errorf("--threads %d: want at most 512", m.threads)
	}
	switch m.math {
	case model.Exact.String():
		m.kind = model.Exact
	case model.Fast.String():
		m.kind = model.Fast
	default:
		return fmt.Errorf("--math %q: want exact or fast", m.math)
	}
	var err error
	if m.rules, err = tokenizer.ParseRules(m.tokenizer); err != nil {
		return fmt.Errorf("--tokenizer %w", err)
	}
	if !slices.Contains(line.FlashValues, strings.ToLower(m.flash)) {
		return fmt.Errorf("--flash-attn %q: want on, off or auto", m.flash)
	}
	m.unmet, m.notes = nil, nil
	if slices.Contains([]string{"off", "0", "false", "disabled"}, strings.ToLower(m.flash)) {
		m.notes = append(m.notes, fmt.Sprintf("--flash-attn %s: attention is computed by online softmax in any case, which gives the same to rounding", m.flash))
	}
	if err := m.checkDevice(e); err != nil {
		return err
	}
	return m.selectISA(e)
}

// selectISA makes the instruction set of the flag, or of the environment, the one that kernels are
// taken from.
func (m *modelFlags) selectISA(e *environment) error {
	name := m.isa
	if name == "" {
		name, _ = e.lookup(kernels.EnvISA)
	}
	table, err := e.kernels().SelectISA(name)
	if err == nil {
		e.table, m.table = table, table
	}
	known := slices.ContainsFunc(e.kernels().ISAs(), func(i kernels.ISA) bool { return i.Name == name })
	if err != nil && known {
		return refusal{err} // by this CPU
	}
	return err
}

// cannot refuses a request, or notes it with --allow-fallback, which not every command has.
func (m *modelFlags) cannot(format string, args ...any) error {
	why := fmt.Sprintf(format, args...)
	switch {
	case !m.allowFallback && m.compute != nil && m.compute.Lookup("allow-fallback") == nil:
		return refuse("%s", why)
	case !m.allowFallback:
		return refuse("%s; --allow-fallback accepts that", why)
	}
	m.unmet = append(m.unmet, why)
	return nil
}

// specFlags name the files of types that are given as text.
type specFlags struct{ files []string }

func (f *specFlags) add(fs *pflag.FlagSet) {
	fs.StringArrayVar(&f.files, "spec", nil, "`file` (.hcl), or a folder of them, of more types and rotations, used like those of the table but interpreted: slower, and in the fast form rounded otherwise than kernels of the same text (kvgen build) do; may be given again")
}

// extend gives the command a table with the types of the files.
func (f *specFlags) extend(e *environment) error {
	e.live, e.table = nil, nil
	if len(f.files) == 0 {
		return nil
	}
	for _, name := range f.files {
		if err := e.files.Input("--spec", name); err != nil {
			return err
		}
	}
	set, err := during(e.ctx, func() (*live.Set, error) { return live.Load(f.files...) })
	if err != nil {
		return fmt.Errorf("--spec:\n%w", err)
	}
	table, err := set.Extend(kernels.Default())
	if err != nil {
		return fmt.Errorf("--spec: %w", err)
	}
	e.live, e.table = set, table
	return nil
}

// noteInterpreted says of the types of a plan, once for each, that they are slow. A GPU has kernels
// of them.
func (s *session) noteInterpreted(plan *kv.Plan) {
	for _, l := range plan.Layers {
		s.noteType(l.K.Effective.Type)
		s.noteType(l.V.Effective.Type)
	}
}

func (s *session) noteType(t *kernels.Type) {
	if t == nil || t.Spec == "" || s.slow[t] || !model.OnProcessor(s.flags.places) {
		return
	}
	if s.slow == nil {
		s.slow = map[*kernels.Type]bool{}
	}
	s.slow[t] = true
	s.notes = append(s.notes, fmt.Sprintf("%s is interpreted (spec file %s), which is slow; kvgen build makes a kvrun with kernels of it", t.Name, t.Spec))
}
