package server

import (
	"fmt"
	"net/http"
	"time"

	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/serve"
	"github.com/kvgen/kvgen/runtime/serve/host"
	"github.com/kvgen/kvgen/runtime/serve/wire"
)

// cost is what the cache of a model costs, on the wire.
type cost struct {
	Model     string           `json:"model"`
	Plan      string           `json:"cache_plan"`
	Bytes     int              `json:"bytes_per_token"`
	Exact     int              `json:"bytes_per_token_f16"`
	Share     float64          `json:"share_of_f16"`
	Bits      float64          `json:"bits_per_value"`
	Positions int              `json:"n_ctx"`    // of a text
	Cells     int              `json:"n_cells"`  // of all texts
	InUse     int              `json:"n_in_use"` // of them
	Measured  *string          `json:"measured"` // the error of the plan, and who measured it
	Shadow    *drift           `json:"shadow"`   // null where no text is replayed
	Layers    []kv.LayerRecord `json:"layers"`
}

// drift is what shadow mode has found, on the wire: of all tokens, and of the last texts.
type drift struct {
	Texts   uint64  `json:"texts"`
	Pending int     `json:"pending"`
	Skipped uint64  `json:"skipped"`
	Tokens  uint64  `json:"tokens"`
	Mean    float64 `json:"kld_mean"` // of a token, nats
	Max     float64 `json:"kld_max"`
	SameTop float64 `json:"same_top"` // share of the tokens
	Last    []text  `json:"last"`     // the oldest first
}

// text is the drift of one.
type text struct {
	At      time.Time `json:"at"` // when it was replayed
	Tokens  int       `json:"tokens"`
	Mean    float64   `json:"kld_mean"`
	Max     float64   `json:"kld_max"`
	SameTop float64   `json:"same_top"`
}

// shadow is d on the wire, nil where shadow mode is off.
func shadow(d serve.Drift) *drift {
	if d.Buckets == nil {
		return nil
	}
	tokens := float64(max(1, d.Tokens))
	out := &drift{Texts: d.Texts, Pending: d.Pending, Skipped: d.Skipped, Tokens: d.Tokens, Mean: d.KLD / tokens, Max: d.KLDMax, SameTop: float64(d.SameTop) / tokens, Last: []text{}}
	for _, t := range d.Last {
		out.Last = append(out.Last, text{t.At, t.Tokens, t.Mean, t.Max, float64(t.SameTop) / float64(max(1, t.Tokens))})
	}
	return out
}

// costs answers GET /v1/kv.
func costs(h *host.Host) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s := h.Scheduler.Stats()
		c := cost{Model: h.Name, Plan: h.PlanID(), Bytes: h.Plan.BytesPerToken, Bits: h.Plan.BitsPerValue, Positions: h.Size, Cells: s.Cells, InUse: s.CellsInUse, Shadow: shadow(h.Scheduler.Drift()), Layers: h.Plan.Layers}
		for _, l := range h.Plan.Layers {
			c.Exact += 2 * l.Heads * (l.KeyDim + l.ValueDim)
		}
		if c.Exact > 0 {
			c.Share = float64(c.Bytes) / float64(c.Exact)
		}
		switch {
		case h.Measured != "":
			c.Measured = &h.Measured
		case c.Shadow != nil && c.Shadow.Tokens > 0:
			says := fmt.Sprintf("mean KLD %.3g nats of %d tokens in %d texts, by the shadow mode of this server", c.Shadow.Mean, c.Shadow.Tokens, c.Shadow.Texts)
			c.Measured = &says
		}
		wire.JSON(w, http.StatusOK, struct {
			Object string `json:"object"`
			Data   []cost `json:"data"`
		}{"list", []cost{c}})
	}
}
