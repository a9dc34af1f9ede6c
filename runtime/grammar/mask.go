package grammar

// Mask is the tokens that may come next. It is valid until the next call of a method. A text that
// can neither go on nor end is an error.
func (s *State) Mask() (Mask, error) {
	if s.err != nil {
		return nil, s.err
	}
	v := s.g.v
	if s.mask == nil {
		s.mask = v.newMask()
	}
	clear(s.mask)
	if s.done {
		for _, id := range v.end {
			s.mask.set(id)
		}
	}
	m := masker{g: s.g, v: v, mask: s.mask}
	for i := range s.threads {
		m.thread(&s.threads[i])
	}
	switch {
	case m.fail:
		s.err = ErrAmbiguous
	case !s.mask.any():
		s.err = ErrStuck
	}
	if s.err != nil {
		return nil, s.err
	}
	return s.mask, nil
}

func (m Mask) any() bool {
	for _, w := range m {
		if w != 0 {
			return true
		}
	}
	return false
}

// masker fills one mask.
type masker struct {
	g    *Grammar
	v    *Vocabulary
	mask Mask
	work int
	fail bool
	free [][]thread
}

// buffer is an empty list of threads, to be given back.
func (m *masker) buffer() []thread {
	if n := len(m.free); n > 0 {
		b := m.free[n-1]
		m.free = m.free[:n-1]
		return b[:0]
	}
	return make([]thread, 0, 16)
}

func (m *masker) giveBack(b []thread) { m.free = append(m.free, b) }

// thread allows what one reading allows. What stays within its terminal was found before; where the
// terminal may end within a token, what follows it decides.
func (m *masker) thread(t *thread) {
	n := &m.g.nodes[t.node]
	set := m.v.set(n.tables, t.state)
	left := n.max - t.items // items that may still come
	set.within.add(m.mask, left)
	if lack := n.min - t.items; lack <= 0 && left >= set.most {
		set.closed.add(m.mask, 0)
	} else {
		for _, c := range set.closing {
			if c.items >= lack && c.items <= left {
				m.mask.set(c.token)
			}
		}
	}
	if len(set.exits) > 0 {
		m.exits(set.exits, n.min-t.items, left, t.up)
	}
}

// exits allows the tokens within which a terminal ends, behind lack to left items.
func (m *masker) exits(list []exit, lack, left int32, up *frame) {
	after := m.follow(up)
	if len(after) == 0 {
		list = nil // nothing follows
	}
	for lo := 0; lo < len(list); {
		hi := lo + 1
		for hi < len(list) && list[hi].b == list[lo].b {
			hi++
		}
		m.exitsBy(list[lo:hi], lack, left, after)
		lo = hi
	}
	m.giveBack(after)
}

// exitsBy does so for those that go on with one byte.
func (m *masker) exitsBy(list []exit, lack, left int32, after []thread) {
	threads, done, fail := m.g.step(after, list[0].b, m.buffer(), &m.work)
	if m.fail = m.fail || fail; len(threads) > 0 || done {
		for _, e := range list {
			if e.items >= lack && e.items <= left {
				m.at(e.node, threads)
			}
		}
	}
	m.giveBack(threads)
}

// follow is the threads behind a terminal that has ended.
func (m *masker) follow(up *frame) []thread {
	c := closure{g: m.g, out: m.buffer(), work: &m.work}
	c.leave(up, 0)
	m.fail = m.fail || c.fail
	return c.out
}

// at allows the tokens that end at a node, to which threads lead, or below it.
func (m *masker) at(node int32, threads []thread) {
	n := &m.v.nodes[node]
	m.v.allow(m.mask, n)
	if node+1 == n.end || len(threads) == 0 || m.fail {
		return
	}
	if len(threads) == 1 {
		m.scan(node, &threads[0])
		return
	}
	for c := node + 1; c < n.end && !m.fail; c = m.v.nodes[c].end {
		after, done, fail := m.g.step(threads, m.v.nodes[c].b, m.buffer(), &m.work)
		if m.fail = m.fail || fail; len(after) > 0 || done {
			m.at(c, after)
		}
		m.giveBack(after)
	}
}

// scan allows the tokens below a node that one thread allows. It stays with the automaton of the
// thread's terminal as long as that goes on.
func (m *masker) scan(node int32, t *thread) {
	v, g := m.v, &m.g.nodes[t.node]
	base := v.nodes[node].depth
	var states, items [maxToken + 1]int32
	states[0], items[0] = t.state, t.items
	var after []thread
	m.work += 8
	for i, end := node+1, v.nodes[node].end; i < end && !m.fail; m.work++ {
		n := &v.nodes[i]
		d := n.depth - base
		to, begins, ends := g.tables.step(states[d-1], n.b)
		count := items[d-1]
		if begins {
			count++
		}
		if to < 0 || count > g.max-g.tables.need(to) || ends && count < g.min {
			i = n.end
			continue
		}
		states[d], items[d] = to, count
		v.allow(m.mask, n)
		if g.tables.dfa.Accepts(to) && i+1 < n.end {
			if after == nil {
				after = m.follow(t.up)
			}
			for c := i + 1; c < n.end; c = v.nodes[c].end {
				threads, done, fail := m.g.step(after, v.nodes[c].b, m.buffer(), &m.work)
				if m.fail = m.fail || fail; len(threads) > 0 || done {
					m.at(c, threads)
				}
				m.giveBack(threads)
			}
		}
		i++
	}
	m.fail = m.fail || m.work > maxWork
	if after != nil {
		m.giveBack(after)
	}
}
