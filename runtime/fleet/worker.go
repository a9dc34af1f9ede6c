package fleet

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/kvgen/kvgen/runtime/lab"
	"github.com/kvgen/kvgen/runtime/model"
)

// tries is how often a job may be lent before it counts as one that workers die of.
const tries = 32

// idle is how long a worker waits for a job before it looks for another sweep.
const idle = 300 * time.Millisecond

// Opened is a model on a machine.
type Opened struct {
	*model.Model
	Options lab.Options // threads and placements
	Close   func() error
}

// Worker runs jobs of the sweeps that fit it.
type Worker struct {
	Link  *Link
	Hello Hello // who it is and what it has

	// Most is how many bytes a model may have that is brought from the server, 0 for none.
	Most int64
	// Open opens a model on a back end of Hello. The model is one of Hello, or can be fetched.
	// memory is what jobs take beside it, in bytes.
	Open func(ctx context.Context, m Model, backend string, memory int64) (*Opened, error)
	// Say gets a line about what happens.
	Say func(line string)

	passed map[string]bool // sweeps that do not fit
	at     string          // the sweep that is open
	m      *Manifest
	opened *Opened
	bench  *lab.Bench
	from   jetstream.Consumer
}

// Run takes jobs until ctx is done.
func (w *Worker) Run(ctx context.Context) error {
	w.passed = map[string]bool{}
	defer w.leave()
	var said time.Time
	for {
		if time.Since(said) > Lease {
			w.hello()
			said = time.Now()
		}
		worked, err := w.turn(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !away(err) && !lost(err) {
			w.Say(err.Error())
		}
		if !worked {
			if err := w.Link.pause(ctx, idle); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// hello says who this is, to whom it may concern.
func (w *Worker) hello() {
	h := w.Hello
	h.Sweep = w.at
	if data, err := json.Marshal(h); err == nil {
		w.Link.nc.Publish("kvrun.workers", data) // it is said again
	}
}

// turn runs a job, if there is one: of the sweep that is open, else of another that fits.
func (w *Worker) turn(ctx context.Context) (worked bool, err error) {
	if w.at != "" {
		if worked, err = w.next(ctx); worked {
			return worked, err
		}
		if err != nil && !away(err) && !lost(err) {
			w.Say(err.Error())
		}
	}
	var info *jetstream.StreamInfo
	err = w.Link.again(ctx, func(ctx context.Context) (err error) {
		info, err = w.Link.sweeps.Info(ctx, jetstream.WithSubjectFilter("kvrun.sweeps.*"))
		return err
	})
	if err != nil {
		return false, err
	}
	if _, still := info.State.Subjects[entrySubject(w.at)]; w.at != "" && !still {
		w.leave()
	}
	var ids []string
	for subject := range info.State.Subjects {
		id := strings.TrimPrefix(subject, "kvrun.sweeps.")
		if isHash(id) && !w.passed[id] && id != w.at {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	for _, id := range ids {
		if err := w.enter(ctx, id); err != nil {
			if ctx.Err() != nil || away(err) {
				return false, err
			}
			if !lost(err) { // else it is not whole yet, or no longer, and is looked at again
				w.passed[id] = true
				w.Say(fmt.Sprintf("sweep %.12s is left to others: %v", id, err))
			}
			continue
		}
		if worked, err := w.next(ctx); worked || err != nil && !lost(err) {
			return worked, err
		}
	}
	return false, nil
}

// misfit is why a worker passes over a sweep.
type misfit struct{ why string }

func (m misfit) Error() string { return m.why }

// enter opens a sweep.
func (w *Worker) enter(ctx context.Context, id string) error {
	var raw *jetstream.RawStreamMsg
	err := w.Link.again(ctx, func(ctx context.Context) (err error) {
		raw, err = w.Link.sweeps.GetLastMsgForSubject(ctx, entrySubject(id))
		return err
	})
	if err != nil {
		return err
	}
	e, err := decodeEntry(raw.Data)
	if err != nil {
		return err
	}
	if err := w.fits(e); err != nil {
		return err
	}
	var consumer jetstream.Consumer
	if err := w.Link.again(ctx, func(ctx context.Context) (err error) {
		consumer, err = w.Link.jobs.Consumer(ctx, id)
		return err
	}); err != nil {
		return err
	}
	data, err := w.Link.blob(ctx, id, e.Size)
	if err != nil {
		return fmt.Errorf("its manifest: %w", err)
	}
	m, err := DecodeManifest(data)
	if err != nil {
		return fmt.Errorf("its manifest: %w", err)
	}
	travels := int64(0)
	for _, f := range m.Model.Files {
		travels += f.Size
	}
	if m.Program != e.Program || m.Backend != e.Backend || m.Model.Hash != e.Model || travels != e.Travels {
		return misfit{"its entry and its manifest differ"}
	}
	w.leave()
	opened, err := w.Open(ctx, m.Model, m.Backend, e.Memory)
	if err != nil {
		return err
	}
	bench, err := w.prepare(m, opened)
	if err != nil {
		opened.Close()
		return err
	}
	w.at, w.m, w.opened, w.bench, w.from = id, m, opened, bench, consumer
	w.Say(fmt.Sprintf("takes part in sweep %.12s", id))
	w.hello()
	return nil
}

// fits says why a sweep is not for this worker.
func (w *Worker) fits(e Entry) error {
	switch {
	case e.Program != w.Hello.Program:
		return misfit{fmt.Sprintf("it is of kvrun %.100q, and this is %s", e.Program, w.Hello.Program)}
	case !slices.Contains(w.Hello.Backends, e.Backend):
		return misfit{fmt.Sprintf("it is for %.200q, and this machine has %s", e.Backend, strings.Join(w.Hello.Backends, ", "))}
	case w.Hello.Memory > 0 && e.Memory > w.Hello.Memory:
		return misfit{fmt.Sprintf("it takes %d MiB of memory, and there are %d", e.Memory>>20, w.Hello.Memory>>20)}
	case slices.Contains(w.Hello.Models, e.Model):
	case e.Travels == 0:
		return misfit{fmt.Sprintf("it is of model %.12s, which this machine does not have", e.Model)}
	case e.Travels > w.Most:
		return misfit{fmt.Sprintf("it is of model %.12s of %d bytes, and %d may be brought", e.Model, e.Travels, w.Most)}
	}
	return nil
}

// prepare makes sure that the model is the one that was meant.
func (w *Worker) prepare(m *Manifest, o *Opened) (*lab.Bench, error) {
	id, err := o.Identity()
	if err != nil {
		return nil, err
	}
	if id.Hash() != m.Model.Hash {
		return nil, fmt.Errorf("the model that was opened is %.12s, and it is of %.12s", id.Hash(), m.Model.Hash)
	}
	return m.Bench(o.Model, o.Options)
}

// leave closes the sweep that is open.
func (w *Worker) leave() {
	if w.at == "" {
		return
	}
	w.bench.Close()
	w.opened.Close()
	w.at, w.m, w.bench, w.opened, w.from = "", nil, nil, nil, nil
}

// next runs a job of the sweep that is open.
func (w *Worker) next(ctx context.Context) (worked bool, err error) {
	batch, err := w.from.Fetch(1, jetstream.FetchMaxWait(idle))
	if err != nil {
		return false, err
	}
	for msg := range batch.Messages() {
		return true, w.job(ctx, msg)
	}
	return false, batch.Error()
}

// job runs a job and writes its scores. While it runs, it stays lent.
func (w *Worker) job(ctx context.Context, msg jetstream.Msg) error {
	job, err := decodeJob(msg.Data(), w.m)
	if err == nil && msg.Subject() != jobSubject(w.at, job) {
		err = errors.New("it has the subject of another")
	}
	if err != nil {
		msg.TermWithReason("no job of this sweep")
		return fmt.Errorf("a job of sweep %.12s: %w", w.at, err)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		every := time.NewTicker(w.from.CachedInfo().Config.AckWait / 3)
		defer every.Stop()
		for {
			select {
			case <-every.C:
				msg.InProgress() // where that fails the job goes to another, who finds the same
				w.hello()
			case <-ctx.Done():
				return
			}
		}
	}()
	err = w.work(ctx, msg, job)
	if ctx.Err() != nil {
		msg.Nak() // at once to another
		return ctx.Err()
	}
	if err != nil {
		if away(err) || lost(err) {
			return err
		}
		says := fmt.Sprintf("%.4000s", err.Error())
		data, _ := json.Marshal(Failure{Worker: w.Hello.Worker, Job: job, Says: strings.ToValidUTF8(says, "?")})
		_, failed := w.Link.once(ctx, failureSubject(w.at, job), data)
		return errors.Join(err, failed)
	}
	limit, done := context.WithTimeout(ctx, patience)
	defer done()
	msg.DoubleAck(limit) // where it fails, whoever gets the job next finds it done
	return nil
}

// work runs what is missing of a job.
func (w *Worker) work(ctx context.Context, msg jetstream.Msg, job lab.Job) error {
	if meta, err := msg.Metadata(); err == nil && meta.NumDelivered > tries {
		return fmt.Errorf("the job was lent %d times and never came back: workers die of it, or lose the server", tries)
	}
	have, err := w.have(ctx, job)
	if err != nil {
		return err
	}
	left := lab.Job{Task: job.Task, Chunk: job.Chunk}
	for _, c := range job.Cells {
		if !have[scoreSubject(w.at, job.Task, job.Chunk, c)] {
			left.Cells = append(left.Cells, c)
		}
	}
	if left.Cells == nil {
		return nil
	}
	scores, err := w.bench.Run(ctx, left, nil)
	if err != nil {
		return err
	}
	for _, s := range scores {
		if err := w.write(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// have is the subjects of the scores that are there of a job's chunk.
func (w *Worker) have(ctx context.Context, job lab.Job) (map[string]bool, error) {
	all := map[string]bool{}
	err := w.Link.again(ctx, func(ctx context.Context) error {
		info, err := w.Link.scores.Info(ctx, jetstream.WithSubjectFilter(fmt.Sprintf("kvrun.scores.%s.%d.%d.*", w.at, job.Task, job.Chunk)))
		if err == nil {
			for subject := range info.State.Subjects {
				all[subject] = true
			}
		}
		return err
	})
	return all, err
}

// write writes a score, once. One that is there must be the same.
func (w *Worker) write(ctx context.Context, s lab.Score) error {
	data, err := json.Marshal(Score{Worker: w.Hello.Worker, Positions: s.Positions})
	if err != nil {
		return err
	}
	subject := scoreSubject(w.at, s.Task, s.Chunk, s.Cell)
	first, err := w.Link.once(ctx, subject, data)
	if first || err != nil {
		return err
	}
	var raw *jetstream.RawStreamMsg
	err = w.Link.again(ctx, func(ctx context.Context) (err error) {
		raw, err = w.Link.scores.GetLastMsgForSubject(ctx, subject)
		return err
	})
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil // the sweep was taken away meanwhile
	}
	if err != nil {
		return err
	}
	was, err := decode[Score](raw.Data, maxScore)
	if err == nil && !was.Equal(s.Positions) {
		err = fmt.Errorf("cell %d gave other scores here than on worker %.100q: machines of one back end must give the same bits", s.Cell, was.Worker)
	}
	return err
}

// blob brings a blob whose name is its SHA-256, of a size that is known.
func (l *Link) blob(ctx context.Context, name string, size int64) ([]byte, error) {
	var b bytes.Buffer
	err := l.again(ctx, func(ctx context.Context) error {
		b.Reset()
		return l.read(ctx, name, size, &b)
	})
	return b.Bytes(), err
}

// read copies a blob, and no more than its size, to w.
func (l *Link) read(ctx context.Context, name string, size int64, to io.Writer) error {
	r, err := l.blobs.Get(ctx, name)
	if err != nil {
		return err
	}
	defer r.Close()
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(to, h), io.LimitReader(r, size+1))
	if err != nil {
		return err
	}
	if n != size {
		return fmt.Errorf("blob %.12s does not have the %d bytes that were said", name, size)
	}
	if hex.EncodeToString(h.Sum(nil)) != name {
		return fmt.Errorf("blob %.12s has another SHA-256 than its name", name)
	}
	return nil
}
