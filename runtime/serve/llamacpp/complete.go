package llamacpp

import (
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/kvgen/kvgen/runtime/generate"
	"github.com/kvgen/kvgen/runtime/serve/host"
	"github.com/kvgen/kvgen/runtime/serve/openai"
	"github.com/kvgen/kvgen/runtime/serve/wire"
)

// completeRequest is the body of POST /completion.
type completeRequest struct {
	openai.Sampling
	Prompt  jsontext.Value `json:"prompt"`
	Predict *int64         `json:"n_predict"`
	Probs   int            `json:"n_probs"`
	Schema  jsontext.Value `json:"json_schema"`
	Tokens  bool           `json:"return_tokens"`
	Rest    wire.Fields    `json:",embed"`
}

// completeFields are those that change nothing, or must not.
var completeFields = []wire.Field{
	{Name: "cache_prompt"}, {Name: "timings_per_token"}, {Name: "return_progress", Only: []string{"false"}, Why: "how far a prompt has come is not told"},
	{Name: "id_slot", Only: []string{"-1"}, Why: "texts get their places from the scheduler"},
	{Name: "samplers", Only: []string{}, Why: "their order is that of the server"}, {Name: "n_keep", Only: []string{"0", "-1"}, Why: "nothing of a text is dropped"},
	{Name: "n_indent", Only: []string{"0"}}, {Name: "n_discard", Only: []string{"0"}}, {Name: "t_max_predict_ms", Only: []string{"0"}}, {Name: "min_keep", Only: []string{"0"}},
	{Name: "typical_p", Only: []string{"1", "1.0"}}, {Name: "mirostat", Only: []string{"0"}}, {Name: "mirostat_tau"}, {Name: "mirostat_eta"},
	{Name: "dry_multiplier", Only: []string{"0", "0.0"}}, {Name: "dry_base"}, {Name: "dry_allowed_length"}, {Name: "dry_penalty_last_n"}, {Name: "dry_sequence_breakers"},
	{Name: "xtc_probability", Only: []string{"0", "0.0"}}, {Name: "xtc_threshold"}, {Name: "dynatemp_range", Only: []string{"0", "0.0"}}, {Name: "dynatemp_exponent"},
	{Name: "top_n_sigma", Only: []string{"-1", "-1.0", "0"}}, {Name: "post_sampling_probs", Only: []string{"false"}}, {Name: "response_fields", Only: []string{"[]"}},
	{Name: "grammar", Only: []string{`""`}, Why: "give a json_schema instead"}, {Name: "lora", Only: []string{"[]"}}, {Name: "model"},
}

// completed is a continued text on the wire, or a piece of one.
type completed struct {
	Index     int       `json:"index"`
	Content   string    `json:"content"`
	Tokens    []int32   `json:"tokens"`
	Slot      int       `json:"id_slot"` // -1: places are not told
	Stop      bool      `json:"stop"`
	Model     string    `json:"model,omitempty"`
	Predicted int       `json:"tokens_predicted"`
	Evaluated int       `json:"tokens_evaluated"`
	Cached    int       `json:"tokens_cached"`
	Truncated bool      `json:"truncated"`
	Kind      string    `json:"stop_type,omitempty"`
	Word      string    `json:"stopping_word"`
	Probs     []probs   `json:"completion_probabilities,omitempty"`
	Timings   *timings  `json:"timings,omitzero"`
	Plan      string    `json:"cache_plan,omitempty"`
	Settings  *settings `json:"generation_settings,omitzero"`
}

// timings are how long an answer took.
type timings struct {
	Cached      int     `json:"cache_n"`
	Prompt      int     `json:"prompt_n"`
	PromptMS    float64 `json:"prompt_ms"`
	PromptRate  float64 `json:"prompt_per_second"`
	Predicted   int     `json:"predicted_n"`
	PredictedMS float64 `json:"predicted_ms"`
	Rate        float64 `json:"predicted_per_second"`
}

func timed(a *host.Answer, r host.Result) *timings {
	t := &timings{Cached: r.Reused, Prompt: len(a.Prompt) - r.Reused, PromptMS: ms(r.Prompt), Predicted: len(r.Tokens), PredictedMS: ms(r.Total - r.Prompt)}
	t.PromptRate, t.Rate = rate(t.Prompt, t.PromptMS), rate(t.Predicted, t.PredictedMS)
	return t
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func rate(n int, ms float64) float64 {
	if ms <= 0 {
		return 0
	}
	return float64(n) / ms * 1000
}

// probs are the log probabilities of a token, and of those that were most probable.
type probs struct {
	ID      int32   `json:"id"`
	Token   string  `json:"token"`
	Bytes   []int   `json:"bytes"`
	Logprob float64 `json:"logprob"`
	Top     []probs `json:"top_logprobs,omitempty"`
}

func probable(t host.Token) probs {
	p := probs{ID: t.ID, Token: t.Text, Logprob: t.Logprob, Bytes: []int{}}
	for _, b := range []byte(t.Text) {
		p.Bytes = append(p.Bytes, int(b))
	}
	for _, x := range t.Top {
		p.Top = append(p.Top, probable(x))
	}
	return p
}

// request is what the body asks of the model.
func (a *API) request(r *http.Request, q *completeRequest) (out host.Request, err error) {
	if err := wire.Check(q.Rest, "", completeFields); err != nil {
		return out, err
	}
	if err := a.Host.Has("", q.Plan); err != nil {
		return out, err
	}
	out = host.Request{Options: a.Host.Default(), Alternatives: -1, Client: wire.Client(r)}
	if err := q.Apply(&out.Options, a.Host.Tokenizer.Len()); err != nil {
		return out, err
	}
	if q.Predict != nil {
		if *q.Predict < -2 {
			return out, wire.Invalid("n_predict", "n_predict: %d: want 0 or more, or -1 for no limit", *q.Predict)
		}
		out.Options.Limit = int(min(*q.Predict, 1<<30))
	}
	if q.N != nil && *q.N != 1 {
		return out, wire.Invalid("n", "n: one text is continued once")
	}
	switch {
	case q.Probs < 0 || q.Probs > 20:
		return out, wire.Invalid("n_probs", "n_probs: %d: want 0 to 20", q.Probs)
	case q.Probs > 0:
		out.Alternatives = q.Probs
	}
	if len(q.Schema) > 0 && q.Schema.Kind() != 'n' {
		if out.Options.Grammar, err = a.Host.Grammar(r.Context(), "json_schema", q.Schema); err != nil {
			return out, err
		}
	}
	out.Tokens, err = openai.Prompt(r.Context(), a.Host, q.Prompt)
	return out, err
}

// complete continues a text.
func (a *API) complete(w http.ResponseWriter, r *http.Request) error {
	var q completeRequest
	if err := a.Limits.Read(w, r, &q); err != nil {
		return err
	}
	asked, err := a.request(r, &q)
	if err != nil {
		return err
	}
	answer, err := a.Host.Start(r.Context(), asked)
	if err != nil {
		return err
	}
	defer answer.Close()
	var s *wire.Stream
	if q.Stream {
		s = wire.Events(w, a.Ping)
		defer s.Close()
	}
	var text strings.Builder
	var all []probs
	n := 0
	for e := range answer.Events() {
		piece := completed{Slot: -1, Tokens: []int32{}, Evaluated: len(answer.Prompt)}
		for _, p := range e.Parts {
			piece.Content += p.Text
		}
		for _, t := range e.Tokens {
			piece.Probs = append(piece.Probs, probable(t))
		}
		n++
		piece.Predicted = n
		if s == nil {
			text.WriteString(piece.Content)
			all = append(all, piece.Probs...)
		} else if err := s.Event("", piece); err != nil {
			return nil
		}
	}
	result, err := answer.Result()
	if err != nil {
		if s != nil && s.Begun() {
			s.Event("error", map[string]string{"message": wire.Of(err).Message})
			return nil
		}
		return err
	}
	set := a.settings()
	last := completed{Content: text.String(), Tokens: []int32{}, Slot: -1, Stop: true, Model: a.Host.Name, Predicted: len(result.Tokens), Evaluated: len(answer.Prompt), Cached: result.Reused,
		Word: result.Matched, Kind: kind(result), Probs: all, Timings: timed(answer, result), Plan: a.Host.PlanID(), Settings: &set}
	if q.Tokens {
		last.Tokens = result.Tokens
	}
	if s != nil {
		s.Event("", last)
		return nil
	}
	wire.JSON(w, http.StatusOK, last)
	return nil
}

// kind is why a text ended, in llama-server's words.
func kind(r host.Result) string {
	switch r.Stop {
	case generate.StopEnd:
		return "eos"
	case generate.StopString:
		return "word"
	case generate.StopLimit, generate.StopFull:
		return "limit"
	}
	return "none"
}
