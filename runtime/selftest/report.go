package selftest

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/kvgen/kvgen/kernels/conform"
	"github.com/kvgen/kvgen/runtime/gpu"
)

// Format is the kind of the file and the version of its fields.
const Format = "kvrun selftest 1"

// Report is what was found, as it is written.
type Report struct {
	Format  string  `json:"format"` // Format
	Program string  `json:"program"`
	Machine Machine `json:"machine"`
	Sets    []Set   `json:"instruction_sets"` // of this build, best first
	ISA     string  `json:"isa"`              // that kernels are taken from first
	Why     string  `json:"isa_why"`
	Whole   bool    `json:"full"`
	NotRun  int     `json:"not_run"` // steps: it was interrupted
	Seconds float64 `json:"seconds"`
	OK      bool    `json:"ok"` // nothing that was run is wrong
	Passed  int     `json:"passed"`
	Failed  int     `json:"failed"`
	Skipped int     `json:"skipped"`
	Checks  []Check `json:"checks"`
	Speeds  []Speed `json:"speeds,omitempty"`
}

// Set is an instruction set of this build.
type Set struct {
	Name     string `json:"name"`
	Rejected string `json:"rejected,omitempty"` // why it was not tested
	Selected bool   `json:"selected"`
}

// Verdicts of checks.
const (
	Good    = "ok"
	Bad     = "wrong"   // First says where
	Broken  = "failed"  // Error says how: it crashed, or could not be run
	Skipped = "skipped" // Error says why
)

// measures is the kind of steps that measure. They are in Checks only where they failed.
const measures = "measure"

// Check is a kernel, or a path through a model, and what became of it.
type Check struct {
	Kind         string         `json:"kind"`              // as kvrun info names kernels
	Type         string         `json:"type,omitempty"`    // or transform
	ISA          string         `json:"isa,omitempty"`     // or what computed: a GPU
	Against      []string       `json:"against,omitempty"` // what it was compared with
	Verdict      string         `json:"verdict"`
	First        *conform.Wrong `json:"first_wrong,omitempty"`
	Error        string         `json:"error,omitempty"`
	Figure       string         `json:"figure,omitempty"` // how far from what it was held to
	Milliseconds int64          `json:"ms"`
}

func (c Check) String() string { return strings.Join(strings.Fields(c.Kind+" "+c.Type+" "+c.ISA), " ") }

// skipped is why a check cannot be made here.
type skipped struct{ why string }

func (s skipped) Error() string { return s.why }

// judge puts an error in its field.
func (c *Check) judge(err error) {
	var w *conform.Wrong
	var s skipped
	var missing gpu.NoCompiler
	switch {
	case err == nil:
		c.Verdict = Good
	case errors.As(err, &w):
		c.Verdict, c.First = Bad, w
	case errors.As(err, &s):
		c.Verdict, c.Error = Skipped, s.why
	case errors.As(err, &missing):
		c.Verdict, c.Error = Skipped, withoutPaths(err.Error())
	default:
		c.Verdict, c.Error = Broken, withoutPaths(err.Error())
	}
}

// aPath is a path of several folders, of any system.
var aPath = regexp.MustCompile(`([A-Za-z]:)?([/\\][^/\\\s:"'(),]+){2,}`)

// withoutPaths leaves the last name of each path in a text.
func withoutPaths(text string) string {
	return aPath.ReplaceAllStringFunc(text, func(p string) string { return p[strings.LastIndexAny(p, `/\`)+1:] })
}

// Speed is a measurement: the median of some samples, and the quarter and three quarters of them.
type Speed struct {
	What    string  `json:"what"` // copy, a kernel, or a test as kvrun bench names it
	Type    string  `json:"type,omitempty"`
	ISA     string  `json:"isa,omitempty"`
	Unit    string  `json:"unit"` // GB/s, ns/value, tokens/s
	Median  float64 `json:"median"`
	Low     float64 `json:"quartile_1"`
	High    float64 `json:"quartile_3"`
	Samples int     `json:"samples"`
	// packed bytes a second over the rate at which one core copies memory; of kernels
	Share float64 `json:"share_of_copy,omitempty"`
}

func newReport(o Options) *Report {
	r := &Report{Format: Format, Machine: thisMachine(), ISA: o.Table.ISA(), Whole: o.Whole, Why: "the first of the list that this processor has"}
	for _, s := range o.Table.ISAs() {
		r.Sets = append(r.Sets, Set{s.Name, s.Rejected, s.Selected})
		if s.Rejected == "passed over by request" {
			r.Why = "it was asked for"
		}
	}
	if o.GPU != nil {
		r.Machine.GPU = &o.GPU.About
	}
	return r
}

// finish counts.
func (r *Report) finish(d time.Duration) {
	r.Seconds = d.Seconds()
	r.Passed, r.Failed, r.Skipped = 0, 0, 0
	for _, c := range r.Checks {
		switch c.Verdict {
		case Good:
			r.Passed++
		case Skipped:
			r.Skipped++
		default:
			r.Failed++
		}
	}
	r.OK = r.Failed == 0
}

// Print writes the summary: what is wrong first, then what is well by kind and what computed it,
// then speeds.
func (r *Report) Print(w io.Writer) error {
	m := r.Machine
	fmt.Fprintf(w, "%s: %s, %d cores, %.1f GiB, %s/%s %s\n", r.Program, m.CPU, m.Logical, float64(m.Memory)/(1<<30), m.OS, m.Arch, m.Kernel)
	if m.GPU != nil {
		fmt.Fprintf(w, "GPU: %s, %s %s\n", m.GPU.Name, m.GPU.Driver, m.GPU.Generation)
	}
	fmt.Fprintf(w, "instruction set: %s, %s\n", r.ISA, r.Why)
	r.printWrong(w)
	if err := r.printGroups(w); err != nil {
		return err
	}
	r.printSpeeds(w)
	what := "all of them are right"
	if !r.OK {
		what = fmt.Sprintf("%d ARE WRONG", r.Failed)
	}
	fmt.Fprintf(w, "%d checks in %.0f s: %s", r.Passed+r.Failed, r.Seconds, what)
	if r.Skipped > 0 {
		fmt.Fprintf(w, "; %d skipped", r.Skipped)
	}
	if r.NotRun > 0 {
		fmt.Fprintf(w, "; interrupted, %d steps were not run", r.NotRun)
	}
	_, err := fmt.Fprintln(w)
	return err
}

// shown is how many checks that failed are on the screen. The file has all.
const shown = 30

func (r *Report) printWrong(w io.Writer) {
	n := 0
	for _, c := range r.Checks {
		if c.Verdict != Bad && c.Verdict != Broken {
			continue
		}
		if n++; n > shown {
			continue
		}
		if c.Verdict == Bad {
			fmt.Fprintf(w, "WRONG   %s: %v\n", c, c.First)
		} else {
			fmt.Fprintf(w, "FAILED  %s: %s\n", c, c.Error)
		}
	}
	if n > shown {
		fmt.Fprintf(w, "and %d more, which are in the file\n", n-shown)
	}
}

// group is the checks of a kind on what computed them.
type group struct {
	kind, isa   string
	passed, all int
}

func (r *Report) printGroups(w io.Writer) error {
	var groups []*group
	for _, c := range r.Checks {
		i := slices.IndexFunc(groups, func(g *group) bool { return g.kind == c.Kind && g.isa == c.ISA })
		if i < 0 {
			i, groups = len(groups), append(groups, &group{kind: c.Kind, isa: c.ISA})
		}
		if c.Verdict == Skipped {
			continue
		}
		groups[i].all++
		if c.Verdict == Good {
			groups[i].passed++
		}
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, g := range groups {
		fmt.Fprintf(t, "  %s\t%s\t%d of %d right\n", g.kind, g.isa, g.passed, g.all)
	}
	return t.Flush()
}

// printSpeeds shows what is not of single kernels, and of those the range.
func (r *Report) printSpeeds(w io.Writer) {
	type span struct{ low, high Speed }
	var kinds []string
	of := map[string]*span{}
	for _, s := range r.Speeds {
		if s.Type == "" {
			fmt.Fprintf(w, "  %s: %.4g %s (%.4g to %.4g)\n", strings.TrimSpace(s.What+" "+s.ISA), s.Median, s.Unit, s.Low, s.High)
			continue
		}
		if of[s.What] == nil {
			kinds, of[s.What] = append(kinds, s.What), &span{s, s}
		}
		if p := of[s.What]; s.Median < p.low.Median {
			p.low = s
		} else if s.Median > p.high.Median {
			p.high = s
		}
	}
	for _, k := range kinds {
		p := of[k]
		fmt.Fprintf(w, "  %s: %.3g %s of %s (%.0f %% of copying) to %.3g of %s (%.0f %%)\n", k, p.low.Median, p.low.Unit, p.low.Type, 100*p.low.Share,
			p.high.Median, p.high.Type, 100*p.high.Share)
	}
}
