package regular

import (
	"errors"
	"fmt"
	"slices"
)

// Dead is the state from which nothing is accepted.
const Dead int32 = -1

// MaxStates is the largest bound that a maker may ask for.
const MaxStates = 1 << 14

// DFA is a deterministic automaton over bytes. State 0 is the first. From every state something is
// accepted, so that what is not Dead can be completed. It is immutable.
type DFA struct {
	class   [256]uint8
	classes int
	next    []int32 // [states][classes]
	accept  []bool  // [states]
}

// ErrEmpty is what makers return where nothing would be accepted.
var ErrEmpty = errors.New("nothing is accepted")

// TooLarge is an automaton with more states than its maker may make.
type TooLarge struct{ Limit int }

func (t TooLarge) Error() string {
	return fmt.Sprintf("its automaton has more than %d states", t.Limit)
}

// Len is the number of states.
func (d *DFA) Len() int { return len(d.accept) }

// Step is the state after a byte, or Dead.
func (d *DFA) Step(state int32, b byte) int32 {
	return d.next[int(state)*d.classes+int(d.class[b])]
}

// Accepts says whether what led to a state is accepted as it is.
func (d *DFA) Accepts(state int32) bool { return d.accept[state] }

// Final says whether a state accepts and nothing can follow it.
func (d *DFA) Final(state int32) bool {
	row := d.next[int(state)*d.classes:][:d.classes]
	return d.accept[state] && !slices.ContainsFunc(row, func(s int32) bool { return s != Dead })
}

// Match says whether a text is accepted.
func (d *DFA) Match(text string) bool {
	s := int32(0)
	for i := 0; i < len(text); i++ {
		if s = d.Step(s, text[i]); s == Dead {
			return false
		}
	}
	return d.accept[s]
}

// Key is a text that is the same for the same tables.
func (d *DFA) Key() string {
	b := make([]byte, 0, 256+len(d.next)*3)
	b = append(b, d.class[:]...)
	for _, n := range d.next {
		b = append(b, byte(n), byte(n>>8), byte(n>>16))
	}
	for _, a := range d.accept {
		if a {
			b = append(b, 1)
		} else {
			b = append(b, 0)
		}
	}
	return string(b)
}

// explore makes the automaton whose states are values of S. step says what a byte does, false for
// Dead. Bytes of one class are alike in every state.
func explore[S comparable](w *Work, start S, step func(S, byte) (S, bool), accept func(S) bool, class [256]uint8, limit int) (*DFA, error) {
	limit = min(limit, MaxStates)
	example := map[uint8]byte{}
	classes := 0
	for b := range 256 {
		if _, ok := example[class[b]]; !ok {
			example[class[b]] = byte(b)
		}
		classes = max(classes, int(class[b])+1)
	}
	d := &DFA{class: class, classes: classes}
	id, list := map[S]int32{start: 0}, []S{start}
	for i := 0; i < len(list); i++ {
		if err := w.Spend(perState * classes); err != nil {
			return nil, err
		}
		d.accept = append(d.accept, accept(list[i]))
		for c := range classes {
			to, ok := step(list[i], example[uint8(c)])
			if !ok {
				d.next = append(d.next, Dead)
				continue
			}
			n, known := id[to]
			if !known {
				if len(list) >= limit {
					return nil, TooLarge{limit}
				}
				n = int32(len(list))
				id[to], list = n, append(list, to)
			}
			d.next = append(d.next, n)
		}
	}
	if d = d.trim(); d == nil {
		return nil, ErrEmpty
	}
	return d.minimal(w)
}

// perState is what a state takes for each class of bytes: it is found, written, read backwards.
const perState = 4

// eachByte is classes of one byte each.
func eachByte() (class [256]uint8) {
	for b := range class {
		class[b] = uint8(b)
	}
	return class
}

// together are the bytes that no automaton of some tells apart, nor that are others.
func together(automata []*DFA, others ...byte) [256]uint8 {
	class, count := [256]uint8{}, 1
	split := func(by func(b byte) uint8) {
		id := map[[2]uint8]uint8{}
		count = 0
		for b := range 256 {
			key := [2]uint8{class[b], by(byte(b))}
			n, ok := id[key]
			if !ok {
				n = uint8(count)
				id[key] = n
				count++
			}
			class[b] = n
		}
	}
	for _, d := range automata {
		split(func(b byte) uint8 { return d.class[b] })
	}
	for _, o := range others {
		split(func(b byte) uint8 {
			if b == o {
				return 1
			}
			return 0
		})
	}
	return class
}

// trim makes states Dead from which nothing is accepted; nil where the first is one.
func (d *DFA) trim() *DFA {
	n := d.Len()
	before := make([][]int32, n)
	var live []int32
	alive := make([]bool, n)
	for s := range n {
		for _, to := range d.next[s*d.classes:][:d.classes] {
			if to != Dead {
				before[to] = append(before[to], int32(s))
			}
		}
		if alive[s] = d.accept[s]; alive[s] {
			live = append(live, int32(s))
		}
	}
	for i := 0; i < len(live); i++ {
		for _, s := range before[live[i]] {
			if !alive[s] {
				alive[s], live = true, append(live, s)
			}
		}
	}
	if !alive[0] {
		return nil
	}
	part := make([]int32, n)
	count := int32(0)
	for s := range part {
		if part[s] = Dead; alive[s] {
			part[s] = count
			count++
		}
	}
	return d.quotient(part, int(count))
}

// rounds is how often minimal refines at most. What is not done by then stays as it is.
const rounds = 200

// minimal joins states that accept the same, and classes of bytes that do the same.
func (d *DFA) minimal(w *Work) (*DFA, error) {
	n := d.Len()
	part, count := make([]int32, n), 1
	for s, a := range d.accept {
		if a != d.accept[0] {
			part[s], count = 1, 2
		}
	}
	for range rounds {
		if err := w.Spend(n * (1 + d.classes)); err != nil {
			return nil, err
		}
		id := map[string]int32{}
		refined := make([]int32, n)
		var key []byte
		for s := range n {
			key = append(key[:0], byte(part[s]), byte(part[s]>>8))
			for _, to := range d.next[s*d.classes:][:d.classes] {
				p := Dead
				if to != Dead {
					p = part[to]
				}
				key = append(key, byte(p), byte(p>>8))
			}
			p, ok := id[string(key)]
			if !ok {
				p = int32(len(id))
				id[string(key)] = p
			}
			refined[s] = p
		}
		stable := len(id) == count
		if part, count = refined, len(id); stable {
			return d.quotient(part, count).joinClasses(), nil
		}
	}
	return d.joinClasses(), nil
}

// quotient is the automaton whose states are the parts, of which the first state has part 0. Dead
// takes states out.
func (d *DFA) quotient(part []int32, count int) *DFA {
	q := &DFA{class: d.class, classes: d.classes, accept: make([]bool, count), next: make([]int32, count*d.classes)}
	for s, p := range part {
		if p == Dead {
			continue
		}
		q.accept[p] = d.accept[s]
		for c, to := range d.next[s*d.classes:][:d.classes] {
			if to != Dead {
				to = part[to]
			}
			q.next[int(p)*d.classes+c] = to
		}
	}
	return q
}

// joinClasses joins the classes of bytes that lead to the same states everywhere.
func (d *DFA) joinClasses() *DFA {
	id := map[string]uint8{}
	to := make([]uint8, d.classes)
	var kept []int
	for c := range d.classes {
		key := make([]byte, 0, 2*d.Len())
		for s := range d.Len() {
			n := d.next[s*d.classes+c]
			key = append(key, byte(n), byte(n>>8))
		}
		n, ok := id[string(key)]
		if !ok {
			n = uint8(len(kept))
			id[string(key)], kept = n, append(kept, c)
		}
		to[c] = n
	}
	j := &DFA{classes: len(kept), accept: d.accept, next: make([]int32, 0, d.Len()*len(kept))}
	for b, c := range d.class {
		j.class[b] = to[c]
	}
	for s := range d.Len() {
		for _, c := range kept {
			j.next = append(j.next, d.next[s*d.classes+c])
		}
	}
	return j
}

// pair is a state of two automata.
type pair struct{ a, b int32 }

// Intersect accepts what both accept.
func Intersect(w *Work, a, b *DFA, limit int) (*DFA, error) {
	step := func(p pair, c byte) (pair, bool) {
		p = pair{a.Step(p.a, c), b.Step(p.b, c)}
		return p, p.a != Dead && p.b != Dead
	}
	return explore(w, pair{}, step, func(p pair) bool { return a.accept[p.a] && b.accept[p.b] }, together([]*DFA{a, b}), limit)
}

// Minus accepts what a accepts and b does not.
func Minus(w *Work, a, b *DFA, limit int) (*DFA, error) {
	step := func(p pair, c byte) (pair, bool) {
		if p.a = a.Step(p.a, c); p.b != Dead {
			p.b = b.Step(p.b, c)
		}
		return p, p.a != Dead
	}
	accept := func(p pair) bool { return a.accept[p.a] && (p.b == Dead || !b.accept[p.b]) }
	return explore(w, pair{}, step, accept, together([]*DFA{a, b}), limit)
}

// Disjoint says whether nothing is accepted by both. It visits each pair of states once. That there
// are too many, or no work is left, is no proof.
func Disjoint(w *Work, a, b *DFA) bool {
	seen, list := map[pair]bool{{}: true}, []pair{{}}
	for i := 0; i < len(list); i++ {
		p := list[i]
		if a.accept[p.a] && b.accept[p.b] || w.Spend(256) != nil {
			return false
		}
		for c := range 256 {
			q := pair{a.Step(p.a, byte(c)), b.Step(p.b, byte(c))}
			if q.a == Dead || q.b == Dead || seen[q] {
				continue
			}
			if len(list) >= MaxStates {
				return false // not known, which is no proof
			}
			seen[q], list = true, append(list, q)
		}
	}
	return true
}

// Then accepts a text of a with one of b behind it. Nothing may follow what a accepts, as nothing
// follows a closing quote.
func Then(w *Work, a, b *DFA, limit int) (*DFA, error) {
	type place struct {
		second bool
		state  int32
	}
	step := func(p place, c byte) (place, bool) {
		if p.second {
			p.state = b.Step(p.state, c)
			return p, p.state != Dead
		}
		if p.state = a.Step(p.state, c); p.state != Dead && a.accept[p.state] {
			return place{second: true}, true
		}
		return p, p.state != Dead
	}
	return explore(w, place{}, step, func(p place) bool { return p.second && b.accept[p.state] }, together([]*DFA{a, b}), limit)
}

// Between accepts a text of d between two bytes. d may not go on by the second where it accepts.
func Between(w *Work, first byte, d *DFA, last byte, limit int) (*DFA, error) {
	const before, behind = -2, -3
	step := func(s int32, c byte) (int32, bool) {
		switch {
		case s == before:
			return 0, c == first
		case s == behind:
			return 0, false
		case c == last && d.accept[s]:
			return behind, true
		}
		s = d.Step(s, c)
		return s, s != Dead
	}
	return explore(w, int32(before), step, func(s int32) bool { return s == behind }, together([]*DFA{d}, first, last), limit)
}

// Bytes is what the tables take.
func (d *DFA) Bytes() int { return 256 + 4*len(d.next) + len(d.accept) }
