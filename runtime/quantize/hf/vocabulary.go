package hf

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/kvgen/kvgen/runtime/safetensors"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// Limits on what a folder may ask for.
const (
	maxVocabulary = 128 << 20 // bytes of tokenizer.json
	maxTokens     = 1 << 22
)

// Types of tokens in GGUF files.
const (
	typeNormal = 1 + iota
	_
	typeControl
	typeOwn // put in by hand, and text
	typeUnused
)

// vocabulary is a tokenizer.json.
type vocabulary struct {
	Normalizer    jsontext.Value `json:"normalizer"`
	PreTokenizer  jsontext.Value `json:"pre_tokenizer"`
	PostProcessor jsontext.Value `json:"post_processor"`
	Added         []struct {
		ID      int64  `json:"id"`
		Text    string `json:"content"`
		Special bool   `json:"special"`
		Word    bool   `json:"single_word"`
		Left    bool   `json:"lstrip"`
		Right   bool   `json:"rstrip"`
	} `json:"added_tokens"`
	Model struct {
		Type         string           `json:"type"`
		Vocab        map[string]int64 `json:"vocab"`
		Merges       []jsontext.Value `json:"merges"`
		IgnoreMerges bool             `json:"ignore_merges"`
		ByteFallback bool             `json:"byte_fallback"`
		Prefix       string           `json:"continuing_subword_prefix"`
		Suffix       string           `json:"end_of_word_suffix"`
	} `json:"model"`
}

// readVocabulary adds what the folder says of tokens to m.
func readVocabulary(dir string, c *config, m *metadata) error {
	path := filepath.Join(dir, "tokenizer.json")
	text, err := safetensors.ReadText(path, maxVocabulary)
	if err != nil {
		return err
	}
	var v vocabulary
	if err := json.Unmarshal(text, &v); err != nil {
		return fmt.Errorf("%s: %.200s", path, err.Error())
	}
	pre, tokens, types, merges := "", []string(nil), []int32(nil), []string(nil)
	err = v.check()
	if err == nil {
		pre, err = preName(v.PreTokenizer, v.Normalizer, v.Model.IgnoreMerges)
	}
	if err == nil {
		tokens, types, err = v.tokens(c.vocab)
	}
	if err == nil {
		merges, err = v.merges()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	m.set("tokenizer.ggml.model", "gpt2")
	m.set("tokenizer.ggml.pre", pre)
	m.set("tokenizer.ggml.tokens", tokens)
	m.set("tokenizer.ggml.token_type", types)
	m.set("tokenizer.ggml.merges", merges)
	first, err := firstToken(v.PostProcessor)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := readSpecials(dir, c, m, tokens, first); err != nil {
		return err
	}
	if _, err = tokenizer.New(m); err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return err
}

// check refuses vocabularies that are no byte-level BPE.
func (v *vocabulary) check() error {
	switch {
	case v.Model.Type != "BPE" && v.Model.Type != "":
		return fmt.Errorf("a vocabulary of type %.40q is not read here, only byte-level BPE", v.Model.Type)
	case v.Model.ByteFallback || v.Model.Prefix != "" || v.Model.Suffix != "":
		return errors.New("byte_fallback, continuing_subword_prefix and end_of_word_suffix are not read here, only byte-level BPE")
	case len(v.Model.Vocab) == 0 || v.PreTokenizer == nil:
		return errors.New("model.vocab or pre_tokenizer is missing")
	}
	return nil
}

// tokens are the texts and types of n tokens. Those that the vocabulary lacks are filled up: the
// embedding has rows for them.
func (v *vocabulary) tokens(n int64) (texts []string, types []int32, err error) {
	if n > maxTokens {
		return nil, nil, fmt.Errorf("vocab_size = %d, allowed: %d", n, maxTokens)
	}
	texts, types = make([]string, n), make([]int32, n)
	put := func(id int64, text string, typ int32) error {
		switch {
		case id < 0 || id >= n:
			return fmt.Errorf("token %.40q has id %d, and the model has %d tokens", text, id, n)
		case types[id] != 0 && texts[id] != text:
			return fmt.Errorf("id %d is of two tokens, %.40q and %.40q", id, texts[id], text)
		}
		texts[id], types[id] = text, typ
		return nil
	}
	for text, id := range v.Model.Vocab {
		if err := put(id, text, typeNormal); err != nil {
			return nil, nil, err
		}
	}
	for _, a := range v.Added {
		if a.Word || a.Left || a.Right {
			return nil, nil, fmt.Errorf("token %.40q has single_word, lstrip or rstrip, which is not supported", a.Text)
		}
		typ := int32(typeOwn)
		if a.Special {
			typ = typeControl
		}
		if err := put(a.ID, a.Text, typ); err != nil {
			return nil, nil, err
		}
	}
	for i := range texts {
		if types[i] == 0 {
			texts[i], types[i] = fmt.Sprintf("[PAD%d]", i), typeUnused
		}
	}
	return texts, types, nil
}

// merges are those of the vocabulary, "left right" each, as older files have them.
func (v *vocabulary) merges() ([]string, error) {
	all := make([]string, len(v.Model.Merges))
	for i, text := range v.Model.Merges {
		var pair []string
		var one string
		switch {
		case json.Unmarshal(text, &one) == nil:
			all[i] = one
		case json.Unmarshal(text, &pair) == nil && len(pair) == 2 && !strings.Contains(pair[0]+pair[1], " "):
			all[i] = pair[0] + " " + pair[1]
		default:
			return nil, fmt.Errorf("merge %d is %.80s, want two pieces", i, text)
		}
	}
	return all, nil
}

// readSpecials adds the special tokens and the chat template to m. first is the token that
// tokenizer.json puts before a text.
func readSpecials(dir string, c *config, m *metadata, tokens []string, first string) error {
	o, err := readObject(dir, "tokenizer_config.json", true)
	if err != nil {
		return err
	}
	g, err := readObject(dir, "generation_config.json", true)
	if err != nil {
		return err
	}
	ids := map[string]int64{}
	for _, name := range []string{"bos", "eos", "unk", "pad"} {
		id := int64(-1)
		if text := tokenText(o, name+"_token"); text != "" {
			if id = int64(slices.Index(tokens, text)); id < 0 {
				return fmt.Errorf("%s: %s_token %.40q is not in tokenizer.json", o.name, name, text)
			}
		} else if all := append(c.ids(name+"_token_id"), g.ids(name+"_token_id")...); len(all) > 0 {
			id = all[0]
		}
		if id >= int64(len(tokens)) {
			return fmt.Errorf("%s_token_id %d: the model has %d tokens", name, id, len(tokens))
		}
		if ids[name] = id; id >= 0 {
			key := map[string]string{"unk": "unknown", "pad": "padding"}[name]
			if key == "" {
				key = name
			}
			m.set("tokenizer.ggml."+key+"_token_id", uint32(id))
		}
	}
	if first != "" && (ids["bos"] < 0 || tokens[ids["bos"]] != first) {
		return fmt.Errorf("tokenizer.json puts %.40q before a text, which is not the bos_token", first)
	}
	m.set("tokenizer.ggml.add_bos_token", read(o, "add_bos_token", first != ""))
	if err := ends(g, m, len(tokens)); err != nil {
		return err
	}
	template, err := chatTemplate(dir, o)
	if err == nil && template != "" {
		m.set("tokenizer.chat_template", template)
	}
	return errors.Join(err, o.err, g.err, c.err)
}

// ends names the tokens that end a text by generation_config.json and that are no ends by
// themselves: GGUF has keys for two of them, end of a turn and of a message.
func ends(g *object, m *metadata, n int) error {
	keys := []string{"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}
	for _, id := range g.ids("eos_token_id") {
		t, err := tokenizer.New(m)
		switch {
		case err != nil:
			return err
		case id < 0 || id >= int64(n):
			return fmt.Errorf("%s: eos_token_id %d: the model has %d tokens", g.name, id, n)
		case t.IsEOG(int32(id)):
			continue
		case len(keys) == 0:
			return fmt.Errorf("%s: eos_token_id %d is one more than GGUF files have keys for", g.name, id)
		}
		m.set(keys[0], uint32(id))
		keys = keys[1:]
	}
	return nil
}

// ids reads a number or a list of them.
func (o *object) ids(key string) []int64 {
	if o.has(key) && o.keys[key].Kind() == '[' {
		return read(o, key, []int64(nil))
	}
	if o.has(key) {
		return []int64{read(o, key, int64(-1))}
	}
	return nil
}

// tokenText reads a token, which is a text or an object with one.
func tokenText(o *object, key string) string {
	if o.has(key) && o.keys[key].Kind() == '{' {
		return read(o.inner(key), "content", "")
	}
	return read(o, key, "")
}

// chatTemplate is the one of its own file, or of tokenizer_config.json: a text, or the one named
// default of a list.
func chatTemplate(dir string, o *object) (string, error) {
	const key = "chat_template"
	text, err := safetensors.ReadText(filepath.Join(dir, key+".jinja"), maxConfig)
	if !errors.Is(err, os.ErrNotExist) {
		return string(text), err
	}
	if o.has(key) && o.keys[key].Kind() == '[' {
		type named struct {
			Name string `json:"name"`
			Text string `json:"template"`
		}
		for _, t := range read(o, key, []named(nil)) {
			if t.Name == "default" {
				return t.Text, nil
			}
		}
		return "", nil
	}
	return read(o, key, ""), nil
}
