package chat

import "strings"

// A family is a way to write answers, known by what its templates say. Markers are facts of the
// published templates.
type family struct {
	when     []string // all of them are in the template
	unless   string   // and this is not
	sections []section
	calls    Markup // of the first family that has one
}

// thinking opens with a word that text may have, so it counts only before any content. An end
// without a beginning comes from a model that does not think this time.
func thinking(open, end string) []section {
	return []section{{kind: Reasoning, open: open, ends: []string{end}, start: true}, {kind: dropped, open: end, start: true}}
}

func calling(open string, ends ...string) section {
	return section{kind: Call, open: open, ends: ends, parse: parseCalls}
}

func saying(open string, ends ...string) section {
	return section{kind: Content, open: open, ends: ends}
}

func dropping(open string) section { return section{kind: dropped, open: open} }

// families are tried one after the other; all that fit add their sections.
var families = []family{
	// Any model may have been tuned to think like DeepSeek R1, whatever its template says.
	{sections: thinking("<think>", "</think>")},
	{when: []string{"[THINK]"}, sections: thinking("[THINK]", "[/THINK]")},
	{when: []string{"<seed:think>"}, sections: thinking("<seed:think>", "</seed:think>")},
	{when: []string{"<mm:think>"}, sections: thinking("<mm:think>", "</mm:think>")},
	{when: []string{"<thinking>", "<|begin_"}, sections: thinking("<thinking>", "</thinking>")},
	{when: []string{"Here are my reasoning steps:"}, sections: thinking("Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]")},
	{when: []string{"[BEGIN FINAL RESPONSE]"}, sections: []section{dropping("[BEGIN FINAL RESPONSE]"), dropping("[END FINAL RESPONSE]")}},
	{when: []string{"<|inner_prefix|>"}, sections: []section{
		{kind: Reasoning, open: "<|inner_prefix|>", ends: []string{"<|inner_suffix|>"}},
		calling("<|tools_prefix|>", "<|tools_suffix|>")}, calls: apertusMarkup},
	{when: []string{"<|START_THINKING|>"}, sections: []section{
		{kind: Reasoning, open: "<|START_THINKING|>", ends: []string{"<|END_THINKING|>"}},
		saying("<|START_RESPONSE|>", "<|END_RESPONSE|>"),
		saying("<|START_TEXT|>", "<|END_TEXT|>"),
		calling("<|START_ACTION|>", "<|END_ACTION|>")}, calls: commandMarkup},
	{when: []string{"<response></response>"}, sections: []section{{kind: Content, open: "<response>", ends: []string{"</response>"}, start: true}}},
	{when: []string{"<|channel>"}, sections: []section{
		{kind: Reasoning, open: "<|channel>thought", ends: []string{"<channel|>"}},
		calling("<|tool_call>", "<tool_call|>")}, calls: readOnly("Gemma 4")},
	{when: []string{"<|think|>", "<|content|>", "<|begin|>"}, sections: []section{
		{kind: Reasoning, open: "<|think|>", ends: []string{"<|end|>"}},
		saying("<|content|>", "<|end|>"), dropping("<|begin|>assistant"),
		calling("<|tool_calls|>", "<|calls|>")}, calls: readOnly("Solar")},
	{when: []string{"<|open|>", "<|sep|>", "<|close|>"}, sections: openClose, calls: readOnly("Kimi K3")},
	{when: []string{":opensource"}, sections: thinking("<think:opensource>", "</think:opensource>")},
	{when: []string{":opensource"}, sections: []section{
		{kind: Call, open: "<tool_calls:opensource>", ends: []string{"</tool_calls:opensource>"}, parse: parseKeyed}}, calls: readOnly("Hunyuan")},

	// Tool calls. The body says what it is in.
	{when: []string{"<tool_call>", "<arg_key>"}, sections: []section{
		{kind: Call, open: "<tool_call>", ends: []string{"</tool_call>"}, parse: parseKeyed}}, calls: glmMarkup},
	{when: []string{"<tool_call>", "<function="}, calls: qwenCoderMarkup},
	{when: []string{"<tool_call>"}, unless: "]<]minimax[>[", sections: []section{calling("<tool_call>", "</tool_call>")}, calls: hermesMarkup},
	{when: []string{"]<]minimax[>["}, sections: []section{calling("]<]minimax[>[<tool_call>", "]<]minimax[>[</tool_call>")}, calls: readOnly("MiniMax M3")},
	{when: []string{"<tool_calls>"}, sections: []section{calling("<tool_calls>", "</tool_calls>")}, calls: toolCallsMarkup},
	{when: []string{"<TOOLCALL>"}, sections: []section{calling("<TOOLCALL>", "</TOOLCALL>")}, calls: nemotronMarkup},
	{when: []string{"<minimax:tool_call>"}, sections: []section{calling("<minimax:tool_call>", "</minimax:tool_call>")}, calls: minimaxMarkup},
	{when: []string{"<seed:tool_call>"}, sections: []section{calling("<seed:tool_call>", "</seed:tool_call>")}, calls: seedMarkup},
	{when: []string{"DSML"}, sections: []section{
		calling("<｜DSML｜function_calls>", "</｜DSML｜function_calls>"), calling("<｜DSML｜tool_calls>", "</｜DSML｜tool_calls>")}, calls: readOnly("DeepSeek V3.2")},
	{when: []string{"<｜tool▁calls▁begin｜>", "```json"}, calls: deepseekMarkup},
	{when: []string{"<｜tool▁calls▁begin｜>"}, sections: []section{calling("<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>")}, calls: deepseek31Markup},
	{when: []string{"<|tool_calls_section_begin|>"}, sections: []section{
		calling("<|tool_calls_section_begin|>", "<|tool_calls_section_end|>")}, calls: kimiMarkup},
	{when: []string{"<|tool_call_start|>"}, sections: []section{calling("<|tool_call_start|>", "<|tool_call_end|>")}, calls: readOnly("LFM2")},
	{when: []string{"List of tools: ["}, sections: []section{calling("<|tool_call_start|>", "<|tool_call_end|>")}, calls: readOnly("LFM2")},
	{when: []string{"[TOOL_CALLS]", "[ARGS]"}, calls: mistralArgsMarkup},
	{when: []string{"[TOOL_CALLS]"}, sections: []section{calling("[TOOL_CALLS]")}, calls: mistralMarkup},
	{when: []string{"<|tool_call|>"}, sections: []section{calling("<|tool_call|>", "<|/tool_call|>")}, calls: graniteMarkup},
	{when: []string{"functools["}, sections: []section{calling("functools")}, calls: phiMarkup},
	{when: []string{"<|function_call|>"}, sections: []section{calling("<|function_call|>")}, calls: gigachat31Markup},
	{when: []string{"<|role_sep|>", "<|message_sep|>"}, unless: "<|function_call|>", sections: []section{
		calling("<|message_sep|>\n\nfunction call<|role_sep|>")}, calls: gigachatMarkup},
	{when: []string{"<function=", "<|python_tag|>"}, sections: []section{
		{kind: Call, open: "<function=", ends: []string{"</function>"}, parse: parseFunctionTag}}, calls: functionTagMarkup},
	{when: []string{"<function name=\"", "<param name=\""}, sections: []section{
		{kind: Call, open: "<function name=\"", ends: []string{"</function>"}, parse: parseFunctionName}}, calls: readOnly("MiniCPM 5")},
	{when: []string{"<|start_header_id|>", `"parameters": `}, calls: llamaMarkup},
	{when: []string{"<|python_tag|>"}, sections: []section{{kind: Call, open: "<|python_tag|>", parse: parsePython}}, calls: readOnly("Llama 3 with <|python_tag|>")},
	{when: []string{"\"tool_name\"", "Action:"}, sections: []section{
		calling("Action:\n```json", "\n```"), calling("Action: ```json", "```")}, calls: commandPlusMarkup},
	{when: []string{"<atem:function_calls>"}, sections: []section{calling("<atem:function_calls>", "</atem:function_calls>")}, calls: readOnly("Muse")},
}

// innerMarkers are markers inside sections that vocabularies have as control tokens.
const innerMarkers = "<|constrain|> <|\"|> [CALL_ID] [ARGS] <｜tool▁call▁begin｜> <｜tool▁call▁end｜> <｜tool▁sep｜> <|tool_call_begin|> " +
	"<|tool_call_argument_begin|> <|tool_call_end|> <|tool_call:begin|> <|tool_call:name|> <|tool_call:args|> <|tool_call:end|> " +
	"<arg_key> </arg_key> <arg_value> </arg_value> ｜DSML｜ ]<]minimax[>[ <|open|> <|close|> <|sep|> <|eom_id|>"

// formatOf collects what a template says of the answers it expects.
func formatOf(template string) *format {
	f := &format{inner: innerMarkers, headers: headersOf(template)}
	if f.headers != nil {
		f.sections, f.calls = f.headers.sections, f.headers.calls
		return f
	}
	for _, x := range families {
		fits := x.unless == "" || !strings.Contains(template, x.unless)
		for _, w := range x.when {
			fits = fits && strings.Contains(template, w)
		}
		if fits {
			f.sections = append(f.sections, x.sections...)
			if f.calls.Family == "" {
				f.calls = x.calls
			}
		}
	}
	f.bare = strings.Contains(template, `"parameters": `) && strings.Contains(template, "<|start_header_id|>")
	return f
}
