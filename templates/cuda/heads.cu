// What is between the products of Q, K and V and attention: every head of a batch is normalised and turned by its position, queries
// are written for attention and keys and values into the cache. Block x is a token; block y a query head, a head of K or one of V; one
// warp each. Operations and their order are those of the CPU, so that rows have the same bits.
//
// Before this file come the structs of the types and
//   KeyRows, ValueRows   Lay of the two sides, defined after packed.cuh
#include "turn.cuh"

struct Heads {
  const float *q, *k, *v;                // products of token 0; K and V are null for a layer that reads another's cache
  long long ldq, ldk, ldv;               // values from one token to the next
  const float *q_norm, *k_norm, *v_norm; // [dim] weights, null for all ones
  const float *cos, *sin;                // [tokens][pairs]
  const float* mu;                       // [kv heads][dim] taken out of keys before they are turned, null for nothing
  float* out;                            // [tokens][heads][dim] queries
  float* raw;                            // [tokens][kv heads][dim] keys before mu is taken out, null for nobody
  const int *positions, *cells;          // [tokens]; a token whose cell the cache does not have is not stored
  Rows keys, values;
  int heads, kv_heads, q_step;           // query heads lie q_step values apart
  int pairs, adjacent;
  float q_eps, k_eps, v_eps;             // below 0 for no norm
  float temper;                          // queries at position p are scaled by 1 + temper ln(1 + p / every), 0 for none
  int every;
};

__device__ inline void take(float* x, const float* from, int n, int lane) {
  for (int i = lane; i < n; i += 32) x[i] = from[i];
  __syncwarp();
}

extern "C" __global__ void __launch_bounds__(32) heads(const Heads p) {
  let_next();
  await_previous();
  __shared__ KeyRows k;
  __shared__ ValueRows v;
  const int lane = threadIdx.x;
  const long long token = blockIdx.x;
  int head = blockIdx.y;
  const float *cos = p.cos + token * p.pairs, *sin = p.sin + token * p.pairs;
  if (head < p.heads) {
    take(k.x, p.q + token * p.ldq + (long long)head * p.q_step, KeyRows::dim, lane);
    if (p.q_eps >= 0) rms_norm(k.x, KeyRows::dim, p.q_norm, p.q_eps, lane);
    turn(k.x, cos, sin, p.pairs, p.adjacent, lane);
    const int turns = p.temper != 0 ? p.positions[token] / p.every : 0;
    const float by = turns > 0 ? 1 + p.temper * (float)log((double)(1 + turns)) : 1;
    for (int i = lane; i < KeyRows::dim; i += 32) p.out[(token * p.heads + head) * KeyRows::dim + i] = k.x[i] * by;
    return;
  }
  head -= p.heads;
  const int cell = p.cells[token];
  if (head < p.kv_heads) {
    take(k.x, p.k + token * p.ldk + (long long)head * KeyRows::dim, KeyRows::dim, lane);
    if (p.k_eps >= 0) rms_norm(k.x, KeyRows::dim, p.k_norm, p.k_eps, lane);
    for (int i = lane; i < KeyRows::dim; i += 32) {
      if (p.raw) p.raw[(token * p.kv_heads + head) * KeyRows::dim + i] = k.x[i];
      if (p.mu) k.x[i] = k.x[i] - p.mu[head * KeyRows::dim + i];
    }
    turn(k.x, cos, sin, p.pairs, p.adjacent, lane);
    if (cell < 0 || cell >= p.keys.capacity) return;
    k.encode(lane);
    k.store(p.keys, head, cell, lane);
    return;
  }
  head -= p.kv_heads;
  if (cell < 0 || cell >= p.values.capacity) return;
  take(v.x, p.v + token * p.ldv + (long long)head * ValueRows::dim, ValueRows::dim, lane);
  if (p.v_eps >= 0) rms_norm(v.x, ValueRows::dim, p.v_norm, p.v_eps, lane);
  v.encode(lane);
  v.store(p.values, head, cell, lane);
}
