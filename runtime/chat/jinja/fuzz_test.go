package jinja

import (
	"testing"
	"time"
)

// FuzzTemplate holds that no template crashes the process or outlasts its limits.
func FuzzTemplate(f *testing.F) {
	f.Add("{% for m in messages %}{{ m.content|trim|upper }}{{ loop.index0 % 2 }}{{ loop.nextitem }}{% else %}-{% endfor %}")
	f.Add("{% macro f(x=1, *v) %}{{ x }}{% endmacro %}{{ f() }}{% set a = [1, 'b', {'c': none}] %}{{ a|tojson(indent=2) }}")
	f.Add("{% macro f(x) %}{{ x }}{{ caller(1) }}{{ varargs }}{{ kwargs }}{% endmacro %}{% call(y) f(2, 3, z=4) %}{{ y }}{% endcall %}")
	f.Add("{{ (1 if messages else 2) }}{{ messages[-1]['role'][::-1] }}{{ 'a,b'.split(',')|join('-') }}{{ '%05.1f|%s' % (2.5, [1]) }}")
	f.Add("{% set n = namespace(x=0) %}{%- for i in range(3) if i -%}{% set n.x = n.x + i %}{% if n.x == 1 %}{% continue %}{% endif %}{%- endfor %}")
	f.Add("{% for k, v in {'a': [1]}|dictsort recursive %}{{ loop(v) if v is mapping }}{{ '{:>9_d} {!r}'.format(10**20, k) }}{% endfor %}")
	f.Add("{% filter upper|indent(2) %}a{% endfilter %}{% with a = 1, b = 'x' %}{{ a ~ b * 3 }}{% endwith %}{% set x | trim %} y {% endset %}")
	f.Add("{%+ raw -%} {{ x }} {%- endraw +%}{#- c -#}{% autoescape true %}{{ '<' ~ ('&'|safe) }}{% endautoescape %}{% block b scoped %}{{ self.b }}{% endblock %}")
	f.Add("{{ messages|map(attribute='role')|unique|list }}{{ [3, 1]|sort|batch(2, 0)|list }}{{ 7 // -2 }}{{ -7 % 3 }}{{ 2.5|round }}{{ 'x'|wordwrap(3) }}")
	f.Fuzz(func(t *testing.T, source string) {
		start := time.Now()
		tmpl, err := Parse(source)
		if err == nil {
			_, err = tmpl.Render(NewDict("messages", &List{[]any{NewDict("role", "user", "content", "Hi")}}), time.Unix(0, 0))
		}
		if err != nil && len(err.Error()) > 4*maxWords+100 {
			t.Errorf("an error of %d bytes", len(err.Error()))
		}
		if d := time.Since(start); d > maxTime {
			t.Fatalf("it took %v", d)
		}
	})
}
