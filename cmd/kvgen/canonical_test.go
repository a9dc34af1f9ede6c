package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestCanonicalStays: formatting twice is formatting once, and the project's own files are
// formatted.
func TestCanonicalStays(t *testing.T) {
	files, err := filepath.Glob("../../kernels/spec/*.hcl")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		once := canonical(text)
		if string(canonical(once)) != string(once) {
			t.Errorf("%s: formatting again changes it again", file)
		}
		if string(once) != string(text) {
			t.Errorf("%s is not formatted: kvgen fmt -w", file)
		}
	}
}
