//go:build !darwin

package objc

import (
	"fmt"
	"runtime"
)

// Open says that there is no Objective-C.
func Open() (Runtime, error) {
	return nil, fmt.Errorf("Metal is of macOS, and this is %s", runtime.GOOS)
}
