package cells

import (
	"math/bits"
	"sort"

	"github.com/kvgen/kvgen/runtime/kv"
)

// pages is what the rows of several sequences lie in: each sequence sees some pages of kv.Page
// cells, of which its list says what they hold for it. A row lies where kv.Cells says; where it is
// in the list of a sequence depends on that sequence alone.
type pages struct {
	host  *kv.Cells
	known []page
	marks int // of the cells, when they were looked at last

	counts [kv.MaxSequences]int32 // pages of each list
	at     [kv.MaxSequences]int   // where the next page of a list is written, in words
}

// page is what is known of one.
type page struct {
	sequences kv.Set // sequences that hold cells
	last      int32  // largest position

	// The cells first..end-1 hold base plus their number for all of some, and others nothing; end
	// is 0 where it is not so.
	base, first, end int32
}

// The words of a list's Entry, Page of segment.cuh: the number of the page; base, first and
// end; or, where cells are in no order, the number's complement, where the positions of all cells
// are, in units of four words, and a bit for each cell of the sequence.
const Entry = 4

// headOf is what Cells.Head holds of a sequence: cells in its list, position of the first, 1 if all
// are in order, where the list is.
func (x *pages) headOf(list []int32, n int32) (used, first, ordered int32) {
	if n == 0 {
		return 0, 0, 1
	}
	ordered = 1
	for i := range n {
		e := list[Entry*i:]
		if e[0] < 0 || e[2] != 0 || e[3] != kv.Page && i < n-1 || e[1] != list[1]+kv.Page*i {
			ordered = 0
		}
	}
	if used = kv.Page * n; list[Entry*(n-1)] >= 0 {
		used += list[Entry*(n-1)+3] - kv.Page
	}
	return used, list[1], ordered
}

// update brings what is known of the pages up to date.
func (x *pages) update() {
	pos, sets := x.host.Pos(), x.host.Sets()
	for i := range x.known {
		if !x.host.Changed(i, x.marks) {
			continue
		}
		lo := min(i*kv.Page, len(pos))
		x.known[i].update(pos[lo:min(lo+kv.Page, len(pos))], sets[lo:])
	}
	x.marks = x.host.Marks()
}

func (p *page) update(pos []int32, sets []kv.Set) {
	*p = page{last: -1}
	same := true
	for i, at := range pos {
		if at < 0 {
			continue
		}
		n := int32(i)
		switch {
		case p.sequences == 0:
			p.first, p.base = n, at-n
		case n != p.end || at != p.base+n || sets[i] != p.sequences:
			same = false
		}
		p.end, p.last, p.sequences = n+1, max(p.last, at), p.sequences|sets[i]
	}
	if !same {
		p.end = 0
	}
}

// shows says whether a page has a row that a window, 0 for none, leaves a sequence whose lowest
// query is at a position.
func (p *page) shows(window int, lowest int32) bool {
	return window == 0 || p.last > lowest-int32(window)
}

// write writes the lists of sequences from word at on, and their heads; it returns where they end
// and the most cells of a list. lowest is by sequence its lowest query, below 0 for a sequence that
// has none and gets an empty list.
func (x *pages) write(words []int32, at int, heads []int32, window int, lowest []int32) (end, most int) {
	x.update()
	var asked kv.Set
	for seq, p := range lowest {
		if x.counts[seq] = 0; p >= 0 {
			asked |= kv.Of(seq)
		}
	}
	for i := range x.known {
		for s := x.known[i].sequences & asked; s != 0; s &= s - 1 {
			if seq := bits.TrailingZeros64(uint64(s)); x.known[i].shows(window, lowest[seq]) {
				x.counts[seq]++
			}
		}
	}
	for seq := range lowest {
		x.at[seq] = at
		at += Entry * int(x.counts[seq])
	}
	pos, sets := x.host.Pos(), x.host.Sets()
	for i := range x.known {
		p := &x.known[i]
		odd := -1 // where positions of the page were written
		for s := p.sequences & asked; s != 0; s &= s - 1 {
			seq := bits.TrailingZeros64(uint64(s))
			if !p.shows(window, lowest[seq]) {
				continue
			}
			e := words[x.at[seq]:][:Entry]
			x.at[seq] += Entry
			if p.end > 0 {
				e[0], e[1], e[2], e[3] = int32(i), p.base, p.first, p.end
				continue
			}
			lo := i * kv.Page
			hi := min(lo+kv.Page, len(pos))
			if p.entryOf(e, int32(i), pos[lo:hi], sets[lo:hi], seq) {
				continue
			}
			if odd < 0 {
				odd = at
				at += kv.Page
				clear(words[odd+hi-lo : at])
				copy(words[odd:], pos[lo:hi])
			}
			e[1] = int32(odd / Entry)
		}
	}
	for seq := range lowest {
		n := x.counts[seq]
		first := x.at[seq] - Entry*int(n)
		list := words[first:x.at[seq]]
		sortList(list)
		used, base, ordered := x.headOf(list, n)
		copy(heads[Entry*seq:], []int32{used, base, ordered, int32(first / Entry)})
		most = max(most, int(used))
	}
	return at, most
}

// entryOf writes the Entry of a sequence in page i. Its cells may be in order where those of all
// are not; then it is true.
func (p *page) entryOf(e []int32, i int32, pos []int32, sets []kv.Set, seq int) bool {
	var own uint64
	base, first, end, row := int32(0), int32(0), int32(0), true
	for c, at := range pos {
		if at < 0 || !sets[c].Has(seq) {
			continue
		}
		n := int32(c)
		if own == 0 {
			base, first = at-n, n
		} else {
			row = row && n == end && at == base+n
		}
		own, end = own|1<<c, n+1
	}
	if row {
		e[0], e[1], e[2], e[3] = i, base, first, end
	} else {
		e[0], e[2], e[3] = ^i, int32(uint32(own)), int32(own>>32)
	}
	return row
}

// sortList sorts a list whose pages are all in order by position: cells that are free again are
// given to later ones.
func sortList(list []int32) {
	sorted := true
	for i := 0; i < len(list); i += Entry {
		if list[i] < 0 {
			return
		}
		sorted = sorted && (i == 0 || list[i-Entry+1]+list[i-Entry+2] <= list[i+1]+list[i+2])
	}
	if sorted {
		return
	}
	sort.Sort(entries(list))
}

// entries are those of a list, which are sorted by the position of their first cell.
type entries []int32

func (e entries) at(i int) *[Entry]int32 { return (*[Entry]int32)(e[Entry*i:]) }

func (e entries) Len() int           { return len(e) / Entry }
func (e entries) Less(i, j int) bool { a, b := e.at(i), e.at(j); return a[1]+a[2] < b[1]+b[2] }
func (e entries) Swap(i, j int)      { a, b := e.at(i), e.at(j); *a, *b = *b, *a }

// listRoom is the words that the lists of all sequences, of so many positions, take at most.
func listRoom(cells *kv.Cells, sequences, size int) int {
	n := (cells.Capacity() + kv.Page - 1) / kv.Page
	return Entry*sequences*min(n, size) + kv.Page*n
}
