package cells

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/kv"
)

// listsOf is a cache of sequences and the lists of all its cells, which are brought up to date
// after every change.
type listsOf struct {
	*testing.T
	cache  *kv.Cache
	plan   *kv.Plan
	all    []*kv.Cells
	pages  []*pages
	window []int
	words  []int32
	lowest []int32
	odd    int // entries of pages in no order
	even   int // lists in order
}

func newListsOf(t *testing.T, s kv.Shape) *listsOf {
	layers := []kv.Layer{{Heads: 1, KeyDim: 32, ValueDim: 32}, {Index: 1, Heads: 1, KeyDim: 32, ValueDim: 32, Window: 70}, {Index: 2, Heads: 1, KeyDim: 32, ValueDim: 32}}
	f32 := kv.Choice{Type: kernels.Default().ByName("f32")}
	plan, err := kv.NewPlan(layers, kv.Policy{K: f32, V: f32, LayerEnds: map[int]kv.Ends{2: {First: 3, Last: 40, Type: f32.Type}}})
	x := &listsOf{T: t, plan: plan}
	x.ok(err)
	x.begin(s)
	return x
}

func (x *listsOf) ok(err error) {
	x.Helper()
	if err != nil {
		x.Fatal(err)
	}
}

// begin makes a cache, and lists of cells that were not looked at before.
func (x *listsOf) begin(s kv.Shape) {
	var err error
	x.cache, err = kv.NewShape(x.plan, s)
	x.ok(err)
	x.cache.Hold()
	x.all, x.pages, x.window = nil, nil, nil
	room := 0
	for i, l := range x.plan.Layers {
		for _, s := range x.cache.Rows(i).Segments() {
			c := s.K.Cells
			x.all, x.window = append(x.all, c), append(x.window, l.Layer.Window)
			x.pages = append(x.pages, &pages{host: c, known: make([]page, (c.Capacity()+kv.Page-1)/kv.Page), marks: -1})
			room = max(room, listRoom(c, x.cache.Sequences, x.cache.Size))
		}
	}
	x.words, x.lowest = make([]int32, Entry+room), make([]int32, x.cache.Sequences)
}

// check holds the lists to the cells: a sequence finds every row of its own that its window leaves
// it, and none that it has not.
func (x *listsOf) check(what string) {
	x.Helper()
	for i, c := range x.all {
		for seq := range x.lowest {
			x.lowest[seq] = int32(x.cache.LenSeq(seq))
		}
		x.lowest[len(x.lowest)-1] = -1
		heads := make([]int32, Entry*x.cache.Sequences)
		end, most := x.pages[i].write(x.words, Entry, heads, x.window[i], x.lowest)
		if end > len(x.words) {
			x.Fatalf("%s: %d words, and there is room for %d", what, end, len(x.words))
		}
		for seq := range x.lowest {
			h := heads[Entry*seq:][:Entry]
			if int(h[0]) > most || int(h[0]) > (c.Capacity()+63)/64*64 {
				x.Fatalf("%s: a list of %d cells, the most said is %d, of %d", what, h[0], most, c.Capacity())
			}
			found := x.list(h)
			need := 0
			for cell, p := range c.Pos() {
				if p < 0 || !c.Sets()[cell].Has(seq) || x.lowest[seq] < 0 {
					continue
				}
				at, ok := found[int32(cell)]
				if ok && at != p {
					x.Fatalf("%s: cell %d holds %d, the list of sequence %d says %d", what, cell, p, seq, at)
				}
				if delete(found, int32(cell)); ok {
					continue
				}
				if w := x.window[i]; w == 0 || p > x.lowest[seq]-int32(w) {
					need++
				}
			}
			if need > 0 || len(found) > 0 {
				x.Fatalf("%s: the list of sequence %d lacks %d cells and has %d of others", what, seq, need, len(found))
			}
		}
	}
}

// list is the positions by cell of what a kernel sees of a head's list.
func (x *listsOf) list(head []int32) map[int32]int32 {
	found := map[int32]int32{}
	for v := range head[0] {
		e, c := x.words[Entry*(head[3]+v/kv.Page):][:Entry], v%kv.Page
		cell, p := e[0]*kv.Page+c, int32(-1)
		switch {
		case e[0] >= 0 && c >= e[2] && c < e[3]:
			p = e[1] + c
		case e[0] < 0:
			x.odd++
			cell = ^e[0]*kv.Page + c
			if uint32(e[2+c/32])>>(c%32)&1 != 0 {
				p = x.words[Entry*e[1]+c]
			}
		}
		if head[2] != 0 && p != head[1]+v {
			x.Fatalf("cell %d of a list in order from %d on holds %d", v, head[1], p)
		}
		if p >= 0 {
			found[cell] = p
		}
	}
	if head[2] != 0 && head[0] > kv.Page {
		x.even++
	}
	return found
}

// TestPages changes a cache in every way and looks at the lists of its sequences after each.
func TestPages(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	x := newListsOf(t, kv.Shape{Size: 500, Batch: 90, Sequences: 6, Cells: 1500})
	for i := range 1500 {
		c, a, b := x.cache, r.IntN(6), r.IntN(6)
		what := "placing"
		switch op := r.IntN(20); {
		case op == 0:
			what = "sharing"
			x.ok(c.CopySeq(a, b))
		case op == 1:
			what = "removing"
			x.ok(c.RemoveSeq(a))
		case op == 2:
			what = "going back"
			c.TruncateSeq(a, r.IntN(c.LenSeq(a)+1)) // unless the window is gone
		case op == 3 && c.LenSeq(a) > 20:
			what = "shifting"
			// unless there are no cells
			c.ShiftSeq(a, r.IntN(4), 1+r.IntN(10), func(int, []float32, int) {})
		case op == 4 && i%5 == 0:
			what = "saving and restoring"
			var saved bytes.Buffer
			x.ok(c.Save(&saved, ""))
			x.ok(c.Restore(&saved, ""))
		case op == 5 && i%7 == 0:
			what = "restoring in another"
			var saved bytes.Buffer
			x.ok(c.Save(&saved, ""))
			x.begin(c.Shape)
			x.ok(x.cache.Restore(&saved, ""))
		default:
			most := 1
			if op > 15 {
				most = 45
			}
			x.place(kv.Run{Seq: a, N: 1 + r.IntN(most)}, kv.Run{Seq: (a + 1 + b%5) % 6, N: 1 + r.IntN(most)})
		}
		x.check(what)
	}
	if x.odd < 1000 || x.even < 1000 {
		t.Errorf("%d cells were in no order, %d lists were in order: the test has not seen both", x.odd, x.even)
	}
}

// place places a batch, if there is room, and looks between the steps of the layers that keep rows
// exact.
func (x *listsOf) place(runs ...kv.Run) {
	if x.cache.PlaceRuns(runs) != nil {
		x.cache.KeepSeq(runs[0].Seq) // it is full
		return
	}
	x.check("placed")
	for n := runs[0].N + runs[1].N; n > 0; {
		n -= x.cache.Rows(2).Next()
		x.check("a step")
	}
}
