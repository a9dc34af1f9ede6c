package jinja

// expr is an expression. Its value is a Python value (value.go).
type expr interface{ eval(r *run) any }

// stmt is a piece of the template's body.
type stmt interface{ exec(r *run) signal }

// signal says how a statement ended.
type signal int

const (
	normal signal = iota
	breaks
	continues
)

// variable is where a name lives: up functions outside, at a place of theirs.
type variable struct{ up, slot int }

type nameExpr struct {
	name string
	variable
}

// nsExpr is ns.attr as the target of a set.
type nsExpr struct {
	name, attr string
	variable
}

type constExpr struct{ value any }
type tupleExpr struct{ items []expr }
type listExpr struct{ items []expr }
type dictExpr struct{ keys, values []expr }
type condExpr struct {
	test, then, other expr // other may be nil
	line              int
}
type logicExpr struct {
	or          bool
	left, right expr
}
type notExpr struct{ x expr }
type unaryExpr struct {
	op byte
	x  expr
}
type binaryExpr struct {
	op          string
	left, right expr
}
type concatExpr struct {
	parts  []expr
	escape escaping
}
type compareExpr struct {
	first expr
	ops   []string
	rest  []expr
}
type attrExpr struct {
	x    expr
	name string
}
type itemExpr struct{ x, key expr }
type sliceExpr struct {
	x, start, stop, step expr // x is nil inside a subscript of several parts
	// jinja2 computes it while it compiles, when it has no value instead of an error
	folded bool
}

// arguments belong to a call, a filter or a test.
type arguments struct {
	pos      []expr
	names    []string
	values   []expr
	star     expr
	starStar expr
}

type callExpr struct {
	f expr
	arguments
	caller *macroNode // of a call block
	line   int
}
type filterExpr struct {
	x    expr // nil in a filter block
	name string
	arguments
	f    filter
	line int
}
type testExpr struct {
	x    expr
	name string
	arguments
	f    filter
	line int
}

// escaping reports whether output is escaped: never, always, or as the autoescape block around it
// evaluates to.
type escaping int

const (
	plain escaping = iota
	escapes
	dynamic
)

type dataNode struct{ text string }
type printNode struct {
	x      expr
	escape escaping
	line   int
}
type ifNode struct {
	tests  []expr
	bodies [][]stmt
	other  []stmt
	line   int
}
type forNode struct {
	target     expr
	iter       expr
	test       expr
	testTarget expr // the same target as the test's function sees it
	body       []stmt
	other      []stmt
	recursive  bool
	line       int

	loop                 int // place of the loop variable, -1 when it is not used
	function, testFn     *function
	enter, enterTest     []load
	enterOther           []load
	selfVariable         variable
	leaves, leavesOthers []int
}
type setNode struct {
	target expr
	value  expr
	spaces []*nsExpr // the namespaces in target
	export []export
	line   int
}
type setBlockNode struct {
	target expr
	filter *filterExpr
	body   []stmt
	enter  []load
	leaves []int
	spaces []*nsExpr
	export []export
	line   int
}
type macroNode struct {
	name                    string
	params                  []*nameExpr
	defaults                []expr
	body                    []stmt
	caller, kwargs, varargs int // places, -1 when they are not used
	explicitCaller          bool
	function                *function
	enter                   []load
	variable
	export []export
	call   *callExpr // of a call block
	line   int
}
type filterBlockNode struct {
	filter *filterExpr
	body   []stmt
	enter  []load
	leaves []int
	line   int
}
type withNode struct {
	targets []expr
	values  []expr
	body    []stmt
	enter   []load
	leaves  []int
	line    int
}

// scopeNode is an autoescape block or, with no test, the body of a generation tag.
type scopeNode struct {
	escape expr
	body   []stmt
	enter  []load
	leaves []int
	line   int
}
type blockNode struct {
	name                string
	body                []stmt
	scoped, required    bool
	line                int
	function            *function
	enter               []load
	selfSlot, superSlot int
	names               []string   // what a scoped block sees of the names around it
	variables           []variable // their places
}

// loaderNode is include, import, from or extends. There is nothing to load from, so it fails when
// it runs.
type loaderNode struct {
	tag    string
	source expr
	names  []string
	line   int
}
type jumpNode struct {
	to   signal
	line int
}
