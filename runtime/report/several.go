package report

import (
	_ "embed"
	"html/template"
	"io"

	"github.com/kvgen/kvgen/runtime/lab"
)

//go:embed several.html
var severalText string

var severalTemplate = template.Must(template.New("several").Funcs(functions).Parse(severalText))

// WriteSeveral writes a page of several models: what to take for each family and for each model,
// and every cell in a table.
func WriteSeveral(w io.Writer, models []Input, families []lab.Family, command string) error {
	v := struct {
		CSS      template.CSS
		Script   template.JS
		Policy   string
		Models   []view
		Families []lab.Family
		Command  string
	}{template.CSS(css), template.JS(script), policy(css, script), nil, families, command}
	for _, in := range models {
		own := view{Input: in, Title: title(&in.Result.Model), ModelSize: float64(in.Result.Model.Size)}
		for i := range in.Result.Tables {
			own.Settings = append(own.Settings, newSection(&in.Result.Tables[i], "", tables))
		}
		v.Models = append(v.Models, own)
	}
	return severalTemplate.Execute(w, v)
}
