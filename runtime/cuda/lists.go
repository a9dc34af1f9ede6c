package cuda

import "github.com/kvgen/kvgen/runtime/kv"

// leave is the most rows of a sequence that leave the exact ones together.
const leave = 8

// lists is what changes from batch to batch, in one piece of memory so that one copy brings it to the device:
//
//	many:  tokens [batch], positions [batch], then for each cells: cells [batch], from [leave], to [leave]
//	one:   as many, for a batch of one token
//	heads: for each cells: head [4], and positions [capacity] if they may be out of order
//
// A batch of a single token copies what begins with one, others all of it. In a cache of several sequences
//
//	many:  as above, from and to [sequences][leave]
//	one:   as many, for a batch of no more tokens than there are sequences
//	heads: runs of the batch [sequences][4]: first token, tokens, sequence, 0; the same of the tokens that a layer with exact rows is at;
//	       for each cells: heads [sequences][4]
//	pages: the lists of sequences (pages.write), as far as they are written
type lists struct {
	host      []int32
	device    *Memory
	cells     []*listed
	many, one part
	sequences int
	runs      int // where they begin; unused in a cache of one sequence, like what follows
	pages     int
	kept      int     // where pages end that all layers of a batch need
	end       int     // of what is copied
	lowest    []int32 // by sequence: position of its first token of the batch, -1 for none
}

// listed is the place of one kv.Cells.
type listed struct {
	host   *kv.Cells
	device *Cells
	window int
	exact  bool // of a layer that keeps exact rows
	head   int  // in lists.host
	room   int  // positions that are copied; 0 for cells that stay in order
	used   int  // most cells that a sequence sees
	pages  *pages
}

// part is the lists of batches of up to so many tokens.
type part struct{ at, tokens, leave int }

// stride is the values of a list of cells with those that leave.
func (p part) stride() int { return p.tokens + 2*p.leave }

func (p part) size(cells int) int { return 2*p.tokens + cells*p.stride() }

func (p part) token() int     { return p.at }
func (p part) position() int  { return p.at + p.tokens }
func (p part) cell(i int) int { return p.at + 2*p.tokens + i*p.stride() }
func (p part) from(i int) int { return p.cell(i) + p.tokens }
func (p part) to(i int) int   { return p.from(i) + p.leave }

// newLists makes the lists of a cache whose batches have at most so many tokens. Of cells it takes host, window and exact.
func (d *Device) newLists(cells []*listed, s kv.Shape, batch int) (*lists, error) {
	l := &lists{cells: cells, sequences: s.Sequences, lowest: make([]int32, s.Sequences)}
	l.many = part{0, batch, leave * s.Sequences}
	l.one = part{l.many.size(len(cells)), min(batch, s.Sequences), leave * s.Sequences}
	n := (l.one.at + l.one.size(len(cells)) + 3) / 4 * 4
	if l.several() {
		l.runs = n
		n += 2 * entry * s.Sequences
	}
	for _, x := range cells {
		x.head = n
		n += 4 * s.Sequences
		if !l.several() && !x.host.Straight() {
			x.room = (x.host.Capacity() + 63) / 64 * 64
			n += x.room
		}
	}
	l.pages, l.kept, l.end = n, n, n
	for _, x := range cells {
		if l.several() {
			x.pages = &pages{host: x.host, known: make([]page, (x.host.Capacity()+kv.Page-1)/kv.Page), marks: -1}
			n += listRoom(x.host, s.Sequences, s.Size)
		}
	}
	if d.rehearsal == nil {
		l.host = make([]int32, n)
	}
	var err error
	if l.device, err = d.Alloc(uint64(4 * n)); err != nil {
		return nil, err
	}
	for _, x := range cells {
		x.device = &Cells{Capacity: (x.host.Capacity() + 63) / 64 * 64, Head: l.at(x.head, 4*s.Sequences), Positions: l.at(x.head+4, x.room)}
		if l.several() {
			x.device.Positions = l.device
		}
	}
	return l, nil
}

// several says whether the cache is one of several sequences.
func (l *lists) several() bool { return l.sequences > 1 }

// at is n values of the device's copy.
func (l *lists) at(i, n int) *Memory { return l.device.Slice(uint64(4*i), uint64(4*n)) }

// of is the part for a batch of n tokens.
func (l *lists) of(n int) part {
	if n <= l.one.tokens {
		return l.one
	}
	return l.many
}

// batch writes the tokens of runs, which have been placed, and their positions.
func (l *lists) batch(tokens []int32, runs []kv.Run, c *kv.Cache) {
	p := l.of(len(tokens))
	copy(l.host[p.token():], tokens)
	for seq := range l.lowest {
		l.lowest[seq] = -1
	}
	at := p.position()
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
	l.kept, l.end = l.pages, l.pages
}

// whose writes which runs the tokens of a batch are of, or with some those of a step of it.
func (l *lists) whose(runs []kv.Run, some bool) {
	if !l.several() {
		return
	}
	token, at := 0, l.runsAt(some)
	for i, r := range runs {
		copy(l.host[at+entry*i:], []int32{int32(token), int32(r.N), int32(r.Seq), 0})
		token += r.N
	}
}

// runsAt is where they are.
func (l *lists) runsAt(some bool) int {
	if some {
		return l.runs + entry*l.sequences
	}
	return l.runs
}

// runsOf is their place on the device.
func (l *lists) runsOf(some bool) *Memory { return l.at(l.runsAt(some), entry*l.sequences) }

// mirror writes what cells number i hold, and those given last as the cells of a batch's tokens from number lo on.
func (l *lists) mirror(i, n, lo int) {
	x, p := l.cells[i], l.of(n)
	copy(l.host[p.cell(i)+lo:p.cell(i)+n], x.host.Batch())
	if l.several() {
		l.end, x.used = x.pages.write(l.host, l.end, l.host[x.head:], x.window, l.lowest)
		return
	}
	pos := x.host.Pos()
	first, ordered := x.host.Ordered()
	copy(l.host[x.head:], HeadOf(len(pos), int(first), ordered))
	if !ordered {
		copy(l.host[x.head+4:], pos)
	}
	x.used = len(pos)
}

// leaving writes which rows leave cells number from for cells number to; the rest of the list is none.
func (l *lists) leaving(i, n int, from, to []int32) {
	p := l.of(n)
	for k := range p.leave {
		l.host[p.from(i)+k], l.host[p.to(i)+k] = -1, -1
		if k < len(from) {
			l.host[p.from(i)+k], l.host[p.to(i)+k] = from[k], to[k]
		}
	}
}

// send copies what a batch of n tokens reads.
func (l *lists) send(n int) error {
	at := l.of(n).at
	return Post(l.device, uint64(4*at), l.host[at:l.end])
}
