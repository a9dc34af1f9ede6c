package gguf

import (
	"encoding/binary"
	"fmt"
)

// Override gives the metadata entry key another value for as long as f is open: an int64, float64,
// bool or string. The file is not changed. It must come before other methods are called from
// several goroutines. What Open itself has read cannot be overridden.
func (f *File) Override(key string, v any) error {
	if key == alignmentKey || key == splitCountKey {
		return fmt.Errorf("gguf: %s says how the file is laid out and cannot be overridden", key)
	}
	if key == "" || len(key) > maxKey {
		return fmt.Errorf("gguf: metadata key of %d bytes, allowed: 1 to %d", len(key), maxKey)
	}
	e := entry{key: key, n: 1}
	switch v := v.(type) {
	case string:
		e.elem, e.own = KindString, appendString(nil, v)
	case int64, float64, bool:
		e.elem, _ = numbers(v)
		var err error
		if e.own, err = binary.Append(nil, binary.LittleEndian, v); err != nil {
			return err
		}
	default:
		return fmt.Errorf("gguf: metadata %s cannot be a %T", quoted(key), v)
	}
	e.size = int64(len(e.own))
	i, found := f.byKey[key]
	if !found {
		f.byKey[key] = len(f.entries)
		f.entries = append(f.entries, e)
		return nil
	}
	f.entries[i] = e
	return nil
}
