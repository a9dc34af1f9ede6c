package arm64

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/kvgen/kvgen/gen/asm"
)

// Rules are those of arm64. Words are judged as the instructions that they are.
var Rules = &asm.Rules{
	Arch:     "arm64",
	Word:     readWord,
	Features: featuresOf,
	Implied:  func(string) []string { return nil },
	Reserved: map[string]string{"R18": "the platform's", "R28": "the goroutine", "R29": "the frame pointer"},
	Stack:    regexp.MustCompile(`, RSP$`),
	Compares: regexp.MustCompile(`^(?:CMP|CMN|TST|F?CCMP|FCMP|PRFM)`),
	Memory:   memoryOf,
	Bytes:    bytesOf,
}

// base matches the mnemonics of Go's assembler that need nothing beyond ARMv8.0.
var base = regexp.MustCompile(`^(?:MOV[DWHB]U?|FMOV[QDS]|FLDPQ|LDP|STP|ADDS?|SUBS?|ANDS?|ORR|EOR|LS[LR]|ASR|CMPW?|CMN|TST|B|B[A-Z]{2}|CBN?ZW?|RET|VFMLA|VADD|VEOR)$`)

// extensions are the mnemonics of the table that need a feature.
var extensions = func() map[string]string {
	list := map[string]string{}
	for _, i := range table {
		mnemonic, _, _ := strings.Cut(i.text, " ")
		list[mnemonic] = i.feature
	}
	return list
}()

// featuresOf looks at an instruction of the assembler, or at what readWord made of a word.
func featuresOf(in asm.Line) (list []string, known bool) {
	feature, ours := extensions[in.Op]
	if feature != "" {
		list = append(list, feature)
	}
	return list, ours || base.MatchString(in.Op)
}

var (
	wordRegister = regexp.MustCompile(`\b([xwvbhsdq])(\d+)(\.\w+)?`)
	wordMemory   = regexp.MustCompile(`\[(R\w+)(?:, #(-?\d+))?\]$`)
	wordList     = regexp.MustCompile(`\{ (.*?) \}(?:\[\d+\])?`)
)

// readWord is the instruction of a word as a line with registers and memory as Go writes them, and
// its text; ok is false where the table has none.
func readWord(word string) (in asm.Line, text string, ok bool) {
	w, err := strconv.ParseUint(strings.TrimPrefix(word, "$"), 0, 32)
	if err != nil {
		return in, "", false
	}
	row, text := decode(uint32(w))
	if row == nil {
		return in, "", false
	}
	var rest string
	in.Op, rest, _ = strings.Cut(text, " ")
	rest = wordRegister.ReplaceAllStringFunc(rest, func(r string) string {
		m := wordRegister.FindStringSubmatch(r)
		switch {
		case m[1] != "x" && m[1] != "w":
			return "F" + m[2]
		case m[2] == "31": // no word of the table has the zero register there
			return "RSP"
		}
		return "R" + m[2]
	})
	rest = wordList.ReplaceAllStringFunc(rest, func(l string) string { return strings.ReplaceAll(l, ", ", " ") })
	memory := wordMemory.FindStringSubmatch(rest)
	if memory != nil {
		rest = strings.TrimSuffix(strings.TrimSuffix(rest, memory[0]), ", ")
	}
	in.Args = strings.Split(rest, ", ")
	if memory != nil {
		in.Args = append(in.Args, memory[2]+"("+memory[1]+")")
	}
	if name := near[row.key]; name != "" { // one of the assembler's, in another encoding
		in.Op, in.Args[0], in.Args[1] = name, in.Args[1], in.Args[0]
	}
	return in, text, true
}

// near are the loads of the table that Go's assembler writes with another word.
var near = map[string]string{"ldur.s": "FMOVS", "ldur.d": "FMOVD", "ldur.q": "FMOVQ"}

// registerPair is how two registers of one load or store are written: (R0, R1).
var registerPair = regexp.MustCompile(`^\(\w+, *\w+\)$`)

// memoryOf: the destination is the last operand, of loads of several registers too; of words only
// stores have one.
func memoryOf(in asm.Line) (read []string, written string) {
	load := strings.HasPrefix(in.Op, "ld") || in.Op == "prfm"
	for i, a := range in.Args {
		switch {
		case !asm.InMemory(a) || registerPair.MatchString(a):
		case i == len(in.Args)-1 && !load:
			written = a
		default:
			read = append(read, a)
		}
	}
	return read, written
}

func bytesOf(in asm.Line) int {
	switch in.Op {
	case "MOVD", "FMOVD":
		return 8
	case "MOVW", "MOVWU", "FMOVS":
		return 4
	case "MOVH", "MOVHU":
		return 2
	case "FMOVQ", "LDP", "STP":
		return 16
	case "FLDPQ":
		return 32
	}
	return 1
}
