package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/klauspost/cpuid/v2"

	"github.com/kvgen/kvgen/runtime/bench"
	"github.com/kvgen/kvgen/runtime/model"
)

// benchRow is one test in llama-bench's field names, with what the project adds at the end.
type benchRow struct {
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
	Record     record    `json:"record"`

	test bench.Test
}

func (s *session) benchRow(c *model.Context, r *bench.Result) benchRow {
	m := s.modelRecord()
	ns, nsDev := r.Mean()
	ts, tsDev := r.Speed()
	row := benchRow{
		CPU: strings.TrimSpace(cpuid.CPU.BrandName), Backends: "CPU", Filename: s.path, Size: m.Size, Parameters: m.Parameters,
		Type:  fmt.Sprintf("%s %s %s", m.Arch, short(float64(m.Parameters)), m.Type),
		Batch: c.Batch, UBatch: c.Batch, Threads: s.flags.threads, TypeK: s.flags.typeK, TypeV: s.flags.typeV, Flash: true,
		Mapped: s.path != embedded, Prompt: r.Prompt, Gen: r.Gen, Depth: r.Depth, Parallel: r.Sequences(), Shared: r.Shared, Time: r.Start.UTC().Format(time.RFC3339),
		AvgNS: int64(ns), StddevNS: int64(nsDev), AvgTS: ts, StddevTS: tsDev, SamplesTS: r.Speeds(), Record: s.record(c), test: r.Test,
	}
	if b := s.flags.backend; b != nil {
		row.Backends, row.GPU, row.GPULayers = "CUDA", b.Name, s.Layers
	}
	for _, d := range r.Samples {
		row.SamplesNS = append(row.SamplesNS, d.Nanoseconds())
	}
	return row
}

// benchFormats writes rows by the name of a format.
var benchFormats = map[string]func(io.Writer, []benchRow) error{
	"json":  func(w io.Writer, rows []benchRow) error { return printJSON(w, rows) },
	"jsonl": benchLines,
	"csv":   benchCSV,
	"md":    benchTable,
}

func benchLines(w io.Writer, rows []benchRow) error {
	for _, r := range rows {
		if err := printLine(w, r); err != nil {
			return err
		}
	}
	return nil
}

func benchCSV(w io.Writer, rows []benchRow) error {
	fmt.Fprintln(w, "model_filename,model_type,n_threads,type_k,type_v,math,isa,n_prompt,n_gen,n_depth,n_parallel,avg_ns,stddev_ns,avg_ts,stddev_ts")
	for _, r := range rows {
		fmt.Fprintf(w, "%q,%q,%d,%s,%s,%s,%s,%d,%d,%d,%d,%d,%d,%f,%f\n", r.Filename, r.Type, r.Threads, r.TypeK, r.TypeV,
			r.Record.Math, r.Record.ISA, r.Prompt, r.Gen, r.Depth, r.Parallel, r.AvgNS, r.StddevNS, r.AvgTS, r.StddevTS)
	}
	return nil
}

func benchTable(w io.Writer, rows []benchRow) error {
	t := tabwriter.NewWriter(w, 0, 0, 1, ' ', tabwriter.Debug)
	fmt.Fprintln(t, " model\t size\t threads\t type_k\t type_v\t math\t isa\t test\t t/s\t")
	fmt.Fprintln(t, " ---\t ---:\t ---:\t ---\t ---\t ---\t ---\t ---\t ---:\t")
	for _, r := range rows {
		fmt.Fprintf(t, " %s\t %.2f MiB\t %d\t %s\t %s\t %s\t %s\t %s\t %.2f ± %.2f\t\n", r.Type, float64(r.Size)/(1<<20), r.Threads,
			r.TypeK, r.TypeV, r.Record.Math, r.Record.ISA, r.test, r.AvgTS, r.StddevTS)
	}
	return t.Flush()
}

// short is a count in thousands, millions or billions.
func short(n float64) string {
	for _, u := range []struct {
		unit float64
		name string
	}{{1e9, "B"}, {1e6, "M"}, {1e3, "K"}} {
		if n >= u.unit {
			return fmt.Sprintf("%.4g%s", n/u.unit, u.name)
		}
	}
	return fmt.Sprint(n)
}

// benchFormatNames are the names of benchFormats.
func benchFormatNames() []string { return []string{"md", "json", "jsonl", "csv"} }
