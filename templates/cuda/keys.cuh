// Scores of U tiles: R query rows against 32*U keys. Keys are A. A query row is two columns of B,
// what it is rounded to and what that left over, so that no precision is spent; eight columns are
// four rows. A lane holds the scores of query rows 4k + c, k < R/4, with keys 4j..4j+3 of each
// tile.
#pragma once
#include "rows.cuh"

constexpr float magic = 12582912.0f; // 1.5 * 2^23: a float whose lower bits are an integer

// What the two columns of a row say together, x for rows j and j+8 of a product.
__device__ __forceinline__ float joined(const int* c, int x) { return (float)(c[2 * x] * 256 + c[2 * x + 1]); }

// Largest |x| of n values in shared memory, for all lanes.
__device__ inline float largest(const float* x, int n, int lane) {
  float a = 0;
  for (int i = lane; i < n; i += 32) a = fmaxf(a, fabsf(x[i]));
  for (int s = 16; s; s >>= 1) a = fmaxf(a, __shfl_xor_sync(~0u, a, s));
  return a;
}

// ~w and w >> 16 by the unit that multiplies: the one that shifts and picks has enough to do where
// codes become levels. The factors come from a lane, so that the compiler neither knows nor makes
// them again.
struct Factors {
  unsigned minus_one, up;
  __device__ __forceinline__ Factors() : minus_one(from_lane(-gridDim.z, 0)), up(from_lane(gridDim.z << 16, 0)) {}
  __device__ __forceinline__ unsigned inverted(unsigned w) const { return multiply_add(w, minus_one, minus_one); }
  __device__ __forceinline__ unsigned upper_half(unsigned w) const { return __umulhi(w, up); }
};

// The levels of a type: unit * (sum of the coarse terms + fine * sum of the others), each term a
// signed byte.
template <class T, bool fast> struct Levels {
  static constexpr int terms = fast ? T::fast_terms : T::exact_terms, coarse = fast ? T::fast_coarse : T::exact_coarse;
  // of integers that weigh them: those of fine terms are smaller
  static constexpr int sets = terms > coarse ? 2 : 1;
  static constexpr float unit = fast ? T::fast_unit : T::exact_unit, fine = 1.0f / fine_levels;
  static __device__ __forceinline__ int set(int term) { return term >= coarse; }

  // Those of eight codes, four and four, a word for each term.
  static __device__ __forceinline__ void find(unsigned low, unsigned high, const Factors& f, unsigned (&out)[2][terms]) {
    const unsigned upper = f.upper_half(low);
    four(low, f.inverted(low), high, out[0]);
    four(upper, f.inverted(upper), high >> 16, out[1]);
  }
  static __device__ __forceinline__ void four(unsigned low, unsigned inverse, unsigned high, unsigned* out) {
    if constexpr (fast) T::fast(low, inverse, high, out);
    else T::exact(low, inverse, high, out);
  }
};

// Query rows in shared memory as columns of B: rows of a pitch at which the lanes of a fragment
// meet no bank twice.
template <int pitch> struct Columns {
  static __device__ __forceinline__ unsigned char* of(unsigned char* shared, int row, int set, int sets) {
    return shared + ((row / 4 * sets + set) * 8 + row % 4 * 2) * pitch;
  }
  static __device__ void clear(unsigned char* shared, int row, int sets, int lane) {
    for (int set = 0; set < sets; set++)
      for (int i = lane; i < pitch / 2; i += 32) ((unsigned*)of(shared, row, set, sets))[i] = 0;
  }
};

// Keys that are kept as codes: q is two signed bytes per value, sums are integers.
template <class T, int D, int U, int R, bool fast> struct CodeKeys {
  using Row = CodeRow<T, Side::key, D>;
  using L = Levels<T, fast>;
  static constexpr int pitch = Row::padded + 16, columns = 2 * R * L::sets * pitch;
  // and units, and sums over runs in units
  static constexpr int query_bytes = columns + 4 * R * (1 + Row::runs);
  static constexpr int main_words = CodeTile<T, Side::key, D>::main_words;

  CodeTile<T, Side::key, D> tiles[U];
  Scales<Row> scales[U];

  // A row that there is not.
  static __device__ void no_query(unsigned char* shared, int row, int lane) {
    Columns<pitch>::clear(shared, row, L::sets, lane);
    float* units = (float*)(shared + columns);
    if (lane == 0) units[row] = 1;
    for (int r = lane; r < Row::runs; r += 32) units[R + row * Row::runs + r] = 0;
  }

  // Puts a query row, D values in shared memory, where scores finds it. A warp calls it.
  static __device__ void query(unsigned char* shared, const float* x, int row, int lane) {
    const float most = largest(x, D, lane), factor = most > 0 ? 32512.0f / most : 0, unit = most > 0 ? most / 32512.0f * L::unit : 1;
    float* units = (float*)(shared + columns);
    if (lane == 0) units[row] = unit;
    for (int r = 0; r < Row::runs; r++) {
      float sum = 0;
      for (int i = r * Row::run + lane; i < (r + 1) * Row::run; i += 32) {
        for (int set = 0; set < L::sets; set++) {
          const int n = (int)rintf(set ? x[i] * factor * L::fine : x[i] * factor), high = (n + 128) >> 8;
          unsigned char* to = Columns<pitch>::of(shared, row, set, L::sets);
          to[i] = (unsigned char)high;
          to[pitch + i] = (unsigned char)(n - 256 * high);
        }
        sum += x[i];
      }
      for (int s = 16; s; s >>= 1) sum += __shfl_xor_sync(~0u, sum, s);
      if (lane == 0) units[R + row * Row::runs + r] = sum / unit;
    }
  }

  // What a score is in units of.
  static __device__ __forceinline__ float unit(const unsigned char* shared, int row) { return ((const float*)(shared + columns))[row]; }

  // From the first row on, and its scales.
  __device__ __forceinline__ void load(const unsigned char* keys, const unsigned char* numbers, int lane) {
    numbers = anchored(numbers + 4 * (lane >> 2) * Row::scale_bytes);
#pragma unroll
    for (int u = 0; u < U; u++) {
      tiles[u].load(keys + u * tile * Row::bytes, lane);
      scales[u].load(numbers + u * tile * Row::scale_bytes);
    }
  }

  // A of 32 dims of rows 2m and 2m+1 of the lane's four of tile u, for each term.
  __device__ __forceinline__ void levels(int u, int m, int step, const Factors& f, unsigned a[][4]) const {
    if constexpr (Row::wide) {
      const unsigned* w = tiles[u].main + m * (main_words / 2) + 4 * step;
#pragma unroll
      for (int k = 0; k < 4; k++) a[0][k] = w[k];
    } else {
#pragma unroll
      for (int k = 0; k < 2; k++) {
        const unsigned low = tiles[u].low(m, 2 * step + k), high = tiles[u].high(m, 2 * step + k);
        unsigned b[2][L::terms];
        L::find(low, high, f, b);
#pragma unroll
        for (int t = 0; t < L::terms; t++) a[t][2 * k] = b[0][t], a[t][2 * k + 1] = b[1][t];
      }
    }
  }

  // s[k][4u + n] is the product of query row 4k + c with key 4j + n of tile u.
  __device__ __forceinline__ void scores(float s[][4 * U], const unsigned char* shared, const Factors& f, int lane) const {
    // 16 steps, joined, stay below 2^31
    constexpr int steps = D / 32, chunk = Row::run / 32 < 16 ? Row::run / 32 : 16;
    const int c = lane & 3;
    const unsigned char* q = shared + (lane >> 2) * pitch + 4 * c;
#pragma unroll
    for (int first = 0; first < steps; first += chunk) {
      int sums[2 * U][R / 4][4] = {};
#pragma unroll
      for (int step = first; step < first + chunk && step < steps; step++) {
        unsigned b[R / 4][L::sets][2];
#pragma unroll
        for (int k = 0; k < R / 4 * L::sets; k++) {
          const unsigned char* column = q + 8 * k * pitch + 32 * step;
          b[k / L::sets][k % L::sets][0] = *(const unsigned*)column;
          b[k / L::sets][k % L::sets][1] = *(const unsigned*)(column + 16);
        }
#pragma unroll
        for (int n = 0; n < 2 * U; n++) {
          unsigned a[L::terms][4];
          levels(n / 2, n % 2, step, f, a);
#pragma unroll
          for (int t = 0; t < L::terms; t++)
#pragma unroll
            for (int k = 0; k < R / 4; k++) mma_s8(sums[n][k], a[t], b[k][L::set(t)][0], b[k][L::set(t)][1]);
        }
      }
      const int run = first * 32 / Row::run;
#pragma unroll
      for (int k = 0; k < R / 4; k++) {
#pragma unroll
        for (int n = 0; n < 4 * U; n++) {
          const float v = joined(sums[n / 2][k], n % 2) * scales[n / 4].at(n % 4, run);
          s[k][n] = first == 0 ? v : s[k][n] + v;
        }
      }
    }
    if constexpr (T::has_least) {
      const float* runs = (const float*)(shared + columns) + R;
#pragma unroll
      for (int k = 0; k < R / 4; k++) {
#pragma unroll
        for (int r = 0; r < Row::runs; r++) {
          const float sum = runs[(4 * k + c) * Row::runs + r];
#pragma unroll
          for (int n = 0; n < 4 * U; n++) s[k][n] += sum * scales[n / 4].at(n % 4, Row::runs + r);
        }
      }
    }
  }
};

// Two numbers as a pair of the lower precision, and what that leaves over; bf16 unless half.
template <bool half> __device__ __forceinline__ unsigned split_pair(float& a, float& b) {
  if (half) {
    const unsigned p = pair_f16(a, b);
    a -= half_to_float(p & 0xffff);
    b -= half_to_float(p >> 16);
    return p;
  }
  const unsigned p = pair_bf16(a, b);
  a -= as_float(p << 16);
  b -= as_float(p & 0xffff0000);
  return p;
}

template <bool half> __device__ __forceinline__ void mma_pairs(float* c, const unsigned* a, unsigned b0, unsigned b1) {
  if (half) mma_f16(c, a, b0, b1);
  else mma_bf16(c, a, b0, b1);
}

// Four fragments of numbers of f32 as three of bf16, one after the other: v becomes what is left.
__device__ __forceinline__ void split_fragment(float v[4][2], unsigned* a) {
#pragma unroll
  for (int k = 0; k < 4; k++) a[k] = split_pair<false>(v[k][0], v[k][1]);
}

// Keys that are kept as numbers. f32 is three numbers of bf16.
template <class T, int D, int U, int R, bool fast> struct NumberKeys {
  using Row = NumberRow<T, Side::key, D>;
  static constexpr bool half = T::element == Element::f16;
  static constexpr int pitch = 2 * Row::padded + 16, columns = 2 * R * pitch, query_bytes = columns + 4 * R;

  unsigned words[U][Row::Main::words];

  static __device__ void no_query(unsigned char* shared, int row, int lane) {
    Columns<pitch>::clear(shared, row, 1, lane);
    if (lane == 0) ((float*)(shared + columns))[row] = 1;
  }

  static __device__ void query(unsigned char* shared, const float* x, int row, int lane) {
    // The largest value becomes one of 2^10, so that f16 holds rows of any size.
    const float most = largest(x, D, lane);
    const float unit = most > 0 && most < 1e30f ? as_float((as_bits(most) & 0x7f800000) - (10u << 23)) : 1;
    unsigned char* to = Columns<pitch>::of(shared, row, 0, 1);
    if (lane == 0) ((float*)(shared + columns))[row] = unit;
    for (int k = lane; k < Row::padded / 2; k += 32) {
      float a = 2 * k < D ? x[2 * k] / unit : 0, b = 2 * k + 1 < D ? x[2 * k + 1] / unit : 0;
      *(unsigned*)(to + 4 * k) = split_pair<half>(a, b);
      *(unsigned*)(to + pitch + 4 * k) = split_pair<half>(a, b);
    }
  }

  static __device__ __forceinline__ float unit(const unsigned char* shared, int row) { return ((const float*)(shared + columns))[row]; }

  __device__ __forceinline__ void load(const unsigned char* keys, const unsigned char*, int lane) {
#pragma unroll
    for (int u = 0; u < U; u++) Row::Main::template load<Row::Main::words>(words[u], keys + u * tile * Row::bytes, lane, 0);
  }

  __device__ __forceinline__ void scores(float s[][4 * U], const unsigned char* shared, const Factors&, int lane) const {
    constexpr int steps = Row::padded / 16;
    const unsigned char* q = shared + (lane >> 2) * pitch + 4 * (lane & 3);
    float sums[2 * U][R / 4][4] = {};
#pragma unroll
    for (int step = 0; step < steps; step++) {
      unsigned b[R / 4][2];
#pragma unroll
      for (int k = 0; k < R / 4; k++) {
        b[k][0] = *(const unsigned*)(q + 8 * k * pitch + 32 * step);
        b[k][1] = *(const unsigned*)(q + 8 * k * pitch + 32 * step + 16);
      }
#pragma unroll
      for (int n = 0; n < 2 * U; n++) {
        const unsigned* w = words[n / 2] + (n % 2 * steps + step) * (2 * Row::number_bytes);
        if constexpr (T::element != Element::f32) {
#pragma unroll
          for (int k = 0; k < R / 4; k++) mma_pairs<half>(sums[n][k], w, b[k][0], b[k][1]);
        } else {
          float v[4][2];
          unsigned a[4];
#pragma unroll
          for (int k = 0; k < 8; k++) v[k / 2][k % 2] = as_float(w[k]);
#pragma unroll
          for (int t = 0; t < 3; t++) {
            split_fragment(v, a);
#pragma unroll
            for (int k = 0; k < R / 4; k++) mma_bf16(sums[n][k], a, b[k][0], b[k][1]);
          }
        }
      }
    }
#pragma unroll
    for (int k = 0; k < R / 4; k++)
#pragma unroll
      for (int n = 0; n < 4 * U; n++) s[k][n] = sums[n / 2][k][n % 2 * 2] + sums[n / 2][k][n % 2 * 2 + 1];
  }
};

template <bool codes, class T, int D, int U, int R, bool fast> struct KeysOf { using type = CodeKeys<T, D, U, R, fast>; };
template <class T, int D, int U, int R, bool fast> struct KeysOf<false, T, D, U, R, fast> { using type = NumberKeys<T, D, U, R, fast>; };
template <class T, int D, int U, int R, bool fast> using Keys = typename KeysOf<T::codes, T, D, U, R, fast>::type;
