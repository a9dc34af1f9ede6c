package kernels

// Types returns every type in the order of the spec. The rows are shared: do not change them.
func Types() []*Type { return pointers(types[:]) }

// Transforms returns every transform in the order of the spec.
func Transforms() []*Transform { return pointers(transforms[:]) }

// Rotations returns every rotation in the order of the spec.
func Rotations() []*Rotation { return pointers(rotations[:]) }

// ByName returns the type of that name, nil if there is none.
func ByName(name string) *Type {
	for k := range types {
		if types[k].Name == name {
			return &types[k]
		}
	}
	return nil
}

// ByID returns the type with that ggml type number, nil if there is none.
func ByID(id int) *Type {
	for k := range types {
		if types[k].ID == id && id >= 0 {
			return &types[k]
		}
	}
	return nil
}

// TransformByName returns the transform of that name, nil if there is none.
func TransformByName(name string) *Transform {
	for k := range transforms {
		if transforms[k].Name == name {
			return &transforms[k]
		}
	}
	return nil
}

// RotationByName returns the rotation of that name, nil if there is none.
func RotationByName(name string) *Rotation {
	for k := range rotations {
		if rotations[k].Name == name {
			return &rotations[k]
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
