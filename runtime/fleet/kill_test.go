//go:build nats || peers

package fleet

import (
	"flag"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/kvgen/kvgen/runtime/lab"
)

var killing = flag.Duration("killing", 0, "how long TestKill kills processes of fleets, sweep after sweep; 0 for one sweep and few kills")

// TestKill kills workers, the server and the coordinator by SIGKILL at random, and starts them
// again. The journal must then have what one process finds: nothing lost, nothing twice.
func TestKill(t *testing.T) {
	began := time.Now()
	for sweeps := 1; ; sweeps++ {
		seed := rand.Uint64()
		killed := killOne(t, rand.New(rand.NewPCG(seed, 0)))
		t.Logf("sweep %d, seed %d: killed %v", sweeps, seed, killed)
		if t.Failed() || time.Since(began) >= *killing {
			return
		}
	}
}

// killOne runs a sweep whose processes are killed a number of times, however far it is by then.
func killOne(t *testing.T, r *rand.Rand) map[string]int {
	f, err := newSample()
	if err != nil {
		t.Fatal(err)
	}
	defer f.m.Close()
	folder := t.TempDir()
	port, path := freePort(t), filepath.Join(folder, "journal")
	at := "nats://secret@127.0.0.1:" + port
	fleet := []*process{
		start(t, "server", port, filepath.Join(folder, "server")), start(t, "coordinator", at, path),
		start(t, "worker", at, "a"), start(t, "worker", at, "b"), start(t, "worker", at, "c"),
	}
	ended := make(chan error, 1)
	wait := func(p *process) { ended <- p.cmd.Wait() }
	go wait(fleet[1])
	killed := map[string]int{}
	over := false
	for range 12 {
		time.Sleep(time.Duration(r.IntN(250)) * time.Millisecond)
		i := r.IntN(len(fleet))
		p := fleet[i]
		role := p.role
		if role == "coordinator" {
			p.cmd.Process.Kill()
			if err := <-ended; err == nil { // it had ended before
				over = true
				break
			}
		} else {
			p.kill()
		}
		killed[role]++
		fleet[i] = start(t, role, p.at, p.what)
		if role == "coordinator" {
			go wait(fleet[i])
		}
	}
	if !over {
		select {
		case err := <-ended:
			if err != nil {
				t.Fatal("the coordinator ended:", err)
			}
		case <-time.After(5 * time.Minute):
			t.Fatal("the sweep has not ended")
		}
	}
	for i, p := range fleet {
		if i != 1 {
			p.kill()
		}
	}
	got, err := lab.Read(path) // which refuses what is there twice
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Notes) > 0 {
		t.Error(got.Notes)
	}
	if want := f.alone(t); text(t, got) != want {
		t.Errorf("a fleet whose processes were killed finds\n%.2000s\none process\n%.2000s", text(t, got), want)
	}
	return killed
}
