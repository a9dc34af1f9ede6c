//go:build peers

package openai_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	openai "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
	"github.com/openai/openai-go/v3/shared"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/kvgen/kvgen/runtime/serve/internal/served"
)

// mistral is a template of another family, whose markers are control tokens.
const mistral = `{% if tools %}{{ tools | tojson }}{% endif %}{% for m in messages %}{{ m.role }}: {{ m.content }}
{% endfor %}{# [TOOL_CALLS] [ARGS] #}`

// parameters are those of the functions that random weights call.
var parameters = map[string]string{
	"get_weather": `{"type": "object", "properties": {"city": {"type": "string", "maxLength": 12}, "days": {"type": "integer", "minimum": 1, "maximum": 14}}, "required": ["city", "days"], "additionalProperties": false}`,
	"plan":        `{"type": "object", "properties": {"steps": {"type": "array", "minItems": 1, "maxItems": 3, "items": {"type": "object", "properties": {"kind": {"enum": ["go", "</tool_call>", "é\"\\"]}, "at": {"anyOf": [{"type": "null"}, {"type": "number", "minimum": 0, "maximum": 9}]}}, "required": ["kind", "at"], "additionalProperties": false}}}, "required": ["steps"], "additionalProperties": false}`,
}

func valid(t *testing.T, name, arguments string) error {
	t.Helper()
	schema, err := jsonschema.UnmarshalJSON(strings.NewReader(parameters[name]))
	if err != nil {
		t.Fatalf("the function %q: %v", name, err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", schema); err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(arguments)))
	if err != nil {
		return err
	}
	return c.MustCompile("schema.json").Validate(v)
}

// offered are questions to which a function may be called.
func offered(seed int64, strict bool) openai.ChatCompletionNewParams {
	q := ask("How is the weather?")
	q.MaxTokens, q.Temperature, q.Seed = openai.Int(3000), openai.Float(1), openai.Int(seed)
	for _, name := range []string{"get_weather", "plan"} {
		var schema map[string]any
		if err := json.Unmarshal([]byte(parameters[name]), &schema); err != nil {
			panic(err)
		}
		q.Tools = append(q.Tools, openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{Name: name, Parameters: schema, Strict: openai.Bool(strict)}))
	}
	return q
}

var choices = []any{"required", "any", map[string]any{"type": "function", "function": map[string]any{"name": "plan"}}}

// TestForced has random weights call functions: the calls are read, of the functions that may be
// called, and valid by another implementation of JSON Schema. Where several may come, the last may
// be cut.
func TestForced(t *testing.T) {
	for family, model := range map[string][]byte{"hermes": served.Random(t, served.ParrotTemplate), "mistral": served.Random(t, mistral, "[TOOL_CALLS]", "[ARGS]")} {
		c := client(t, served.Options{Size: 4096, Model: model})
		for seed := range int64(3) {
			for i, choice := range choices {
				q := offered(seed, false)
				one := seed%2 == 0 || family == "mistral" // calls end with the text
				q.ParallelToolCalls = openai.Bool(!one)
				r, err := c.Chat.Completions.New(t.Context(), q, option.WithJSONSet("tool_choice", choice))
				if err != nil {
					t.Fatal(err)
				}
				m := r.Choices[0].Message
				if r.Choices[0].FinishReason != "tool_calls" || len(m.ToolCalls) == 0 || (one || i == 2) && (len(m.ToolCalls) != 1 || m.Content != "") {
					t.Fatalf("%s, %v: %s", family, choice, r.RawJSON())
				}
				for _, call := range m.ToolCalls {
					if err := valid(t, call.Function.Name, call.Function.Arguments); err != nil || i == 2 && call.Function.Name != "plan" {
						t.Errorf("%s, %v: %s: %v", family, choice, call.RawJSON(), err)
					}
				}
			}
		}
	}
}

// TestForcedResponse does the same by responses.
func TestForcedResponse(t *testing.T) {
	c := client(t, served.Options{Size: 4096, Model: served.Random(t, served.ParrotTemplate)})
	for seed := range 3 {
		q := responses.ResponseNewParams{Model: "tiny", MaxOutputTokens: openai.Int(3000), Temperature: openai.Float(1), ParallelToolCalls: openai.Bool(false)}
		q.Input.OfString = openai.String("How is the weather?")
		var schema map[string]any
		if err := json.Unmarshal([]byte(parameters["plan"]), &schema); err != nil {
			t.Fatal(err)
		}
		q.Tools = []responses.ToolUnionParam{{OfFunction: &responses.FunctionToolParam{Name: "plan", Strict: openai.Bool(true), Parameters: schema}}}
		for _, choice := range []any{"required", map[string]any{"type": "function", "name": "plan"}} {
			r, err := c.Responses.New(t.Context(), q, option.WithJSONSet("tool_choice", choice), option.WithJSONSet("seed", seed))
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Output) != 1 || r.Output[0].Type != "function_call" || r.Output[0].Name != "plan" {
				t.Fatalf("%v: %s", choice, r.RawJSON())
			}
			if err := valid(t, "plan", r.Output[0].Arguments.OfString); err != nil {
				t.Errorf("%v: %s: %v", choice, r.RawJSON(), err)
			}
		}
	}
}

// TestForcedThinks leaves thinking that the template has opened free, and forces a call behind it.
func TestForcedThinks(t *testing.T) {
	template := strings.Replace(served.ParrotTemplate, `else "\n" }}`, `else "<think>\n" }}`, 1)
	c := client(t, served.Options{Size: 4096, Model: served.ParrotOf(t, template, "They want weather.\n</think>\n\nSunny.", "-")})
	q := offered(1, false)
	r, err := c.Chat.Completions.New(t.Context(), q, option.WithJSONSet("tool_choice", choices[2]))
	if err != nil {
		t.Fatal(err)
	}
	m := r.Choices[0].Message
	if m.JSON.ExtraFields["reasoning_content"].Raw() != `"They want weather."` || len(m.ToolCalls) != 1 || m.Content != "" || valid(t, "plan", m.ToolCalls[0].Function.Arguments) != nil {
		t.Errorf("%s", r.RawJSON())
	}
}

// TestForcedHeader forces a call in a header, behind thinking in another.
func TestForcedHeader(t *testing.T) {
	c := client(t, served.Options{Size: 4096, Model: served.ParrotOf(t, served.ParrotTemplate+"{# <|channel|> #}",
		"<|channel|>analysis<|message|>They want weather.<|end|><|start|>assistant<|channel|>final<|message|>Sunny.", "-")})
	r, err := c.Chat.Completions.New(t.Context(), offered(1, false), option.WithJSONSet("tool_choice", "required"))
	if err != nil {
		t.Fatal(err)
	}
	m := r.Choices[0].Message
	if m.JSON.ExtraFields["reasoning_content"].Raw() != `"They want weather."` || len(m.ToolCalls) != 1 || m.Content != "" ||
		valid(t, m.ToolCalls[0].Function.Name, m.ToolCalls[0].Function.Arguments) != nil {
		t.Errorf("%s", r.RawJSON())
	}
}

// TestForcedStream puts a forced call together from a stream.
func TestForcedStream(t *testing.T) {
	c := client(t, served.Options{Size: 4096, Model: served.Random(t, served.ParrotTemplate)})
	stream := c.Chat.Completions.NewStreaming(t.Context(), offered(2, false), option.WithJSONSet("tool_choice", choices[2]))
	var all openai.ChatCompletionAccumulator
	for stream.Next() {
		all.AddChunk(stream.Current())
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	m := all.Choices[0].Message
	if len(m.ToolCalls) != 1 || m.Content != "" || valid(t, "plan", m.ToolCalls[0].Function.Arguments) != nil || all.Choices[0].FinishReason != "tool_calls" {
		t.Errorf("%s", m.RawJSON())
	}
}

// TestStrict holds the calls of a strict function that the model begins by itself, and leaves what
// it says as it is.
func TestStrict(t *testing.T) {
	says := `Let me <look.<tool_call>` + "\n" + `{"name": "get_weather", "arguments": {"city": "Rome", "wrong": 1}}` + "\n</tool_call>"
	c := client(t, served.Options{Size: 4096, Model: served.Parrot(t, says, "-")})
	r, err := c.Chat.Completions.New(t.Context(), offered(1, false))
	if err != nil || len(r.Choices[0].Message.ToolCalls) != 1 || !strings.Contains(r.Choices[0].Message.ToolCalls[0].Function.Arguments, "wrong") {
		t.Fatalf("%+v, %v: want what the model says where no function is strict", r, err)
	}
	q := offered(1, true)
	q.ParallelToolCalls = openai.Bool(false)
	r, err = c.Chat.Completions.New(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	m := r.Choices[0].Message
	if m.Content != "Let me <look." || len(m.ToolCalls) != 1 || m.ToolCalls[0].Function.Name != "get_weather" {
		t.Fatalf("%s", r.RawJSON())
	}
	if err := valid(t, "get_weather", m.ToolCalls[0].Function.Arguments); err != nil || !strings.Contains(m.ToolCalls[0].Function.Arguments, `"city":"Rome"`) {
		t.Errorf("%s: %v", r.RawJSON(), err)
	}
	c = client(t, served.Options{Size: 4096, Model: served.Parrot(t, "It is sunny.", "-")})
	if r, err = c.Chat.Completions.New(t.Context(), offered(1, true)); err != nil || r.Choices[0].Message.Content != "It is sunny." || r.Choices[0].FinishReason != "stop" {
		t.Errorf("%s, %v", r.RawJSON(), err)
	}
}

// TestForcedRefused names what cannot be held: the function, the keyword and its place, or the
// family.
func TestForcedRefused(t *testing.T) {
	hermes := client(t, served.Options{Model: served.Random(t, served.ParrotTemplate)})
	gemma := client(t, served.Options{Model: served.Random(t, strings.Replace(mistral, "[TOOL_CALLS] [ARGS]", "<|channel>", 1))})
	not := option.WithJSONSet("tools.1.function.parameters.properties.steps", map[string]any{"not": map[string]any{}})
	for _, x := range []struct {
		c           openai.Client
		param, says string
		add         []option.RequestOption
	}{
		{hermes, "tool_choice", `"march"`, []option.RequestOption{option.WithJSONSet("tool_choice", map[string]any{"type": "function", "function": map[string]any{"name": "march"}})}},
		{hermes, "tool_choice", "want", []option.RequestOption{option.WithJSONSet("tool_choice", "always")}},
		{hermes, "tool_choice", "want", []option.RequestOption{option.WithJSONSet("tool_choice", map[string]any{"type": "allowed_tools"})}},
		{hermes, "tool_choice", "no tools", []option.RequestOption{option.WithJSONSet("tool_choice", "required"), option.WithJSONDel("tools")}},
		{hermes, "tools", `the function "plan": schema: keyword "not" at #/properties/steps`, []option.RequestOption{option.WithJSONSet("tool_choice", "required"), not}},
		{hermes, "tools", `the function "plan": schema: keyword "not" at #/properties/steps`, []option.RequestOption{option.WithJSONSet("tools.1.function.strict", true), not}},
		{gemma, "tools", "family Gemma 4", []option.RequestOption{option.WithJSONSet("tool_choice", "required")}},
		{gemma, "tools", "family Gemma 4", []option.RequestOption{option.WithJSONSet("tools.0.function.strict", true)}},
	} {
		_, err := x.c.Chat.Completions.New(t.Context(), offered(1, false), x.add...)
		var e *openai.Error
		if !errors.As(err, &e) || e.StatusCode != 400 || e.Param != x.param || !strings.Contains(e.Message, x.says) {
			t.Errorf("want %q: %v", x.says, err)
		}
	}
}
