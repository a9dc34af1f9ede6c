package openai

import "github.com/kvgen/kvgen/runtime/serve/wire"

// harmless are fields that change nothing of an answer: names, accounting, storage elsewhere.
var harmless = []wire.Field{
	{Name: "user"}, {Name: "metadata"}, {Name: "safety_identifier"}, {Name: "prompt_cache_key"}, {Name: "prompt_cache_retention"},
	{Name: "service_tier"}, {Name: "cache_prompt"}, {Name: "timings_per_token"}, {Name: "id_slot", Only: []string{"-1"}, Why: "texts get their places from the scheduler"},
	{Name: "store", Only: []string{"false", "true"}},
	{Name: "reasoning_format", Only: []string{`"auto"`, `"deepseek"`}, Why: `thinking is in its own field, which is "deepseek"`},
}

// neutral are fields that would change an answer, with the values that do not.
var neutral = []wire.Field{
	{Name: "grammar", Only: []string{`""`}, Why: "give a response_format with a JSON schema instead"},
}

// chatFields are those of chat completions alone.
var chatFields = []wire.Field{
	{Name: "modalities", Only: []string{`["text"]`}, Why: "the model writes text only"},
	{Name: "audio", Only: []string{}, Why: "the model writes text only"},
	{Name: "prediction", Only: []string{}, Why: "predicted outputs are not supported"},
	{Name: "functions", Only: []string{"[]"}, Why: "give tools instead"},
	{Name: "function_call", Only: []string{`"none"`}, Why: "give tools and tool_choice instead"},
	{Name: "verbosity", Only: []string{`"medium"`}, Why: "the model has no such setting"},
	{Name: "web_search_options", Only: []string{}, Why: "this server searches nothing"},
	{Name: "parse_tool_calls", Only: []string{"true"}, Why: "calls are always parsed"},
}

// messageFields are those of a message that say nothing to a model.
var messageFields = []wire.Field{
	{Name: "refusal", Only: []string{`""`}, Why: "refusals go into the content"},
	{Name: "annotations"}, {Name: "id"}, {Name: "status"},
	{Name: "audio", Only: []string{}, Why: "the model reads text only"},
	{Name: "function_call", Only: []string{}, Why: "give tool_calls instead"},
	{Name: "prefix", Only: []string{"false"}, Why: "an answer cannot be begun by the client"},
}
