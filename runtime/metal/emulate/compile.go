//go:build emulate

package emulate

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/kvgen/kvgen/runtime/internal/fibres"
)

//go:embed device
var files embed.FS

// flags of g++: the C++ that the language is based on, nothing fused. A misaligned access and an
// index outside an array trap.
var flags = []string{"-x", "c++", "-O1", "-std=c++14", "-fPIC", "-shared", "-Wl,-Bsymbolic", "-ffp-contract=off", "-fno-strict-aliasing", "-fno-exceptions", "-fno-rtti",
	"-fno-gnu-unique", "-fno-stack-protector", "-fwrapv", "-fsanitize=bounds", "-fsanitize-undefined-trap-on-error", "-pedantic-errors", "-fmax-errors=5"}

// system is the include of the language's own header, and what stands in its place.
const system, replacement = "#include <metal_stdlib>", "#include \"metal.h\""

// key is the hash of a text and of what the emulation adds to it.
func key(text string) string {
	h := sha256.New()
	for _, f := range []fs.FS{files, fibres.Files} {
		fs.WalkDir(f, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := fs.ReadFile(f, name)
			fmt.Fprintf(h, "%s %d:%s", name, len(b), b)
			return err
		})
	}
	fmt.Fprint(h, flags, text)
	return hex.EncodeToString(h.Sum(nil))
}

// folder is where compiled programs are kept.
func folder() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	dir = filepath.Join(dir, "kvrun", "emulate-metal")
	return dir, os.MkdirAll(dir, 0o777)
}

var compiling sync.Mutex

// Compile makes a program of a text without includes of its own. Errors name lines of it as
// program_source:12:5.
func Compile(text string) (*Program, error) {
	compiling.Lock()
	defer compiling.Unlock()
	dir, err := folder()
	if err != nil {
		return nil, err
	}
	image := filepath.Join(dir, key(text)+".so")
	if _, err := os.Stat(image); err == nil {
		return load(image)
	}
	if !strings.Contains(text, system) {
		return nil, fmt.Errorf("program_source:1:1: error: a program includes <metal_stdlib>")
	}
	work, err := os.MkdirTemp("", "emulate")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	for _, f := range []struct {
		from fs.FS
		name string
	}{{files, "metal.h"}, {fibres.Files, "scheduler.h"}} {
		b, err := fs.ReadFile(f.from, "device/"+f.name)
		if err == nil {
			err = os.WriteFile(filepath.Join(work, f.name), b, 0o666)
		}
		if err != nil {
			return nil, err
		}
	}
	source := filepath.Join(work, "program_source")
	if err := os.WriteFile(source, []byte(strings.Replace(text, system, replacement, 1)), 0o666); err != nil {
		return nil, err
	}
	cmd := exec.Command("g++", append(flags, "-o", "image.so", "program_source")...)
	cmd.Dir = work
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("g++: %w\n%s", err, log.String())
	}
	if err := move(filepath.Join(work, "image.so"), image); err != nil {
		return nil, err
	}
	return load(image)
}

// move puts a file in its place, whole.
func move(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(to), "image-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(b)
	if e := tmp.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(tmp.Name(), to)
	}
	if err != nil {
		os.Remove(tmp.Name())
	}
	return err
}
