// Weighted sums of a tile's values. The weights are A, rows j and j+8 as for keys: the scores of a lane become its part of A without
// a shuffle, because the order of the rows inside a tile is free. The values are B, so words of four (or two) rows are interleaved
// in registers. A slice is the part of a head that one warp sums: N dims from a multiple of N on.
#pragma once
#include "keys.cuh"

// Values that are kept as codes.
template <class T, int D, int N, int U, bool fast> struct CodeValues {
  using Row = CodeRow<T, Side::value, D, N>;
  static constexpr int level_bytes = fast ? T::fast_bytes : T::exact_bytes, terms = fast ? T::fast_terms : T::exact_terms;
  static constexpr float unit = fast ? T::fast_unit : T::exact_unit;
  static constexpr int quads = N / 32; // of columns of 8 dims
  static constexpr int runs = Row::run < N ? N / Row::run : 1;

  Row rows[8 * U]; // rows 8n + 2c + x of the tiles at 2n + x
  Scales<Row> scales[4 * U];
  float sums[N / 8][2]; // of query row j, dims 8e + 2c + x
  float least[runs];    // of this lane's rows alone

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (int k = 0; k < N / 4; k++) sums[k / 2][k % 2] = 0;
#pragma unroll
    for (int r = 0; r < runs; r++) least[r] = 0;
  }

  __device__ __forceinline__ void shrink(float by) {
#pragma unroll
    for (int k = 0; k < N / 4; k++) sums[k / 2][k % 2] *= by;
#pragma unroll
    for (int r = 0; r < runs; r++) least[r] *= by;
  }

  __device__ __forceinline__ void load(const unsigned char* values, const unsigned char* numbers, int first, int slice, int lane) {
    values += (long long)(first + 2 * (lane & 3)) * Row::bytes;
    numbers += (long long)(first + 2 * (lane & 3)) * Row::scale_bytes;
#pragma unroll
    for (int k = 0; k < 8 * U; k++) rows[k].load(values + (8 * (k / 2) + k % 2) * Row::bytes, lane >> 2, slice);
#pragma unroll
    for (int n = 0; n < 4 * U; n++) scales[n].load(numbers + 8 * n * Row::scale_bytes);
  }

  // The levels of columns 4*quad.. + 3: b[e][h] for rows 4h..4h+3 of this lane's eight of tile u.
  __device__ __forceinline__ void levels(int u, int quad, unsigned b[4][2][4]) const {
#pragma unroll
    for (int h = 0; h < 2; h++) {
      const Row* r = rows + 8 * u + 4 * h;
      if constexpr (Row::w8) {
        const unsigned w0 = r[0].p8.w[quad], w1 = r[1].p8.w[quad], w2 = r[2].p8.w[quad], w3 = r[3].p8.w[quad];
        const unsigned t0 = prmt(w0, w1, 0x5140), t1 = prmt(w2, w3, 0x5140), t2 = prmt(w0, w1, 0x7362), t3 = prmt(w2, w3, 0x7362);
        b[0][h][0] = prmt(t0, t1, 0x5410);
        b[1][h][0] = prmt(t0, t1, 0x7632);
        b[2][h][0] = prmt(t2, t3, 0x5410);
        b[3][h][0] = prmt(t2, t3, 0x7632);
      } else {
        const int k = quad / 2;
        unsigned even, odd, even_high = 0, odd_high = 0;
        interleave(r[0].low(k), r[1].low(k), r[2].low(k), r[3].low(k), quad % 2, even, odd);
        if constexpr (T::bits > 4) interleave(r[0].high(k), r[1].high(k), r[2].high(k), r[3].high(k), quad % 2, even_high, odd_high);
        lookup(even, even_high, b[0][h]);
        lookup(odd, odd_high, b[1][h]);
        lookup(even >> 16, even_high >> 16, b[2][h]);
        lookup(odd >> 16, odd_high >> 16, b[3][h]);
      }
    }
  }

  static __device__ __forceinline__ void lookup(unsigned low, unsigned high, unsigned* out) {
    if constexpr (fast) T::fast(low, high, out);
    else T::exact(low, high, out);
  }

  // Nibbles 0 to 3 (or 4 to 7) of four rows, by column: even holds the four of column 0 and then of column 2.
  static __device__ __forceinline__ void interleave(unsigned a, unsigned b, unsigned c, unsigned d, int upper, unsigned& even, unsigned& odd) {
    const unsigned lower = 0x0f0f0f0f, half = upper ? 0x7362 : 0x5140;
    even = prmt(pick(lower, a, b << 4), pick(lower, c, d << 4), half);
    odd = prmt(pick(lower, a >> 4, b), pick(lower, c >> 4, d), half);
  }

  // Adds weight e[2n + x] of row 8n + 2c + x, for every dim of the slice.
  __device__ __forceinline__ void add(const float* e, int slice, int lane) {
    const int first = slice * N; // dims
#pragma unroll
    for (int r = 0; r < runs; r++) {
      const int run = runs == 1 ? first / Row::run : slice * runs + r;
      // Weights times scales, as signed 15-bit integers relative to the largest.
      float w[8 * U], most = 0;
#pragma unroll
      for (int k = 0; k < 8 * U; k++) {
        w[k] = e[k] > 0 ? e[k] * number(k, run) : 0; // a row out of sight may hold anything
        most = fmaxf(most, fabsf(w[k]));
        if constexpr (T::has_least) least[r] += e[k] > 0 ? e[k] * number(k, Row::runs + run) : 0;
      }
      most = fmaxf(most, __shfl_xor_sync(~0u, most, 1));
      most = fmaxf(most, __shfl_xor_sync(~0u, most, 2));
      const float factor = most > 1e-30f ? 32512.0f / most : 0, back = most * (1.0f / 32512.0f);
      unsigned a[U][4];
#pragma unroll
      for (int h = 0; h < 2 * U; h++) {
        unsigned n[4]; // 128 more than the integer: byte 1 is the upper one, byte 0 the lower one but for its sign
#pragma unroll
        for (int k = 0; k < 4; k++) n[k] = as_bits(fmaf(w[4 * h + k], factor, magic + 128));
        const unsigned t0 = prmt(n[0], n[1], 0x5140), t1 = prmt(n[2], n[3], 0x5140);
        a[h / 2][h % 2 * 2] = prmt(t0, t1, 0x7632);
        a[h / 2][h % 2 * 2 + 1] = prmt(t0, t1, 0x5410) ^ 0x80808080;
      }
#pragma unroll
      for (int quad = r * (quads / runs); quad < (r + 1) * (quads / runs); quad++) {
        int c[4][level_bytes][4] = {};
#pragma unroll
        for (int u = 0; u < U; u++) {
          unsigned b[4][2][4];
          levels(u, quad, b);
#pragma unroll
          for (int k = 0; k < 4; k++)
#pragma unroll
            for (int l = 0; l < level_bytes * terms; l++) mma_s8(c[k][l / terms], a[u], b[k][0][l], b[k][1][l]);
        }
#pragma unroll
        for (int k = 0; k < 8; k++) {
          float& sum = sums[4 * quad + k / 2][k % 2];
          sum = fmaf(joined<level_bytes>(c[k / 2], k % 2), back, sum);
        }
      }
    }
  }

  __device__ __forceinline__ float number(int k, int at) const {
    if constexpr (N == D) return scales[k / 2].at(k % 2, at);
    float v = 0;
#pragma unroll
    for (int n = 0; n < Row::numbers; n++)
      if (n == at) v = scales[k / 2].at(k % 2, n);
    return v;
  }

  __device__ __forceinline__ void finish() {
#pragma unroll
    for (int r = 0; r < runs; r++) {
      least[r] += __shfl_xor_sync(~0u, least[r], 1);
      least[r] += __shfl_xor_sync(~0u, least[r], 2);
    }
  }

  // The sum at dim 8e + 2c + x of the slice.
  __device__ __forceinline__ float sum(int e, int x) const { return sums[e][x] * unit + (T::has_least ? least[e * runs / (N / 8)] : 0); }
};

// Values that are kept as numbers.
template <class T, int D, int N, int U, bool fast> struct NumberValues {
  using Row = NumberRow<T, Side::value, D, N>;
  static constexpr bool half = T::element == Element::f16;

  Row rows[8 * U];
  float sums[N / 8][4];

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (int k = 0; k < N / 2; k++) sums[k / 4][k % 4] = 0;
  }

  __device__ __forceinline__ void shrink(float by) {
#pragma unroll
    for (int k = 0; k < N / 2; k++) sums[k / 4][k % 4] *= by;
  }

  __device__ __forceinline__ void load(const unsigned char* values, const unsigned char*, int first, int slice, int lane) {
    values += (long long)(first + 2 * (lane & 3)) * Row::bytes;
#pragma unroll
    for (int k = 0; k < 8 * U; k++) rows[k].load(values + (8 * (k / 2) + k % 2) * Row::bytes, lane >> 2, slice);
  }

  __device__ __forceinline__ void add(const float* e, int slice, int lane) {
#pragma unroll
    for (int h = 0; h < 2 * U; h++) { // four of this lane's rows
      float p[4];
      unsigned a[4];
#pragma unroll
      for (int k = 0; k < 4; k++) p[k] = e[4 * h + k];
      a[0] = split_pair<half>(p[0], p[1]);
      a[1] = split_pair<half>(p[0], p[1]);
      a[2] = split_pair<half>(p[2], p[3]);
      a[3] = split_pair<half>(p[2], p[3]);
#pragma unroll
      for (int k = 0; k < N / 16; k++) { // two columns
        if constexpr (T::element != Element::f32) {
          const unsigned w0 = rows[4 * h].p.w[k], w1 = rows[4 * h + 1].p.w[k], w2 = rows[4 * h + 2].p.w[k], w3 = rows[4 * h + 3].p.w[k];
          mma_pairs<half>(sums[2 * k], a, prmt(w0, w1, 0x5410), prmt(w2, w3, 0x5410));
          mma_pairs<half>(sums[2 * k + 1], a, prmt(w0, w1, 0x7632), prmt(w2, w3, 0x7632));
        } else {
#pragma unroll
          for (int x = 0; x < 2; x++) {
            float v[4];
#pragma unroll
            for (int r = 0; r < 4; r++) v[r] = as_float(rows[4 * h + r].p.w[2 * k + x]);
#pragma unroll
            for (int t = 0; t < 3; t++) {
              const unsigned b0 = split_pair<false>(v[0], v[1]), b1 = split_pair<false>(v[2], v[3]);
              mma_bf16(sums[2 * k + x], a, b0, b1);
            }
          }
        }
      }
    }
  }

  __device__ __forceinline__ void finish() {}
  __device__ __forceinline__ float sum(int e, int x) const { return sums[e][x] + sums[e][2 + x]; }
};

template <bool codes, class T, int D, int N, int U, bool fast> struct ValuesOf { using type = CodeValues<T, D, N, U, fast>; };
template <class T, int D, int N, int U, bool fast> struct ValuesOf<false, T, D, N, U, fast> { using type = NumberValues<T, D, N, U, fast>; };
template <class T, int D, int N, int U, bool fast> using Values = typename ValuesOf<T::codes, T, D, N, U, fast>::type;
