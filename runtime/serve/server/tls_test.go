package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kvgen/kvgen/runtime/serve/internal/served"
	"github.com/kvgen/kvgen/runtime/serve/server"
)

// certificate is one of 127.0.0.1 that it has signed itself, and who trusts it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// TestTLS speaks HTTPS to those who trust the certificate, streams too, and tells of a client that
// does not.
func TestTLS(t *testing.T) {
	c, pool := certificate(t)
	errors := make(chan string, 8)
	o := server.Options{TLS: &tls.Config{Certificates: []tls.Certificate{c}}, Loopback: true, Errors: func(s string) { errors <- s }}
	address, stop := listen(t, served.Host(t, served.Options{}), o)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
	r, err := client.Post("https://"+address+"/v1/completions", "application/json", strings.NewReader(`{"prompt": "KING", "max_tokens": 3, "stream": true}`))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	r.Body.Close()
	if err != nil || r.StatusCode != 200 || !strings.Contains(string(body), "[DONE]") || r.ProtoMajor != 1 {
		t.Errorf("%s %s: %s, %v", r.Proto, r.Status, body, err)
	}
	if _, err := (&http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: x509.NewCertPool()}}}).Get("https://" + address + "/health"); err == nil {
		t.Error("a client that does not trust the certificate is answered")
	}
	if says := <-errors; !strings.Contains(says, "TLS handshake error") || strings.HasSuffix(says, "\n") {
		t.Errorf("the error is %q", says)
	}
	if r, err := http.Get("http://" + address + "/health"); err == nil {
		if r.Body.Close(); r.StatusCode != 400 {
			t.Errorf("plain HTTP: %s", r.Status)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}
