//go:build peers

package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/internal/browsertest"
)

func TestMain(m *testing.M) { browsertest.Main(m) }

var looks = []browsertest.Look{
	{Width: 1280, Height: 900}, {Width: 1280, Height: 900, Dark: true},
	{Width: 390, Height: 844, Phone: true}, {Width: 390, Height: 844, Phone: true, Dark: true},
	{Width: 320, Height: 640, Phone: true}, {Width: 768, Height: 1024}, {Width: 1280, Height: 900, NoScript: true},
}

// openPage shows a page that may ask for nothing.
func openPage(t *testing.T, html []byte, l browsertest.Look) *browsertest.Tab {
	t.Helper()
	file := filepath.Join(t.TempDir(), "out.html")
	if err := os.WriteFile(file, html, 0o600); err != nil {
		t.Fatal(err)
	}
	return browsertest.Open(t, "file://"+file, l, func(url string) bool { return strings.HasSuffix(url, "/out.html") })
}

// TestBrowser opens the page in a real browser, wide and narrow, light and dark, and without
// scripts. go test -artifacts keeps the screenshots.
func TestBrowser(t *testing.T) {
	browsertest.Start(t)
	html := rendered(t, fixture())
	for _, l := range looks {
		t.Run(l.String(), func(t *testing.T) {
			tab := openPage(t, html, l)
			for _, f := range tab.Findings(t) {
				t.Error(f)
			}
			tab.CheckShot(t, l, "page", 2000)
		})
	}
}
