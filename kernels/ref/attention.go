package ref

import "math"

// Attention is one attention layer over a decoded cache. The zero value of every field but the four
// sizes means the plain case.
type Attention struct {
	Heads    int // query heads; query head h reads KV head h / (Heads/KVHeads)
	KVHeads  int
	KeyDim   int // elements of a query or key row
	ValueDim int // elements of a value row

	Scale   float64   // factor of q.k; 0 means 1/sqrt(KeyDim)
	Softcap float64   // c > 0: a scaled score s becomes c*tanh(s/c)
	Full    bool      // see keys after the query too
	Window  int       // w > 0: a query at p sees no key at or before p-w
	Chunked bool      // w > 0: it sees none before the last multiple of w instead
	Sinks   []float32 // a score per head that takes part in the softmax and has no value

	// Offset, if not nil, is added to q.k before Scale: the score of a key offset that was taken
	// out of the stored keys. Query and key are given as indices.
	Offset func(head, query, key int) float64
}

// Run returns o[queries][Heads][ValueDim] for q[queries][Heads][KeyDim], k[keys][KVHeads][KeyDim]
// and v[keys][KVHeads][ValueDim]. Key t is at position t and query i at position first+i. A query
// that sees no key gives zeros.
func (a Attention) Run(q, k, v []float32, first int) []float64 {
	queries, keys := len(q)/(a.Heads*a.KeyDim), len(k)/(a.KVHeads*a.KeyDim)
	out := make([]float64, queries*a.Heads*a.ValueDim)
	for i := range queries {
		for h := range a.Heads {
			at := i*a.Heads + h
			a.head(out[at*a.ValueDim:][:a.ValueDim], a.Weights(q[at*a.KeyDim:][:a.KeyDim], k, h, i, first+i), v, h, keys)
		}
	}
	return out
}

// Weights returns the softmax weight of every key for one query row of one head: query is its
// index, position its place among the keys. Keys that the query does not see have weight 0.
func (a Attention) Weights(q, k []float32, head, query, position int) []float64 {
	scores := make([]float64, len(k)/(a.KVHeads*a.KeyDim))
	kv := head / (a.Heads / a.KVHeads)
	for t := range scores {
		if !a.sees(position, t) {
			scores[t] = math.Inf(-1)
			continue
		}
		s := Dot(q, k[(t*a.KVHeads+kv)*a.KeyDim:][:a.KeyDim])
		if a.Offset != nil {
			s += a.Offset(head, query, t)
		}
		scores[t] = a.shape(s)
	}
	if a.Sinks != nil {
		Softmax(scores, float64(a.Sinks[head]))
	} else {
		Softmax(scores, math.Inf(-1))
	}
	return scores
}

// head mixes the value rows of one head into o.
func (a Attention) head(o, weights []float64, v []float32, head, keys int) {
	kv := head / (a.Heads / a.KVHeads)
	for t := range keys {
		if weights[t] == 0 {
			continue // a key out of sight may hold anything, NaN included
		}
		row := v[(t*a.KVHeads+kv)*a.ValueDim:][:a.ValueDim]
		for i, x := range row {
			o[i] += float64(weights[t] * float64(x))
		}
	}
}

func (a Attention) sees(position, key int) bool {
	if a.Window > 0 && a.Chunked {
		return (a.Full || key <= position) && key/a.Window >= position/a.Window
	}
	return (a.Full || key <= position) && (a.Window <= 0 || position-key < a.Window)
}

// shape scales a score and then caps it.
func (a Attention) shape(s float64) float64 {
	if a.Scale != 0 {
		s *= a.Scale
	} else {
		s /= math.Sqrt(float64(a.KeyDim))
	}
	if a.Softcap > 0 {
		s = a.Softcap * math.Tanh(s/a.Softcap)
	}
	return s
}

// Softmax replaces scores by exp(s) / (exp(sink) + sum of exp(s)), computed without overflow. A
// sink of -Inf is none. If there is nothing but -Inf, every weight is 0.
func Softmax(scores []float64, sink float64) {
	most := sink
	for _, s := range scores {
		most = math.Max(most, s)
	}
	if math.IsInf(most, -1) {
		clear(scores)
		return
	}
	sum := math.Exp(sink - most)
	for t, s := range scores {
		scores[t] = math.Exp(s - most)
		sum += scores[t]
	}
	for t := range scores {
		scores[t] /= sum
	}
}
