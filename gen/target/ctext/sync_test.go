package ctext_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/gen/spec"
)

var (
	array   = regexp.MustCompile(`^float\* (\w+) = scratch \+`)
	written = regexp.MustCompile(`put_addend<block>\((\w+)|^(\w+)\[n\] = `)
	read    = regexp.MustCompile(`(\w+)\[`)
)

// unordered finds what the lanes of a warp may do before others are ready: a read of an array that
// they share and wrote since they last met, and the end of an encoder behind words of the block
// that they wrote. sum_in_order lets them meet itself.
func unordered(text string) (found []string) {
	_, body, ok := strings.Cut(text, " void encode(")
	if !ok {
		return nil
	}
	dirty := map[string]bool{} // false for an array that all lanes see
	block := false
	for line := range strings.Lines(body) {
		line = strings.TrimSpace(line)
		switch {
		case line == "warp_sync();":
			for name := range dirty {
				dirty[name] = false
			}
			block = false
			continue
		case strings.HasPrefix(line, "using Domain"):
			if block {
				found = append(found, "the encoder ends")
			}
			return found
		}
		if m := array.FindStringSubmatch(line); m != nil {
			dirty[m[1]] = false
			continue
		}
		set := written.FindStringSubmatch(line)
		for _, m := range read.FindAllStringSubmatch(line, -1) {
			if dirty[m[1]] && !(set != nil && set[2] == m[1]) {
				found = append(found, line)
			}
		}
		if set != nil {
			dirty[set[1]+set[2]] = true
		}
		block = block || strings.Contains(line, "put_bits<")
	}
	return append(found, "no end of the encoder")
}

// TestLanesMeet goes through the encoders of all types, shipped or not. Then it takes away
// meetings of lanes, one at a time: most are missed, but for those that another follows before
// anybody reads.
func TestLanesMeet(t *testing.T) {
	const meeting = "warp_sync();\n"
	grouped, taken, missed := 0, 0, 0
	for _, folder := range []string{"../../../testdata/unseen", "../../../kernels/spec"} {
		set, err := spec.Load(os.DirFS(folder))
		if err != nil {
			t.Fatal(err)
		}
		for _, typ := range set.Types {
			text := string(host.Type(typ))
			for _, line := range unordered(text) {
				t.Errorf("%s: before all lanes are ready: %s", typ.Name, line)
			}
			if strings.Contains(text, "so_far = ") {
				grouped++
			}
			for at := 0; ; at += len(meeting) {
				next := strings.Index(text[at:], meeting)
				if next < 0 {
					break
				}
				at += next
				if taken++; unordered(text[:at]+text[at+len(meeting):]) != nil {
					missed++
				}
			}
		}
	}
	if grouped < 3 || taken < 30 || missed < taken*3/4 {
		t.Errorf("%d types reduce runs of values; of %d meetings that were taken away %d were missed", grouped, taken, missed)
	}
}
