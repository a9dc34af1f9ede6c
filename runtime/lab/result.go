package lab

import (
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
)

// Result is what a sweep found.
type Result struct {
	Header
	Tables []Table  `json:"tables"`
	Notes  []string `json:"notes,omitempty"` // of a journal that was read
}

// Header is what all tables of a result have in common.
type Header struct {
	Program   string `json:"program"` // version of the program
	Model     Model  `json:"model"`
	Reference string `json:"reference"` // type of the cache that all are compared with, f16 or f32
	Math      string `json:"math"`      // exact or fast
	ISA       string `json:"isa"`
	Threads   int    `json:"n_threads"`
	Batch     int    `json:"n_batch"`

	// positions that bits and bytes are counted at; 0: the context that was measured
	BudgetContext int `json:"budget_ctx,omitempty"`
	// of the model, so that warnings can be given again
	Traits *Traits `json:"traits,omitempty"`
}

// Model identifies a model.
type Model struct {
	Path       string `json:"path"`
	Name       string `json:"name,omitempty"` // as the file calls it
	Hash       string `json:"hash"`           // of its Identity
	Arch       string `json:"arch"`
	Type       string `json:"type"` // of most of its bytes
	Size       int64  `json:"size"` // bytes of the tensors
	Parameters int64  `json:"n_params"`

	Identity *model.Identity `json:"identity,omitempty"`
}

// Corpus identifies a text.
type Corpus struct {
	Path   string `json:"path"`
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
	Tokens int    `json:"n_tokens"`
	IDs    string `json:"tokens_sum"` // checksum of them, which other rules of the tokenizer change
}

// Setting is where cells are compared.
type Setting struct {
	Corpus  Corpus `json:"corpus"`
	Context int    `json:"n_ctx"` // tokens of a chunk
	Path    string `json:"path"`  // prefill or decode
}

// The paths.
const (
	Prefill = "prefill" // batches of tokens
	Decode  = "decode"  // token by token
)

// Table is all cells in one setting.
type Table struct {
	Setting
	Chunks      int          `json:"n_chunks"` // of the reference
	Scored      int          `json:"n_scored"` // positions of a chunk
	NLL         float64      `json:"nll"`      // of the reference, nats per scored token
	PPL         float64      `json:"ppl"`      // of the reference
	PPLError    float64      `json:"ppl_stderr"`
	Cells       []CellResult `json:"cells"` // in the order they were asked for
	Comparisons []Comparison `json:"comparisons"`
}

// Swap says that a cell is the reference but for one side of one layer.
type Swap struct {
	Layer int    `json:"layer"` // of the model
	Side  string `json:"side"`  // K or V
	Type  string `json:"type"`
}

// CellResult is one cell in one setting.
type CellResult struct {
	Name string    `json:"name"`
	Swap *Swap     `json:"swap,omitempty"`
	Plan kv.Record `json:"plan"`
	// at BudgetContext, or the table's context, everything counted
	BitsPerValue  float64 `json:"bits_per_value"`
	BytesPerToken float64 `json:"bytes_per_token"` // the same
	Stats
	Chunk       []int     `json:"chunk"`        // numbers of the chunks that are finished, rising
	PerChunk    []float64 `json:"per_chunk"`    // mean KLD of each
	ByPosition  []Bucket  `json:"by_position"`  // of the chunk, rising
	PPLMisleads bool      `json:"ppl_misleads"` // PPL puts it before a cell that beats it
}

// Stats is the statistics of a cell over all scored positions.
type Stats struct {
	Scored int      `json:"n_scored"`
	KLD    Estimate `json:"kld"` // mean, nats per scored token
	Median float64  `json:"kld_median"`
	P99    float64  `json:"kld_p99"`
	P999   float64  `json:"kld_p999"`
	Max    float64  `json:"kld_max"`
	// share of positions where the reference's most probable token is the cell's
	SameTop    Estimate `json:"same_top"`
	DeltaPMean float64  `json:"delta_p_mean"` // change of the probability of the token that follows
	DeltaPRMS  float64  `json:"delta_p_rms"`
	NLL        float64  `json:"nll"`
	PPL        float64  `json:"ppl"`
	PPLError   float64  `json:"ppl_stderr"`
	LnRatio    Estimate `json:"ln_ppl_ratio"` // ln PPL - ln PPL of the reference
}

// Estimate is a mean with its interval of 95 %, from a bootstrap over chunks. With one chunk there
// is no interval: Low and High are the mean.
type Estimate struct {
	Mean float64 `json:"mean"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Spread reports whether e has an interval: one chunk gives none, nor do chunks that all give the
// same.
func (e Estimate) Spread() bool { return e.Low < e.Mean || e.Mean < e.High }

// Bucket is the mean KLD of the scored positions From..To-1 of a chunk.
type Bucket struct {
	From int      `json:"from"`
	To   int      `json:"to"`
	KLD  Estimate `json:"kld"`
}

// Comparison is two cells on the chunks that both have finished. A is the one with the smaller mean
// KLD there.
type Comparison struct {
	A      string   `json:"a"`
	B      string   `json:"b"`
	Chunks int      `json:"n_chunks"`
	Less   Estimate `json:"less"` // KLD of B - KLD of A, by chunk: at least 0
	// A beats B: the interval of Less excludes 0, over Least chunks at least
	Beats     bool `json:"beats"`
	PPLDenies bool `json:"ppl_disagrees"` // and yet the PPL of A is the higher one
}

// Least is the fewest chunks on which a cell can beat another: with fewer, even the same sign in
// all of them happens by chance more than once in twenty times.
const Least = 6

// Beats reports whether cell a beats cell b.
func (t *Table) Beats(a, b string) bool {
	for _, c := range t.Comparisons {
		if c.A == a && c.B == b {
			return c.Beats
		}
	}
	return false
}
