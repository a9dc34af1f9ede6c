//go:build !linux && !darwin && !freebsd && !windows

package hub

import "errors"

// freeSpace is not known here: a full disk is an error when it comes.
func freeSpace(string) (int64, error) { return 0, errors.ErrUnsupported }
