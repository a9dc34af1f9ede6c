package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/http"
)

// Client names who asks, to be fair to all: by address and by a hash of the key.
func Client(r *http.Request) string {
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		address = r.RemoteAddr
	}
	h := sha256.Sum256([]byte(r.Header.Get("Authorization") + "\x00" + r.Header.Get("X-Api-Key")))
	return address + " " + hex.EncodeToString(h[:8])
}
