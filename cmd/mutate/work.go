//go:build peers

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A work is a folder in which faults are planted: a clone of what is committed, the programs with
// all faults in them, what each test reaches, and a journal of what has become of each fault. It
// is outside of the tree, and a run that was interrupted goes on with what is there.
type work struct {
	dir      string
	packages []string
	faulty   []string // the folders with faults
	key      string   // what the folder is for
}

func (w *work) clone() string { return filepath.Join(w.dir, "clone") }

// openWork makes the folder, or takes one that was made for the same faults of the same commit.
func openWork(ctx context.Context, o options) (*work, error) {
	commit, err := exec.CommandContext(ctx, "git", "rev-parse", "HEAD").Output()
	if err != nil {
		return nil, failed(err)
	}
	dir, err := filepath.Abs(o.work)
	if err != nil {
		return nil, err
	}
	w := &work{dir: dir, packages: o.packages}
	w.key = fmt.Sprintf("commit %s seed %d count %d from %d only %q steps %s packages %s\n", strings.TrimSpace(string(commit)),
		o.seed, o.count, o.from, o.only, strings.Join(o.steps, ","), strings.Join(o.packages, " "))
	name := filepath.Join(dir, "key")
	old, err := os.ReadFile(name)
	if err == nil && string(old) != w.key {
		return nil, fmt.Errorf("%s holds another run: %s", dir, old)
	}
	if err == nil {
		return w, w.tidy(ctx)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		return nil, errors.Join(err, fmt.Errorf("%s is not empty", dir))
	}
	here, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	if out, err := exec.CommandContext(ctx, "git", "clone", "-q", "--shared", here, w.clone()).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("git clone: %w: %s", err, out)
	}
	return w, os.WriteFile(name, []byte(w.key), 0o666)
}

// tidy puts the clone back: a fault may have made a test write to it.
func (w *work) tidy(ctx context.Context) error {
	for _, args := range [][]string{{"checkout", "-q", "."}, {"clean", "-qfdx"}} {
		cmd := exec.CommandContext(ctx, "git", args...)
		cmd.Dir = w.clone()
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("git %v: %w: %s", args, err, out)
		}
	}
	return nil
}

// suites builds and traces every suite, or reads what an earlier run wrote down of it.
func (w *work) suites(ctx context.Context, faults []mutation, chosen []string, say func(string, ...any)) (suites []suite, functions []int, err error) {
	texts, functions, err := variants(w.clone(), faults)
	if err != nil {
		return nil, nil, err
	}
	if _, err := overlay(w.clone(), filepath.Join(w.dir, "variants"), texts); err != nil {
		return nil, nil, err
	}
	known, err := readLines[suite](filepath.Join(w.dir, "suites"))
	if err != nil {
		return nil, nil, err
	}
	traced := map[string]bool{}
	for _, s := range known {
		traced[s.Name] = true
	}
	if traced[""] { // the mark behind the last
		return known[:len(known)-1], functions, nil
	}
	for _, m := range faults {
		if folder := path.Dir(m.file); !slices.Contains(w.faulty, folder) {
			w.faulty = append(w.faulty, folder)
		}
	}
	count := 0
	for _, f := range functions {
		count = max(count, f+1)
	}
	built, err := w.buildCheck(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, s := range steps {
		for _, name := range chosen {
			if s.name == name {
				more, err := w.build(ctx, s)
				if err != nil {
					return nil, nil, err
				}
				built = append(built, more...)
			}
		}
	}
	say("%d suites are built", len(built))
	for _, s := range built {
		if traced[s.Name] {
			continue
		}
		if s, err = w.trace(ctx, s, count); err != nil {
			return nil, nil, err
		}
		for _, t := range s.Tests {
			if t.Fails {
				say("%s: %s fails without a fault and is left out", s.Name, t.Name)
			}
		}
		if err := appendLine(filepath.Join(w.dir, "suites"), s); err != nil {
			return nil, nil, err
		}
		known = append(known, s)
	}
	return known, functions, appendLine(filepath.Join(w.dir, "suites"), suite{})
}

// readLines reads a file with a value in each line; one that is not there is empty. A last line
// that was not finished is left out.
func readLines[T any](name string) (all []T, err error) {
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewReader(f)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return all, nil
		}
		var v T
		if err := json.Unmarshal(line, &v); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, v)
	}
}

// appendLine writes a value as the last line of a file.
func appendLine(name string, v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Close())
}
