package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/kvgen/kvgen/cmd/internal/plain"
	"github.com/kvgen/kvgen/cmd/internal/version"
	"github.com/kvgen/kvgen/runtime/hub"
)

// A pulledModel is what kvrun pull says of a model.
type pulledModel struct {
	Name   string       `json:"name"`
	Path   string       `json:"path"` // of the file to open
	Bytes  int64        `json:"bytes"`
	Commit string       `json:"commit,omitempty"`
	Files  []pulledFile `json:"files"`
	Notes  []string     `json:"notes,omitempty"`
}

type pulledFile struct {
	Path   string `json:"path"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256,omitempty"`
	Cache  string `json:"cache,omitempty"` // of another tool, where it is of one
}

// pullCommand brings models and prints where they are.
func pullCommand(e *environment, args []string) error {
	var h hubFlags
	var json bool
	fs := newFlags("pull")
	fs.StringVar(&h.file, "hf-file", "", "`name` of a file of the repository, instead of a quant")
	h.addAccess(fs)
	fs.BoolVar(&json, "json", false, "print the result as JSON")
	if err := e.parse(fs, "NAME... [flags]", args); err != nil {
		return err
	}
	if fs.NArg() == 0 {
		return errors.New("which model? owner/name[:quant] of Hugging Face, a name of ollama's library, or the address of a GGUF file")
	}
	if h.file != "" && fs.NArg() > 1 {
		return fmt.Errorf("--hf-file is a file of one repository, and %d are given", fs.NArg())
	}
	c, err := h.client(e)
	if err != nil {
		return err
	}
	var names []hub.Name
	for _, arg := range fs.Args() {
		n, err := hub.Parse(arg)
		if err != nil {
			return err
		}
		if h.file != "" {
			if n.Source != hub.HuggingFace {
				return fmt.Errorf("--hf-file is a file of a repository, which %s is not", n)
			}
			n.File = h.file
		}
		names = append(names, n)
	}
	var all []pulledModel
	for _, n := range names {
		p, err := h.bring(e, c, n)
		if err != nil {
			return errors.Join(printPulled(e, all, json), err)
		}
		m := pulledModel{Name: n.String(), Path: p.Files[0].Path, Bytes: p.Bytes(), Commit: p.Commit, Notes: p.Notes}
		for _, f := range p.Files {
			m.Files = append(m.Files, pulledFile{f.Path, f.Size, f.SHA256, f.Source})
		}
		all = append(all, m)
	}
	return printPulled(e, all, json)
}

// printPulled prints the paths, one a line, for other programs: kvrun run $(kvrun pull NAME).
func printPulled(e *environment, all []pulledModel, asJSON bool) error {
	if asJSON {
		return printJSON(e.stdout, all)
	}
	for _, m := range all {
		if _, err := fmt.Fprintln(e.stdout, plain.Text(m.Path)); err != nil {
			return err
		}
	}
	return nil
}

// hubFlags name a published model that is downloaded, under llama.cpp's names.
type hubFlags struct {
	repo, file, address, token string
	offline                    bool
}

func (h *hubFlags) add(fs *pflag.FlagSet) {
	fs.StringVar(&h.repo, "hf-repo", "", "`owner/name[:quant]` of Hugging Face instead of a path: brought where it is not there, as by kvrun pull (quant: Q4_K_M, else Q8_0, else the first)")
	fs.StringVar(&h.file, "hf-file", "", "`name` of a file of that repository, instead of a quant")
	fs.StringVar(&h.address, "model-url", "", "`address` of a GGUF file instead of a path")
	h.addAccess(fs)
}

// addAccess defines the flags that say how models are asked for.
func (h *hubFlags) addAccess(fs *pflag.FlagSet) {
	fs.StringVar(&h.token, "hf-token", "", "`token` for Hugging Face (default: HF_TOKEN, or the file that its own programs keep)")
	fs.BoolVar(&h.offline, "offline", false, "ask no server: models by name are those on the disk")
}

// name is the model that the flags name. path is the word or the value of -m that is given beside
// them. ok is false where they name none and path is a file.
func (h *hubFlags) name(path string) (n hub.Name, ok bool, err error) {
	given, flag := "", ""
	for _, f := range []struct{ flag, value string }{{"--hf-repo", h.repo}, {"--model-url", h.address}} {
		switch {
		case f.value == "":
		case given != "":
			return n, false, fmt.Errorf("the model is given twice: %s and %s", flag, f.flag)
		case path != "":
			return n, false, fmt.Errorf("the model is given twice: %s and %.200s", f.flag, path)
		default:
			given, flag = f.value, f.flag
		}
	}
	switch {
	case h.file != "" && h.repo == "":
		return n, false, errors.New("--hf-file is a file of the repository that --hf-repo names, and there is none")
	case given != "":
		n, err = hub.Parse(given)
	case published(path):
		n, err = hub.Parse(path)
	default:
		return n, false, nil
	}
	if err == nil && flag == "--hf-repo" && n.Source != hub.HuggingFace {
		err = fmt.Errorf("--hf-repo %.200s: want owner/name[:quant]", given)
	}
	if err == nil && h.file != "" {
		n.File = h.file
	}
	return n, true, err
}

// published says whether a word in the place of a path is the name of a published model, and no
// path.
func published(word string) bool {
	for _, p := range []string{"hf:", "hf.co/", "huggingface.co/", "ollama:", "ollama.com/", "https://", "http://"} {
		if strings.HasPrefix(word, p) {
			_, err := os.Stat(word)
			return err != nil
		}
	}
	return false
}

// path is where the model is: the given path, or that of a published model, which is downloaded.
func (h *hubFlags) path(e *environment, path string) (string, error) {
	n, ok, err := h.name(path)
	if err != nil || !ok {
		return path, err
	}
	c, err := h.client(e)
	if err != nil {
		return "", err
	}
	p, err := h.bring(e, c, n)
	if err != nil {
		return "", err
	}
	return p.Files[0].Path, nil
}

// client asks servers as the environment and the flags want it, and tells the user what goes on.
func (h *hubFlags) client(e *environment) (*hub.Client, error) {
	c, err := hub.New(func(name string) string {
		v, _ := e.lookup(name)
		return v
	})
	if err != nil {
		return nil, err
	}
	if h.token != "" {
		c.Token = h.token
	}
	c.Offline = c.Offline || h.offline
	c.Prefer = []string{"Q4_K_M", "Q8_0"} // llama.cpp's order
	if version.Release != "" {
		c.Agent += "/" + version.Release
	}
	c.Say = func(line string) { fmt.Fprintln(e.stderr, plain.Text(line)) }
	return c, nil
}

// bring gives the path of a published model, with a bar while it comes.
func (h *hubFlags) bring(e *environment, c *hub.Client, n hub.Name) (*hub.Plan, error) {
	p, err := c.Resolve(e.ctx, n)
	if err != nil {
		return nil, err
	}
	for _, note := range p.Notes {
		fmt.Fprintln(e.stderr, "note:", plain.Text(note))
	}
	missing := p.Missing()
	for _, f := range p.Files {
		if f.Source != "" {
			fmt.Fprintf(e.stderr, "%s is there: %s\n", n, plain.Text(f.String()))
		} else if !f.Have {
			fmt.Fprintf(e.stderr, "%s: %s comes to %s\n", n, size(f.Size), plain.Text(f.Path))
		}
	}
	if missing > 0 || !complete(p) {
		c.Moved = e.downloadBar(c)
		_, err = c.Fetch(e.ctx, p)
		c.Moved(-1, -1)
	}
	return p, err
}

// complete says whether all files of a plan are there.
func complete(p *hub.Plan) bool {
	for _, f := range p.Files {
		if !f.Have {
			return false
		}
	}
	return true
}

func size(n int64) string {
	if n < 0 {
		return "a file whose length is not announced"
	}
	return hub.Bytes(n)
}

// downloadBar shows how far a download is: a bar on a terminal, elsewhere a line every half a
// minute. What the client says stands above it. A call with -1 ends it.
func (e *environment) downloadBar(c *hub.Client) func(done, total int64) {
	f, ok := plain.File(e.stderr)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		began, told, first := time.Now(), time.Now(), int64(-1)
		return func(done, total int64) {
			if first < 0 {
				first = done
			}
			if done >= 0 && time.Since(told) > 30*time.Second {
				told = time.Now()
				rate := float64(done-first) / time.Since(began).Seconds()
				fmt.Fprintf(e.stderr, "%s of %s, %s a second, %v left\n", hub.Bytes(done), hub.Bytes(total), hub.Bytes(int64(rate)), time.Duration(float64(total-done)/max(rate, 1)*float64(time.Second)).Round(time.Second))
			}
		}
	}
	bar := progressbar.NewOptions64(-1, progressbar.OptionSetWriter(f), progressbar.OptionShowBytes(true), progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish(), progressbar.OptionSetDescription("download"))
	say := c.Say
	c.Say = func(line string) { bar.Clear(); say(line) }
	return func(done, total int64) {
		if done < 0 {
			bar.Finish()
			c.Say = say
			return
		}
		if bar.GetMax64() != total {
			bar.ChangeMax64(total)
		}
		bar.Set64(done)
	}
}
