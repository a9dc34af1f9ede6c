package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

// printVersion says what this program was built from, as far as the build recorded it.
func printVersion(w io.Writer) {
	version, revision, when, modified := "(unknown)", "", "", ""
	if b, ok := debug.ReadBuildInfo(); ok {
		version = b.Main.Version
		for _, s := range b.Settings {
			switch s.Key {
			case "vcs.revision":
				revision = fmt.Sprintf(", commit %.12s", s.Value)
			case "vcs.time":
				when = " of " + s.Value
			case "vcs.modified":
				if s.Value == "true" {
					modified = " with changes"
				}
			}
		}
	}
	fmt.Fprintf(w, "kvrun %s%s%s%s\n%s %s/%s, kernels: %s\n", version, revision, when, modified, runtime.Version(), runtime.GOOS, runtime.GOARCH, isaInUse())
}
