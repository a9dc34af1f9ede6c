package llamacpp

import (
	"net/http"
	"unicode/utf8"

	"github.com/kvgen/kvgen/runtime/serve"
	"github.com/kvgen/kvgen/runtime/serve/wire"
)

// spelled is a piece of a text, or its bytes where it is no UTF-8.
func spelled(piece string) any {
	if utf8.ValidString(piece) {
		return piece
	}
	all := []int{}
	for _, b := range []byte(piece) {
		all = append(all, int(b))
	}
	return all
}

// settings are how tokens are drawn where a request says nothing.
type settings struct {
	Context     int     `json:"n_ctx"`
	Predict     int     `json:"n_predict"`
	Temperature float64 `json:"temperature"`
	TopK        int     `json:"top_k"`
	TopP        float64 `json:"top_p"`
	MinP        float64 `json:"min_p"`
	Repeat      float64 `json:"repeat_penalty"`
	RepeatLast  int     `json:"repeat_last_n"`
	Presence    float64 `json:"presence_penalty"`
	Frequency   float64 `json:"frequency_penalty"`
}

func (a *API) settings() settings {
	h, x := a.Host, a.Host.Sampling
	return settings{h.Size, h.Limit, x.Temperature, x.TopK, x.TopP, x.MinP, x.Repeat, x.RepeatLast, x.Presence, x.Frequency}
}

// props says what is served. Paths of files are in nothing that a client gets.
func (a *API) props(w http.ResponseWriter, r *http.Request) error {
	h := a.Host
	source, caps := "", map[string]bool{}
	if h.Template != nil {
		source = h.Template.Source
		caps["supports_tools"] = h.Template.TakesTools()
	}
	wire.JSON(w, http.StatusOK, map[string]any{
		"default_generation_settings": map[string]any{"params": a.settings(), "n_ctx": h.Size},
		"total_slots":                 h.Parallel,
		"model_alias":                 h.Name,
		"model_path":                  h.Name,
		"modalities":                  map[string]bool{"vision": false, "audio": false},
		"chat_template":               source,
		"chat_template_caps":          caps,
		"bos_token":                   h.Tokenizer.Piece(h.Tokenizer.BOS),
		"eos_token":                   h.Tokenizer.Piece(h.Tokenizer.EOS),
		"build_info":                  a.Build,
		"cache_plan":                  h.PlanID(),
	})
	return nil
}

// slot is a sequence on the wire. It has nothing of a text.
type slot struct {
	ID         int             `json:"id"`
	Context    int             `json:"n_ctx"`
	Processing bool            `json:"is_processing"`
	State      serve.SlotState `json:"state"`
	Cached     int             `json:"n_past"`
	Prompt     int             `json:"n_prompt_tokens"`
	Reused     int             `json:"n_prompt_tokens_cache"`
	Decoded    int             `json:"n_decoded"`
	Room       int             `json:"n_room"`
}

// slots says what the sequences do.
func (a *API) slots(w http.ResponseWriter, r *http.Request) error {
	all := []slot{}
	for _, s := range a.Host.Scheduler.Slots() {
		runs := s.State == serve.SlotWaiting || s.State == serve.SlotPrompt || s.State == serve.SlotGenerating
		all = append(all, slot{s.Seq, a.Host.Size, runs, s.State, s.Cached, s.Prompt, s.Reused, s.Generated, s.Limit})
	}
	if r.URL.Query().Get("fail_on_no_slot") != "" && a.Host.Scheduler.Stats().Running >= a.Host.Parallel {
		return &wire.Error{Status: http.StatusServiceUnavailable, Message: "all places are taken", Code: "unavailable_error"}
	}
	wire.JSON(w, http.StatusOK, all)
	return nil
}
