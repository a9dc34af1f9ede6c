// Package spec holds the project's own types as text: what everything else in kernels was generated
// from.
package spec

import "embed"

// Files holds the *.hcl files.
//
//go:embed *.hcl
var Files embed.FS

//go:generate go run ../../cmd/kvgen generate --spec . --out ../..
