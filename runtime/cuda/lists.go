package cuda

import "github.com/kvgen/kvgen/runtime/kv"

// leave is the most rows that leave the exact ones together.
const leave = 8

// lists is what changes from batch to batch, in one piece of memory so that one copy brings it to the device:
//
//	many:  tokens [batch], positions [batch], then for each cells: cells [batch], from [leave], to [leave]
//	heads: for each cells: head [4], and positions [capacity] if they may be out of order
//	one:   as many, for a batch of one token
//
// A batch of many tokens copies many and heads, one of a single token heads and one.
type lists struct {
	host      []int32
	device    *Memory
	cells     []*listed
	many, one part
	heads     int // where they begin
	end       int // of heads, and where one begins
}

// listed is the place of one kv.Cells.
type listed struct {
	host   *kv.Cells
	device *Cells
	head   int // in lists.host
	room   int // positions that are copied; 0 for cells that stay in order
}

// part is the lists of batches of up to so many tokens.
type part struct{ at, tokens int }

// stride is the values of a list of cells with those that leave.
func (p part) stride() int { return p.tokens + 2*leave }

func (p part) size(cells int) int { return 2*p.tokens + cells*p.stride() }

func (p part) token() int     { return p.at }
func (p part) position() int  { return p.at + p.tokens }
func (p part) cell(i int) int { return p.at + 2*p.tokens + i*p.stride() }
func (p part) from(i int) int { return p.cell(i) + p.tokens }
func (p part) to(i int) int   { return p.from(i) + leave }

// newLists makes the lists of a cache whose batches have at most so many tokens.
func (d *Device) newLists(cells []*kv.Cells, batch int) (*lists, error) {
	l := &lists{}
	l.many = part{0, batch}
	n := l.many.size(len(cells))
	n = (n + 3) / 4 * 4
	l.heads = n
	for _, c := range cells {
		x := &listed{host: c, head: n}
		n += 4
		if !c.Straight() {
			x.room = (c.Capacity() + 63) / 64 * 64
			n += x.room
		}
		l.cells = append(l.cells, x)
	}
	l.end = n
	l.one = part{n, 1}
	n += l.one.size(len(cells))
	l.host = make([]int32, n)
	var err error
	if l.device, err = d.Alloc(uint64(4 * n)); err != nil {
		return nil, err
	}
	for _, x := range l.cells {
		x.device = &Cells{Capacity: (x.host.Capacity() + 63) / 64 * 64, Head: l.at(x.head, 4), Positions: l.at(x.head+4, x.room)}
	}
	return l, nil
}

// at is n values of the device's copy.
func (l *lists) at(i, n int) *Memory { return l.device.Slice(uint64(4*i), uint64(4*n)) }

// of is the part for a batch of n tokens.
func (l *lists) of(n int) part {
	if n == 1 {
		return l.one
	}
	return l.many
}

// batch writes the tokens and their positions.
func (l *lists) batch(tokens []int32, first int) {
	p := l.of(len(tokens))
	copy(l.host[p.token():], tokens)
	for i := range tokens {
		l.host[p.position()+i] = int32(first + i)
	}
}

// mirror writes what cells number i hold, and those given last as the cells of a batch's tokens from number lo on.
func (l *lists) mirror(i, n, lo int) {
	x, p := l.cells[i], l.of(n)
	pos := x.host.Pos()
	first, ordered := x.host.Ordered()
	copy(l.host[x.head:], HeadOf(len(pos), int(first), ordered))
	if !ordered {
		copy(l.host[x.head+4:], pos)
	}
	copy(l.host[p.cell(i)+lo:p.cell(i)+n], x.host.Batch())
}

// leaving writes which rows leave cells number from for cells number to; the rest of the list is none.
func (l *lists) leaving(i, n int, from, to []int32) {
	p := l.of(n)
	for k := range leave {
		l.host[p.from(i)+k], l.host[p.to(i)+k] = -1, -1
		if k < len(from) {
			l.host[p.from(i)+k], l.host[p.to(i)+k] = from[k], to[k]
		}
	}
}

// send copies what a batch of n tokens reads.
func (l *lists) send(n int) error {
	if n == 1 {
		return Post(l.device, uint64(4*l.heads), l.host[l.heads:])
	}
	return Post(l.device, 0, l.host[:l.end])
}
