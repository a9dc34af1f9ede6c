package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Sum is a checksum of a value as JSON, whatever the spaces of the text it came from: 32
// hexadecimal digits. A file that holds its own checksum is summed with that field empty.
func Sum(v any) (string, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	// Bytes that are not UTF-8 are written as this escape and come back as the character.
	return SumOf(bytes.ReplaceAll(text, []byte(`\ufffd`), []byte("\ufffd"))), nil
}

// SumOf is the checksum of pieces, in order.
func SumOf(pieces ...[]byte) string {
	h := sha256.New()
	for _, p := range pieces {
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
