#!/usr/bin/env bash
# golang.org/x/term: Terminal counts every character as one column, so that the cursor stands wrong behind Chinese, Japanese,
# Korean and emoji, which take two.
#
# Seen with golang.org/x/term v0.48.0, the newest on 30 Nov 2026. Typing 日 and then the left arrow should bring the cursor two
# columns back, to where 日 begins. Terminal sends the code for one column, which is the middle of 日, and what is typed then
# stands there. On a terminal of 8 columns, 5 such characters take two rows, and Terminal takes them for one: Home goes back 5
# columns in the second row. The text that ReadLine returns is right; what is seen while it is edited is not.
#
# Installs into a temporary folder, prints what was seen, and fails if that changes.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > go.mod <<'MOD'
module wide

go 1.25
MOD
cat > main.go <<'GO'
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// keys types in and returns the line and what was sent to a terminal of so many columns.
func keys(in string, columns int) (line, sent string) {
	var out bytes.Buffer
	t := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{strings.NewReader(in), &out}, "")
	t.SetSize(columns, 24)
	line, err := t.ReadLine()
	if err != nil {
		panic(err)
	}
	return line, out.String()
}

func main() {
	const left, home = "\x1b[D", "\x01"
	line, sent := keys("日"+left+"x\r", 80)
	fmt.Printf("日, left, x: the line is %q, sent was %q\n", line, sent)
	// x, then 日 again, and back over one column only.
	ok := line == "x日" && strings.HasPrefix(sent, "日\x1b[Dx日\x1b[D")
	_, sent = keys(strings.Repeat("日", 5)+home+"\r", 8)
	fmt.Printf("five of them in 8 columns, Home: sent was %q\n", sent)
	ok = ok && strings.Contains(sent, strings.Repeat("日", 5)+"\x1b[5D") && !strings.Contains(sent, "\x1b[A")
	if !ok {
		fmt.Println("this is not what was seen before")
		os.Exit(1)
	}
}
GO
go get golang.org/x/term@v0.48.0 2> /dev/null
go run .
