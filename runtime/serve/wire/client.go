package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/http"
	"strings"
)

// Key is the key that a request gives, in the header of any API; "" for none.
func Key(r *http.Request) string {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		key = r.Header.Get("X-Api-Key")
	}
	return strings.TrimSpace(key)
}

// Client names who asks, to be fair to all: by a hash of the key, or by address where there is
// none. A server that wants keys has let nobody in by another, so that nobody is several clients.
func Client(r *http.Request) string {
	if key := Key(r); key != "" {
		h := sha256.Sum256([]byte(key))
		return "key " + hex.EncodeToString(h[:8])
	}
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return address
}
