package fleet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/nats-io/nats.go/jetstream"
)

// Files are the sizes and the SHA-256 of the files of a model, so that it can travel.
func Files(ctx context.Context, paths []string) (all []File, err error) {
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		h := sha256.New()
		n, err := io.Copy(h, reader{ctx, f})
		f.Close()
		if err != nil {
			return nil, err
		}
		all = append(all, File{SHA256: hex.EncodeToString(h.Sum(nil)), Size: n})
	}
	return all, nil
}

// Send brings the files of a model to the server, each under its SHA-256.
func (l *Link) Send(ctx context.Context, paths []string, files []File) error {
	for i, f := range files {
		if info, err := l.blobs.GetInfo(ctx, f.SHA256); err == nil && info.Size == uint64(f.Size) {
			continue
		} else if err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
			return err
		}
		from, err := os.Open(paths[i])
		if err != nil {
			return err
		}
		_, err = l.blobs.Put(ctx, jetstream.ObjectMeta{Name: f.SHA256}, reader{ctx, from})
		from.Close()
		if err != nil {
			return fmt.Errorf("%s to the NATS server: %w", paths[i], err)
		}
	}
	return nil
}

// ModelPath is where a model that travels lies in a folder: what its first file is called depends
// on how many there are, not on what a message says.
func ModelPath(folder string, m Model) string { return filepath.Join(folder, m.Hash, fileName(m, 0)) }

func fileName(m Model, i int) string {
	if len(m.Files) == 1 {
		return "model.gguf"
	}
	return fmt.Sprintf("model-%05d-of-%05d.gguf", i+1, len(m.Files))
}

// Fetch brings a model from the server into a folder and returns the path of its first file. Only a
// file of the right size and SHA-256 gets its name.
func (l *Link) Fetch(ctx context.Context, m Model, folder string) (string, error) {
	if !isHash(m.Hash) || len(m.Files) == 0 || len(m.Files) > maxFiles {
		return "", errors.New("the model does not travel")
	}
	dir := filepath.Join(folder, m.Hash)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	for i, f := range m.Files {
		path := filepath.Join(dir, fileName(m, i))
		if _, err := os.Stat(path); err == nil {
			continue
		}
		if err := l.fetchFile(ctx, f, path); err != nil {
			return "", fmt.Errorf("model %.12s: %w", m.Hash, err)
		}
	}
	return ModelPath(folder, m), nil
}

func (l *Link) fetchFile(ctx context.Context, f File, path string) (err error) {
	to, err := os.CreateTemp(filepath.Dir(path), ".part-")
	if err != nil {
		return err
	}
	defer func() {
		to.Close()
		if err != nil {
			os.Remove(to.Name())
		}
	}()
	err = l.read(ctx, f.SHA256, f.Size, to)
	if err == nil {
		err = to.Sync()
	}
	if err == nil {
		err = to.Close()
	}
	if err == nil {
		err = os.Rename(to.Name(), path)
	}
	return err
}

// reader ends when ctx does.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
