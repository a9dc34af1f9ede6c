package manual

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func sample() *Program {
	fs := pflag.NewFlagSet("cook", pflag.ContinueOnError)
	fs.SortFlags = false
	fs.StringP("dish", "d", "soup", "`name` of what is cooked, which may be long enough for a second line of its description at eighty columns")
	fs.String("heat", "", "`level` of the flame")
	fs.String("pan", "", "`level` of the pan")
	fs.Bool("salt", false, "with salt\\pepper")
	fs.String("lid", "on", "`state` of the lid")
	fs.Lookup("lid").NoOptDefVal = "on"
	fs.Bool("secret", false, "not shown")
	fs.Lookup("secret").Hidden = true
	return &Program{Name: "stove", Summary: "cooks", Spellings: map[string]string{"ht": "heat", "temperature": "heat"},
		Groups: []Group{{Title: "This command"}, {Title: "Fire", Flags: []string{"heat", "pan"}}},
		Values: func(_, flag string) Value {
			if flag == "heat" || flag == "pan" {
				return Value{Words: strings.Fields(strings.Repeat("low-low middling-middling high-high ", 3))}
			}
			return Value{Words: map[string][]string{"lid": {"on", "off"}}[flag]}
		},
		Commands: []Command{{Name: "cook", Synopsis: "[DISH]", Summary: "make a dish", Examples: []string{"stove cook -d 'soup'"}, Flags: fs}, {Name: "rest", Summary: "do nothing"}},
		Sections: []Section{{"Notes", "One.\n\n  a table\n  .stays"}}}
}

// TestHelp holds names, groups, values and defaults, and the width of every line.
func TestHelp(t *testing.T) {
	p := sample()
	for _, width := range []int{40, 80, 120} {
		var b bytes.Buffer
		if err := p.Help(&b, p.Command("cook"), width); err != nil {
			t.Fatal(err)
		}
		text := b.String()
		for _, want := range []string{"Usage: stove cook [DISH]", "  stove cook -d 'soup'", "\nThis command:\n", "\nFire:\n", "-d, --dish NAME", "-ht, --heat LEVEL", "--lid [STATE]", "one of on off"} {
			if !strings.Contains(text, want) {
				t.Errorf("width %d: no %q in\n%s", width, want, text)
			}
		}
		if !strings.Contains(strings.Join(strings.Fields(text), " "), "one of those of --heat") {
			t.Errorf("the same words twice:\n%s", text)
		}
		for _, never := range []string{"temperature", "secret", "true|false", "(default false)"} {
			if strings.Contains(text, never) {
				t.Errorf("width %d: %q in\n%s", width, never, text)
			}
		}
		for _, l := range strings.Split(text, "\n") {
			if len(l) > width {
				t.Errorf("width %d: %d columns: %s", width, len(l), l)
			}
		}
	}
	if p.Command("bake") != nil {
		t.Error("a command that is none")
	}
}

// TestRoff escapes what roff would read, and keeps tables.
func TestRoff(t *testing.T) {
	var b bytes.Buffer
	if err := sample().Roff(&b, "1.0"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{".TH STOVE 1", `with salt\epepper`, `\fB\-\-heat\fR \fILEVEL\fR`, ".nf\n  a table\n  .stays\n.fi", `stove cook \-d \(aqsoup\(aq`, ".SS rest\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if roff(".x\n.y") != "\\&.x\n\\&.y" {
		t.Error(roff(".x\n.y"))
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		text   string
		width  int
		indent int
		want   string
	}{{"a b c", 3, 1, "a b\n c"}, {"  a b", 4, 2, "  a\n  b"}, {"", 5, 2, ""}, {"word", 2, 0, "word"}, {"ä ö ü", 3, 0, "ä ö\nü"}} {
		if got := Wrap(c.text, c.width, c.indent); got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

// TestPage keeps a table where it fits, and elsewhere breaks what is said of its names between
// words.
func TestPage(t *testing.T) {
	const text = "A paragraph of words that is filled.\n\n  -x TYPE -y TYPE   what it is for, in more words than fit\n  --long\n                    on a line of its own\n  --alone"
	for width, want := range map[int]string{
		80: text + "\n",
		40: "A paragraph of words that is filled.\n\n  -x TYPE -y TYPE\n        what it is for, in more words\n        than fit\n  --long\n        on a line of its own\n  --alone\n",
	} {
		var b bytes.Buffer
		if err := Page(&b, text, width); err != nil || b.String() != want {
			t.Errorf("width %d, %v:\n%s\nwant\n%s", width, err, b.String(), want)
		}
	}
}
