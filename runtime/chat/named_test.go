package chat

import (
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// TestNamed writes one conversation in every format. The texts are those of llama.cpp's built-in
// templates, with the end of text of the vocabulary where those spell one model's, and the begin
// token, which Encode takes away again.
func TestNamed(t *testing.T) {
	own, err := load(t, "tiny-llama", "")
	if err != nil {
		t.Fatal(err)
	}
	talk := []Message{{Role: "system", Content: "Be brief."}, {Role: "user", Content: "Hello"}, {Role: "assistant", Content: "Hi there"}, {Role: "user", Content: "Bye"}}
	want := map[string]string{
		"chatml":            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\nHi there<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n",
		"llama2":            "[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHello [/INST]Hi there</s>[INST] Bye [/INST]",
		"llama3":            "<s><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHello<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nHi there<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nBye<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
		"gemma":             "<s><start_of_turn>user\nBe brief.\n\nHello<end_of_turn>\n<start_of_turn>model\nHi there<end_of_turn>\n<start_of_turn>user\nBye<end_of_turn>\n<start_of_turn>model\n",
		"mistral-v1":        " [INST] Be brief.\n\nHello [/INST] Hi there</s> [INST] Bye [/INST]",
		"mistral-v3":        "[INST] Be brief.\n\nHello[/INST] Hi there</s>[INST] Bye[/INST]",
		"mistral-v3-tekken": "[INST]Be brief.\n\nHello[/INST]Hi there</s>[INST]Bye[/INST]",
		"mistral-v7":        "[SYSTEM_PROMPT] Be brief.[/SYSTEM_PROMPT][INST] Hello[/INST] Hi there</s>[INST] Bye[/INST]",
		"mistral-v7-tekken": "[SYSTEM_PROMPT]Be brief.[/SYSTEM_PROMPT][INST]Hello[/INST]Hi there</s>[INST]Bye[/INST]",
		"phi3":              "<|system|>\nBe brief.<|end|>\n<|user|>\nHello<|end|>\n<|assistant|>\nHi there<|end|>\n<|user|>\nBye<|end|>\n<|assistant|>\n",
		"phi4":              "<|im_start|>system<|im_sep|>Be brief.<|im_end|><|im_start|>user<|im_sep|>Hello<|im_end|><|im_start|>assistant<|im_sep|>Hi there<|im_end|><|im_start|>user<|im_sep|>Bye<|im_end|><|im_start|>assistant<|im_sep|>",
		"zephyr":            "<|system|>\nBe brief.</s>\n<|user|>\nHello</s>\n<|assistant|>\nHi there</s>\n<|user|>\nBye</s>\n<|assistant|>\n",
		"vicuna":            "Be brief.\n\nUSER: Hello\nASSISTANT: Hi there</s>\nUSER: Bye\nASSISTANT:",
		"openchat":          "Be brief.<|end_of_turn|>GPT4 Correct User: Hello<|end_of_turn|>GPT4 Correct Assistant: Hi there<|end_of_turn|>GPT4 Correct User: Bye<|end_of_turn|>GPT4 Correct Assistant:",
		"deepseek2":         "Be brief.\n\nUser: Hello\n\nAssistant: Hi there</s>User: Bye\n\nAssistant:",
		"deepseek3":         "Be brief.\n\n<｜User｜>Hello<｜Assistant｜>Hi there</s><｜User｜>Bye<｜Assistant｜>",
		"command-r":         "<s><|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>Be brief.<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|USER_TOKEN|>Hello<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>Hi there<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|USER_TOKEN|>Bye<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>",
		"granite":           "<|start_of_role|>system<|end_of_role|>Be brief.<|end_of_text|>\n<|start_of_role|>user<|end_of_role|>Hello<|end_of_text|>\n<|start_of_role|>assistant<|end_of_role|>Hi there<|end_of_text|>\n<|start_of_role|>user<|end_of_role|>Bye<|end_of_text|>\n<|start_of_role|>assistant<|end_of_role|>",
	}
	for _, name := range Names() {
		source, ok := Named(strings.ToUpper(name))
		if !ok {
			t.Fatalf("%s is not found", name)
		}
		format, err := Given(source, own.tok)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, err := format.Prompt(talk, true); err != nil || got != want[name] {
			t.Errorf("%s: %v\n got %q\nwant %q", name, err, got, want[name])
		}
	}
	if _, ok := Named("nosuch"); ok || len(want) != len(Names()) {
		t.Errorf("%d formats, %d texts", len(Names()), len(want))
	}
}

// ofArchitecture is a file that says what it is.
type ofArchitecture struct {
	file
	arch string
}

func (f ofArchitecture) Str(name string) (string, bool, error) {
	if name == "general.architecture" {
		return f.arch, true, nil
	}
	return f.file.Str(name)
}

// TestByArchitecture takes the format that all models of an architecture have, and says where it
// takes ChatML for want of one.
func TestByArchitecture(t *testing.T) {
	m := metadata(t, "tiny-llama", "")
	tok, err := tokenizer.New(m)
	if err != nil {
		t.Fatal(err)
	}
	for arch, want := range map[string]string{"gemma3": "gemma", "gemma2": "gemma", "llama": "chatml"} {
		got, err := New(ofArchitecture{m, arch}, tok)
		if err != nil || got.Name != want || got.Fallback != (want == "chatml") {
			t.Errorf("%s: %+v, %v", arch, got, err)
		}
	}
}
