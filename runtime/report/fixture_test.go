package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/lab"
)

// fixture is a sweep as it could have come out: the study's cells on a model of 30 layers, twelve
// chunks, with the costs that were measured on SmolLM2, and noise. The same every time.
func fixture() Input {
	r := &lab.Result{Header: lab.Header{
		Program: "0.3", Reference: "f16", Math: "exact", ISA: "avx2", Threads: 2, Batch: 256,
		Model: lab.Model{Path: "models/smollm2-135m-instruct-q4_1.gguf", Hash: strings.Repeat("3fa8c1d2", 8), Arch: "llama", Type: "q4_1",
			Size: 98e6, Parameters: 134515008}}}
	wiki := lab.Corpus{Path: "wiki.test.raw", Bytes: 1290590, SHA256: strings.Repeat("9c0d", 16), Tokens: 330112}
	r.Tables = []lab.Table{
		fixtureTable(lab.Setting{Corpus: wiki, Context: 512, Path: lab.Prefill}, 12, 1),
		fixtureTable(lab.Setting{Corpus: wiki, Context: 512, Path: lab.Decode}, 8, 1.04),
	}
	return Input{
		Result: r, Advice: r.Advise(nil), Command: "kvrun sweep -m models/smollm2-135m-instruct-q4_1.gguf -f wiki.test.raw -c 512 --chunks 12 --report out.html",
		Warnings: []string{"Attention sinks: the first token gets most of the attention in 24 of 30 layers. keep_first 1 is worth trying."},
		Engines: []Engine{
			{"llama.cpp", []Choice{{"safe", []string{"llama-server -m MODEL -fa on -ctk q8_0 -ctv q8_0"}, ""}, {"small", nil, "llama.cpp has no type lm5_64."}}},
			{"ollama", []Choice{{"safe", []string{"OLLAMA_FLASH_ATTENTION=1 OLLAMA_KV_CACHE_TYPE=q8_0 ollama serve"}, "For all models of the server."}}},
		},
	}
}

func fixtureTable(s lab.Setting, chunks int, factor float64) lab.Table {
	rng := rand.New(rand.NewPCG(7, uint64(chunks)))
	t := lab.Table{Setting: s, Chunks: chunks, Scored: 255, NLL: 3.38, PPL: 29.39, PPLError: 1.41}
	types := []struct {
		name      string
		bits, kld [2]float64 // K, V; KLD of the side alone
	}{
		{"q8_0", [2]float64{8.5, 8.5}, [2]float64{.0004, .00008}},
		{"q8_0/turbo4", [2]float64{8.5, 4.25}, [2]float64{.0004, .014}},
		{"lm5_64/lm4_64", [2]float64{5.25, 4.25}, [2]float64{.0142, .0071}},
		{"q4_0", [2]float64{4.5, 4.5}, [2]float64{.13, .0085}},
		{"turbo4", [2]float64{4.25, 4.25}, [2]float64{.09, .014}},
		{"lm4_64", [2]float64{4.25, 4.25}, [2]float64{.043, .0071}},
		{"turbo3", [2]float64{3.125, 3.125}, [2]float64{.2, .03}},
		{"lm3_64", [2]float64{3.25, 3.25}, [2]float64{.125, .022}},
	}
	for _, c := range types {
		k, v, two := strings.Cut(c.name, "/")
		if !two {
			v = k
		}
		for rot, name := range []string{c.name, k + "+attn/" + v, k + "/" + v + "+attn", k + "+attn/" + v + "+attn"} {
			if rot > 0 && strings.HasPrefix(c.name, "lm") {
				continue // their own transform does it
			}
			cost := c.kld[0]*[]float64{1, .33, 1, .33}[rot] + c.kld[1]*[]float64{1, 1, .66, .66}[rot]
			cell := fixtureCell(rng, s, chunks, name, (c.bits[0]+c.bits[1])/2, cost*factor)
			for l := range 30 {
				cell.Plan.Layers = append(cell.Plan.Layers, fixtureLayer(l, name))
			}
			t.Cells = append(t.Cells, cell)
		}
	}
	for l := range 30 {
		for i, side := range []string{"K", "V"} {
			cost := []float64{.004, .0007}[i]
			c := fixtureCell(rng, s, chunks, fmt.Sprintf("layer %d %s", l, side), 15.8, cost*math.Exp(2*math.Sin(float64(l)*.7))*(1+5*math.Exp(-float64(l))))
			c.Swap = &lab.Swap{Layer: l, Side: side, Type: "q4_0"}
			t.Cells = append(t.Cells, c)
		}
	}
	for i := range t.Cells {
		for k := range i {
			a, b := &t.Cells[i], &t.Cells[k]
			if a.Swap != nil || b.Swap != nil {
				continue
			}
			if a.KLD.Mean > b.KLD.Mean {
				a, b = b, a
			}
			less := b.KLD.Mean - a.KLD.Mean
			x := lab.Comparison{A: a.Name, B: b.Name, Chunks: chunks, Less: lab.Estimate{Mean: less, Low: less - .1*b.KLD.Mean, High: less + .1*b.KLD.Mean}}
			x.Beats = x.Less.Low > 0
			x.PPLDenies = x.Beats && a.PPL > b.PPL
			a.PPLMisleads, b.PPLMisleads = a.PPLMisleads || x.PPLDenies, b.PPLMisleads || x.PPLDenies
			t.Comparisons = append(t.Comparisons, x)
		}
	}
	return t
}

func fixtureCell(rng *rand.Rand, s lab.Setting, chunks int, name string, bits, kld float64) lab.CellResult {
	around := func(v, spread float64) lab.Estimate {
		return lab.Estimate{Mean: v, Low: v * (1 - spread), High: v * (1 + spread)}
	}
	kld *= 1 + .05*rng.NormFloat64()
	c := lab.CellResult{Name: name, BitsPerValue: bits, BytesPerToken: bits * 30 * 3 * 128 / 8}
	c.KLD, c.Median, c.P99, c.P999, c.Max = around(kld, .07), .6*kld, 6*kld, 15*kld, 40*kld
	c.SameTop = around(1-.5*math.Sqrt(kld), .004)
	c.SameTop.High = min(1, c.SameTop.High)
	c.PPL = 29.39 * math.Exp(.6*kld+.004*rng.NormFloat64())
	c.PPLError = 1.4
	c.Scored = 255 * chunks
	for k := range chunks {
		c.Chunk = append(c.Chunk, k)
		c.PerChunk = append(c.PerChunk, kld*(1+.2*rng.NormFloat64()))
	}
	for i := range 8 {
		at := s.Context/2 + i*32
		c.ByPosition = append(c.ByPosition, lab.Bucket{From: at, To: at + 32, KLD: around(kld*(.7+.08*float64(i)+.05*rng.NormFloat64()), .2)})
	}
	return c
}

func fixtureLayer(l int, name string) kv.LayerRecord {
	k, v, two := strings.Cut(name, "/")
	if !two {
		v = k
	}
	side := func(s string) kv.SideRecord {
		return kv.SideRecord{Requested: s, Effective: s, Why: "as requested", BitsPerValue: 4.5, BytesPerToken: 108, Identity: strings.Repeat("5d41402a", 8)}
	}
	return kv.LayerRecord{Layer: l, Heads: 3, KeyDim: 64, ValueDim: 64, K: side(k), V: side(v)}
}
