package policy

import "strings"

// Product is every key type with every value type, rotation and extra, as cells are spelled.
func Product(typesK, typesV, rot, extras string) (names []string) {
	for _, k := range strings.Split(typesK, ",") {
		for _, v := range strings.Split(typesV, ",") {
			for _, r := range strings.Split(rot, ",") {
				for _, x := range strings.Split(extras, ",") {
					names = append(names, CellName(k, v, r, x))
				}
			}
		}
	}
	return names
}

// CellName spells a cell as shortly as it can be. extra is an offset, rows that stay exact behind
// an @, both, or off.
func CellName(k, v, rot, extra string) string {
	offset, ends, kept := strings.Cut(extra, "@")
	name := k
	if offset != "off" && offset != "" {
		name += "-" + offset
	}
	if name != k || k != v {
		name += "/" + v
	}
	if rot != "off" {
		name += ":" + rot
	}
	if kept {
		name += "@" + ends
	}
	return name
}

// Unrotated is a cell's name without what it says of rotation behind a colon, and that.
func Unrotated(name string) (rest, rot string) {
	types, more, ok := strings.Cut(name, ":")
	if !ok {
		return name, ""
	}
	rot, ends, kept := strings.Cut(more, "@")
	if kept {
		types += "@" + ends
	}
	return types, rot
}
