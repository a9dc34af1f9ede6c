package spec

import "github.com/hashicorp/hcl/v2"

// Kind is the kind of a value of the array language.
type Kind int

const (
	Float Kind = iota // f32
	Int               // i32
	Bool
)

// Shape says how often a value exists per block.
type Shape int

const (
	Const  Shape = iota // known when the kernel is generated, the same for all i
	Index               // known when the kernel is generated, depends on i
	Scalar              // one per block
	Vector              // one per value
)

// Expr is a node of the array language after name resolution and type checking.
// The meaning is f32 in the order written, one rounding per operation, no fusion.
type Expr interface {
	Type() (Kind, Shape)
	// Run is the largest number of consecutive i over which the value is known
	// to be the same: Block for Const and Scalar, 1 when nothing is known.
	Run() int
	Pos() hcl.Range
	// Bounds is what is known of a Float or an Int whatever the block holds.
	Bounds() Bounds
	node() *Node
}

// Node is the part that all expressions share.
type Node struct {
	Kind  Kind
	Shape Shape
	Same  int
	Range hcl.Range

	bounds Bounds
}

func (n *Node) Type() (Kind, Shape) { return n.Kind, n.Shape }
func (n *Node) Run() int            { return n.Same }
func (n *Node) Pos() hcl.Range      { return n.Range }
func (n *Node) Bounds() Bounds      { return n.bounds }
func (n *Node) node() *Node         { return n }

// Num is a literal or folded constant. Float literals are rounded once to f32.
type Num struct {
	Node
	F float32 // Kind Float
	I int     // Kind Int, Bool (0 or 1)
}

// PerIndex is an expression of i alone, already evaluated for every i.
type PerIndex struct {
	Node
	I []int // [Block]
}

// Ref names a field, a code, a local of encode, the input x, or a guard variable.
type Ref struct {
	Node
	Name  string
	Field *Field // when it names a scalar field
	Code  *Code  // when it names a code
}

// Unary is -X (Float, Int) or !X (Bool).
type Unary struct {
	Node
	Op string
	X  Expr
}

// Binary is X Op Y with Op one of + - * / % < <= > >= == != && ||. Both sides have
// one kind (an Int meeting a Float was wrapped in a Call "float"). Int / and % truncate.
type Binary struct {
	Node
	Op   string
	X, Y Expr
}

// Cond is If ? Then : Else, evaluated lane by lane.
type Cond struct {
	Node
	If, Then, Else Expr
}

// Lookup is codebook[code], or table[point][at]: Index is then point*Dim + at.
type Lookup struct {
	Node
	Book      *Codebook
	Index     Expr // Int, within Book.Levels
	Point, At Expr // Int; nil for a book of levels
}

// Call is a built-in function or a transform:
//
//	sum min max absmax extremum (x)
//	                          over the block, left to right from i = 0
//	sum min max absmax extremum (x, n)
//	                          over each run of n values, 8 or more for min and max; the result is a
//	                          Vector with Run n
//	min max (a, b), clamp(x, lo, hi)
//	                          lane by lane: a<b?a:b, a>b?a:b (so a NaN in a gives b); a float vector
//	                          followed by an integer constant is the line above: write min(15, x) or
//	                          min(x, 15.0)
//	abs sqrt inv floor        inv(x) = x != 0 ? 1/x : 0
//	f16 bf16 e8m0             what a field of that kind would hold of x, for codes made with the
//	                          scale as stored; e8m0(x) is the largest power of two not above |x|
//	trunc rint round          Float to Int: toward zero, half to even, half away from zero;
//	                          NaN and what does not fit give -2^31
//	float                     Int to Float
//	as_f16                    Int to Float: the binary16 whose bits it is
//	nearest                   nearest(codebook, v[, thresholds]): the number of thresholds t with
//	                          !(v < t)
//	<transform name>          the transform applied to each run of its size
//	inverse(<transform>, x)   its inverse
type Call struct {
	Node
	Fn        string
	Args      []Expr
	Group     int        // run length of a reduction over runs, 0: the whole block
	Book      *Codebook  // nearest
	Transform *Transform // Fn is "transform" or "inverse"
}
