//go:build peers

package page_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/kvgen/kvgen/runtime/internal/browsertest"
	"github.com/kvgen/kvgen/runtime/serve/host"
	"github.com/kvgen/kvgen/runtime/serve/internal/served"
	"github.com/kvgen/kvgen/runtime/serve/server"
)

func TestMain(m *testing.M) { browsertest.Main(m) }

var desk = browsertest.Look{Width: 1280, Height: 900}

// shown is the page of a server in a browser.
type shown struct {
	*browsertest.Tab
	t *testing.T
}

// show opens the page of a server, which may ask for nothing elsewhere.
func show(t *testing.T, h *host.Host, o server.Options, l browsertest.Look) shown {
	t.Helper()
	return showOf(t, server.Handler(h, o), l)
}

func showOf(t *testing.T, h http.Handler, l browsertest.Look) shown {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return shown{browsertest.Open(t, s.URL+"/", l, func(url string) bool {
		return strings.HasPrefix(url, s.URL+"/") || strings.HasPrefix(url, "data:")
	}), t}
}

// text is what an expression of the page's script is.
func (s shown) text(expression string) string {
	s.t.Helper()
	v, err := chromedp.Run(s.Ctx, chromedp.Evaluate[string]("String("+expression+")"))
	if err != nil {
		s.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// press types into what has the focus.
func (s shown) press(keys string) {
	s.t.Helper()
	if err := chromedp.Do(s.Ctx, chromedp.KeyEvent(keys)); err != nil {
		s.t.Fatal(err)
	}
}

// enter presses Enter as a keyboard does: its character comes with the key, so that a page that
// takes the key gets no line.
func (s shown) enter(modifiers int64) {
	s.t.Helper()
	key := input.DispatchKeyEventParams{Type: "keyDown", Key: "Enter", Code: "Enter", WindowsVirtualKeyCode: 13, NativeVirtualKeyCode: 13, Text: "\r", UnmodifiedText: "\r", Modifiers: modifiers}
	up := key
	up.Type, up.Text, up.UnmodifiedText = "keyUp", "", ""
	err := chromedp.Do(s.Ctx, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, down := cdp.Call(ctx, t, input.DispatchKeyEvent, key)
		_, err := cdp.Call(ctx, t, input.DispatchKeyEvent, up)
		return errors.Join(down, err)
	}))
	if err != nil {
		s.t.Fatal(err)
	}
}

// send types a message and sends it.
func (s shown) send(message string) {
	s.t.Helper()
	s.press(message)
	s.enter(0)
}

const shift = 8 // among the modifiers of a key

// wait waits until a condition of the page's script holds.
func (s shown) wait(condition string) {
	s.t.Helper()
	for end := time.Now().Add(2 * time.Minute); s.text(condition) != "true"; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("it never came to this: %s; the page is\n%s", condition, s.text("document.body.innerText"))
		}
	}
}

// has waits for a text in an element.
func (s shown) has(id, text string) {
	s.t.Helper()
	s.wait(fmt.Sprintf("document.getElementById(%q).textContent.includes(%q)", id, text))
}

// tabTo presses Tab until an element has the focus.
func (s shown) tabTo(id string) {
	s.t.Helper()
	for range 20 {
		if s.text("document.activeElement.id") == id {
			return
		}
		s.press(kb.Tab)
	}
	s.t.Fatalf("no Tab leads to %s", id)
}

// sound reports all that is wrong with the page.
func (s shown) sound() {
	s.t.Helper()
	for _, f := range s.Findings(s.t) {
		s.t.Error(f)
	}
}

const answers = `document.querySelectorAll("article.assistant .note").length`

// TestKeyboard talks to the model with the keyboard alone, stops an answer, and begins again.
func TestKeyboard(t *testing.T) {
	// An answer that nobody stops takes a minute.
	h := served.Host(t, served.Options{Size: 1024, Pace: func() { time.Sleep(10 * time.Millisecond) }})
	s := show(t, h, server.Options{}, desk)
	s.has("model", "tiny")
	s.tabTo("say")
	s.press("KING")
	s.enter(shift)
	if got := s.text(`document.getElementById("say").value`); got != "KING\n" {
		t.Errorf("Shift and Enter make %q", got)
	}
	s.send("RICHARD")
	s.wait(`document.querySelector("article.assistant .text").textContent.length > 10`)
	s.has("running", "1")
	s.wait(`document.getElementById("decode").textContent !== "0"`)
	s.press(kb.Escape)
	s.wait(answers + " === 1")
	if got := s.text(`document.getElementById("say").value`); got != "" {
		t.Errorf("after a message was sent the field has %q", got)
	}
	if got := s.text(`document.querySelector("article.user .text").textContent`); got != "KING\nRICHARD" {
		t.Errorf("the message is shown as %q", got)
	}
	if got := s.text(`document.querySelector("article.assistant .note").textContent`); !strings.HasPrefix(got, "stopped") {
		t.Errorf("a stopped answer ends with %q", got)
	}
	for end := time.Now().Add(20 * time.Second); h.Scheduler.Stats().GivenUp != 1; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the server goes on with an answer that was stopped")
		}
	}
	s.has("occupancy", "of 2,048 cells")
	s.sound()
	s.send("more")
	s.tabTo("stop")
	s.enter(0)
	s.wait(answers + " === 2")
	s.tabTo("fresh")
	s.enter(0)
	if got := s.text(`document.querySelectorAll("article").length + document.activeElement.id`); got != "0say" {
		t.Errorf("a new conversation has %s", got)
	}
}
