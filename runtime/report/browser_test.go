//go:build peers

package report

import (
	"bytes"
	"context"
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

// browsers are the names that Chromium goes by.
var browsers = []string{"chromium-headless-shell", "headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"}

// browser is the one that all tests open pages in; nil until one asks.
var browser struct {
	sync.Once
	ctx  context.Context
	stop func()
	why  string // there is none
}

func TestMain(m *testing.M) {
	code := m.Run()
	if browser.stop != nil {
		browser.stop()
	}
	os.Exit(code)
}

// startBrowser starts a real browser without a window, once.
func startBrowser(t *testing.T) context.Context {
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

// look is how the page is looked at.
type look struct {
	width, height int64
	dark          bool
	phone         bool
	noScript      bool
}

func (l look) String() string {
	s := fmt.Sprintf("%d-%s", l.width, map[bool]string{true: "dark", false: "light"}[l.dark])
	if l.noScript {
		s += "-noscript"
	}
	return s
}

var looks = []look{
	{width: 1280, height: 900}, {width: 1280, height: 900, dark: true},
	{width: 390, height: 844, phone: true}, {width: 390, height: 844, phone: true, dark: true},
	{width: 320, height: 640, phone: true}, {width: 768, height: 1024}, {width: 1280, height: 900, noScript: true},
}

// opened is what a browser says of a page.
type opened struct {
	findings []string // of findings.js, the console and the network
	ctx      context.Context
}

// openPage shows the page and looks for everything that is wrong with it.
func openPage(t *testing.T, html []byte, l look) opened {
	t.Helper()
	file := filepath.Join(t.TempDir(), "out.html")
	script, err := os.ReadFile("testdata/findings.js")
	if err == nil {
		err = os.WriteFile(file, html, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := chromedp.NewContext(startBrowser(t))
	t.Cleanup(stop)
	o := opened{ctx: ctx}
	var lock sync.Mutex
	heard := func(format string, args ...any) {
		lock.Lock()
		defer lock.Unlock()
		o.findings = append(o.findings, fmt.Sprintf(format, args...))
	}
	ctx, done := context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(done)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	err = chromedp.Listen(ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			heard("exception: %s", e.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			heard("the page writes to the console: %s", e.Type)
		case *log.EventEntryAdded:
			heard("%s: %s", e.Entry.Level, e.Entry.Text)
		case *page.EventJavascriptDialogOpening:
			heard("a dialog: %s", e.Message)
		case *network.EventRequestWillBeSent:
			if !strings.HasSuffix(e.Request.URL, "/out.html") {
				heard("the page asks for %s", e.Request.URL)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	scheme := map[bool]string{true: "dark", false: "light"}[l.dark]
	err = chromedp.Do(ctx, call(network.Enable, network.EnableParams{}), call(log.Enable, cdp.Empty{}), call(runtime.Enable, cdp.Empty{}),
		call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: l.width, Height: l.height, DeviceScaleFactor: 1, Mobile: l.phone}),
		call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}),
		call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: l.noScript}),
		chromedp.Navigate("file://"+file))
	var found []string
	if err == nil {
		found, err = chromedp.Run(ctx, chromedp.Evaluate[[]string](string(script)))
	}
	if err != nil {
		t.Fatalf("%v: %v", l, err)
	}
	lock.Lock()
	defer lock.Unlock()
	o.findings = append(o.findings, found...)
	return o
}

// call is a command of the browser's protocol as an action.
func call[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

// TestBrowser opens the page in a real browser, wide and narrow, light and dark, and without
// scripts. go test -artifacts keeps the screenshots.
func TestBrowser(t *testing.T) {
	startBrowser(t)
	html := rendered(t, fixture())
	for _, l := range looks {
		t.Run(l.String(), func(t *testing.T) {
			o := openPage(t, html, l)
			for _, f := range o.findings {
				t.Error(f)
			}
			shot, err := chromedp.Run(o.ctx, chromedp.FullScreenshot(100))
			if err != nil {
				t.Fatal(err)
			}
			checkShot(t, shot, l)
		})
	}
}

// checkShot looks at the picture itself: its size, that it is dark or light, and that something is
// on it.
func checkShot(t *testing.T, shot []byte, l look) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(t.ArtifactDir(), "page-"+l.String()+".png"), shot, 0o644); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		t.Fatal(err)
	}
	b := img.Bounds()
	if b.Dx() != int(l.width) || b.Dy() < 2000 {
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
	if share := float64(dark) / float64(n); share > .5 != l.dark {
		t.Errorf("%.0f %% of the picture is dark", 100*share)
	}
}
