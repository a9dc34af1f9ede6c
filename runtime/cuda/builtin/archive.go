package builtin

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"strings"
)

// Kernel is the PTX of a program for a virtual architecture.
type Kernel struct {
	Name string // of the source, for messages
	Hash string // of the source
	Arch int    // 80 for compute_80
	PTX  string
}

// Archive is PTX that one compiler made.
type Archive struct {
	Major, Minor int // version of CUDA that the compiler is of, and that a driver needs
	Kernels      []Kernel
}

// Find is the PTX of a source for a GPU of a compute capability: that of the newest architecture
// that is not newer. nil if there is none.
func (a *Archive) Find(hash string, arch int) (found *Kernel) {
	for i := range a.Kernels {
		if k := &a.Kernels[i]; k.Hash == hash && k.Arch <= arch && (found == nil || k.Arch > found.Arch) {
			found = k
		}
	}
	return found
}

// The archive is a stream of zlib: a line of magic, one of the compiler's version and the number of
// kernels, a line for each kernel, then the lines of all PTX. Programs for two architectures differ
// in few lines and programs of one kind in some, farther apart than zlib looks back; so lines that
// came before are named by where they began and how many they are.
//
//	kvrun built-in kernels 1
//	12.0 2
//	HASH 80 LINES NAME
//	HASH 90 LINES NAME
//	=a line
//	@17 300
const magic = "kvrun built-in kernels 1"

// most bounds what an archive may hold, in lines and in kernels.
const mostLines, mostKernels = 1 << 24, 1 << 16

// Write writes the archive.
func (a *Archive) Write(to io.Writer) error {
	z, err := zlib.NewWriterLevel(to, zlib.BestCompression)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(z)
	fmt.Fprintf(w, "%s\n%d.%d %d\n", magic, a.Major, a.Minor, len(a.Kernels))
	var lines []string
	for _, k := range a.Kernels {
		own := strings.Split(k.PTX, "\n")
		fmt.Fprintf(w, "%s %d %d %s\n", k.Hash, k.Arch, len(own), k.Name)
		lines = append(lines, own...)
	}
	writeLines(w, lines)
	if err := w.Flush(); err != nil {
		return err
	}
	return z.Close()
}

// seed is the lines by which a repetition is found; tries is how many places with the same are
// compared.
const seed, tries = 3, 64

func writeLines(w io.Writer, lines []string) {
	places := map[[seed]string][]int{}
	for i := 0; i < len(lines); {
		from, n := 0, 0
		if i+seed <= len(lines) {
			all := places[[seed]string(lines[i:])]
			for _, p := range all[max(0, len(all)-tries):] {
				k := 0
				for i+k < len(lines) && p+k < i && lines[p+k] == lines[i+k] {
					k++
				}
				if k > n {
					from, n = p, k
				}
			}
		}
		if n > 0 {
			fmt.Fprintf(w, "@%d %d\n", from, n)
		} else {
			n = 1
			fmt.Fprintf(w, "=%s\n", lines[i])
		}
		for end := i + n; i < end; i++ {
			if i+seed <= len(lines) {
				key := [seed]string(lines[i:])
				places[key] = append(places[key], i)
			}
		}
	}
}

// Read reads an archive.
func Read(b []byte) (*Archive, error) {
	z, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	r := bufio.NewScanner(z)
	r.Buffer(nil, 1<<20)
	line := func() string { r.Scan(); return r.Text() }
	if got := line(); got != magic {
		return nil, fmt.Errorf("it begins with %.40q, not with %q", got, magic)
	}
	a, n := &Archive{}, 0
	if got := line(); !scan(got, "%d.%d %d", &a.Major, &a.Minor, &n) || n < 0 || n > mostKernels {
		return nil, fmt.Errorf("%.40q is no version and number of at most %d kernels", got, mostKernels)
	}
	counts, total := make([]int, n), 0
	a.Kernels = make([]Kernel, n)
	for i := range n {
		got := line()
		f := strings.SplitN(got, " ", 4)
		if len(f) < 4 || !scan(f[1]+" "+f[2], "%d %d", &a.Kernels[i].Arch, &counts[i]) || counts[i] < 1 || counts[i] > mostLines-total {
			return nil, fmt.Errorf("kernel %d: %.100q is no hash, architecture, number of lines and name", i, got)
		}
		a.Kernels[i].Hash, a.Kernels[i].Name = f[0], f[3]
		total += counts[i]
	}
	lines, err := readLines(line, total)
	if err != nil {
		return nil, err
	}
	if line() != "" || r.Err() != nil {
		return nil, fmt.Errorf("more than %d lines, or damaged (%v)", total, r.Err())
	}
	for i := range a.Kernels {
		a.Kernels[i].PTX = strings.Join(lines[:counts[i]], "\n")
		lines = lines[counts[i]:]
	}
	return a, nil
}

func scan(line, format string, to ...any) bool {
	n, err := fmt.Sscanf(line, format, to...)
	return err == nil && n == len(to)
}

func readLines(line func() string, total int) ([]string, error) {
	lines := make([]string, 0, total)
	for len(lines) < total {
		got := line()
		if text, ok := strings.CutPrefix(got, "="); ok {
			lines = append(lines, text)
			continue
		}
		var from, n int
		if !scan(got, "@%d %d", &from, &n) || n < 1 || n > total-len(lines) || from < 0 || from > len(lines)-n {
			return nil, fmt.Errorf("line %d of %d: %.40q is no line and names no lines before it", len(lines), total, got)
		}
		lines = append(lines, lines[from:from+n]...)
	}
	return lines, nil
}
