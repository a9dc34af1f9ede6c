package openai

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/kvgen/kvgen/runtime/serve/host"
	"github.com/kvgen/kvgen/runtime/serve/wire"
)

// textRequest is the body of POST /v1/completions.
type textRequest struct {
	Sampling
	Model     string         `json:"model"`
	Prompt    jsontext.Value `json:"prompt"`
	MaxTokens *int64         `json:"max_tokens"`
	Logprobs  *int           `json:"logprobs"`
	Echo      bool           `json:"echo"`
	BestOf    *int           `json:"best_of"`
	Rest      wire.Fields    `json:",embed"`
}

// textFields are those of completions alone.
var textFields = []wire.Field{
	{Name: "suffix", Only: []string{`""`}, Why: "a text is continued at its end only"},
}

// textCompletion is a continued text on the wire, or a piece of one.
type textCompletion struct {
	ID          string       `json:"id"`
	Object      string       `json:"object"`
	Created     int64        `json:"created"`
	Model       string       `json:"model"`
	Fingerprint string       `json:"system_fingerprint"`
	Choices     []textChoice `json:"choices"`
	Usage       *usage       `json:"usage,omitzero"`
}

type textChoice struct {
	Text     string        `json:"text"`
	Index    int           `json:"index"`
	Logprobs *textLogprobs `json:"logprobs"`
	Finish   *string       `json:"finish_reason"`
}

// textLogprobs are those of a text: a list of each kind, by token.
type textLogprobs struct {
	Tokens   []string             `json:"tokens"`
	Logprobs []float64            `json:"token_logprobs"`
	Top      []map[string]float64 `json:"top_logprobs"`
	Offsets  []int                `json:"text_offset"` // in bytes of what is generated

	end int
}

func (l *textLogprobs) add(tokens []host.Token) *textLogprobs {
	if len(tokens) == 0 {
		return l
	}
	if l == nil {
		l = &textLogprobs{}
	}
	for _, t := range tokens {
		top := map[string]float64{}
		for _, x := range t.Top {
			name := tokenName(x.Text)
			if _, known := top[name]; !known { // the more probable of two with one text
				top[name] = x.Logprob
			}
		}
		l.Tokens, l.Logprobs, l.Top = append(l.Tokens, tokenName(t.Text)), append(l.Logprobs, t.Logprob), append(l.Top, top)
		l.Offsets = append(l.Offsets, l.end)
		l.end += len(t.Text)
	}
	return l
}

// tokenName is a token's text. Bytes that are no UTF-8 are spelled as OpenAI does, bytes:\xf0\x9f:
// as texts they would all be the same replacement character.
func tokenName(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	name := "bytes:"
	for _, b := range []byte(text) {
		name += fmt.Sprintf(`\x%02x`, b)
	}
	return name
}

// prompt is a text, or tokens.
type prompt struct {
	text   string // "" for tokens
	tokens []int32
}

// listOf is v as a list, nil and false where it is none.
func listOf[T any](v jsontext.Value) (list []T, ok bool) {
	if v.Kind() != '[' || unmarshal(v, &list) != nil {
		return nil, false
	}
	return list, true
}

// prompts reads the field: a text, tokens, or a list of either.
func prompts(ctx context.Context, h *host.Host, v jsontext.Value) (all []prompt, err error) {
	texts, isTexts := listOf[string](v)
	ids, isTokens := listOf[int32](v)
	lists, isLists := listOf[[]int32](v)
	switch {
	case v.Kind() == '"':
		texts = []string{text(v)}
	case isTokens && len(ids) > 0:
		lists = [][]int32{ids}
	case !isTexts && !isLists:
		return nil, wire.Invalid("prompt", "prompt: want a text, a list of tokens, or a list of either")
	}
	if n := len(texts) + len(lists); n == 0 || n > maxChoices {
		return nil, wire.Invalid("prompt", "prompt: %d of them: want 1 to %d", n, maxChoices)
	}
	for _, t := range texts {
		tokens, err := h.Encode(ctx, t)
		if err != nil {
			return nil, err
		}
		all = append(all, prompt{t, tokens})
	}
	for _, list := range lists {
		for _, id := range list {
			if id < 0 || int(id) >= h.Tokenizer.Len() {
				return nil, wire.Invalid("prompt", "prompt: there is no token %d: the vocabulary has %d", id, h.Tokenizer.Len())
			}
		}
		all = append(all, prompt{tokens: list})
	}
	return all, nil
}

// Prompt is the tokens of one prompt: a text, or tokens.
func Prompt(ctx context.Context, h *host.Host, v jsontext.Value) ([]int32, error) {
	all, err := prompts(ctx, h, v)
	if err != nil {
		return nil, err
	}
	if len(all) != 1 {
		return nil, wire.Invalid("prompt", "prompt: %d of them: want one", len(all))
	}
	return all[0].tokens, nil
}

// options are what the request asks for beside its prompts.
func (q *textRequest) options(h *host.Host, client string) (r host.Request, n int, err error) {
	if err := wire.Check(q.Rest, "", harmless, neutral, textFields); err != nil {
		return r, 0, err
	}
	if err := h.Has(q.Model, q.Plan); err != nil {
		return r, 0, err
	}
	r = host.Request{Options: h.Default(), Alternatives: -1, Client: client}
	if err := q.Apply(&r.Options, h.Tokenizer.Len()); err != nil {
		return r, 0, err
	}
	if r.Options.Limit < 0 {
		r.Options.Limit = usual
	}
	if err := limit(&r.Options, "max_tokens", q.MaxTokens); err != nil {
		return r, 0, err
	}
	if q.Logprobs != nil {
		if r.Alternatives = *q.Logprobs; *q.Logprobs < 0 || *q.Logprobs > maxTop {
			return r, 0, wire.Invalid("logprobs", "logprobs: %d: want 0 to %d", *q.Logprobs, maxTop)
		}
		if q.Echo {
			return r, 0, wire.Invalid("echo", "echo: not with logprobs: those of a prompt are not computed")
		}
	}
	if n, err = q.choices(); err != nil {
		return r, 0, err
	}
	if q.BestOf != nil && *q.BestOf != n {
		return r, 0, wire.Invalid("best_of", "best_of: %d: want n, which is %d: all continuations are given out", *q.BestOf, n)
	}
	return r, n, nil
}

// usual is how many tokens a text gets where neither the request nor the server says, as OpenAI has
// it.
const usual = 16

// complete continues texts.
func (a *API) complete(w http.ResponseWriter, r *http.Request) error {
	var q textRequest
	if err := a.Limits.Read(w, r, &q); err != nil {
		return err
	}
	request, n, err := q.options(a.Host, wire.Client(r))
	if err != nil {
		return err
	}
	all, err := prompts(r.Context(), a.Host, q.Prompt)
	if err != nil {
		return err
	}
	if n*len(all) > maxChoices {
		return wire.Invalid("n", "n: %d of %d prompts: want at most %d continuations in all", n, len(all), maxChoices)
	}
	var answers []*host.Answer
	defer func() { host.CloseAll(answers) }()
	var echoes []string
	for _, p := range all {
		request.Tokens = p.tokens
		some, err := a.Host.StartAll(r.Context(), request, n)
		if err != nil {
			return err
		}
		answers = append(answers, some...)
		for range some {
			echoes = append(echoes, q.echo(a.Host, p))
		}
	}
	head := textCompletion{ID: host.NewID("cmpl-"), Object: "text_completion", Created: time.Now().Unix(), Model: a.Host.Name, Fingerprint: a.Host.PlanID()}
	if q.Stream {
		a.streamText(w, r, head, answers, echoes, q.usage())
		return nil
	}
	head.Usage = &usage{}
	for i, answer := range answers {
		c := textChoice{Index: i}
		var text strings.Builder
		text.WriteString(echoes[i])
		for e := range answer.Events() {
			for _, p := range e.Parts {
				text.WriteString(p.Text)
			}
			c.Logprobs = c.Logprobs.add(e.Tokens)
		}
		result, err := answer.Result()
		if err != nil {
			return err
		}
		why := finish(result)
		c.Text, c.Finish = text.String(), &why
		head.Choices = append(head.Choices, c)
		if i%n == 0 {
			head.Usage.Prompt += len(answer.Prompt)
			head.Usage.Details.Cached += result.Reused
		}
		head.Usage.Completion += len(result.Tokens)
	}
	head.Usage.Total = head.Usage.Prompt + head.Usage.Completion
	wire.JSON(w, http.StatusOK, head)
	return nil
}

// echo is what stands before a continuation.
func (q *textRequest) echo(h *host.Host, p prompt) string {
	switch {
	case !q.Echo:
		return ""
	case p.text != "":
		return p.text
	}
	return h.Tokenizer.Decode(p.tokens, true)
}

// streamText sends continuations as they come.
func (a *API) streamText(w http.ResponseWriter, r *http.Request, head textCompletion, answers []*host.Answer, echoes []string, withUsage bool) {
	s := wire.Events(w, a.Ping)
	defer s.Close()
	var mu sync.Mutex
	var total usage
	send := func(c textChoice) error {
		e := head
		e.Choices = []textChoice{c}
		return s.Event("", e)
	}
	one := func(i int, answer *host.Answer) error {
		if echoes[i] != "" {
			if err := send(textChoice{Index: i, Text: echoes[i]}); err != nil {
				return err
			}
		}
		var told *textLogprobs
		for e := range answer.Events() {
			var text strings.Builder
			for _, p := range e.Parts {
				text.WriteString(p.Text)
			}
			next := &textLogprobs{}
			if told != nil {
				next.end = told.end
			}
			c := textChoice{Index: i, Text: text.String()}
			if len(e.Tokens) > 0 {
				told = next.add(e.Tokens)
				c.Logprobs = told
			}
			if err := send(c); err != nil {
				return err
			}
		}
		result, err := answer.Result()
		if err != nil {
			return err
		}
		mu.Lock()
		total.add(answer, result)
		mu.Unlock()
		why := finish(result)
		return send(textChoice{Index: i, Finish: &why})
	}
	if !allOf(s, r, answers, one) {
		return
	}
	if withUsage {
		head.Choices, head.Usage = []textChoice{}, &total
		s.Event("", head)
	}
	s.Text("[DONE]")
}
