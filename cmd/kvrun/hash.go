package main

import "encoding/json"

// modelHash is the hash of the identity of a session's model in a result. It is found when the result is written, as all
// weights are read for it: an empty one says that they could not be, or that the program was interrupted.
type modelHash struct {
	of   *session
	text string // of a result that was read
}

func (h modelHash) String() string {
	if h.of == nil {
		return h.text
	}
	id, err := h.of.identity()
	if err != nil {
		return ""
	}
	return id.Hash()
}

func (h modelHash) MarshalJSON() ([]byte, error) { return json.Marshal(h.String()) }

func (h *modelHash) UnmarshalJSON(text []byte) error { return json.Unmarshal(text, &h.text) }
