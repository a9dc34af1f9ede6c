package main

import (
	"context"
	"fmt"
	"regexp"
	"strings"
)

// conform runs the conformance suite of the kernels on the types that were laid over the source at
// root: every kernel under every instruction set that this processor has, against the interpreter
// of the spec. A type that fails is a finding.
func conform(ctx context.Context, root, dir string, types []string) error {
	var quoted []string
	for _, t := range types {
		quoted = append(quoted, regexp.QuoteMeta(t))
	}
	// A test's name is followed by that of the type; those of the table as a whole have none.
	only := "^Test/^(" + strings.Join(quoted, "|") + ")$"
	out, err := goTool(ctx, root, dir, "test", "-count=1", "-run", only, "./kernels")
	if err == nil || ctx.Err() != nil {
		return err
	}
	return finding(fmt.Sprintf("%s: the kernels do not do what the spec says, so no program was written (--no-test writes it all the same):\n%s",
		strings.Join(types, " "), out))
}
