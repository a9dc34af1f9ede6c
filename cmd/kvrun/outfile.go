package main

import (
	"fmt"
	"io"
	"regexp"
	"strconv"

	"github.com/spf13/pflag"
)

// forceFlag is how an older result is let go; see package output for the rule.
func forceFlag(fs *pflag.FlagSet, force *bool) {
	fs.BoolVar(force, "force", false, "replace an older result of this command")
}

// splitModel is the name of the first part of a model in several files.
var splitModel = regexp.MustCompile(`^(.*)-00001-of-([0-9]{5})\.gguf$`)

// readsModel notes that all files of a model are read.
func (e *environment) readsModel(path string) error {
	if m := splitModel.FindStringSubmatch(path); m != nil {
		parts, _ := strconv.Atoi(m[2])
		for i := 2; i <= min(parts, 1000); i++ {
			if err := e.files.Input("", fmt.Sprintf("%s-%05d-of-%05d.gguf", m[1], i, parts)); err != nil {
				return err
			}
		}
	}
	return e.files.Input("", path)
}

// beside is where the result is printed when an output is written: the standard error, where that is the standard output.
func (e *environment) beside(stdout bool) io.Writer {
	if stdout {
		return e.stderr
	}
	return e.stdout
}

// maxText is the most that is read of a text: what never ends, such as /dev/zero, must not take all memory.
const maxText = 256 << 20

// readAll is what r holds, at most limit bytes.
func readAll(r io.Reader, limit int64) (string, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("more than the %d bytes that are read of a text", limit)
	}
	return string(data), err
}
