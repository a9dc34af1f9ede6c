package cuda

import "fmt"

// rowsSource is a program of rows of one side; key says which. The two sides of a layer lie differently.
func rowsSource(s Side, key bool, frame string, find Texts) (*Source, error) {
	b, err := newBuilder(find)
	if err != nil {
		return nil, err
	}
	typ, rotation, err := b.side(s)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(&b.main, "using Type = %s;\nusing Rotation = %s;\n", typ, rotation)
	b.define("SIDE", map[bool]string{true: "Side::key", false: "Side::value"}[key])
	b.define("HEAD_DIM", s.Dim)
	b.define("FILE_ROW", s.Type.HeadDim(s.Dim))
	b.include(frame + ".cu")
	return b.source(fmt.Sprintf("%s-%s-%d", frame, s.Type.Name, s.Dim), exactly), nil
}

// StoreSource is the program with the kernel store of one side.
func StoreSource(s Side, key bool, find Texts) (*Source, error) {
	return rowsSource(s, key, "store", find)
}

// MoveSource is the program with the kernels that read rows of one side: read_rows, export_rows, turn_rows. It does not compile for a
// type of which rows do not keep all of a block.
func MoveSource(s Side, key bool, find Texts) (*Source, error) {
	return rowsSource(s, key, "move", find)
}

// lay includes a side and declares its Lay. packed.cuh must have been included.
func (b *builder) lay(name string, s Side, side string) error {
	typ, rotation, err := b.side(s)
	if err != nil {
		return err
	}
	fmt.Fprintf(&b.main, "using %s = Lay<%s, %s, Side::%s, %d, %d>;\n", name, typ, rotation, side, s.Dim, s.Type.HeadDim(s.Dim))
	return nil
}

// pairsSource is a program of both sides of the given pairs, called NAMEKeyRows and NAMEValueRows.
func pairsSource(frame string, find Texts, names []string, pairs ...Pair) (*Source, error) {
	b, err := newBuilder(find)
	if err != nil {
		return nil, err
	}
	b.include("packed.cuh")
	for i, p := range pairs {
		if err := b.lay(names[i]+"KeyRows", p.Key, "key"); err != nil {
			return nil, err
		}
		if err := b.lay(names[i]+"ValueRows", p.Value, "value"); err != nil {
			return nil, err
		}
	}
	b.include(frame + ".cu")
	p := pairs[0]
	return b.source(fmt.Sprintf("%s-%s-%s-%d-%d", frame, p.Key.Type.Name, p.Value.Type.Name, p.Key.Dim, p.Value.Dim), exactly), nil
}

// HeadsSource is the program with the kernel heads, which stores into rows of a pair.
func HeadsSource(p Pair, find Texts) (*Source, error) {
	return pairsSource("heads", find, []string{""}, p)
}

// TakeSource is the program with the kernel take, which packs exact rows.
func TakeSource(packed, exact Pair, find Texts) (*Source, error) {
	return pairsSource("take", find, []string{"", "Exact"}, packed, exact)
}

// TurnsSource is the program with the kernels turns, place and gates.
func TurnsSource(find Texts) (*Source, error) {
	b, err := newBuilder(find)
	if err != nil {
		return nil, err
	}
	b.include("batch.cu")
	return b.source("turns", exactly), nil
}
