package chat

import (
	"slices"
	"strings"
)

// written are formats by the names that llama.cpp has for them, for models whose file has no
// template. A model knows one of them; the formats are facts of the models' cards.
var written = []struct{ name, source string }{
	{"chatml", chatml},
	{"llama2", `{% for m in messages %}{% if m.role == 'system' %}[INST] <<SYS>>
{{ m.content }}
<</SYS>>

{% elif m.role == 'user' %}{% if not (loop.previtem is defined and loop.previtem.role == 'system') %}[INST] {% endif %}{{ m.content }} [/INST]` +
		`{% else %}{{ m.content }}{{ eos_token }}{% endif %}{% endfor %}`},
	{"llama3", `{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>

{{ m.content | trim }}<|eot_id|>{% endfor %}{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>

{% endif %}`},
	{"gemma", `{{ bos_token }}{% set ns = namespace(system='') %}{% for m in messages %}{% if m.role == 'system' %}{% set ns.system = m.content | trim %}{% else %}` +
		`<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}
{% if ns.system and m.role != 'assistant' %}{{ ns.system }}

{% set ns.system = '' %}{% endif %}{{ m.content | trim }}<end_of_turn>
{% endif %}{% endfor %}{% if add_generation_prompt %}<start_of_turn>model
{% endif %}`},
	{"mistral-v1", instructions(` [INST] `, ` [/INST]`, ` `)},
	{"mistral-v3", instructions(`[INST] `, `[/INST]`, ` `)},
	{"mistral-v3-tekken", instructions(`[INST]`, `[/INST]`, ``)},
	{"mistral-v7", systemPrompt(` `)},
	{"mistral-v7-tekken", systemPrompt(``)},
	{"phi3", `{% for m in messages %}<|{{ m.role }}|>
{{ m.content }}<|end|>
{% endfor %}{% if add_generation_prompt %}<|assistant|>
{% endif %}`},
	{"phi4", `{% for m in messages %}<|im_start|>{{ m.role }}<|im_sep|>{{ m.content }}<|im_end|>{% endfor %}` +
		`{% if add_generation_prompt %}<|im_start|>assistant<|im_sep|>{% endif %}`},
	{"zephyr", `{% for m in messages %}<|{{ m.role }}|>
{{ m.content }}{{ eos_token }}
{% endfor %}{% if add_generation_prompt %}<|assistant|>
{% endif %}`},
	{"vicuna", `{% for m in messages %}{% if m.role == 'system' %}{{ m.content }}

{% elif m.role == 'user' %}USER: {{ m.content }}
{% else %}ASSISTANT: {{ m.content }}{{ eos_token }}
{% endif %}{% endfor %}{% if add_generation_prompt %}ASSISTANT:{% endif %}`},
	{"openchat", `{% for m in messages %}{% if m.role == 'system' %}{{ m.content }}<|end_of_turn|>{% else %}` +
		`GPT4 Correct {{ m.role | capitalize }}: {{ m.content }}<|end_of_turn|>{% endif %}{% endfor %}{% if add_generation_prompt %}GPT4 Correct Assistant:{% endif %}`},
	{"deepseek2", `{% for m in messages %}{% if m.role == 'system' %}{{ m.content }}

{% elif m.role == 'user' %}User: {{ m.content }}

{% else %}Assistant: {{ m.content }}{{ eos_token }}{% endif %}{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}`},
	{"deepseek3", `{% for m in messages %}{% if m.role == 'system' %}{{ m.content }}

{% elif m.role == 'user' %}<｜User｜>{{ m.content }}{% else %}<｜Assistant｜>{{ m.content }}{{ eos_token }}{% endif %}{% endfor %}` +
		`{% if add_generation_prompt %}<｜Assistant｜>{% endif %}`},
	{"command-r", `{{ bos_token }}{% for m in messages %}<|START_OF_TURN_TOKEN|>` +
		`{{ {'system': '<|SYSTEM_TOKEN|>', 'user': '<|USER_TOKEN|>'}.get(m.role, '<|CHATBOT_TOKEN|>') }}{{ m.content | trim }}<|END_OF_TURN_TOKEN|>{% endfor %}` +
		`{% if add_generation_prompt %}<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>{% endif %}`},
	{"granite", `{% for m in messages %}<|start_of_role|>{{ m.role }}<|end_of_role|>{{ m.content }}<|end_of_text|>
{% endfor %}{% if add_generation_prompt %}<|start_of_role|>assistant<|end_of_role|>{% endif %}`},
}

// instructions is a format of Mistral without a mark for the system's words, which stand before the
// first question.
func instructions(before, after, answer string) string {
	return `{% set ns = namespace(inside=false) %}{% for m in messages %}{% if not ns.inside %}` + before + `{% set ns.inside = true %}{% endif %}` +
		`{% if m.role == 'system' %}{{ m.content }}

{% elif m.role == 'user' %}{{ m.content }}` + after + `{% else %}` + answer + `{{ m.content | trim }}{{ eos_token }}{% set ns.inside = false %}{% endif %}{% endfor %}`
}

// systemPrompt is a format of Mistral with one.
func systemPrompt(space string) string {
	return `{% for m in messages %}{% if m.role == 'system' %}[SYSTEM_PROMPT]` + space + `{{ m.content }}[/SYSTEM_PROMPT]` +
		`{% elif m.role == 'user' %}[INST]` + space + `{{ m.content }}[/INST]{% else %}` + space + `{{ m.content }}{{ eos_token }}{% endif %}{% endfor %}`
}

// byArchitecture are the architectures whose models all talk in one format.
var byArchitecture = map[string]string{"gemma": "gemma", "gemma2": "gemma", "gemma3": "gemma", "gemma3n": "gemma", "command-r": "command-r", "granite": "granite"}

// Names lists the formats that Named knows.
func Names() []string {
	var all []string
	for _, n := range written {
		all = append(all, n.name)
	}
	return all
}

// Named is the template of a format by name; ok is false for one that is not known.
func Named(name string) (source string, ok bool) {
	at := slices.IndexFunc(written, func(n struct{ name, source string }) bool { return strings.EqualFold(n.name, name) })
	if at < 0 {
		return "", false
	}
	return written[at].source, true
}
