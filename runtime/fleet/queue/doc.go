// Package queue runs a NATS server with JetStream in this process.
//
// The server is 16 MB of a program and takes a third more time to compile than all the rest, so
// that only builds with the tag nats have it: those that are published. In others Start says so.
package queue

import "errors"

// Options say where the server is and keeps its files.
type Options struct {
	Folder string
	Host   string // to listen on
	Port   int    // 0 for one that is free
	Token  string // that clients must give, "" for none
}

// ErrNone is what Start fails with in a build without a server.
var ErrNone = errors.New("this build of kvrun has no NATS server of its own: build it with go build -tags nats, or name a server, --fleet nats://HOST:4222")
