//go:build peers

package page_test

import (
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kvgen/kvgen/runtime/internal/browsertest"
	"github.com/kvgen/kvgen/runtime/serve/internal/served"
	"github.com/kvgen/kvgen/runtime/serve/server"
)

// TestFollow: a long answer on a telephone is followed to its end, unless one reads what is above.
func TestFollow(t *testing.T) {
	h := served.Host(t, served.Options{Size: 2048})
	h.Limit = 600
	s := show(t, h, server.Options{}, browsertest.Look{Width: 360, Height: 740, Phone: true})
	s.talked("KING RICHARD III:")
	const atEnd = `(() => { const log = document.getElementById("log").getBoundingClientRect(), form = document.getElementById("form").getBoundingClientRect();
		return scrollY > 200 && log.bottom <= form.top && form.bottom <= innerHeight; })()`
	if s.text(atEnd) != "true" {
		t.Errorf("the end of the answer is not in view: %s", s.text(`JSON.stringify([scrollY, innerHeight, document.getElementById("log").getBoundingClientRect(), document.getElementById("form").getBoundingClientRect()])`))
	}
	s.send("QUEEN:")
	s.wait(`document.querySelectorAll("article.assistant")[1].textContent.length > 50`)
	s.text(`scrollTo(0, 0)`)
	s.wait(answers + " === 2")
	if got := s.text("scrollY"); got != "0" {
		t.Errorf("one who reads at the top is taken to %s", got)
	}
}

// TestAloud: a screen reader is told the answer by sentences, each once, and not by tokens.
func TestAloud(t *testing.T) {
	h := served.Host(t, served.Options{Size: 1024})
	h.Limit = 400
	s := show(t, h, server.Options{}, desk)
	s.has("model", "tiny")
	s.text(`(() => { window.told = []; const e = document.getElementById("aloud");
		new MutationObserver(() => told.push(e.textContent)).observe(e, { childList: true, characterData: true, subtree: true }); })()`)
	start := time.Now()
	s.talked("KING RICHARD III:")
	s.wait(`told.join("").includes("End of the answer.")`)
	if s.text(`told.join("").startsWith(document.querySelector("article.assistant .text").textContent)`) != "true" {
		t.Errorf("told is %s", s.text("JSON.stringify(told)"))
	}
	took := time.Since(start)
	if n, _ := strconv.Atoi(s.text("told.length")); n == 0 || n > 3+int(took/(2*time.Second)) {
		t.Errorf("400 tokens are told in %d pieces within %v", n, took)
	}
	if got := s.text(`document.querySelectorAll("#log [aria-live], #log[aria-live], #log [role=status]").length`); got != "0" {
		t.Error("the answer is told a second time, by tokens")
	}
}

// TestWatch: numbers are asked for while the page is seen and no longer, and a server that is away
// is said to be, and found again when it is back.
func TestWatch(t *testing.T) {
	h := server.Handler(served.Host(t, served.Options{}), server.Options{})
	var away atomic.Bool
	var asked atomic.Int64
	s := showOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/metrics") {
			asked.Add(1)
		}
		if away.Load() {
			http.Error(w, "away", http.StatusBadGateway)
			return
		}
		h.ServeHTTP(w, r)
	}), desk)
	s.has("occupancy", "0 of 512 cells")
	away.Store(true)
	s.has("state", "No answer: the server answers with status 502")
	away.Store(false)
	s.has("state", "256 positions")
	s.text(`Object.defineProperty(document, "visibilityState", { configurable: true, get: () => "hidden" })`)
	before, quiet := asked.Load(), false
	for range 20 { // what was asked for comes to its end, on a slow machine late
		time.Sleep(2500 * time.Millisecond)
		n := asked.Load()
		if quiet = n == before; quiet {
			break
		}
		before = n
	}
	if !quiet {
		t.Error("a page that is not seen goes on to ask")
	}
	s.text(`delete document.visibilityState && document.dispatchEvent(new Event("visibilitychange"))`)
	for end := time.Now().Add(10 * time.Second); asked.Load() < before+3; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a page that is seen again asks no more")
		}
	}
}
