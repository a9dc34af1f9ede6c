package amd64

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/kvgen/kvgen/gen/asm"
)

// pool is the read-only data of one assembly file, one symbol per distinct constant
// in the order of first use.
type pool struct {
	prefix string
	names  map[string]string
	order  []string
}

func newPool(prefix string) *pool { return &pool{prefix: prefix, names: map[string]string{}} }

func (p *pool) sym(c []byte) asm.Sym {
	key := string(c)
	if p.names[key] == "" {
		p.names[key] = fmt.Sprintf("%s%d", p.prefix, len(p.order))
		p.order = append(p.order, key)
	}
	return asm.Sym{Name: p.names[key]}
}

// text prints the DATA and GLOBL lines.
func (p *pool) text() string {
	var b strings.Builder
	for _, key := range p.order {
		name, c := p.names[key], []byte(key)
		for off := 0; off < len(c); off += 8 {
			fmt.Fprintf(&b, "DATA %s<>+%d(SB)/8, $0x%s\n", name, off, hex.EncodeToString(reverse(c[off:off+8])))
		}
		fmt.Fprintf(&b, "GLOBL %s<>(SB), RODATA|NOPTR, $%d\n\n", name, len(c))
	}
	return b.String()
}

func reverse(c []byte) []byte {
	r := make([]byte, len(c))
	for i, x := range c {
		r[len(c)-1-i] = x
	}
	return r
}

// ones16 is sixteen 16-bit ones: VPMADDWD with it adds neighbours.
var ones16 = func() []byte {
	c := make([]byte, 32)
	for i := 0; i < 32; i += 2 {
		c[i] = 1
	}
	return c
}()

// dwords is a constant of eight 32-bit lanes.
func dwords(v ...uint32) []byte {
	var c []byte
	for _, x := range v {
		c = binary.LittleEndian.AppendUint32(c, x)
	}
	return c
}

func splat(x uint32) []byte { return dwords(x, x, x, x, x, x, x, x) }
