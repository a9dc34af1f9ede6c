package jinja

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestLimits holds that each of these ends soon, without much memory, in an error that names a
// limit.
func TestLimits(t *testing.T) {
	var branches strings.Builder
	branches.WriteString("{% if a %}")
	for i := range 6000 {
		fmt.Fprintf(&branches, "{%% elif a %%}{%% set x%d=1 %%}", i)
	}
	branches.WriteString("{% endif %}")
	tuple := "{% set n = namespace(t=(1,)) %}{% for i in range(60) %}{% set n.t = (n.t, n.t) %}{% endfor %}"
	long := "{% set s = 'x' * 4000000 %}"
	for name, c := range map[string]struct{ source, want string }{
		"names in branches":   {branches.String(), "too many names in too many branches"},
		"shared tuple, key":   {tuple + "{{ {n.t: 1} }}", "as a key"},
		"shared tuple, item":  {tuple + "{{ {}[n.t] }}", "as a key"},
		"shared tuple, equal": {tuple + "{% set m = namespace(t=(1,)) %}{% for i in range(60) %}{% set m.t = (m.t, m.t) %}{% endfor %}{{ n.t == m.t }}", "steps"},
		"shared tuple, order": {tuple + "{{ [n.t, n.t]|sort }}", "more than"},
		"shared tuple, json":  {tuple + "{{ n.t|tojson }}", "bytes"},
		"shared tuple, print": {tuple + "{{ n.t|pprint }}", "more than"},
		"squares":             {"{% set n = namespace(x=3) %}{% for i in range(99) %}{% set n.x = n.x * n.x %}{% endfor %}", "65536 bits"},
		"long products":       {"{% set x = 3 ** 20000 %}{% for i in range(99999) %}{% for j in range(99999) %}{% set y = x * x %}{% endfor %}{% endfor %}", "steps"},
		"digits":              {"{{ ('z' * 70000)|int(0, 32) }}", "65536 bits"},
		"folded keys":         {long + "{{ ([s] * 3000)|sort|length }}", "the template"},
		"kept texts":          {"{{ range(1000)|map('center', 5000000)|list|length }}", "holds values"},
		"kept by macros":      {"{% macro f() %}{{ 'x' * 5000000 }}{% endmacro %}{{ [" + strings.Repeat("f(), ", 400) + "]|length }}", "holds values"},
		"kept attributes":     {"{% set n = namespace(l=[]) %}{% for i in range(999) %}{% set n.l = n.l + ['x' * 5000000] %}{% endfor %}", "holds values"},
		"looking through":     {long + "{% for i in range(99999) %}{% for j in range(99999) %}{% if 'y' in s %}{% endif %}{% endfor %}{% endfor %}", "the template"},
		"trimming":            {"{% set s = ' ' * 400000 %}{% for i in range(99999) %}{% for j in range(99999) %}{{ s|trim }}{% endfor %}{% endfor %}", "the template"},
		"long keys":           {long + "{% set d = {s ~ 'a': 1} %}{% for i in range(99999) %}{% for j in range(99999) %}{{ d[s] }}{% endfor %}{% endfor %}", "the template"},
		"wide number":         {"{{ '%*d' % (999999999, 1) }}", "value of more than"},
		"precise number":      {"{{ '%.999999999f' % 1.5 }}", "65536 digits"},
		"wide field":          {"{{ '{:999999999}'.format(1) }}", "value of more than"},
		"indent":              {"{{ ('a\n' * 100000)|indent(100000) }}", "value of more than"},
		"tabs":                {"{{ ('\t' * 100000).expandtabs(1000000) }}", "more than"},
		"json indent":         {"{{ [[[[1]]]]|tojson(indent=99999999) }}", "value of more than"},
		"wrap":                {"{{ ('a ' * 1000000)|wordwrap(1, wrapstring='x' * 1000) }}", "value of more than"},
		"batch":               {"{{ [1]|batch(999999999, 0)|list }}", "value of more than"},
		"slice":               {"{{ [1]|slice(999999999)|list }}", "more than"},
		"recursive loop":      {"{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}", "100 calls"},
		"block by itself":     {"{% block a %}{{ self.a() }}{% endblock %}", "100 calls"},
		"caller by itself":    {"{% macro f() %}{% call f() %}{{ caller() }}{% endcall %}{% endmacro %}{{ f() }}", "100 calls"},
		"nested call blocks":  {strings.Repeat("{% call f() %}", 100), "90 blocks"},
		"signs":               {"{{ " + strings.Repeat("-", 50000) + "1 }}", "120 expressions"},
		"subscripts":          {"{{ a" + strings.Repeat("[0]", 50000) + " }}", "500 operators"},
		"filters":             {"{{ a" + strings.Repeat("|e", 50000) + " }}", "500 operators"},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			tmpl, err := Parse(c.source)
			if err == nil {
				_, err = tmpl.Render(NewDict("messages", &List{}), moment)
			}
			if e, ok := err.(*Error); !ok || !e.Limit || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want a limit with %q", err, c.want)
			}
			if d := time.Since(start); d > 2*maxTime {
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

// TestWords holds that the words of a template are no control codes and not long.
func TestWords(t *testing.T) {
	tmpl, err := Parse("{{ raise_exception('\\x1b[31m' ~ 'ä\\u202e\\n' * 9999) }}")
	if err != nil {
		t.Fatal(err)
	}
	_, err = tmpl.Render(&Dict{}, moment)
	if e, ok := err.(*Error); !ok || !e.Raised || len(e.Message) < 9999 {
		t.Fatalf("%v", err)
	}
	if s := err.Error(); len(s) > 4*maxWords || strings.ContainsAny(s, "\x1b\n\u202e") || !strings.HasPrefix(s, `\x1b[31mä\u202e\n`) {
		t.Errorf("%q", s)
	}
}
