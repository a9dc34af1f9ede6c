package gguf

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// wants refuses an entry whose elements are of none of the given kinds.
func (e *entry) wants(what string, kinds ...Kind) error {
	if slices.Contains(kinds, e.elem) {
		return nil
	}
	return e.bad(what, e.kind())
}

// numeric are the kinds of numbers. Converters disagree on which to write, so a number is taken as
// the one that is asked for wherever that is exactly the same: 10000 for 10000.0, and 4.0 for 4.
var numeric = []Kind{KindU8, KindI8, KindU16, KindI16, KindU32, KindI32, KindU64, KindI64, KindF32, KindF64}

func (k Kind) isFloat() bool { return k == KindF32 || k == KindF64 }

func integers[T uint32 | uint64 | int32 | int64](e *entry, raw []byte) ([]T, error) {
	if err := e.wants("an integer", numeric...); err != nil {
		return nil, err
	}
	out := make([]T, e.n)
	for i := range out {
		item := raw[i*e.elem.size():]
		var bits uint64
		var negative bool
		if e.elem.isFloat() {
			v := float(e.elem, item)
			if v != math.Trunc(v) || v < math.MinInt64 || v >= 1<<64 { // also a NaN
				return nil, e.bad("an integer", fmt.Sprintf("%v", v))
			}
			if bits, negative = uint64(v), v < 0; negative {
				bits = uint64(int64(v))
			}
		} else {
			bits, negative = integer(e.elem, item)
		}
		out[i] = T(bits)
		if uint64(out[i]) != bits || (out[i] < 0) != negative {
			got := fmt.Sprint(bits)
			if negative {
				got = fmt.Sprint(int64(bits))
			}
			return nil, e.bad(fmt.Sprintf("the range of %T", out[i]), got)
		}
	}
	return out, nil
}

// integer reads one integer of kind k, sign-extended.
func integer(k Kind, b []byte) (bits uint64, negative bool) {
	le := binary.LittleEndian
	switch k {
	case KindU8:
		return uint64(b[0]), false
	case KindU16:
		return uint64(le.Uint16(b)), false
	case KindU32:
		return uint64(le.Uint32(b)), false
	case KindU64:
		return le.Uint64(b), false
	}
	var v int64
	switch k {
	case KindI8:
		v = int64(int8(b[0]))
	case KindI16:
		v = int64(int16(le.Uint16(b)))
	case KindI32:
		v = int64(int32(le.Uint32(b)))
	case KindI64:
		v = int64(le.Uint64(b))
	}
	return uint64(v), v < 0
}

// float reads one float of kind k.
func float(k Kind, b []byte) float64 {
	if k == KindF32 {
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(b))
}

func floats(e *entry, raw []byte) ([]float32, error) {
	if err := e.wants("a number", numeric...); err != nil {
		return nil, err
	}
	out := make([]float32, e.n)
	for i := range out {
		item := raw[i*e.elem.size():]
		if e.elem.isFloat() {
			out[i] = float32(float(e.elem, item))
			continue
		}
		bits, negative := integer(e.elem, item)
		exact := false
		if negative {
			out[i] = float32(int64(bits))
			exact = int64(out[i]) == int64(bits)
		} else {
			out[i] = float32(bits)
			exact = float64(out[i]) < 1<<64 && uint64(out[i]) == bits
		}
		if !exact {
			return nil, e.bad("a number that a float holds exactly", fmt.Sprint(bits))
		}
	}
	return out, nil
}

func bools(e *entry, raw []byte) ([]bool, error) {
	if err := e.wants("a bool", KindBool); err != nil {
		return nil, err
	}
	out := make([]bool, e.n)
	for i := range out {
		if raw[i] > 1 {
			return nil, e.bad("0 or 1", fmt.Sprint(raw[i]))
		}
		out[i] = raw[i] == 1
	}
	return out, nil
}

// texts splits raw into its strings. The lengths are proven again: the file may have changed since
// it was parsed.
func texts(e *entry, raw []byte) ([]string, error) {
	if err := e.wants("a string", KindString); err != nil {
		return nil, err
	}
	all, at := string(raw), uint64(0)
	out := make([]string, e.n)
	for i := range out {
		if at+8 > uint64(len(raw)) {
			return nil, e.bad("the value that was there when the file was opened", "other string lengths")
		}
		n := binary.LittleEndian.Uint64(raw[at:])
		at += 8
		if n > uint64(len(raw))-at {
			return nil, e.bad("the value that was there when the file was opened", "other string lengths")
		}
		out[i] = all[at : at+n]
		at += n
	}
	return out, nil
}
