package arm64

import (
	"bytes"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/gen/ir"
)

var (
	half    = ir.Type{Elem: ir.I8, Lanes: 16}
	quarter = ir.Type{Elem: ir.F32, Lanes: 4}
)

// fused is the instructions of a function of one address, beside those of its prologue.
func fused(t *testing.T, build func(b *ir.Builder, p *ir.Value)) string {
	t.Helper()
	b := ir.Build("f", []ir.Param{{Name: "p", Type: ir.Type{Elem: ir.Addr, Lanes: 1}, Go: "*byte"}}, "f is a test.")
	build(b, b.Param(0))
	text, err := Machine.Alone(&Machine.ISAs[0], b.F)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func splatBytes(c byte) []byte { return bytes.Repeat([]byte{c}, 16) }

// TestShiftOfBytes: a shift of words is one of bytes where each reader masks what came from the
// next byte, and then the mask is nothing where it takes off no more.
func TestShiftOfBytes(t *testing.T) {
	for _, c := range []struct {
		what       string
		masks      []byte
		bytes, and bool
	}{
		{"the mask of what is left", []byte{0x0f}, true, false},
		{"a narrower mask", []byte{0x03}, true, true},
		{"two readers", []byte{0x0f, 0x03}, true, true},
		{"a wider mask", []byte{0x1f}, false, true},
		{"one reader of two is wider", []byte{0x0f, 0xff}, false, true},
	} {
		text := fused(t, func(b *ir.Builder, p *ir.Value) {
			x := b.Shr(b.Load(half, ir.At(p, 0), "x"), 4)
			for k, m := range c.masks {
				b.Store(b.And(x, ir.Lanes(splatBytes(m))), ir.At(p, 64+16*k))
			}
		})
		if got := strings.Contains(text, "ushr v0.16b"); got != c.bytes || strings.Contains(text, "// and ") != c.and {
			t.Errorf("%s: want a shift of bytes: %v, a mask: %v\n%s", c.what, c.bytes, c.and, text)
		}
	}
	text := fused(t, func(b *ir.Builder, p *ir.Value) {
		x := b.Shr(b.Load(half, ir.At(p, 0), "x"), 4)
		b.Store(b.And(x, ir.Lanes(splatBytes(0x0f))), ir.At(p, 64))
		b.Store(x, ir.At(p, 80))
	})
	if strings.Contains(text, "ushr v0.16b") {
		t.Errorf("a shift that is stored as well is one of words:\n%s", text)
	}
}

// TestLaneFactor: a lane that fills a vector is not copied for products, and is for all else.
func TestLaneFactor(t *testing.T) {
	for _, c := range []struct {
		what   string
		copied bool
		build  func(b *ir.Builder, p, x, f *ir.Value)
	}{
		{"a product", false, func(b *ir.Builder, p, x, f *ir.Value) { b.Store(b.Mul(x, f), ir.At(p, 64)) }},
		{"an accumulation", false, func(b *ir.Builder, p, x, f *ir.Value) {
			sum := b.Zero(quarter, "sum")
			b.FMA(sum, f, x)
			b.Store(sum, ir.At(p, 64))
		}},
		{"a sum", true, func(b *ir.Builder, p, x, f *ir.Value) { b.Store(b.Add(x, f), ir.At(p, 64)) }},
		{"a product and a store", true, func(b *ir.Builder, p, x, f *ir.Value) {
			b.Store(b.Mul(x, f), ir.At(p, 64))
			b.Store(f, ir.At(p, 80))
		}},
		{"a square", true, func(b *ir.Builder, p, x, f *ir.Value) { b.Store(b.Mul(f, f), ir.At(p, 64)) }},
		{"what is accumulated to", true, func(b *ir.Builder, p, x, f *ir.Value) {
			b.FMA(f, x, x)
			b.Store(f, ir.At(p, 64))
		}},
	} {
		for name, factor := range map[string]func(b *ir.Builder, p *ir.Value) *ir.Value{
			"broadcast": func(b *ir.Builder, p *ir.Value) *ir.Value { return b.Broadcast(quarter, ir.At(p, 32), "f") },
			"order": func(b *ir.Builder, p *ir.Value) *ir.Value {
				return b.Order(b.Load(quarter, ir.At(p, 32), "v"), words(2, 2, 2, 2))
			},
		} {
			text := fused(t, func(b *ir.Builder, p *ir.Value) {
				c.build(b, p, b.Load(quarter, ir.At(p, 0), "x"), factor(b, p))
			})
			if strings.Contains(text, "// dup ") != c.copied {
				t.Errorf("%s of a %s: want a copy: %v\n%s", c.what, name, c.copied, text)
			}
		}
	}
}

// TestTwoLanes: of a product of two vectors that a lane fills, the first is copied: a product takes
// one lane and one vector. Where the product is a factor itself, it is one in the first lane.
func TestTwoLanes(t *testing.T) {
	for _, c := range []struct {
		what   string
		copies int
		has    string
		build  func(b *ir.Builder, p, xy *ir.Value)
	}{
		{"a vector", 1, "// fmul v0.4s, v0.4s, v1.s[0]", func(b *ir.Builder, p, xy *ir.Value) { b.Store(xy, ir.At(p, 64)) }},
		{"a factor", 0, "// fmul v0.4s, v0.4s, v1.4s", func(b *ir.Builder, p, xy *ir.Value) {
			b.Store(b.Mul(b.Load(quarter, ir.At(p, 16), "z"), xy), ir.At(p, 64))
		}},
	} {
		text := fused(t, func(b *ir.Builder, p *ir.Value) {
			x, y := b.Broadcast(quarter, ir.At(p, 0), "x"), b.BcastF16(quarter, ir.At(p, 4), "y")
			c.build(b, p, b.Mul(x, y))
		})
		if strings.Count(text, "// dup ") != c.copies || !strings.Contains(text, c.has) {
			t.Errorf("a product that is %s: want %d copies and %q:\n%s", c.what, c.copies, c.has, text)
		}
	}
}

// TestInsertBits: bits of a mask go into a value without them by one instruction, where no other
// reads either.
func TestInsertBits(t *testing.T) {
	for _, c := range []struct {
		what   string
		mask   byte
		again  bool // the value is read once more
		insert bool
	}{{"other bits", 0x30, false, true}, {"a bit of both", 0x18, false, false}, {"a value with two readers", 0x30, true, false}} {
		text := fused(t, func(b *ir.Builder, p *ir.Value) {
			low := b.And(b.Load(half, ir.At(p, 0), "x"), ir.Lanes(splatBytes(0x0f)))
			high := b.And(b.Load(half, ir.At(p, 16), "y"), ir.Lanes(splatBytes(c.mask)))
			b.Store(b.Or(low, high), ir.At(p, 64))
			if c.again {
				b.Store(low, ir.At(p, 80))
			}
		})
		if strings.Contains(text, "// bit ") != c.insert || strings.Contains(text, "// orr ") == c.insert {
			t.Errorf("%s: want one instruction: %v\n%s", c.what, c.insert, text)
		}
	}
}

// TestLoads: what is near is loaded by its distance in bytes, two neighbours beyond that as one
// where the distance has an encoding.
func TestLoads(t *testing.T) {
	for _, c := range []struct {
		first, second int
		pair, near    bool
	}{
		{0, 16, false, true}, {-32, -16, false, true}, {2, 18, false, true}, {16, 0, false, true},
		{256, 272, true, false}, {1008, 1024, true, false}, {1024, 1040, false, false}, {258, 274, false, false}, {272, 256, false, false},
	} {
		text := fused(t, func(b *ir.Builder, p *ir.Value) {
			x, y := b.Load(quarter, ir.At(p, c.first), "x"), b.Load(quarter, ir.At(p, c.second), "y")
			b.Store(b.Add(x, y), ir.At(p, 64))
		})
		if strings.Contains(text, "FLDPQ") != c.pair || strings.Contains(text, "// ldur q") != c.near {
			t.Errorf("loads at %d and %d: want a pair: %v, near: %v\n%s", c.first, c.second, c.pair, c.near, text)
		}
	}
}
