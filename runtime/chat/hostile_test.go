package chat

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// long is what the templates below write in loops.
var long = strings.Repeat("x", 256)

// Each of these would hang, fill the memory, read files or crash a plain engine.
func TestHostileTemplates(t *testing.T) {
	for name, c := range map[string]struct{ template, want string }{
		"output without end": {
			"{% for i in range(9999) %}{% for j in range(9999) %}" + long + "{% endfor %}{% endfor %}", "bytes"},
		"loops without output": {
			"{% for i in range(9999) %}{% for j in range(9999) %}{% if i %}{% endif %}{% endfor %}{% endfor %}", "steps"},
		"long range":      {"{% for i in range(1000000000000) %}{% endfor %}", "larger than MAX_RANGE (100000)"},
		"doubling a text": {"{% set n = namespace(s='xxxxxxxx') %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}", "bytes"},
		"doubling by macro": {
			"{% macro f(a, n) %}{{ f(a ~ a, n) }}{% endmacro %}{{ f('xxxxxxxx', 1) }}", "bytes"},
		"doubling by nesting": {
			"{% macro f(a) %}{{ a }}{{ a }}{% endmacro %}{% set n = namespace(s='xxxxxxxx') %}" +
				"{% for i in range(60) %}{% set n.s = f(n.s) %}{% endfor %}", "bytes"},
		"doubling a list": {"{% set n = namespace(a=[1]) %}{% for i in range(60) %}{% set n.a = n.a + n.a %}{% endfor %}", "bytes"},
		"nesting a list":  {"{% set n = namespace(a=[1]) %}{% for i in range(60) %}{% set n.a = [n.a, n.a] %}{% endfor %}{{ n.a }}", "bytes"},
		"deep list":       {"{% set n = namespace(a=[1]) %}{% for i in range(9999) %}{% set n.a = [n.a] %}{% endfor %}{{ n.a }}", "nests"},
		"cycle":           {"{% set n = namespace() %}{% set n.n = n %}{{ n }}", "nests"},
		"block buffer": {
			"{% set s %}{% for i in range(9999) %}{% for j in range(9999) %}" + long + "{% endfor %}{% endfor %}{% endset %}", "bytes"},
		"macro buffer": {
			"{% macro f() %}{% for i in range(9999) %}{% for j in range(9999) %}" + long + "{% endfor %}{% endfor %}{% endmacro %}{{ f() }}",
			"bytes"},
		"endless recursion":   {"{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "nests more than 100 calls"},
		"mutual recursion":    {"{% macro f() %}{{ g() }}{% endmacro %}{% macro g() %}{{ f() }}{% endmacro %}{{ f() }}", "nests more than 100 calls"},
		"recursive loop":      {"{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}", "nests more than 100 calls"},
		"multiplied text":     {"{{ 'x' * 999999999 }}", "builds a value of more than"},
		"power":               {"\n{{ 9 ** 999999999 }}", "line 2: the template computes an integer of more than 65536 bits"},
		"replacement":         {"{% set s = range(9999)|join('x') %}{{ s|replace('x', s) }}", "bytes"},
		"replacement, method": {"{% set s = range(9999)|join('x') %}{{ s.replace('x', s) }}", "bytes"},
		"separator":           {"{% set s = range(9999)|join('x') %}{{ range(9999)|join(s) }}", "bytes"},
		"padding":             {"{{ 'x'|center(999999999) }}", "builds a value of more than"},
		"padding, method":     {"{{ 'x'.zfill(999999999) }}", "builds a value of more than"},
		"division by zero":    {"{{ 1 % 0 }}", "modulo by zero"},
		"brackets":            {"{{ " + strings.Repeat("(", 50000), "more than 120 expressions inside expressions"},
		"negations":           {"{{ " + strings.Repeat("not ", 20000) + "1 }}", "more than 500 operators in a row"},
		"long sum":            {"{{ 1" + strings.Repeat("+1", 20000) + " }}", "more than 500 operators in a row"},
		"nested conditionals": {strings.Repeat("{% if 1 %}", 9000), "more than 90 blocks inside blocks"},
		"open tags":           {strings.Repeat("{% if 1 %}", 80), "Unexpected end of template"},
		"size":                {strings.Repeat("x", 256<<10+1), "262145 bytes, the limit is 262144"},
		"inclusion":           {"{% include '/etc/passwd' %}", "cannot load another one"},
		"import":              {"{% import '/etc/passwd' as p %}", "cannot load another one"},
		"inheritance":         {"{% extends '/etc/passwd' %}", "cannot load another one"},
		"unknown tag":         {"{% nonesuch %}", "unknown tag 'nonesuch'"},
		"unknown function":    {"{{ nonesuch() }}", "'nonesuch' is undefined"},
		"no end":              {"{% for m in messages %}", "for"},
		"no end of tag":       {"{{ messages", "template"},
		"stray end":           {"{% endif %}", "endif"},
		"raised":              {"{{ raise_exception('no ' ~ 'way') }}", "the template refuses the conversation: no way"},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			tmpl, err := load(t, "tiny-llama", c.template)
			if err == nil {
				_, err = tmpl.Prompt([]Message{{Role: "user", Content: "Hi"}}, true)
			}
			if err == nil || !strings.HasPrefix(err.Error(), "chat: ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q, want one with %q", fmt.Sprint(err), c.want)
			}
			if err != nil && len(err.Error()) > 600 {
				t.Errorf("an error of %d bytes: %.300s...", len(err.Error()), err)
			}
			if d := time.Since(start); d > 10*time.Second {
				t.Errorf("it took %v", d)
			}
		})
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.Sys > 1<<30 {
		t.Errorf("the templates made the process grow to %d MiB", m.Sys>>20)
	}
}
