package fleet

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/kvgen/kvgen/runtime/lab"
	"github.com/kvgen/kvgen/runtime/state"
)

// Part is how many cells a job has at most.
const Part = 32

// Bounds of messages, in bytes, and of what they hold.
const (
	maxEntry    = 4 << 10
	maxJob      = 4 << 10
	maxFailure  = 16 << 10
	maxHello    = 64 << 10
	maxScore    = 64 << 20
	maxManifest = 256 << 20
	maxTasks    = 4096
	maxCells    = 1 << 16
	maxLayers   = 4096
	maxJobs     = 1 << 20
	maxFiles    = 1000
	maxWord     = 400 // bytes of a name or version
)

// Entry is what a worker reads of a sweep before it decides to take part.
type Entry struct {
	Program string `json:"program"` // version
	Backend string `json:"backend"` // what computes
	Model   string `json:"model"`   // hash of its identity
	Memory  int64  `json:"memory"`  // bytes that a job takes beside the model's file
	Size    int64  `json:"size"`    // of the manifest, bytes
	Travels int64  `json:"travels"` // bytes of the model, where the server has it; else 0
}

// Score is a score as it travels; the subject says of what.
type Score struct {
	Worker string `json:"worker"`
	lab.Positions
}

// Failure is a job that cannot be done.
type Failure struct {
	Worker string  `json:"worker"`
	Job    lab.Job `json:"job"`
	Says   string  `json:"says"`
}

// Hello is what a worker says of itself, now and then.
type Hello struct {
	Worker   string   `json:"worker"`
	Program  string   `json:"program"`
	Backends []string `json:"backends"` // instruction sets, or the GPU
	Threads  int      `json:"threads"`
	Memory   int64    `json:"memory"` // bytes; 0 where it is not known
	Models   []string `json:"models"` // hashes of their identities
	Sweep    string   `json:"sweep,omitempty"`
}

// decode reads a message of at most so many bytes.
func decode[T any](data []byte, most int) (v T, err error) {
	if len(data) > most {
		return v, fmt.Errorf("a message of %d bytes: want %d at most", len(data), most)
	}
	return v, state.Decode(data, &v)
}

func decodeEntry(data []byte) (Entry, error) {
	e, err := decode[Entry](data, maxEntry)
	switch {
	case err != nil:
	case !isHash(e.Model):
		err = fmt.Errorf("model %s: want 64 hexadecimal digits", state.Short(e.Model))
	case e.Size < 1 || e.Size > maxManifest:
		err = fmt.Errorf("a manifest of %d bytes: want 1 to %d", e.Size, maxManifest)
	case e.Memory < 0 || e.Memory > 1<<50 || e.Travels < 0 || e.Travels > 1<<50:
		err = fmt.Errorf("memory of %d bytes, a model of %d", e.Memory, e.Travels)
	}
	return e, err
}

// decodeJob reads a job of a manifest.
func decodeJob(data []byte, m *Manifest) (lab.Job, error) {
	j, err := decode[lab.Job](data, maxJob)
	switch {
	case err != nil:
		return j, err
	case j.Task < 0 || j.Task >= len(m.Tasks):
		return j, fmt.Errorf("task %d: there are %d, from 0", j.Task, len(m.Tasks))
	case j.Chunk < 0 || j.Chunk >= m.Tasks[j.Task].Chunks:
		return j, fmt.Errorf("chunk %d: there are %d, from 0", j.Chunk, m.Tasks[j.Task].Chunks)
	case len(j.Cells) < 1 || len(j.Cells) > Part:
		return j, fmt.Errorf("a job of %d cells: want 1 to %d", len(j.Cells), Part)
	}
	for i, c := range j.Cells {
		if c < 0 || c >= len(m.Cells) || i > 0 && c <= j.Cells[i-1] || c/Part != j.Cells[0]/Part {
			return j, fmt.Errorf("cells %v: want rising numbers below %d, of one part", j.Cells, len(m.Cells))
		}
	}
	return j, nil
}

func decodeHello(data []byte) (Hello, error) {
	h, err := decode[Hello](data, maxHello)
	if err == nil && (!isWorker(h.Worker) || len(h.Program) > maxWord) {
		err = fmt.Errorf("worker %s: want a name of letters and digits", state.Short(h.Worker))
	}
	return h, err
}

// isHash says whether s is a SHA-256 in lower case.
func isHash(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 32 && strings.ToLower(s) == s
}

// isWorker says whether s can be the name of a worker.
func isWorker(s string) bool {
	return s != "" && len(s) <= 100 && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	})
}
