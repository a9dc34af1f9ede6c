// Package version says what a program was built from: release, commit, Go.
package version

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
)

// Release and Commit are set by .ci/dist with -ldflags -X; a build without them is described by
// what the go command recorded.
var Release, Commit string

// Short is the version and the commit, as results name the program that made them.
func Short() string {
	return strings.TrimPrefix(strings.ReplaceAll(Line(""), ", commit", ""), " ")
}

// Line is the program's name with its version and commit, as far as they are known.
func Line(name string) string {
	version, revision, when, modified := "(unknown)", "", "", ""
	if b, ok := debug.ReadBuildInfo(); ok {
		version = b.Main.Version
		for _, s := range b.Settings {
			switch s.Key {
			case "vcs.revision":
				revision = s.Value
			case "vcs.time":
				when = " of " + s.Value
			case "vcs.modified":
				if s.Value == "true" {
					modified = " with changes"
				}
			}
		}
	}
	if Release != "" {
		version = Release
	}
	if Commit != "" {
		revision, when, modified = Commit, "", ""
	}
	if revision != "" {
		revision = fmt.Sprintf(", commit %.12s", revision)
	}
	return name + " " + version + revision + when + modified
}

// Print writes Line and what it was built with.
func Print(w io.Writer, name string) {
	fmt.Fprintf(w, "%s\n%s %s/%s", Line(name), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
