package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"io"

	"github.com/kvgen/kvgen/runtime/lab"
)

// Input is what a page is made of.
type Input struct {
	Result   *lab.Result
	Advice   lab.Advice
	Warnings []string // what makes the model fragile, or the measurement doubtful: a sentence each
	Engines  []Engine // the advice spelled for engines
	Command  string   // that repeats the measurement
}

// Engine says how one engine is told to store its cache as advised.
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

	functions = template.FuncMap{
		"number": number, "percent": percent, "bits": bits, "bytes": amount, "between": between, "count": count, "smaller": smaller, "limit": limit, "breaks": breaks,
	}
	pageTemplate = template.Must(template.New("page").Funcs(functions).Parse(pageText))
)

// Limit is the size of a page, in bytes, above which figures are left out.
const Limit = 1 << 20

// Write writes the page. The same input gives the same bytes. A result of many settings would make
// it large: then figures of all settings but the first are left out, the least important first, and
// the page says so.
func Write(w io.Writer, in Input) error {
	var b bytes.Buffer
	for d := everything; d >= tables; d-- {
		b.Reset()
		v := newView(in, d)
		v.CSS, v.Script, v.Policy = template.CSS(css), template.JS(script), policy(css, script)
		if err := pageTemplate.Execute(&b, v); err != nil {
			return err
		}
		if b.Len() <= Limit {
			break
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// policy is the content security policy of the page: its own style and script by their hashes, and
// nothing else from anywhere. So a page whose names were hostile could still not run or load
// anything.
func policy(css, script string) string {
	hash := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; base-uri 'none'; form-action 'none'; style-src " + hash(css) + "; script-src " + hash(script)
}
