//go:build peers

package browsertest

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

//go:embed findings.js
var findings string

// browsers are the names that Chromium goes by.
var browsers = []string{"chromium-headless-shell", "headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"}

// browser is the one that all tests of a package open pages in; nil until one asks.
var browser struct {
	sync.Once
	ctx  context.Context
	stop func()
	why  string // there is none
}

// Main runs the tests of a package, and ends the browser that they started.
func Main(m *testing.M) {
	code := m.Run()
	if browser.stop != nil {
		browser.stop()
	}
	os.Exit(code)
}

// Start starts the browser, once.
func Start(t *testing.T) context.Context {
	t.Helper()
	browser.Do(func() {
		path := ""
		for _, name := range browsers {
			if p, err := exec.LookPath(name); err == nil {
				path = p
				break
			}
		}
		if path == "" {
			browser.why = "the page was not opened: none of these browsers is installed: " + strings.Join(browsers, ", ")
			return
		}
		options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.WSURLReadTimeout(time.Minute))
		if os.Geteuid() == 0 {
			options = append(options, chromedp.NoSandbox) // Chromium has none for root
		}
		ctx, stopProcess := chromedp.NewExecAllocator(context.Background(), options...)
		ctx, stopTab := chromedp.NewContext(ctx)
		browser.ctx, browser.stop = ctx, func() { stopTab(); stopProcess() }
		if err := chromedp.Do(ctx); err != nil {
			browser.ctx, browser.why = nil, fmt.Sprintf("%s: %v", path, err)
		}
	})
	if browser.ctx == nil {
		t.Fatal(browser.why)
	}
	return browser.ctx
}

// Look is how a page is looked at.
type Look struct {
	Width, Height int64
	Dark          bool
	Phone         bool
	NoScript      bool
}

func (l Look) String() string {
	s := fmt.Sprintf("%d-%s", l.Width, map[bool]string{true: "dark", false: "light"}[l.Dark])
	if l.NoScript {
		s += "-noscript"
	}
	return s
}

// Tab is a page that is open.
type Tab struct {
	Ctx context.Context // for actions of chromedp

	mu    sync.Mutex
	heard []string
}

// Heard is what the browser has told since the page was opened: of the page's exceptions, console
// and dialogs, and of what it asked for that is not allowed.
func (tab *Tab) Heard() []string {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	return append([]string(nil), tab.heard...)
}

func (tab *Tab) hear(format string, args ...any) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	tab.heard = append(tab.heard, fmt.Sprintf(format, args...))
}

// Open shows a page. It may ask for those addresses that allowed says yes to.
func Open(t *testing.T, url string, l Look, allowed func(url string) bool) *Tab {
	t.Helper()
	ctx, stop := chromedp.NewContext(Start(t))
	t.Cleanup(stop)
	ctx, done := context.WithTimeout(ctx, 5*time.Minute)
	t.Cleanup(done)
	tab := &Tab{Ctx: ctx}
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	err := chromedp.Listen(ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			tab.hear("exception: %s", e.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			tab.hear("the page writes to the console: %s", e.Type)
		case *log.EventEntryAdded:
			tab.hear("%s: %s", e.Entry.Level, e.Entry.Text)
		case *page.EventJavascriptDialogOpening:
			tab.hear("a dialog: %s", e.Message)
		case *network.EventRequestWillBeSent:
			if !allowed(e.Request.URL) {
				tab.hear("the page asks for %s", e.Request.URL)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	scheme := map[bool]string{true: "dark", false: "light"}[l.Dark]
	err = chromedp.Do(ctx, call(network.Enable, network.EnableParams{}), call(log.Enable, cdp.Empty{}), call(runtime.Enable, cdp.Empty{}),
		call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: l.Width, Height: l.Height, DeviceScaleFactor: 1, Mobile: l.Phone}),
		call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}),
		call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: l.NoScript}),
		chromedp.Navigate(url))
	if err != nil {
		t.Fatalf("%v: %v", l, err)
	}
	return tab
}

// Findings is what is wrong with the page as it is shown now, and what the browser has told.
func (tab *Tab) Findings(t *testing.T) []string {
	t.Helper()
	found, err := chromedp.Run(tab.Ctx, chromedp.Evaluate[[]string](findings))
	if err != nil {
		t.Fatal(err)
	}
	return append(tab.Heard(), found...)
}

// call is a command of the browser's protocol as an action.
func call[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

// CheckShot takes a picture of the whole page and looks at it: its size, that it is dark or light,
// and that something is on it. go test -artifacts keeps the picture.
func (tab *Tab) CheckShot(t *testing.T, l Look, name string, height int) {
	t.Helper()
	shot, err := chromedp.Run(tab.Ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(t.ArtifactDir(), name+"-"+l.String()+".png"), shot, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		t.Fatal(err)
	}
	b := img.Bounds()
	if b.Dx() != int(l.Width) || b.Dy() < height {
		t.Errorf("the picture has %d x %d pixels", b.Dx(), b.Dy())
	}
	colours := map[uint32]int{}
	dark, n := 0, 0
	for y := b.Min.Y; y < b.Max.Y; y += 3 {
		for x := b.Min.X; x < b.Max.X; x += 3 {
			r, g, b, _ := img.At(x, y).RGBA()
			colours[r>>12<<8|g>>12<<4|b>>12]++
			n++
			if r+g+b < 3*0x6000 {
				dark++
			}
		}
	}
	if len(colours) < 40 {
		t.Errorf("%d colours on the picture", len(colours))
	}
	if share := float64(dark) / float64(n); share > .5 != l.Dark {
		t.Errorf("%.0f %% of the picture is dark", 100*share)
	}
}
