package tokenizer

import (
	"strings"
	"testing"
)

// A quarter of a megabyte of mixed prose, numbers, code and other scripts, and the same of one word
// without a cut, the worst that pre-tokenisers let through.
func BenchmarkEncode(b *testing.B) {
	prose := strings.Repeat("The 3 quick brown foxes don't jump over 12,345 lazy dogs.\n\tif x[i] != nil { return }\n"+
		"Łódź, naïve café — 日本語のテキスト, русский текст.  ", 1<<18/160)
	for _, v := range vocabularies {
		for name, text := range map[string]string{"prose": prose, "one-word": strings.Repeat("abcdefghe", 1<<18/9)} {
			b.Run(v.name+"/"+name, func(b *testing.B) {
				tok := load(b, v.name)
				b.SetBytes(int64(len(text)))
				for b.Loop() {
					tok.Encode(text, false, false)
				}
			})
		}
	}
}

func BenchmarkNew(b *testing.B) {
	for _, v := range vocabularies {
		if v.file != "" {
			continue
		}
		b.Run(v.name, func(b *testing.B) {
			m, err := readGzip(vocabDir + v.name + ".gguf.gz")
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := New(m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
