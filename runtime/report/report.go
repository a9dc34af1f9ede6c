package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"io"

	"github.com/kvgen/kvgen/runtime/lab"
)

// Input is what a page tells.
type Input struct {
	Result   *lab.Result
	Advice   lab.Advice
	Warnings []string // what makes the model fragile, or the measurement doubtful: a sentence each
	Engines  []Engine // the advice spelled for engines
	Command  string   // that repeats the measurement
}

// Engine is how one engine is told to store its cache so.
type Engine struct {
	Name    string
	Choices []Choice
}

// Choice is one level of the advice in an engine's own words.
type Choice struct {
	Level string   // as in the advice
	Lines []string // for a shell; none where the engine lacks it
	Note  string   // what it lacks, or does otherwise
}

var (
	//go:embed page.html
	pageText string
	//go:embed page.css
	css string
	//go:embed page.js
	script string

	pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
		"number": number, "percent": percent, "bits": bits, "bytes": amount, "between": between, "count": count, "smaller": smaller, "limit": limit, "breaks": breaks,
	}).Parse(pageText))
)

// Write writes the page. The same input gives the same bytes.
func Write(w io.Writer, in Input) error {
	v := newView(in)
	v.CSS, v.Script, v.Policy = template.CSS(css), template.JS(script), policy(css, script)
	return pageTemplate.Execute(w, v)
}

// policy is the content security policy of the page: its own style and script by their hashes, and nothing else from
// anywhere. So a page whose names were hostile could still not run or load anything.
func policy(css, script string) string {
	hash := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; base-uri 'none'; form-action 'none'; style-src " + hash(css) + "; script-src " + hash(script)
}
