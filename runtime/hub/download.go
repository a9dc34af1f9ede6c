package hub

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A download is one file on its way.
type download struct {
	c *Client
	p *Plan
	f *File
	m *meter

	out  *os.File
	sum  hash.Hash
	have int64 // bytes of out, all of them in sum
	most int64 // that have ever was
	etag string
	anew int // how often it began again
}

// run brings the file: it goes on where an earlier attempt ended, tries again where the connection
// breaks, and gives the file its name when its length and SHA-256 are right.
func (d *download) run(ctx context.Context) (err error) {
	path := d.f.Path + partSuffix
	if d.out, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666); err != nil {
		return err
	}
	defer d.out.Close()
	if err := d.resume(); err != nil {
		return err
	}
	for t := (tries{c: d.c}); ; {
		d.most = max(d.most, d.have)
		err := d.attempt(ctx)
		if err == nil {
			err = d.finish()
			if err == nil {
				return nil
			}
		}
		if errors.Is(err, errAgain) {
			if bad := d.restart(); bad != nil {
				return bad
			}
			if d.anew++; d.anew > 2 {
				return fmt.Errorf("%w; it was tried %d times, and nothing of it is kept", err, d.anew)
			}
			d.most = 0
			d.c.say("%s: %v; it begins again", d.f.Name, err)
			continue
		}
		// Else a server that always sends from the start would be asked for ever.
		if d.have > d.most {
			t.n = 0
		}
		if err := t.again(ctx, err); err != nil {
			return err
		}
	}
}

// resume takes what an earlier attempt left, if it is of the same file.
func (d *download) resume() error {
	d.sum = sha256.New()
	b, err := readSmall(d.out.Name()+noteSuffix, 1<<16)
	var was note
	if err != nil || json.Unmarshal(b, &was) != nil || was.SHA256 != d.f.SHA256 || was.Size != d.f.Size || was.SHA256 == "" && !strings.HasPrefix(was.ETag, `"`) {
		return d.restart()
	}
	d.etag = was.ETag
	info, err := d.out.Stat()
	if err != nil {
		return err
	}
	if d.f.Size >= 0 && info.Size() > d.f.Size {
		return d.restart()
	}
	if d.have, err = io.Copy(d.sum, d.out); err != nil {
		return err
	}
	if d.have > 0 {
		d.c.say("%s goes on at %s", d.f.Name, Bytes(d.have))
	}
	d.m.add(d.have)
	return nil
}

// restart throws away what is there.
func (d *download) restart() error {
	if err := d.out.Truncate(0); err != nil {
		return err
	}
	if _, err := d.out.Seek(0, io.SeekStart); err != nil {
		return err
	}
	d.m.add(-d.have)
	d.have, d.etag = 0, ""
	d.sum.Reset()
	return nil
}

// attempt asks for what is missing and reads until the file is whole, or the connection breaks.
func (d *download) attempt(ctx context.Context) error {
	if d.f.Size >= 0 && d.have == d.f.Size {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := fmt.Errorf("nothing came for %v", d.c.Stall)
	// the answer itself has a minute
	watch := time.AfterFunc(d.c.Stall+time.Minute, func() { cancel(stalled) })
	defer watch.Stop()
	header := http.Header{"Accept": {"*/*"}}
	if d.have > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", d.have))
		// else what comes is held against it, and a mirror may have another mark for the same bytes
		if d.f.SHA256 == "" {
			header.Set("If-Range", d.etag)
		}
	}
	resp, err := d.c.get(ctx, d.f.address, header)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := d.begin(resp); err != nil {
		return err
	}
	buf := make([]byte, 256<<10)
	for {
		watch.Reset(d.c.Stall)
		n, err := resp.Body.Read(buf)
		if n > 0 {
			if bad := d.take(buf[:n]); bad != nil {
				return bad
			}
		}
		if errors.Is(err, io.EOF) {
			if d.f.Size >= 0 && d.have < d.f.Size {
				return fmt.Errorf("the connection ended at %s of %s", Bytes(d.have), Bytes(d.f.Size))
			}
			return nil
		}
		if err != nil {
			if cause := context.Cause(ctx); cause != nil && errors.Is(cause, stalled) {
				return stalled
			}
			return fmt.Errorf("the connection broke at %s: %w", Bytes(d.have), err)
		}
	}
}

// begin reads the head of an answer: what it says of the file, and from where on it sends.
func (d *download) begin(resp *http.Response) error {
	if encoding := resp.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return &refusedError{fmt.Errorf("%s sends the file packed (%s), though it was asked not to", resp.Request.URL.Host, clip(encoding))}
	}
	total := int64(-1)
	switch resp.StatusCode {
	case http.StatusOK:
		if d.have > 0 {
			d.c.say("%s: the server sends it from the start", d.f.Name)
			if err := d.restart(); err != nil {
				return err
			}
		}
		total = resp.ContentLength
	case http.StatusPartialContent:
		from, all, ok := contentRange(resp.Header.Get("Content-Range"))
		if !ok || from != d.have {
			return fmt.Errorf("%w: bytes from %d on were asked for, and it answers with %q", errAgain, d.have, clip(resp.Header.Get("Content-Range")))
		}
		total = all
	case http.StatusRequestedRangeNotSatisfiable:
		return fmt.Errorf("%w: it has no bytes from %d on", errAgain, d.have)
	default:
		return d.c.status(resp)
	}
	if kind := resp.Header.Get("Content-Type"); strings.HasPrefix(kind, "text/html") {
		return &refusedError{fmt.Errorf("%s sends a page for a browser instead of the file: a network that wants a login, or a wrong address", resp.Request.URL.Host)}
	}
	if d.f.Size < 0 && total >= 0 {
		if total == 0 || total > maxFile {
			return &refusedError{fmt.Errorf("it is said to have %d bytes; from 1 to %d are allowed", total, int64(maxFile))}
		}
		d.f.Size = total
		d.m.total += total
		if err := d.c.room(d.p); err != nil {
			return &refusedError{err}
		}
	}
	if total >= 0 && total != d.f.Size {
		return fmt.Errorf("%w: %s were announced, and it has %s", errAgain, Bytes(d.f.Size), Bytes(total))
	}
	if d.have == 0 {
		d.etag = resp.Header.Get("ETag")
	}
	return d.note(resp, false).write(d.out.Name())
}

// note describes the file.
func (d *download) note(resp *http.Response, whole bool) *note {
	n := &note{Name: d.p.Name.String(), From: plainURL(d.f.address), Commit: d.p.Commit, Size: d.f.Size, SHA256: d.f.SHA256, Said: d.f.SHA256 != "", ETag: d.etag}
	if whole {
		n.Size, n.SHA256, n.ETag = d.have, hex.EncodeToString(d.sum.Sum(nil)), ""
	}
	return n
}

// take adds bytes to the file.
func (d *download) take(b []byte) error {
	limit := d.f.Size
	if limit < 0 {
		limit = maxFile
	}
	if int64(len(b)) > limit-d.have {
		return fmt.Errorf("%w: it sends more than %s", errAgain, Bytes(limit))
	}
	if d.have == 0 && len(b) >= 4 && string(b[:4]) != "GGUF" {
		return &refusedError{fmt.Errorf("it is no GGUF file: it begins with %q", b[:min(len(b), 16)])}
	}
	n, err := d.out.Write(b)
	d.sum.Write(b[:n])
	d.have += int64(n)
	d.m.add(int64(n))
	if err != nil {
		return &refusedError{fmt.Errorf("writing %s: %w; what is there is kept", d.out.Name(), err)}
	}
	return nil
}

// finish checks the whole file and gives it its name.
func (d *download) finish() error {
	got := hex.EncodeToString(d.sum.Sum(nil))
	if d.f.SHA256 != "" && got != d.f.SHA256 {
		return fmt.Errorf("%w: the SHA-256 of what came is %s, announced was %s", errAgain, got, d.f.SHA256)
	}
	if err := d.out.Sync(); err != nil {
		return &refusedError{err}
	}
	if d.f.SHA256 == "" {
		d.c.say("%s: nobody says its SHA-256, so that damage on the way would not be seen; it is %s", d.f.Name, got)
	}
	n := d.note(nil, true)
	n.Said = d.f.SHA256 != ""
	d.f.Size, d.f.SHA256 = d.have, got
	part := d.out.Name()
	if err := d.out.Close(); err != nil {
		return &refusedError{err}
	}
	// The old note goes first: a file without one is brought again, and never taken for another.
	os.Remove(d.f.Path + noteSuffix)
	if err := os.Rename(part, d.f.Path); err != nil {
		return &refusedError{fmt.Errorf("the file cannot get its name (is the old one in use?): %w", err)}
	}
	os.Remove(part + noteSuffix)
	syncFolder(filepath.Dir(d.f.Path))
	if err := n.write(d.f.Path); err != nil {
		return &refusedError{err}
	}
	return nil
}

// syncFolder makes names of a folder last where the system can.
func syncFolder(dir string) {
	if f, err := os.Open(dir); err == nil {
		f.Sync()
		f.Close()
	}
}

// contentRange reads "bytes 5-9/10"; all is -1 for "*".
func contentRange(s string) (from, all int64, ok bool) {
	rest, found := strings.CutPrefix(s, "bytes ")
	span, size, both := strings.Cut(rest, "/")
	first, last, dash := strings.Cut(span, "-")
	if !found || !both || !dash {
		return 0, 0, false
	}
	from, err := strconv.ParseInt(first, 10, 64)
	to, err2 := strconv.ParseInt(last, 10, 64)
	if err != nil || err2 != nil || from < 0 || to < from {
		return 0, 0, false
	}
	if all = -1; size != "*" {
		if all, err = strconv.ParseInt(size, 10, 64); err != nil || all <= to {
			return 0, 0, false
		}
	}
	return from, all, true
}
