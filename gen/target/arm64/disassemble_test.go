package arm64

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var emitted = regexp.MustCompile(`(?m)^\tWORD \$(0x[0-9a-f]{8}) // (.*)$`)

// TestDisassemble has LLVM read every word of every generated kernel, and of every row of the
// table, and compares its text with the comment.
func TestDisassemble(t *testing.T) {
	llvm := disassembler(t)
	words := map[uint32]string{}
	for k := range table {
		row := &table[k]
		for _, pattern := range []int{0x55555555, 0x2aaaaaaa} {
			var values []int
			for _, name := range row.names() {
				values = append(values, fields[name].read(fieldMask(name, pattern)))
			}
			word, text := row.encode(values)
			words[word] = text
		}
	}
	rows := len(words)
	files, err := filepath.Glob("../../../kernels/cpu/*_arm64.s")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d files of assembly, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := bytes.Count(text, []byte("WORD"))
		found := emitted.FindAllSubmatch(text, -1)
		if len(found) != lines {
			t.Errorf("%s: %d words, of which %d have a comment", file, lines, len(found))
		}
		for _, m := range found {
			w, _ := strconv.ParseUint(string(m[1]), 0, 32)
			if said := string(m[2]); words[uint32(w)] != "" && words[uint32(w)] != said {
				t.Errorf("%s: %s is %q and %q", file, m[1], words[uint32(w)], said)
			} else {
				words[uint32(w)] = said
			}
		}
	}
	for _, f := range differing(t, llvm, words) {
		t.Error(f)
	}
	t.Logf("%d words of rows, %d of kernels", rows, len(words)-rows)
}

// TestDisassemblePlanted shows mistakes to the comparison: a register, an arrangement, a word that
// is none.
func TestDisassemblePlanted(t *testing.T) {
	llvm := disassembler(t)
	planted := map[uint32]string{
		0x4e20d401: "fadd v0.4s, v0.4s, v0.4s", 0x4e60d400: "fadd v0.4s, v0.4s, v0.4s", 0x00000001: "fadd v0.4s, v0.4s, v0.4s",
		0x4e20d400: "fadd v0.4s, v0.4s, v0.4s",
	}
	if found := differing(t, llvm, planted); len(found) != 3 {
		t.Errorf("three mistakes of four words were planted, found %q", found)
	}
}

// disassembler is llvm-mc. .ci/run requires it.
func disassembler(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("llvm-mc")
	if err != nil && os.Getenv("KVGEN_REQUIRE_LLVM") == "" {
		t.Skipf("words are not compared with LLVM's disassembler: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	return path
}

// differing lists the words that LLVM reads as something else than is said.
func differing(t *testing.T, llvm string, words map[uint32]string) (found []string) {
	t.Helper()
	var order []uint32
	var input strings.Builder
	for w := range words {
		order = append(order, w)
		b := binary.LittleEndian.AppendUint32(nil, w)
		fmt.Fprintf(&input, "%#02x %#02x %#02x %#02x\n", b[0], b[1], b[2], b[3])
	}
	// Its own encoding tells which word a line is of: there is none for what it cannot read.
	cmd := exec.Command(llvm, "--disassemble", "--triple=aarch64", "--mattr=+v8.6a,+dotprod,+i8mm", "--show-encoding")
	cmd.Stdin = strings.NewReader(input.String())
	out, err := cmd.Output()
	if err != nil {
		t.Logf("%s: %v", llvm, err)
	}
	read := map[uint32]string{}
	for _, m := range encoding.FindAllStringSubmatch(string(out), -1) {
		var b [4]byte
		for k, text := range strings.Split(m[2], ",") {
			n, _ := strconv.ParseUint(text, 0, 8)
			b[k] = byte(n)
		}
		read[binary.LittleEndian.Uint32(b[:])] = strings.ReplaceAll(m[1], "\t", " ")
	}
	for _, w := range order {
		if read[w] != words[w] {
			found = append(found, fmt.Sprintf("%#08x is %q, its comment says %q", w, read[w], words[w]))
		}
	}
	return found
}

var encoding = regexp.MustCompile(`(?m)^\t(\S.*?)\s*// encoding: \[(.*)\]$`)
