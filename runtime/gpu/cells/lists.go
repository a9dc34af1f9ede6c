package cells

import (
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/kv"
)

// MostEvicted is the most rows of a sequence that a batch evicts from the exact ones at once.
const MostEvicted = 8

// Lists is what changes from batch to batch, in one piece of memory so that one copy brings it to
// the device:
//
//	many:  tokens [batch], positions [batch],
//	       then for each cells: cells [batch], from [evicted], to [evicted]
//	one:   as many, for a batch of one token
//	heads: for each cells: head [4], and positions [capacity] if they may be out of order
//
// A batch of a single token copies what begins with one, others all of it. In a cache of several
// sequences
//
//	many:  as above, from and to [sequences][evicted]
//	one:   as many, for a batch of no more tokens than there are sequences
//	heads: runs of the batch [sequences][4]: first token, tokens, sequence, 0;
//	       the same of the tokens that a layer with exact rows is at;
//	       for each cells: heads [sequences][4]
//	pages: the lists of sequences (pages.write), as far as they are written
type Lists struct {
	host      []int32 // nil before the first batch
	words     int     // of it
	Device    *gpu.Buffer
	Cells     []*Listed
	many, one listShape
	sequences int
	runs      int // where they begin; unused in a cache of one sequence, like what follows
	pages     int
	Kept      int     // where pages end that all layers of a batch need
	End       int     // of what is copied
	lowest    []int32 // by sequence: position of its first token of the batch, -1 for none
}

// Listed is the place of one kv.Cells.
type Listed struct {
	Host   *kv.Cells
	Device *Cells
	Window int
	Exact  bool // of a layer that keeps exact rows
	head   int  // in lists.host
	room   int  // positions that are copied; 0 for cells that stay in order
	Used   int  // most cells that a sequence sees
	pages  *pages
}

// listShape is the lists of batches of up to so many tokens.
type listShape struct{ at, tokens, evicted int }

// stride is the values of a list of cells with those that leave.
func (p listShape) stride() int { return p.tokens + 2*p.evicted }

func (p listShape) size(cells int) int { return 2*p.tokens + cells*p.stride() }

func (p listShape) Token() int     { return p.at }
func (p listShape) Position() int  { return p.at + p.tokens }
func (p listShape) Cell(i int) int { return p.at + 2*p.tokens + i*p.stride() }
func (p listShape) From(i int) int { return p.Cell(i) + p.tokens }
func (p listShape) To(i int) int   { return p.From(i) + p.evicted }

// NewLists makes the lists of a cache whose batches have at most so many tokens. Of cells it takes
// host, window and exact.
func NewLists(d *gpu.Queue, cells []*Listed, s kv.Shape, batch int) (*Lists, error) {
	l := &Lists{Cells: cells, sequences: s.Sequences, lowest: make([]int32, s.Sequences)}
	l.many = listShape{0, batch, MostEvicted * s.Sequences}
	l.one = listShape{l.many.size(len(cells)), min(batch, s.Sequences), MostEvicted * s.Sequences}
	n := (l.one.at + l.one.size(len(cells)) + 3) / 4 * 4
	if l.Several() {
		l.runs = n
		n += 2 * Entry * s.Sequences
	}
	for _, x := range cells {
		x.head = n
		n += 4 * s.Sequences
		if !l.Several() && !x.Host.Straight() {
			x.room = (x.Host.Capacity() + 63) / 64 * 64
			n += x.room
		}
	}
	l.pages, l.Kept, l.End = n, n, n
	for _, x := range cells {
		if l.Several() {
			x.pages = &pages{host: x.Host, known: make([]page, (x.Host.Capacity()+kv.Page-1)/kv.Page), marks: -1}
			n += listRoom(x.Host, s.Sequences, s.Size)
		}
	}
	l.words = n
	var err error
	if l.Device, err = d.Alloc(uint64(4 * n)); err != nil {
		return nil, err
	}
	for _, x := range cells {
		x.Device = &Cells{Capacity: (x.Host.Capacity() + 63) / 64 * 64, Head: l.At(x.head, 4*s.Sequences), Positions: l.At(x.head+4, x.room)}
		if l.Several() {
			x.Device.Positions = l.Device
		}
	}
	return l, nil
}

// Several says whether the cache is one of several sequences.
func (l *Lists) Several() bool { return l.sequences > 1 }

// At is n values of the device's copy.
func (l *Lists) At(i, n int) *gpu.Buffer { return l.Device.Slice(uint64(4*i), uint64(4*n)) }

// PartOf is the part of the lists for a batch of n tokens.
func (l *Lists) PartOf(n int) listShape {
	if n <= l.one.tokens {
		return l.one
	}
	return l.many
}

// Batch writes the tokens of runs, which have been placed, and their positions.
func (l *Lists) Batch(tokens []int32, runs []kv.Run, c *kv.Cache) {
	if l.host == nil { // not before: a context that is only counted has no batch
		l.host = make([]int32, l.words)
	}
	p := l.PartOf(len(tokens))
	copy(l.host[p.Token():], tokens)
	for seq := range l.lowest {
		l.lowest[seq] = -1
	}
	at := p.Position()
	for _, r := range runs {
		first := c.LenSeq(r.Seq) - r.N
		if r.N > 0 {
			l.lowest[r.Seq] = int32(first)
		}
		for i := range r.N {
			l.host[at+i] = int32(first + i)
		}
		at += r.N
	}
	l.Kept, l.End = l.pages, l.pages
}

// WriteRuns writes which runs the tokens of a batch are of, or with some those of a step of it.
func (l *Lists) WriteRuns(runs []kv.Run, some bool) {
	if !l.Several() {
		return
	}
	token, at := 0, l.runsAt(some)
	for i, r := range runs {
		copy(l.host[at+Entry*i:], []int32{int32(token), int32(r.N), int32(r.Seq), 0})
		token += r.N
	}
}

// runsAt is where they are.
func (l *Lists) runsAt(some bool) int {
	if some {
		return l.runs + Entry*l.sequences
	}
	return l.runs
}

// RunsOf is where the device has what WriteRuns wrote.
func (l *Lists) RunsOf(some bool) *gpu.Buffer { return l.At(l.runsAt(some), Entry*l.sequences) }

// Mirror writes what cells number i hold, and those given last as the cells of a batch's tokens
// from number lo on.
func (l *Lists) Mirror(i, n, lo int) {
	x, p := l.Cells[i], l.PartOf(n)
	copy(l.host[p.Cell(i)+lo:p.Cell(i)+n], x.Host.Batch())
	if l.Several() {
		l.End, x.Used = x.pages.write(l.host, l.End, l.host[x.head:], x.Window, l.lowest)
		return
	}
	pos := x.Host.Pos()
	first, ordered := x.Host.Ordered()
	copy(l.host[x.head:], HeadOf(len(pos), int(first), ordered))
	if !ordered {
		copy(l.host[x.head+4:], pos)
	}
	x.Used = len(pos)
}

// WriteEvicted writes which rows are evicted from the cells from and go to the cells to. The rest
// of the list is -1.
func (l *Lists) WriteEvicted(i, n int, from, to []int32) {
	p := l.PartOf(n)
	for k := range p.evicted {
		l.host[p.From(i)+k], l.host[p.To(i)+k] = -1, -1
		if k < len(from) {
			l.host[p.From(i)+k], l.host[p.To(i)+k] = from[k], to[k]
		}
	}
}

// Send copies what a batch of n tokens reads.
func (l *Lists) Send(n int) error {
	at := l.PartOf(n).at
	return gpu.Post(l.Device, uint64(4*at), l.host[at:l.End])
}
