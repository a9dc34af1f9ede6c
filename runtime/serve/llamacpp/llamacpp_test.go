package llamacpp_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/kvgen/kvgen/runtime/serve/internal/served"
)

// call sends a body, or asks where there is none, and reads the answer as JSON.
func call(t *testing.T, url, body string, to any) (status int, text string) {
	t.Helper()
	r, err := http.Get(url)
	if body != "" {
		r, err = http.Post(url, "application/json", strings.NewReader(body))
	}
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	data, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if to != nil {
		if err := json.Unmarshal(data, to); err != nil {
			t.Fatalf("%s: %v in %.300s", url, err, data)
		}
	}
	return r.StatusCode, string(data)
}

// TestTokens makes tokens of a text and the text of the tokens.
func TestTokens(t *testing.T) {
	h, url := served.Start(t, served.Options{})
	var got struct{ Tokens []int32 }
	call(t, url+"/tokenize", `{"content": "What is the matter?\n", "add_special": true}`, &got)
	want := h.Tokenizer.Encode("What is the matter?\n", true, true)
	if len(got.Tokens) != len(want) || got.Tokens[0] != want[0] {
		t.Errorf("%v, want %v", got.Tokens, want)
	}
	ids, _ := json.Marshal(got.Tokens)
	var text struct{ Content string }
	call(t, url+"/detokenize", `{"tokens": `+string(ids)+`}`, &text)
	if !strings.HasSuffix(text.Content, "What is the matter?\n") {
		t.Errorf("%q", text.Content)
	}
	var pieces struct {
		Tokens []struct {
			ID    int32
			Piece any
		}
	}
	call(t, url+"/tokenize", `{"content": "The matter é", "with_pieces": true}`, &pieces)
	whole := ""
	for _, p := range pieces.Tokens {
		switch piece := p.Piece.(type) {
		case string:
			whole += piece
		case []any:
			for _, b := range piece {
				whole += string([]byte{byte(b.(float64))})
			}
		}
	}
	if whole != "The matter é" {
		t.Errorf("the pieces are %q", whole)
	}
	for path, body := range map[string]string{"/detokenize": `{"tokens": [99999999]}`, "/tokenize": `{"content": "a", "no_such": 1}`, "/apply-template": `{"messages": []}`} {
		if status, text := call(t, url+path, body, nil); status != 400 {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
}

// TestTemplate is the prompt that a chat is answered from.
func TestTemplate(t *testing.T) {
	_, url := served.Start(t, served.Options{Size: 1024, Model: served.Parrot(t, "Yes.", "No.")})
	var got struct{ Prompt string }
	call(t, url+"/apply-template", `{"messages": [{"role": "user", "content": "Well?"}]}`, &got)
	if want := "<|im_start|>user\nWell?<|im_end|>\n<|im_start|>assistant\n"; got.Prompt != want {
		t.Errorf("%q, want %q", got.Prompt, want)
	}
}

// TestComplete continues a text whole and as a stream, and says why it ended.
func TestComplete(t *testing.T) {
	_, url := served.Start(t, served.Options{})
	type answer struct {
		Content   string
		Stop      bool
		Predicted int    `json:"tokens_predicted"`
		Evaluated int    `json:"tokens_evaluated"`
		Cached    int    `json:"tokens_cached"`
		Kind      string `json:"stop_type"`
		Word      string `json:"stopping_word"`
		Tokens    []int32
		Probs     []struct {
			Token string
			Top   []struct{ Token string } `json:"top_logprobs"`
		} `json:"completion_probabilities"`
		Timings struct {
			Predicted int     `json:"predicted_n"`
			MS        float64 `json:"predicted_ms"`
		}
	}
	var whole answer
	call(t, url+"/completion", `{"prompt": "KING RICHARD III:\n", "n_predict": 12, "temperature": 0, "n_probs": 2, "return_tokens": true}`, &whole)
	if !whole.Stop || whole.Content == "" || whole.Predicted != 12 || whole.Kind != "limit" || len(whole.Tokens) != 12 || len(whole.Probs) != 12 ||
		len(whole.Probs[3].Top) != 2 || whole.Probs[3].Top[0].Token != whole.Probs[3].Token || whole.Timings.Predicted != 12 || whole.Timings.MS <= 0 {
		t.Errorf("%+v", whole)
	}
	_, events := call(t, url+"/completion", `{"prompt": "KING RICHARD III:\n", "n_predict": 12, "temperature": 0, "stream": true}`, nil)
	text := ""
	var last answer
	for _, line := range strings.Split(strings.TrimSpace(events), "\n\n") {
		last = answer{}
		if err := json.Unmarshal([]byte(strings.TrimPrefix(line, "data: ")), &last); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		text += last.Content
	}
	if text != whole.Content || !last.Stop || last.Cached != whole.Evaluated-1 {
		t.Errorf("as a stream %q, whole %q; the last event %+v", text, whole.Content, last)
	}
	word := whole.Content[len(whole.Content)/2:][:3]
	quoted, _ := json.Marshal(word)
	var cut answer
	call(t, url+"/completion", `{"prompt": "KING RICHARD III:\n", "n_predict": 12, "temperature": 0, "stop": [`+string(quoted)+`]}`, &cut)
	if before, _, _ := strings.Cut(whole.Content, word); cut.Content != before || cut.Kind != "word" || cut.Word != word {
		t.Errorf("%+v, want %q", cut, before)
	}
	for _, bad := range []string{`{"prompt": 5}`, `{"prompt": "a", "n_predict": -7}`, `{"prompt": "a", "mirostat": 2}`, `{"prompt": "a", "grammar": "root ::= x"}`,
		`{"prompt": "a", "json_schema": "integer"}`, `{"prompt": "a", "json_schema": [{}]}`, `{"prompt": "a", "json_schema": 1}`, `{"prompt": "a", "json_schema": false}`, `{"prompt": "a", "cache_plan": "kv-other"}`} {
		if status, text := call(t, url+"/completion", bad, nil); status != 400 {
			t.Errorf("%s: %d %s", bad, status, text)
		}
	}
}

// TestState: the server says what it is and does, and Prometheus reads its metrics.
func TestState(t *testing.T) {
	h, url := served.Start(t, served.Options{})
	call(t, url+"/completion", `{"prompt": "KING RICHARD III:\n", "n_predict": 5}`, nil)
	var props struct {
		Slots int    `json:"total_slots"`
		Alias string `json:"model_alias"`
		Plan  string `json:"cache_plan"`
	}
	call(t, url+"/props", "", &props)
	if props.Slots != 2 || props.Alias != "tiny" || props.Plan != h.PlanID() {
		t.Errorf("%+v", props)
	}
	var slots []struct {
		Processing bool `json:"is_processing"`
		Cached     int  `json:"n_past"`
	}
	call(t, url+"/slots", "", &slots)
	if len(slots) != 2 || slots[0].Processing || slots[0].Cached+slots[1].Cached == 0 {
		t.Errorf("%+v", slots)
	}
	_, text := call(t, url+"/metrics", "", nil)
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]float64{"llamacpp:tokens_predicted_total": 5, "kvrun_texts_finished_total": 1, "llamacpp:requests_processing": 0, "kvrun_cache_bytes_per_token": float64(h.Plan.BytesPerToken)} {
		f := families[name]
		if f == nil {
			t.Errorf("there is no %s", name)
			continue
		}
		if got := f.Metric[0].GetCounter().GetValue() + f.Metric[0].GetGauge().GetValue(); got != want {
			t.Errorf("%s is %g, want %g", name, got, want)
		}
	}
	var kv struct {
		Data []struct {
			Plan   string  `json:"cache_plan"`
			Bytes  int     `json:"bytes_per_token"`
			Share  float64 `json:"share_of_f16"`
			Layers []struct{ K struct{ Effective string } }
		}
	}
	call(t, url+"/v1/kv", "", &kv)
	if len(kv.Data) != 1 || kv.Data[0].Plan != h.PlanID() || kv.Data[0].Bytes != 3072 || kv.Data[0].Share != 1 || kv.Data[0].Layers[0].K.Effective != "f16" {
		t.Errorf("%+v", kv)
	}
}

// TestShadowMetrics: Prometheus reads the drift of a server that replays texts, and none of one
// that does not.
func TestShadowMetrics(t *testing.T) {
	_, url := served.Start(t, served.Options{})
	if _, text := call(t, url+"/metrics", "", nil); strings.Contains(text, "kvrun_shadow") {
		t.Error("there is a drift without a reference")
	}
	h, url := served.Start(t, served.Options{Shadow: true})
	call(t, url+"/completion", `{"prompt": "KING RICHARD III:\n", "n_predict": 5, "ignore_eos": true}`, nil)
	for tries := 0; h.Scheduler.Drift().Texts == 0 && tries < 6000; tries++ {
		time.Sleep(10 * time.Millisecond)
	}
	_, text := call(t, url+"/metrics", "", nil)
	for _, want := range []string{
		"kvrun_shadow_texts_total 1\n", "kvrun_shadow_same_top_total 5\n", "kvrun_shadow_kld_max 0\n", "kvrun_shadow_texts_skipped_total 0\n",
		"kvrun_shadow_kld_bucket{le=\"1e-06\"} 5\n", "kvrun_shadow_kld_count 5\n", "kvrun_shadow_kld_sum 0\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
}
