package grammar

import (
	"container/list"
	"crypto/sha256"
	"sync"
)

// Cache keeps the grammars that were used last, within a budget of bytes. It is for any number of
// goroutines.
type Cache struct {
	mu    sync.Mutex
	limit int
	used  int
	list  *list.List // of *cached, the one used last in front
	by    map[[32]byte]*list.Element
}

type cached struct {
	key   [32]byte
	g     *Grammar
	bytes int
}

// NewCache is a cache of so many bytes. What vocabularies keep of automata is not counted: they
// have a bound of their own.
func NewCache(bytes int) *Cache {
	return &Cache{limit: bytes, list: list.New(), by: map[[32]byte]*list.Element{}}
}

// Get is the grammar of a text. compile makes it where it is not there; its errors are not kept.
// Kind tells texts of different languages and vocabularies apart.
func (c *Cache) Get(kind, text string, compile func() (*Grammar, error)) (*Grammar, error) {
	key := sha256.Sum256([]byte(kind + "\x00" + text))
	c.mu.Lock()
	if e := c.by[key]; e != nil {
		c.list.MoveToFront(e)
		c.mu.Unlock()
		return e.Value.(*cached).g, nil
	}
	c.mu.Unlock()
	g, err := compile()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.by[key]; e != nil {
		return e.Value.(*cached).g, nil
	}
	x := &cached{key, g, g.Bytes()}
	c.by[key] = c.list.PushFront(x)
	for c.used += x.bytes; c.used > c.limit; {
		last := c.list.Back()
		old := c.list.Remove(last).(*cached)
		delete(c.by, old.key)
		c.used -= old.bytes
	}
	return g, nil
}

// Bytes is what a grammar takes, without what the vocabulary keeps of its automata.
func (g *Grammar) Bytes() (n int) {
	for i := range g.nodes {
		n += 80 + 4*len(g.nodes[i].kids)
		if t := g.nodes[i].tables; t != nil {
			n += t.dfa.Bytes() + 16*t.dfa.Len()
		}
	}
	return n
}
