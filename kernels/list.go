package kernels

// Types returns every type in the order of the spec. The rows are shared: do not change them.
func Types() []*Type { return append(pointers(types[:]), added.Types...) }

// Transforms returns every transform in the order of the spec.
func Transforms() []*Transform { return append(pointers(transforms[:]), added.Transforms...) }

// Rotations returns every rotation in the order of the spec.
func Rotations() []*Rotation { return append(pointers(rotations[:]), added.Rotations...) }

// ByName returns the type of that name, nil if there is none.
func ByName(name string) *Type {
	return find(types[:], added.Types, func(t *Type) bool { return t.Name == name })
}

// ByID returns the type with that ggml type number, nil if there is none.
func ByID(id int) *Type {
	return find(types[:], added.Types, func(t *Type) bool { return t.ID == id && id >= 0 })
}

// TransformByName returns the transform of that name, nil if there is none.
func TransformByName(name string) *Transform {
	return find(transforms[:], added.Transforms, func(t *Transform) bool { return t.Name == name })
}

// RotationByName returns the rotation of that name, nil if there is none.
func RotationByName(name string) *Rotation {
	return find(rotations[:], added.Rotations, func(r *Rotation) bool { return r.Name == name })
}

// find is the first row, of the table or of what was added to it, that is wanted.
func find[T any](rows []T, more []*T, wanted func(*T) bool) *T {
	for k := range rows {
		if wanted(&rows[k]) {
			return &rows[k]
		}
	}
	for _, row := range more {
		if wanted(row) {
			return row
		}
	}
	return nil
}

func pointers[T any](rows []T) []*T {
	all := make([]*T, len(rows))
	for k := range rows {
		all[k] = &rows[k]
	}
	return all
}
