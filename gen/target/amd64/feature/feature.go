// Package feature knows which CPU features the instructions of an amd64 function need, in the names
// that the "Requires:" line above it uses.
package feature

import (
	"regexp"
	"slices"
	"strings"
)

// order is that in which Required lists features.
var order = []string{"SSE3", "SSSE3", "SSE4", "SSE42", "POPCNT", "LZCNT", "BMI1", "BMI2", "AVX", "AVX2", "F16C", "FMA", "GFNI",
	"AVX512F", "AVX512BW", "AVX512DQ", "AVX512VL", "AVX512CD", "AVX512VBMI", "AVX512VBMI2", "AVX512VNNI", "AVX512BITALG",
	"AVX512VPOPCNTDQ"}

// Implied lists what a feature brings along.
func Implied(name string) []string {
	switch {
	case name == "AVX2" || name == "FMA" || name == "F16C":
		return []string{"AVX"}
	case name == "AVX512F":
		return []string{"AVX2", "AVX"}
	case strings.HasPrefix(name, "AVX512"):
		return []string{"AVX512F", "AVX2", "AVX"}
	}
	return nil
}

// Required names the features that a text of Go assembly needs, one instruction to a line, less
// those that others imply.
func Required(text string) []string {
	needs := map[string]bool{}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "//")
		op, operands, _ := strings.Cut(strings.TrimSpace(line), " ")
		op, suffix, _ := strings.Cut(op, ".")
		args := strings.Split(operands, ",")
		for k := range args {
			args[k] = strings.TrimSpace(args[k])
		}
		list, _ := Of(op, suffix, args)
		for _, name := range list {
			needs[name] = true
		}
	}
	var list []string
	for _, name := range order {
		if needs[name] && !slices.ContainsFunc(order, func(other string) bool {
			return needs[other] && slices.Contains(Implied(other), name)
		}) {
			list = append(list, name)
		}
	}
	return list
}

var (
	vexTable    = byName()
	legacyTable = legacyByName()
	fused       = regexp.MustCompile(`^VFN?M(?:ADD|SUB|ADDSUB|SUBADD)(?:132|213|231)[PS][SD]$`)
	highOrMask  = regexp.MustCompile(`\b(?:Z\d+|K[0-7]|[XY](?:1[6-9]|2\d|3[01]))\b`)
	register    = regexp.MustCompile(`\b([XYZ])(\d+)\b`)
	general     = regexp.MustCompile(`^(?:[A-D]X|[SD]I|BP|R\d+)$`)
	scalar      = regexp.MustCompile(`^V(?:[^PB]|B[^R]).*S[SD]$|^VMOV[DQ]$|^VP(?:EXTR|INSR)|SI2S|2SIQ?$|^K|^VMOV[HL]|^V(?:INSERT|EXTRACT)PS$`)
)

func byName() map[string]class {
	table := map[string]class{}
	for _, c := range classes {
		for _, name := range strings.Fields(c.names) {
			table[name] = c
		}
	}
	return table
}

func legacyByName() map[string]string {
	table := map[string]string{}
	for _, l := range legacy {
		for _, name := range strings.Fields(l.names) {
			table[name] = l.feature
		}
	}
	return table
}

// Of names the features of one instruction: its mnemonic in Go's spelling, what follows the first
// dot of it, and its operands in Go's order. A mnemonic of V or K that is in no table is unknown;
// any other is taken for one that every amd64 has, since the assembler rejects what does not exist.
func Of(op, suffix string, operands []string) (list []string, known bool) {
	if op == "" || op[0] != 'V' && op[0] != 'K' || op == "VERR" || op == "VERW" {
		if f := legacyTable[op]; f != "" {
			list = append(list, f)
		}
		return list, true
	}
	args := strings.Join(operands, ",")
	width := 0 // of the widest vector register
	for _, m := range register.FindAllStringSubmatch(args, -1) {
		width = max(width, map[string]int{"X": 128, "Y": 256, "Z": 512}[m[1]])
	}
	evex := suffix != "" || highOrMask.MatchString(args) ||
		strings.HasPrefix(op, "VPBROADCAST") && len(operands) > 0 && general.MatchString(operands[0])
	c, ok := vexTable[op]
	switch {
	case fused.MatchString(op):
		c = class{"FMA", "FMA", "AVX512F", ""}
	// AVX has the form with a source in memory only
	case (op == "VBROADCASTSS" || op == "VBROADCASTSD") && len(operands) > 0:
		c = class{"AVX", "AVX", "AVX512F", ""}
		if !strings.HasSuffix(operands[0], ")") {
			c = class{"AVX2", "AVX2", "AVX512F", ""}
		}
	case !ok:
		return nil, false
	}
	switch {
	case evex && c.evex == "":
		return nil, false
	case evex || c.x == "":
		list = append(list, c.evex)
		if width != 0 && width < 512 && !scalar.MatchString(op) {
			list = append(list, "AVX512VL")
		}
	case width == 256:
		list = append(list, c.y)
	default:
		list = append(list, c.x)
	}
	return list, list[0] != ""
}
