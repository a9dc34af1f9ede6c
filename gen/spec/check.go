package spec

// rule is one thing a spec must keep to. Format takes the arguments of report.fail and says what is
// allowed.
type rule struct {
	Name   string
	Format string
}

// The rules, in the order in which a file is read. testdata/bad has a case for each.
var (
	// Files and blocks.
	ruleSyntax    = rule{"syntax", "%s"}
	ruleFileSize  = rule{"file-size", "the file has %d bytes; allowed: up to %d"}
	ruleNesting   = rule{"nesting", "brackets nest too deeply; allowed: %d levels"}
	ruleTopLevel  = rule{"top-level", "%q cannot stand here; allowed: the blocks transform, rotation, type, family"}
	ruleLabel     = rule{"label", "a %s block has one name: %s \"name\" { ... }; this one has %d"}
	ruleName      = rule{"name", "%q is not a name; allowed: letters, digits and _, a letter first, up to 32 characters"}
	ruleReserved  = rule{"reserved", "%q has a meaning of its own and cannot name %s"}
	ruleNameTaken = rule{"name-taken", "%q already names %s"}
	ruleDuplicate = rule{"duplicate", "the %s %q is already declared at %s:%d; names differ by more than case"}
	ruleMissing   = rule{"missing", "%q lacks the attribute %s"}
	ruleAttribute = rule{"attribute", "%s has no %q; allowed: %s"}
	ruleBlockName = rule{"block-name", "a type has no block %q; allowed: encode { ... }"}
	ruleText      = rule{"text", "text must be one line; allowed: up to %d bytes"}
	ruleSteps     = rule{"steps", "the spec asks for too much arithmetic over i; allowed: %d evaluations in all"}
	ruleDepth     = rule{"depth", "the expression is too deep; allowed: %d levels"}

	// Transforms, rotations and families.
	ruleTransformKind  = rule{"transform-kind", "unknown kind of transform; allowed: wht"}
	ruleTransformPower = rule{"transform-power", "a transform of %d values; allowed: powers of two from %d to %d"}
	ruleTransformName  = rule{"transform-name", "not a declared transform; allowed: %s"}
	ruleTransformSize  = rule{"transform-size", "transform %s takes %d values and does not divide the block of %d"}
	ruleSigns          = rule{"signs", `not a sign vector; allowed: signs("pcg64", seed, skip), signs("golden")`}
	ruleSeed           = rule{"seed", "seed and skip must not be negative; allowed: skip up to %d"}
	ruleOver           = rule{"over", "a family has one block over { parameter = [integers] } with at least one parameter"}
	ruleParameter      = rule{"parameter", "%s must be a list of integers; allowed: 1 to %d of them"}
	ruleMembers        = rule{"members", "the family has %d members or more; allowed: up to %d"}
	ruleTemplate       = rule{"template", `not a text; allowed: "..." with ${parameter} inside`}
	ruleFamilyOnly     = rule{"family-only", "name is for a family; a type is named by its label"}

	// Attributes of a type.
	ruleAttributes  = rule{"attributes", "%d attributes; allowed: up to %d"}
	ruleBlock       = rule{"block", "a block of %d values; allowed: %d to %d, or 1 for a plain float"}
	rulePlain       = rule{"plain", "a block of 1 value must be one float field that value reads as it is"}
	ruleID          = rule{"id", "id %d; allowed: 0 to 65535"}
	ruleIDTaken     = rule{"id-taken", "id %d is that of %s, declared at %s:%d; GGUF files tell types by it"}
	rulePad         = rule{"pad", "pad is true or false"}
	ruleGuard       = rule{"guard", "a guard is of integers and conditions, and this is a float; for sqrt(head_dim) == 8 write head_dim == 64, for head_dim > 63.5 head_dim > 63"}
	ruleGuardNever  = rule{"guard-never", "no head of 1 to %d values that is a multiple of %d satisfies the guard"}
	ruleUse         = rule{"use", "use is a list; allowed: kv weight"}
	ruleUseKV       = rule{"use-kv", "a type without encode cannot be used for kv"}
	ruleLayout      = rule{"layout", "layout is a list of 1 to %d fields, such as [f16(\"d\"), u8(\"qs\", 16)]"}
	ruleField       = rule{"field", `not a field; allowed: u8("name", bytes), f16("name"), bf16("name"), f32("name"), e8m0("name")`}
	ruleFieldCount  = rule{"field-count", "%d bytes; allowed: 0 to %d"}
	ruleBlockBytes  = rule{"block-bytes", "the block has %d bytes; allowed: 1 to %d"}
	ruleUnusedAttr  = rule{"unused-attr", "unused is bits(field, offset, width) or a list of them, without i"}
	ruleFieldUnread = rule{"field-unread", "field %s is neither read by value nor written by encode"}

	// Codebooks.
	ruleCodebook      = rule{"codebook", "not a codebook; allowed: [levels], lloyd_max(levels, source), int8(lloyd_max(levels, source))"}
	ruleList          = rule{"list", "not a list of constants; allowed: 1 to %d"}
	ruleLevels        = rule{"levels", "%d levels; allowed: 2 to %d"}
	ruleSource        = rule{"source", "unknown source; allowed: gaussian, laplace, sphere(dimensions), extremum(values)"}
	ruleSphere        = rule{"sphere", "a sphere in %d dimensions; allowed: 8 to 32767"}
	ruleExtremum      = rule{"extremum", "the extremum of %d values; allowed: 2 to 32767"}
	ruleSolver        = rule{"solver", "%v"}
	ruleThresholds    = rule{"thresholds", "%d thresholds; needed: %d, ascending, for levels that ascend"}
	ruleNoCodebook    = rule{"no-codebook", "the type has no codebook"}
	ruleCodebookOrder = rule{"codebook-order", "nearest needs levels that ascend"}
	ruleCodebookStep  = rule{"codebook-step", "allowed: codebook[0..%d], codebook.scale"}
	ruleLookup        = rule{"lookup", "the index can be %s; allowed: 0 to %[2]d; clamp(index, 0, %[2]d) keeps it there"}
	ruleNearest       = rule{"nearest", "allowed: nearest(codebook, value), nearest(codebook, value, thresholds)"}

	// Tables.
	ruleTable      = rule{"table", "not a table; allowed: [levels], [[values], ...], points(values, [levels], \"digits\"), parity(values), TYPE.table; a point has 2 to %d values, all alike"}
	ruleDigits     = rule{"digits", "not digits; allowed: a text of 0 to %d, each the number of a level, letters after 9; up to 32768 of them"}
	rulePoints     = rule{"points", "%d digits are no points of %d values"}
	ruleParity     = rule{"parity", "points of %d signs; allowed: 2 to %d"}
	ruleOtherTable = rule{"other-table", "no type %q with a table %q stands before"}
	ruleTableBare  = rule{"table-bare", "%s is a table; write %s"}
	ruleTableRead  = rule{"table-unread", "nothing reads the table %s"}

	// Codes.
	ruleCode        = rule{"code", "not part of a code; allowed: sums and conditionals of bits(field, offset, width) times powers of two"}
	ruleCodeEmpty   = rule{"code-empty", "the code has no bits at i = %d"}
	ruleCodeOverlap = rule{"code-overlap", "two terms give bit %d of the code at i = %d"}
	ruleCodeBits    = rule{"code-bits", "%s has %d bits; allowed: up to %d"}
	ruleCodeUnused  = rule{"code-unused", "value does not read %s"}
	ruleSigned      = rule{"signed", "%s: sbits() must be the only term, at every i, and not be multiplied"}
	ruleFactor      = rule{"factor", "a term times %d; allowed: powers of two from 1, together up to %d"}
	ruleBitsField   = rule{"bits-field", "bits() reads a u8 field; allowed: %s"}
	ruleWidth       = rule{"width", "a width of %d bits; allowed: 1 to %d"}
	ruleBitsRange   = rule{"bits-range", "bits %d to %d at i = %d; %s has bits 0 to %d"}
	ruleBitsShared  = rule{"bits-shared", "bit %d of %s is read by %s at i = %d and by %s at i = %d"}
	ruleBitsUnnamed = rule{"bits-unnamed", "bit %d of %s belongs to no code; list it in unused"}

	// Expressions.
	ruleExpression    = rule{"expression", "not an expression of this language; allowed: names, numbers, operators, conditionals, calls, codebook[index]"}
	ruleUnknown       = rule{"unknown", "unknown name %q; allowed: %s"}
	ruleUseBefore     = rule{"use-before", "%s is read before encode assigns it"}
	ruleRawField      = rule{"raw-field", "%s is bytes; name a code for them: code = bits(%s, ...)"}
	ruleBareBits      = rule{"bare-bits", "%s() stands in an attribute of its own, which gives the integer a name"}
	ruleNumber        = rule{"number", "%s is not a number that f32 holds"}
	ruleInteger       = rule{"integer", "the integer is too large; allowed: up to %d either way"}
	ruleIndex         = rule{"index", "not arithmetic over i; allowed: i, block, parameters, integers, + - * / %% comparisons ?: && || ! pow min max"}
	ruleConstant      = rule{"constant", "not a constant; allowed: integers, family parameters, arithmetic, pow min max"}
	ruleConstantRange = rule{"constant-range", "the constant is infinite or not a number"}
	ruleOverflow      = rule{"overflow", "the integer can be %s and an integer holds -2147483648 to 2147483647; bound what it is made of with clamp, min or max, or compute with floats: float(a)*b"}
	ruleDivision      = rule{"division", "division by zero"}
	ruleKind          = rule{"kind", "needed: %s; this is %s"}
	ruleModulo        = rule{"modulo", "%% is for integers"}
	ruleFunction      = rule{"function", "unknown function %q; allowed: %s"}
	ruleArguments     = rule{"arguments", "%s takes %s; given: %d"}
	ruleReduce        = rule{"reduce", "%s needs a value that differs along the block"}
	ruleRun           = rule{"run", "runs of %d do not divide the block of %d"}
	ruleClip          = rule{"clip", "%[1]s of a vector of floats and the integer %[2]d is of runs of so many values; allowed: %[3]d or more that divide the block of %[4]d; for the %[5]s of two values write the number as a float: %[1]s(x, %[2]d.0)"}
	ruleNoDomain      = rule{"no-domain", "the type declares no domain"}

	// Encode.
	ruleEncodeTwice  = rule{"encode-twice", "a type has one encode block"}
	ruleStatement    = rule{"statement", "encode holds statements only: name = expression"}
	ruleAssignBytes  = rule{"assign-bytes", "%s is bytes; assign the codes that lie in it"}
	ruleAssignRun    = rule{"assign-run", "%s is shared by %d values; this is known to be the same for %d only"}
	ruleCodeFit      = rule{"code-fit", "%s has %d bits, which hold %.0f to %[4]v, and is given %[5]v; clamp(value, %[3]v, %[4]v) keeps it there"}
	ruleUnassigned   = rule{"unassigned", "encode does not assign %s"}
	ruleLocalUnused  = rule{"local-unused", "%s is never read"}
	ruleDomainUnused = rule{"domain-unused", "the stored domain is %s, but encode does not apply it: domain(x)"}
)

// typeChecks are the rules about a whole type; they run when every part of it could be read.
var typeChecks = []func(s *scope){
	(*scope).checkPlain,
	(*scope).checkUse,
	(*scope).checkGuard,
	(*scope).checkBits,
	(*scope).checkRead,
	(*scope).checkAssigned,
	(*scope).checkDomain,
}

// checkPlain: a block of one value is a float as it is.
func (s *scope) checkPlain() {
	if s.block == 1 && (s.typ.Quantised || len(s.typ.Fields) != 1 || s.typ.Fields[0].Kind == E8M0) {
		s.fail(rulePlain, s.typ.Range)
	}
}

// checkUse: what is written must be writable.
func (s *scope) checkUse() {
	t := s.typ
	if !t.KV && !t.Weight { // the default
		t.KV, t.Weight = t.Encode != nil, t.Encode == nil
	}
	if t.KV && t.Encode == nil {
		s.fail(ruleUseKV, t.Range)
	}
}

// checkRead: value reads every field and code, and encode every local. A field that only encode
// writes is allowed: it is part of a layout that others defined.
func (s *scope) checkRead() {
	t := s.typ
	for _, f := range t.Fields {
		if f.Kind != U8 && !s.read[f.Name] && t.Encode == nil {
			s.fail(ruleFieldUnread, f.Range, f.Name)
		}
	}
	for _, c := range t.Codes {
		if !s.read[c.Name] {
			s.fail(ruleCodeUnused, c.Range, c.Name)
		}
	}
	for _, b := range t.Tables {
		if !s.read[b.Name] && !s.used[b.Name] {
			s.fail(ruleTableRead, b.Range, b.Name)
		}
	}
	for _, a := range t.Encode {
		if s.fields[a.Name] == nil && s.codes[a.Name] == nil && !s.used[a.Name] {
			s.fail(ruleLocalUnused, a.Range, a.Name)
		}
	}
}

// checkAssigned: encode gives every scalar field a value; codes are checked with their bits. HCL
// itself refuses a second assignment.
func (s *scope) checkAssigned() {
	t := s.typ
	if t.Encode == nil {
		return
	}
	for _, f := range t.Fields {
		if f.Kind != U8 && s.vars[f.Name] == nil {
			s.fail(ruleUnassigned, f.Range, f.Name)
		}
	}
}

// checkDomain: a type that stores transformed values transforms them.
func (s *scope) checkDomain() {
	if s.typ.Domain == nil || s.typ.Encode == nil {
		return
	}
	found := false
	for _, a := range s.typ.Encode {
		Walk(a.X, func(x Expr) {
			c, ok := x.(*Call)
			found = found || ok && c.Fn == "transform" && c.Transform == s.typ.Domain
		})
	}
	if !found {
		s.fail(ruleDomainUnused, s.typ.Range, s.typ.Domain.Name)
	}
}
