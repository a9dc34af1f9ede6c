package model

import (
	"errors"
	"fmt"
	"slices"

	"github.com/kvgen/kvgen/runtime/cpu/engine"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/memory"
	"github.com/kvgen/kvgen/runtime/program"
)

// Placement is some of the model's layers on a device.
type Placement struct {
	Device Device // nil for the processor
	// how many, after those of the placement before; the output counts as one more layer. 0 in the
	// last for the rest
	Layers int
}

// OnProcessor says whether the processor has some of the layers.
func OnProcessor(list []Placement) bool {
	return list == nil || slices.ContainsFunc(list, func(p Placement) bool { return p.Device == nil })
}

// stage is a part of a context's model on a device.
type stage struct {
	program.Engine
	program.Span
	device Device // nil for the processor
	rows   program.StageRows
}

// placed is the stages that a list asks for.
func (m *Model) placed(list []Placement) (stages []stage, err error) {
	if list == nil {
		list = []Placement{{}}
	}
	at := 0
	for i, p := range list {
		if i == len(list)-1 && p.Layers == 0 {
			p.Layers = m.Layers + 1 - at
		}
		if p.Layers < 1 || p.Layers > m.Layers+1-at {
			return nil, fmt.Errorf("placements must share out %d layers and the output: number %d begins with layer %d and is of %d",
				m.Layers, i, at, p.Layers)
		}
		if err := m.program.Cut(at); at > 0 && err != nil {
			return nil, err
		}
		stages = append(stages, stage{Span: m.program.Span(at, at+p.Layers), device: p.Device})
		at += p.Layers
	}
	if at != m.Layers+1 {
		return nil, fmt.Errorf("placements must share out %d layers and the output: they are of %d", m.Layers, at)
	}
	return stages, nil
}

// newCache makes a cache with the states of recurrent layers. Before that it sees whether this
// machine has the memory for what stages keep and compute on the processor.
func (m *Model) newCache(stages []stage, o *Options) (*kv.Cache, error) {
	shape := kv.Shape{Size: o.Size, Batch: o.Batch, Sequences: o.Sequences, Cells: o.Cells}
	need := int64(0)
	for i := range stages {
		if e, ok := stages[i].Engine.(*engine.Engine); ok {
			need += int64(o.Plan.BytesIn(shape, stages[i].KV.Lo, stages[i].KV.Hi)) + e.Bytes(o.Batch)
			for _, s := range m.program.States[stages[i].States.Lo:stages[i].States.Hi] {
				need += 4 * int64(s.Values) * int64(max(1, o.Sequences))
			}
		}
	}
	if need > 0 {
		if err := memory.Room(fmt.Sprintf("a cache of %d positions", max(o.Size, o.Cells)), need); err != nil {
			return nil, err
		}
	}
	c, err := kv.NewShape(o.Plan, shape)
	if err == nil {
		for _, s := range m.program.States {
			c.AddState(s.Layer, s.Values)
		}
	}
	return c, err
}

// start makes the memory and the engines of a context whose cache is there.
func (c *Context) start(o *Options) error {
	for i := range c.stages {
		s := &c.stages[i]
		if e, ok := s.Engine.(*engine.Engine); ok {
			e.Start(c.pool, o.Size, o.Batch, o.Math == Fast)
			continue
		}
		if err := c.Model.rowNumbers(); err != nil {
			return err
		}
		var err error
		if s.Engine, err = s.device.Engine(c.Model, s.Span, *o); err != nil {
			return err
		}
	}
	return c.startRows()
}

// startRows makes room for the rows of the cache in all stages.
func (c *Context) startRows() (err error) {
	for i := range c.stages {
		s := &c.stages[i]
		if s.rows, err = s.Rows(c.Cache); err != nil {
			return err
		}
	}
	return nil
}

// closeRows gives back what the stages keep of the cache.
func (c *Context) closeRows() error {
	var all []error
	for i := range c.stages {
		if r := c.stages[i].rows; r != nil {
			all = append(all, r.Close())
		}
	}
	return errors.Join(all...)
}

// closeStages ends the engines.
func (c *Context) closeStages() error {
	var all []error
	for i := range c.stages {
		if e := c.stages[i].Engine; e != nil {
			all = append(all, e.Close())
		}
	}
	return errors.Join(all...)
}

// forward runs a batch, which is at most as large as the cache's, through the stages.
func (c *Context) forward(tokens []int32, runs []kv.Run) error {
	if c.Stop != nil {
		if err := c.Stop(); err != nil {
			return err
		}
	}
	if err := c.Cache.PlaceRuns(runs); err != nil {
		return err
	}
	b := &c.batch
	b.Tokens, b.Runs, b.Stop = tokens, runs, c.Stop
	if len(c.stages) > 1 {
		b.X = grow(b.X, len(tokens)*c.Model.Width)
		if i := c.Model.program.Inputs; i != nil && c.handsInputs() {
			b.Inputs = grow(b.Inputs, len(tokens)*i.Layers*i.Size)
		}
	}
	for i := range c.stages {
		s := &c.stages[i]
		if err := s.Forward(s.rows, b); err != nil {
			c.failed(s, runs)
			return err
		}
	}
	return nil
}

// handsInputs says whether a stage after the first wants the layers' inputs.
func (c *Context) handsInputs() bool {
	for i := range c.stages[1:] {
		if c.stages[1+i].Span.Inputs {
			return true
		}
	}
	return false
}

// failed forgets the sequences of a batch that a device did not finish where rows were to leave the
// exact ones: they may be nowhere. The processor stores them before anything can fail.
func (c *Context) failed(s *stage, runs []kv.Run) {
	if s.device == nil || !c.keepsExact(s.KV) {
		return
	}
	for _, run := range runs {
		if run.N > 0 {
			c.Cache.RemoveSeq(run.Seq)
		}
	}
}

// keepsExact says whether one of some KV layers keeps exact rows.
func (c *Context) keepsExact(layers program.Range) bool {
	for i := layers.Lo; i < layers.Hi; i++ {
		if c.Cache.Rows(i).Exact() {
			return true
		}
	}
	return false
}

// last is the stage with the output.
func (c *Context) last() *stage { return &c.stages[len(c.stages)-1] }

// rows visits the logits of tokens lo..hi-1 of the batch that ran last; first is the number of its
// first token.
func (c *Context) rows(lo, hi, first int, visit func(int, []float32) error) error {
	vocab := c.Model.Vocab
	for ; lo < hi; lo += outputTile {
		n := min(outputTile, hi-lo)
		c.logits = grow(c.logits, n*vocab)
		if err := c.last().Logits(c.logits, lo, lo+n); err != nil {
			return err
		}
		for j := range n {
			if err := shown(c.logits[j*vocab:][:vocab], first+lo+j, visit); err != nil {
				return err
			}
		}
	}
	return nil
}

// outputTile is how many tokens' logits are computed together; a large vocabulary makes them
// megabytes.
const outputTile = 32

// shown visits a row of logits, if they are numbers.
func shown(logits []float32, number int, visit func(int, []float32) error) error {
	if err := numbers(logits, number); err != nil {
		return err
	}
	return visit(number, logits)
}

func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// onHost runs f with the cache's rows in this process's memory. Rows of devices are copied there
// before and, where f changes them, back after.
func (c *Context) onHost(change bool, f func() error) error {
	for i := range c.stages {
		s := &c.stages[i]
		if s.device == nil {
			continue
		}
		c.Cache.HoldLayers(s.KV.Lo, s.KV.Hi)
		defer c.Cache.ReleaseLayers(s.KV.Lo, s.KV.Hi)
		if err := s.rows.Pull(); err != nil {
			return fmt.Errorf("bringing the cache from the device: %w", err)
		}
	}
	if err := f(); err != nil || !change {
		return err
	}
	for i := range c.stages {
		if err := c.stages[i].rows.Push(); err != nil {
			c.Cache.Clear() // the device has neither what was nor what is
			return fmt.Errorf("taking the cache back to the device: %w", err)
		}
	}
	return nil
}
