package regular

import "slices"

// Counter is an automaton of items between two bytes, such as the characters of a string between
// quotes, whose items can be counted beside it.
type Counter struct {
	*DFA
	Between []bool  // by state: behind the first byte or an item
	Need    []int32 // by state: the least items that have to begin yet
}

// Count prepares an automaton to be counted. Each of its texts is a byte, items that item accepts,
// and a byte that begins none; nothing may follow what item accepts. It is nil where a number of
// items cannot be reached although fewer can, so that counting beside the automaton would lead to
// texts that have no end; and where no work is left.
func Count(w *Work, d, item *DFA) *Counter {
	c := &Counter{DFA: d, Between: make([]bool, d.Len()), Need: make([]int32, d.Len())}
	within := make([]bool, d.Len())
	before := make([][]edge, d.Len())
	seen, list := map[pair]bool{}, []pair{}
	meet := func(p pair) {
		if !seen[p] {
			seen[p], list = true, append(list, p)
		}
	}
	for b := range 256 {
		if s := d.Step(0, byte(b)); s != Dead {
			meet(pair{s, 0})
		}
	}
	for i := 0; i < len(list); i++ {
		if w.Spend(2*256) != nil {
			return nil
		}
		p := list[i]
		if c.Between[p.a] = c.Between[p.a] || p.b == 0; p.b != 0 {
			within[p.a] = true
		}
		for b := range 256 {
			q := pair{d.Step(p.a, byte(b)), item.Step(p.b, byte(b))}
			if q.a == Dead {
				continue
			}
			before[q.a] = append(before[q.a], edge{p.a, q.b != Dead && p.b == 0})
			switch {
			case q.b == Dead:
				continue // the last byte
			case item.accept[q.b]:
				q.b = 0
			}
			meet(q)
		}
	}
	for s := range c.Between {
		if c.Between[s] && (within[s] || d.accept[s]) {
			return nil
		}
	}
	c.needs(before)
	if !c.canGoOn(w, item) {
		return nil
	}
	return c
}

// edge leads from a state; an item begins with it or not.
type edge struct {
	from   int32
	begins bool
}

// needs finds the least items from each state to the end.
func (c *Counter) needs(before [][]edge) {
	const far = 1 << 30
	var now, next []int32
	for s := range c.Need {
		if c.Need[s] = far; c.accept[s] {
			c.Need[s], now = 0, append(now, int32(s))
		}
	}
	for n := int32(0); len(now) > 0; n++ {
		next = nil
		for i := 0; i < len(now); i++ {
			for _, e := range before[now[i]] {
				switch {
				case !e.begins && n < c.Need[e.from]:
					c.Need[e.from], now = n, append(now, e.from)
				case e.begins && n+1 < c.Need[e.from]:
					next = append(next, e.from)
				}
			}
		}
		now = slices.DeleteFunc(next, func(s int32) bool {
			if c.Need[s] <= n+1 {
				return true
			}
			c.Need[s] = n + 1
			return false
		})
	}
	c.Need[0] = 0 // counting begins behind the first byte
}

// canGoOn says whether from every state between items an item leads to one that needs no more.
func (c *Counter) canGoOn(w *Work, item *DFA) bool {
	for s := range c.Between {
		if !c.Between[s] {
			continue
		}
		found := false
		seen, list := map[pair]bool{}, []pair{{int32(s), 0}}
		for i := 0; i < len(list) && !found; i++ {
			if w.Spend(256) != nil {
				return false
			}
			for b := range 256 {
				q := pair{c.Step(list[i].a, byte(b)), item.Step(list[i].b, byte(b))}
				if q.a == Dead || q.b == Dead || seen[q] {
					continue
				}
				if seen[q] = true; !item.accept[q.b] {
					list = append(list, q)
				} else if c.Need[q.a] <= c.Need[s] {
					found = true
				}
			}
		}
		if !found {
			return false
		}
	}
	return true
}

// Limited accepts texts of d that are min to max items, Unbounded for no max. Nothing may follow
// what item accepts.
func Limited(w *Work, d, item *DFA, min, max, limit int) (*DFA, error) {
	type place struct{ state, item, count int32 }
	step := func(p place, b byte) (place, bool) {
		if p.item == 0 {
			if p.count++; max == Unbounded {
				p.count = int32(least(int(p.count), min))
			} else if int(p.count) > max {
				return p, false
			}
		}
		p.state, p.item = d.Step(p.state, b), item.Step(p.item, b)
		if p.state == Dead || p.item == Dead {
			return p, false
		}
		if item.accept[p.item] {
			p.item = 0
		}
		return p, true
	}
	accept := func(p place) bool { return p.item == 0 && int(p.count) >= min && d.accept[p.state] }
	return explore(w, place{}, step, accept, together([]*DFA{d, item}), limit)
}

func least(a, b int) int {
	if a < b {
		return a
	}
	return b
}
