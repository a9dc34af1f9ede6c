package serve

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kvgen/kvgen/runtime/generate"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
)

// Files of a store. One that is being written has another name until all of it is on the disk.
const (
	savedExt  = ".prompt"
	writing   = ".writing-"
	maxSaved  = 4096      // files
	nameBytes = 16        // of the hash that a file or folder is named by
	abandoned = time.Hour // after which nobody writes a file any more
)

// StoreOptions say where prompts are kept and what they are of.
type StoreOptions struct {
	Folder string
	Bytes  int64 // of all files at most

	// Model, Math, By and Program: whose rows they are. Rows of others are not used.
	Head generate.Head

	Note func(text string) // told of each file that is not used, and why; nil for nobody
}

// Store keeps prompts in a folder, in the format of a prompt cache (generate.WritePrompt). Rows of
// one model, plan of the cache and build lie in a folder of their own. A file is there only when
// all of it is on the disk. It is checked when it is read: one that is damaged, or of something
// else, is named and not used. What is over the budget is removed, used longest ago first. One
// server at a time uses a folder.
type Store struct {
	c      *model.Context
	o      StoreOptions
	folder string // of rows like those of the context
	rigid  bool

	mu    sync.Mutex
	saved []*saved
}

// saved is a file whose rows may be used.
type saved struct {
	path   string
	tokens []int32
}

// OpenStore finds what is kept for the rows of a context.
func OpenStore(c *model.Context, o StoreOptions) (*Store, error) {
	if err := c.OnHost(); err != nil {
		return nil, fmt.Errorf("prompts cannot be kept in a folder: %w", err)
	}
	o.Head.Long = c.Long()
	if o.Note == nil {
		o.Note = func(string) {}
	}
	seal, err := json.Marshal(struct {
		Head generate.Head
		Plan kv.Record
	}{o.Head, c.Cache.Plan.Record(0)})
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(seal)
	s := &Store{c: c, o: o, folder: filepath.Join(o.Folder, hex.EncodeToString(sum[:nameBytes])), rigid: rigid(c.Cache)}
	if err := os.MkdirAll(s.folder, 0o700); err != nil {
		return nil, err
	}
	return s, s.scan()
}

// scan reads the heads and tokens of files, and removes what was never finished.
func (s *Store) scan() error {
	list, err := os.ReadDir(s.folder)
	if err != nil {
		return err
	}
	for _, e := range list {
		path := filepath.Join(s.folder, e.Name())
		if strings.HasPrefix(e.Name(), writing) {
			if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > abandoned {
				os.Remove(path)
			}
			continue
		}
		if filepath.Ext(path) != savedExt || len(s.saved) >= maxSaved {
			continue
		}
		tokens, err := s.peek(path)
		if err != nil {
			s.o.Note(fmt.Sprintf("%s is not used: %v", path, err))
			continue
		}
		s.saved = append(s.saved, &saved{path, tokens})
	}
	return nil
}

// peek reads the tokens of a file.
func (s *Store) peek(path string) ([]int32, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := bufio.NewReader(f)
	h, err := generate.ReadHead(r)
	if err != nil {
		return nil, err
	}
	if err := s.fits(h); err != nil {
		return nil, err
	}
	return generate.ReadTokens(r, h)
}

// openRegular opens a file that can be read again.
func openRegular(path string) (*os.File, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("it is no file (%s)", info.Mode().Type())
	}
	return os.Open(path)
}

// fits says why rows with a head are not for the context.
func (s *Store) fits(h generate.Head) error {
	if err := h.Fits(s.c, &s.o.Head.Model); err != nil {
		return err
	}
	if h.Math != s.o.Head.Math || h.By != s.o.Head.By || h.Program != s.o.Head.Program {
		return fmt.Errorf("its rows were computed by %s math on %s by %s, and this is %s math on %s by %s",
			h.Math, h.By, h.Program, s.o.Head.Math, s.o.Head.By, s.o.Head.Program)
	}
	return nil
}

// longest is the file with the longest beginning in common with a prompt, nil for none. Rows that
// cannot be cut are used as a whole.
func (s *Store) longest(prompt []int32) (best *saved, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.saved {
		common := generate.Common(x.tokens, prompt[:len(prompt)-1])
		if common > n && (!s.rigid || common == len(x.tokens)) {
			best, n = x, common
		}
	}
	return best, n
}

// covers says whether a file has these tokens, and maybe more where rows can be cut.
func (s *Store) covers(tokens []int32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.saved, func(x *saved) bool {
		if s.rigid {
			return slices.Equal(x.tokens, tokens)
		}
		return generate.Common(x.tokens, tokens) == len(tokens)
	})
}

// save writes a file of tokens and their rows. When it returns without an error, the file is on the
// disk for good.
func (s *Store) save(tokens []int32, rows *kv.Cache) error {
	h := s.o.Head
	h.Tokens, h.Fresh = len(tokens), len(tokens)
	b, err := binary.Append(nil, binary.LittleEndian, tokens)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(b)
	path := filepath.Join(s.folder, hex.EncodeToString(sum[:nameBytes])+savedExt)
	f, err := os.CreateTemp(s.folder, writing)
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once it has its own name
	w := bufio.NewWriterSize(f, 1<<20)
	err = generate.WritePrompt(w, h, tokens, func(w io.Writer) error { return s.c.SaveCache(w, rows) })
	err = cmp.Or(err, w.Flush(), f.Sync(), f.Close())
	if err != nil {
		f.Close()
		return err
	}
	if err := cmp.Or(os.Rename(f.Name(), path), syncFolder(s.folder)); err != nil {
		return err
	}
	s.mu.Lock()
	s.saved = append(s.saved, &saved{path, tokens})
	s.mu.Unlock()
	return s.shrink()
}

// syncFolder has the names of a folder on the disk.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrInvalid) {
		return err
	}
	return nil
}

// load reads the rows of a file, and cuts them to what they have in common with a prompt.
func (s *Store) load(x *saved, prompt []int32) (rows *kv.Cache, n int, err error) {
	f, err := openRegular(x.path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	now := time.Now()
	os.Chtimes(x.path, now, now) // used last; that it is not noted is no harm
	h, tokens, err := generate.ReadPrompt(bufio.NewReaderSize(f, 1<<20), info.Size(), func(h generate.Head) (err error) {
		if err = s.fits(h); err == nil {
			rows, err = s.c.Blank(h.Tokens)
		}
		return err
	}, func(r io.Reader) error { return s.c.RestoreCache(r, rows) })
	switch {
	case err != nil:
		return nil, 0, err
	case rows.Len() != h.Tokens || rows.InUse() != h.Tokens || h.Fresh != h.Tokens:
		return nil, 0, generate.ErrDamaged
	}
	n = rows.Fresh(0, generate.Common(tokens, prompt[:len(prompt)-1]))
	if rows.Truncate(n) != nil {
		return nil, 0, nil // a cache that cannot be cut there
	}
	return rows, n, nil
}

// drop forgets a file that cannot be used. It stays in the folder until the budget removes it.
func (s *Store) drop(x *saved) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saved = slices.DeleteFunc(s.saved, func(y *saved) bool { return x == y })
}

// all is the paths of files that a store wrote, of this model and of others. Nothing else in the
// folder is a store's, whatever its name ends with, and no link is followed.
func (s *Store) all() (paths []string, err error) {
	folders, err := os.ReadDir(s.o.Folder)
	if err != nil {
		return nil, err
	}
	for _, d := range folders {
		if !d.IsDir() || !isHash(d.Name()) {
			continue
		}
		files, err := os.ReadDir(filepath.Join(s.o.Folder, d.Name()))
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			if name, ok := strings.CutSuffix(f.Name(), savedExt); ok && isHash(name) {
				paths = append(paths, filepath.Join(s.o.Folder, d.Name(), f.Name()))
			}
		}
	}
	return paths, nil
}

// isHash says whether a name is one that a store gives.
func isHash(name string) bool {
	b, err := hex.DecodeString(name)
	return err == nil && len(b) == nameBytes && name == hex.EncodeToString(b)
}

// shrink removes files until they are within the budget, those of others too.
func (s *Store) shrink() error {
	type file struct {
		path string
		size int64
		used time.Time
	}
	var all []file
	total := int64(0)
	paths, err := s.all()
	if err != nil {
		return err
	}
	for _, path := range paths {
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
			all = append(all, file{path, info.Size(), info.ModTime()})
			total += info.Size()
		}
	}
	slices.SortFunc(all, func(a, b file) int { return a.used.Compare(b.used) })
	for i := 0; i < len(all) && (total > s.o.Bytes || len(all)-i > maxSaved); i++ {
		if err := os.Remove(all[i].path); err != nil {
			return err
		}
		total -= all[i].size
		s.mu.Lock()
		s.saved = slices.DeleteFunc(s.saved, func(y *saved) bool { return y.path == all[i].path })
		s.mu.Unlock()
	}
	return nil
}
