package spec

import (
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// TestStringLiteral holds what is a text to quoted strings without anything to be put into them.
func TestStringLiteral(t *testing.T) {
	for text, want := range map[string]string{
		`"a"`: "a", `"a b"`: "a b", `"\""`: `"`, `"$${a}"`: "${a}", `""`: "",
	} {
		if got, ok := literal(t, text); !ok || got != want {
			t.Errorf("%s: %q, %t", text, got, ok)
		}
	}
	for _, text := range []string{`"${1}"`, `"${a}"`, `"a${1}"`, `"${1}a"`, `"${1}${2}"`, `"%{ if a }b%{ endif }"`, `1`, `a`, `["a"]`, `("a")`} {
		if got, ok := literal(t, text); ok {
			t.Errorf("%s is taken for %q", text, got)
		}
	}
}

func literal(t *testing.T, text string) (string, bool) {
	t.Helper()
	e, diagnostics := hclsyntax.ParseExpression([]byte(text), "t.hcl", hcl.InitialPos)
	if diagnostics.HasErrors() {
		t.Fatal(diagnostics)
	}
	return stringLiteral(e)
}
