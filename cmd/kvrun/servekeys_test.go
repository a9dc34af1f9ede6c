package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/kvgen/kvgen/runtime/serve/server"
)

// TestKeyFile: each line of a file is a key, however an editor begins files and ends lines.
func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(path, []byte("\ufeffthe first key\r\n\r\n  the second key \r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := serveFlags{keyFile: path}
	if err := f.readKeys(&environment{ctx: t.Context()}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(f.keys, server.NewKeys("the first key", "the second key")) {
		t.Errorf("%d keys, and they are others", len(f.keys))
	}
}
