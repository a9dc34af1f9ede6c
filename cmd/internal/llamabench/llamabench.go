// Package llamabench writes speeds as llama-bench does: its field names, its formats (a table in
// Markdown, JSON, JSON lines, CSV, SQL) and its columns.
package llamabench

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/kvgen/kvgen/cmd/internal/plain"
	"github.com/kvgen/kvgen/runtime/bench"
)

// Formats are llama-bench's formats.
func Formats() []string { return []string{"md", "json", "jsonl", "csv", "sql"} }

// A Printer writes rows as they are measured: Begin before the first, End after the last, also
// where less was measured.
type Printer struct {
	Begin, End func() error
	Row        func(r Row) error
}

// NewPrinter writes to w in a format; build is what measured, columns are those that a table has
// beside llama-bench's standing ones.
func NewPrinter(w io.Writer, format, build string, columns []Column) Printer {
	nothing := func() error { return nil }
	print := func(s string) error { _, err := io.WriteString(w, s); return err }
	switch format {
	case "json":
		n := 0
		return Printer{Begin: func() error { return print("[") }, End: func() error { return print("\n]\n") }, Row: func(r Row) error {
			text, err := json.MarshalIndent(r, "  ", "  ")
			if err != nil {
				return err
			}
			comma := ",\n  "
			if n++; n == 1 {
				comma = "\n  "
			}
			return print(comma + string(text))
		}}
	case "jsonl":
		return Printer{Begin: nothing, End: nothing, Row: func(r Row) error {
			e := json.NewEncoder(plain.NewWriter(w))
			e.SetEscapeHTML(false)
			return e.Encode(r)
		}}
	case "csv":
		write := func(cells []string) error {
			c := csv.NewWriter(w)
			c.Write(cells)
			c.Flush()
			return c.Error()
		}
		names, _ := fieldsOf(Row{})
		return Printer{Begin: func() error { return write(names) }, End: nothing, Row: func(r Row) error {
			_, values := fieldsOf(r)
			return write(values)
		}}
	case "sql":
		return Printer{Begin: func() error { return print(schema()) }, End: nothing, Row: func(r Row) error {
			names, values := fieldsOf(r)
			for i, v := range values {
				values[i] = "'" + strings.ReplaceAll(v, "'", "''") + "'"
			}
			return print(fmt.Sprintf("INSERT INTO llama_bench (%s) VALUES (%s);\n", strings.Join(names, ", "), strings.Join(values, ", ")))
		}}
	}
	line := func(cell func(c Column) string) error {
		text := "|"
		for _, c := range columns {
			text += " " + cell(c) + " |"
		}
		return print(text + "\n")
	}
	first := true
	return Printer{Begin: func() error {
		if err := line(func(c Column) string { return c.pad(c.name) }); err != nil {
			return err
		}
		return line(func(c Column) string {
			if c.left {
				return strings.Repeat("-", c.width)
			}
			return strings.Repeat("-", c.width-1) + ":"
		})
	}, Row: func(r Row) error {
		first = false
		return line(func(c Column) string { return c.pad(c.value(r)) })
	}, End: func() error {
		if first {
			return nil
		}
		return print("\nbuild: " + build + "\n")
	}}
}

// fieldsOf are the names and values of a row's fields that are no lists: llama-bench's, math and
// isa.
func fieldsOf(r Row) (names, values []string) {
	v := reflect.ValueOf(r)
	for i := range v.NumField() {
		f := v.Type().Field(i)
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if tag == "" || tag == "-" || f.Type.Kind() == reflect.Slice || f.Type.Kind() == reflect.Interface {
			continue
		}
		value := fmt.Sprint(v.Field(i))
		switch f.Type.Kind() {
		case reflect.Bool:
			value = map[bool]string{false: "0", true: "1"}[v.Field(i).Bool()]
		case reflect.Float64:
			value = fmt.Sprintf("%f", v.Field(i).Float())
		}
		names, values = append(names, tag), append(values, value)
	}
	return append(names, "math", "isa"), append(values, r.Math, r.ISA)
}

// schema makes the table that the rows of SQL go to.
func schema() string {
	var fields []string
	names, _ := fieldsOf(Row{})
	t := reflect.TypeOf(Row{})
	kinds := map[string]string{}
	for i := range t.NumField() {
		tag, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		switch t.Field(i).Type.Kind() {
		case reflect.Int, reflect.Int64, reflect.Bool:
			kinds[tag] = "INTEGER"
		case reflect.Float64:
			kinds[tag] = "REAL"
		}
	}
	for _, n := range names {
		kind := kinds[n]
		if kind == "" {
			kind = "TEXT"
		}
		fields = append(fields, "  "+n+" "+kind)
	}
	return "CREATE TABLE IF NOT EXISTS llama_bench (\n" + strings.Join(fields, ",\n") + "\n);\n\n"
}

// A Column is one of the table: llama-bench's name, a width that rows keep to, and what stands in
// it.
type Column struct {
	name  string
	width int
	left  bool
	value func(r Row) string
}

func (c Column) pad(s string) string {
	space := strings.Repeat(" ", max(0, c.width-utf8.RuneCountInString(s)))
	if c.left {
		return s + space
	}
	return space + s
}

// Columns are the columns of a table: those that llama-bench always has, and those that say what
// was asked for.
func Columns(asked func(flag string) bool, gpu bool) []Column {
	number := func(n func(Row) int) func(Row) string {
		return func(r Row) string { return fmt.Sprint(n(r)) }
	}
	columns := []Column{
		{"model", 30, true, func(r Row) string { return r.Type }},
		{"size", 10, false, func(r Row) string { return binarySize(r.Size) }},
		{"params", 10, false, func(r Row) string { return parameters(r.Parameters) }},
		{"backend", 10, true, func(r Row) string { return r.Backends }},
	}
	add := func(shown bool, c Column) {
		if shown {
			columns = append(columns, c)
		}
	}
	add(gpu || asked("gpu-layers"), Column{"ngl", 3, false, number(func(r Row) int { return r.GPULayers })})
	add(!gpu || asked("threads"), Column{"threads", 7, false, number(func(r Row) int { return r.Threads })})
	add(asked("batch-size"), Column{"n_batch", 7, false, number(func(r Row) int { return r.Batch })})
	add(asked("ubatch-size"), Column{"n_ubatch", 8, false, number(func(r Row) int { return r.UBatch })})
	cache := asked("cache-type-k") || asked("cache-type-v") || asked("cache") || asked("policy")
	add(cache, Column{"type_k", 7, false, func(r Row) string { return r.TypeK }})
	add(cache, Column{"type_v", 7, false, func(r Row) string { return r.TypeV }})
	add(asked("flash-attn"), Column{"fa", 2, false, func(r Row) string { return "1" }})
	add(asked("math"), Column{"math", 5, true, func(r Row) string { return r.Math }})
	add(asked("isa"), Column{"isa", 7, true, func(r Row) string { return r.ISA }})
	return append(columns,
		Column{"test", 15, false, func(r Row) string { return r.Test.String() }},
		Column{"t/s", 20, false, func(r Row) string { return fmt.Sprintf("%.2f ± %.2f", r.AvgTS, r.StddevTS) }})
}

// binarySize is a size as llama-bench prints it.
func binarySize(n int64) string {
	if n < 1<<30 {
		return fmt.Sprintf("%.2f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.2f GiB", float64(n)/(1<<30))
}

// parameters is a count as llama-bench prints it.
func parameters(n int64) string {
	if n < 1e9 {
		return fmt.Sprintf("%.2f M", float64(n)/1e6)
	}
	return fmt.Sprintf("%.2f B", float64(n)/1e9)
}

// Row is one test in llama-bench's field names, with what the project adds at the end.
type Row struct {
	Build      string    `json:"build_commit"`
	CPU        string    `json:"cpu_info"`
	GPU        string    `json:"gpu_info"`
	Backends   string    `json:"backends"`
	Filename   string    `json:"model_filename"`
	Type       string    `json:"model_type"`
	Size       int64     `json:"model_size"`
	Parameters int64     `json:"model_n_params"`
	Batch      int       `json:"n_batch"`
	UBatch     int       `json:"n_ubatch"`
	Threads    int       `json:"n_threads"`
	TypeK      string    `json:"type_k"`
	TypeV      string    `json:"type_v"`
	GPULayers  int       `json:"n_gpu_layers"`
	Flash      bool      `json:"flash_attn"`
	Mapped     bool      `json:"use_mmap"`
	Prompt     int       `json:"n_prompt"`
	Gen        int       `json:"n_gen"`
	Depth      int       `json:"n_depth"`
	Parallel   int       `json:"n_parallel"` // sequences; avg_ts counts the tokens of all
	Shared     bool      `json:"pp_shared"`
	Time       string    `json:"test_time"`
	AvgNS      int64     `json:"avg_ns"`
	StddevNS   int64     `json:"stddev_ns"`
	AvgTS      float64   `json:"avg_ts"`
	StddevTS   float64   `json:"stddev_ts"`
	SamplesNS  []int64   `json:"samples_ns"`
	SamplesTS  []float64 `json:"samples_ts"`
	Record     any       `json:"record"` // what the row is a result of

	Test      bench.Test `json:"-"`
	Math, ISA string     `json:"-"` // of Record
}
