// Products of a matrix with few rows of activations: y = act(x W^T + bias). A SIMD group works on a
// few rows at a time, a lane on every 32nd unit of them; activations come from device memory, where
// the caches hold them. Sums have one order, whatever the grid.
//
// Before this file come the struct of the type, called Type, and
//   FAST, BLOCKS, ROWS, RING   unused
//   WARPS                      SIMD groups of a group
#include "activate.metalh"
#include "weights.metalh"

using W = Weights<Type>;

// How many rows a SIMD group works on at a time: what registers hold.
constexpr int rows_at_a_time(int tokens) { return tokens <= 2 ? 4 : 2; }

// Values of a unit; bytes of threadgroup memory for one, of which none are used; rows at a time for
// 1, 2, 4 and 8 tokens; bytes for weights on their way.
FACTS(product_sizes) {
  facts[0] = 8, facts[1] = 0;
  for (int k = 0; k < 4; k++) facts[2 + k] = rows_at_a_time(1 << k);
  facts[6] = 0;
}

// Values i.. of a row of n, zeros where it has ended.
static inline void take(thread float (&v)[8], device const float* row, int i, int n, bool wide) {
  if (wide && i + 8 <= n) {
    const float4 a = *(device const float4*)(row + i), b = *(device const float4*)(row + i + 4);
    v[0] = a.x, v[1] = a.y, v[2] = a.z, v[3] = a.w, v[4] = b.x, v[5] = b.y, v[6] = b.z, v[7] = b.w;
    return;
  }
  for (int k = 0; k < 8; k++) v[k] = i + k < n ? row[i + k] : 0;
}

template <int TOKENS> static inline void product(constant const Product& p, threadgroup const float* levels, int x, int y, int width, int t, int warp, int lane) {
  constexpr int R = rows_at_a_time(TOKENS);
  device const uchar* weights = p.weights;
  device const float* bias = p.bias;
  device float* out = p.y + (long)y * p.outputs;
  int tokens = p.tokens;
  if (p.expert) {
    if (TOKENS > 1 && p.many) {
      tokens = p.many[y];
      if (tokens == 0) return;
      out = p.y + (long)p.row[y] * p.outputs;
    }
    const int e = p.expert[y];
    if (e < 0 || e >= p.count) { // no matrix
      for (int i = x * (32 * WARPS) + t; i < p.outputs; i += width * (32 * WARPS)) out[i] = 0;
      return;
    }
    weights += (long)e * p.rows * p.at.pitch;
    if (bias) bias += (long)e * p.rows;
  }
  device const float* from = p.x + (long)(p.row ? p.row[y] : y) * p.n;
  const int mine = p.gated ? R / 2 : R, units = (p.n + 7) / 8;
  const bool wide = p.n % 4 == 0 && (W::table || p.wide || Type::weight_codes);
  for (int first = (x * WARPS + warp) * mine; first < p.outputs; first += width * WARPS * mine) {
    device const uchar* rows[R];
    float sums[R][TOKENS];
#pragma unroll
    for (int r = 0; r < R; r++) {
      const int o = min(first + (p.gated ? r % (R / 2) : r), p.outputs - 1);
      rows[r] = weights + (long)(p.gated && r >= R / 2 ? o + p.outputs : o) * p.at.pitch;
      for (int k = 0; k < TOKENS; k++) sums[r][k] = 0;
    }
    for (int u = lane; u < units; u += 32) {
      float w[R][8];
#pragma unroll
      for (int r = 0; r < R; r++) W::read(w[r], rows[r], p.at, u, levels);
#pragma unroll
      for (int k = 0; k < TOKENS; k++) {
        if (k >= tokens) continue;
        float a[8];
        take(a, from + (long)k * p.n, 8 * u, p.n, wide);
#pragma unroll
        for (int r = 0; r < R; r++)
#pragma unroll
          for (int i = 0; i < 8; i++) sums[r][k] = fma(w[r][i], a[i], sums[r][k]);
      }
    }
#pragma unroll
    for (int r = 0; r < R; r++)
#pragma unroll
      for (int k = 0; k < TOKENS; k++) sums[r][k] = simd_sum(sums[r][k]);
#pragma unroll
    for (int r = 0; r < R; r++)
#pragma unroll
      for (int k = 0; k < TOKENS; k++) {
        const int o = first + r;
        if (lane != (r * TOKENS + k) % 32 || r >= mine || k >= tokens || o >= p.outputs) continue;
        float gate = sums[r][k], up = p.gated ? sums[(r + R / 2) % R][k] : 1.0f;
        if (bias) {
          gate += bias[o];
          if (p.gated) up += bias[o + p.outputs];
        }
        out[(long)k * p.outputs + o] = activate(p.act, gate, up);
      }
  }
}

#define PRODUCT(tokens) \
  KERNEL(product_##tokens, Product, 32 * WARPS) { \
    HERE \
    SHARED float levels[larger(W::table, 1)]; \
    W::copy(levels, t, 32 * WARPS); \
    group_sync(); \
    product<tokens>(p, levels, x, y, width, t, warp, lane); \
  }
PRODUCT(1)
PRODUCT(2)
PRODUCT(4)
PRODUCT(8)
