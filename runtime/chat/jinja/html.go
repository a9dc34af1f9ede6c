package jinja

import (
	"html"
	"strings"
)

var entities = strings.NewReplacer("&", "&amp;", ">", "&gt;", "<", "&lt;", "'", "&#39;", `"`, "&#34;")

// escaped is v as a text that is safe in HTML.
func (r *run) escaped(v any) string {
	if m, ok := v.(markup); ok {
		return string(m)
	}
	s := r.str(v)
	r.grow(int64(len(s) + 4*countAny(s, `&<>'"`)))
	return entities.Replace(s)
}

func countAny(s, chars string) (n int) {
	for i := range len(s) {
		if strings.IndexByte(chars, s[i]) >= 0 {
			n++
		}
	}
	return n
}

// escapedArg is an argument of a safe text's method.
func escapedArg(r *run, v any) any {
	if s, ok := v.(string); ok {
		return r.escaped(s)
	}
	return v
}

// escapedArgs are the arguments of a safe text's % operator.
func escapedArgs(r *run, v any) any {
	switch v := v.(type) {
	case *Tuple:
		t := &Tuple{}
		for _, x := range v.Items {
			t.Items = append(t.Items, escapedArg(r, x))
		}
		return t
	case *Dict:
		d := &Dict{}
		for i, k := range v.keys {
			d.Set(k, escapedArg(r, v.values[i]))
		}
		return d
	}
	return escapedArg(r, v)
}

func unescapeHTML(s string) string { return html.UnescapeString(s) }

// stripTags is the text without comments and tags, white space as single blanks.
func stripTags(s string) string {
	for {
		start := strings.Index(s, "<!--")
		if start < 0 {
			break
		}
		end := strings.Index(s[start:], "-->")
		if end < 0 {
			break
		}
		s = s[:start] + s[start+end+3:]
	}
	for {
		start := strings.IndexByte(s, '<')
		if start < 0 {
			break
		}
		end := strings.IndexByte(s[start:], '>')
		if end < 0 {
			break
		}
		s = s[:start] + s[start+end+1:]
	}
	return unescapeHTML(strings.Join(strings.FieldsFunc(s, isSpace), " "))
}
