// What is between the products of Q, K and V and attention: every head of a batch is normalised and
// rotated by its position, queries are written for attention and keys and values into the cache.
// Block x is a token; block y a query head, a head of K or one of V; one warp each. Operations and
// their order are those of the CPU, so that rows have the same bits.
//
// Before this file come the structs of the types and
//   KeyRows, ValueRows   Lay of the two sides, defined after packed.cuh
#include "args.cuh"
#include "rope.cuh"

template <int n> __device__ __forceinline__ void take(float* x, const float* from, int lane) {
  each_of<n>(lane, [&](int i) { x[i] = from[i]; });
  __syncwarp();
}

// What a block will ask for that has been in memory for long, n floats each: it comes while the
// launch before ends. A lane asks for 32 bytes at a time.
__device__ inline void ask_ahead(const float* from, int n, int lane) {
  if (!from) return;
#pragma unroll 1
  for (int i = 8 * lane; i < n; i += 256) prefetch(from + i);
}
__device__ inline void ask_ahead(const Heads& p, long long token, int lane) {
  ask_ahead(p.cos + token * p.pairs, p.pairs, lane);
  ask_ahead(p.sin + token * p.pairs, p.pairs, lane);
  ask_ahead(p.q_norm, KeyRows::dim, lane);
  ask_ahead(p.k_norm, KeyRows::dim, lane);
  ask_ahead(p.v_norm, ValueRows::dim, lane);
  ask_ahead(p.mu, KeyRows::dim, lane); // of the first head, at least
  if (lane == 0 && p.cells) prefetch(p.cells + token);
  if (lane == 0) prefetch(p.positions + token);
}

extern "C" __global__ void __launch_bounds__(32) heads(const Heads p) {
  let_next();
  const KeyRows::Tables key_tables(threadIdx.x);
  const ValueRows::Tables value_tables(threadIdx.x);
  ask_ahead(p, blockIdx.x, threadIdx.x);
  await_previous();
  __shared__ KeyRows k;
  __shared__ ValueRows v;
  const int lane = threadIdx.x;
  const long long token = blockIdx.x;
  int head = blockIdx.y;
  const float *cos = p.cos + token * p.pairs, *sin = p.sin + token * p.pairs;
  if (head < p.heads) {
    take<KeyRows::dim>(k.x, p.q + token * p.ldq + (long long)head * p.q_step, lane);
    if (p.q_eps >= 0) rms_norm(k.x, KeyRows::dim, p.q_norm, p.q_eps, lane);
    rope(k.x, cos, sin, p.pairs, p.adjacent, lane);
    const int periods = p.attn_scale != 0 ? p.positions[token] / p.every : 0;
    const float by = periods > 0 ? 1 + p.attn_scale * (float)log((double)(1 + periods)) : 1;
    each_of<KeyRows::dim>(lane, [&](int i) { p.out[(token * p.heads + head) * KeyRows::dim + i] = k.x[i] * by; });
    return;
  }
  head -= p.heads;
  const int cell = p.cells[token];
  if (head < p.kv_heads) {
    take<KeyRows::dim>(k.x, p.k + token * p.ldk + (long long)head * KeyRows::dim, lane);
    if (p.k_eps >= 0) rms_norm(k.x, KeyRows::dim, p.k_norm, p.k_eps, lane);
    for (int i = lane; i < KeyRows::dim; i += 32) {
      if (p.raw) p.raw[(token * p.kv_heads + head) * KeyRows::dim + i] = k.x[i];
      if (p.mu) k.x[i] = k.x[i] - p.mu[head * KeyRows::dim + i];
    }
    rope(k.x, cos, sin, p.pairs, p.adjacent, lane);
    if (cell < 0 || cell >= p.keys.capacity) return;
    k.encode(key_tables, lane);
    k.store(p.keys, head, cell, lane);
    return;
  }
  head -= p.kv_heads;
  if (cell < 0 || cell >= p.values.capacity) return;
  take<ValueRows::dim>(v.x, p.v + token * p.ldv + (long long)head * ValueRows::dim, lane);
  if (p.v_eps >= 0) rms_norm(v.x, ValueRows::dim, p.v_norm, p.v_eps, lane);
  v.encode(value_tables, lane);
  v.store(p.values, head, cell, lane);
}
