package report

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strconv"
	"strings"
)

// drawing is an SVG figure in the making. Colours come from classes, so that light and dark are the
// page's choice.
type drawing struct {
	w, h float64
	b    strings.Builder
}

// attr is the attributes of an element: name, value, name, value. Numbers are pixels, rounded to a
// tenth.
type attr []any

func (d *drawing) attrs(all attr) {
	for i := 0; i+1 < len(all); i += 2 {
		value := ""
		switch v := all[i+1].(type) {
		case float64:
			value = pixels(v)
		case int:
			value = strconv.Itoa(v)
		case string:
			value = html.EscapeString(v)
		default:
			panic(fmt.Sprintf("report: attribute %v of kind %T", all[i], v))
		}
		fmt.Fprintf(&d.b, ` %s="%s"`, all[i], value)
	}
}

// el writes an element that holds nothing.
func (d *drawing) el(name string, all attr) {
	d.b.WriteString("<" + name)
	d.attrs(all)
	d.b.WriteString("/>")
}

// open begins an element that close ends.
func (d *drawing) open(name string, all attr) {
	d.b.WriteString("<" + name)
	d.attrs(all)
	d.b.WriteString(">")
}

func (d *drawing) close(name string) { d.b.WriteString("</" + name + ">") }

// text writes words; anchor is start, middle or end.
func (d *drawing) text(x, y float64, class, anchor, words string) {
	d.open("text", attr{"x", x, "y", y, "class", class, "text-anchor", anchor})
	d.b.WriteString(html.EscapeString(words))
	d.close("text")
}

func (d *drawing) line(x1, y1, x2, y2 float64, class string) {
	d.el("line", attr{"x1", x1, "y1", y1, "x2", x2, "y2", y2, "class", class})
}

// path is a polyline through points, x y x y; shut joins its ends.
func (d *drawing) path(class string, shut bool, points ...float64) {
	var s strings.Builder
	for i := 0; i+1 < len(points); i += 2 {
		s.WriteString(map[bool]string{true: "M", false: "L"}[i == 0])
		s.WriteString(pixels(points[i]) + " " + pixels(points[i+1]))
	}
	if shut {
		s.WriteString("Z")
	}
	d.el("path", attr{"d", s.String(), "class", class})
}

// point begins a group that explains itself under the mouse, with a finger or by the keyboard;
// close("g") ends it.
func (d *drawing) point(class, tip string) {
	d.open("g", attr{"class", strings.TrimSpace("tip " + class)})
	d.open("title", nil)
	d.b.WriteString(html.EscapeString(tip))
	d.close("title")
}

// svg is the whole figure. id is unique on the page; class says in which window it is shown.
func (d *drawing) svg(id, class, title, description string) template.HTML {
	var head drawing
	all := attr{"class", class, "viewBox", fmt.Sprintf("0 0 %s %s", pixels(d.w), pixels(d.h)), "role", "img", "aria-labelledby", id + "-t " + id + "-d"}
	if class == "all" {
		all = append(all, "width", d.w) // as large as it was drawn in any window
	}
	head.open("svg", all)
	head.open("title", attr{"id", id + "-t"})
	head.b.WriteString(html.EscapeString(title))
	head.close("title")
	head.open("desc", attr{"id", id + "-d"})
	head.b.WriteString(html.EscapeString(description))
	head.close("desc")
	return template.HTML(head.b.String() + d.b.String() + "</svg>")
}

func pixels(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		v = 0 // a figure with a number missing is better than none; the tables show what it was
	}
	return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
}
