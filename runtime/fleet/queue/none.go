//go:build !nats && !peers

package queue

// Available says whether this build has a server.
const Available = false

// Server is none.
type Server struct{}

// Start fails with ErrNone.
func Start(Options) (*Server, error) { return nil, ErrNone }

// URL is "".
func (s *Server) URL() string { return "" }

// Close does nothing.
func (s *Server) Close() {}
