// Package spec reads the text that describes quantisation types and turns it into typed, checked
// declarations. HCL is used as syntax only: no expression is evaluated by the HCL library. The
// expressions are the program; package lower compiles them and package interp interprets them.
//
// # Blocks
//
//	transform "name" { kind = wht, size = 16..512,
//	                   left and right = signs("pcg64", seed, skip) or signs("golden") }
//	rotation "name"  { tile = 16..512, guard = condition over head_dim and quantised }
//	type "name"      { attributes, codes, and encode { statements } unless the type is read-only }
//	family "name"    { a type that is repeated for over { parameter = [integers] };
//	                   name = "lm${width}_${n}" }
//
// # Attributes of a type
//
//	summary, id, compatible_with
//	                a line of text; the ggml number; whose bytes these are
//	use             [kv], [weight] or both; by default kv if there is an encode, else weight
//	block           values per block: 1 for a plain float, else 16 to 1024
//	pad             true: a head is padded with zeros to whole blocks
//	guard           condition over head_dim, besides head_dim % block == 0
//	layout          [f16("d"), u8("qs", 16)]: the fields in order, without gaps; also bf16 f32 e8m0
//	unused          bits(field, offset, width) or a list: bits of nothing, written as zero
//	domain          a transform: what is stored is transformed
//	codebook        [levels], lloyd_max(levels, source) or int8(lloyd_max(levels, source)), where
//	                source is gaussian, laplace, sphere(d): one coordinate of a random unit vector,
//	                or extremum(n): one of n normal values over their extremum
//	thresholds      [between levels]; by default their midpoints
//	value           what a stored value reads back as
//	any other name  a code: bits(field, offset, width) terms, each times a power of two, added or
//	                chosen by conditions on i; offset counts from the field's first bit,
//	                little-endian; sbits extends the sign. One that encode does not assign is a
//	                view: it reads bits of other codes. A type that is only read may share bits
//	or else         a table: [levels], read as table[index], or points of 2 to 16 values, read as
//	                table[point][index]: [[values], ...]; points(n, [levels], text), whose digits
//	                are the numbers of levels, n to a point; parity(n), 2^(n-1) points of n signs,
//	                -1 where a bit of the point's number is set, the last such that an even number
//	                is; TYPE.table, that of a type before it
//
// # Expressions
//
// Arithmetic of i (the index in the block), block, family parameters and integer literals is
// evaluated here for every i, with integer division; pow, min and max are its functions. It may
// select: a branch that is not taken need not make sense. Everything else is f32 in the order
// written, one rounding per operation, described at [Expr] and [Call]. An integer that meets a
// float is converted. In encode, x is the input and statements run in order. A field or code is the
// value that was assigned, before it is stored. domain(v) applies the type's domain. codebook.scale
// is the number of units of an int8 codebook in one unit of its source. HCL reads a-b as one name:
// write spaces around a minus.
//
// # Integers
//
// An integer is an int32: a code, an index, what nearest, trunc, rint and round give, and
// arithmetic of these. Bounds of every integer follow from its text. A code of 4 bits is 0 to 15,
// sbits of 4 is -8 to 7. The operators + - * / % and ?: carry bounds on, and so do min, max, clamp
// and abs. A comparison bounds what it compares: code > 15 ? 15 : code is at most 15. A lookup must
// be proven to stay in its table. Arithmetic must be proven to stay in an int32; only a float
// that nothing bounds, such as rint(x*inv(d)), gives an integer whose arithmetic may wrap, alike on
// every target, until clamp, min, max or % bounds it. x/0 and x%0 are 0.
//
// What encode gives a code must be proven to fit its bits. The proof is these bounds, as with clamp
// and nearest, or, for ordinary blocks, what a value can be over the largest of its block. For
// example trunc(x*inv(d) + 8.5) with d = extremum(x)/-8 is 0 to 16, so min(15, ...) fits 4 bits. A
// block of NaN, or of subnormals alone, stores the low bits of what it gives, as published formats
// do.
//
// Every mistake is reported, with its place, under the name of a rule of check.go.
package spec
