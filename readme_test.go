package kvgen

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/gen/spec"
)

// TestReadmeExample compiles the type that README shows.
func TestReadmeExample(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile(`(?ms)^    type "mine" \{\n.*?^    \}\n`).Find(text)
	set, err := spec.Parse(map[string][]byte{"mine.hcl": []byte(strings.ReplaceAll("\n"+string(example), "\n    ", "\n"))})
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Types) != 1 || set.Types[0].Name != "mine" {
		t.Errorf("README shows %d types", len(set.Types))
	}
}

// TestReadmeLinks looks for the files that README and CONTRIBUTING link to.
func TestReadmeLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^):]+)\)`)
	for _, name := range []string{"README.md", "CONTRIBUTING.md"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllSubmatch(text, -1) {
			if _, err := os.Stat(string(m[1])); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
