package fleet

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/lab"
)

// Offer is a sweep of one model that is offered to workers.
type Offer struct {
	Sweep *lab.Sweep

	id       string
	entry    Entry
	manifest []byte
	done     int // scores of cells that arrived in this run
}

// Inputs are what an offer is made of.
type Inputs struct {
	Program   string // version
	Backend   string // what must compute
	Model     Model
	Math      string
	Batch     int
	Reference *kv.Plan
	Tasks     []lab.Task
	Cells     []lab.Cell
}

// NewOffer makes the manifest of a sweep.
func NewOffer(s *lab.Sweep, in Inputs) (*Offer, error) {
	e := &encoder{known: map[string]int{}}
	m := &Manifest{Program: in.Program, Backend: in.Backend, Model: in.Model, Math: in.Math, Batch: in.Batch}
	var err error
	if m.Reference, err = e.plan(in.Reference); err != nil {
		return nil, err
	}
	size, largest := 0, 0
	for i, t := range in.Tasks {
		chunks := s.Chunks()[i]
		size = max(size, t.Context)
		m.Tasks = append(m.Tasks, Task{Text: m.text(t, chunks), Context: t.Context, Path: t.Path, Chunks: chunks})
	}
	for _, c := range in.Cells {
		p, err := e.plan(c.Plan)
		if err != nil {
			return nil, err
		}
		m.Cells = append(m.Cells, p)
		largest = max(largest, c.Plan.Bytes(size, max(in.Batch, 256)))
	}
	m.Offsets = e.offsets
	o := &Offer{Sweep: s}
	if o.manifest, err = json.Marshal(m); err != nil {
		return nil, err
	}
	if _, err := DecodeManifest(o.manifest); err != nil {
		return nil, fmt.Errorf("the sweep is too much for a fleet: %w", err)
	}
	sum := sha256.Sum256(o.manifest)
	o.id = hex.EncodeToString(sum[:])
	memory := int64(in.Reference.Bytes(size, max(in.Batch, 256))) + int64(largest) + 256<<20
	travels := int64(0)
	for _, f := range in.Model.Files {
		travels += f.Size
	}
	o.entry = Entry{Travels: travels, Program: in.Program, Backend: in.Backend, Model: in.Model.Hash, Memory: memory, Size: int64(len(o.manifest))}
	return o, nil
}

// text is the number of the text of a task, with as many tokens as the chunks take: two chunks at
// least, since a text of fewer is not measured.
func (m *Manifest) text(t lab.Task, chunks int) int {
	x := Text{BOS: t.Text.BOS, AddBOS: t.Text.AddBOS}
	for _, id := range t.Text.Tokens[:max(chunks, 2)*t.Context] {
		x.Tokens = binary.LittleEndian.AppendUint32(x.Tokens, uint32(id))
	}
	for i, have := range m.Texts {
		if have.BOS != x.BOS || have.AddBOS != x.AddBOS {
			continue
		}
		if bytes.HasPrefix(have.Tokens, x.Tokens) {
			return i
		}
		if bytes.HasPrefix(x.Tokens, have.Tokens) {
			m.Texts[i] = x
			return i
		}
	}
	m.Texts = append(m.Texts, x)
	return len(m.Texts) - 1
}

// publish makes the sweep known: its manifest, its consumer and its entry, in this order.
func (l *Link) publish(ctx context.Context, o *Offer) error {
	most := 0
	for _, t := range o.Sweep.Settings() {
		most = max(most, 3*4*t.Scored()+1024) // two floats of 4 bytes and a bit, in base64
	}
	if limit := l.nc.MaxPayload(); int64(most) > limit {
		return fmt.Errorf("the scores of a chunk take a message of %d bytes, and the NATS server allows %d (max_payload)", most, limit)
	}
	err := l.again(ctx, func(ctx context.Context) error {
		info, err := l.blobs.GetInfo(ctx, o.id)
		if err == nil && info.Size == uint64(len(o.manifest)) {
			return nil
		}
		if err == nil || errors.Is(err, jetstream.ErrObjectNotFound) {
			_, err = l.blobs.PutBytes(ctx, o.id, o.manifest)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("the manifest: %w", err)
	}
	err = l.again(ctx, func(ctx context.Context) error {
		_, err := l.jobs.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{Durable: o.id, FilterSubject: "kvrun.jobs." + o.id + ".>", AckPolicy: jetstream.AckExplicitPolicy,
			AckWait: l.lease, MaxDeliver: -1, MaxAckPending: 1 << 16})
		return err
	})
	if err != nil {
		return fmt.Errorf("the consumer of jobs: %w", err)
	}
	entry, err := json.Marshal(o.entry)
	if err == nil {
		_, err = l.once(ctx, entrySubject(o.id), entry)
	}
	return err
}

// queue publishes the jobs that are missing; those that wait or run are refused by the server.
func (l *Link) queue(ctx context.Context, o *Offer) error {
	var all []jetstream.PubAckFuture
	wait := func() error {
		for _, f := range all {
			select {
			case <-f.Ok():
			case err := <-f.Err():
				if !taken(err) {
					return err
				}
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		all = all[:0]
		return nil
	}
	for _, j := range o.Sweep.Jobs(Part) {
		data, err := json.Marshal(j)
		if err != nil {
			return err
		}
		f, err := l.js.PublishAsync(jobSubject(o.id, j), data)
		if err != nil {
			return err
		}
		if all = append(all, f); len(all) == 256 {
			if err := wait(); err != nil {
				return err
			}
		}
	}
	return wait()
}

// withdraw takes all of a sweep from the server.
func (l *Link) withdraw(ctx context.Context, o *Offer) error {
	if err := l.again(ctx, func(ctx context.Context) error {
		return l.sweeps.Purge(ctx, jetstream.WithPurgeSubject(entrySubject(o.id)))
	}); err != nil {
		return err
	}
	if err := l.dequeue(ctx, o); err != nil {
		return err
	}
	for _, what := range []string{"scores", "failures"} {
		if err := l.again(ctx, func(ctx context.Context) error {
			return l.scores.Purge(ctx, jetstream.WithPurgeSubject("kvrun."+what+"."+o.id+".>"))
		}); err != nil {
			return err
		}
	}
	err := l.again(ctx, func(ctx context.Context) error { return l.blobs.Delete(ctx, o.id) })
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return nil
	}
	return err
}

// dequeue takes the jobs of a sweep from the server, with their consumer.
func (l *Link) dequeue(ctx context.Context, o *Offer) error {
	err := l.again(ctx, func(ctx context.Context) error { return l.jobs.DeleteConsumer(ctx, o.id) })
	if err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return err
	}
	return l.again(ctx, func(ctx context.Context) error {
		return l.jobs.Purge(ctx, jetstream.WithPurgeSubject("kvrun.jobs."+o.id+".>"))
	})
}
