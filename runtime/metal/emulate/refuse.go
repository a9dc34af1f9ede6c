//go:build emulate

package emulate

import (
	"bytes"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// prelude is the language as C++ for OpenCL.
//
//go:embed device/opencl.h
var prelude string

// Refuse has a second compiler read a program: clang, as C++ for OpenCL, whose address spaces and
// many of whose rules are those of the language. It says what is refused. What it does not refuse,
// Apple's compiler still may.
func Refuse(text string) error {
	dir, err := os.MkdirTemp("", "refuse")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "program_source")
	if err := os.WriteFile(file, []byte(strings.Replace(text, system, prelude+"\n#line 2 \"program_source\"", 1)), 0o666); err != nil {
		return err
	}
	cmd := exec.Command("clang", "-x", "clcpp", "-cl-std=clc++2021", "-target", "spir64", "-cl-no-stdinc", "-fsyntax-only",
		"-Wno-everything", "-ferror-limit=5", "program_source")
	cmd.Dir = dir
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("clang: %w\n%s", err, log.String())
	}
	return nil
}
