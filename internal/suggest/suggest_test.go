package suggest

import (
	"strings"
	"testing"
)

// TestNearest suggests what a person would, and nothing that only happens to be as short.
func TestNearest(t *testing.T) {
	flags := strings.Fields("--cache-type-k --cache-type-v --threads --min-p --isa --temp --spec --policy --rot-v --force --ctx-size --top-k --json --verbose")
	commands := strings.Fields("run chat info ppl probe floor kld sweep calibrate tune bench logits synth")
	for _, c := range []struct {
		given string
		names []string
		want  string
	}{
		{"--cache-type", flags, "--cache-type-k --cache-type-v"}, {"THREADS", flags, "--threads"}, {"--temperature", flags, "--temp"},
		{"--ctx_size", flags, "--ctx-size"}, {"--ctx", flags, "--ctx-size"}, {"--tpo-k", flags, "--top-k"}, {"--thread", flags, "--threads"},
		{"--jinja", flags, ""}, {"--lora", flags, ""}, {"--numa", flags, ""}, {"-st", flags, ""}, {"-sm", flags, ""}, {"-no-cnv", flags, ""},
		{"--samplers", flags, ""}, {"--perplexity", flags, ""}, {"-", flags, ""}, {"", flags, ""}, {"zzzzzz", flags, ""},
		{"cli", commands, ""}, {"pull", commands, ""}, {"man", commands, ""}, {"serve", commands, ""}, {"bensch", commands, "bench"},
		{"chta", commands, "chat"}, {"rn", commands, "run"}, {"pp", commands, "ppl"}, {"rnu", commands, "run"}, {"calib", commands, "calibrate"}, {strings.Repeat("x", 1<<16), commands, ""},
	} {
		want := ""
		if c.want != "" {
			want = " (did you mean " + strings.Join(strings.Fields(c.want), ", ") + "?)"
		}
		if got := Nearest(c.given, c.names); got != want {
			t.Errorf("%.80s: %q, want %q", c.given, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "ab", 2}, {"chta", "chat", 1}, {"kitten", "sitting", 3}, {"ca", "abc", 3}, {"same", "same", 0}} {
		if got := Distance(c.a, c.b); got != c.want || Distance(c.b, c.a) != c.want {
			t.Errorf("%q %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
