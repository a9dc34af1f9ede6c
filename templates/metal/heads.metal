// What is between the products of Q, K and V and attention: every head of a batch is normalised and
// rotated by its position, queries are written for attention and keys and values into the cache.
// Group x is a token; y a query head, a head of K or one of V; one SIMD group each. Operations and
// their order are those of the CPU, so that rows have the same bits.
//
// Before this file come the structs of the types and
//   KeyRows, ValueRows   Lay of the two sides, defined after packed.metalh
#include "args.metalh"
#include "rope.metalh"

template <int n> static inline void take(threadgroup float* to, device const float* from, int lane) {
  for (int i = lane; i < n; i += 32) to[i] = from[i];
  warp_sync();
}

KERNEL(heads, Heads, 32) {
  HERE
  SHARED KeyRows::Room k;
  SHARED ValueRows::Room v;
  const long token = x;
  int head = y;
  device const float* cosines = p.cos + token * p.pairs;
  device const float* sines = p.sin + token * p.pairs;
  if (head < p.heads) {
    take<KeyRows::dim>(k.x, p.q + token * p.ldq + (long)head * p.q_step, lane);
    if (p.q_eps >= 0) rms_norm(k.x, KeyRows::dim, p.q_norm, p.q_eps, lane);
    rope(k.x, cosines, sines, p.pairs, p.adjacent, lane);
    const int periods = p.attn_scale != 0 ? p.positions[token] / p.every : 0;
    const float by = periods > 0 ? 1 + p.attn_scale * precise::log((float)(1 + periods)) : 1.0f;
    for (int i = lane; i < KeyRows::dim; i += 32) p.out[(token * p.heads + head) * KeyRows::dim + i] = k.x[i] * by;
    return;
  }
  head -= p.heads;
  const int cell = p.cells[token];
  if (head < p.kv_heads) {
    take<KeyRows::dim>(k.x, p.k + token * p.ldk + (long)head * KeyRows::dim, lane);
    if (p.k_eps >= 0) rms_norm(k.x, KeyRows::dim, p.k_norm, p.k_eps, lane);
    for (int i = lane; i < KeyRows::dim; i += 32) {
      if (p.raw) p.raw[(token * p.kv_heads + head) * KeyRows::dim + i] = k.x[i];
      if (p.mu) k.x[i] = k.x[i] - p.mu[head * KeyRows::dim + i];
    }
    rope(k.x, cosines, sines, p.pairs, p.adjacent, lane);
    if (cell < 0 || cell >= p.keys.capacity) return;
    const KeyRows::Tables tables(lane);
    KeyRows::encode(k, tables, lane);
    KeyRows::store(k, p.keys, head, cell, lane);
    return;
  }
  head -= p.kv_heads;
  if (cell < 0 || cell >= p.values.capacity) return;
  take<ValueRows::dim>(v.x, p.v + token * p.ldv + (long)head * ValueRows::dim, lane);
  if (p.v_eps >= 0) rms_norm(v.x, ValueRows::dim, p.v_norm, p.v_eps, lane);
  const ValueRows::Tables tables(lane);
  ValueRows::encode(v, tables, lane);
  ValueRows::store(v, p.values, head, cell, lane);
}
