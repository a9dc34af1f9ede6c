#!/usr/bin/env bash
# github.com/ebitengine/purego: Dlopen and Dlsym return an error without a reason, or with the reason of another call.
#
# Seen with purego v0.11.3 on linux/amd64, glibc. Both ask for dlerror in a second call after the one that failed. The C library
# keeps that text by thread, and a goroutine may be on another thread by then: the error's text is empty, or is what another
# goroutine's call left there. With runtime.LockOSThread around each call every error has its own reason.
#
# Installs into a temporary folder, prints what was seen, and fails if that changes.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > go.mod <<'MOD'
module reasons

go 1.25

require github.com/ebitengine/purego v0.11.3
MOD
cat > main.go <<'GO'
package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/ebitengine/purego"
)

// wrong counts errors that do not name the library that was asked for.
func wrong(lock bool) (n int64) {
	var count atomic.Int64
	var group sync.WaitGroup
	for i := range 16 {
		name := fmt.Sprintf("missing-%d.so", i)
		group.Add(1)
		go func() {
			defer group.Done()
			if lock {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
			}
			for range 5000 {
				if _, err := purego.Dlopen(name, purego.RTLD_NOW); err == nil || !strings.Contains(err.Error(), name) {
					count.Add(1)
				}
			}
		}()
	}
	group.Wait()
	return count.Load()
}

func main() {
	free, locked := wrong(false), wrong(true)
	fmt.Printf("of 80000 errors of Dlopen, %d lack the name of their library; with LockOSThread %d\n", free, locked)
	if free == 0 || locked != 0 {
		fmt.Println("CHANGED")
		os.Exit(1)
	}
}
GO
CGO_ENABLED=0 GOFLAGS=-mod=mod go run .
