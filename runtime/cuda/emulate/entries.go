//go:build emulate

package emulate

import (
	"bytes"
	"errors"
	"fmt"
)

// The words that device/language.h leaves in a preprocessed text.
var kernelWord, boundsWord = []byte("EMULATED_KERNEL"), []byte("EMULATED_BOUNDS")

// withEntries takes the words away and adds what module.go looks for: for a kernel NAME with C
// linkage the functions emulated_call_NAME, and emulated_sizes_NAME for the sizes of its parameters
// and the bounds of its launch.
func withEntries(text []byte) ([]byte, error) {
	var out, entries bytes.Buffer
	for {
		before, rest, found := bytes.Cut(text, kernelWord)
		out.Write(before)
		if !found {
			break
		}
		k, err := kernelOf(rest)
		if err != nil {
			return nil, err
		}
		out.Write(rest[:k.before])
		// lines keep their numbers
		out.Write(bytes.Repeat([]byte("\n"), bytes.Count(rest[k.before:k.after], []byte("\n"))))
		text = rest[k.after:]
		if bytes.HasSuffix(bytes.TrimSpace(before), []byte(`extern "C"`)) {
			fmt.Fprintf(&entries, "extern \"C\" void emulated_call_%[1]s(void* const* args) { emulated_entry(%[1]s).call(args); }\n"+
				"extern \"C\" const unsigned* emulated_sizes_%[1]s() { return emulated_entry(%[1]s).sizes<%[2]s>(); }\n", k.name, k.bounds)
		}
	}
	out.WriteString(entryText)
	out.Write(entries.Bytes())
	return out.Bytes(), nil
}

// kernel is what follows the word: text[before:after] are bounds, if there are any.
type kernel struct {
	name          string
	bounds        string // arguments of __launch_bounds__
	before, after int
}

func kernelOf(text []byte) (k kernel, err error) {
	k.bounds = "1024"
	for i := 0; i < len(text); {
		if !inWord(text[i]) {
			i++
			continue
		}
		end := i
		for end < len(text) && inWord(text[end]) {
			end++
		}
		open := end
		for open < len(text) && bytes.IndexByte([]byte(" \t\n"), text[open]) >= 0 {
			open++
		}
		if open == len(text) || text[open] != '(' {
			i = end
			continue
		}
		if !bytes.Equal(text[i:end], boundsWord) {
			k.name = string(text[i:end])
			return k, nil
		}
		close := closing(text[open:])
		if close < 0 {
			return k, errors.New("__launch_bounds__ without an end")
		}
		k.bounds, k.before, k.after = string(text[open+1:open+close]), i, open+close+1
		i = k.after
	}
	return k, errors.New("a kernel without a name")
}

// entryText calls a kernel whose arguments are given by their addresses. sizes are the bounds of a
// launch, then the sizes of the parameters, then 0.
const entryText = `
template <int... i> struct EmulatedIndices {};
template <int n, int... i> struct EmulatedCount : EmulatedCount<n - 1, n - 1, i...> {};
template <int... i> struct EmulatedCount<0, i...> { using type = EmulatedIndices<i...>; };
template <class T> struct EmulatedPlain { using type = T; };
template <class T> struct EmulatedPlain<const T> { using type = T; };
template <class... P> struct EmulatedEntry {
  void (*kernel)(P...);
  template <int... i> void call(void* const* args, EmulatedIndices<i...>) { kernel(*(typename EmulatedPlain<P>::type*)args[i]...); }
  void call(void* const* args) { call(args, typename EmulatedCount<sizeof...(P)>::type()); }
  template <int threads, int blocks = 1> const unsigned* sizes() {
    static const unsigned all[] = {threads, sizeof(P)..., 0};
    return all;
  }
};
template <class... P> EmulatedEntry<P...> emulated_entry(void (*kernel)(P...)) { return {kernel}; }
`

func inWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// closing is the index of the bracket that closes the first.
func closing(text []byte) int {
	depth := 0
	for i, c := range text {
		switch c {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}
