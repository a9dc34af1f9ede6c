package args

// Layout is where the arrays of a row of weights begin, and the bytes from one row to the next
// (pitch).
type Layout struct {
	First, Second, Third, Scales, Bases, Pitch int32
}

// Repack brings rows of a file into the layout of products.
type Repack struct {
	Packed  uint64 `c:"const unsigned char*"` // rows as in a file
	Weights uint64 `c:"unsigned char*"`       // the first of them in device memory
	Units   uint64 `c:"float*"`               // of rows as f16
	At      Layout
	N       int32
}

// Gather decodes rows of weights: embeddings.
type Gather struct {
	Weights uint64 `c:"const unsigned char*"`
	Ids     uint64 `c:"const int*"` // rows
	Out     uint64 `c:"float*"`     // [tokens][n]
	At      Layout
	N, Rows int32
}

// Transform brings activations into the domain of a type's transform.
type Transform struct {
	X   uint64 `c:"const float*"` // [][n]
	Out uint64 `c:"float*"`       // [rows][n]
	Row uint64 `c:"const int*"`   // of x, by row of out; null: the same
	N   int32
}

// Expand makes f16 of rows of weights.
type Expand struct {
	Weights   uint64 `c:"const unsigned char*"` // the first row
	Units     uint64 `c:"const float*"`         // of the first row
	High, Low uint64 `c:"unsigned char*"`       // [rows][n, padded] f16; low null for none
	At        Layout
	N         int32
}

// Product is a product with few tokens.
type Product struct {
	Weights uint64 `c:"const unsigned char*"`
	X, Bias uint64 `c:"const float*"` // [][n]; [rows] or null
	Y       uint64 `c:"float*"`       // [tokens or slots][outputs]
	// of a slot: the matrix, of count; the row of x, null for the slot's number. Null without
	// slots
	Expert, Row uint64 `c:"const int*"`
	// of a run of slots of one expert: how many, from slot row on in x and in y. Null without
	// runs
	Many                    uint64 `c:"const int*"`
	At                      Layout
	N, Rows, Count, Outputs int32 // rows of a matrix; the half of it if gated
	Tokens, Act, Gated      int32
	// rows of x can be read 16 bytes at a time; they can where the type is kept as codes
	Wide int32
	// log2 of the lanes of a row, and of the warps that share its pieces
	Lanes, Parts int32
	// pieces of a lane in a row, and between two loads of activations to shared memory
	Rounds, Chunk int32
}

// Split rounds activations to f16, and what that leaves over.
type Split struct {
	X         uint64 `c:"const float*"`   // [tokens][n]
	High, Low uint64 `c:"unsigned char*"` // [tokens][n, padded to 32]
	Units     uint64 `c:"float*"`         // [tokens]
	N         int32
}

// Batched is a product with tens of tokens.
type Batched struct {
	Weights uint64 `c:"const unsigned char*"`
	X       uint64 `c:"const unsigned char*"` // [tokens][depth] f16
	// [tokens], [rows]: powers of two
	XUnits, WUnits uint64 `c:"const float*"`
	Bias           uint64 `c:"const float*"` // [rows] or null
	Y              uint64 `c:"float*"`       // [tokens][outputs]
	// [256 rows][splits][tokens / 4][threads] of 4 sums
	Partial uint64 `c:"float*"`
	At      Layout
	// values of a row, and with those that it is padded with
	N, Depth        int32
	Outputs, Tokens int32
	Act, Gated      int32
	Splits          int32 // shares of the columns
}

// Gemm is a product with many tokens.
type Gemm struct {
	XHigh, XLow uint64 `c:"const unsigned char*"` // [tokens][depth]
	WHigh, WLow uint64 `c:"const unsigned char*"` // [rows][pitch bytes]
	// [tokens]; [rows of the whole matrix] or null for ones
	XUnits, WUnits uint64 `c:"const float*"`
	// [rows of the whole matrix] or null
	Bias                   uint64 `c:"const float*"`
	Y                      uint64 `c:"float*"` // [tokens][outputs]
	Pitch                  int64
	Depth, Tokens, Outputs int32
	First, Count           int32 // outputs that are made; their rows begin with row 0 of w
	// gated: rows from an output's first to its second, in w and in the whole matrix
	Upper, Half int32
	Act, Gated  int32
	// of block x: matrix, first row of x and how many rows of experts' slots; null without
	// experts
	Expert, Run, Many uint64 `c:"const int*"`
	// the first of the matrices that w has, and how many; one matrix has outputs rows
	Lowest, Experts int32
}
