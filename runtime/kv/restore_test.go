package kv_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/kv"
)

// TestRestoreShares changes which rows two sequences share, in the cells of one group at a time:
// what one group shares another does not, and that is refused by the position.
func TestRestoreShares(t *testing.T) {
	m := newModel(t, kv.Ends{}, kv.Shape{Size: 40, Batch: 20, Sequences: 2, Cells: 90})
	m.place([]kv.Run{{Seq: 0, N: 3}, {Seq: 1, N: 3}})
	var saved bytes.Buffer
	if err := m.cache.Save(&saved, "m"); err != nil {
		t.Fatal(err)
	}
	// cell is a cell as it is saved: its position and the set of its sequences.
	cell := func(pos int32, set uint64) []byte {
		return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint32(nil, uint32(pos)), set)
	}
	rows := func(set uint64) []byte { return slices.Concat(cell(0, set), cell(1, set), cell(2, set)) }
	groups := 0
	for at := 0; ; groups++ {
		next := bytes.Index(saved.Bytes()[at:], rows(1))
		if next < 0 {
			break
		}
		at += next
		data := bytes.Clone(saved.Bytes())
		copy(data[at+len(cell(0, 1)):], cell(1, 3))
		at += bytes.Index(data[at:], rows(2))
		copy(data[at+len(cell(0, 1)):], cell(-1, 0))
		err := m.cache.Restore(bytes.NewReader(data), "m")
		if want := "position 1 of sequence 1 has no row of its own"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("group %d: got %v, want it to say %s", groups, err, want)
		}
	}
	if groups < 2 {
		t.Errorf("%d groups were changed, want those of layers and that of all cells", groups)
	}
	if err := m.cache.Restore(&saved, "m"); err != nil {
		t.Error(err)
	}
	m.check("restored")
}
