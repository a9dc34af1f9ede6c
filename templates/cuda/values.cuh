// Weighted sums of the values of U tiles, for R query rows. Values are A, a dim in a row of it.
// Weights are B, two columns for a query row as for keys; they come from lanes that computed other
// rows' scores by two shuffles for eight rows of a tile. A slice is the part of a head that one
// warp sums: N dims from a multiple of N on.
#pragma once
#include "keys.cuh"

// Turns words of this lane's rows of a tile, upper and lower parts of their weights, into B: column
// j is upper parts for even j, and lower ones for odd j, of query row c = j/2; b0 has rows 4c..4c+3
// of the tile, b1 16+4c..16+4c+3. Lanes below 16 give the word of upper parts as first, the others
// as second, so that every word is sent once.
struct Exchange {
  int first, second;
  bool odd;
  __device__ __forceinline__ Exchange(int lane) {
    const int j = lane >> 2, from = (lane & 3) * 4 + (j >> 1);
    odd = j & 1;
    first = from + 16 * odd;
    second = from + 16 * !odd;
  }
  static __device__ __forceinline__ bool upper_first(int lane) { return lane < 16; }
  __device__ __forceinline__ void operator()(unsigned one, unsigned other, unsigned* b) const {
    const unsigned x = from_lane(one, first), y = from_lane(other, second);
    b[0] = odd ? y : x;
    b[1] = odd ? x : y;
  }
};

// Values that are kept as codes.
template <class T, int D, int N, int U, int R, bool fast> struct CodeValues {
  using Row = CodeRow<T, Side::value, D>;
  using L = Levels<T, fast>;
  static constexpr int runs = Row::run < N ? N / Row::run : 1;
  static constexpr int main_words = CodeTile<T, Side::value, D, N>::main_words;

  CodeTile<T, Side::value, D, N> tiles[U];
  Scales<Row> scales[U];     // of rows 4j.. of a tile
  float sums[R / 4][N / 8];  // of query row 4k + c, dims 8e + j
  float least[R / 4][runs];  // of this lane's rows alone

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (int k = 0; k < R / 4; k++) {
#pragma unroll
      for (int e = 0; e < N / 8; e++) sums[k][e] = 0;
#pragma unroll
      for (int r = 0; r < runs; r++) least[k][r] = 0;
    }
  }

  __device__ __forceinline__ void shrink(const float* by) {
#pragma unroll
    for (int k = 0; k < R / 4; k++) {
#pragma unroll
      for (int e = 0; e < N / 8; e++) sums[k][e] *= by[k];
#pragma unroll
      for (int r = 0; r < runs; r++) least[k][r] *= by[k];
    }
  }

  __device__ __forceinline__ void load(const unsigned char* values, const unsigned char* numbers, int slice, int lane) {
    numbers = anchored(numbers + 4 * (lane >> 2) * Row::scale_bytes);
#pragma unroll
    for (int u = 0; u < U; u++) {
      tiles[u].load(values + u * tile * Row::bytes, lane, slice);
      scales[u].load(numbers + u * tile * Row::scale_bytes);
    }
  }

  // Where bit 4u + n is set, row 4j + n of tile u is one that nobody sees: it may hold anything.
  __device__ __forceinline__ void hide(unsigned hidden, int) {
#pragma unroll
    for (int n = 0; n < 4 * U; n++)
      if (hidden >> n & 1) scales[n / 4].clear(n % 4);
  }

  // A of dims 16m.. of the slice in tile u, for each term; rows 8u are exchanged with their
  // neighbours where m is odd, see pair.
  __device__ __forceinline__ void levels(int u, int m, const Factors& f, unsigned a[][4]) const {
    if constexpr (Row::wide) {
#pragma unroll
      for (int k = 0; k < 4; k++) a[0][k] = tiles[u].main[4 * m + k % 2 * 2 + k / 2];
    } else {
#pragma unroll
      for (int k = 0; k < 2; k++) {
        const unsigned low = tiles[u].paired_low(m % 2, m / 2 * 2 + k), high = tiles[u].paired_high(m % 2, m / 2 * 2 + k);
        unsigned b[2][L::terms];
        L::find(low, high, f, b);
#pragma unroll
        for (int t = 0; t < L::terms; t++) a[t][k] = b[0][t], a[t][2 + k] = b[1][t];
      }
    }
  }

  // Adds weight e[k][4u + n] of row 4j + n of tile u, for query row 4k + c and every dim of the
  // slice. 2^reach[k] is the largest.
  __device__ __forceinline__ void add(const float e[][4 * U], const float* reach, const Factors& f, int slice, int lane) {
    const int first = slice * N; // dims
    const Exchange exchange(lane);
    const unsigned one = Exchange::upper_first(lane) ? 0x7632 : 0x5410, sign = Exchange::upper_first(lane) ? 0 : 0x80808080u;
    if constexpr (!Row::wide) {
#pragma unroll
      for (int u = 0; u < U; u++) tiles[u].pair();
    }
#pragma unroll
    for (int r = 0; r < runs; r++) {
      const int run = runs == 1 ? first / Row::run : slice * runs + r;
      // Weights times scales, as signed 15-bit integers relative to what is never exceeded.
      float scale[4 * U], most = 0;
#pragma unroll
      for (int n = 0; n < 4 * U; n++) {
        scale[n] = number(n, run);
        most = fmaxf(most, fabsf(scale[n]));
      }
      most = largest_of_warp(most);
      const float by = 32512.0f * reciprocal_fast(most), back_by = most * (1.0f / 32512.0f);
      float back[R / 4];
      // the last but one: rows in order, and exchanged with their neighbours
      unsigned b[U][R / 4][L::sets][2][2];
#pragma unroll
      for (int k = 0; k < R / 4; k++) {
        const float factor = by * exp2_fast(-reach[k]);
        back[k] = back_by * exp2_fast(reach[k]);
#pragma unroll
        for (int u = 0; u < U; u++) {
#pragma unroll
          for (int set = 0; set < L::sets; set++) {
            // 128 more than the integer: byte 1 is the upper one, byte 0 the lower one but for its
            // sign
            unsigned w[4];
#pragma unroll
            for (int n = 0; n < 4; n++) w[n] = as_bits(fmaf(e[k][4 * u + n], scale[4 * u + n] * (set ? factor * L::fine : factor), magic + 128));
            const unsigned t0 = prmt(w[0], w[1], 0x5140), t1 = prmt(w[2], w[3], 0x5140);
            exchange(prmt(t0, t1, one) ^ sign, prmt(t0, t1, one ^ 0x2222) ^ sign ^ 0x80808080u, b[u][k][set][0]);
#pragma unroll
            for (int h = 0; h < 2; h++) b[u][k][set][1][h] = Row::wide ? b[u][k][set][0][h] : prmt(b[u][k][set][0][h], 0, 0x2301);
          }
        }
        if constexpr (T::has_least) {
#pragma unroll
          for (int n = 0; n < 4 * U; n++) least[k][r] += e[k][n] * number(n, Row::runs + run);
        }
      }
#pragma unroll
      for (int m = r * (N / 16 / runs); m < (r + 1) * (N / 16 / runs); m++) {
        int c[R / 4][4] = {};
#pragma unroll
        for (int u = 0; u < U; u++) {
          unsigned a[L::terms][4];
          levels(u, m, f, a);
#pragma unroll
          for (int t = 0; t < L::terms; t++)
#pragma unroll
            for (int k = 0; k < R / 4; k++) mma_s8(c[k], a[t], b[u][k][L::set(t)][m % 2][0], b[u][k][L::set(t)][m % 2][1]);
        }
#pragma unroll
        for (int k = 0; k < R / 4; k++)
#pragma unroll
          for (int x = 0; x < 2; x++) sums[k][2 * m + x] = fmaf(joined(c[k], x), back[k], sums[k][2 * m + x]);
      }
    }
  }

  __device__ __forceinline__ float number(int n, int at) const {
    if constexpr (N == D) return scales[n / 4].at(n % 4, at);
    float v = 0;
#pragma unroll
    for (int k = 0; k < Row::numbers; k++)
      if (k == at) v = scales[n / 4].at(n % 4, k);
    return v;
  }

  __device__ __forceinline__ void finish() {
    if constexpr (T::has_least) {
#pragma unroll
      for (int k = 0; k < R / 4; k++)
#pragma unroll
        for (int r = 0; r < runs; r++)
#pragma unroll
          for (int s = 4; s < 32; s *= 2) least[k][r] += __shfl_xor_sync(~0u, least[k][r], s);
    }
  }

  // The sum of query row 4k + c at dim 8e + j of the slice.
  __device__ __forceinline__ float sum(int k, int e) const { return sums[k][e] * L::unit + (T::has_least ? least[k][e * runs / (N / 8)] : 0); }
};

// Values that are kept as numbers.
template <class T, int D, int N, int U, int R, bool fast> struct NumberValues {
  using Row = NumberRow<T, Side::value, D>;
  static constexpr bool half = T::element == Element::f16;
  static constexpr int held = N == D ? Row::padded : N, words = held * Row::number_bytes / 4;

  unsigned tiles[U][words];
  float sums[R / 4][N / 16][4];

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (int k = 0; k < R / 4; k++)
#pragma unroll
      for (int n = 0; n < N / 4; n++) sums[k][n / 4][n % 4] = 0;
  }

  __device__ __forceinline__ void shrink(const float* by) {
#pragma unroll
    for (int k = 0; k < R / 4; k++)
#pragma unroll
      for (int n = 0; n < N / 4; n++) sums[k][n / 4][n % 4] *= by[k];
  }

  __device__ __forceinline__ void load(const unsigned char* values, const unsigned char*, int slice, int lane) {
#pragma unroll
    for (int u = 0; u < U; u++) Row::Main::template load<words>(tiles[u], values + u * tile * Row::bytes, lane, slice * words);
  }

  // The bits of this lane's rows, which are other than those of its weights, come from the lanes
  // that have them.
  __device__ __forceinline__ void hide(unsigned hidden, int lane) {
    const unsigned rows[2] = {from_lane(hidden, (lane & 3) * 4), from_lane(hidden, 16 + (lane & 3) * 4)};
#pragma unroll
    for (int u = 0; u < U; u++) {
#pragma unroll
      for (int n = 0; n < words; n++) {
        constexpr int pair = 4 / Row::number_bytes; // numbers of a word
        const int at = n * pair, h = at / 8 % 2, first = 4 * u + at / 4 % 2 * 2 + at % 2;
        unsigned keep = rows[h] >> first & 1 ? 0 : ~0u;
        if (pair == 2) keep = pick(0xffff, keep, rows[h] >> (first + 1) & 1 ? 0 : ~0u);
        tiles[u][n] &= keep;
      }
    }
  }

  __device__ __forceinline__ void add(const float e[][4 * U], const float*, const Factors&, int, int lane) {
    const Exchange exchange(lane);
    const bool upper = Exchange::upper_first(lane);
#pragma unroll
    for (int u = 0; u < U; u++) {
      unsigned b[R / 4][2][2]; // rows below 16 of the tile, and the others; pairs of rows
#pragma unroll
      for (int k = 0; k < R / 4; k++) {
#pragma unroll
        for (int pair = 0; pair < 2; pair++) {
          float p = e[k][4 * u + 2 * pair], q = e[k][4 * u + 2 * pair + 1];
          const unsigned high = split_pair<half>(p, q), low = split_pair<half>(p, q);
          unsigned w[2];
          exchange(upper ? high : low, upper ? low : high, w);
          b[k][0][pair] = w[0];
          b[k][1][pair] = w[1];
        }
      }
#pragma unroll
      for (int m = 0; m < N / 16; m++) {
#pragma unroll
        for (int h = 0; h < 2; h++) {
          const unsigned* w = tiles[u] + (2 * m + h) * (2 * Row::number_bytes);
          if constexpr (T::element != Element::f32) {
#pragma unroll
            for (int k = 0; k < R / 4; k++) mma_pairs<half>(sums[k][m], w, b[k][h][0], b[k][h][1]);
          } else {
            float v[4][2];
            unsigned a[4];
#pragma unroll
            for (int n = 0; n < 8; n++) v[n / 2][n % 2] = as_float(w[n]);
#pragma unroll
            for (int t = 0; t < 3; t++) {
              split_fragment(v, a);
#pragma unroll
              for (int k = 0; k < R / 4; k++) mma_bf16(sums[k][m], a, b[k][h][0], b[k][h][1]);
            }
          }
        }
      }
    }
  }

  __device__ __forceinline__ void finish() {}
  __device__ __forceinline__ float sum(int k, int e) const { return sums[k][e / 2][e % 2 * 2] + sums[k][e / 2][e % 2 * 2 + 1]; }
};

template <bool codes, class T, int D, int N, int U, int R, bool fast> struct ValuesOf { using type = CodeValues<T, D, N, U, R, fast>; };
template <class T, int D, int N, int U, int R, bool fast> struct ValuesOf<false, T, D, N, U, R, fast> { using type = NumberValues<T, D, N, U, R, fast>; };
template <class T, int D, int N, int U, int R, bool fast> using Values = typename ValuesOf<T::codes, T, D, N, U, R, fast>::type;
