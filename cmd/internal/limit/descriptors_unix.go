//go:build unix

package limit

import "syscall"

// spare is how many file descriptors a command needs beyond the three it is given: Go's poller, the
// model, a text, an output.
const spare = 8

// init ends the program if there are too few file descriptors. Go ends with a trace of all
// goroutines when it cannot make its poller, which it makes for the first file. Libraries open
// files in their own init, so this package imports nothing but syscall: it then comes before os,
// and before all that needs os.
func init() {
	left := descriptors()
	if left < spare {
		said := string(rune('0'+left)) + " file descriptors are left and " + string(rune('0'+spare)) + " are needed: raise the limit (ulimit -n)\n"
		syscall.Write(2, []byte(said))
		syscall.Exit(2)
	}
}

// descriptors are how many can be opened, spare at most; spare where another problem keeps them
// from being counted.
func descriptors() int {
	var open []int
	defer func() {
		for _, fd := range open {
			syscall.Close(fd)
		}
	}()
	for range spare {
		fd, err := syscall.Open("/", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if err == syscall.EMFILE || err == syscall.ENFILE {
			return len(open)
		}
		if err != nil {
			break
		}
		open = append(open, fd)
	}
	return spare
}
