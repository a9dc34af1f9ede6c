//go:build nats || peers

package queue

import (
	"errors"
	"net"
	"testing"
)

// TestPortTaken says why a server cannot listen: somebody else does.
func TestPortTaken(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	s, err := Start(Options{Folder: t.TempDir(), Host: "127.0.0.1", Port: other.Addr().(*net.TCPAddr).Port})
	var why *net.OpError
	if !errors.As(err, &why) {
		t.Errorf("got %v", err)
	}
	if err == nil {
		s.Close()
	}
}
