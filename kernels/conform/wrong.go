package conform

import (
	"fmt"
	"math"
)

// Wrong is the first value that a kernel got wrong. It is the error of every check. Values are
// texts, since one may be no number.
type Wrong struct {
	Place    string `json:"place"` // "noise, 3 blocks: byte 17, against the interpreter"
	Expected string `json:"expected"`
	Got      string `json:"got"`
}

func (w *Wrong) Error() string {
	return fmt.Sprintf("%s: got %s, expected %s", w.Place, w.Got, w.Expected)
}

// at puts a place before that of an error.
func at(err error, format string, args ...any) error {
	w, ok := err.(*Wrong)
	if !ok {
		return err
	}
	c := *w
	c.Place = fmt.Sprintf(format, args...) + ": " + w.Place
	return &c
}

// exactly is a float with its bits.
func exactly(v float32) string { return fmt.Sprintf("%g (%08x)", v, math.Float32bits(v)) }

// SameFloats returns the first value whose bits differ, as a Wrong. One NaN is as good as another.
func SameFloats(got, want []float32) error {
	for i, v := range got {
		if math.Float32bits(v) != math.Float32bits(want[i]) && (v == v || want[i] == want[i]) {
			return &Wrong{Place: fmt.Sprintf("value %d", i), Expected: exactly(want[i]), Got: exactly(v)}
		}
	}
	return nil
}

// sameBytes returns the first byte that differs, as a Wrong.
func sameBytes(got, want []byte) error {
	for i, v := range got {
		if v != want[i] {
			return &Wrong{Place: fmt.Sprintf("byte %d", i), Expected: fmt.Sprintf("%02x", want[i]), Got: fmt.Sprintf("%02x", v)}
		}
	}
	return nil
}

// first is the first error of some.
func first(all ...error) error {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}
