package lab

import (
	"strings"
	"testing"
)

// journalText is a whole journal of one position.
var journalText = sealed(`{"kvrun_sweep":2,"header":{"program":"p","model":{"path":"m","hash":"1"},"reference":"f16","math":"exact","isa":"avx2","n_threads":2,"n_batch":0}}
{"setting":{"corpus":{"path":"t","bytes":9,"sha256":"2","n_tokens":9},"n_ctx":4,"path":"prefill"}}
{"cell":{"name":"q8_0","plan":{"bytes_per_token":1,"bits_per_value":8.5,"layers":[]}}}
{"chunk":{"setting":0,"cell":-1,"chunk":0,"nll":"AACAPw=="}}
{"chunk":{"setting":0,"cell":0,"chunk":0,"bits_per_value":8.5,"bytes_per_token":1,"nll":"AACAPw==","kld":"AACAPw==","same_top":"AQ=="}}
{"end":{"lines":5}}
`)

// sealed gives every line its checksum.
func sealed(text string) string {
	var e end
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.Write(e.seal([]byte(strings.TrimSuffix(line, "}\n"))))
	}
	return b.String()
}

// FuzzRead summarises whatever is accepted.
func FuzzRead(f *testing.F) {
	f.Add(journalText)
	f.Add(journalText[:len(journalText)-9])
	f.Add(journalText[:40])
	plain := journalPlain()
	f.Add(plain)
	f.Add(strings.Replace(plain, `"cell":-1`, `"cell":0`, 1))
	f.Add(strings.Replace(plain, `"AACAPw==","kld"`, `"AADAfw==","kld"`, 1)) // a NaN
	f.Fuzz(func(t *testing.T, text string) {
		j, err := read("j", strings.NewReader(text))
		if err != nil { // with checksums, so that what is behind them is tried, too
			if j, err = read("j", strings.NewReader(sealed(text))); err != nil {
				return
			}
			text = sealed(text)
		}
		if j.at.bytes < 0 || j.at.bytes > int64(len(text)) {
			t.Errorf("%d whole bytes of %d", j.at.bytes, len(text))
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

// journalPlain is journalText without checksums.
func journalPlain() string {
	var b strings.Builder
	for line := range strings.Lines(journalText) {
		b.WriteString(line[:strings.LastIndex(line, sumKey)] + "}\n")
	}
	return b.String()
}

// TestReadText reads the one by hand.
func TestReadText(t *testing.T) {
	j, err := read("j", strings.NewReader(journalText))
	if err != nil || j.at.bytes != int64(len(journalText)) || j.finished == nil || j.notes != nil {
		t.Fatal(j, err)
	}
	r := j.Result()
	if len(r.Tables) != 1 || len(r.Tables[0].Cells) != 1 || r.Tables[0].NLL != 1 || r.Model.Hash != "1" {
		t.Fatalf("%+v", r)
	}
	if c := r.Tables[0].Cells[0]; c.KLD.Mean != 1 || c.SameTop.Mean != 1 || c.NLL != 1 || c.DeltaPRMS != 0 || c.Name != "q8_0" || c.BitsPerValue != 8.5 {
		t.Errorf("%+v", c)
	}
}

// TestReadRefuses reads lines that have their checksums and cannot be.
func TestReadRefuses(t *testing.T) {
	plain := journalPlain()
	lines := strings.SplitAfter(plain, "\n")
	without := func(k int) string { return strings.Join(lines[:k], "") + strings.Join(lines[k+1:], "") }
	for name, c := range map[string]struct{ text, says string }{
		"a NaN":           {strings.Replace(plain, `"AACAPw==","kld"`, `"AADAfw==","kld"`, 1), "line 5: nll of position 0 of chunk 0 of cell 0 is NaN"},
		"an infinity":     {strings.Replace(plain, `"kld":"AACAPw=="`, `"kld":"AACAfw=="`, 1), "line 5: kld of position 0 of chunk 0 of cell 0 is +Inf"},
		"no reference":    {without(3), "line 4: chunk 0 of cell 0 has no reference"},
		"another end":     {strings.Replace(plain, `"lines":5`, `"lines":4`, 1), "line 6: neither"},
		"after the end":   {plain + lines[3], "line 7: it follows"},
		"a key twice":     {strings.Replace(plain, `"chunk":0,`, `"chunk":0,"chunk":0,`, 1), "there twice"},
		"null":            {strings.Replace(plain, `"n_ctx":4`, `"n_ctx":null`, 1), "null"},
		"of the future":   {strings.Replace(plain, `"kvrun_sweep":2`, `"kvrun_sweep":3`, 1), "form 3"},
		"of the past":     {strings.Replace(plain, `"kvrun_sweep":2`, `"kvrun_sweep":1`, 1), "form 1, whose lines have no checksums"},
		"no such setting": {strings.Replace(plain, `{"setting":0,"cell":-1`, `{"setting":9,"cell":-1`, 1), "setting 9: there are 1"},
		"short of bytes":  {strings.Replace(plain, `"nll":"AACAPw=="`, `"nll":""`, 1), "of 1 positions have 0, 0 and 0 bytes: want 4"},
	} {
		if _, err := read("j", strings.NewReader(sealed(c.text))); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
	// Whole lines that are left out at the end leave no journal that says it is finished.
	for k := 1; k < 6; k++ {
		j, err := read("j", strings.NewReader(strings.Join(strings.SplitAfter(journalText, "\n")[:k], "")))
		if err != nil || j.finished != nil {
			t.Errorf("%d lines: %v", k, err)
		}
	}
}
