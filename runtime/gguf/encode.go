package gguf

import (
	"encoding/binary"
	"fmt"
	"slices"
)

func appendString(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint64(b, uint64(len(s))), s...)
}

// appendValue encodes kind and value of v: a scalar, or a slice as an array.
func appendValue(b []byte, v any) ([]byte, error) {
	le := binary.LittleEndian
	switch v := v.(type) {
	case string:
		return appendString(le.AppendUint32(b, uint32(KindString)), v), nil
	case []string:
		if len(v) > maxStrings {
			return nil, fmt.Errorf("an array of %d strings, allowed: %d", len(v), maxStrings)
		}
		b = appendArray(b, KindString, len(v))
		b = slices.Grow(b, 16*len(v))
		for _, s := range v {
			b = appendString(b, s)
		}
		return b, nil
	}
	kind, n := numbers(v)
	switch {
	case kind == kindCount:
		return nil, fmt.Errorf("a %T has no kind in this format", v)
	case n < 0:
		b = le.AppendUint32(b, uint32(kind))
	default:
		b = appendArray(b, kind, n)
	}
	return binary.Append(b, le, v) // bools become 0 and 1
}

func appendArray(b []byte, elem Kind, n int) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(KindArray))
	b = binary.LittleEndian.AppendUint32(b, uint32(elem))
	return binary.LittleEndian.AppendUint64(b, uint64(n))
}

// numbers gives the kind of a number or bool, or of the elements of a slice of them and their
// count; the count of a scalar is -1, the kind of anything else kindCount.
func numbers(v any) (Kind, int) {
	switch v := v.(type) {
	case uint8:
		return KindU8, -1
	case int8:
		return KindI8, -1
	case uint16:
		return KindU16, -1
	case int16:
		return KindI16, -1
	case uint32:
		return KindU32, -1
	case int32:
		return KindI32, -1
	case uint64:
		return KindU64, -1
	case int64:
		return KindI64, -1
	case float32:
		return KindF32, -1
	case float64:
		return KindF64, -1
	case bool:
		return KindBool, -1
	case []uint8:
		return KindU8, len(v)
	case []int8:
		return KindI8, len(v)
	case []uint16:
		return KindU16, len(v)
	case []int16:
		return KindI16, len(v)
	case []uint32:
		return KindU32, len(v)
	case []int32:
		return KindI32, len(v)
	case []uint64:
		return KindU64, len(v)
	case []int64:
		return KindI64, len(v)
	case []float32:
		return KindF32, len(v)
	case []float64:
		return KindF64, len(v)
	case []bool:
		return KindBool, len(v)
	}
	return kindCount, 0
}
