package builtin

import (
	"fmt"
	"strconv"
	"strings"
)

// Set says which kernels come with the program: those of models whose weights, heads and width are
// in it, with the pairs of types for the cache that are in it.
type Set struct {
	Archs   []int    // virtual architectures, ascending
	Weights []string // types of matrices
	Widths  []int    // values of a token between the blocks of a model
	Caches  []Cache
}

// Cache is a pair of types for keys and values.
type Cache struct {
	Key, Value string
	Exact      string // the type of rows at both ends that stay exact, "" where there are none
	Dims       []int  // values of a head
}

// ParseSet reads a set: a line for each property, that of caches as often as there are pairs.
//
//	architectures 80 90
//	weights f16 q4_0
//	widths 2048 4096
//	cache f16 f16 64 128
//	cache q8_0 q8_0 exact f16 64 128
func ParseSet(text string) (*Set, error) {
	s := &Set{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		var err error
		switch f[0] {
		case "architectures":
			s.Archs, err = numbers(f[1:])
		case "weights":
			s.Weights = f[1:]
		case "widths":
			s.Widths, err = numbers(f[1:])
		case "cache":
			var c Cache
			if c, err = parseCache(f[1:]); err == nil {
				s.Caches = append(s.Caches, c)
			}
		default:
			err = fmt.Errorf("%q is not known", f[0])
		}
		if err != nil {
			return nil, fmt.Errorf("set.txt:%d: %w", n, err)
		}
	}
	if len(s.Archs) == 0 {
		return nil, fmt.Errorf("set.txt: no architectures")
	}
	return s, nil
}

func parseCache(f []string) (c Cache, err error) {
	if len(f) < 3 {
		return c, fmt.Errorf("a cache is a type of keys, one of values and sizes of heads")
	}
	c.Key, c.Value, f = f[0], f[1], f[2:]
	if f[0] == "exact" && len(f) > 2 {
		c.Exact, f = f[1], f[2:]
	}
	c.Dims, err = numbers(f)
	return c, err
}

func numbers(f []string) (all []int, err error) {
	for _, s := range f {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is not a number above 0", s)
		}
		all = append(all, n)
	}
	return all, nil
}

// String says what the set is for.
func (s *Set) String() string {
	var caches []string
	for _, c := range s.Caches {
		text := c.Key + "/" + c.Value
		if c.Exact != "" {
			text += " with ends of " + c.Exact
		}
		caches = append(caches, text+" for heads of "+list(c.Dims))
	}
	return fmt.Sprintf("GPUs from compute capability %d.%d on, weights of %s, models %s wide, caches of %s",
		s.Archs[0]/10, s.Archs[0]%10, strings.Join(s.Weights, ", "), list(s.Widths), strings.Join(caches, "; "))
}

func list(n []int) string {
	return strings.Join(strings.Fields(strings.Trim(fmt.Sprint(n), "[]")), ", ")
}
