package asm

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// interval is the range of positions over which a register holds a value. Position
// 2k reads the operands of item k, 2k+1 writes its result, so that a result may
// take the register of an operand that dies there.
type interval struct {
	reg        *Reg
	start, end int
}

// Allocate gives every virtual register a real one by linear scan, and a group consecutive ones.
// Nothing is spilled: a kernel that does not fit is an error, and its maker tries a smaller tile.
func (f *Func) Allocate(m *Syntax) error {
	var free [numClasses][]int
	for c := range free {
		for i := range m.Files[c] {
			free[c] = append(free[c], i)
		}
	}
	var active []interval
	for _, iv := range f.intervals() {
		keep := active[:0]
		for _, a := range active {
			if a.end < iv.start {
				free[a.reg.Class] = append(free[a.reg.Class], a.reg.phys)
				continue
			}
			keep = append(keep, a)
		}
		active = keep
		c := iv.reg.Class
		sort.Ints(free[c])
		group := iv.reg.group
		if group == nil {
			group = []*Reg{iv.reg}
		}
		at := run(free[c], len(group))
		if at < 0 {
			return fmt.Errorf("asm: %s needs more than %d registers of class %d: %s", f.Name, len(m.Files[c]), c, live(active, c))
		}
		for k, r := range group {
			r.phys = free[c][at+k]
			active = append(active, interval{r, iv.start, iv.end})
		}
		free[c] = append(free[c][:at:at], free[c][at+len(group):]...)
	}
	return nil
}

// run is the place of the first n numbers of a sorted list that follow each other, -1 where there
// are none.
func run(list []int, n int) int {
	for at := range len(list) - n + 1 {
		if list[at+n-1] == list[at]+n-1 {
			return at
		}
	}
	return -1
}

// intervals computes live ranges. A register that is live into a loop and touched
// in it stays live to the loop's end.
func (f *Func) intervals() []interval {
	lives := make([]interval, len(f.regs)) // by ID
	places := make([][]int, len(f.regs))   // where each is read or written, in order
	touch := func(r *Reg, pos int) {
		iv := &lives[r.ID]
		if iv.reg == nil {
			iv.reg, iv.start = r, pos
		}
		iv.end = pos
		places[r.ID] = append(places[r.ID], pos)
	}
	type span struct{ s, e int }
	var loops []span
	var stack []int
	for k, it := range f.items {
		switch {
		case it.open:
			stack = append(stack, k)
		case it.close:
			s := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			loops = append(loops, span{2 * s, 2*k + 1}) // inner loops come first
		case it.inst != nil:
			for _, r := range it.inst.reads() {
				if lives[r.ID].reg == nil {
					panic(fmt.Sprintf("asm: %s reads %s before it is written at %d\n%s", f.Name, r.Name, k, f.dump()))
				}
				touch(r, 2*k)
			}
			for _, r := range it.inst.writes() {
				touch(r, 2*k+1)
			}
		}
	}
	for _, l := range loops {
		for id := range lives {
			iv := &lives[id]
			if iv.reg == nil || iv.start >= l.s || iv.end >= l.e {
				continue
			}
			first, _ := slices.BinarySearch(places[id], l.s)
			if first < len(places[id]) && places[id][first] <= l.e {
				iv.end = l.e
			}
		}
	}
	var all []interval
	for _, iv := range lives {
		if iv.reg == nil || iv.reg.first != nil { // a group lives as one
			continue
		}
		for _, other := range iv.reg.group {
			o := lives[other.ID]
			iv.start, iv.end = min(iv.start, o.start), max(iv.end, o.end)
		}
		all = append(all, iv)
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].start < all[j].start }) // and by ID
	return all
}

func live(active []interval, c Class) string {
	var names []string
	for _, a := range active {
		if a.reg.Class == c {
			names = append(names, a.reg.Name)
		}
	}
	return strings.Join(names, " ")
}

// dump prints the function with virtual registers, for messages.
func (f *Func) dump() string {
	var b strings.Builder
	for k, it := range f.items {
		if it.inst == nil {
			continue
		}
		fmt.Fprintf(&b, "%4d %s", k, it.inst.Name)
		for _, a := range it.inst.Args {
			if r, ok := a.(R); ok {
				fmt.Fprintf(&b, " %s#%d", r.Reg.Name, r.Reg.ID)
			} else {
				fmt.Fprintf(&b, " %v", a)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}
