package grammar

import (
	"fmt"
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
	count *regular.Counter // nil where no items are counted
	final []bool           // states that accept and have nothing that follows
	sets  []atomic.Pointer[tokenSet]
	bytes int // of sets
}

// tokenSet is what the tokens do from one state of an automaton. An item is one of those that a
// counted terminal counts; of others there are none.
type tokenSet struct {
	within  tokenList // tokens that stay within, by the items that they begin and then need
	closing []counted // tokens that end a counted terminal with their last byte
	closed  tokenList // the same, all of them
	exits   []exit    // by their byte
	most    int32     // items of a token
	work    int       // nodes of the trie that were looked at
	bytes   int
}

// tokenList is tokens, as ids where they are few. With levels, level k has the tokens of at most k
// items, and long those of more than the last.
type tokenList struct {
	few    []int32
	levels []Mask
	long   []counted
}

// counted is a token and its items.
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

// tablesOf are the tables of an automaton, whose items c counts if it is not nil.
func (v *Vocabulary) tablesOf(d *regular.DFA, c *regular.Counter) *tables {
	key := "plain" + d.Key()
	if c != nil {
		key = fmt.Sprint(c.Between, d.Key())
	}
	v.mu.Lock()
	t, ok := v.seen[key]
	v.mu.Unlock()
	if ok {
		return t
	}
	own := &tables{dfa: d, count: c, final: make([]bool, d.Len()), sets: make([]atomic.Pointer[tokenSet], d.Len())}
	for i := range own.final {
		own.final[i] = d.Final(int32(i))
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if t, ok = v.seen[key]; !ok {
		t = own
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
	s := v.find(t, state)
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
	if t.count != nil && to != regular.Dead && t.count.Between[state] {
		ends = t.dfa.Accepts(to)
		begins = !ends
	}
	return to, begins, ends
}

// need is the items that have to begin after a state.
func (t *tables) need(state int32) int32 {
	if t.count == nil {
		return 0
	}
	return t.count.Need[state]
}

// find goes through all tokens from a state.
func (v *Vocabulary) find(t *tables, from int32) *tokenSet {
	s := &tokenSet{}
	within := gatherer{v: v, counts: t.count != nil}
	closed := gatherer{v: v}
	w := newWalker(v.depth)
	w.states[0] = from
	for i := int32(1); int(i) < len(v.nodes); {
		n := &v.nodes[i]
		to, begins, ends := t.step(w.states[n.depth-1], n.b)
		s.work++
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
			cost := items + t.need(to)
			s.most = max(s.most, cost)
			if ends {
				closed.add(n, cost)
				s.closing = v.append(s.closing, n, cost)
			} else {
				within.add(n, cost)
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
	s.within, s.closed = within.list(), closed.list()
	s.bytes = 128 + 12*len(s.exits) + 8*len(s.closing) + s.within.bytes() + s.closed.bytes()
	return s
}

// append adds the tokens that end at a node.
func (v *Vocabulary) append(list []counted, n *trieNode, items int32) []counted {
	list = append(list, counted{n.token, items})
	if n.same >= 0 {
		for _, id := range v.same[n.same] {
			list = append(list, counted{id, items})
		}
	}
	return list
}

// gatherer makes a tokenList. Where items are counted, masks are those of one number of items until
// the list is made.
type gatherer struct {
	v      *Vocabulary
	counts bool
	all    []counted // while they are few
	many   bool
	masks  []Mask
	long   []counted
}

func (g *gatherer) add(n *trieNode, items int32) {
	if !g.many {
		g.all = g.v.append(g.all, n, items)
		if len(g.all) <= sparse {
			return
		}
		g.many = true
		for _, c := range g.all {
			g.put(c)
		}
		return
	}
	g.put(counted{n.token, items})
	if n.same >= 0 {
		for _, id := range g.v.same[n.same] {
			g.put(counted{id, items})
		}
	}
}

func (g *gatherer) put(c counted) {
	if !g.counts {
		c.items = 0
	}
	if c.items >= maxLevels {
		g.long = append(g.long, c)
		return
	}
	for int(c.items) >= len(g.masks) {
		g.masks = append(g.masks, g.v.newMask())
	}
	g.masks[c.items].set(c.token)
}

func (g *gatherer) list() (l tokenList) {
	switch {
	case g.many:
		for i := range len(g.masks) - 1 {
			g.masks[i+1].or(g.masks[i])
		}
		return tokenList{levels: g.masks, long: slices.Clip(g.long)}
	case g.counts:
		return tokenList{long: slices.Clip(g.all)}
	}
	for _, c := range g.all {
		l.few = append(l.few, c.token)
	}
	return l
}

func (l *tokenList) bytes() (n int) {
	for _, m := range l.levels {
		n += 8 * len(m)
	}
	return n + 4*len(l.few) + 8*len(l.long)
}

// add puts the tokens of at most so many items into a mask.
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
