package hub

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gofrs/flock"
)

// spare is what is left free of a disk, in bytes.
const spare = 64 << 20

// Fetch brings the files of a plan that are not there, and returns the path of the first. What was
// brought of a file stays when it fails or ctx ends, and the next call goes on from there. A disk
// that is too small is an error before the first byte, a file of another SHA-256 than announced one
// after the last.
func (c *Client) Fetch(ctx context.Context, p *Plan) (string, error) {
	if p.Missing() == 0 && !slices.ContainsFunc(p.Files, func(f File) bool { return !f.Have }) {
		return p.Files[0].Path, nil
	}
	if err := os.MkdirAll(c.folder(p.Name), 0o777); err != nil {
		return "", fmt.Errorf("the folder for models cannot be made (KVRUN_MODELS is another): %w", err)
	}
	if err := c.room(p); err != nil {
		return "", err
	}
	meter := &meter{moved: c.Moved, total: p.Bytes()}
	for i := range p.Files {
		f := &p.Files[i]
		if f.Have {
			meter.add(f.Size)
			continue
		}
		if err := c.file(ctx, p, f, meter); err != nil {
			if _, answered := errors.AsType[*statusError](err); answered {
				return "", explain(p.Name, err, c.Token != "")
			}
			return "", fmt.Errorf("%s: %w", f.Name, err)
		}
		f.Have = true
	}
	meter.end()
	return p.Files[0].Path, nil
}

// room fails where the disk is too small for what is missing.
func (c *Client) room(p *Plan) error {
	need := p.Missing()
	for _, f := range p.Files {
		if info, err := os.Stat(f.Path + partSuffix); err == nil && !f.Have && f.Size >= 0 {
			need -= min(info.Size(), f.Size)
		}
	}
	if need <= 0 {
		return nil
	}
	free, err := c.free(c.folder(p.Name))
	if err != nil {
		return nil // a system that does not tell; a full disk is an error when it comes
	}
	if free < need+spare {
		return fmt.Errorf("%s needs %s more and the disk of %s has %s free: make room, or set KVRUN_MODELS to a folder of another disk", p.Name, Bytes(need+spare), c.Folder, Bytes(free))
	}
	return nil
}

// Bytes are a number of bytes for people.
func Bytes(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.0f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%d bytes", n)
}

// file brings one file, alone among all processes that want it.
func (c *Client) file(ctx context.Context, p *Plan, f *File, m *meter) error {
	if err := os.MkdirAll(filepath.Dir(f.Path), 0o777); err != nil {
		return err
	}
	// a pipe would be waited for, and a folder cannot be replaced
	for _, suffix := range []string{"", partSuffix, partSuffix + ".lock"} {
		if err := regular(f.Path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("it cannot be kept: %w", err)
		}
	}
	lock := flock.New(f.Path+partSuffix+".lock", flock.SetPermissions(0o666))
	defer lock.Close()
	for first := true; ; first = false {
		got, err := lock.TryLock()
		if err != nil {
			return fmt.Errorf("it cannot be locked: %w", err)
		}
		if got {
			break
		}
		if first {
			c.say("%s is being brought by another process, which is waited for", f.Name)
		}
		if err := c.wait(ctx, 300*time.Millisecond); err != nil {
			return err
		}
	}
	// by the process that was waited for
	if have, err := readNote(f.Path); err == nil && have.fits(f, p.Commit) {
		m.add(f.Size)
		return nil
	}
	d := &download{c: c, p: p, f: f, m: m}
	err := d.run(ctx)
	if err == nil {
		os.Remove(lock.Path())
	}
	return err
}

// A meter tells how many bytes of a plan are there.
type meter struct {
	moved func(done, total int64)
	total int64
	done  int64
	told  time.Time
}

func (m *meter) add(n int64) {
	m.done += n
	if m.moved != nil && time.Since(m.told) >= 100*time.Millisecond {
		m.told = time.Now()
		m.moved(m.done, max(m.total, m.done))
	}
}

func (m *meter) end() {
	if m.moved != nil {
		m.moved(m.done, max(m.total, m.done))
	}
}

// errAgain is a download that has to begin again from its first byte.
var errAgain = errors.New("what was brought does not fit what the server sends now")
