package main

import (
	"strings"

	"github.com/kvgen/kvgen/cmd/internal/suggest"
	"github.com/kvgen/kvgen/kernels"
)

// nearest is " (did you mean a, b?)" with the names that may have been meant, or nothing when none is close.
func nearest(given string, names []string) string { return suggest.Nearest(given, names) }

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
