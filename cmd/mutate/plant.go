package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// limit is the time of one suite. It is generous, so that a slow machine does not catch what a
// suite would miss.
const limit = 12 * time.Minute

// A result is what became of one fault.
type result struct {
	mutation
	caught string // the suite that noticed, empty where none did
	slow   bool   // by not ending
	void   bool   // it does not compile
}

// plant tries faults in the order drawn until count of them compiled. next is how many were taken.
func plant(ctx context.Context, drawn []mutation, o options, stdout io.Writer) (results []result, next int, first error) {
	var mutex sync.Mutex
	done := 0
	take := func() (m mutation, ok bool) {
		mutex.Lock()
		defer mutex.Unlock()
		if first != nil || next == len(drawn) || done == o.count {
			return m, false
		}
		next++
		return drawn[next-1], true
	}
	give := func(r result, err error) {
		mutex.Lock()
		defer mutex.Unlock()
		if err != nil {
			first = errors.Join(first, err)
			return
		}
		if r.void || done == o.count {
			return
		}
		done++
		results = append(results, r)
		verdict := "caught by " + r.caught
		if r.caught == "" {
			verdict = "SURVIVED"
		} else if r.slow {
			verdict += ", which did not end"
		}
		fmt.Fprintf(stdout, "%d/%d %s:%d: %s: %s\n", done, o.count, r.file, r.line, strings.TrimPrefix(r.String(), r.file+": "), verdict)
	}
	var workers sync.WaitGroup
	for range o.workers {
		workers.Go(func() {
			dir, err := os.MkdirTemp("", "mutate-")
			if err == nil {
				defer os.RemoveAll(dir)
				err = clone(ctx, dir)
			}
			if err == nil {
				err = clean(ctx, dir, drawn)
			}
			if err != nil {
				give(result{}, err)
				return
			}
			for m, ok := take(); ok; m, ok = take() {
				give(try(ctx, dir, m))
			}
		})
	}
	workers.Wait()
	return results, next, first
}

// clone makes a checkout of what is committed here.
func clone(ctx context.Context, dir string) error {
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, "git", "clone", "-q", "--shared", here, dir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("git clone: %w: %s", err, out)
	}
	return nil
}

// clean runs every suite without a fault: one that fails there would catch whatever is planted.
func clean(ctx context.Context, dir string, drawn []mutation) error {
	ran := map[string]bool{}
	for _, m := range drawn {
		for _, s := range suites(m.file) {
			if name := strings.Join(s, " "); !ran[name] {
				ran[name] = true
				if code, _ := start(ctx, dir, s); code != 0 {
					return errors.Join(ctx.Err(), fmt.Errorf("%s fails without a fault in %s", name, dir))
				}
			}
		}
	}
	return nil
}

// try plants one fault and runs its suites; the file is put back.
func try(ctx context.Context, dir string, m mutation) (r result, err error) {
	r.mutation = m
	name := filepath.Join(dir, filepath.FromSlash(m.file))
	whole, err := os.ReadFile(name)
	if err != nil {
		return r, err
	}
	changed, err := m.apply(whole)
	if err != nil {
		return r, err
	}
	if err := os.WriteFile(name, changed, 0o666); err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.WriteFile(name, whole, 0o666)) }()
	if code, _ := start(ctx, dir, suite{"go", "build", "./" + filepath.ToSlash(filepath.Dir(m.file))}); code != 0 {
		r.void = true
		return r, ctx.Err()
	}
	for _, s := range suites(m.file) {
		code, ended := start(ctx, dir, s)
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		if code != 0 {
			r.caught, r.slow = strings.Join(s, " "), !ended
			break
		}
	}
	return r, nil
}

// start runs a suite and returns its exit code, and whether it ended in time.
func start(ctx context.Context, dir string, s suite) (code int, ended bool) {
	inner, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(inner, s[0], s[1:]...)
	cmd.Dir = dir
	cmd.WaitDelay = 10 * time.Second
	group(cmd)
	err := cmd.Run()
	if err == nil {
		return 0, true
	}
	return 1, inner.Err() == nil
}
