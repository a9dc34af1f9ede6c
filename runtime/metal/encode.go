package metal

import (
	"fmt"
	"slices"
	"unsafe"

	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/metal/objc"
)

// work is what has been launched and is not known to be done. Kernels are encoded one after another
// into one command buffer, by one encoder that stays open until something is copied or somebody
// waits. A barrier orders a kernel after the one before; a fence orders encoders.
type work struct {
	commands objc.ID // the command buffer that is being encoded, 0 for none
	encoder  objc.ID // its compute encoder that is open, 0 for none
	launches int     // in the command buffer
	fenced   bool    // some encoder has updated the fence
	state    state
	pending  []objc.ID // command buffers that were committed, the oldest first

	// memory for arguments and small copies, of command buffers in turn
	chunks [2]chunk
	turn   int
}

// state is what an encoder was last told.
type state struct {
	pipeline, arguments objc.ID
	shared              uint64
	launched            bool
}

// chunk is memory that one command buffer at a time uses.
type chunk struct {
	*piece
	used uint64
	user objc.ID // command buffer
}

const (
	chunkBytes = 256 << 10
	// mostLaunches of a command buffer, if they are not recorded: long ones keep the screen
	// waiting, and the system stops them
	mostLaunches = 64
)

func (w *work) open(d *Device) error {
	for i := range w.chunks {
		p, err := d.newPiece(chunkBytes)
		if err != nil {
			return err
		}
		w.chunks[i].piece = p
	}
	return nil
}

// close gives everything back, whatever state it is in.
func (w *work) close(d *Device) {
	if w.encoder != 0 { // one that is released before it has ended stops the program
		d.api.EndEncoding(w.encoder)
		d.api.Release(w.encoder)
	}
	for _, b := range append(w.pending, w.commands) {
		if b != 0 {
			d.api.Release(b)
		}
	}
	for _, c := range w.chunks {
		if c.piece != nil {
			d.api.Release(c.id)
		}
	}
	*w = work{}
}

func (w *work) chunk() *chunk { return &w.chunks[w.turn] }

// begin makes sure that there is a command buffer. At most two are on their way: the one before
// runs while this one is encoded.
func (d *Device) begin() error {
	w := &d.work
	if w.commands != 0 {
		return nil
	}
	w.turn = 1 - w.turn
	if i := slices.Index(w.pending, w.chunk().user); i >= 0 {
		if err := d.finish(i + 1); err != nil {
			return err
		}
	}
	if d.memory.changed {
		d.api.Commit(d.residency)
		d.api.RequestResident(d.residency)
		d.memory.changed = false
	}
	if w.commands = d.api.Retain(d.api.NewCommands(d.queue)); w.commands == 0 {
		return fmt.Errorf("metal: %s gives no command buffer", d.limits.Name)
	}
	w.launches, w.chunk().used, w.chunk().user = 0, 0, w.commands
	return nil
}

// room finds n bytes for the command buffer that is being encoded, and begins another if there are
// none.
func (d *Device) room(n uint64) (at uint64, err error) {
	if err := d.begin(); err != nil {
		return 0, err
	}
	if d.work.chunk().used+n > chunkBytes {
		d.submit()
		if err := d.begin(); err != nil {
			return 0, err
		}
	}
	c := d.work.chunk()
	at = c.used
	c.used += (n + 255) &^ 255
	return at, nil
}

// compute makes sure that there is an encoder of kernels.
func (d *Device) compute() error {
	w := &d.work
	if w.encoder != 0 {
		return nil
	}
	if err := d.begin(); err != nil {
		return err
	}
	if w.encoder = d.api.Retain(d.api.Compute(w.commands, dispatchConcurrent)); w.encoder == 0 {
		return fmt.Errorf("metal: %s gives no encoder", d.limits.Name)
	}
	w.state = state{}
	if w.fenced {
		d.api.WaitFence(w.encoder, d.fence)
	}
	if ids := d.memory.ids; d.residency == 0 && len(ids) > 0 {
		d.api.UseResources(w.encoder, unsafe.Pointer(&ids[0]), uint64(len(ids)), usageReadWrite)
	}
	return nil
}

// endCompute ends the encoder of kernels.
func (d *Device) endCompute() {
	if w := &d.work; w.encoder != 0 {
		d.endEncoder(w.encoder)
		d.api.Release(w.encoder)
		w.encoder = 0
	}
}

func (d *Device) endEncoder(e objc.ID) {
	d.api.UpdateFence(e, d.fence)
	d.api.EndEncoding(e)
	d.work.fenced = true
}

// blit encodes a copy or a fill.
func (d *Device) blit(encode func(encoder objc.ID)) error {
	if err := d.begin(); err != nil {
		return err
	}
	d.endCompute()
	e := d.api.Blit(d.work.commands)
	if e == 0 {
		return fmt.Errorf("metal: %s gives no encoder of copies", d.limits.Name)
	}
	if d.work.fenced {
		d.api.WaitFence(e, d.fence)
	}
	encode(e)
	d.endEncoder(e)
	d.counted(1)
	return nil
}

// dispatch encodes a kernel whose arguments are at an offset of a buffer.
func (d *Device) dispatch(k *kernel, g gpu.Grid, arguments objc.ID, offset uint64) error {
	if err := d.compute(); err != nil {
		return err
	}
	e, s := d.work.encoder, &d.work.state
	if s.launched {
		d.api.Barrier(e, scopeBuffers)
	}
	if s.pipeline != k.pipeline {
		d.api.SetPipeline(e, k.pipeline)
	}
	if s.arguments == arguments {
		d.api.SetOffset(e, offset, 0)
	} else {
		d.api.SetBuffer(e, arguments, offset, 0)
	}
	shared := uint64(g.Shared+15) &^ 15
	if s.shared != 0 {
		shared = max(shared, 16) // what the kernel before had would count for this one too
	}
	if shared != s.shared {
		d.api.SetGroupMemory(e, shared, 0)
		s.shared = shared
	}
	s.pipeline, s.arguments, s.launched = k.pipeline, arguments, true
	d.api.Dispatch(e, objc.Size{Width: uint64(g.X), Height: uint64(g.Y), Depth: 1}, objc.Size{Width: uint64(g.Threads), Height: 1, Depth: 1})
	return nil
}

// counted counts launches that are not recorded, and lets the GPU begin when there are many.
func (d *Device) counted(n int) {
	if d.replaying {
		return
	}
	if d.work.launches += n; d.work.launches >= mostLaunches {
		d.submit()
	}
}

// submit lets the GPU begin with what was encoded.
func (d *Device) submit() {
	w := &d.work
	if w.commands == 0 {
		return
	}
	d.endCompute()
	d.awake.begin(d)
	d.api.Commit(w.commands)
	w.pending, w.commands = append(w.pending, w.commands), 0
}

// wait waits until everything that was launched is done.
func (d *Device) wait() error {
	d.submit()
	return d.finish(len(d.work.pending))
}

// finish waits for the first n command buffers that were committed. One that failed leaves nothing
// that can be trusted.
func (d *Device) finish(n int) error {
	w := &d.work
	for range n {
		b := w.pending[0]
		d.api.WaitCompleted(b)
		if status := d.api.Status(b); status != statusCompleted && d.lost == nil {
			d.lost = d.failed(d.api.CommandsError(b), "running kernels on %s", d.limits.Name)
			d.awake.end(d)
		}
		d.api.Release(b)
		w.pending = w.pending[1:]
	}
	return d.lost
}

// idle says whether everything that was launched is done.
func (d *Device) idle() (bool, error) {
	w := &d.work
	for w.commands == 0 && len(w.pending) > 0 {
		if status := d.api.Status(w.pending[0]); status != statusCompleted && status != statusError {
			return false, nil
		}
		if err := d.finish(1); err != nil {
			return false, err
		}
	}
	return w.commands == 0, nil
}
