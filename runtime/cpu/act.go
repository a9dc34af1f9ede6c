package cpu

import (
	"github.com/kvgen/kvgen/kernels"
	kernelscpu "github.com/kvgen/kvgen/kernels/cpu"
)

// ActTile divides the rows at which an Act may be cut: it interleaves that many.
const ActTile = kernelscpu.ActPanel

// ActFrom is a view of the rows of a from row j on, a multiple of ActTile.
func ActFrom(a *kernels.Act, j int) kernels.Act { return a.From(j) }
