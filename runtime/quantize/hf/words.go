package hf

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Expressions by which published tokenizers cut text into words: those of Llama 3 and of Qwen.
const (
	llama3Words = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	qwenWords   = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

// cutting is how a tokenizer.json makes words of a text.
type cutting struct {
	steps        string // one a line: "digits", "gpt-2" or an expression
	nfc          bool   // text is composed before
	ignoreMerges bool   // a word that is a token is taken whole
}

// preNames are the values of tokenizer.ggml.pre that mean a cutting.
var preNames = map[cutting]string{
	{steps: "gpt-2"}:                         "gpt-2",
	{steps: "gpt-2", nfc: true}:              "olmo",
	{steps: "digits\ngpt-2"}:                 "smollm",
	{steps: "digits\ngpt-2", nfc: true}:      "command-r",
	{steps: llama3Words, ignoreMerges: true}: "llama-bpe",
	{steps: llama3Words}:                     "dbrx",
	{steps: qwenWords, nfc: true}:            "qwen2",
	{steps: qwenWords}:                       "stablelm2",
}

// step is one of a tokenizer.json, of normalisation or of cutting.
type step struct {
	Type        string           `json:"type"`
	Steps       []jsontext.Value `json:"pretokenizers"`
	Normalizers []jsontext.Value `json:"normalizers"`
	Pattern     struct {
		Regex string `json:"Regex"`
	} `json:"pattern"`
	Behavior   string `json:"behavior"`
	Invert     bool   `json:"invert"`
	Individual bool   `json:"individual_digits"`
	Prefix     bool   `json:"add_prefix_space"`
	Words      *bool  `json:"use_regex"`
}

// preName finds the name of a cutting, from pre_tokenizer and normalizer.
func preName(cut, normalise jsontext.Value, ignoreMerges bool) (string, error) {
	c := cutting{ignoreMerges: ignoreMerges}
	if normalise != nil && normalise.Kind() != 'n' {
		var s step
		err := json.Unmarshal(normalise, &s)
		none := s.Type == "Sequence" && len(s.Normalizers) == 0
		if c.nfc = s.Type == "NFC"; err != nil || !c.nfc && !none {
			return "", fmt.Errorf("normalizer %.80s is not supported, only NFC", normalise)
		}
	}
	steps, err := flatten(cut, 0)
	if err != nil {
		return "", err
	}
	c.steps = strings.Join(steps, "\n")
	if name := preNames[c]; name != "" {
		return name, nil
	}
	return "", fmt.Errorf("no tokenizer.ggml.pre is known for a pre_tokenizer of %.300q with normalizer %s and ignore_merges %v",
		c.steps, cmp.Or(map[bool]string{true: "NFC"}[c.nfc], "null"), ignoreMerges)
}

// flatten lists the steps of a pre_tokenizer, whose last must be ByteLevel.
func flatten(text jsontext.Value, depth int) (steps []string, err error) {
	const deepest = 4
	var s step
	if err := json.Unmarshal(text, &s); err != nil || depth > deepest {
		return nil, fmt.Errorf("pre_tokenizer %.80s is not understood", text)
	}
	switch {
	case s.Type == "Sequence" && len(s.Steps) > 0:
		for i, inner := range s.Steps {
			more, err := flatten(inner, depth+1)
			if err != nil {
				return nil, err
			}
			if i < len(s.Steps)-1 && strings.Contains(string(inner), "ByteLevel") {
				return nil, fmt.Errorf("pre_tokenizer %.300s: ByteLevel is not the last", text)
			}
			steps = append(steps, more...)
		}
		return steps, nil
	case s.Type == "Digits" && s.Individual:
		return []string{"digits"}, nil
	case s.Type == "Split" && s.Pattern.Regex != "" && s.Behavior == "Isolated" && !s.Invert:
		return []string{s.Pattern.Regex}, nil
	case s.Type == "ByteLevel" && !s.Prefix && s.Words != nil && !*s.Words:
		return nil, nil
	case s.Type == "ByteLevel" && !s.Prefix:
		return []string{"gpt-2"}, nil
	}
	return nil, fmt.Errorf("pre_tokenizer %.300s is not supported", text)
}

// firstToken is the token that a post_processor puts before a text, "" for none.
func firstToken(text jsontext.Value) (string, error) {
	if text == nil || text.Kind() == 'n' {
		return "", nil
	}
	var p struct {
		Type       string           `json:"type"`
		Processors []jsontext.Value `json:"processors"`
		Single     []struct {
			Special *struct {
				ID string `json:"id"`
			} `json:"SpecialToken"`
		} `json:"single"`
	}
	if err := json.Unmarshal(text, &p); err != nil {
		return "", fmt.Errorf("post_processor: %.200s", err.Error())
	}
	switch p.Type {
	case "ByteLevel":
		return "", nil
	case "TemplateProcessing":
		if len(p.Single) > 0 && p.Single[0].Special != nil {
			return p.Single[0].Special.ID, nil
		}
		return "", nil
	case "Sequence":
		for _, inner := range p.Processors {
			if strings.Contains(string(inner), `"processors"`) {
				break
			}
			if first, err := firstToken(inner); first != "" || err != nil {
				return first, err
			}
		}
		return "", nil
	}
	return "", fmt.Errorf("post_processor of type %.40q is not supported", p.Type)
}
