package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A Client resolves names and brings files. Its fields may be set between New and the first use; it
// may be used by several goroutines then.
type Client struct {
	// address of Hugging Face's hub or of a mirror of it, without a slash at the end
	Hub      string
	Registry string // address of ollama's registry, likewise
	Token    string // for Hub, and sent to no other host; "" for none
	Folder   string // what was brought
	Caches   Caches // of other tools
	Offline  bool   // nothing is asked for: what is on the disk is taken as it is
	// quantisations of a repository to take where a name says none, the best first; else it is the
	// first file
	Prefer []string
	Agent  string // what servers are told of who asks

	// Stall is how long a connection may send nothing, Attempts how often in succession one may
	// fail without a byte before the download is given up, Patience the longest wait that a server
	// may ask for.
	Stall    time.Duration
	Attempts int
	Patience time.Duration

	// Say gets a line for the user about what does not go as planned: a retry, a mirror that sends
	// all from the start, a file that is being brought by another process. nil for none.
	Say func(line string)
	// Moved gets how many bytes of a plan are there, and how many there will be. It is called at
	// most ten times a second and at the end. nil for none.
	Moved func(done, total int64)

	transport http.RoundTripper
	wait      func(ctx context.Context, d time.Duration) error // time.Sleep but in tests
	free      func(folder string) (int64, error)               // bytes of the disk
}

// The limits of what a server may answer.
const (
	maxAnswer    = 32 << 20 // bytes of JSON
	maxFiles     = 20000    // of a repository
	maxParts     = 1000     // of a split model
	maxFile      = 4 << 40  // bytes of a file
	maxRedirects = 10
)

// New is a client as the variables of the environment want it, with the names that Hugging Face's
// and llama.cpp's programs read: HF_ENDPOINT (or MODEL_ENDPOINT), HF_TOKEN (or the file
// HF_TOKEN_PATH, or HF_HOME/token), HF_HUB_OFFLINE, HF_HUB_CACHE and HF_HOME, OLLAMA_MODELS.
// KVRUN_MODELS is the folder for downloads. Proxies are read from HTTPS_PROXY and NO_PROXY.
func New(getenv func(string) string) (*Client, error) {
	first := func(names ...string) string {
		for _, n := range names {
			if v := getenv(n); v != "" {
				return v
			}
		}
		return ""
	}
	c := &Client{
		Hub: "https://huggingface.co", Registry: "https://" + registry, Agent: "kvrun",
		Stall: 30 * time.Second, Attempts: 8, Patience: 10 * time.Minute,
		wait: sleep, free: freeSpace,
	}
	if s := first("MODEL_ENDPOINT", "HF_ENDPOINT"); s != "" {
		u, err := url.Parse(s)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" {
			return nil, fmt.Errorf("HF_ENDPOINT is no address of a mirror: %q; it looks like https://host", clip(s))
		}
		c.Hub = strings.TrimRight(s, "/")
	}
	home, _ := os.UserHomeDir()
	c.Caches = cachesOf(first, home)
	if c.Folder = getenv("KVRUN_MODELS"); c.Folder == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("no folder for models: set KVRUN_MODELS: %w", err)
		}
		c.Folder = filepath.Join(dir, "kvrun", "hub")
	}
	switch strings.ToLower(getenv("HF_HUB_OFFLINE")) {
	case "1", "true", "yes", "on":
		c.Offline = true
	}
	c.Token = first("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
	if c.Token == "" {
		file := first("HF_TOKEN_PATH")
		if file == "" {
			file = filepath.Join(hfHome(first, home), "token")
		}
		if b, err := readAny(file, 4096); err == nil {
			c.Token = string(b)
		}
	}
	if c.Token = strings.TrimSpace(c.Token); strings.ContainsFunc(c.Token, noToken) {
		return nil, errToken
	}
	c.transport = &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    20 * time.Second,
		ResponseHeaderTimeout:  time.Minute,
		MaxResponseHeaderBytes: 1 << 20,
		IdleConnTimeout:        time.Minute,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // the bytes are counted
	}
	return c, nil
}

// errToken is a token that cannot be sent.
var errToken = errors.New("the token for Hugging Face (--hf-token, HF_TOKEN or its file) holds spaces or characters that no token has")

func noToken(r rune) bool { return r <= ' ' || r >= 0x7f }

// sleep waits, but for no longer than ctx lives.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// readSmall reads a regular file of at most limit bytes. Opening a pipe would wait for its writer.
func readSmall(file string, limit int64) ([]byte, error) {
	if err := regular(file); err != nil {
		return nil, err
	}
	return readAny(file, limit)
}

// regular fails where there is something else than a regular file.
func regular(file string) error {
	info, err := os.Stat(file)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", file)
	}
	return err
}

// readAny reads a file of at most limit bytes, which may be a pipe.
func readAny(file string, limit int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s is longer than %d bytes", file, limit)
	}
	return b, err
}

func (c *Client) say(format string, args ...any) {
	if c.Say != nil {
		c.Say(fmt.Sprintf(format, args...))
	}
}

// get asks for an address, with the token where it is the hub's. The caller closes the body.
func (c *Client) get(ctx context.Context, address string, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, &refusedError{fmt.Errorf("the address %q cannot be asked: it is no address", plainURL(address))}
	}
	for k, v := range header {
		req.Header[k] = v
	}
	req.Header.Set("User-Agent", c.Agent)
	req.Header.Set("Accept-Encoding", "identity")
	hub, err := url.Parse(c.Hub)
	if err == nil && c.Token != "" && sameHost(req.URL, hub) {
		if req.URL.Scheme != "https" && !loopback(req.URL) {
			return nil, &refusedError{fmt.Errorf("the token is not sent to %s, which is not https: unset HF_TOKEN or use https in HF_ENDPOINT", req.URL.Host)}
		}
		if strings.ContainsFunc(c.Token, noToken) {
			return nil, &refusedError{errToken}
		}
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	client := &http.Client{Transport: c.transport, CheckRedirect: redirect}
	resp, err := client.Do(req)
	if err != nil {
		return nil, shorten(err)
	}
	return resp, nil
}

// redirect follows where a server points to: only http and https, never from https to http, and
// with the token only to the host that it is for.
func redirect(req *http.Request, via []*http.Request) error {
	last := via[len(via)-1]
	switch {
	case len(via) >= maxRedirects:
		return &refusedError{fmt.Errorf("%s points on more than %d times", last.URL.Host, maxRedirects)}
	case req.URL.Scheme != "https" && req.URL.Scheme != "http":
		return &refusedError{fmt.Errorf("%s points to something that is no web address", last.URL.Host)}
	case last.URL.Scheme == "https" && req.URL.Scheme != "https":
		return &refusedError{fmt.Errorf("%s points from https to an address without it", last.URL.Host)}
	case !sameHost(req.URL, via[0].URL):
		req.Header.Del("Authorization")
	}
	return nil
}

func sameHost(a, b *url.URL) bool { return a.Scheme == b.Scheme && strings.EqualFold(a.Host, b.Host) }

func loopback(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// shorten is an error of the HTTP client without the address, whose query may hold a signature.
func shorten(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		host := ""
		if a, bad := url.Parse(u.URL); bad == nil && a.Host != "" {
			host = a.Host + ": "
		}
		return fmt.Errorf("%s%w", host, u.Err)
	}
	return err
}

// answer asks for JSON and reads it into to. It tries again where that can help.
func (c *Client) answer(ctx context.Context, address, accept string, to any) error {
	header := http.Header{"Accept": {accept}}
	for t := (tries{c: c}); ; {
		body, err := c.body(ctx, address, header)
		if err == nil {
			if err := json.Unmarshal(body, to); err != nil {
				return fmt.Errorf("%s: the answer is not what this service gives: %w", plainURL(address), err)
			}
			return nil
		}
		if err := t.again(ctx, err); err != nil {
			return err
		}
	}
}

// body is one attempt at a whole answer.
func (c *Client) body(ctx context.Context, address string, header http.Header) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	resp, err := c.get(ctx, address, header)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, c.status(resp)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(b) > maxAnswer {
		err = &refusedError{fmt.Errorf("%s answers with more than %d MiB where a list was asked for", resp.Request.URL.Host, maxAnswer>>20)}
	}
	return b, err
}
