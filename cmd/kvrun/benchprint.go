package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"
)

// benchFormatNames are llama-bench's formats.
func benchFormatNames() []string { return []string{"md", "json", "jsonl", "csv", "sql"} }

// A benchPrinter writes rows as they are measured: begin before the first, end after the last, also where less was measured.
type benchPrinter struct {
	begin, end func() error
	row        func(r benchRow) error
}

// newBenchPrinter writes to w in a format; build is what measured, columns are those that a table has beside llama-bench's standing ones.
func newBenchPrinter(w io.Writer, format, build string, columns []benchColumn) benchPrinter {
	nothing := func() error { return nil }
	print := func(s string) error { _, err := io.WriteString(w, s); return err }
	switch format {
	case "json":
		n := 0
		return benchPrinter{begin: func() error { return print("[") }, end: func() error { return print("\n]\n") }, row: func(r benchRow) error {
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
		return benchPrinter{begin: nothing, end: nothing, row: func(r benchRow) error { return printLine(w, r) }}
	case "csv":
		write := func(cells []string) error {
			c := csv.NewWriter(w)
			c.Write(cells)
			c.Flush()
			return c.Error()
		}
		names, _ := benchFields(benchRow{})
		return benchPrinter{begin: func() error { return write(names) }, end: nothing, row: func(r benchRow) error {
			_, values := benchFields(r)
			return write(values)
		}}
	case "sql":
		return benchPrinter{begin: func() error { return print(benchSchema()) }, end: nothing, row: func(r benchRow) error {
			names, values := benchFields(r)
			for i, v := range values {
				values[i] = "'" + strings.ReplaceAll(v, "'", "''") + "'"
			}
			return print(fmt.Sprintf("INSERT INTO llama_bench (%s) VALUES (%s);\n", strings.Join(names, ", "), strings.Join(values, ", ")))
		}}
	}
	line := func(cell func(c benchColumn) string) error {
		text := "|"
		for _, c := range columns {
			text += " " + cell(c) + " |"
		}
		return print(text + "\n")
	}
	first := true
	return benchPrinter{begin: func() error {
		if err := line(func(c benchColumn) string { return c.pad(c.name) }); err != nil {
			return err
		}
		return line(func(c benchColumn) string {
			if c.left {
				return strings.Repeat("-", c.width)
			}
			return strings.Repeat("-", c.width-1) + ":"
		})
	}, row: func(r benchRow) error {
		first = false
		return line(func(c benchColumn) string { return c.pad(c.value(r)) })
	}, end: func() error {
		if first {
			return nil
		}
		return print("\nbuild: " + build + "\n")
	}}
}

// benchFields are the names and values of a row's fields that are no lists: llama-bench's, math and isa.
func benchFields(r benchRow) (names, values []string) {
	v := reflect.ValueOf(r)
	for i := range v.NumField() {
		f := v.Type().Field(i)
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if tag == "" || f.Type.Kind() == reflect.Slice || f.Type.Kind() == reflect.Struct {
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
	return append(names, "math", "isa"), append(values, r.Record.Math, r.Record.ISA)
}

// benchSchema makes the table that the rows of SQL go to.
func benchSchema() string {
	var fields []string
	names, _ := benchFields(benchRow{})
	t := reflect.TypeOf(benchRow{})
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

// A benchColumn is one of the table: llama-bench's name, a width that rows keep to, and what stands in it.
type benchColumn struct {
	name  string
	width int
	left  bool
	value func(r benchRow) string
}

func (c benchColumn) pad(s string) string {
	space := strings.Repeat(" ", max(0, c.width-utf8.RuneCountInString(s)))
	if c.left {
		return s + space
	}
	return space + s
}

// benchColumns are the columns of a table: those that llama-bench always has, and those that say what was asked for.
func benchColumns(asked func(flag string) bool, gpu bool) []benchColumn {
	number := func(n func(benchRow) int) func(benchRow) string {
		return func(r benchRow) string { return fmt.Sprint(n(r)) }
	}
	columns := []benchColumn{
		{"model", 30, true, func(r benchRow) string { return r.Type }},
		{"size", 10, false, func(r benchRow) string { return binarySize(r.Size) }},
		{"params", 10, false, func(r benchRow) string { return parameters(r.Parameters) }},
		{"backend", 10, true, func(r benchRow) string { return r.Backends }},
	}
	add := func(shown bool, c benchColumn) {
		if shown {
			columns = append(columns, c)
		}
	}
	add(gpu || asked("gpu-layers"), benchColumn{"ngl", 3, false, number(func(r benchRow) int { return r.GPULayers })})
	add(!gpu || asked("threads"), benchColumn{"threads", 7, false, number(func(r benchRow) int { return r.Threads })})
	add(asked("batch-size"), benchColumn{"n_batch", 7, false, number(func(r benchRow) int { return r.Batch })})
	add(asked("ubatch-size"), benchColumn{"n_ubatch", 8, false, number(func(r benchRow) int { return r.UBatch })})
	cache := asked("cache-type-k") || asked("cache-type-v") || asked("cache") || asked("policy")
	add(cache, benchColumn{"type_k", 7, false, func(r benchRow) string { return r.TypeK }})
	add(cache, benchColumn{"type_v", 7, false, func(r benchRow) string { return r.TypeV }})
	add(asked("flash-attn"), benchColumn{"fa", 2, false, func(r benchRow) string { return "1" }})
	add(asked("math"), benchColumn{"math", 5, true, func(r benchRow) string { return r.Record.Math }})
	add(asked("isa"), benchColumn{"isa", 7, true, func(r benchRow) string { return r.Record.ISA }})
	return append(columns,
		benchColumn{"test", 15, false, func(r benchRow) string { return r.test.String() }},
		benchColumn{"t/s", 20, false, func(r benchRow) string { return fmt.Sprintf("%.2f ± %.2f", r.AvgTS, r.StddevTS) }})
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
