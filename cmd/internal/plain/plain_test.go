package plain

import (
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"plain, äöü 漢字 🙂\tand\n":  "plain, äöü 漢字 🙂\tand\n",
		"\x1b[2J\x1b[31mEVIL\x07": `\u001b[2J\u001b[31mEVIL\u0007`,
		"a\rb\x00\x7f\u009b31m":   `a\u000db\u0000\u007f\u009b31m`,
		"user\u202e txt.exe":      `user\u202e txt.exe`,
		"\xff\xc3":                `\xff\xc3`,
	} {
		if got := Text(in); got != want {
			t.Errorf("%q is shown as %q, want %q", in, got, want)
		}
		var b strings.Builder
		w := NewWriter(&b)
		for i := range len(in) { // in pieces
			w.Write([]byte{in[i]})
		}
		if got := b.String(); got != strings.TrimSuffix(want, `\xc3`) {
			t.Errorf("%q is written as %q, want %q", in, got, want)
		}
	}
}

func TestLengths(t *testing.T) {
	long := strings.Repeat("ü\x1b", 500_000)
	if got := Message(long + "\nend"); utf8.RuneCountInString(got) > maxLine+40 || !utf8.ValidString(got) {
		t.Errorf("a message of %d bytes", len(got))
	}
	if got := Message(strings.Repeat("a line\n", 100_000)); len(got) > maxText+40 || !strings.HasSuffix(got, "(700000 bytes)") {
		t.Errorf("a message of %d bytes, which ends in %q", len(got), got[len(got)-20:])
	}
	if got := Message("reason: " + strings.Repeat("x", 5000) + ": it is bad"); len(got) > maxLine+10 || !strings.HasPrefix(got, "reason: xx") || !strings.HasSuffix(got, "xx: it is bad") {
		t.Errorf("got %q", got)
	}
	short := "kvrun: a.hcl:1:2: bad\n  1 | x\n    | ^\n"
	if Message(short) != short {
		t.Error("a short message is changed")
	}
	if got := Name(long, 40); utf8.RuneCountInString(got) != 40 {
		t.Errorf("a name %q", got)
	}
	if got := Name("a\nb", 40); got != `a\nb` {
		t.Errorf("a name %q", got)
	}
}

func TestFile(t *testing.T) {
	if f, ok := File(NewWriter(NewWriter(os.Stdout))); !ok || f != os.Stdout {
		t.Error("the file behind a writer is not found")
	}
	if _, ok := File(NewWriter(&strings.Builder{})); ok {
		t.Error("a builder is a file")
	}
}
