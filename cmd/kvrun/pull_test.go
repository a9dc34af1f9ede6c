package main

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// publish serves a model as Hugging Face's hub does, and makes the environment point there. It
// counts what is sent.
func publish(t *testing.T, file string) (sent *int) {
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sent = new(int)
	const commit = "0123456789abcdef0123456789abcdef01234567"
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/models/o/m/revision/main":
			fmt.Fprintf(w, `{"sha":%q,"siblings":[{"rfilename":"m-Q4_K_M.gguf","lfs":{"sha256":"%x","size":%d}},{"rfilename":"m-BF16.gguf","lfs":{"sha256":"%[2]x","size":%[3]d}}]}`, commit, sha256.Sum256(b), len(b))
		case "/o/m/resolve/" + commit + "/m-Q4_K_M.gguf":
			*sent++
			http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(b)))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(s.Close)
	for name, value := range map[string]string{"HF_ENDPOINT": s.URL, "KVRUN_MODELS": t.TempDir(), "HF_HOME": t.TempDir(), "OLLAMA_MODELS": t.TempDir(), "HF_TOKEN": "", "HF_HUB_OFFLINE": ""} {
		t.Setenv(name, value)
	}
	return sent
}

// TestPull brings a model by its name, once, and runs it by the same name.
func TestPull(t *testing.T) {
	sent := publish(t, arches+"/llama_hd64/model.gguf")
	want := filepath.Join(os.Getenv("KVRUN_MODELS"), "hf", "o", "m", "m-Q4_K_M.gguf")
	code, out, stderr := kvrun("", "pull", "o/m")
	if code != 0 || out != want+"\n" || !strings.Contains(stderr, "Q4_K_M is taken; the repository has BF16, Q4_K_M") {
		t.Fatalf("exit %d, %q, want %q; %s", code, out, want, stderr)
	}
	for _, args := range [][]string{
		{"info", "-hf", "o/m"}, {"info", "hf:o/m:q4_k_m"}, {"info", "--hf-repo", "o/m", "-hff", "m-q4_k_m.gguf"}, {"info", "--offline", "-hf", "o/m"},
		{"bench", "-hf", "o/m", "-p", "4", "-n", "0", "-r", "1"}, {"types", "hf.co/o/m"},
	} {
		if code, out, stderr := kvrun("", args...); code != 0 || *sent != 1 {
			t.Errorf("%q: exit %d, sent %d times: %s%s", args, code, *sent, out, stderr)
		}
	}
	var all []pulledModel
	kvrunJSON(t, &all, "pull", "hf:o/m:Q4_K_M", "--json")
	if len(all) != 1 || all[0].Path != want || len(all[0].Files) != 1 || len(all[0].Files[0].SHA256) != 64 || all[0].Commit == "" {
		t.Errorf("%+v", all)
	}
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"pull"}, "which model?"},
		{[]string{"pull", "o/m:Q2_K"}, "the repository has BF16, Q4_K_M"},
		{[]string{"pull", "o/none"}, "no such repository"},
		{[]string{"pull", "o/../m"}, "no name of a model"},
		{[]string{"pull", "o/m", "llama3", "--hf-file", "x"}, "a file of one repository"},
		{[]string{"info", "-hf", "o/m", "x.gguf"}, "the model is given twice"},
		{[]string{"info", "-hf", "o/m", "-mu", "https://example.org/x.gguf"}, "the model is given twice"},
		{[]string{"info", "-hff", "x.gguf"}, "--hf-repo"},
		{[]string{"info", "-hf", "llama3.2:1b"}, "want owner/name[:quant]"},
		{[]string{"info", "--offline", "-hf", "o/m:Q2_K"}, "is not on the disk"},
		{[]string{"info", "o/m"}, "or a name like hf:o/m"},
		{[]string{"info", "models/m.gguf"}, "a model is the path of a GGUF file\n"},
	} {
		if code, _, stderr := kvrun("", test.args...); code == 0 || !strings.Contains(stderr, test.want) {
			t.Errorf("%q: exit %d, %q, want %q", test.args, code, stderr, test.want)
		}
	}
}
