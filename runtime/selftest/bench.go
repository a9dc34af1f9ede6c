package selftest

import (
	"slices"
	"time"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/conform"
	"github.com/kvgen/kvgen/runtime/bench"
	"github.com/kvgen/kvgen/runtime/demo"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/model"
)

const (
	copyBytes   = 64 << 20 // more than caches hold
	packedBytes = 16 << 20 // of the rows that kernels read, one after another
	benchRow    = 512      // values of a row, or the next whole block
	tileRows    = 64       // to a call
)

// planBench measures how fast one core copies memory, then the best kernels of every type on one
// core, then the embedded model on all of them.
func (r *run) planBench(models bool) {
	var rate float64
	r.add(Check{Kind: measures, Type: "copy"}, func(*Check) error {
		rate = r.benchCopy()
		return nil
	})
	for _, t := range r.Types {
		r.add(Check{Kind: measures, Type: t.Name}, func(*Check) error { return r.benchType(t, rate) })
	}
	if r.GPU != nil {
		r.add(Check{Kind: measures, Type: "copy", ISA: r.GPU.About.Driver}, func(*Check) error { return r.benchCopyGPU() })
	}
	if !models {
		return
	}
	if r.Table.ByName("f16") != nil {
		r.add(Check{Kind: measures, Type: "embedded model"}, func(*Check) error { return r.benchModel(nil, "") })
	}
	if r.GPU != nil {
		r.add(Check{Kind: measures, Type: "embedded model", ISA: r.GPU.About.Name}, func(*Check) error {
			return r.benchModel(r.GPU.Backend, r.GPU.About.Driver)
		})
	}
}

// speed makes a Speed of samples.
func speed(what, typ, isa, unit string, samples []float64) Speed {
	slices.Sort(samples)
	at := func(share float64) float64 { return samples[int(share*float64(len(samples)-1)+.5)] }
	return Speed{What: what, Type: typ, ISA: isa, Unit: unit, Median: at(.5), Low: at(.25), High: at(.75), Samples: len(samples)}
}

// benchCopy is the bytes per second that one core copies, by the median.
func (r *run) benchCopy() float64 {
	from, to := make([]byte, copyBytes), make([]byte, copyBytes)
	for i := range from {
		from[i] = byte(i) // untouched memory would be one page of zeros
	}
	copy(to, from)
	var samples []float64
	for start := time.Now(); len(samples) < 5 || time.Since(start) < 300*time.Millisecond && len(samples) < 50; {
		begin := time.Now()
		copy(to, from)
		samples = append(samples, copyBytes/time.Since(begin).Seconds()/1e9)
	}
	s := speed("copy", "", "", "GB/s", samples)
	r.report.Speeds = append(r.report.Speeds, s)
	return s.Median * 1e9
}

// benchCopyGPU is the bytes per second that the GPU copies from its memory to its memory.
func (r *run) benchCopyGPU() error {
	m := &memory{q: r.GPU.Backend.Queue}
	defer m.free()
	var pieces [2]*gpu.Buffer
	for i := range pieces {
		b, err := m.q.Alloc(4 * copyBytes)
		if err != nil {
			return err
		}
		m.all, pieces[i] = append(m.all, b), b
	}
	// several copies to a sample, so that waiting for the end is a small part of it
	const copies = 8
	var samples []float64
	for range 10 {
		begin := time.Now()
		for range copies {
			if err := pieces[1].CopyFrom(pieces[0]); err != nil {
				return err
			}
		}
		if err := m.q.Sync(); err != nil {
			return err
		}
		samples = append(samples, copies*4*copyBytes/time.Since(begin).Seconds()/1e9)
	}
	// the first wakes the GPU
	r.report.Speeds = append(r.report.Speeds, speed("copy", "", r.GPU.About.Driver, "GB/s", samples[1:]))
	return nil
}

// benchType measures the kernels of a type. A call takes tileRows rows, each of them after the last
// in memory.
func (r *run) benchType(t *kernels.Type, rate float64) error {
	oracles, _ := r.Oracles(t)
	n := (benchRow + t.Block - 1) / t.Block * t.Block
	one, values, err := conform.Packed(oracles[0].Format, n, 5)
	if err != nil {
		return err
	}
	stride, impl := len(one), t.Best()
	packed := make([]byte, packedBytes/(stride*tileRows)*stride*tileRows)
	for at := 0; at < len(packed); at += stride {
		copy(packed[at:], one)
	}
	var ws kernels.Workspace
	x, y, p := conform.Noise(n, 6, 1), make([]float32, max(n, tileRows)), conform.Noise(tileRows, 7, .5)
	measure := func(kernel string, call func(rows []byte)) {
		s := speed(kernel, t.Name, impl.From(kernel), "ns/value", sample(packed, stride*tileRows, tileRows*n, call))
		if rate > 0 { // unless the process that measured it has ended
			s.Share = float64(stride) / (s.Median * 1e-9 * float64(n)) / rate
		}
		r.report.Speeds = append(r.report.Speeds, s)
	}
	each := func(rows []byte, do func(row []byte)) {
		for at := 0; at < len(rows); at += stride {
			do(rows[at:][:stride])
		}
	}
	measure("decode", func(rows []byte) { each(rows, func(row []byte) { impl.Decode(values, row) }) })
	measure("matmul", func(rows []byte) { impl.Matmul(y, tileRows, x, n, 1, rows, stride, tileRows, n, &ws) })
	if impl.MatmulQ8 != nil && n%t.ActGroup == 0 {
		var act kernels.Act
		act.Resize(1, n, t.ActGroup)
		r.Table.QuantiseAct(&act, x, n, 1)
		measure("matmul_q8", func(rows []byte) { impl.MatmulQ8(y, tileRows, &act, 1, rows, stride, tileRows, n, &ws) })
	}
	if impl.Mix != nil {
		measure("mix", func(rows []byte) { impl.Mix(y, n, p, tileRows, 1, rows, stride, tileRows, n, &ws) })
	}
	if impl.MixQ8 != nil {
		measure("mix_q8", func(rows []byte) { impl.MixQ8(y, n, p, tileRows, 1, rows, stride, tileRows, n, &ws) })
	}
	if impl.Encode != nil { // the last: it writes the rows
		measure("encode", func(rows []byte) { each(rows, func(row []byte) { impl.Encode(row, x) }) })
	}
	return nil
}

// sample times calls on pieces of memory one after another, in nanoseconds a value.
func sample(memory []byte, piece, values int, call func(rows []byte)) (samples []float64) {
	call(memory[:piece])
	at := piece
	for start := time.Now(); len(samples) < 5 || time.Since(start) < 15*time.Millisecond && len(samples) < 400; at += piece {
		if at+piece > len(memory) {
			at = 0
		}
		begin := time.Now()
		call(memory[at:][:piece])
		samples = append(samples, float64(time.Since(begin).Nanoseconds())/float64(values))
	}
	return samples
}

// benchModel is tokens per second of the embedded model in the fast form.
func (r *run) benchModel(device model.Device, name string) error {
	m, err := model.Parse(demo.Model(), r.Table)
	if err != nil {
		return err
	}
	defer m.Close()
	for _, t := range []bench.Test{{Prompt: 128}, {Gen: 32}} {
		c, err := r.context(m, device, t.Size(), model.Fast)
		if err != nil {
			return err
		}
		res, err := bench.Run(r.ctx, c, t, bench.Options{Repeat: 5, Warm: true, BOS: -1})
		c.Close()
		if err != nil {
			return err
		}
		isa := r.Table.ISA()
		if name != "" {
			isa = name
		}
		r.report.Speeds = append(r.report.Speeds, speed(t.String(), "", isa, "tokens/s", res.Speeds()))
	}
	return nil
}
