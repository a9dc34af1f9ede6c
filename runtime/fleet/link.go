package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/kvgen/kvgen/runtime/lab"
)

// Access says where the server is and how to get in, as NATS has it.
type Access struct {
	URL   string // nats://, tls:// or ws://, several with commas; a user or token may be in it
	Creds string // file of credentials, "" for none
	CA    string // file of certificates to trust, "" for those of the system
	Cert  string // files of the client's certificate and key, "" for none
	Key   string
	Say   func(line string) // told when the server is lost and found; nil for nothing

	// Lease is how long a coordinator lends a job to a worker that says nothing; 0 for Lease.
	Lease time.Duration
}

// Lease is long enough for a network that hiccups, and short for people who wait.
const Lease = 15 * time.Second

// Link is a connection to the server and what lies there.
type Link struct {
	nc     *nats.Conn
	js     jetstream.JetStream
	sweeps jetstream.Stream
	jobs   jetstream.Stream
	scores jetstream.Stream
	blobs  jetstream.ObjectStore
	say    func(string)
	lease  time.Duration
	closed chan struct{} // when the connection has ended for good
}

// keep is how long the server keeps what nobody took away, such as of a coordinator that never came
// back. A sweep that takes longer is published again.
const keep = 30 * 24 * time.Hour

// patience is how long one question to the server may take.
const patience = 5 * time.Second

// Dial connects to the server and sees to it that the streams are there. A server that cannot be
// reached is tried again until ctx is done.
func Dial(ctx context.Context, a Access) (*Link, error) {
	l := &Link{say: a.Say, lease: cmp.Or(a.Lease, Lease), closed: make(chan struct{})}
	if l.say == nil {
		l.say = func(string) {}
	}
	up := make(chan struct{}, 1)
	options := []nats.Option{
		nats.Name("kvrun"), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectWait(250 * time.Millisecond), nats.ReconnectJitter(250*time.Millisecond, time.Second),
		nats.ReconnectBufSize(-1), nats.PingInterval(10 * time.Second), nats.Timeout(patience),
		nats.ConnectHandler(func(*nats.Conn) { up <- struct{}{} }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				l.say(fmt.Sprintf("the server is lost, and tried again: %v", err))
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) { l.say("the server is back") }),
		nats.ClosedHandler(func(*nats.Conn) { close(l.closed) }),
	}
	if a.Creds != "" {
		options = append(options, nats.UserCredentials(a.Creds))
	}
	if a.CA != "" {
		options = append(options, nats.RootCAs(a.CA))
	}
	if a.Cert != "" {
		options = append(options, nats.ClientCert(a.Cert, a.Key))
	}
	var err error
	if l.nc, err = nats.Connect(a.URL, options...); err != nil {
		return nil, fmt.Errorf("the NATS server: %w", err)
	}
	if !l.nc.IsConnected() {
		l.say("the server cannot be reached, and is tried again")
	}
	select {
	case <-up:
	case <-l.closed:
		return nil, fmt.Errorf("the NATS server: %w", l.nc.LastError())
	case <-ctx.Done():
		l.nc.Close()
		return nil, ctx.Err()
	}
	if l.js, err = jetstream.New(l.nc, jetstream.WithDefaultTimeout(patience), jetstream.WithPublishAsyncTimeout(patience)); err == nil {
		err = l.prepare(ctx)
	}
	if err != nil {
		l.nc.Close()
		return nil, err
	}
	return l, nil
}

// Close ends the connection.
func (l *Link) Close() { l.nc.Close() }

// prepare finds the streams, and makes those that are not there.
func (l *Link) prepare(ctx context.Context) error {
	once := jetstream.StreamConfig{Discard: jetstream.DiscardNew, DiscardNewPerSubject: true, MaxMsgsPerSubject: 1, MaxAge: keep}
	for _, s := range []struct {
		to       *jetstream.Stream
		name     string
		subjects []string
		set      func(c *jetstream.StreamConfig)
	}{
		{&l.sweeps, "kvrun-sweeps", []string{"kvrun.sweeps.*"}, func(c *jetstream.StreamConfig) { c.MaxMsgSize = maxEntry }},
		{&l.jobs, "kvrun-jobs", []string{"kvrun.jobs.>"}, func(c *jetstream.StreamConfig) { c.MaxMsgSize, c.Retention = maxJob, jetstream.WorkQueuePolicy }},
		{&l.scores, "kvrun-scores", []string{"kvrun.scores.>", "kvrun.failures.>"}, func(*jetstream.StreamConfig) {}},
	} {
		c := once
		c.Name, c.Subjects = s.name, s.subjects
		s.set(&c)
		err := l.again(ctx, func(ctx context.Context) (err error) {
			if *s.to, err = l.js.Stream(ctx, s.name); errors.Is(err, jetstream.ErrStreamNotFound) {
				*s.to, err = l.js.CreateStream(ctx, c)
			}
			if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
				*s.to, err = l.js.Stream(ctx, s.name)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("stream %s of the NATS server: %w", s.name, err)
		}
		if got := (*s.to).CachedInfo().Config; got.MaxMsgsPerSubject != 1 || !got.DiscardNewPerSubject || got.Discard != jetstream.DiscardNew || got.Retention != c.Retention {
			return fmt.Errorf("stream %s of the NATS server has other settings than kvrun makes: a message must be written once", s.name)
		}
	}
	err := l.again(ctx, func(ctx context.Context) (err error) {
		if l.blobs, err = l.js.ObjectStore(ctx, "kvrun-blobs"); errors.Is(err, jetstream.ErrBucketNotFound) {
			l.blobs, err = l.js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: "kvrun-blobs", TTL: keep})
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("bucket kvrun-blobs of the NATS server: %w", err)
	}
	return nil
}

// again repeats a question to the server while it fails by the server being away. What the server
// says is told where that lasts for a lease: its disk may be full.
func (l *Link) again(ctx context.Context, ask func(ctx context.Context) error) error {
	w := l.await()
	for {
		limit, done := context.WithTimeout(ctx, patience)
		err := ask(limit)
		done()
		if err == nil || !away(err) {
			return err
		}
		w.failed(err)
		if err := l.pause(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}

// wait tells once of a server that has failed for a lease.
type wait struct {
	l     *Link
	until time.Time
	told  bool
}

func (l *Link) await() *wait { return &wait{l: l, until: time.Now().Add(l.lease)} }

// failed is called with each failure, and moved after what went well.
func (w *wait) failed(err error) {
	if !w.told && time.Now().After(w.until) {
		w.told = true
		w.l.say(fmt.Sprintf("the server has failed for %v, and is asked again: %v; is its disk full?", w.l.lease, err))
	}
}

func (w *wait) moved() { w.until, w.told = time.Now().Add(w.l.lease), false }

// pause waits, unless ctx or the connection ends.
func (l *Link) pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-l.closed:
		return fmt.Errorf("the NATS server: %w", errors.Join(nats.ErrConnectionClosed, l.nc.LastError()))
	}
}

// away says whether an error is of a server that cannot answer now.
func away(err error) bool {
	for _, e := range []error{nats.ErrTimeout, nats.ErrNoResponders, nats.ErrDisconnected, nats.ErrReconnectBufExceeded, nats.ErrConnectionReconnecting, context.DeadlineExceeded,
		jetstream.ErrNoStreamResponse, jetstream.ErrAsyncPublishTimeout, jetstream.ErrJetStreamNotEnabled, nats.ErrStaleConnection,
		jetstream.ErrServerShutdown, jetstream.ErrConsumerLeadershipChanged, jetstream.ErrNoHeartbeat} {
		if errors.Is(err, e) {
			return true
		}
	}
	var api *jetstream.APIError
	return errors.As(err, &api) && api.Code == 503 && !taken(err)
}

// once writes a message unless there is one of the subject already; first says that there was none.
func (l *Link) once(ctx context.Context, subject string, data []byte) (first bool, err error) {
	err = l.again(ctx, func(ctx context.Context) error {
		_, err := l.js.Publish(ctx, subject, data)
		return err
	})
	if taken(err) {
		return false, nil
	}
	return err == nil, err
}

// taken says that a stream has a message of the subject already.
func taken(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && strings.Contains(api.Description, "maximum messages per subject exceeded")
}

// Subjects.
func entrySubject(sweep string) string { return "kvrun.sweeps." + sweep }
func jobSubject(sweep string, j lab.Job) string {
	return fmt.Sprintf("kvrun.jobs.%s.%d.%d.%d", sweep, j.Task, j.Chunk, j.Cells[0]/Part)
}
func failureSubject(sweep string, j lab.Job) string {
	return fmt.Sprintf("kvrun.failures.%s.%d.%d.%d", sweep, j.Task, j.Chunk, j.Cells[0]/Part)
}
func scoreSubject(sweep string, task, chunk, cell int) string {
	what := fmt.Sprint(cell)
	if cell == lab.Reference {
		what = "ref"
	}
	return fmt.Sprintf("kvrun.scores.%s.%d.%d.%s", sweep, task, chunk, what)
}
