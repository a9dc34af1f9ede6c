package policy

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/kvgen/kvgen/internal/suggest"
	"github.com/kvgen/kvgen/kernels"
)

// TypeNamed finds a type of the table that is allowed, whatever the case of the letters; nil if
// there is none.
func TypeNamed(table *kernels.Table, name string, allowed func(*kernels.Type) bool) *kernels.Type {
	for _, t := range table.Types() {
		if strings.EqualFold(t.Name, name) && allowed(t) {
			return t
		}
	}
	return nil
}

// TypeNames lists the types that are allowed, in the order of the table.
func TypeNames(table *kernels.Table, allowed func(*kernels.Type) bool) []string {
	var names []string
	for _, t := range table.Types() {
		if allowed(t) {
			names = append(names, t.Name)
		}
	}
	return names
}

// ForCache allows the types that a cache can have.
func ForCache(t *kernels.Type) bool { return t.KV }

// Type finds the cache type of a name, whatever the case of its letters. Where says what the name
// is of, for the error, which lists the types and the nearest of them.
func Type(table *kernels.Table, where, name string) (*kernels.Type, error) {
	if t := TypeNamed(table, name, ForCache); t != nil {
		return t, nil
	}
	names := TypeNames(table, ForCache)
	return nil, fmt.Errorf("%s: no cache type %s%s; types: %s", where, shortName(name), suggest.Nearest(name, names), strings.Join(names, " "))
}

// Rotation finds the rotation of a name. Off, none and nothing stand for none, which is nil; on is
// the first of the table.
func Rotation(table *kernels.Table, where, name string) (*kernels.Rotation, error) {
	var names []string
	for _, r := range table.Rotations() {
		if strings.EqualFold(r.Name, name) {
			return r, nil
		}
		names = append(names, r.Name)
	}
	switch strings.ToLower(name) {
	case "", "off", "none":
		return nil, nil
	case "on":
		return table.Rotations()[0], nil
	}
	return nil, fmt.Errorf("%s: no rotation %s%s; rotations: off %s", where, shortName(name), suggest.Nearest(name, names), strings.Join(names, " "))
}

// shortName is a name for a message, cut where it is long.
func shortName(name string) string {
	if len(name) > 40 {
		return fmt.Sprintf("%.40q... (%d bytes)", name, len(name))
	}
	return strconv.Quote(name)
}
