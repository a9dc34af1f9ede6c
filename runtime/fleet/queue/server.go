//go:build nats || peers

package queue

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Available says whether this build has a server.
const Available = true

// maxPayload is the most bytes of a message: the scores of a chunk of 600,000 tokens.
const maxPayload = 8 << 20

// Server is a server that runs.
type Server struct {
	s     *server.Server
	token string
}

// Start starts a server. Close it.
func Start(o Options) (*Server, error) {
	port := o.Port
	if port == 0 {
		port = server.RANDOM_PORT
	}
	// The server would try in vain for as long as ReadyForConnections waits, and not say why.
	free, err := net.Listen("tcp", net.JoinHostPort(o.Host, strconv.Itoa(o.Port)))
	if err != nil {
		return nil, fmt.Errorf("the NATS server: %w", err)
	}
	free.Close()
	s, err := server.NewServer(&server.Options{ServerName: "kvrun", Host: o.Host, Port: port, Authorization: o.Token, JetStream: true, StoreDir: o.Folder, NoLog: true, NoSigs: true,
		MaxPayload: maxPayload})
	if err != nil {
		return nil, fmt.Errorf("the NATS server: %w", err)
	}
	s.Start()
	if !s.ReadyForConnections(20 * time.Second) {
		s.Shutdown()
		return nil, fmt.Errorf("the NATS server does not listen on %s, or cannot use the folder %s", net.JoinHostPort(o.Host, strconv.Itoa(o.Port)), o.Folder)
	}
	if !s.JetStreamEnabled() {
		s.Shutdown()
		return nil, fmt.Errorf("the NATS server cannot keep its files in %s", o.Folder)
	}
	return &Server{s, o.Token}, nil
}

// URL is where clients find the server, with the token in it.
func (s *Server) URL() string {
	u := url.URL{Scheme: "nats", Host: s.s.Addr().String()}
	if s.token != "" {
		u.User = url.User(s.token)
	}
	return u.String()
}

// Close stops the server; what it keeps stays.
func (s *Server) Close() {
	s.s.Shutdown()
	s.s.WaitForShutdown()
}
