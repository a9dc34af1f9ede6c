package grammar

import (
	"math/bits"
	"slices"
	"strings"
	"sync"
)

// Tokens is what a Vocabulary is made of. tokenizer.Tokenizer is one.
type Tokens interface {
	Len() int
	Piece(id int32) string   // the bytes of a token
	IsControl(id int32) bool // whether it is no text
	EOG() []int32            // the tokens that end a text
}

// maxToken is the longest token that is ever allowed, in bytes.
const maxToken = 512

// Vocabulary is the tokens of a model as a trie of their bytes. Tokens that are no text, and those
// that are empty or longer than 512 bytes, are not in it and never allowed. It is immutable but for
// what it remembers of automata, so any number of goroutines may share it.
type Vocabulary struct {
	size   int
	nodes  []trieNode // in the order of a walk, the root first
	same   [][]int32  // further tokens of the same bytes, by trieNode.same
	end    []int32    // tokens that end a text
	pieces []string   // by token, "" for one that is not in the trie
	depth  int        // of the deepest node
	memory memory

	mu    sync.Mutex
	seen  map[string]*tables // of automata, by their Key
	order []string           // of seen, the oldest first
}

// trieNode is a node of the trie. Its children begin behind it. Where a child ends, the next one
// begins.
type trieNode struct {
	end   int32 // where the nodes below it end
	token int32 // whose bytes lead here; -1 for none
	same  int32 // index of Vocabulary.same; -1 for none
	depth uint16
	b     byte
}

// NewVocabulary sorts the tokens of a model into a trie.
func NewVocabulary(t Tokens) *Vocabulary {
	v := &Vocabulary{size: t.Len(), end: t.EOG(), pieces: make([]string, t.Len()), seen: map[string]*tables{}}
	v.memory.limit = DefaultMemory
	type entry struct {
		piece string
		id    int32
	}
	var all []entry
	for id := range int32(t.Len()) {
		if p := t.Piece(id); p != "" && len(p) <= maxToken && !t.IsControl(id) && !slices.Contains(v.end, id) {
			all, v.pieces[id] = append(all, entry{p, id}), p
		}
	}
	slices.SortFunc(all, func(a, b entry) int {
		if c := strings.Compare(a.piece, b.piece); c != 0 {
			return c
		}
		return int(a.id - b.id)
	})
	v.nodes = append(v.nodes, trieNode{token: -1, same: -1})
	open := []int32{0} // the nodes from the root to the last one
	last := ""
	close := func(depth int) {
		for len(open) > depth {
			v.nodes[open[len(open)-1]].end = int32(len(v.nodes))
			open = open[:len(open)-1]
		}
	}
	for _, e := range all {
		n := &v.nodes[open[len(open)-1]]
		if e.piece == last {
			if n.same < 0 {
				n.same, v.same = int32(len(v.same)), append(v.same, nil)
			}
			v.same[n.same] = append(v.same[n.same], e.id)
			continue
		}
		common := 0
		for common < len(last) && last[common] == e.piece[common] {
			common++
		}
		close(common + 1)
		for i := common; i < len(e.piece); i++ {
			open = append(open, int32(len(v.nodes)))
			v.nodes = append(v.nodes, trieNode{token: -1, same: -1, depth: uint16(i + 1), b: e.piece[i]})
		}
		v.nodes[len(v.nodes)-1].token = e.id
		v.depth, last = max(v.depth, len(e.piece)), e.piece
	}
	close(0)
	return v
}

// Len is the number of tokens; a mask has a bit for each.
func (v *Vocabulary) Len() int { return v.size }

// piece is the bytes of a token, "" for one that is never allowed.
func (v *Vocabulary) piece(token int32) string {
	if token < 0 || int(token) >= len(v.pieces) {
		return ""
	}
	return v.pieces[token]
}

// Mask is a bit for each token, the lowest of the first word for token 0.
type Mask []uint64

func (v *Vocabulary) newMask() Mask { return make(Mask, (v.size+63)/64) }

// Has says whether a token is allowed.
func (m Mask) Has(id int32) bool {
	return id >= 0 && int(id>>6) < len(m) && m[id>>6]>>(id&63)&1 != 0
}

// Count is the number of tokens that are allowed.
func (m Mask) Count() (n int) {
	for _, w := range m {
		n += bits.OnesCount64(w)
	}
	return n
}

func (m Mask) set(id int32) { m[id>>6] |= 1 << (id & 63) }

func (m Mask) or(o Mask) {
	for i, w := range o {
		m[i] |= w
	}
}

// allow sets the tokens that end at a node.
func (v *Vocabulary) allow(m Mask, n *trieNode) {
	if n.token < 0 {
		return
	}
	m.set(n.token)
	if n.same >= 0 {
		for _, id := range v.same[n.same] {
			m.set(id)
		}
	}
}
