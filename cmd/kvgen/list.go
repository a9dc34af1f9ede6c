package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"text/tabwriter"

	"github.com/klauspost/cpuid/v2"
	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target"
)

// reading makes the flag set of a subcommand that only reads the spec.
func (f *folders) reading(name string, stdout io.Writer) *pflag.FlagSet {
	set := newFlags(name, stdout)
	set.StringVar(&f.spec, "spec", "", "`folder` of .hcl files, or one file (default: kernels/spec; outside a checkout the specs inside kvgen)")
	return set
}

// list prints what the spec declares, or the types that are named, and what that compiles to.
func list(_ context.Context, stdout io.Writer, args []string) error {
	var dirs folders
	flags := dirs.reading("list", stdout)
	asJSON := flags.Bool("json", false, "print one JSON object instead of tables")
	if err := flags.Parse(args); err != nil {
		return err
	}
	l, err := dirs.choose(flags.Args())
	if err != nil {
		return err
	}
	set := l.set
	isas, err := instructionSets(set)
	if err != nil {
		return err
	}
	if *asJSON {
		return printJSON(stdout, listed(set, isas))
	}
	if err := listTypes(stdout, set, isas); err != nil {
		return err
	}
	if err := listRotations(stdout, set); err != nil {
		return err
	}
	if err := listISAs(stdout, isas); err != nil {
		return err
	}
	return listMissing(stdout, set, isas)
}

// listTypes prints a row per type. An instruction set is named when it has at least one kernel of
// its own for the type.
func listTypes(w io.Writer, set *spec.Set, isas []target.ISA) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TYPE\tBITS/VALUE\tBLOCK\tUSE\tHEAD_DIM\tKERNELS\tSUMMARY")
	for _, t := range set.Types {
		var names []string
		for _, isa := range isas {
			if k := kernelsOf(isa, t); len(k.has) > 0 {
				names = append(names, isa.Name)
			}
		}
		fmt.Fprintf(table, "%s\t%.5g\t%d in %d B\t%s\t%s\t%s\t%s\n", t.Name, float64(8*t.Bytes)/float64(t.Block), t.Block, t.Bytes,
			strings.Join(uses(t), ", "), headRule(t), strings.Join(names, " "), t.Summary)
	}
	return table.Flush()
}

// uses says what a type may hold.
func uses(t *spec.Type) []string {
	var list []string
	if t.KV {
		list = append(list, "cache")
	}
	if t.Weight {
		list = append(list, "weights")
	}
	return list
}

// headRule is what a head must satisfy to be cached in the type.
func headRule(t *spec.Type) string {
	switch {
	case !t.KV:
		return "-"
	case t.Guard != nil:
		return t.Guard.Text
	case t.Block == 1:
		return "any"
	case t.Pad:
		return fmt.Sprintf("any, padded to %d", t.Block)
	}
	return fmt.Sprintf("head_dim %% %d == 0", t.Block)
}

func listRotations(w io.Writer, set *spec.Set) error {
	if len(set.Rotations) == 0 {
		return nil
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nROTATION\tTILE\tGUARD\tSUMMARY")
	for _, r := range set.Rotations {
		guard := "-"
		if r.Guard != nil {
			guard = r.Guard.Text
		}
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\n", r.Name, r.Tile.Size, guard, r.Summary)
	}
	return table.Flush()
}

// listISAs prints the instruction sets in the order in which the runtime tries them, and what this
// machine makes of each.
func listISAs(w io.Writer, isas []target.ISA) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "\nINSTRUCTION SET\tNEEDS\tON THIS %s MACHINE\n", runtime.GOARCH)
	chosen := false
	for _, isa := range isas {
		verdict := rejected(isa)
		switch {
		case verdict != "":
			verdict = "rejected: " + verdict
		case chosen:
			verdict = "fits; serves what those above lack"
		default:
			verdict, chosen = "selected", true
		}
		needs := strings.Join(isa.Needs, ", ")
		if isa.Arch == "" {
			needs = "any processor"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", isa.Name, needs, verdict)
	}
	return table.Flush()
}

// rejected says why this machine cannot run an instruction set, "" when it can.
func rejected(isa target.ISA) string {
	if isa.Arch != "" && isa.Arch != runtime.GOARCH {
		return "for " + isa.Arch
	}
	var lacks []string
	for _, name := range isa.Needs {
		if f := cpuid.ParseFeature(name); f == cpuid.UNKNOWN || !cpuid.CPU.Supports(f) {
			lacks = append(lacks, name)
		}
	}
	if len(lacks) > 0 {
		return "the CPU lacks " + strings.Join(lacks, ", ")
	}
	return ""
}
