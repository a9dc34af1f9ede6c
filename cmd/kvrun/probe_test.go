package main

import (
	"strings"
	"testing"

	"github.com/kvgen/kvgen/cmd/internal/table"
	"github.com/kvgen/kvgen/runtime/lab"
)

// TestProbe has a control: the reference under another name agrees with itself to the last token.
func TestProbe(t *testing.T) {
	var r probeResult
	kvrunJSON(t, &r, "probe", "--json", "-n", "12", "--cells", "f16,f16/turbo2", "--reference", "f16", "--needle", "150", "--positions", "0.5", "-p", "KING RICHARD III:\n",
		"-f", write(t, "prompt", "It was the best of times"))
	if len(r.Prompts) != 2 || len(r.Policies) != 2 || len(r.Needle.Reference) != 1 || r.Record.Math != "exact" || !r.Record.Honoured {
		t.Fatalf("%+v", r)
	}
	same, other := r.Policies[0], r.Policies[1]
	if same.Summary != (lab.Summary{Prompts: 2, Same: 2, Share: 1}) || same.Needle.Score.Degradation != 0 {
		t.Errorf("the reference against itself: %+v, %+v", same.Summary, same.Needle.Score)
	}
	if other.Summary.Same == 2 || other.Plan.Layers[0].V.Effective != "turbo2" || other.Plan.Layers[0].K.Effective != "f16" {
		t.Errorf("two-bit values change nothing: %+v", other.Summary)
	}
	if n := r.Needle.Reference[0]; n.Verdict != lab.Missed || n.Tokens < 130 || n.Tokens > 150 || !other.Needle.Score.Low {
		t.Errorf("a model that knows nothing: %+v, %+v", n, other.Needle.Score)
	}
}

func TestProbePrints(t *testing.T) {
	code, out, stderr := kvrun("", "probe", "-n", "10", "-ctk", "turbo2", "-ctv", "turbo2", "--needle", "120")
	for _, want := range append(lab.StudyPrompts, "turbo2 (4.25 bits per value)", " │ turbo2", "part at token", "Low confidence") {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("exit %d, no %q in\n%s%s", code, want, out, stderr)
		}
	}
	for want, args := range map[string]string{
		"--predict 0":       "-n 0",
		"--needle 20":       "--needle 20",
		"--positions":       "--positions 1.5",
		"did you mean q8_0": "--cells q8",
		"no rotation":       "--cells q8_0+x/f16",
		"trained for 1024":  "--needle 2000",
		"nowhere.json":      "--cells nowhere.json",
		"empty":             "-f " + write(t, "empty", "\n"),
	} {
		code, _, stderr := kvrun("", append([]string{"probe"}, strings.Fields(args)...)...)
		if code == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit %d, %s", args, code, stderr)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{
		{"one two three", 7, "one two|three"},
		{"a\nb\tc\x1b[31m", 20, "a⏎b c[31m"},
		{"onewordtoolong", 5, "onewo|rdtoo|long"},
		{"日本語テキスト", 6, "日本語|テキス|ト"},
		{"", 5, ""},
	} {
		if got := strings.Join(table.Wrap(c.text, c.width), "|"); got != c.want {
			t.Errorf("%q in %d: %q, want %q", c.text, c.width, got, c.want)
		}
	}
}

func TestFloorCommand(t *testing.T) {
	var r floorResult
	kvrunJSON(t, &r, "floor", "--json", "-c", "64", "-ctk", "q8_0")
	if !r.OK || len(r.Rows) < 12 || r.Record.Math != "both" || r.Record.Plan.Layers[0].K.Effective != "q8_0" {
		t.Errorf("%+v", r)
	}
	zero := 0
	for _, row := range r.Rows {
		if row.Zero {
			zero++
		}
		if int8 := row.Name == "int8 activations"; int8 != (row.Mean > 1e-6) && row.Math == "exact" {
			t.Errorf("%+v", row)
		}
	}
	if zero < 6 {
		t.Errorf("%d rows must be zero", zero)
	}
	code, out, stderr := kvrun("", "floor", "-c", "32", "--math", "exact")
	if code != 0 || strings.Count(out, "exactly 0, as it must be") < 2 || strings.Contains(out, "fast ") || !strings.Contains(stderr, "cache K f16") {
		t.Errorf("exit %d\n%s%s", code, out, stderr)
	}
}
