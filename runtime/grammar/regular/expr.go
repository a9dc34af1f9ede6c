package regular

import "slices"

// Expr is a regular expression over bytes. The zero value is the empty text.
type Expr struct {
	kind     kind
	set      Set
	kids     []Expr
	min, max int
}

type kind uint8

const (
	empty kind = iota
	oneOf
	sequence
	choice
	repetition
	atStart
	atEnd
)

// Start is the empty text at the beginning of all, End that at the end.
func Start() Expr { return Expr{kind: atStart} }

// End is the empty text at the end of all.
func End() Expr { return Expr{kind: atEnd} }

// Set is a set of bytes.
type Set [4]uint64

// Add puts the bytes lo to hi into the set.
func (s *Set) Add(lo, hi byte) {
	for b := int(lo); b <= int(hi); b++ {
		s[b>>6] |= 1 << (b & 63)
	}
}

// Has says whether a byte is in the set.
func (s *Set) Has(b byte) bool { return s[b>>6]>>(b&63)&1 != 0 }

// Range is any byte from lo to hi.
func Range(lo, hi byte) Expr {
	e := Expr{kind: oneOf}
	e.set.Add(lo, hi)
	return e
}

// Of is any of the bytes of a text, which are not of one character then.
func Of(bytes string) Expr {
	e := Expr{kind: oneOf}
	for i := 0; i < len(bytes); i++ {
		e.set.Add(bytes[i], bytes[i])
	}
	return e
}

// Text is a text as it is.
func Text(s string) Expr {
	var kids []Expr
	for i := 0; i < len(s); i++ {
		kids = append(kids, Range(s[i], s[i]))
	}
	return Seq(kids...)
}

// Seq is one after the other.
func Seq(kids ...Expr) Expr {
	if len(kids) == 0 {
		return Expr{}
	}
	return Expr{kind: sequence, kids: kids}
}

// Alt is any of them; of none, nothing is accepted.
func Alt(kids ...Expr) Expr { return Expr{kind: choice, kids: kids} }

// Opt is e or nothing.
func Opt(e Expr) Expr { return Repeat(e, 0, 1) }

// Unbounded is a max of Repeat.
const Unbounded = -1

// Repeat is e, min times to max times.
func Repeat(e Expr, min, max int) Expr {
	return Expr{kind: repetition, kids: []Expr{e}, min: min, max: max}
}

// MaxNodes is the most states of an expression before it is made deterministic.
const MaxNodes = 1 << 16

// maxDepth is how deep expressions may nest.
const maxDepth = 200

// nfa is the expression as states: those with an edge of bytes, and those with edges of nothing.
type nfa struct {
	set  []Set
	to   []int32   // after a byte of set; -1 for none
	free [][]int32 // without a byte
	only []kind    // where the edges of free are: atStart, atEnd, or anywhere
	work int       // calls of add
}

func (n *nfa) node() int32 {
	n.set, n.to, n.free, n.only = append(n.set, Set{}), append(n.to, -1), append(n.free, nil), append(n.only, empty)
	return int32(len(n.to) - 1)
}

// add puts e before the state end and returns where it begins.
func (n *nfa) add(e Expr, end int32, depth int) (int32, error) {
	n.work++
	switch {
	case len(n.to) > MaxNodes || n.work > 4*MaxNodes:
		return 0, TooLarge{MaxNodes}
	case depth > maxDepth:
		return 0, ErrNested
	}
	switch e.kind {
	case empty:
		return end, nil
	case oneOf:
		s := n.node()
		n.set[s], n.to[s] = e.set, end
		return s, nil
	case atStart, atEnd:
		s := n.node()
		n.free[s], n.only[s] = []int32{end}, e.kind
		return s, nil
	case sequence:
		for _, k := range slices.Backward(e.kids) {
			var err error
			if end, err = n.add(k, end, depth+1); err != nil {
				return 0, err
			}
		}
		return end, nil
	case choice:
		s := n.node()
		for _, k := range e.kids {
			begin, err := n.add(k, end, depth+1)
			if err != nil {
				return 0, err
			}
			n.free[s] = append(n.free[s], begin)
		}
		return s, nil
	}
	return n.repeat(e, end, depth)
}

// repeat writes a repetition out; what has no end is a loop.
func (n *nfa) repeat(e Expr, end int32, depth int) (int32, error) {
	begin := end
	if e.max == Unbounded {
		begin = n.node()
		body, err := n.add(e.kids[0], begin, depth+1)
		if err != nil {
			return 0, err
		}
		n.free[begin] = []int32{body, end}
	}
	for i := max(e.max, e.min); i > 0; i-- {
		body, err := n.add(e.kids[0], begin, depth+1)
		if err != nil {
			return 0, err
		}
		if begin = body; i > e.min {
			begin = n.node()
			n.free[begin] = []int32{body, end}
		}
	}
	return begin, nil
}

// classes are the bytes that no edge tells apart.
func (n *nfa) classes(w *Work) (class [256]uint8) {
	count := 1
	seen := map[Set]bool{}
	for s, set := range n.set {
		if n.to[s] < 0 || seen[set] {
			continue
		}
		seen[set] = true
		if w.Spend(256) != nil {
			return class
		}
		split := map[uint8]uint8{} // of a class, that of its bytes in set
		for b := range 256 {
			if !set.Has(byte(b)) {
				continue
			}
			c, ok := split[class[b]]
			if !ok {
				if count == 256 {
					return eachByte()
				}
				c = uint8(count)
				count++
				split[class[b]] = c
			}
			class[b] = c
		}
	}
	return compact(class)
}

// compact numbers classes without gaps.
func compact(class [256]uint8) [256]uint8 {
	id := map[uint8]uint8{}
	for b, c := range class {
		n, ok := id[c]
		if !ok {
			n = uint8(len(id))
			id[c] = n
		}
		class[b] = n
	}
	return class
}

// Compile makes the automaton of an expression, of limit states at most.
func Compile(w *Work, e Expr, limit int) (*DFA, error) {
	n := &nfa{}
	end := n.node()
	begin, err := n.add(e, end, 0)
	if err != nil {
		return nil, err
	}
	if err := w.Spend(4*n.work + len(n.to)); err != nil {
		return nil, err
	}
	s := &subsets{nfa: n, end: end, mark: make([]int, len(n.to)), w: w}
	d, err := explore(w, s.closure([]int32{begin}, true), s.step, s.accepts, n.classes(w), limit)
	if w.Err() == nil && s.work > maxWork {
		return nil, TooLarge{limit}
	}
	return d, err
}

// maxWork bounds the states that all sets of Compile have together.
const maxWork = 1 << 24

// subsets are the sets of states of an nfa that texts lead to. A set is three bytes a state.
type subsets struct {
	*nfa
	end   int32
	mark  []int // by state: the closure that met it last
	round int
	work  int
	w     *Work
}

// reach is the states that edges without a byte lead to, for a text that begins or ends here.
func (n *subsets) reach(from []int32, start, end bool) []int32 {
	n.round++
	var list []int32
	meet := func(s int32) {
		if n.mark[s] != n.round {
			n.mark[s], list = n.round, append(list, s)
		}
	}
	for _, s := range from {
		meet(s)
	}
	for i := 0; i < len(list); i++ {
		if o := n.only[list[i]]; o == atStart && !start || o == atEnd && !end {
			continue
		}
		for _, s := range n.free[list[i]] {
			meet(s)
		}
	}
	n.work += len(list)
	n.w.Spend(2 * len(list))
	return list
}

// closure is reach as a set, without states that only led on.
func (n *subsets) closure(from []int32, start bool) string {
	list := n.reach(from, start, false)
	list = slices.DeleteFunc(list, func(s int32) bool { return n.to[s] < 0 && s != n.end && n.only[s] != atEnd })
	slices.Sort(list)
	key := make([]byte, 0, 3*len(list)+1)
	for _, s := range list {
		key = append(key, byte(s), byte(s>>8), byte(s>>16))
	}
	if start {
		key = append(key, 1) // what holds at the start alone may decide whether it ends here
	}
	return string(key)
}

func (n *subsets) step(set string, b byte) (string, bool) {
	var to []int32
	for i := 0; i+2 < len(set) && n.work <= maxWork && n.w.Err() == nil; i += 3 {
		if s := member(set, i); n.to[s] >= 0 && n.set[s].Has(b) {
			to = append(to, n.to[s])
		}
	}
	if len(to) == 0 {
		return "", false
	}
	return n.closure(to, false), true
}

func (n *subsets) accepts(set string) bool {
	var from []int32
	for i := 0; i+2 < len(set); i += 3 {
		from = append(from, member(set, i))
	}
	return slices.Contains(n.reach(from, len(set)%3 == 1, true), n.end)
}

func member(set string, i int) int32 {
	return int32(set[i]) | int32(set[i+1])<<8 | int32(set[i+2])<<16
}
