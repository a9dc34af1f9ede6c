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
		"long range":      {"{% for i in range(1000000000000) %}{% endfor %}", "range of more than 10000"},
		"doubling a text": {"{% set n = namespace(s='xxxxxxxx') %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}", "bytes"},
		"doubling by macro": {
			"{% macro f(a, n) %}{{ f(a ~ a, n) }}{% endmacro %}{{ f('xxxxxxxx', 1) }}", "bytes"},
		"doubling by nesting": {
			"{% macro f(a) %}{{ a }}{{ a }}{% endmacro %}{% set n = namespace(s='xxxxxxxx') %}" +
				"{% for i in range(60) %}{% set n.s = f(n.s) %}{% endfor %}", "bytes"},
		"doubling a list": {"{% set n = namespace(a=[1]) %}{% for i in range(60) %}{% set n.a = n.a + n.a %}{% endfor %}", "bytes"},
		"nesting a list":  {"{% set n = namespace(a=[1]) %}{% for i in range(60) %}{% set n.a = [n.a, n.a] %}{% endfor %}", "bytes"},
		"deep list":       {"{% set n = namespace(a=[1]) %}{% for i in range(9999) %}{% set n.a = [n.a] %}{% endfor %}", "nests"},
		"cycle":           {"{% set n = namespace() %}{% set n.n = n %}{{ n }}", "nests"},
		"block buffer": {
			"{% set s %}{% for i in range(9999) %}{% for j in range(9999) %}" + long + "{% endfor %}{% endfor %}{% endset %}", "bytes"},
		"macro buffer": {
			"{% macro f() %}{% for i in range(9999) %}{% for j in range(9999) %}" + long + "{% endfor %}{% endfor %}{% endmacro %}{{ f() }}",
			"bytes"},
		"endless recursion":   {"{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "macro calls"},
		"mutual recursion":    {"{% macro f() %}{{ g() }}{% endmacro %}{% macro g() %}{{ f() }}{% endmacro %}{{ f() }}", "macro calls"},
		"recursive loop":      {"{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}", "recursive loops are not supported"},
		"multiplied text":     {"{{ 'x' * 999999999 }}", `line 1 of the template: "*" is not supported`},
		"power":               {"\n{{ 9 ** 999999999 }}", `line 2 of the template: "**" is not supported`},
		"replacement":         {"{% set s = range(9999)|join('x') %}{{ s|replace('x', s) }}", "bytes"},
		"replacement, method": {"{% set s = range(9999)|join('x') %}{{ s.replace('x', s) }}", "bytes"},
		"separator":           {"{% set s = range(9999)|join('x') %}{{ range(9999)|join(s) }}", "bytes"},
		"padding":             {"{{ 'x'|center(999999999) }}", "filter 'center' not found"},
		"padding, method":     {"{{ 'x'.zfill(999999999) }}", "unknown method 'zfill'"},
		"division by zero":    {"{{ 1 % 0 }}", "divide by zero"},
		"brackets":            {"{{ " + strings.Repeat("(", 50000), "nested brackets"},
		"negations":           {"{{ " + strings.Repeat("not ", 20000) + "1 }}", "more than 400 tokens"},
		"long sum":            {"{{ 1" + strings.Repeat("+1", 20000) + " }}", "more than 400 tokens"},
		"conditionals":        {strings.Repeat("{{ (1 if 2) }}", 300), "conditional expressions"},
		"nested conditionals": {strings.Repeat("{% if 1 %}", 9000), "more than 1000 tags"},
		"open tags":           {strings.Repeat("{% if 1 %}", 900), "template"},
		"size":                {strings.Repeat("x", maxSource+1), "131073 bytes, the limit is 131072"},
		"inclusion":           {"{% include '/etc/passwd' %}", "'include' not found"},
		"import":              {"{% import '/etc/passwd' as p %}", "'import' not found"},
		"inheritance":         {"{% extends '/etc/passwd' %}", "'extends' not found"},
		"unknown tag":         {"{% nonesuch %}", "'nonesuch' not found"},
		"unknown function":    {"{{ nonesuch() }}", "nonesuch"},
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
			if d := time.Since(start); d > 3*maxTime {
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

// FuzzTemplate holds that no template crashes the process or outlasts its time.
func FuzzTemplate(f *testing.F) {
	f.Add(chatml)
	f.Add("{% for m in messages %}{{ m.content|trim|upper }}{{ loop.index0 % 2 }}{% endfor %}")
	f.Add("{% macro f(x=1) %}{{ x }}{% endmacro %}{{ f() }}{% set a = [1, 'b', {'c': none}] %}{{ a|tojson }}")
	f.Add("{{ (1 if messages else 2) }}{{ messages[-1]['role'][0:2] }}{{ 'a,b'.split(',')|join('-') }}")
	f.Add("{% set n = namespace(x=0) %}{%- for i in range(3) -%}{% set n.x = n.x + i %}{% if n.x == 1 %}{% continue %}{% endif %}{%- endfor %}")
	f.Fuzz(func(t *testing.T, source string) {
		start := time.Now()
		_, _ = bounded(source, map[string]any{"messages": []any{map[string]any{"role": "user", "content": "Hi"}}}, 6)
		if d := time.Since(start); d > 2*maxTime {
			t.Fatalf("it took %v", d)
		}
	})
}
