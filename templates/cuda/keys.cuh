// Scores of U tiles: up to 8 query rows against 32*U keys. The query rows are rows j of A, so that a lane holds the scores of query row
// j with keys 2c and 2c+1 of each 8; rows j+8 of A are what rounding query row j to rows j left over, so no precision is spent.
#pragma once
#include "rows.cuh"

constexpr float magic = 12582912.0f; // 1.5 * 2^23: a float whose lower bits are an integer

// The sum that rows j and j+8 of a product make, of one byte of the levels or two; c[b] is the result of mma for byte b.
template <int level_bytes> __device__ __forceinline__ float joined(const int (&c)[level_bytes][4], int x) {
  float v = (float)(c[0][x] * 256 + c[0][2 + x]);
  if constexpr (level_bytes == 2) v = v * level_base + (float)(c[1][x] * 256 + c[1][2 + x]);
  return v;
}

// Largest |x| of n values in shared memory, for all lanes.
__device__ inline float largest(const float* x, int n, int lane) {
  float a = 0;
  for (int i = lane; i < n; i += 32) a = fmaxf(a, fabsf(x[i]));
  for (int s = 16; s; s >>= 1) a = fmaxf(a, __shfl_xor_sync(~0u, a, s));
  return a;
}

// Keys that are kept as codes: q is two signed bytes per value, sums are integers.
template <class T, int D, int U, bool fast> struct CodeKeys {
  using Row = CodeRow<T, Side::key, D>;
  static constexpr int pitch = round_up(D, 64) + 16;              // bytes of a row of q; lanes of a fragment meet no bank twice
  static constexpr int query_bytes = 16 * pitch + 8 * 4 * (1 + Row::runs); // q, its unit and its sum over each run
  static constexpr int level_bytes = fast ? T::fast_bytes : T::exact_bytes, terms = fast ? T::fast_terms : T::exact_terms;
  static constexpr float unit = fast ? T::fast_unit : T::exact_unit;

  Row rows[4 * U];
  Scales<Row> scales[4 * U];

  // Puts query row j, D values in shared memory, where scores finds it. A warp calls it.
  // A row that there is not.
  static __device__ void no_query(unsigned char* shared, int j, int lane) {
    for (int i = lane; i < pitch / 4; i += 32) ((unsigned*)(shared + j * pitch))[i] = ((unsigned*)(shared + (j + 8) * pitch))[i] = 0;
    float* units = (float*)(shared + 16 * pitch);
    if (lane == 0) units[j] = 0;
    for (int r = lane; r < Row::runs; r += 32) units[8 + j * Row::runs + r] = 0;
  }

  static __device__ void query(unsigned char* shared, const float* x, int j, int lane) {
    const float most = largest(x, D, lane), factor = most > 0 ? 32512.0f / most : 0;
    float* units = (float*)(shared + 16 * pitch); // of 8 rows, then the sums of their runs
    if (lane == 0) units[j] = most / 32512.0f * unit;
    for (int r = 0; r < Row::runs; r++) {
      float sum = 0;
      for (int i = r * Row::run + lane; i < (r + 1) * Row::run; i += 32) {
        const int n = (int)rintf(x[i] * factor), high = (n + 128) >> 8;
        shared[j * pitch + i] = (unsigned char)high;
        shared[(j + 8) * pitch + i] = (unsigned char)(n - 256 * high);
        sum += x[i];
      }
      for (int s = 16; s; s >>= 1) sum += __shfl_xor_sync(~0u, sum, s);
      if (lane == 0) units[8 + j * Row::runs + r] = sum;
    }
  }

  __device__ __forceinline__ void load(const unsigned char* keys, const unsigned char* numbers, int first, int lane) {
    keys += (long long)(first + (lane >> 2)) * Row::bytes;
    numbers += (long long)(first + 2 * (lane & 3)) * Row::scale_bytes;
#pragma unroll
    for (int n = 0; n < 4 * U; n++) {
      rows[n].load(keys + 8 * n * Row::bytes, lane & 3);
      scales[n].load(numbers + 8 * n * Row::scale_bytes);
    }
  }

  static __device__ __forceinline__ void levels(const Row& row, int step, unsigned b[2][2 * 2]) {
    if constexpr (Row::w8) {
      b[0][0] = row.p8.w[2 * step];
      b[1][0] = row.p8.w[2 * step + 1];
    } else {
      const unsigned low = row.low(step), high = row.high(step);
      if constexpr (fast) {
        T::fast(low, high, b[0]);
        T::fast(low >> 16, high >> 16, b[1]);
      } else {
        T::exact(low, high, b[0]);
        T::exact(low >> 16, high >> 16, b[1]);
      }
    }
  }

  // s[2n + x] is the product of query row j with key 8n + 2c + x.
  __device__ __forceinline__ void scores(float* s, const unsigned char* shared, int lane) const {
    constexpr int steps = D / 32, chunk = Row::run / 32 < 16 ? Row::run / 32 : 16; // 16 steps, joined, stay below 2^31
    const int j = lane >> 2, c = lane & 3;
    const unsigned char* q = shared + j * pitch + 4 * c;
    const float* units = (const float*)(shared + 16 * pitch);
#pragma unroll
    for (int first = 0; first < steps; first += chunk) {
      int sums[4 * U][level_bytes][4] = {};
#pragma unroll
      for (int step = first; step < first + chunk && step < steps; step++) {
        const unsigned a[4] = {*(const unsigned*)(q + 32 * step), *(const unsigned*)(q + 8 * pitch + 32 * step),
                               *(const unsigned*)(q + 32 * step + 16), *(const unsigned*)(q + 8 * pitch + 32 * step + 16)};
#pragma unroll
        for (int n = 0; n < 4 * U; n++) {
          unsigned b[2][4];
          levels(rows[n], step, b);
#pragma unroll
          for (int k = 0; k < level_bytes * terms; k++) mma_s8(sums[n][k / terms], a, b[0][k], b[1][k]);
        }
      }
      const int run = first * 32 / Row::run;
#pragma unroll
      for (int n = 0; n < 4 * U; n++) {
#pragma unroll
        for (int x = 0; x < 2; x++) {
          const float v = joined<level_bytes>(sums[n], x) * scales[n].at(x, run);
          s[2 * n + x] = first == 0 ? v : s[2 * n + x] + v;
        }
      }
    }
#pragma unroll
    for (int k = 0; k < 8 * U; k++) s[k] *= units[j];
    if constexpr (T::has_least) {
#pragma unroll
      for (int r = 0; r < Row::runs; r++) {
        const float sum = units[8 + j * Row::runs + r];
#pragma unroll
        for (int k = 0; k < 8 * U; k++) s[k] += sum * scales[k / 2].at(k % 2, Row::runs + r);
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

// Keys that are kept as numbers. f32 is three numbers of bf16.
template <class T, int D, int U, bool fast> struct NumberKeys {
  using Row = NumberRow<T, Side::key, D>;
  static constexpr bool half = T::element == Element::f16;
  static constexpr int padded = round_up(D, 16), pitch = 2 * padded + 16, query_bytes = 16 * pitch + 32;

  Row rows[4 * U];

  static __device__ void no_query(unsigned char* shared, int j, int lane) {
    for (int i = lane; i < pitch / 4; i += 32) ((unsigned*)(shared + j * pitch))[i] = ((unsigned*)(shared + (j + 8) * pitch))[i] = 0;
    if (lane == 0) ((float*)(shared + 16 * pitch))[j] = 0;
  }

  static __device__ void query(unsigned char* shared, const float* x, int j, int lane) {
    // The largest value becomes one of 2^10, so that f16 holds rows of any size.
    const float most = largest(x, D, lane);
    const float unit = most > 0 && most < 1e30f ? as_float((as_bits(most) & 0x7f800000) - (10u << 23)) : 1;
    if (lane == 0) ((float*)(shared + 16 * pitch))[j] = unit;
    for (int k = lane; k < padded / 2; k += 32) {
      float a = 2 * k < D ? x[2 * k] / unit : 0, b = 2 * k + 1 < D ? x[2 * k + 1] / unit : 0;
      *(unsigned*)(shared + j * pitch + 4 * k) = split_pair<half>(a, b);
      *(unsigned*)(shared + (j + 8) * pitch + 4 * k) = split_pair<half>(a, b);
    }
  }

  __device__ __forceinline__ void load(const unsigned char* keys, const unsigned char*, int first, int lane) {
    keys += (long long)(first + (lane >> 2)) * Row::bytes;
#pragma unroll
    for (int n = 0; n < 4 * U; n++) rows[n].load(keys + 8 * n * Row::bytes, lane & 3);
  }

  __device__ __forceinline__ void scores(float* s, const unsigned char* shared, int lane) const {
    const int j = lane >> 2, c = lane & 3;
    const unsigned char* q = shared + j * pitch + 4 * c;
    float sums[4 * U][4] = {};
#pragma unroll
    for (int step = 0; step < padded / 16; step++) {
      const unsigned a[4] = {*(const unsigned*)(q + 32 * step), *(const unsigned*)(q + 8 * pitch + 32 * step),
                             *(const unsigned*)(q + 32 * step + 16), *(const unsigned*)(q + 8 * pitch + 32 * step + 16)};
#pragma unroll
      for (int n = 0; n < 4 * U; n++) {
        const unsigned* w = rows[n].p.w;
        if constexpr (T::element != Element::f32) {
          mma_pairs<half>(sums[n], a, w[2 * step], w[2 * step + 1]);
        } else {
          float v[4];
#pragma unroll
          for (int k = 0; k < 4; k++) v[k] = as_float(w[4 * step + k]);
#pragma unroll
          for (int t = 0; t < 3; t++) {
            const unsigned b0 = split_pair<false>(v[0], v[1]), b1 = split_pair<false>(v[2], v[3]);
            mma_bf16(sums[n], a, b0, b1);
          }
        }
      }
    }
    const float unit = ((const float*)(shared + 16 * pitch))[j];
#pragma unroll
    for (int k = 0; k < 8 * U; k++) s[k] = (sums[k / 2][k % 2] + sums[k / 2][2 + k % 2]) * unit;
  }
};

template <bool codes, class T, int D, int U, bool fast> struct KeysOf { using type = CodeKeys<T, D, U, fast>; };
template <class T, int D, int U, bool fast> struct KeysOf<false, T, D, U, fast> { using type = NumberKeys<T, D, U, fast>; };
template <class T, int D, int U, bool fast> using Keys = typename KeysOf<T::codes, T, D, U, fast>::type;
