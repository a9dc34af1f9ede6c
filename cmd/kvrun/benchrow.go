package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/klauspost/cpuid/v2"

	"github.com/kvgen/kvgen/cmd/internal/version"
	"github.com/kvgen/kvgen/runtime/bench"
	"github.com/kvgen/kvgen/runtime/model"
)

// benchRow is one test in llama-bench's field names, with what the project adds at the end.
type benchRow struct {
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
	Record     record    `json:"record"`

	test bench.Test
}

func (s *session) benchRow(c *model.Context, r *bench.Result) benchRow {
	m := s.modelRecord()
	ns, nsDev := r.Mean()
	ts, tsDev := r.Speed()
	row := benchRow{
		Build: strings.TrimSpace(version.Short()), CPU: strings.TrimSpace(cpuid.CPU.BrandName), Backends: "CPU", Filename: s.path, Size: m.Size, Parameters: m.Parameters,
		Type:    fmt.Sprintf("%s %s %s", m.Arch, short(float64(m.Parameters)), m.Type),
		Threads: s.flags.threads, TypeK: s.flags.typeK, TypeV: s.flags.typeV, Flash: true,
		Mapped: s.path != embedded, Prompt: r.Prompt, Gen: r.Gen, Depth: r.Depth, Parallel: r.Sequences(), Shared: r.Shared, Time: r.Start.UTC().Format(time.RFC3339),
		AvgNS: int64(ns), StddevNS: int64(nsDev), AvgTS: ts, StddevTS: tsDev, SamplesTS: r.Speeds(), Record: s.record(c), test: r.Test,
	}
	if row.Batch = s.flags.batch; row.Batch == 0 {
		row.Batch = defaultBatch
	}
	row.UBatch = row.Batch
	if n, gpus := s.onGPUs(); n > 0 {
		row.Backends, row.GPU, row.GPULayers = "CUDA", gpus, min(n, s.Layers)
	}
	for _, d := range r.Samples {
		row.SamplesNS = append(row.SamplesNS, d.Nanoseconds())
	}
	return row
}

// benchBuild says what measured.
func (e *environment) benchBuild() string {
	return fmt.Sprintf("kvrun %s, %s", strings.TrimSpace(version.Short()), e.kernels().ISA())
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
