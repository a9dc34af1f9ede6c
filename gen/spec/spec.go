package spec

import "github.com/hashicorp/hcl/v2"

// Set is everything a folder of spec files declares, each list in the order of
// file name and then of position in the file.
type Set struct {
	Types      []*Type
	Transforms []*Transform
	Rotations  []*Rotation
}

// Transform is an orthonormal map of Size values: y = right * H/sqrt(n) * left * x,
// H the Hadamard matrix in natural (Sylvester) order, applied by in-place radix-2
// stages of ascending stride (1, 2, 4, ... Size/2). Left and Right hold ±1 and are
// nil when the transform has no sign vector on that side.
type Transform struct {
	Name    string
	Summary string
	Size    int
	Left    []float32 // [Size]
	Right   []float32 // [Size]
	Norm    float32   // f32(1/sqrt(Size)); the last step multiplies by f32(Norm*right[i])
	File    string    // the spec file, for the header of what is generated
	Range   hcl.Range
}

// Rotation is a transform that the cache may apply to K or V before a type
// encodes them, in tiles of consecutive values of a head.
type Rotation struct {
	Name    string
	Summary string
	Tile    *Transform
	Guard   *Guard // over head_dim (int) and quantised (bool)
	File    string
	Range   hcl.Range
}

// Guard is a condition on a head that a type or rotation needs.
type Guard struct {
	Cond Expr   // bool, over Ref{"head_dim"} and Ref{"quantised"}
	Text string // as written: "head_dim % 64 == 0"
}

// Type is one quantisation type: how Block values are laid out in Bytes bytes,
// how they are read (Value) and how they are made (Encode).
type Type struct {
	Name       string
	Summary    string
	ID         int // ggml type number, -1 when the type has none
	KV, Weight bool
	Quantised  bool   // false when Value is a plain float field (f32, f16, bf16)
	Compatible string // compatible_with: whose bytes these are, for audit; "" for the project's own
	Block      int    // values per block
	Bytes      int    // bytes per block
	Pad        bool   // a head shorter than a whole number of blocks is padded with zeros
	Guard      *Guard // nil: only the natural rule head_dim % block == 0 (unless Pad)
	Fields     []*Field
	Domain     *Transform  // what is stored is transformed; nil: stored as it is
	Codebook   *Codebook   // nil when the type has none
	Tables     []*Codebook // others, of levels or of points, in source order
	Codes      []*Code     // every named integer read from the block, in source order
	Unused     []Part      // bits of u8 fields that belong to no code; encode writes them as zero
	Value      Expr        // f32 vector over i, over fields, codes and codebook
	Encode     []*Assign   // nil: read-only
	Identity   string      // hex SHA-256 over layout, codebook, transform and encoder
	File       string
	Range      hcl.Range
}

// FieldKind is the storage of one field of a block.
type FieldKind int

const (
	U8   FieldKind = iota // Count raw bytes, read with bits() and sbits()
	F16                   // IEEE binary16
	BF16                  // upper half of an f32
	F32                   // IEEE binary32
	// one byte e: 2^(e-127), so a subnormal for e = 0; e = 255, NaN in the OCP format, reads as
	// +Inf
	E8M0
)

// Field is one entry of layout. All multi-byte fields are little-endian.
type Field struct {
	Name   string
	Kind   FieldKind
	Count  int // elements; 1 for scalars
	Offset int // bytes from the start of the block
	Bytes  int // Count * element size
	Range  hcl.Range
}

// Codebook is the table of levels. Code c stands for Levels[c]; a value v is given
// the code that equals the number of Thresholds t with !(v < t). A table of points, each of Dim
// values, has them one after the other.
type Codebook struct {
	Name       string // of a table; "" for the type's codebook
	Dim        int    // values of a point; 1 for levels
	Levels     []float32
	Thresholds []float32 // len(Levels)-1, ascending
	Source     string    // "literal", or the call that made it: "lloyd_max(16, sphere(128))"
	Int8       bool      // every level is an integer of -128..127
	// one unit of the source is Scale units of Levels: 1 except for int8(...); codebook.scale in a
	// spec
	Scale float32
	// mean squared error at the best scale over the variance of the source it was computed for, 0
	// for a literal
	Distortion float64
	Range      hcl.Range
}

// Code is a named integer per value: code, or a packed scale shared by a run of
// values. Parts has, for each i in 0..Block-1, the bit ranges that make it up:
// value = Bias + sum(bits << Shift); Signed codes have one part, sign-extended.
type Code struct {
	Name   string
	Parts  [][]Part // [Block][...]
	Bits   int      // significant bits of the value: it is in 0..2^Bits-1, or signed
	Signed bool
	Group  int // largest run of consecutive i that share one value: 1 for a code per value
	Range  hcl.Range
}

// Part is one run of bits inside the block.
type Part struct {
	Field *Field
	Bit   int // from the start of the block, little-endian bit order
	Width int
	Shift int // left shift inside the code
}

// Assign is one statement of encode: Name = X. Name is a field, a code or a local.
type Assign struct {
	Name  string
	X     Expr
	Range hcl.Range
}
