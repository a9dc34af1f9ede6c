package tokenizer

// pair is a candidate merge of two neighbouring symbols.
type pair struct {
	left, right     int32 // symbol indices
	leftID, rightID int32 // what the symbols were when the pair was queued; a change makes it stale
	merged          int32 // the symbol they become
	key             float32
	rank            int32
}

// before orders pairs: the smaller rank, then the larger key, then the one further left. BPE uses
// rank alone and SPM key alone, each leaving the other at zero.
func (p *pair) before(q *pair) bool {
	if p.rank != q.rank {
		return p.rank < q.rank
	}
	if p.key != q.key {
		return p.key > q.key
	}
	return p.left < q.left
}

// pairHeap is a binary heap with the pair to merge next at index 0. It is written out because
// container/heap boxes every element, and a line of text pushes one pair per character.
type pairHeap []pair

func (h *pairHeap) push(p pair) {
	*h = append(*h, p)
	s := *h
	i := len(s) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !s[i].before(&s[up]) {
			break
		}
		s[i], s[up] = s[up], s[i]
		i = up
	}
}

func (h *pairHeap) pop() pair {
	s := *h
	top := s[0]
	last := len(s) - 1
	s[0] = s[last]
	s = s[:last]
	*h = s
	for i := 0; ; {
		down := 2*i + 1
		if down >= last {
			break
		}
		if down+1 < last && s[down+1].before(&s[down]) {
			down++
		}
		if !s[down].before(&s[i]) {
			break
		}
		s[i], s[down] = s[down], s[i]
		i = down
	}
	return top
}
