// The parts of attention together: what the kernel attend of the same shape has left. Group x is a
// query row, y a KV head and a group of query rows as there; one SIMD group each.
//
// Before this file comes what comes before attend.metal.
#include "encoder.metalh"
#include "segment.metalh"

static inline void look(constant const Segment& s, long first, int parts, int r, thread float& top) {
  for (int k = 0; k < parts; k++) top = fmax(top, s.norms[(first + (long)k * ROWS + r) * 2]);
}

// The sum of the parts of a segment, as the model has values.
template <class S, class Rotation>
static inline void add(constant const Segment& s, long first, int parts, int r, float top, thread float& weight, threadgroup float* o, int lane) {
  for (int k = 0; k < parts; k++) {
    const long at = (first + (long)k * ROWS + r) * 2;
    weight += s.norms[at + 1] * exp2(s.norms[at] - top);
  }
  for (int i = lane; i < S::value_row; i += 32) {
    float sum = 0;
    for (int k = 0; k < parts; k++) {
      const long at = first + (long)k * ROWS + r;
      sum += s.partial[at * S::value_row + i] * exp2(s.norms[at * 2] - top);
    }
    o[i] = sum;
  }
  warp_sync();
  if (parts == 0) return;
  S::Value::Domain::inverse(o, S::value_row, lane);
  Rotation::inverse(o, VALUE_DIM, lane);
  warp_sync();
}

KERNEL(combine, Attend, 32) {
  HERE
  SHARED float o[Segment0::value_row], o1[two ? Segment1::value_row : 1];
  const QueryGroup g = group_of(p, y, p.kv_heads, height, lane);
  if (x >= g.rows) return;
  const Reach reach = reach_of(p, g, lane);
  const int parts0 = view_of<Segment0>(p.segments[0], g, reach, p.window).parts;
  const int parts1 = two ? view_of<Segment1>(p.segments[SEGMENTS - 1], g, reach, p.window).parts : 0;
  const long first0 = (long)g.index * p.segments[0].splits * ROWS, first1 = (long)g.index * p.segments[SEGMENTS - 1].splits * ROWS;
  const int q = g.query_head(x);
  const float sink = p.sinks ? p.sinks[q] * log2_e : unseen;
  float top = sink, weight = 0;
  look(p.segments[0], first0, parts0, x, top);
  if (two) look(p.segments[SEGMENTS - 1], first1, parts1, x, top);
  if (p.sinks) weight = exp2(sink - top);
  add<Segment0, Segment0::ValueRotation>(p.segments[0], first0, parts0, x, top, weight, o, lane);
  if (two) add<Segment1, Segment1::ValueRotation>(p.segments[SEGMENTS - 1], first1, parts1, x, top, weight, o1, lane);
  const float by = weight > 0 ? 1 / weight : 0.0f;
  device float* out = p.out + ((long)g.token(x) * p.heads + q) * VALUE_DIM;
  for (int i = lane; i < VALUE_DIM; i += 32) out[i] = (o[i] + (two ? o1[i] : 0.0f)) * by;
}
