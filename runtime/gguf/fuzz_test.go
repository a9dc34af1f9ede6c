package gguf

import (
	"errors"
	"testing"
)

// FuzzParse: any bytes are a typed error, or a file that is consistent in all it gives out.
func FuzzParse(f *testing.F) {
	f.Add(small())
	for _, c := range malformed {
		if len(*c.file) < 1<<10 {
			f.Add([]byte(*c.file))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse(data, testSizes)
		var e *Error
		switch {
		case err == nil:
			checkConsistent(t, file)
		case !errors.As(err, &e):
			t.Fatalf("%v is no *Error", err)
		case e.Offset < 0 || e.Offset > int64(len(data)):
			t.Fatalf("offset outside the %d bytes: %v", len(data), e)
		}
	})
}
