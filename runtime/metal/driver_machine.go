//go:build !emulate || gpu

package metal

import (
	"fmt"

	"github.com/kvgen/kvgen/runtime/metal/objc"
)

// open opens a GPU of this machine. Machine code is kept in the user's folder for caches.
func open(number int) (*Device, error) {
	system, err := objc.Open()
	if err != nil {
		return nil, fmt.Errorf("metal: %w", err)
	}
	folder, err := UserFolder()
	if err != nil {
		return nil, fmt.Errorf("metal: %w", err)
	}
	return OpenWith(system, number, folder)
}
