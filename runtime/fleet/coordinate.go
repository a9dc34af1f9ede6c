package fleet

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/kvgen/kvgen/runtime/lab"
)

// Run offers the sweeps to workers and collects their scores in the journals, until all is there.
// observe, unless nil, is told how many scores of cells have arrived. Where ctx is done, or a job
// cannot be done, the sweeps are taken from the server; what has arrived is in the journals.
func (l *Link) Run(ctx context.Context, offers []*Offer, observe func(done int)) error {
	c := &collector{l: l, byID: map[string]*Offer{}, observe: observe}
	var filters []string
	for _, o := range offers {
		c.byID[o.id] = o
		if err := l.again(ctx, func(ctx context.Context) error {
			return l.scores.Purge(ctx, jetstream.WithPurgeSubject("kvrun.failures."+o.id+".>"))
		}); err != nil {
			return err
		}
		filters = append(filters, "kvrun.scores."+o.id+".>", "kvrun.failures."+o.id+".>")
	}
	err := c.collect(ctx, filters)
	// Not within ctx, which may be what ended it.
	last, done := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer done()
	for _, o := range offers {
		if e := l.withdraw(last, o); e != nil {
			l.say(fmt.Sprintf("what the server still has of the sweep stays for %d days: %v", keep/(24*time.Hour), e))
		}
	}
	return err
}

// collector reads the stream of scores.
type collector struct {
	l       *Link
	byID    map[string]*Offer
	observe func(int)
	done    int
	moved   time.Time // when a score arrived last
}

// collect publishes what is missing and reads scores until there is nothing left. It starts again
// from the beginning where the server was away: what the journals have is passed over.
func (c *collector) collect(ctx context.Context, filters []string) error {
	w := c.l.await()
	for {
		done := c.done
		left, err := c.pass(ctx, filters)
		if err == nil && left == 0 {
			return nil
		}
		if c.done > done {
			w.moved()
		}
		var bad lasting
		if errors.As(err, &bad) || ctx.Err() != nil {
			return errors.Join(ctx.Err(), err)
		}
		if errors.Is(err, jetstream.ErrStreamNotFound) { // of a server that lost its disk
			err = c.l.prepare(ctx)
		}
		if err != nil && !away(err) && !lost(err) {
			return err
		}
		if err != nil {
			w.failed(err)
		}
		if err := c.l.pause(ctx, 250*time.Millisecond); err != nil {
			return err
		}
	}
}

// lasting is an error that trying again does not mend.
type lasting struct{ error }

func (e lasting) Unwrap() error { return e.error }

// lost says whether an error is of a consumer or stream that the server has lost.
func lost(err error) bool {
	return errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrConsumerDeleted) || errors.Is(err, jetstream.ErrNoHeartbeat) || errors.Is(err, jetstream.ErrMsgIteratorClosed)
}

// pass is one reading of the stream. It ends when all is there, when nothing has arrived for two
// leases, and by errors.
func (c *collector) pass(ctx context.Context, filters []string) (left int, err error) {
	for _, o := range c.byID {
		if len(o.Sweep.Jobs(Part)) == 0 {
			continue
		}
		if err := c.l.publish(ctx, o); err != nil {
			return 1, err
		}
		if err := c.l.queue(ctx, o); err != nil {
			return 1, err
		}
	}
	if left = c.left(); left == 0 {
		return 0, c.finish()
	}
	limit, end := context.WithTimeout(ctx, patience)
	scores, err := c.l.scores.CreateConsumer(limit, jetstream.ConsumerConfig{FilterSubjects: filters, AckPolicy: jetstream.AckNonePolicy, DeliverPolicy: jetstream.DeliverAllPolicy,
		InactiveThreshold: time.Minute})
	end()
	if err != nil {
		return left, err
	}
	for c.moved = time.Now(); time.Since(c.moved) < 2*c.l.lease; {
		if err := ctx.Err(); err != nil {
			return left, err
		}
		batch, err := scores.Fetch(256, jetstream.FetchMaxWait(time.Second))
		if err != nil {
			return left, err
		}
		if err := c.take(batch.Messages()); err != nil {
			return left, err
		}
		if left = c.left(); left == 0 {
			return 0, c.finish()
		}
		if err := batch.Error(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return left, err
		}
	}
	return left, c.revive(ctx)
}

// revive empties the queues of sweeps that lack scores though no job waits or runs. A server that
// was killed can hold messages that its consumer has passed.
func (c *collector) revive(ctx context.Context) error {
	for _, o := range c.byID {
		missing := len(o.Sweep.Jobs(Part))
		if missing == 0 {
			continue
		}
		var info *jetstream.ConsumerInfo
		err := c.l.again(ctx, func(ctx context.Context) error {
			jobs, err := c.l.jobs.Consumer(ctx, o.id)
			if err == nil {
				info = jobs.CachedInfo()
			}
			return err
		})
		if lost(err) || err == nil && info.NumPending == 0 && info.NumAckPending == 0 {
			c.l.say(fmt.Sprintf("the server has lost jobs of sweep %.12s, which are published again: %d", o.id, missing))
			err = c.l.dequeue(ctx, o)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *collector) left() (jobs int) {
	for _, o := range c.byID {
		jobs += len(o.Sweep.Jobs(Part))
	}
	return jobs
}

func (c *collector) finish() error {
	for _, o := range c.byID {
		if err := o.Sweep.Finish(); err != nil {
			return lasting{err}
		}
	}
	return nil
}

// take adds messages to the journals as they come: all that are there at a time are one write.
func (c *collector) take(messages <-chan jetstream.Msg) error {
	for m := range messages {
		ready := map[*Offer][]lab.Score{}
		for more := true; more; {
			o, s, err := c.read(m.Subject(), m.Data())
			if err != nil {
				return err
			}
			if o != nil && !o.Sweep.Has(s.Task, s.Chunk, s.Cell) {
				ready[o] = append(ready[o], s)
			}
			select {
			case m, more = <-messages:
			default:
				more = false
			}
		}
		for o, all := range ready {
			if err := o.Sweep.Add(all...); err != nil {
				return lasting{err}
			}
			for _, s := range all {
				if s.Cell != lab.Reference {
					c.done++
				}
			}
			c.moved = time.Now()
		}
		if c.observe != nil {
			c.observe(c.done)
		}
		if c.left() == 0 {
			return nil
		}
	}
	return nil
}

// read reads a message of a subject that the consumer asked for. o is nil for what is to be passed
// over.
func (c *collector) read(subject string, data []byte) (o *Offer, s lab.Score, err error) {
	parts := strings.Split(subject, ".")
	if len(parts) != 6 {
		return nil, s, nil
	}
	if o = c.byID[parts[2]]; o == nil {
		return nil, s, nil
	}
	if parts[1] == "failures" {
		f, err := decode[Failure](data, maxFailure)
		if err != nil {
			return nil, s, lasting{fmt.Errorf("%s: %w", subject, err)}
		}
		return nil, s, lasting{fmt.Errorf("worker %.100q cannot do chunk %d of task %d: %.1000s", f.Worker, f.Job.Chunk, f.Job.Task, f.Says)}
	}
	var numbers [3]int
	for i, text := range parts[3:] {
		if i == 2 && text == "ref" {
			numbers[i] = lab.Reference
		} else if numbers[i], err = strconv.Atoi(text); err != nil || numbers[i] < 0 {
			return nil, s, lasting{fmt.Errorf("a score of %.200q, which is no subject", subject)}
		}
	}
	score, err := decode[Score](data, maxScore)
	if err != nil {
		return nil, s, lasting{fmt.Errorf("%s: %w", subject, err)}
	}
	s = lab.Score{Task: numbers[0], Chunk: numbers[1], Cell: numbers[2], Positions: score.Positions}
	if !o.Sweep.Asks(s) {
		return nil, s, lasting{fmt.Errorf("a score of %s, which the sweep does not have", subject)}
	}
	return o, s, nil
}
