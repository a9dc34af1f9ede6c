package schema

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/grammar"
	re "github.com/kvgen/kvgen/runtime/grammar/regular"
)

// many joins n texts of a form that takes their number.
func many(n int, form string) string {
	var all []string
	for i := range n {
		all = append(all, strings.ReplaceAll(form, "%", fmt.Sprint(i)))
	}
	return strings.Join(all, ",")
}

// costly are schemas that would take very long, or do: each within all other bounds.
func costly() map[string]string {
	return map[string]string{
		"many states":          `{"properties": {` + many(200, `"p%": {"pattern": "^(a|b)*a(a|b){11}[%]$"}`) + `}}`,
		"large sets":           `{"properties": {` + many(2000, `"p%": {"pattern": "^((a?){1000}){12}%$"}`) + `}}`,
		"few states, much nfa": `{"properties": {` + many(4000, `"p%": {"pattern": "^(a{0,3000}){0,6}%?$"}`) + `}}`,
		"ranges":               `{"properties": {` + many(1000, `"p%": {"pattern": "^(`+strings.Repeat(`\\p{L}?`, 100)+`)%?$"}`) + `}}`,
		"multiples":            `{"properties": {` + many(2000, `"p%": {"type": "integer", "multipleOf": 5%, "minimum": 1, "maximum": 99999999999%}`) + `}}`,
		"lengths":              `{"properties": {` + many(2000, `"p%": {"pattern": "^[a-c]*x[a-c]*$", "maxLength": 30%}`) + `}}`,
		"required":             `{"allOf": [` + strings.Repeat(`{"required": [`+many(2000, `"r%"`)+`]},`, 40) + `{}], "properties": {` + many(2000, `"p%": {"$ref": "#"}`) + `}}`,
		"branches":             `{"oneOf": [` + many(900, `{"properties": {"a": {"pattern": "^`+strings.Repeat("x", 300)+`(a|b){%}$"}}, "required": ["a"]}`) + `]}`,
		"held together":        `{"$defs": {"a": {"allOf": [` + many(900, `{"minLength": %}`) + `]}}, "properties": {` + many(4000, `"p%": {"$ref": "#/$defs/a", "maxLength": 1%}`) + `}}`,
		"enum":                 `{"enum": [` + many(4000, `["`+strings.Repeat("x", 100)+`", "x", 1, 2, 3, 4, 5, 6, 7, %]`) + `]}`,
		"unique":               `{"items": {"enum": [` + many(4000, `%`) + `]}, "uniqueItems": true}`,
		"names":                `{"properties": {` + many(3000, `"`+strings.Repeat("x", 200)+`%": {}`) + `}, "minProperties": 3, "additionalProperties": false}`,
		"pattern properties":   `{"patternProperties": {` + many(6, `"^(a|b)*%(a|b){8}$": {"type": "string"}`) + `}}`,
		"references":           `{"$defs": {` + many(4000, `"d%": {"type": "array", "items": {"$ref": "#/$defs/d%"}, "minItems": %}`) + `}, "prefixItems": [` + many(4000, `{"$ref": "#/$defs/d%"}`) + `]}`,
		"long names":           `{"` + strings.Repeat("x", 400000) + `": [` + many(100000, `%`) + `]}`,
	}
}

// TestWork: what a schema takes is bounded by steps that are counted: it is refused on every
// machine or on none. The message has the place and the limit.
func TestWork(t *testing.T) {
	const limit = 1 << 20
	for name, text := range costly() {
		if len(text) > MaxText {
			t.Fatalf("%s has %d bytes", name, len(text))
		}
		w := re.NewWork(t.Context(), limit)
		s := NewSet(grammar.NewBuilder(small, w))
		n, err := s.add([]byte(text))
		if err == nil {
			_, err = s.finish(n)
		}
		switch {
		case err == nil:
			t.Errorf("%s: it is taken with %d steps", name, w.Spent())
		case w.Spent() > limit && !strings.Contains(err.Error(), "more than 1048576 steps"), w.Spent() <= limit && !strings.Contains(err.Error(), "schema: "):
			t.Errorf("%s, %d steps: %.300v", name, w.Spent(), err)
		case len(err.Error()) > 1000:
			t.Errorf("%s: a message of %d bytes", name, len(err.Error()))
		}
	}
}

// TestCancelled ends with the one who asked.
func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, name := range []string{"many states", "large sets", "held together"} {
		if _, err := Compile(ctx, small, []byte(costly()[name])); err == nil || !errors.Is(ctx.Err(), context.Canceled) || !strings.Contains(err.Error(), context.Canceled.Error()) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
