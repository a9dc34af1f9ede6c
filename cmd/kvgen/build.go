package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/kvgen/kvgen/cmd/internal/output"
	"github.com/kvgen/kvgen/cmd/internal/plain"
	"github.com/kvgen/kvgen/gen"
	"github.com/kvgen/kvgen/gen/spec"
)

// build makes a kvrun with more types. The source of the project is left as it is: what is
// generated for the types is laid over it.
func build(ctx context.Context, stdout io.Writer, args []string) error {
	flags := newFlags("build", stdout)
	source := flags.String("source", ".", "`folder` with the source of the project")
	out := flags.StringP("out", "o", "kvrun"+map[bool]string{true: ".exe"}[runtime.GOOS == "windows"], "`program` to write")
	force := flags.Bool("force", false, "replace an older program")
	untested := flags.Bool("no-test", false, "do not compare the new kernels with the interpreter of the spec first")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errors.New("name spec files, or folders of them")
	}
	root, err := projectRoot(*source)
	if err != nil {
		return err
	}
	own, err := specFiles(flags.Args())
	if err != nil {
		return err
	}
	files := output.Set{Context: ctx, Stdout: stdout}
	for path := range own {
		if err := files.Input("", path); err != nil {
			return err
		}
	}
	program, err := files.Create(output.Request{Flag: "--output", Path: *out, Kind: output.NewKind("a kvrun program", isProgram), Force: *force, Mode: 0o777})
	if err != nil {
		return err
	}
	defer program.Close()
	dir, remove, err := output.Folder("kvgen-build")
	if err != nil {
		return err
	}
	defer remove()
	types, err := overlay(root, dir, own)
	if err != nil {
		return err
	}
	if *untested {
		fmt.Fprintln(stdout, "not tested: the kernels of", strings.Join(types, " "))
	} else if err := conform(ctx, root, dir, types); err != nil {
		return err
	}
	built := filepath.Join(dir, "kvrun")
	if text, err := goTool(ctx, root, dir, "build", "-o", built, "./cmd/kvrun"); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, text)
	}
	err = program.Fill(func(w io.Writer) error {
		f, err := os.Open(built)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(w, f)
		return err
	})
	if err != nil || program.IsStdout() {
		return err
	}
	fmt.Fprintf(stdout, "wrote %s with %s\n", *out, strings.Join(types, " "))
	return nil
}

// goTool runs the go command on the source at root with what is laid over it in dir, where its own
// temporary files go too. It ends with all that it started when ctx is done.
func goTool(ctx context.Context, root, dir, command string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{command, "-overlay", filepath.Join(dir, "overlay.json")}, args...)...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = root, append(os.Environ(), "GOTMPDIR="+dir), 100*time.Millisecond
	together(cmd)
	text, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return text, err
}

// isProgram reports whether the file at path was built of cmd/kvrun.
func isProgram(path string) bool {
	text, err := exec.Command("go", "version", "-m", "--", path).Output()
	return err == nil && regexp.MustCompile(`(?m)^\tpath\t(.*/)?kvrun$`).Match(text)
}

// projectRoot is the absolute path of the project's source at dir.
func projectRoot(dir string) (string, error) {
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil || !regexp.MustCompile(`(?m)^module github\.com/kvgen/kvgen$`).Match(text) {
		return "", fmt.Errorf("%s is not the source of kvgen, of which kvrun is built: run this there, or name the folder with --source", dir)
	}
	return filepath.Abs(dir)
}

// specFiles reads files, and the *.hcl files of folders, by path.
func specFiles(args []string) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, arg := range args {
		paths := []string{arg}
		if info, err := os.Stat(arg); err != nil {
			return nil, err
		} else if info.IsDir() {
			if paths, err = filepath.Glob(filepath.Join(arg, "*.hcl")); err != nil || len(paths) == 0 {
				return nil, fmt.Errorf("%s: no *.hcl file there", arg)
			}
		}
		for _, path := range paths {
			// it would become part of the header of a generated file
			if plain.Name(path, len(path)) != path {
				return nil, fmt.Errorf("%q: the name of a spec file must be one line of characters", path)
			}
			text, err := spec.ReadFile(path)
			if err != nil {
				return nil, err
			}
			files[path] = text
		}
	}
	return files, nil
}

// overlay writes to dir what differs from the source at root when the files are part of its spec,
// and overlay.json, by which the go command finds it. It returns the names of the types.
func overlay(root, dir string, own map[string][]byte) (types []string, err error) {
	all, err := specFiles([]string{filepath.Join(root, "kernels", "spec")})
	if err != nil {
		return nil, err
	}
	base, err := spec.Parse(all)
	if err != nil {
		return nil, err
	}
	// first by themselves, so that it is they that are at fault
	added, err := spec.Extend(base, own)
	var mistakes *spec.Errors
	if errors.As(err, &mistakes) {
		return nil, finding(mistakes.Error())
	} else if err != nil {
		return nil, err
	}
	if len(added.Types)+len(added.Rotations) == 0 {
		return nil, finding("no type and no rotation is declared in " + strings.Join(slices.Sorted(maps.Keys(own)), " "))
	}
	for _, t := range added.Types {
		types = append(types, t.Name)
	}
	laid := map[string][]byte{}
	for path, text := range own {
		name := filepath.Join(root, "kernels", "spec", filepath.Base(path))
		if _, twice := all[name]; twice {
			return nil, fmt.Errorf("%s: there is a spec file of that name already; rename it", path)
		}
		all[name], laid["kernels/spec/"+filepath.Base(path)] = text, text
	}
	set, err := spec.Parse(all)
	if err != nil {
		return nil, err
	}
	files, err := gen.Run(set, gen.Targets()...)
	if err != nil {
		return nil, err
	}
	differ, err := files.Diff(root)
	if err != nil {
		return nil, err
	}
	for _, d := range differ {
		if d.Reason != gen.Missing && d.Reason != gen.Stale {
			return nil, errors.New(d.String())
		}
		laid[d.Path] = files[d.Path]
	}
	return types, layOver(root, dir, laid)
}

// layOver writes the texts, by their paths in the project, to dir and lists them in overlay.json.
func layOver(root, dir string, texts map[string][]byte) error {
	replace := map[string]string{}
	for path, text := range texts {
		name := filepath.Join(dir, fmt.Sprintf("%d%s", len(replace), filepath.Ext(path)))
		if err := os.WriteFile(name, text, 0o600); err != nil {
			return err
		}
		replace[filepath.Join(root, filepath.FromSlash(path))] = name
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "overlay.json"), text, 0o600)
}
