package main

import (
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"github.com/kvgen/kvgen/kernels"
)

// nearest is " (did you mean a, b?)" with the names closest to what was given, or nothing when none is close.
func nearest(given string, names []string) string {
	const longest = 64
	if len(given) > longest {
		return ""
	}
	given = strings.ToLower(given)
	far := func(name string) int { return levenshtein.Distance(given, strings.ToLower(name), nil) }
	close := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return far(n) > max(2, len(given)/2) })
	slices.SortStableFunc(close, func(a, b string) int { return far(a) - far(b) })
	if len(close) == 0 {
		return ""
	}
	return " (did you mean " + strings.Join(close[:min(3, len(close))], ", ") + "?)"
}

// typeNamed finds a type of the table, whatever the case of the letters.
func typeNamed(name string, allowed func(*kernels.Type) bool) *kernels.Type {
	for _, t := range kernels.Types() {
		if strings.EqualFold(t.Name, name) && allowed(t) {
			return t
		}
	}
	return nil
}

// typeNames lists the types that are allowed.
func typeNames(allowed func(*kernels.Type) bool) []string {
	var names []string
	for _, t := range kernels.Types() {
		if allowed(t) {
			names = append(names, t.Name)
		}
	}
	return names
}

func forCache(t *kernels.Type) bool { return t.KV }

func anyType(*kernels.Type) bool { return true }
