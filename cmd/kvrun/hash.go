package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"os"

	"github.com/kvgen/kvgen/runtime/gguf"
)

const (
	hashPieces = 64
	hashPiece  = 4096
)

// hashFile is the hash of a model: SHA-256 over its header, its size and 64 evenly spaced pieces of 4 KiB of its data. It
// tells models apart without reading gigabytes; it does not prove that a file is intact.
func hashFile(f *gguf.File, path string) (string, error) {
	r, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer r.Close()
	return hashModel(f, r)
}

func hashBytes(f *gguf.File, data []byte) (string, error) { return hashModel(f, bytes.NewReader(data)) }

func hashModel(f *gguf.File, r io.ReaderAt) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(r, 0, f.DataOffset)); err != nil {
		return "", err
	}
	binary.Write(h, binary.LittleEndian, f.Size)
	step := max(hashPiece, (f.Size-f.DataOffset)/hashPieces)
	for at := f.DataOffset; at < f.Size; at += step {
		if _, err := io.Copy(h, io.NewSectionReader(r, at, hashPiece)); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
