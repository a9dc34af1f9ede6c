package ollama

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/kvgen/kvgen/runtime/serve/host"
	"github.com/kvgen/kvgen/runtime/serve/wire"
)

// API answers requests from one model.
type API struct {
	Host    *host.Host
	Limits  wire.Limits
	Version string // told to clients that ask whether the server is new enough
}

// Register adds the paths of the API.
func (a *API) Register(mux *http.ServeMux) {
	for path, answer := range map[string]func(http.ResponseWriter, *http.Request) error{
		"POST /api/chat":     a.chat,
		"POST /api/generate": a.generate,
		"POST /api/show":     a.show,
		"GET /api/tags":      a.tags,
		"GET /api/ps":        a.tags,
		"GET /api/version":   a.version,
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if err := wire.Told(r, answer(w, r)); err != nil {
				WriteError(w, err)
			}
		})
	}
}

// WriteError answers with an error in the shape of this API.
func WriteError(w http.ResponseWriter, err error) {
	e := wire.Of(err)
	wire.RetryAfter(w, e)
	wire.JSON(w, e.Status, failure{e.Message})
}

type failure struct {
	Error string `json:"error"`
}

// known is an error for another model than the one that is here. A name may have ollama's tag.
func (a *API) known(name string) error {
	if name == "" {
		return wire.Invalid("model", "model: it is not given")
	}
	if a.Host.Is(strings.TrimSuffix(name, ":latest")) {
		return nil
	}
	return a.Host.Known(name)
}

// Version is what clients are told: the first of ollama's with the API that is here.
const Version = "0.13.0"

func (a *API) version(w http.ResponseWriter, r *http.Request) error {
	wire.JSON(w, http.StatusOK, map[string]string{"version": a.Version})
	return nil
}

// tag is a model of a list.
type tag struct {
	Name     string  `json:"name"`
	Model    string  `json:"model"`
	Modified string  `json:"modified_at"`
	Size     int64   `json:"size"`
	Digest   string  `json:"digest"`
	Details  details `json:"details"`
	Context  int     `json:"context_length"`
}

type details struct {
	Parent   string   `json:"parent_model"`
	Format   string   `json:"format"`
	Family   string   `json:"family"`
	Families []string `json:"families"`
	Size     string   `json:"parameter_size"`
	Level    string   `json:"quantization_level"`
}

func (a *API) details() details {
	f := a.Host.File
	return details{Format: "gguf", Family: f.Arch, Families: []string{f.Arch}, Size: parameters(f.Parameters), Level: f.Type}
}

// parameters is a number of them as ollama writes it.
func parameters(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1fB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.2fM", float64(n)/1e6)
	}
	return fmt.Sprintf("%.2fK", float64(n)/1e3)
}

func (a *API) tags(w http.ResponseWriter, r *http.Request) error {
	h := a.Host
	one := tag{h.Name, h.Name, h.Created.UTC().Format(time.RFC3339), h.File.Bytes, h.PlanID(), a.details(), h.Size}
	wire.JSON(w, http.StatusOK, map[string][]tag{"models": {one}})
	return nil
}

// show says what a model is.
func (a *API) show(w http.ResponseWriter, r *http.Request) error {
	var q struct {
		Model   string      `json:"model"`
		Name    string      `json:"name"` // its older name
		Verbose bool        `json:"verbose"`
		Rest    wire.Fields `json:",embed"`
	}
	if err := a.Limits.Read(w, r, &q); err != nil {
		return err
	}
	if err := wire.Check(q.Rest, "", []wire.Field{{Name: "system"}, {Name: "template"}, {Name: "options"}}); err != nil {
		return err
	}
	if q.Model == "" {
		q.Model = q.Name
	}
	if err := a.known(q.Model); err != nil {
		return err
	}
	h := a.Host
	can, source := []string{"completion"}, ""
	if h.Template != nil {
		source = h.Template.Source
		if h.Template.TakesTools() {
			can = append(can, "tools")
		}
		if h.Template.Thinks() {
			can = append(can, "thinking")
		}
	}
	arch := h.File.Arch
	wire.JSON(w, http.StatusOK, map[string]any{
		"modelfile": "", "license": "", "parameters": "", "template": source, "details": a.details(), "capabilities": can,
		"modified_at": h.Created.UTC().Format(time.RFC3339),
		"model_info": map[string]any{"general.architecture": arch, "general.parameter_count": h.File.Parameters,
			arch + ".context_length": h.Size, "kvrun.cache_plan": h.PlanID(), "kvrun.cache_bytes_per_token": h.Plan.BytesPerToken},
	})
	return nil
}
