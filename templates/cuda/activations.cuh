// Rows of activations in shared memory, in the form in which products with pieces of weights want
// them: numbers, or bytes with a scale per 32. Entries of neighbouring pieces are neighbours, so
// that lanes meet no bank twice: for each token [lines of 16 bytes][pieces], then [pieces][words]
// of scales and sums.
#pragma once
#include "weights.cuh"

constexpr float integer_magic = 12582912.0f; // 1.5 * 2^23: a float whose lower bits are an integer

// The sum of v over lanes, a power of two of them beside each other.
template <class N> __device__ __forceinline__ N sum_of(N v, int lanes) {
  for (int k = 1; k < lanes; k *= 2) v += __shfl_xor_sync(~0u, v, k);
  return v;
}

__device__ __forceinline__ float plus_products(float sum, const float* v, float4 a) {
  return fmaf(v[3], a.w, fmaf(v[2], a.z, fmaf(v[1], a.y, fmaf(v[0], a.x, sum))));
}

template <class T, bool codes, bool fast> struct ActivationsOf;
template <class T, bool fast> using Activations = ActivationsOf<T, T::weight_codes, fast>;

struct AnyActivations {
  unsigned char* shared;
  const float* x; // [tokens][n]
  int n, tokens, span; // pieces
  bool wide;           // rows can be read 16 bytes at a time

  // Values i.. of a row, zeros where it has ended.
  __device__ __forceinline__ float4 four(const float* row, int i) const {
    if (i >= n) return make_float4(0, 0, 0, 0);
    if (wide) return *(const float4*)(row + i);
    return make_float4(row[i], i + 1 < n ? row[i + 1] : 0, i + 2 < n ? row[i + 2] : 0, i + 3 < n ? row[i + 3] : 0);
  }

  // Calls put(token, piece of the stretch, quad, values) for the stretch that begins with piece
  // first. A piece has so many quads, and neighbouring lanes have neighbouring quads; all lanes of
  // a warp call. Loads run ahead of what is done with them.
  template <int quads, class Put> __device__ __forceinline__ void each(int first, Put put) const {
    for (int token = 0; token < tokens; token++) {
      const float* row = x + (long long)token * n;
      for (int k = threadIdx.x; k < span * quads;) {
        const int at = 4 * (first * quads + k), step = 4 * blockDim.x;
        float4 a = four(row, at), b = four(row, at + step), c = four(row, at + 2 * step), d = four(row, at + 3 * step);
#pragma unroll 1
        for (int n = 0; n < 4 && k < span * quads; n++, k += blockDim.x) {
          put(token, k / quads, k % quads, a);
          a = b, b = c, c = d;
        }
      }
    }
  }
};

// Numbers against numbers.
template <class T, bool fast> struct ActivationsOf<T, false, fast> : AnyActivations {
  using P = Piece<T>;
  static constexpr int quads = P::values / 4, piece_bytes = 4 * P::values;

  __device__ float4* line(int token, int k) const { return (float4*)(shared + (long long)token * span * piece_bytes) + k * span; }
  __device__ __forceinline__ void stage(int first) const {
    each<quads>(first, [&](int token, int u, int q, float4 v) { line(token, q)[u] = v; });
  }

  // Adds the products of piece u of the stretch with R pieces of weights.
  template <int R, int tokens> __device__ __forceinline__ void add(float (&sums)[R][tokens], const P (&w)[R], int u, const float*) const {
#pragma unroll
    for (int q = 0; q < quads; q++) {
      float v[R][4];
#pragma unroll
      for (int r = 0; r < R; r++) w[r].levels(q, v[r], nullptr);
#pragma unroll
      for (int t = 0; t < tokens; t++) {
        const float4 a = line(t, q)[u];
#pragma unroll
        for (int r = 0; r < R; r++) sums[r][t] = plus_products(sums[r][t], v[r], a);
      }
    }
  }
};

// Numbers against codes: levels are summed, then scaled.
template <class T> struct ActivationsOf<T, true, false> : AnyActivations {
  using P = Piece<T>;
  // sums of runs
  static constexpr int words = P::has_least ? P::runs : 0, piece_bytes = 128 + 4 * words;

  __device__ float4* line(int token, int k) const { return (float4*)(shared + (long long)token * span * piece_bytes) + k * span; }
  __device__ float* extra(int token, int u) const { return (float*)line(token, 8) + u * words; }

  __device__ __forceinline__ void stage(int first) const {
    each<8>(first, [&](int token, int u, int q, float4 v) {
      line(token, q)[u] = v;
      if (P::has_least) {
        const float sum = sum_of((v.x + v.y) + (v.z + v.w), 8 / P::runs);
        if (q % (8 / P::runs) == 0) extra(token, u)[q / (8 / P::runs)] = sum;
      }
    });
  }

  template <int R, int tokens> __device__ __forceinline__ void add(float (&sums)[R][tokens], const P (&w)[R], int u, const float* table) const {
#pragma unroll
    for (int run = 0; run < P::runs; run++) {
      float s[R][tokens] = {};
#pragma unroll
      for (int q = run * 8 / P::runs; q < (run + 1) * 8 / P::runs; q++) {
        float v[R][4];
#pragma unroll
        for (int r = 0; r < R; r++) w[r].levels(q, v[r], table);
#pragma unroll
        for (int t = 0; t < tokens; t++) {
          const float4 a = line(t, q)[u];
#pragma unroll
          for (int r = 0; r < R; r++) s[r][t] = plus_products(s[r][t], v[r], a);
        }
      }
#pragma unroll
      for (int r = 0; r < R; r++) {
        const float scale = w[r].scale(run);
#pragma unroll
        for (int t = 0; t < tokens; t++) sums[r][t] += scale * s[r][t];
        if constexpr (P::has_least) {
          const float least = w[r].least(run);
#pragma unroll
          for (int t = 0; t < tokens; t++) sums[r][t] += least * extra(t, u)[run];
        }
      }
    }
  }
};

// Bytes against codes: sums are integers.
template <class T> struct ActivationsOf<T, true, true> : AnyActivations {
  using P = Piece<T>;
  // Beside the bytes: the scale; where the sums of runs start, which makes levels of codes; the
  // sums of x over runs.
  static constexpr int starts = P::offset != 0 ? P::runs : 0, tops = P::has_least ? P::runs : 0, used = 1 + starts + tops;
  static constexpr int words = used > 4 ? 8 : used > 2 ? 4 : used, piece_bytes = 32 + 4 * words;

  __device__ uint4* line(int token, int k) const { return (uint4*)(shared + (long long)token * span * piece_bytes) + k * span; }
  __device__ float* extra(int token, int u) const { return (float*)line(token, 2) + u * words; }

  // What join makes of v[j] of several neighbouring lanes: of eight, for j = half the lane's number
  // among them; of four, for j = the lane's number. A shuffle serves two values where it can.
  template <int lanes, class N, class Join> static __device__ __forceinline__ N gather(N (&v)[4], int lane, Join join) {
    constexpr int bit = lanes / 2;
#pragma unroll
    for (int j = 0; j < 2; j++) {
      const N give = lane & bit ? v[j] : v[j + 2], keep = lane & bit ? v[j + 2] : v[j];
      v[j] = join(keep, __shfl_xor_sync(~0u, give, bit));
    }
    const N give = lane & bit / 2 ? v[0] : v[1], keep = lane & bit / 2 ? v[1] : v[0];
    N all = join(keep, __shfl_xor_sync(~0u, give, bit / 2));
    if (lanes == 8) all = join(all, __shfl_xor_sync(~0u, all, 1));
    return all;
  }

  // Values are rounded as kernels.QuantiseAct does. A warp takes 16 pieces at a time, of which a
  // lane has four values of every fourth.
  __device__ __forceinline__ void stage(int first) const {
    const int lane = threadIdx.x & 31, q = lane & 7;
    for (int token = 0; token < tokens; token++)
      for (int at = (threadIdx.x >> 5) * 16; at < span; at += blockDim.x / 2) {
        const float* row = x + (long long)token * n;
        float4 v[4];
        unsigned sizes[4];
#pragma unroll
        for (int j = 0; j < 4; j++) v[j] = four(row, 32 * (first + at + 4 * j + lane / 8) + 4 * q);
#pragma unroll
        for (int j = 0; j < 4; j++) sizes[j] = max(max(as_bits(v[j].x) << 1, as_bits(v[j].y) << 1), max(as_bits(v[j].z) << 1, as_bits(v[j].w) << 1));
        // As integers, so that a NaN is the largest.
        const unsigned most = gather<8>(sizes, lane, [](unsigned a, unsigned b) { return max(a, b); }) >> 1;
        float scale = as_float(most) / 127, by = 127 / as_float(most);
        if (most >= 0x7f800000) scale = as_float(0x7fc00000), by = 0;
        else if (by > 3.4028235e+38f) scale = by = 0;
        int sums[4];
#pragma unroll
        for (int j = 0; j < 4; j++) {
          const float f = __shfl_sync(~0u, by, (lane & 24) + 2 * j);
          const unsigned a = rounded(v[j].x, f), b = rounded(v[j].y, f), c = rounded(v[j].z, f), d = rounded(v[j].w, f);
          const unsigned w = prmt(prmt(a, b, 0x0040), prmt(c, d, 0x0040), 0x5410);
          const int u = at + 4 * j + lane / 8;
          if (u < span) ((unsigned*)(line(token, q / 4) + u))[q % 4] = w;
          sums[j] = dot4(w, 0x01010101, 0);
        }
        const int u = at + 4 * (q / 2) + lane / 8;
        if (q % 2 == 0 && u < span) extra(token, u)[0] = scale * P::unit;
        if constexpr (starts + tops > 0) {
          constexpr int lanes = 8 / P::runs;
          const int sum = gather<lanes>(sums, lane, [](int a, int b) { return a + b; });
          const int j = P::runs == 1 ? q / 2 : q % 4, run = P::runs == 1 ? 0 : q / 4, u = at + 4 * j + lane / 8;
          if (tops && P::runs == 2) scale = __shfl_sync(~0u, scale, (lane & 24) + 2 * j);
          float* more = extra(token, u);
          if (u < span && (P::runs == 2 || q % 2 == 0)) {
            if (starts) more[1 + run] = as_float(as_bits(integer_magic) + P::offset * sum);
            if (tops) more[1 + starts + run] = scale * (float)sum;
          }
        }
      }
  }

  // x * by to the nearest integer, in the lowest byte.
  static __device__ __forceinline__ unsigned rounded(float x, float by) { return as_bits(__fadd_rn(__fmul_rn(x, by), integer_magic)); }

  __device__ __forceinline__ void get(float (&e)[words], int token, int u) const {
    const float* more = extra(token, u);
    if constexpr (words == 1) e[0] = more[0];
    if constexpr (words == 2) {
      const float2 v = *(const float2*)more;
      e[0] = v.x, e[1] = v.y;
    }
    if constexpr (words >= 4) {
#pragma unroll
      for (int k = 0; k < words; k += 4) {
        const float4 v = ((const float4*)more)[k / 4];
        e[k] = v.x, e[k + 1] = v.y, e[k + 2] = v.z, e[k + 3] = v.w;
      }
    }
  }

  template <int R, int tokens> __device__ __forceinline__ void add(float (&sums)[R][tokens], const P (&w)[R], int u, const float*) const {
    constexpr bool joined = tokens > 2;
    constexpr int terms = joined ? 1 : P::terms, quads = 8 / P::runs; // of a run
    unsigned b[R][8][2];
    float scale[R][P::runs], least[R][P::runs];
#pragma unroll
    for (int r = 0; r < R; r++) {
#pragma unroll
      for (int q = 0; q < 8; q++) w[r].template bytes<joined>(q, b[r][q]);
#pragma unroll
      for (int run = 0; run < P::runs; run++) {
        scale[r][run] = w[r].scale(run);
        if constexpr (P::has_least) least[r][run] = w[r].least(run);
      }
    }
#pragma unroll
    for (int t = 0; t < tokens; t++) {
      const uint4 a = line(t, 0)[u], c = line(t, 1)[u];
      const unsigned x[8] = {a.x, a.y, a.z, a.w, c.x, c.y, c.z, c.w};
      float e[words];
      get(e, t, u);
#pragma unroll
      for (int r = 0; r < R; r++) {
#pragma unroll
        for (int run = 0; run < P::runs; run++) {
          int sum = as_bits(starts ? e[1 + run] : integer_magic);
#pragma unroll
          for (int q = run * quads; q < (run + 1) * quads; q++) {
#pragma unroll
            for (int k = 0; k < terms; k++) sum = dot4(b[r][q][k], x[q], sum);
          }
          sums[r][t] += (as_float(sum) - integer_magic) * e[0] * scale[r][run];
          if constexpr (P::has_least) sums[r][t] += least[r][run] * e[1 + starts + run];
        }
      }
    }
  }
};
