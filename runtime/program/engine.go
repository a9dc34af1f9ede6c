package program

import "github.com/kvgen/kvgen/runtime/kv"

// Engine runs batches through the steps of one stage. It is for one goroutine at a time.
type Engine interface {
	// Rows makes room for the rows of a cache that the stage's layers store. The cache itself keeps
	// those of the processor alone.
	Rows(c *kv.Cache) (StageRows, error)

	// Forward runs a batch. Layers that keep exact rows still have to be given their cells, by
	// kv.Rows.Next.
	Forward(r StageRows, b *Batch) error

	// Hidden copies the vectors that the output matrix multiplies, of tokens lo..hi-1 of the last
	// batch: [hi-lo][Width]. It is for a stage that has the output, and so are Logits and Project.
	Hidden(dst []float32, lo, hi int) error

	// Logits is the logits of tokens lo..hi-1 of the last batch, [hi-lo][Vocab].
	Logits(dst []float32, lo, hi int) error

	// Project is the logits [n][Vocab] of n vectors that Hidden gave.
	Project(dst, hidden []float32, n int) error

	// Close gives the memory back that is not shared with other contexts of the model.
	Close() error
}

// StageRows is what a stage's layers keep of a cache's sequences.
type StageRows interface {
	Pull() error // copies the rows into the cache (kv.Side.Head), for what is done on the processor
	Push() error // and back

	// CopySeq copies what recurrent layers keep of a sequence to another; rows are shared by
	// kv.Cache.CopySeq.
	CopySeq(from, to int) error
	Close() error
}

// Batch is tokens on their way through the stages. The cache has just placed them, the last ones of
// their sequences: those of the first run, then those of the second and so on.
type Batch struct {
	Tokens []int32
	Runs   []kv.Run
	Stop   func() error // asked now and then: an error ends the batch; nil for nobody

	// X is the residual stream between two stages, [len(Tokens)][Width]. A stage that embeds does
	// not read it, and one with the output does not write it.
	X []float32

	// Inputs is the layers' inputs, [len(Tokens)][Layers][Size], which the stage that embeds writes
	// and others read; nil where none of them wants it.
	Inputs []float32
}
