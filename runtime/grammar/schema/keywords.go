package schema

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/kvgen/kvgen/internal/suggest"
	"github.com/kvgen/kvgen/runtime/grammar"
)

// Error is a keyword that cannot be enforced, or is none.
type Error struct {
	Keyword string
	Pointer string // of the schema that has it, as a URI fragment
	Reason  string
}

func (e *Error) Error() string {
	return fmt.Sprintf("schema: keyword %.128q at %s: %s", e.Keyword, e.Pointer, e.Reason)
}

func (s *value) refuse(keyword, format string, args ...any) error {
	return &Error{keyword, s.at(), fmt.Sprintf(format, args...)}
}

// enforced are the keywords that grammars are made of.
var enforced = []string{
	"$ref", "$defs", "definitions", "$anchor", "$dynamicAnchor", "type", "enum", "const", "allOf", "anyOf", "oneOf",
	"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
	"minLength", "maxLength", "pattern", "format",
	"properties", "required", "additionalProperties", "patternProperties", "propertyNames", "minProperties", "maxProperties",
	"prefixItems", "items", "minItems", "maxItems", "uniqueItems",
}

// annotations say nothing of which values are valid.
var annotations = []string{
	"$schema", "$comment", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly",
	"contentEncoding", "contentMediaType", "contentSchema", "discriminator", "example", "externalDocs", "xml",
}

// Refused are the keywords of draft 2020-12 and before that are not enforced, with why.
var Refused = map[string]string{
	"not":                   "what a value must not be is not enforced",
	"if":                    "conditions are not enforced: write anyOf",
	"then":                  "conditions are not enforced: write anyOf",
	"else":                  "conditions are not enforced: write anyOf",
	"dependentSchemas":      "what depends on other properties is not enforced: write anyOf",
	"dependentRequired":     "what depends on other properties is not enforced: write anyOf",
	"dependencies":          "what depends on other properties is not enforced: write anyOf",
	"unevaluatedProperties": "it depends on which other schemas hold: write additionalProperties",
	"unevaluatedItems":      "it depends on which other schemas hold: write items",
	"contains":              "all items are of one schema, or each of its own by prefixItems",
	"minContains":           "all items are of one schema, or each of its own by prefixItems",
	"maxContains":           "all items are of one schema, or each of its own by prefixItems",
	"additionalItems":       "it is of older drafts: write prefixItems and items",
	"$dynamicRef":           "references that depend on their way are not enforced: write $ref",
	"$recursiveRef":         "references that depend on their way are not enforced: write $ref",
	"$recursiveAnchor":      "references that depend on their way are not enforced: write $ref",
	"$vocabulary":           "schemas of other vocabularies are not enforced",
	"$id":                   "schemas within a schema are named by $defs and #/$defs/NAME",
	"id":                    "it is of older drafts",
	"divisibleBy":           "it is of older drafts: write multipleOf",
	"extends":               "it is of older drafts: write allOf",
	"disallow":              "it is of older drafts",
	"nullable":              `it is of OpenAPI: write "type": ["...", "null"]`,
}

func in(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// check looks at the names of the keywords of a schema, once.
func (c *compiler) check(s *value) error {
	if c.checked[s] || s.kind == 't' || s.kind == 'f' {
		return nil
	}
	if s.kind != '{' {
		return fmt.Errorf("schema: %s: a schema is an object, true or false", s.at())
	}
	for _, name := range s.names {
		switch {
		case in(enforced, name), in(annotations, name), strings.HasPrefix(name, "x-"), name == "$id" && s == c.root:
		case Refused[name] != "":
			return s.refuse(name, "%s", Refused[name])
		default:
			return s.refuse(name, "no keyword of this name is known%s", suggest.Nearest(name[:min(len(name), 64)], enforced))
		}
	}
	if d := s.get("$schema"); d != nil && (d.kind != '"' || s != c.root || !strings.Contains(d.text, "json-schema.org/")) {
		return s.refuse("$schema", "schemas are read by the rules of draft 2020-12 of json-schema.org")
	}
	c.checked[s] = true
	return c.siblings(s)
}

// siblings refuses what older drafts ignore beside $ref.
func (c *compiler) siblings(s *value) error {
	d := c.root.get("$schema")
	if s.get("$ref") == nil || d == nil {
		return nil
	}
	for _, old := range []string{"draft-03", "draft-04", "draft-05", "draft-06", "draft-07"} {
		if !strings.Contains(d.text, old) {
			continue
		}
		for _, name := range s.names {
			if name != "$ref" && name != "definitions" && name != "$defs" && in(enforced, name) {
				return s.refuse(name, "%s ignores it beside $ref: write allOf", old)
			}
		}
	}
	return nil
}

// count reads a keyword whose value is a number of things.
func (s *value) count(name string, otherwise int) (int, error) {
	v := s.get(name)
	if v == nil {
		return otherwise, nil
	}
	if v.kind != '0' || !v.number.IsInt() || v.number.Sign() < 0 || !v.number.Num().IsInt64() || v.number.Num().Int64() > grammar.MaxCount {
		return 0, s.refuse(name, "want a whole number of 0 to %d", grammar.MaxCount)
	}
	return int(v.number.Num().Int64()), nil
}

// schemas reads a keyword whose value is a list of schemas.
func (s *value) schemas(name string) ([]*value, error) {
	v := s.get(name)
	if v == nil {
		return nil, nil
	}
	if v.kind != '[' || len(v.list) == 0 {
		return nil, s.refuse(name, "want an array of one schema at least")
	}
	return v.list, nil
}

// strings reads a keyword whose value is a list of strings.
func (s *value) strings(name string) (all []string, err error) {
	v := s.get(name)
	if v == nil {
		return nil, nil
	}
	seen := make(map[string]bool, len(v.list))
	for _, x := range v.list {
		if x.kind != '"' || seen[x.text] {
			return nil, s.refuse(name, "want an array of different strings")
		}
		seen[x.text], all = true, append(all, x.text)
	}
	if v.kind != '[' {
		return nil, s.refuse(name, "want an array of different strings")
	}
	return all, nil
}

// resolve is the schema that the $ref of s names, nil without one.
func (c *compiler) resolve(s *value) (*value, error) {
	ref := s.get("$ref")
	if ref == nil {
		return nil, nil
	}
	if ref.kind != '"' {
		return nil, s.refuse("$ref", "want a string")
	}
	if err := c.w.Spend(len(ref.text)); err != nil {
		return nil, err
	}
	text := ref.text
	if id := c.root.get("$id"); id != nil && id.kind == '"' && id.text != "" {
		text = strings.TrimPrefix(text, strings.TrimSuffix(id.text, "#"))
	}
	if text == "" {
		return c.root, nil
	}
	fragment, local := strings.CutPrefix(text, "#")
	if !local {
		return nil, s.refuse("$ref", "only schemas of the same text are read: want #/$defs/NAME, not %.80q", ref.text)
	}
	fragment, err := url.PathUnescape(fragment)
	if err != nil {
		return nil, s.refuse("$ref", "%.80q is no URI", ref.text)
	}
	if fragment != "" && fragment[0] != '/' {
		if to := c.anchors[fragment]; to != nil {
			return to, nil
		}
		return nil, s.refuse("$ref", "there is no $anchor %.80q", fragment)
	}
	to := c.root
	for _, step := range strings.Split(fragment, "/")[1:] {
		step = pointerUnescapes.Replace(step)
		if to.kind == '[' {
			if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(to.list) && strconv.Itoa(i) == step {
				to = to.list[i]
				continue
			}
		} else if next := to.get(step); next != nil {
			to = next
			continue
		}
		return nil, s.refuse("$ref", "there is nothing at %.80q", ref.text)
	}
	return to, nil
}

// findAnchors notes what has a name by $anchor.
func (c *compiler) findAnchors(v *value) {
	for _, name := range []string{"$anchor", "$dynamicAnchor"} {
		if a := v.get(name); a != nil && a.kind == '"' {
			if _, dup := c.anchors[a.text]; !dup {
				c.anchors[a.text] = v
			}
		}
	}
	for i, x := range v.list {
		if v.kind == '{' && (v.names[i] == "enum" || v.names[i] == "const") {
			continue
		}
		c.findAnchors(x)
	}
}
