package tokenizer

// symbol is a stretch of text on its way to becoming a token. Symbols form a linked list in text
// order.
type symbol struct {
	start, end int32 // bytes in the text being merged
	prev, next int32 // neighbours, none at the ends
	// token or merge result, none when the text is neither, dead when absorbed by the left
	// neighbour
	id int32
}

const (
	none = -1
	dead = -2
)

// join proposes the merge of two neighbours: the resulting id and its place in the order of merges.
type join func(left, right *symbol) (p pair, ok bool)

// merger holds the buffers of one Encode call, reused from word to word.
type merger struct {
	symbols []symbol
	queue   pairHeap
}

// add appends a symbol to the list.
func (m *merger) add(start, end int, id int32) {
	i := int32(len(m.symbols))
	if i > 0 {
		m.symbols[i-1].next = i
	}
	m.symbols = append(m.symbols, symbol{start: int32(start), end: int32(end), prev: i - 1, next: none, id: id})
}

// run merges pairs in order until no neighbours can be joined. Time is n log n in the number of
// symbols.
func (m *merger) run(j join) {
	m.queue = m.queue[:0]
	for i := 1; i < len(m.symbols); i++ {
		m.propose(int32(i-1), int32(i), j)
	}
	for len(m.queue) > 0 {
		p := m.queue.pop()
		left, right := &m.symbols[p.left], &m.symbols[p.right]
		if left.id != p.leftID || right.id != p.rightID {
			continue
		}
		left.end, left.id, left.next = right.end, p.merged, right.next
		right.id = dead
		if right.next >= 0 {
			m.symbols[right.next].prev = p.left
		}
		m.propose(left.prev, p.left, j)
		m.propose(p.left, left.next, j)
	}
}

func (m *merger) propose(left, right int32, j join) {
	if left < 0 || right < 0 {
		return
	}
	l, r := &m.symbols[left], &m.symbols[right]
	if p, ok := j(l, r); ok {
		p.left, p.right, p.leftID, p.rightID = left, right, l.id, r.id
		m.queue.push(p)
	}
}
