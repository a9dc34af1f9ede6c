package llamacpp

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/kvgen/kvgen/runtime/serve"
	"github.com/kvgen/kvgen/runtime/serve/host"
)

// number is one of the scheduler's on the wire.
type number struct {
	name, help string
	kind       prometheus.ValueType
	value      func(s serve.Stats) float64
}

// numbers are what /metrics tells of the scheduler. Names that begin with llamacpp are
// llama-server's, which dashboards know.
var numbers = []number{
	{"llamacpp:prompt_tokens_total", "Tokens of prompts that were run.", prometheus.CounterValue, func(s serve.Stats) float64 { return float64(s.PromptTokens) }},
	{"llamacpp:prompt_seconds_total", "Time that prompts took.", prometheus.CounterValue, func(s serve.Stats) float64 { return s.PromptTime.Seconds() }},
	{"llamacpp:tokens_predicted_total", "Tokens that were generated.", prometheus.CounterValue, func(s serve.Stats) float64 { return float64(s.GeneratedTokens) }},
	{"llamacpp:tokens_predicted_seconds_total", "Time that generating took.", prometheus.CounterValue, func(s serve.Stats) float64 { return s.GenerateTime.Seconds() }},
	{"llamacpp:n_decode_total", "Batches that were run.", prometheus.CounterValue, func(s serve.Stats) float64 { return float64(s.Steps) }},
	{"llamacpp:requests_processing", "Texts that are running.", prometheus.GaugeValue, func(s serve.Stats) float64 { return float64(s.Running) }},
	{"llamacpp:requests_deferred", "Texts that wait.", prometheus.GaugeValue, func(s serve.Stats) float64 { return float64(s.Waiting) }},
	{"kvrun_prompt_tokens_cached_total", "Tokens of prompts that were cached.", prometheus.CounterValue, func(s serve.Stats) float64 { return float64(s.CachedTokens) }},
	{"kvrun_texts_submitted_total", "Texts that were asked for.", prometheus.CounterValue, func(s serve.Stats) float64 { return float64(s.Submitted) }},
	{"kvrun_texts_refused_total", "Texts that found the queue full.", prometheus.CounterValue, func(s serve.Stats) float64 { return float64(s.Refused) }},
	{"kvrun_texts_finished_total", "Texts that came to their end.", prometheus.CounterValue, func(s serve.Stats) float64 { return float64(s.Finished) }},
	{"kvrun_texts_given_up_total", "Texts that nobody waited for any more.", prometheus.CounterValue, func(s serve.Stats) float64 { return float64(s.GivenUp) }},
	{"kvrun_texts_failed_total", "Texts that ended by an error.", prometheus.CounterValue, func(s serve.Stats) float64 { return float64(s.Failed) }},
	{"kvrun_cache_cells", "Rows that the cache has place for.", prometheus.GaugeValue, func(s serve.Stats) float64 { return float64(s.Cells) }},
	{"kvrun_cache_cells_in_use", "Rows of the cache that are taken; those that texts share count once.", prometheus.GaugeValue, func(s serve.Stats) float64 { return float64(s.CellsInUse) }},
	{"kvrun_cache_prompts_kept", "Prompts that are kept for others that begin alike.", prometheus.GaugeValue, func(s serve.Stats) float64 { return float64(s.Kept) }},
	{"kvrun_cache_prompts_forgotten_total", "Kept prompts that were forgotten to make room.", prometheus.CounterValue, func(s serve.Stats) float64 { return float64(s.Forgotten) }},
	{"kvrun_prompts_saved_total", "Files of prompts that were written.", prometheus.CounterValue, func(s serve.Stats) float64 { return float64(s.Saved) }},
	{"kvrun_prompts_loaded_total", "Files of prompts whose rows were used.", prometheus.CounterValue, func(s serve.Stats) float64 { return float64(s.Loaded) }},
}

// drifts are what /metrics tells of shadow mode, where it is on.
var drifts = []struct {
	name, help string
	kind       prometheus.ValueType
	value      func(d serve.Drift) float64
}{
	{"kvrun_shadow_texts_total", "Texts that were replayed with the reference cache.", prometheus.CounterValue, func(d serve.Drift) float64 { return float64(d.Texts) }},
	{"kvrun_shadow_texts_skipped_total", "Texts that were chosen and not replayed.", prometheus.CounterValue, func(d serve.Drift) float64 { return float64(d.Skipped) }},
	{"kvrun_shadow_same_top_total", "Tokens of which both caches find the same most probable.", prometheus.CounterValue, func(d serve.Drift) float64 { return float64(d.SameTop) }},
	{"kvrun_shadow_kld_max", "Largest KL divergence of a token from the reference cache, nats.", prometheus.GaugeValue, func(d serve.Drift) float64 { return d.KLDMax }},
	{"kvrun_shadow_texts_pending", "Texts that wait to be replayed.", prometheus.GaugeValue, func(d serve.Drift) float64 { return float64(d.Pending) }},
}

// collector reads the scheduler's numbers when they are asked for.
type collector struct {
	h     *host.Host
	descs []*prometheus.Desc
	plan  *prometheus.Desc
	drift []*prometheus.Desc
	kld   *prometheus.Desc
}

func newCollector(h *host.Host) *collector {
	c := &collector{h: h, plan: prometheus.NewDesc("kvrun_cache_bytes_per_token", "Bytes of the cache for a position, of the plan with this id.", []string{"plan", "model"}, nil)}
	for _, n := range numbers {
		c.descs = append(c.descs, prometheus.NewDesc(n.name, n.help, nil, nil))
	}
	for _, n := range drifts {
		c.drift = append(c.drift, prometheus.NewDesc(n.name, n.help, nil, nil))
	}
	c.kld = prometheus.NewDesc("kvrun_shadow_kld", "KL divergence of tokens from the reference cache, nats.", nil, nil)
	return c
}

// Describe is of prometheus.Collector.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		to <- d
	}
	for _, d := range c.drift {
		to <- d
	}
	to <- c.plan
	to <- c.kld
}

// Collect is of prometheus.Collector.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	s := c.h.Scheduler.Stats()
	for i, n := range numbers {
		to <- prometheus.MustNewConstMetric(c.descs[i], n.kind, n.value(s))
	}
	c.collectDrift(to)
	to <- prometheus.MustNewConstMetric(c.plan, prometheus.GaugeValue, float64(c.h.Plan.BytesPerToken), c.h.PlanID(), c.h.Name)
}

// collectDrift is the numbers of shadow mode, where it is on.
func (c *collector) collectDrift(to chan<- prometheus.Metric) {
	d := c.h.Scheduler.Drift()
	if d.Buckets == nil {
		return
	}
	for i, n := range drifts {
		to <- prometheus.MustNewConstMetric(c.drift[i], n.kind, n.value(d))
	}
	below, sum := map[float64]uint64{}, uint64(0)
	for i, bound := range serve.ShadowBounds {
		sum += d.Buckets[i]
		below[bound] = sum
	}
	to <- prometheus.MustNewConstHistogram(c.kld, d.Tokens, d.KLD, below)
}

// metrics answers Prometheus.
func metrics(h *host.Host) http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(newCollector(h), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}
