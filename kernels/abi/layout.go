// Package abi says what generated kernels and the code around them agree on. These are the kernels
// that a type can have and how they are called (Kinds, Impl), and the forms in memory that one
// hands to the other (Act, panels, records). The compiler and package cpu both take it from here.
package abi

// Values that share a record, of a panel of activations or of an unpacked row of weights.
const Chunk = 32

// Activations are kept in panels and tiles: see Act.
const (
	ActPanel = 8 // rows of a panel: kernels for many rows give each a lane
	ActRows  = 4 // rows of a tile: kernels for few rows walk them with one cursor
)

// ActGroups are the numbers of values that may share a scale of activations, ascending.
var ActGroups = []int{32, 64, 128}

// A panel has a record for each Chunk values, in bytes:
//
//	PanelQuants  a vector of 4 values of each row, for every 4 values
//	PanelScale   the scale of each row
//	PanelSums    of each row, scale times the sum of the first 16 values, the last 16, and all 32
const (
	PanelQuants = 0
	PanelScale  = PanelQuants + ActPanel*Chunk
	PanelSums   = PanelScale + 4*ActPanel
	PanelBytes  = PanelSums + 3*4*ActPanel
)

// A row of weights that meets many panels is unpacked once, into a record for each Chunk values, in
// bytes:
//
//	RecordLevels  Chunk bytes: unsigned levels, or the magnitudes of signed ones
//	RecordScale   2 f32, one for each 16 values; types with longer runs use the first
//	RecordMin     2 f32 likewise, what is added
//	RecordSigned  Chunk signed levels, in records of signed levels alone
const (
	RecordLevels = 0
	RecordScale  = RecordLevels + Chunk
	RecordMin    = RecordScale + 2*4
	RecordSigned = RecordMin + 2*4
)

// RecordBytes is the size of a record.
func RecordBytes(signed bool) int {
	if signed {
		return RecordSigned + Chunk
	}
	return RecordSigned
}

// MixRows rows of values are mixed at a time: their levels and weights stay in the first-level
// cache, and their weights share the scale by which they are rounded.
const MixRows = 64
