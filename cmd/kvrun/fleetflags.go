package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/cmd/internal/output"
	"github.com/kvgen/kvgen/cmd/internal/plain"
	"github.com/kvgen/kvgen/runtime/fleet"
	"github.com/kvgen/kvgen/runtime/fleet/queue"
)

// fleetVariable is where a worker finds the server when no flag says it. Unlike a flag it is not
// seen in the list of processes.
const fleetVariable = "KVRUN_FLEET"

// localFleet is --fleet for a server in this process.
const localFleet = "local"

// accessFlags say how to get into a NATS server.
type accessFlags struct {
	url, creds, ca, cert, key string
}

func (f *accessFlags) add(fs *pflag.FlagSet) {
	fs.StringVar(&f.creds, "fleet-creds", "", "`file` of NATS credentials")
	fs.StringVar(&f.ca, "fleet-ca", "", "`file` of certificates by which the NATS server is trusted (default: those of the system)")
	fs.StringVar(&f.cert, "fleet-cert", "", "`file` of a certificate that the NATS server wants of its clients")
	fs.StringVar(&f.key, "fleet-key", "", "`file` of the key of that certificate")
}

func (f *accessFlags) check() error {
	if (f.cert == "") != (f.key == "") {
		return errors.New("--fleet-cert and --fleet-key: want both")
	}
	args := f.accessArgs()
	for i := 0; i < len(args); i += 2 {
		if err := checkAccess(args[i], args[i+1]); err != nil {
			return err
		}
	}
	for _, url := range strings.Split(f.url, ",") {
		scheme, _, found := strings.Cut(strings.TrimSpace(url), "://")
		if found && !slices.Contains([]string{"nats", "tls", "ws", "wss"}, scheme) {
			return fmt.Errorf("--fleet: an address of %.20q: a NATS server has nats://, tls://, ws:// or wss://", scheme+"://")
		}
	}
	return nil
}

// dial connects to the server.
func (f *accessFlags) dial(e *environment) (*fleet.Link, error) {
	return fleet.Dial(e.ctx, fleet.Access{URL: f.url, Creds: f.creds, CA: f.ca, Cert: f.cert, Key: f.key,
		Say: func(line string) { fmt.Fprintln(e.stderr, "note:", plain.Message(line)) }})
}

// fleetFlags are those of a sweep that many processes run.
type fleetFlags struct {
	accessFlags
	workers int
	listen  string
	send    bool
}

func (f *fleetFlags) add(fs *pflag.FlagSet) {
	fs.StringVar(&f.url, "fleet", "", "have workers run the sweep, by the NATS server at this `address`: nats://HOST:4222, or local for one in this process and workers on this machine")
	fs.IntVar(&f.workers, "workers", -1, "worker `processes` to start on this machine (default: 0, with --fleet local one per thread, 4 at most, on a GPU 1)")
	fs.StringVar(&f.listen, "fleet-listen", "127.0.0.1:0", "`address` for the server of --fleet local, where workers of other machines reach it")
	fs.BoolVar(&f.send, "fleet-send", false, "bring the models to the server, for workers that do not have them")
	f.accessFlags.add(fs)
}

// check reads the flags. threads are those of the machine.
func (f *fleetFlags) check(threads int, gpu bool) error {
	if f.url == "" {
		if f.workers >= 0 || f.send || f.creds != "" || f.ca != "" || f.cert != "" || f.listen != "127.0.0.1:0" {
			return errors.New("--workers, --fleet-listen, --fleet-send and the like go with --fleet")
		}
		return nil
	}
	if f.workers < -1 || f.workers > 256 {
		return fmt.Errorf("--workers %d: want 0 to 256", f.workers)
	}
	if f.workers == -1 {
		f.workers = 0
		if f.url == localFleet {
			f.workers = min(threads, 4)
			if gpu {
				f.workers = 1
			}
		}
	}
	if _, _, err := splitListen(f.listen); err != nil {
		return err
	}
	return f.accessFlags.check()
}

func splitListen(listen string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(listen)
	if err == nil {
		port, err = strconv.Atoi(text)
	}
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("--fleet-listen %.100q: want HOST:PORT", listen)
	}
	return host, port, nil
}

// serve starts a server in this process, and returns its end. What it keeps lies beside the
// journal, where a coordinator that was killed finds it again.
func (f *fleetFlags) serve(e *environment, journal string) (end func(), err error) {
	host, port, err := splitListen(f.listen)
	if err != nil {
		return nil, err
	}
	folder, remove := "", func() {}
	if journal == "" {
		folder, remove, err = output.Folder("fleet")
	} else {
		folder = journal + ".fleet"
		err = os.MkdirAll(folder, 0o700)
		remove = func() {
			os.RemoveAll(filepath.Join(folder, "jetstream"))
			os.Remove(folder) // unless something else is in it
		}
	}
	if err != nil {
		return nil, err
	}
	s, err := queue.Start(queue.Options{Folder: folder, Host: host, Port: port, Token: rand.Text()})
	if err != nil {
		remove()
		return nil, err
	}
	f.url = s.URL()
	if !loopback(host) {
		fmt.Fprintf(e.stderr, "workers on other machines: %s=%s kvrun worker MODEL... (a token is in it; what travels is not encrypted)\n", fleetVariable, f.url)
	}
	return func() { s.Close(); remove() }, nil
}

// startWorkers starts workers on this machine, and returns their end. lost is called when none is
// left.
func (f *fleetFlags) startWorkers(e *environment, args []string, lost context.CancelCauseFunc) (end func(), err error) {
	var all []*localWorker
	var running sync.WaitGroup
	end = func() {
		for _, w := range all {
			w.stop()
		}
		running.Wait()
	}
	ended := make(chan error, f.workers)
	for range f.workers {
		w, err := e.startWorker(f, args)
		if err != nil {
			end()
			return nil, fmt.Errorf("a worker cannot be started: %w", err)
		}
		all = append(all, w)
		running.Go(func() { ended <- w.wait() })
	}
	go func() {
		for left := f.workers; left > 0; left-- {
			err := <-ended
			if err == nil {
				continue // it was stopped
			}
			fmt.Fprintf(e.stderr, "note: a worker has ended, and %d are left: %v\n", left-1, plain.Message(err.Error()))
			if left == 1 {
				lost(fmt.Errorf("all workers of this machine have ended, the last with: %w", err))
			}
		}
	}()
	return end, nil
}

// workerArgs are the flags that a worker of this machine is started with.
func (m *modelFlags) workerArgs(models []string, workers int) (args []string) {
	args = append([]string{"worker", "--until-eof", "--threads", strconv.Itoa(max(1, m.threads/max(1, workers)))}, models...)
	for flag, value := range map[string]string{"device": m.device, "gpu-layers": m.layers, "tensor-split": m.split} {
		if value != "" {
			args = append(args, "--"+flag, value)
		}
	}
	for name, value := range m.settings {
		args = append(args, "--"+name, value)
	}
	return args
}

// hostWord is the name of this machine as it can stand in the name of a worker.
func hostWord() string {
	name, _ := os.Hostname()
	name = strings.Map(func(r rune) rune {
		if r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, name)
	return name[:min(len(name), 60)]
}
