package main

import (
	"fmt"
	"io"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/cmd/internal/plain"
	"github.com/kvgen/kvgen/cmd/internal/version"
	"github.com/kvgen/kvgen/runtime/generate"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/serve"
)

// keepFlags are what a server keeps of prompts, and how many texts it replays.
type keepFlags struct {
	bytes       int64 // of the cache
	folder      string
	folderBytes int64
	share       float64
	shadowSize  int
}

func (f *keepFlags) add(fs *pflag.FlagSet) {
	fs.Int64Var(&f.bytes, "keep-bytes", 0, "`bytes` of the cache that kept prompts may take, 0 for all that no text needs")
	fs.StringVar(&f.folder, "prompt-folder", "", "`folder` that keeps prompts from one start to the next; what was said can be read there")
	fs.Int64Var(&f.folderBytes, "prompt-folder-bytes", 4<<30, "`bytes` of all files in --prompt-folder at most")
	fs.Float64Var(&f.share, "shadow", 0, "`share` of the texts, 0 to 1, that are replayed with a cache of f16 while no text runs: /metrics tells how far the cache in use is from it")
	fs.IntVar(&f.shadowSize, "shadow-size", 2048, "`positions` of a text that is replayed at most")
}

func (f *keepFlags) check() error {
	switch {
	case !(f.share >= 0 && f.share <= 1):
		return fmt.Errorf("--shadow %v: want 0 to 1", f.share)
	case f.shadowSize < 2:
		return fmt.Errorf("--shadow-size %d: want 2 or more", f.shadowSize)
	case f.bytes < 0:
		return fmt.Errorf("--keep-bytes %d: want 0 or more", f.bytes)
	case f.folderBytes < 1:
		return fmt.Errorf("--prompt-folder-bytes %d: want 1 or more", f.folderBytes)
	}
	return nil
}

// options adds what is kept and replayed to those of a scheduler. The caller closes what is
// returned, after the scheduler has ended.
func (f *keepFlags) options(s *session, c *model.Context, warn io.Writer, o *serve.Options) (done func(), err error) {
	done = func() {}
	o.KeepBytes = f.bytes
	if f.folder != "" {
		id, err := s.identity()
		if err != nil {
			return done, err
		}
		o.Store, err = serve.OpenStore(c, serve.StoreOptions{
			Folder: f.folder, Bytes: f.folderBytes,
			Head: generate.Head{Model: *id, Math: s.flags.kind.String(), By: s.flags.computedBy(), Program: version.Short()},
			Note: func(text string) { fmt.Fprintln(warn, plain.Name(text, 400)) },
		})
		if err != nil {
			return done, fmt.Errorf("--prompt-folder %s: %w", plain.Name(f.folder, 200), err)
		}
	}
	if f.share > 0 {
		f16 := kv.Choice{Type: s.Table.ByName("f16")}
		reference, err := kv.NewPlan(s.KVLayers(), kv.Policy{K: f16, V: f16, Table: s.Table})
		if err != nil {
			return done, fmt.Errorf("--shadow: %w", err)
		}
		if o.Shadow, err = serve.NewShadow(c, reference, serve.ShadowOptions{Share: f.share, Size: f.shadowSize}); err != nil {
			return done, fmt.Errorf("--shadow: %w", err)
		}
		done = o.Shadow.Close
	}
	return done, nil
}
