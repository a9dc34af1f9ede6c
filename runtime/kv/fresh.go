package kv

// Fresh is the most positions, up to n, to which a sequence can be truncated and then be as if no
// more had ever been run. Rows that were evicted beyond n stay packed, so with exact last rows the
// result may be much less than n. Sliding windows and recurrent layers are not considered:
// TruncateSeq refuses to cut those.
func (c *Cache) Fresh(seq, n int) int {
	if c.known(seq) != nil {
		return 0
	}
	n = min(n, int(c.ends[seq]))
	var kept []freshGroup
	for _, g := range c.groups {
		if g.exact != nil {
			kept = append(kept, g.exactBelow(seq, n))
		}
	}
	for ; n > 0; n-- {
		all := true
		for _, k := range kept {
			all = all && k.below[min(n, k.first)] == min(n, k.first) && k.below[n]-k.below[min(n, k.first)] == k.group.exactAfter(n)
		}
		if all {
			break
		}
	}
	return n
}

// freshGroup counts the exact rows of a sequence in a group.
type freshGroup struct {
	*group
	below []int // [n+1] exact rows at positions before each
}

func (g *group) exactBelow(seq, n int) freshGroup {
	below := make([]int, n+1)
	for cell := range g.exact.used {
		if p := int(g.exact.pos[cell]); p < n && g.exact.has(cell, seq) {
			below[p+1]++
		}
	}
	for p := range n {
		below[p+1] += below[p]
	}
	return freshGroup{g, below}
}

// exactAfter is how many exact rows, the first ones apart, a sequence has after n positions that
// were never truncated: what advance and evict lead to.
func (g *group) exactAfter(n int) int {
	n = max(0, n-g.first)
	if n <= g.ring {
		return n
	}
	if g.ring == 0 {
		return 0
	}
	step := min(evictBatch, g.ring)
	return n - (n-g.ring+step-1)/step*step
}
