package hub

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// safe fails for the name of a file that a server gives, with slashes, if it cannot lie below a
// folder on every system. Such a name leaves the folder, is reserved by a system, or holds
// characters that a system or a terminal reads otherwise.
func safe(name string) error {
	switch {
	case name == "" || len(name) > 400:
		return errors.New("the name of a file is empty or longer than 400 bytes")
	case !filepath.IsLocal(filepath.FromSlash(name)) || strings.HasPrefix(name, "/"):
		return fmt.Errorf("the name of a file leaves its folder: %q", clip(name))
	case strings.ContainsFunc(name, odd):
		return fmt.Errorf("the name of a file holds characters that file names cannot have everywhere: %q", clip(name))
	}
	for element := range strings.SplitSeq(name, "/") {
		stem, _, _ := strings.Cut(strings.ToLower(element), ".")
		switch {
		case element == "" || element == "." || len(element) > 200:
			return fmt.Errorf("a part of the name of a file is empty or longer than 200 bytes: %q", clip(name))
		case strings.HasPrefix(element, "-") || strings.HasSuffix(element, ".") || strings.HasSuffix(element, " "):
			return fmt.Errorf("a part of the name of a file begins with '-' or ends with '.' or ' ': %q", clip(name))
		case slices.Contains(devices, strings.TrimRight(stem, " 0123456789")) && len(stem) <= 4:
			return fmt.Errorf("the name of a file is one of a device: %q", clip(name))
		case strings.HasSuffix(strings.ToLower(element), partSuffix) || strings.HasSuffix(strings.ToLower(element), noteSuffix):
			return fmt.Errorf("the name of a file ends with %s or %s, which this program keeps for itself: %q", partSuffix, noteSuffix, clip(name))
		}
	}
	return nil
}

// devices are the names that Windows reserves, without their digits.
var devices = []string{"con", "prn", "aux", "nul", "com", "lpt"}

// odd are the characters that a name may not have.
func odd(r rune) bool {
	return r < ' ' || r >= 0x7f && r < 0xa0 || r == 0xfffd || r == 0x2028 || r == 0x2029 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || strings.ContainsRune(`\:*?"<>|`, r)
}
