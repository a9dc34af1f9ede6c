package lab

import (
	"strings"
	"testing"
)

// journalText is a whole journal of one position.
const journalText = `{"kvrun_sweep":1,"header":{"program":"p","model":{"path":"m","hash":"1"},"reference":"f16","math":"exact","isa":"avx2","n_threads":2,"n_batch":0}}
{"setting":{"corpus":{"path":"t","bytes":9,"sha256":"2","n_tokens":9},"n_ctx":4,"path":"prefill"}}
{"cell":{"name":"q8_0","plan":{"bytes_per_token":1,"bits_per_value":8.5,"layers":null}}}
{"chunk":{"setting":0,"cell":-1,"chunk":0,"nll":"AACAPw=="}}
{"chunk":{"setting":0,"cell":0,"chunk":0,"bits_per_value":8.5,"bytes_per_token":1,"nll":"AACAPw==","kld":"AACAPw==","same_top":"AQ=="}}
`

// FuzzRead summarises whatever is accepted.
func FuzzRead(f *testing.F) {
	f.Add(journalText)
	f.Add(journalText[:len(journalText)-9])
	f.Add(journalText[:40])
	f.Add(strings.Replace(journalText, `"cell":-1`, `"cell":0`, 1))
	f.Add(strings.Replace(journalText, `"AACAPw==","kld"`, `"AADAfw==","kld"`, 1)) // a NaN
	f.Fuzz(func(t *testing.T, text string) {
		j, whole, err := read("j", strings.NewReader(text))
		if err != nil {
			return
		}
		if whole < 0 || whole > int64(len(text)) {
			t.Errorf("%d whole bytes of %d", whole, len(text))
		}
		for _, x := range j.Result().Tables {
			for _, c := range x.Cells {
				if c.Scored != len(c.Chunk)*x.Scored {
					t.Errorf("%d positions of %d chunks of %d", c.Scored, len(c.Chunk), x.Scored)
				}
			}
		}
	})
}

// TestReadText reads the one by hand.
func TestReadText(t *testing.T) {
	j, whole, err := read("j", strings.NewReader(journalText))
	if err != nil || whole != int64(len(journalText)) {
		t.Fatal(whole, err)
	}
	r := j.Result()
	if len(r.Tables) != 1 || len(r.Tables[0].Cells) != 1 || r.Tables[0].NLL != 1 || r.Model.Hash != "1" {
		t.Fatalf("%+v", r)
	}
	if c := r.Tables[0].Cells[0]; c.KLD.Mean != 1 || c.SameTop.Mean != 1 || c.NLL != 1 || c.DeltaPRMS != 0 || c.Name != "q8_0" || c.BitsPerValue != 8.5 {
		t.Errorf("%+v", c)
	}
}
