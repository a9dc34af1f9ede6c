//go:build peers

package page_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/kvgen/kvgen/runtime/internal/browsertest"
	"github.com/kvgen/kvgen/runtime/serve/internal/served"
	"github.com/kvgen/kvgen/runtime/serve/server"
)

// talked sends messages and waits for their answers and replays.
func (s shown) talked(messages ...string) {
	s.t.Helper()
	s.has("model", "")
	for i, m := range messages {
		s.text(`document.getElementById("say").focus()`)
		s.send(m)
		s.wait(answers + " === " + strconv.Itoa(i+1))
	}
}

// TestLooks shows a conversation, the plan and the drift on screens of all kinds. go test
// -artifacts keeps the screenshots.
func TestLooks(t *testing.T) {
	for _, l := range []browsertest.Look{
		desk, {Width: 1280, Height: 900, Dark: true}, {Width: 640, Height: 450}, {Width: 768, Height: 1024},
		{Width: 390, Height: 844, Phone: true, Dark: true}, {Width: 360, Height: 740, Phone: true}, {Width: 320, Height: 640, Phone: true},
	} {
		t.Run(l.String(), func(t *testing.T) {
			h := served.Host(t, served.Options{Size: 1024, Cache: "q4_0", Shadow: true})
			h.Limit = 60
			s := show(t, h, server.Options{}, l)
			s.talked("KING RICHARD III:", "What says Lord Stanley?")
			s.has("drifted", "2 texts of")
			s.has("drifted", "Mean KLD")
			s.has("layers", "q4_0")
			s.has("facts", "kv-")
			s.wait(`document.querySelectorAll("#plots circle").length === 4`)
			if got := s.text(`document.getElementById("log").getBoundingClientRect().bottom <= document.getElementById("form").getBoundingClientRect().top`); got != "true" {
				t.Error("the end of the answer is behind the field for the next message")
			}
			s.sound()
			s.CheckShot(t, l, "page", int(l.Height))
		})
	}
}

// TestFirst shows the page before anything was said, of a server without shadow mode.
func TestFirst(t *testing.T) {
	s := show(t, served.Host(t, served.Options{}), server.Options{}, desk)
	s.has("drifted", "Shadow mode is off: --shadow 0.05")
	s.has("occupancy", "0 of 512 cells")
	s.has("state", "256 positions")
	s.sound()
	s.CheckShot(t, desk, "first", int(desk.Height))
}

// TestHostile: a name, thoughts and an answer that are attacks are shown as they are written.
func TestHostile(t *testing.T) {
	const attack = `<img src=x onerror="window.hacked=1"></p><script>window.hacked=2</script>`
	h := served.Host(t, served.Options{Size: 1024, Model: served.Parrot(t, "<think>\nT"+attack+"\n</think>\n\nA"+attack, "no")})
	h.Name, h.Measured = "N"+attack, "M"+attack
	s := show(t, h, server.Options{}, desk)
	s.talked("Q" + attack)
	for expression, want := range map[string]string{
		`document.getElementById("model").textContent`:    "N" + attack,
		`document.getElementById("measured").textContent`: "M" + attack,
		`document.title`: "N" + attack + " · kvrun",
		`document.querySelector("article.user .text").textContent`:        "Q" + attack,
		`document.querySelector("article details .text").textContent`:     "T" + attack,
		`document.querySelector("article.assistant > .text").textContent`: "A" + attack,
		`document.querySelectorAll("img").length`:                         "0",
		`"hacked" in window`:                                "false",
		`document.querySelector("article details").open`:    "false",
		`document.querySelectorAll("script, style").length`: "2",
	} {
		if got := s.text(expression); got != want {
			t.Errorf("%s is %q, want %q", expression, got, want)
		}
	}
	s.sound()
	s.text(`(() => { try { document.body.innerHTML = "<b>"; return "put"; } catch { return "refused"; } })()`)
	if got := s.text(`document.querySelectorAll("main").length`); got != "1" {
		t.Error("the page's own script may make elements of text")
	}
}

// TestKey: the page asks for a key, says which is none, and forgets it when it is loaded again.
func TestKey(t *testing.T) {
	h := served.Host(t, served.Options{})
	h.Limit = 5
	s := show(t, h, server.Options{Keys: server.NewKeys("the only key")}, desk)
	s.wait(`document.activeElement.id === "key"`)
	s.CheckShot(t, desk, "key", int(desk.Height))
	s.send("another key")
	s.has("keynote", "does not know this key")
	s.send("the only key")
	s.has("model", "tiny")
	s.talked("KING:")
	s.wait(`document.getElementById("keyform").hidden`)
	if got := s.text(`sessionStorage.length + localStorage.length + document.cookie.length`); got != "0" {
		t.Error("the key is stored")
	}
	for _, f := range s.Heard() {
		if !strings.Contains(f, strconv.Itoa(http.StatusUnauthorized)) {
			t.Error(f)
		}
	}
	if err := chromedp.Do(s.Ctx, chromedp.Reload()); err != nil {
		t.Fatal(err)
	}
	s.wait(`document.activeElement.id === "key"`)
}

// TestSettings: what is set goes with the next message, and what is refused is told and no part of
// the conversation.
func TestSettings(t *testing.T) {
	h := served.Host(t, served.Options{Size: 256})
	h.Limit = 4
	s := show(t, h, server.Options{}, desk)
	s.has("model", "tiny")
	s.text(`document.querySelector(".composer details").open = true`)
	s.text(`document.getElementById("temperature").value = "0"`)
	s.talked("one", "two")
	s.text(`document.getElementById("system").value = "word ".repeat(400)`)
	s.text(`document.getElementById("say").focus()`)
	s.send("three")
	s.wait(answers + " === 3")
	if got := s.text(`document.querySelector("article .failed").textContent`); !strings.Contains(got, "256 positions") {
		t.Errorf("a prompt that is too long: %q", got)
	}
	if got := s.text(`document.getElementById("say").value`); got != "three" {
		t.Errorf("the message that was not answered is %q", got)
	}
	s.text(`document.getElementById("system").value = ""`)
	s.enter(0)
	s.wait(answers + " === 4")
	if got := s.text(`document.querySelectorAll("article .failed").length`); got != "1" {
		t.Errorf("%s failures, want 1", got)
	}
}
