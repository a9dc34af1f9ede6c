package jinja

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// generation is the function around which the generation tag puts its body.
var generation = &native{name: "generation", call: func(r *run, a *args) any {
	caller, _ := a.take("caller")
	return r.call(caller, &args{})
}}

// globals are the names that every template finds.
func globals() map[string]any {
	all := map[string]any{}
	for name, f := range map[string]func(r *run, a *args) any{
		"range": rangeOf, "namespace": newNamespace, "dict": newDict, "cycler": newCycler, "joiner": newJoiner,
		"raise_exception": raise, "strftime_now": strftimeNow,
		"lipsum": func(*run, *args) any {
			fail("lipsum, which makes text at random, is not supported")
			return nil
		},
	} {
		all[name] = &native{name: name, call: f}
	}
	return all
}

func raise(r *run, a *args) any {
	panic(&Error{Line: r.line, Message: r.str(a.bind("raise_exception", 1, "message")[0]), Raised: true})
}

func rangeOf(_ *run, a *args) any {
	v := a.positional("range", 1, 3)
	n := [3]int64{0, 0, 1}
	for i, x := range v {
		if !given(x) {
			break
		}
		if u, ok := x.(*undefined); ok {
			fail("'%s' object cannot be interpreted as an integer", typeName(u))
		}
		z, ok := integer(x)
		if !ok {
			fail("'%s' object cannot be interpreted as an integer", typeName(x))
		}
		if !z.IsInt64() {
			fail("Range too big. The sandbox blocks ranges larger than MAX_RANGE (%d).", maxRange)
		}
		n[i] = z.Int64()
	}
	if !given(v[1]) {
		n[0], n[1] = 0, n[0]
	}
	if n[2] == 0 {
		fail("range() arg 3 must not be zero")
	}
	out := &numbers{n[0], n[1], n[2]}
	if l := out.len(); l < 0 || l > maxRange {
		fail("Range too big. The sandbox blocks ranges larger than MAX_RANGE (%d).", maxRange)
	}
	return out
}

// newDict is dict(...): of a mapping or pairs, and keyword arguments.
func newDict(r *run, a *args) any {
	if len(a.pos) > 1 {
		fail("dict expected at most 1 argument, got %d", len(a.pos))
	}
	d := &Dict{}
	if len(a.pos) == 1 {
		if from, ok := a.pos[0].(*Dict); ok {
			d = from.copy()
		} else {
			for _, pair := range r.items(a.pos[0]) {
				p := r.items(pair)
				if len(p) != 2 {
					fail("dictionary update sequence element has length %d; 2 is required", len(p))
				}
				d.Set(p[0], p[1])
			}
		}
	}
	for i, name := range a.names {
		d.Set(name, a.values[i])
	}
	r.grow(int64(3 * itemSize * d.Len()))
	return d
}

func fromKeys(r *run, a *args) any {
	v := a.positional("fromkeys", 1, 2)
	d := &Dict{}
	for _, k := range r.items(v[0]) {
		d.Set(k, or[any](v[1], nil))
	}
	r.grow(int64(3 * itemSize * d.Len()))
	return d
}

func newNamespace(r *run, a *args) any {
	n := &namespace{newDict(r, a).(*Dict)}
	for _, k := range n.attrs.keys {
		if name, ok := text(k); ok {
			checkAttribute(name)
		}
	}
	return n
}

type cycler struct {
	items []any
	at    int
}

func newCycler(_ *run, a *args) any {
	if a.noNames("cycler"); len(a.pos) == 0 {
		fail("at least one item has to be provided")
	}
	return &cycler{items: a.pos}
}

func (c *cycler) attribute(name string) (any, bool) {
	switch name {
	case "current":
		return c.items[c.at], true
	case "pos":
		return int64(c.at), true
	case "items":
		return &Tuple{c.items}, true
	case "next":
		return bound(name, func(_ *run, a *args) any {
			a.positional(name, 0, 0)
			v := c.items[c.at]
			c.at = (c.at + 1) % len(c.items)
			return v
		}), true
	case "reset":
		return bound(name, func(_ *run, a *args) any {
			a.positional(name, 0, 0)
			c.at = 0
			return nil
		}), true
	}
	return nil, false
}

type joiner struct {
	separator any
	used      bool
}

func newJoiner(_ *run, a *args) any {
	return &joiner{separator: or(a.bind("joiner", 0, "sep")[0], ", ")}
}

func (j *joiner) next() any {
	if !j.used {
		j.used = true
		return ""
	}
	return j.separator
}

// directives are the directives of C's strftime, with English names, as layouts of Go.
var directives = map[byte]string{
	'Y': "2006", 'm': "01", 'd': "02", 'H': "15", 'M': "04", 'S': "05", 'y': "06", 'B': "January", 'b': "Jan", 'h': "Jan",
	'A': "Monday", 'a': "Mon", 'I': "03", 'p': "PM", 'j': "002", 'e': "_2", 'D': "01/02/06", 'F': "2006-01-02", 'R': "15:04",
	'T': "15:04:05", 'c': "Mon Jan _2 15:04:05 2006", 'x': "01/02/06", 'X': "15:04:05", 'r': "03:04:05 PM",
}

func strftimeNow(r *run, a *args) any {
	format, ok := text(a.bind("strftime_now", 1, "format")[0])
	if !ok {
		fail("strftime() argument 1 must be str")
	}
	return strftime(r.now, format)
}

// calendar are the directives that Go has no layout for. What C does not know stays as it is.
func calendar(now time.Time, c byte) string {
	year, week := now.ISOWeek()
	day, weekday := now.YearDay()-1, int(now.Weekday())
	switch c {
	case 'u':
		return strconv.Itoa((weekday+6)%7 + 1)
	case 'w':
		return strconv.Itoa(weekday)
	case 'G':
		return fmt.Sprintf("%04d", year)
	case 'g':
		return fmt.Sprintf("%02d", year%100)
	case 'V':
		return fmt.Sprintf("%02d", week)
	case 'U':
		return fmt.Sprintf("%02d", (day+7-weekday)/7)
	case 'W':
		return fmt.Sprintf("%02d", (day+7-(weekday+6)%7)/7)
	case 'C':
		return fmt.Sprintf("%02d", now.Year()/100)
	case 'k':
		return fmt.Sprintf("%2d", now.Hour())
	case 'l':
		return fmt.Sprintf("%2d", (now.Hour()+11)%12+1)
	case 'P':
		return strings.ToLower(now.Format("PM"))
	case 's':
		return strconv.FormatInt(now.Unix(), 10)
	}
	return "%" + string(rune(c))
}

func strftime(now time.Time, format string) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		bare := false
		if format[i] == '-' && i+1 < len(format) { // glibc's mark for no leading zeros
			bare = true
			i++
		}
		s := ""
		switch c := format[i]; c {
		case '%':
			s = "%"
		case 'n':
			s = "\n"
		case 't':
			s = "\t"
		case 'f':
			s = now.Format(".000000")[1:]
		case 'Z', 'z': // the time is a local one without a zone
		default:
			if layout, ok := directives[c]; ok {
				s = now.Format(layout)
			} else {
				s = calendar(now, c)
			}
		}
		if bare {
			if t := strings.TrimLeft(s, "0 "); t != "" {
				s = t
			} else if s != "" {
				s = "0"
			}
		}
		b.WriteString(s)
	}
	return b.String()
}
