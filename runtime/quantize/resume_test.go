package quantize

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// notes collects what Write says.
func notes(to *[]string) Progress {
	return Progress{Note: func(format string, args ...any) { *to = append(*to, format) }}
}

// whole is what a run makes that nothing ends.
func whole(t *testing.T, p *Plan) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "whole.gguf")
	if err := p.Write(context.Background(), path, 1, Progress{}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestResume ends runs after some tensors, damages what they left, and goes on: the result is that
// of one run, and only what was damaged is made again.
func TestResume(t *testing.T) {
	source := small(t)
	o := Options{Type: table.ByName("q4_0")}
	want := whole(t, plan(t, source, o))
	for name, c := range map[string]struct {
		damage func(t *testing.T, part string)
		kept   bool
	}{
		"nothing":          {func(*testing.T, string) {}, true},
		"journal cut":      {func(t *testing.T, part string) { shorten(t, part+journalEnd, 5) }, true},
		"journal gone":     {func(t *testing.T, part string) { os.Remove(part + journalEnd) }, false},
		"journal of noise": {func(t *testing.T, part string) { write(t, part+journalEnd, 0, bytes.Repeat([]byte("x"), 1<<17)) }, false},
		"part cut":         {func(t *testing.T, part string) { shorten(t, part, 1<<14) }, true},
		"part gone":        {func(t *testing.T, part string) { os.Remove(part) }, false},
		"header":           {func(t *testing.T, part string) { write(t, part, 100, []byte("xyz")) }, false},
		"a weight":         {func(t *testing.T, part string) { write(t, part, int64(len(want))-60000, []byte("xyz")) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out.gguf")
			ctx, cancel := context.WithCancel(context.Background())
			p, done := plan(t, source, o), int64(0)
			_, _, all := p.Bytes()
			err := p.Write(ctx, out, 1, Progress{Done: func(n int64) {
				if done += n; done > all*9/10 {
					cancel()
				}
			}})
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			if _, err := os.Stat(out); err == nil {
				t.Fatal("a part has the name of the whole")
			}
			c.damage(t, Part(out))
			kept := int64(0)
			if err := plan(t, source, o).Write(context.Background(), out, 2, Progress{Kept: func(n int64) { kept = n }}); err != nil {
				t.Fatal(err)
			}
			if got, _ := os.ReadFile(out); !bytes.Equal(got, want) {
				t.Error("another file than in one run")
			}
			if kept > 0 != c.kept {
				t.Errorf("%d values were kept", kept)
			}
			if left, _ := filepath.Glob(out + ".*"); left != nil {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// TestResumeOther does not go on with the part of another plan.
func TestResumeOther(t *testing.T) {
	source, out := small(t), filepath.Join(t.TempDir(), "out.gguf")
	ctx, cancel := context.WithCancel(context.Background())
	first := plan(t, source, Options{Type: table.ByName("q4_0")})
	first.Write(ctx, out, 1, Progress{Done: func(int64) { cancel() }})
	var said []string
	second := plan(t, source, Options{Type: table.ByName("q5_0")})
	if err := second.Write(context.Background(), out, 1, notes(&said)); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(out); !bytes.Equal(got, whole(t, second)) {
		t.Error("parts of the first plan are in the file of the second")
	}
	if len(said) != 1 || !strings.Contains(said[0], "begun again") {
		t.Errorf("said %q", said)
	}
}

// TestBusy refuses a second writer of one file.
func TestBusy(t *testing.T) {
	p, out := plan(t, small(t), Options{Type: table.ByName("q4_0")}), filepath.Join(t.TempDir(), "out.gguf")
	w, err := p.open(out, Progress{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	if err := p.Write(context.Background(), out, 1, Progress{}); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v", err)
	}
}

// TestKill ends a process that quantises by kill -9, and goes on where it was.
func TestKill(t *testing.T) {
	o := Options{Type: table.ByName("q8_0")}
	if out := os.Getenv("QUANTIZE_TEST_OUT"); out != "" { // the process that is killed
		p := plan(t, os.Getenv("QUANTIZE_TEST_SOURCE"), o)
		_, _, all := p.Bytes()
		done := int64(0)
		p.Write(context.Background(), out, 1, Progress{Done: func(n int64) {
			if done += n; done > all/2 {
				os.Stdout.WriteString("half\n")
				select {}
			}
		}})
		t.Fatal("it ended")
	}
	source, out := small(t), filepath.Join(t.TempDir(), "out.gguf")
	cmd := exec.Command(os.Args[0], "-test.run=^TestKill$")
	cmd.Env = append(os.Environ(), "QUANTIZE_TEST_OUT="+out, "QUANTIZE_TEST_SOURCE="+source)
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(stdout, make([]byte, len("half\n"))); err != nil {
		t.Fatal(err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	p, kept := plan(t, source, o), int64(0)
	if err := p.Write(context.Background(), out, 2, Progress{Kept: func(n int64) { kept = n }}); err != nil {
		t.Fatal(err)
	}
	if kept == 0 {
		t.Error("nothing was kept")
	}
	if got, _ := os.ReadFile(out); !bytes.Equal(got, whole(t, p)) {
		t.Error("another file than in one run")
	}
}

func shorten(t *testing.T, path string, by int64) {
	st, err := os.Stat(path)
	if err == nil {
		err = os.Truncate(path, st.Size()-by)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path string, at int64, data []byte) {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(data, at); err != nil {
		t.Fatal(err)
	}
	f.Close()
}
