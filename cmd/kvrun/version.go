package main

import (
	"fmt"
	"io"

	"github.com/kvgen/kvgen/cmd/internal/version"
	"github.com/kvgen/kvgen/kernels"
)

// printVersion says what this program was built from, as far as the build recorded it, and what it computes with here.
func printVersion(w io.Writer) {
	version.Print(w, "kvrun")
	fmt.Fprintf(w, ", kernels: %s\n", kernels.Default().ISA())
}
