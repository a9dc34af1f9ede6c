package chat

import "github.com/nikolalohinski/gonja/v2/exec"

// list is a list whose index -len is its first item. In the engine's own lists it is nothing, so that messages[-1] of a
// conversation of one message would be.
type list []any

// GetItem is list[key]; the engine asks for it by this name.
func (l list) GetItem(key any) (*exec.Value, bool) {
	i, ok := key.(int)
	if i < 0 {
		i += len(l)
	}
	if !ok || i < 0 || i >= len(l) {
		return exec.AsValue(nil), false
	}
	return exec.AsValue(l[i]), true
}
