package grammar

import (
	"slices"
	"sync/atomic"

	"github.com/kvgen/kvgen/runtime/grammar/regular"
)

// DefaultMemory is how many bytes of token sets a Vocabulary keeps, until SetMemory.
const DefaultMemory = 128 << 20

// memory counts what a vocabulary keeps of automata, and which automata have something.
type memory struct {
	limit, used int
	kept        []*tables // the oldest first
}

// SetMemory bounds the bytes of token sets that are kept. Those of the automata that were used
// first are dropped where there is no room; they are found again when they are wanted.
func (v *Vocabulary) SetMemory(bytes int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.memory.limit = bytes
	v.makeRoom(0, nil)
}

// Memory is how many bytes of token sets are kept.
func (v *Vocabulary) Memory() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.memory.used
}

// tables are what a vocabulary knows of an automaton.
type tables struct {
	dfa   *regular.DFA
	body  int32  // the state at which a counted terminal is between two items; -1 for none
	final []bool // states that accept and have nothing that follows
	sets  []atomic.Pointer[tokenSet]
	bytes int // of sets
}

// tokenSet is what the tokens do from one state of an automaton. An item is one of those that a
// counted terminal counts; of others there are none.
type tokenSet struct {
	within  tokenList // tokens that begin no more items than tokenList.levels, and stay within
	closing []counted // tokens that end a counted terminal with their last byte
	closed  tokenList // the same, all of them
	exits   []exit    // by their byte
	most    int32     // items that a token begins
	bytes   int
}

// tokenList is tokens, as ids where they are few. With levels, level k has the tokens that begin at
// most k items, and long those that begin more than the last.
type tokenList struct {
	few    []int32
	levels []Mask
	long   []counted
}

// counted is a token and the items that it begins.
type counted struct{ token, items int32 }

// exit is a node of the trie before whose byte a terminal may have ended.
type exit struct {
	node  int32
	items int32 // begun before it
	b     byte
}

const (
	sparse    = 256 // tokens that are kept as ids
	maxLevels = 32
)

// tablesOf are the tables of an automaton; body is as in them.
func (v *Vocabulary) tablesOf(d *regular.DFA, body int32) *tables {
	key := string([]byte{byte(body), byte(body >> 8)}) + d.Key()
	v.mu.Lock()
	defer v.mu.Unlock()
	t, ok := v.seen[key]
	if !ok {
		t = &tables{dfa: d, body: body, final: make([]bool, d.Len()), sets: make([]atomic.Pointer[tokenSet], d.Len())}
		for i := range t.final {
			t.final[i] = d.Final(int32(i))
		}
		if len(v.order) >= maxAutomata {
			delete(v.seen, v.order[0])
			v.order = v.order[1:]
		}
		v.seen[key], v.order = t, append(v.order, key)
	}
	return t
}

// maxAutomata is how many automata a vocabulary knows, so that grammars share their token sets.
const maxAutomata = 1024

// set is what the tokens do from a state.
func (v *Vocabulary) set(t *tables, state int32) *tokenSet {
	if s := t.sets[state].Load(); s != nil {
		return s
	}
	s := v.find1(t, state)
	v.mu.Lock()
	defer v.mu.Unlock()
	if other := t.sets[state].Load(); other != nil {
		return other
	}
	if !v.makeRoom(s.bytes, t) {
		return s
	}
	if t.bytes == 0 {
		v.memory.kept = append(v.memory.kept, t)
	}
	t.bytes += s.bytes
	v.memory.used += s.bytes
	t.sets[state].Store(s)
	return s
}

// makeRoom drops the sets of the oldest automata, but for one, until there is room for more bytes.
func (v *Vocabulary) makeRoom(more int, but *tables) bool {
	for v.memory.used+more > v.memory.limit {
		i := slices.IndexFunc(v.memory.kept, func(t *tables) bool { return t != but })
		if i < 0 {
			return false
		}
		old := v.memory.kept[i]
		v.memory.kept = slices.Delete(v.memory.kept, i, i+1)
		v.memory.used -= old.bytes
		old.bytes = 0
		for s := range old.sets {
			old.sets[s].Store(nil)
		}
	}
	return true
}

// walker goes through the trie from a state of an automaton.
type walker struct {
	states []int32 // by depth
	items  []int32 // begun, by depth
}

func newWalker(depth int) walker {
	return walker{make([]int32, depth+1), make([]int32, depth+1)}
}

// step is the state after a byte. It says whether that begins an item of a counted terminal, and
// whether it ends the terminal.
func (t *tables) step(state int32, b byte) (to int32, begins, ends bool) {
	to = t.dfa.Step(state, b)
	if state == t.body && to != regular.Dead {
		ends = t.dfa.Accepts(to)
		begins = !ends
	}
	return to, begins, ends
}

// find1 goes through all tokens.
func (v *Vocabulary) find1(t *tables, from int32) *tokenSet {
	s := &tokenSet{}
	var within []counted
	w := newWalker(v.depth)
	w.states[0] = from
	for i := int32(1); int(i) < len(v.nodes); {
		n := &v.nodes[i]
		to, begins, ends := t.step(w.states[n.depth-1], n.b)
		if to == regular.Dead {
			i = n.end
			continue
		}
		items := w.items[n.depth-1]
		if begins {
			items++
		}
		w.states[n.depth], w.items[n.depth] = to, items
		if n.token >= 0 {
			s.most = max(s.most, items)
			list := &within
			if ends {
				list = &s.closing
			}
			*list = append(*list, counted{n.token, items})
			if n.same >= 0 {
				for _, id := range v.same[n.same] {
					*list = append(*list, counted{id, items})
				}
			}
		}
		if t.dfa.Accepts(to) {
			for c := i + 1; c < n.end; c = v.nodes[c].end {
				s.exits = append(s.exits, exit{c, items, v.nodes[c].b})
			}
		}
		i++
	}
	slices.SortStableFunc(s.exits, func(a, b exit) int { return int(a.b) - int(b.b) })
	s.exits, s.closing = slices.Clip(s.exits), slices.Clip(s.closing)
	s.within = v.list(within, t.body >= 0)
	s.closed = v.list(s.closing, false)
	s.bytes = 128 + 12*len(s.exits) + 8*len(s.closing) + s.within.bytes() + s.closed.bytes()
	return s
}

// list keeps tokens, in levels where they are counted.
func (v *Vocabulary) list(tokens []counted, levels bool) (l tokenList) {
	if len(tokens) <= sparse {
		for _, c := range tokens {
			l.few = append(l.few, c.token)
		}
		if levels {
			l.few, l.long = nil, slices.Clip(tokens)
		}
		return l
	}
	most := int32(0)
	for _, c := range tokens {
		most = max(most, c.items)
	}
	if !levels {
		most = 0
	}
	for k := range min(most+1, maxLevels) {
		m := v.newMask()
		for _, c := range tokens {
			if !levels || c.items <= k {
				m.set(c.token)
			}
		}
		l.levels = append(l.levels, m)
	}
	for _, c := range tokens {
		if levels && c.items >= maxLevels {
			l.long = append(l.long, c)
		}
	}
	return l
}

func (l *tokenList) bytes() (n int) {
	for _, m := range l.levels {
		n += 8 * len(m)
	}
	return n + 4*len(l.few) + 8*len(l.long)
}

// add puts the tokens into a mask that begin at most so many items.
func (l *tokenList) add(m Mask, items int32) {
	for _, id := range l.few {
		m.set(id)
	}
	if n := int32(len(l.levels)); n > 0 {
		m.or(l.levels[min(items, n-1)])
	}
	for _, c := range l.long {
		if c.items <= items {
			m.set(c.token)
		}
	}
}
