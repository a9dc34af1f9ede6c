package safetensors

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// widths are the bytes of a value of each dtype.
var widths = map[string]int64{
	"BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "F8_E8M0": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2,
	"U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8,
}

// metadataKey is the entry of a header that is no tensor.
const metadataKey = "__metadata__"

// parse reads a header of a file with so many bytes of data.
func parse(header []byte, data int64) ([]Tensor, error) {
	var entries map[string]jsontext.Value
	if err := json.Unmarshal(header, &entries); err != nil {
		return nil, fmt.Errorf("the header is no JSON object: %.200s", err.Error())
	}
	if text, ok := entries[metadataKey]; ok {
		var about map[string]string
		if err := json.Unmarshal(text, &about); err != nil {
			return nil, fmt.Errorf("%s: %.200s", metadataKey, err.Error())
		}
		delete(entries, metadataKey)
	}
	if len(entries) > maxTensors {
		return nil, fmt.Errorf("the header has %d tensors, allowed: %d", len(entries), maxTensors)
	}
	tensors := make([]Tensor, 0, len(entries))
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		t, err := entry(name, entries[name], data)
		if err != nil {
			return nil, fmt.Errorf("tensor %s: %w", quoted(name), err)
		}
		tensors = append(tensors, t)
	}
	slices.SortFunc(tensors, func(a, b Tensor) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.Size, b.Size), cmp.Compare(a.Name, b.Name))
	})
	end := int64(0)
	for _, t := range tensors {
		switch {
		case t.at < end:
			return nil, fmt.Errorf("tensor %s begins at byte %d of the data, in the one before it, which ends at %d", quoted(t.Name), t.at, end)
		case t.at > end:
			return nil, fmt.Errorf("tensor %s begins at byte %d of the data, and %d to there belong to none", quoted(t.Name), t.at, end)
		}
		end += t.Size
	}
	if end != data {
		return nil, fmt.Errorf("the tensors have %d bytes, and the file has %d", end, data)
	}
	return tensors, nil
}

// entry reads one of a header.
func entry(name string, text jsontext.Value, data int64) (t Tensor, err error) {
	var e struct {
		Type    string  `json:"dtype"`
		Shape   []int64 `json:"shape"`
		Offsets []int64 `json:"data_offsets"`
	}
	if err := json.Unmarshal(text, &e, json.RejectUnknownMembers(true)); err != nil {
		return t, fmt.Errorf("%.200s", err.Error())
	}
	size := widths[e.Type]
	switch {
	case size == 0:
		return t, fmt.Errorf("dtype %.20q is not known here", e.Type)
	case len(e.Shape) > maxDims:
		return t, fmt.Errorf("%d dimensions, allowed: %d", len(e.Shape), maxDims)
	case len(e.Offsets) != 2 || e.Offsets[0] < 0 || e.Offsets[1] < e.Offsets[0] || e.Offsets[1] > data:
		return t, fmt.Errorf("data_offsets %v: want begin and end within the %d bytes of data", e.Offsets[:min(3, len(e.Offsets))], data)
	}
	for _, d := range e.Shape {
		if d < 0 || size > math.MaxInt64/max(1, d) {
			return t, fmt.Errorf("shape %v: want lengths of 0 and more, and at most 2^63-1 bytes", e.Shape)
		}
		size *= d
	}
	if n := e.Offsets[1] - e.Offsets[0]; n != size {
		return t, fmt.Errorf("%s of shape %v has %d bytes, and data_offsets are %d apart", e.Type, e.Shape, size, n)
	}
	return Tensor{Name: name, Type: e.Type, Shape: e.Shape, Size: size, at: e.Offsets[0]}, nil
}
