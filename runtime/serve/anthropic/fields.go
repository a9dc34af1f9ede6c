package anthropic

import "github.com/kvgen/kvgen/runtime/serve/wire"

// requestFields are those of a request that change nothing of an answer, or must not.
var requestFields = []wire.Field{
	{Name: "metadata"}, {Name: "service_tier"}, {Name: "betas"}, {Name: "inference_geo"}, {Name: "cache_control"},
	{Name: "context_management"},
	{Name: "container", Only: []string{}, Why: "nothing is run here"},
	{Name: "mcp_servers", Only: []string{"[]"}, Why: "no servers are asked here"},
}

// toolFields are those of a tool.
var toolFields = []wire.Field{
	{Name: "cache_control"}, {Name: "eager_input_streaming"}, {Name: "defer_loading", Only: []string{"false"}, Why: "all tools are told of at once"},
	{Name: "allowed_callers"}, {Name: "input_examples", Only: []string{"[]"}, Why: "templates have no place for examples"},
}

// blockFields are those of a block of content.
var blockFields = []wire.Field{
	{Name: "cache_control"}, {Name: "signature"}, {Name: "is_error"}, {Name: "caller"},
	{Name: "citations", Only: []string{"[]", "false", `{"enabled":false}`}, Why: "sources are not cited"},
}
