package chat

import "testing"

// TestPython compares methods of strings and indices of lists with Python's.
func TestPython(t *testing.T) {
	for source, want := range map[string]string{
		`{{ messages[-1].content }}`:                                           "Hi",
		`{{ messages[-1:][-1]['content'] }}`:                                   "Hi",
		`{{ messages[-2] }}{{ messages[1] }}`:                                  "",
		`{{ messages|length }}{% for m in messages %}{{ m.role }}{% endfor %}`: `1user`,
		`{{ ' \ta '.strip() }}|`:                                               "a|",
		`{{ ' a '.rstrip() }}|`:                                                " a|",
		`{{ ' a '.lstrip() }}|`:                                                "a |",
		`{{ 'xyaxy'.strip('yx') }}`:                                            "a",
		`{{ '\na\n'.lstrip('\n') }}|`:                                          "a\n|",
		`{{ ' a  b '.split()|join('/') }}`:                                     "a/b",
		`{{ 'a-b-c'.split('-')|join('/') }}`:                                   "a/b/c",
		`{{ 'a-b-c'.split('-', 1)|join('/') }}`:                                "a/b-c",
		`{{ 'a-b-c'.split('-', 0)|join('/') }}`:                                "a-b-c",
		`{{ 'a-b-c'.rsplit('-', 1)|join('/') }}`:                               "a-b/c",
		`{{ 'a-b-c'.rsplit('-')|join('/') }}`:                                  "a/b/c",
		`{{ 'a-b'.split('-', maxsplit=1)[-1] }}`:                               "b",
		`{{ ''.split('-')|length }}`:                                           "1",
		`{{ 'a'.split('-')[-1].lstrip('\n') }}`:                                "a",
		`{{ '</x>'.split('</x>')[-1].lstrip() }}|`:                             "|",
	} {
		tmpl, err := load(t, "tiny-llama", source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if got, err := tmpl.Prompt([]Message{{Role: "user", Content: "Hi"}}, true); err != nil || got != want {
			t.Errorf("%s gives %q, %v; want %q", source, got, err, want)
		}
	}
	for _, source := range []string{"{{ 'a'.split('') }}", "{{ 'a b'.split(none, 1) }}"} {
		tmpl, err := load(t, "tiny-llama", source)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := tmpl.Prompt([]Message{{Role: "user", Content: "Hi"}}, true); err == nil {
			t.Errorf("%s gives %q", source, got)
		}
	}
}
