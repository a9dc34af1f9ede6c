package cpu

// bits returns width bits of b from bit on, bit 0 the lowest of b[0]. width is at most 31.
func bits(b []byte, bit, width int) int32 {
	var v uint64
	for k, first := 0, bit/8; 8*k < bit%8+width; k++ {
		v |= uint64(b[first+k]) << (8 * k)
	}
	return int32(v >> (bit % 8) & (1<<width - 1))
}

// orBits ors the low width bits of v into b from bit on.
func orBits(b []byte, bit, width int, v int32) {
	u := uint64(v) & (1<<width - 1) << (bit % 8)
	for k := bit / 8; u != 0; k++ {
		b[k] |= byte(u)
		u >>= 8
	}
}

// signed reads the low width bits of v as two's complement.
func signed(v int32, width int) int32 { return v << (32 - width) >> (32 - width) }

// place is one run of bits of a block that is part of a code: width bits from bit on, shifted left
// in the code.
type place struct {
	bit, width, shift uint16
}

// gather reads a code from its places.
func gather(b []byte, places []place) (v int32) {
	for _, p := range places {
		v |= bits(b, int(p.bit), int(p.width)) << p.shift
	}
	return v
}

// scatter ors a code into its places.
func scatter(b []byte, places []place, v int32) {
	for _, p := range places {
		orBits(b, int(p.bit), int(p.width), v>>p.shift)
	}
}
