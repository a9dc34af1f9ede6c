package selftest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/user"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/conform"
	"github.com/kvgen/kvgen/kernels/ref"
)

// byHand are oracles of the formats that package ref has.
func byHand(name string) func(*kernels.Type) ([]conform.Oracle, bool) {
	return func(*kernels.Type) ([]conform.Oracle, bool) {
		f, _ := ref.ByName(name)
		return []conform.Oracle{{Name: "format by hand", Format: f}}, false
	}
}

// planted are options with a table that has one more type, which alone is tested: q8_0 with other
// functions.
func planted(t *testing.T, change func(portable *kernels.Impl)) Options {
	t.Helper()
	of := *kernels.Default().ByName("q8_0")
	wrong := of.Impls[len(of.Impls)-1]
	wrong.ISA = "planted"
	change(&wrong)
	of.Name, of.ID, of.Impls = "like_q8_0", -1, []kernels.Impl{wrong, of.Impls[len(of.Impls)-1]}
	table, err := kernels.Default().Extend(kernels.Extension{Types: []*kernels.Type{&of}})
	if err != nil {
		t.Fatal(err)
	}
	return Options{Table: table, Types: []*kernels.Type{&of}, Oracles: byHand("q8_0")}
}

func find(t *testing.T, r *Report, kind, isa string) Check {
	t.Helper()
	i := slices.IndexFunc(r.Checks, func(c Check) bool { return c.Kind == kind && c.ISA == isa })
	if i < 0 {
		t.Fatalf("no check of %s by %s in %+v", kind, isa, r.Checks)
	}
	return r.Checks[i]
}

func TestAllIsWell(t *testing.T) {
	r := Run(context.Background(), planted(t, func(*kernels.Impl) {}))
	if !r.OK || r.Failed != 0 || r.Passed != 10 || r.NotRun != 0 {
		t.Errorf("portable Go under another name: %d right, %d wrong, %d not run: %+v", r.Passed, r.Failed, r.NotRun, r.Checks)
	}
}

// TestWrongKernel plants a decoder that is wrong from value 40 on. It is named with that value, and
// all others are right.
func TestWrongKernel(t *testing.T) {
	o := planted(t, func(k *kernels.Impl) {
		right := k.Decode
		k.Decode = func(dst []float32, src []byte) {
			right(dst, src)
			if len(dst) > 40 {
				dst[40]++
			}
		}
	})
	r := Run(context.Background(), o)
	c := find(t, r, "decode", "planted")
	if c.Verdict != Bad || c.First == nil || !strings.Contains(c.First.Place, "value 40") || !strings.HasPrefix(c.First.Expected, "0 ") || !strings.HasPrefix(c.First.Got, "1 ") {
		t.Errorf("a decoder that adds 1 to value 40 of zeros: %+v, %v", c, c.First)
	}
	if r.OK || r.Failed != 1 {
		t.Errorf("%d checks failed, want 1: %+v", r.Failed, r.Checks)
	}
	var b bytes.Buffer
	if err := r.Print(&b); err != nil || !strings.Contains(b.String(), "WRONG   decode like_q8_0 planted: ") || !strings.Contains(b.String(), "1 ARE WRONG") {
		t.Errorf("the summary does not name it: %v\n%s", err, &b)
	}
}

// TestCrash plants kernels that panic, write beyond their output and change their input.
func TestCrash(t *testing.T) {
	r := Run(context.Background(), planted(t, func(k *kernels.Impl) {
		k.Encode = func([]byte, []float32) { panic("planted") }
		matmul, mix := k.Matmul, k.Mix
		k.Matmul = func(y []float32, ldy int, x []float32, ldx, m int, w []byte, stride, rows, n int, ws *kernels.Workspace) {
			matmul(y, ldy, x, ldx, m, w, stride, rows, n, ws)
			if ldy > rows && m > 1 {
				y[rows] = 1
			}
		}
		k.Mix = func(o []float32, ldo int, p []float32, ldp, m int, v []byte, stride, rows, n int, ws *kernels.Workspace) {
			mix(o, ldo, p, ldp, m, v, stride, rows, n, ws)
			p[0]++
		}
	}))
	if c := find(t, r, "encode", "planted"); c.Verdict != Broken || !strings.Contains(c.Error, "planted") {
		t.Errorf("an encoder that panics: %+v", c)
	}
	if c := find(t, r, "matmul", "planted"); c.Verdict != Bad || c.First.Expected != "not written" {
		t.Errorf("a product that writes between rows: %+v, %v", c, c.First)
	}
	if c := find(t, r, "mix", "planted"); c.Verdict != Bad || !strings.Contains(c.First.Place, "of the input") {
		t.Errorf("a mix that changes its weights: %+v, %v", c, c.First)
	}
	if c := find(t, r, "decode", "planted"); c.Verdict != Good {
		t.Errorf("what came after a crash: %+v", c)
	}
}

// TestInterrupt ends the test after two steps: what they found is kept, and the rest counted.
func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	o, steps, total := planted(t, func(*kernels.Impl) {}), 0, 0
	o.Step = func(_ string, n int) {
		if steps, total = steps+1, n; steps == 2 {
			cancel()
		}
	}
	r := Run(ctx, o)
	if len(r.Checks) != 2 || r.NotRun != total-2 || !r.OK || r.Passed != 2 {
		t.Errorf("%d checks, %d of %d not run", len(r.Checks), r.NotRun, total)
	}
}

// TestFile reads the JSON as a stranger would, who knows the names of its fields alone.
func TestFile(t *testing.T) {
	o := planted(t, func(*kernels.Impl) {})
	o.Bench = true
	r := Run(context.Background(), o)
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Format  string
		Machine struct {
			OS, Arch, Go string
			Cores        int `json:"logical_cores"`
		}
		ISAs   []struct{ Name string } `json:"instruction_sets"`
		ISA    string
		OK     bool
		Checks []struct{ Kind, Type, ISA, Verdict string }
		Speeds []struct {
			What, Unit string
			Median     float64
			Low        float64 `json:"quartile_1"`
			High       float64 `json:"quartile_3"`
			Share      float64 `json:"share_of_copy"`
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if file.Format != Format || !file.OK || file.Machine.OS == "" || file.Machine.Arch == "" || file.Machine.Go == "" || file.Machine.Cores < 1 || len(file.ISAs) == 0 || file.ISA == "" {
		t.Errorf("what it is of: %s", text)
	}
	for _, c := range file.Checks {
		if c.Kind == "" || c.Type != "like_q8_0" || c.Verdict != "ok" {
			t.Errorf("check %+v", c)
		}
	}
	if len(file.Speeds) < 5 || file.Speeds[0].What != "copy" {
		t.Fatalf("speeds %+v", file.Speeds)
	}
	for _, s := range file.Speeds {
		if !(s.Low > 0 && s.Low <= s.Median && s.Median <= s.High) || (s.Share > 0) != (s.Unit == "ns/value") {
			t.Errorf("speed %+v", s)
		}
	}
	testAnonymous(t, string(text))
}

// testAnonymous looks for what a file that is sent may not name.
func testAnonymous(t *testing.T, text string) {
	t.Helper()
	host, _ := os.Hostname()
	home, _ := os.UserHomeDir()
	secrets := []string{host, home, os.TempDir()}
	if u, err := user.Current(); err == nil {
		secrets = append(secrets, `"`+u.Username+`"`)
	}
	for _, s := range secrets {
		if len(s) > 2 && strings.Contains(text, s) {
			t.Errorf("the file names %q", s)
		}
	}
}

// TestErrorsNameNoPath cuts paths of errors down to their last names.
func TestErrorsNameNoPath(t *testing.T) {
	for text, want := range map[string]string{
		"open /home/me/.cache/kvrun/a.ptx: denied": "open a.ptx: denied",
		`open C:\Users\me\a.ptx: denied`:           "open a.ptx: denied",
		"12 GB/s of 1/2":                           "12 GB/s of 1/2",
	} {
		var c Check
		if c.judge(errors.New(text)); c.Error != want || c.Verdict != Broken {
			t.Errorf("%q became %q, %s", text, c.Error, c.Verdict)
		}
	}
}

// TestPrintIsShort shows some of many failures, and how many there are.
func TestPrintIsShort(t *testing.T) {
	r := &Report{}
	for range 100 {
		c := Check{Kind: "decode"}
		c.judge(errors.New("no compiler"))
		r.Checks = append(r.Checks, c)
	}
	r.finish(0)
	var b bytes.Buffer
	r.Print(&b)
	if n := strings.Count(b.String(), "FAILED"); n != shown || !strings.Contains(b.String(), "and 70 more") || !strings.Contains(b.String(), "100 ARE WRONG") {
		t.Errorf("%d of 100 are shown:\n%s", n, &b)
	}
}

// TestSpeed takes the median and quartiles of samples.
func TestSpeed(t *testing.T) {
	s := speed("copy", "", "", "GB/s", []float64{5, 1, 4, 2, 3})
	if s.Median != 3 || s.Low != 2 || s.High != 4 || s.Samples != 5 {
		t.Errorf("of 1 to 5: %+v", s)
	}
}

// TestNear names the logit that is farthest, and does not take a NaN for one that is near.
func TestNear(t *testing.T) {
	nan := float32(0)
	nan /= nan
	var c Check
	if err := near(&c, []float32{1, 2, 3}, []float32{1, 2, 3.001}, 1e-2); err != nil {
		t.Errorf("within the bound: %v", err)
	}
	for _, got := range [][]float32{{1, 2.5, 3}, {1, nan, 3}} {
		if err := near(&c, got, []float32{1, 2, 3}, 1e-2); err == nil || !strings.Contains(err.Error(), "logit 1: ") {
			t.Errorf("%v: %v", got, err)
		}
	}
}
