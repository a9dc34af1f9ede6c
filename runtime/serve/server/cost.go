package server

import (
	"net/http"

	"github.com/kvgen/kvgen/runtime/kv"
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
	Layers    []kv.LayerRecord `json:"layers"`
}

// costs answers GET /v1/kv.
func costs(h *host.Host) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s := h.Scheduler.Stats()
		c := cost{Model: h.Name, Plan: h.PlanID(), Bytes: h.Plan.BytesPerToken, Bits: h.Plan.BitsPerValue, Positions: h.Size, Cells: s.Cells, InUse: s.CellsInUse, Layers: h.Plan.Layers}
		for _, l := range h.Plan.Layers {
			c.Exact += 2 * l.Heads * (l.KeyDim + l.ValueDim)
		}
		if c.Exact > 0 {
			c.Share = float64(c.Bytes) / float64(c.Exact)
		}
		if h.Measured != "" {
			c.Measured = &h.Measured
		}
		wire.JSON(w, http.StatusOK, struct {
			Object string `json:"object"`
			Data   []cost `json:"data"`
		}{"list", []cost{c}})
	}
}
