package main

import (
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/kvgen/kvgen/gen"
	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target"
	"github.com/kvgen/kvgen/kernels/abi"
)

// instructionSets compiles the set for every target and returns what the runtime chooses from, best
// first.
func instructionSets(set *spec.Set) ([]target.ISA, error) {
	var isas []target.ISA
	for _, t := range gen.Targets() {
		out, err := t.Generate(set)
		if err != nil {
			return nil, fmt.Errorf("target %s: %w", t.Name(), err)
		}
		isas = append(isas, out.ISAs...)
	}
	return isas, nil
}

// kernelSet is what an instruction set has for a type, and what it leaves to those after it.
type kernelSet struct {
	has     []string
	missing []missingKernel
}

// missingKernel is a kernel that an instruction set does not have for a type.
type missingKernel struct{ kernel, why string }

// kernelsOf sorts the kernels that a type may have by whether an instruction set has them.
func kernelsOf(isa target.ISA, t *spec.Type) kernelSet {
	var set kernelSet
	for _, k := range isa.Types {
		if k.Type != t.Name {
			continue
		}
		for _, kind := range abi.Kinds {
			switch why := k.Why[kind.Field]; {
			case kind.Words == "":
			case k.Funcs[kind.Field] != "":
				set.has = append(set.has, kind.Words)
			case why != "" && (kind.Field != "Encode" || t.Encode != nil):
				set.missing = append(set.missing, missingKernel{kind.Words, why})
			}
		}
	}
	return set
}

// listMissing prints the kernels that the instruction sets of a CPU do not have for some type, so
// that portable Go or a set further down the list does the work.
func listMissing(w io.Writer, set *spec.Set, isas []target.ISA) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	header := "\nNOT AS VECTORS\tKERNELS\tINSTRUCTION SETS\tWHY\n"
	for _, t := range set.Types {
		for _, row := range missingRows(t, isas) {
			fmt.Fprint(table, header)
			header = ""
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", t.Name, strings.Join(row.kernels, ", "), strings.Join(row.isas, " "), plainWhy(scarce, row.why))
		}
	}
	for _, isa := range isas {
		for _, kernel := range slices.Sorted(maps.Keys(isa.Why)) {
			fmt.Fprint(table, header)
			header = ""
			fmt.Fprintf(table, "every type\t%s\t%s\t%s\n", kernel, isa.Name, plainWhy(scarce, isa.Why[kernel]))
		}
	}
	return table.Flush()
}

// scarce is what the register allocator says.
var scarce = regexp.MustCompile(`needs more than (\d+) registers`)

// plainWhy says in the words of a spec's author what the register allocator says in its own.
func plainWhy(scarce *regexp.Regexp, why string) string {
	if found := scarce.FindStringSubmatch(why); found != nil {
		return "a value needs more fields, masks and levels at once than the " + found[1] + " vector registers hold"
	}
	return why
}

// missingRow is kernels of one type that lack a vector form for one reason.
type missingRow struct {
	kernels, isas []string
	why           string
}

// missingRows gathers what is missing for the same reason: kernels of one instruction set first,
// then instruction sets.
func missingRows(t *spec.Type, isas []target.ISA) []missingRow {
	var rows []missingRow
	for _, isa := range isas {
		var own []missingRow
	next:
		for _, m := range kernelsOf(isa, t).missing {
			for k := range own {
				if own[k].why == m.why {
					own[k].kernels = append(own[k].kernels, m.kernel)
					continue next
				}
			}
			own = append(own, missingRow{[]string{m.kernel}, []string{isa.Name}, m.why})
		}
		rows = mergeRows(rows, own)
	}
	return rows
}

// mergeRows adds rows of another instruction set to those that say the same.
func mergeRows(rows, more []missingRow) []missingRow {
next:
	for _, m := range more {
		for k := range rows {
			if rows[k].why == m.why && strings.Join(rows[k].kernels, " ") == strings.Join(m.kernels, " ") {
				rows[k].isas = append(rows[k].isas, m.isas...)
				continue next
			}
		}
		rows = append(rows, m)
	}
	return rows
}
