package tokenizer

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// role is a special token that generation or prompts need, with the key that names its id and the
// texts it is known by where a file does not say. The lists are llama.cpp's (src/llama-vocab.cpp);
// where several of the texts exist the first is taken, while llama.cpp takes whichever its hash
// table yields.
type role struct {
	key   string
	texts []string
}

var (
	roleBOS = role{key: "bos"}
	roleEOS = role{key: "eos"}
	roleUNK = role{key: "unknown"}
	roleEOT = role{"eot", []string{"<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>",
		"<|end_of_text|>", "<EOT>", "_<EOT>", "[EOT]", "<｜end▁of▁sentence｜>", "<end_of_utterance>"}}
	roleEOM = role{"eom", []string{"<|eom_id|>"}}

	// Code models fill in the middle; what follows these is another hole, repository or file, so
	// they end a text.
	rolePad  = role{"fim_pad", []string{"<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"}}
	roleRepo = role{"fim_rep", []string{"<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>"}}
	roleFile = role{"fim_sep", []string{"<|file_sep|>"}}

	// These matter only as control tokens, which text must not produce unless special tokens are
	// parsed.
	rolePrefix = role{"fim_pre", []string{"<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<｜fim▁begin｜>", "<PRE>",
		"▁<PRE>", "<|code_prefix|>", "<|prefix|>"}}
	roleSuffix = role{"fim_suf", []string{"<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>", "<｜fim▁hole｜>", "<SUF>",
		"▁<SUF>", "<|code_suffix|>", "<|suffix|>"}}
	roleMiddle = role{"fim_mid", []string{"<|fim_middle|>", "<fim-middle>", "<fim_middle>", "<｜fim▁end｜>", "<MID>",
		"▁<MID>", "<|code_middle|>", "<|middle|>"}}
)

// endTexts are the texts of tokens that end generation in whatever vocabulary they appear.
var endTexts = []string{"<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>",
	"<end_of_turn>", "<|endoftext|>", "</s>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "<|end_of_text|>",
	"<end_of_utterance>", "<eos>", "<turn|>", "<|tool_response>", "<｜end▁of▁sentence｜>"}

// shownTexts are control tokens of gpt-oss that structure its answers and are always shown.
var shownTexts = []string{"<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"}

// resolve returns the id of r: the file's, else that of the first text the vocabulary has, else
// def.
func (v *vocab) resolve(m Metadata, r role, def int32, rules Rules) (int32, error) {
	key := "tokenizer.ggml." + r.key + "_token_id"
	u, found, err := m.U32(key)
	switch {
	case err != nil:
		return None, fmt.Errorf("tokenizer: %w", err)
	case found && u == math.MaxUint32: // -1, which some converters write for "there is none"
		return None, nil
	case found && uint64(u) >= uint64(len(v.text)):
		return None, fmt.Errorf("tokenizer: %s = %d, the vocabulary has %d tokens", key, u, len(v.text))
	case found:
		if rules == Own && v.attr[u] == attrNormal && isMarker(v.text[u]) {
			v.attr[u] |= attrControl
		}
		return int32(u), nil
	}
	for _, s := range r.texts {
		if id, ok := v.id[s]; ok && v.looksControl(id, rules) {
			v.control(id, rules)
			return id, nil
		}
	}
	if int(def) >= len(v.text) {
		def = None
	}
	return def, nil
}

// readSpecials fills the special ids of t and the set of tokens that end generation. bos, eos and
// unk are the ids that a vocabulary of this kind has when the file is silent.
func (t *Tokenizer) readSpecials(m Metadata, bos, eos, unk int32) error {
	v := t.v
	var pad, repo, file, ignored int32
	for _, s := range []struct {
		role
		id  *int32
		def int32
	}{
		{roleBOS, &t.BOS, bos}, {roleEOS, &t.EOS, eos}, {roleUNK, &t.UNK, unk}, {roleEOT, &t.EOT, None},
		{roleEOM, &t.EOM, None}, {rolePad, &pad, None}, {roleRepo, &repo, None}, {roleFile, &file, None},
		{rolePrefix, &ignored, None}, {roleSuffix, &ignored, None}, {roleMiddle, &ignored, None},
	} {
		var err error
		if *s.id, err = v.resolve(m, s.role, s.def, t.Rules); err != nil {
			return err
		}
	}
	ends := map[int32]bool{}
	for _, s := range endTexts {
		if id, ok := v.id[s]; ok && v.looksControl(id, t.Rules) {
			v.control(id, t.Rules)
			ends[id] = true
		}
	}
	for _, s := range shownTexts {
		if id, ok := v.id[s]; ok {
			v.show(id, t.Rules)
		}
	}
	for _, id := range []int32{t.EOS, t.EOT, t.EOM, pad, repo, file} {
		if id != None {
			ends[id] = true
		}
	}
	t.exempt(ends)
	for id := range ends {
		t.ends = append(t.ends, id)
	}
	slices.Sort(t.ends)
	return nil
}

// exempt removes tokens from the ends that look like one and, in their family, are not: "<|end|>"
// closes a message of gpt-oss and solar-open, not the answer, and "</s>" is HTML to gemma4.
func (t *Tokenizer) exempt(ends map[int32]bool) {
	has := func(s string) bool {
		id, ok := t.v.id[s]
		return ok && ends[id]
	}
	call := has("<|call|>") || has("<|calls|>")
	if call && (has("<|return|>") || has("<|flush|>")) && has("<|end|>") {
		id := t.v.id["<|end|>"]
		delete(ends, id)
		t.v.show(id, t.Rules)
	}
	if has("<|tool_response>") && has("</s>") {
		id := t.v.id["</s>"]
		delete(ends, id)
		t.v.attr[id] = attrNormal
	}
}

// looksControl reports whether a token with the text of a well-known control token is one. The
// file's type decides: text that only looks like a marker, such as "</s>" in HTML, stays text.
// Where the file marks no token as control its types say nothing, and to llama.cpp they never do.
func (v *vocab) looksControl(id int32, r Rules) bool {
	if r == LlamaCpp || !v.typed {
		return true
	}
	if v.attr[id] == attrUserDefined {
		return !isTag(v.text[id])
	}
	return v.attr[id] != attrNormal
}

// control makes a token that looksControl one, where the file's types do not say what it is.
func (v *vocab) control(id int32, r Rules) {
	if r == LlamaCpp || !v.typed {
		v.attr[id] |= attrControl
	}
}

// isMarker reports whether text has the brackets of a marker, as "<|im_end|>" and "[EOS]". A token
// that the file names as special is control then, whatever its type; a line end that ends answers
// stays text.
func isMarker(text string) bool {
	n := len(text) - 1
	return n > 1 && (text[0] == '<' && text[n] == '>' || text[0] == '[' && text[n] == ']')
}

// isTag reports whether text is an HTML tag, "<s>" or "</s>", which vocabularies hold for text of
// the web.
func isTag(text string) bool { return text == "<s>" || text == "</s>" }

// show makes a control token one that decoding never leaves out. llama.cpp also finds it in text
// that a stranger wrote.
func (v *vocab) show(id int32, r Rules) {
	if r == LlamaCpp {
		v.attr[id] = attrUserDefined
		return
	}
	v.attr[id] |= attrShown
}

// stripSpaces sets the white space rules of Phi-3, which GGUF cannot express: its markers swallow
// the white space after them. llama.cpp recognises the family by the model's name.
func (v *vocab) stripSpaces(m Metadata) error {
	name, err := optional(m.Str, keyModelName, "")
	if err != nil {
		return err
	}
	name = strings.ToLower(name)
	if !strings.Contains(name, "phi-3") && !strings.Contains(name, "phi3") {
		return nil
	}
	for i, a := range v.attr {
		if a&(attrHidden|attrUserDefined) != 0 {
			v.attr[i] |= attrRightStrip
		}
	}
	if id, ok := v.id["</s>"]; ok {
		v.attr[id] |= attrRightStrip
	}
	for _, s := range []string{"<unk>", "<s>", "<|endoftext|>"} {
		if id, ok := v.id[s]; ok {
			v.attr[id] &^= attrRightStrip
		}
	}
	return nil
}
