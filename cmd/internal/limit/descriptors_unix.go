//go:build unix

package limit

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// spare is how many file descriptors a command needs beyond the three it is given: Go's poller, the
// model, a text, an output.
const spare = 8

// Check returns an error if there are too few file descriptors. Go ends with a trace of all
// goroutines when it cannot make its poller.
func Check() error {
	var open []int
	defer func() {
		for _, fd := range open {
			unix.Close(fd)
		}
	}()
	for range spare {
		fd, err := unix.Open("/", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err == unix.EMFILE || err == unix.ENFILE {
			return fmt.Errorf("%d file descriptors are left and %d are needed (%v): raise the limit (ulimit -n)", len(open), spare, err)
		}
		if err != nil {
			return nil // another problem than their number
		}
		open = append(open, fd)
	}
	return nil
}
