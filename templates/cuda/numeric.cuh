// The arithmetic that the structs of types are written in: storage formats of single numbers, bits
// of a block, and the built-in functions of the spec language for one value. Each has the bits of
// the function of the same job in kernels/cpu.
#pragma once
#include "warp.cuh"

enum class Element { f32, f16, bf16 }; // what rows of a type without codes are kept as

__device__ inline float as_float(unsigned u) { return __uint_as_float(u); }
__device__ inline unsigned as_bits(float x) { return __float_as_uint(x); }

// W bits of b from bit on, at most 16.
template <int W> __device__ inline int read_bits(const unsigned char* b, int bit) {
  b += bit >> 3;
  bit &= 7;
  unsigned v = b[0];
  if (bit + W > 8) v |= b[1] << 8;
  if (bit + W > 16) v |= b[2] << 16;
  return v >> bit & ((1u << W) - 1);
}

template <int N> __device__ inline unsigned read_bytes(const unsigned char* b) {
  unsigned v = 0;
  for (int k = 0; k < N; k++) v |= (unsigned)b[k] << 8 * k;
  return v;
}

// Ors the low W bits of v into zeroed words in shared memory; lanes may meet in a word.
template <int W> __device__ inline void put_bits(unsigned* b, int bit, unsigned v) {
  if (W < 32) v &= (1u << (W & 31)) - 1;
  const int shift = bit & 31;
  atomicOr(b + (bit >> 5), v << shift);
  if (shift + W > 32) atomicOr(b + (bit >> 5) + 1, v >> (32 - shift));
}

template <int W> __device__ inline int sign_extend(int v) { return (int)((unsigned)v << (32 - W)) >> (32 - W); }

// Storage formats. NaN becomes the quiet NaN that the CPU kernels store.
__device__ inline unsigned to_f16(float x) {
  const unsigned bits = as_bits(x), sign = bits >> 16 & 0x8000, mag = bits & 0x7fffffff;
  if (mag > 0x7f800000) return sign | 0x7e00;
  if (mag >= 0x47800000) return sign | 0x7c00;
  if (mag < 0x38800000) return sign | (as_bits(as_float(mag) + 0.5f) - as_bits(0.5f));
  return sign | ((mag + 0xfff + (mag >> 13 & 1) - (112u << 23)) >> 13);
}

__device__ inline float from_f16(unsigned h) {
  const unsigned sign = (h & 0x8000) << 16, mag = h & 0x7fff;
  if (mag >= 0x7c00) return as_float(sign | 0x7f800000 | (mag > 0x7c00 ? 0x400000 : 0) | (mag & 0x3ff) << 13);
  if (mag < 0x400) return as_float(sign | as_bits((float)mag * 0x1p-24f));
  return as_float(sign | ((mag << 13) + (112u << 23)));
}

__device__ inline unsigned to_bf16(float x) {
  const unsigned bits = as_bits(x);
  if ((bits & 0x7fffffff) > 0x7f800000) return bits >> 16 | 0x40;
  return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

__device__ inline float from_bf16(unsigned h) { return as_float(h << 16); }
__device__ inline unsigned to_f32(float x) { return as_bits(x); }
__device__ inline float from_f32(unsigned u) { return as_float(u); }
__device__ inline unsigned to_e8m0(float x) { return as_bits(x) >> 23 & 0xff; }
__device__ inline float from_e8m0(unsigned e) { return e == 0 ? 0x1p-127f : as_float(e << 23); }

// min and max of the language: a < b ? a : b, so that a NaN in a gives b.
template <class N> __device__ inline N lesser(N a, N b) { return a < b ? a : b; }
template <class N> __device__ inline N greater(N a, N b) { return a > b ? a : b; }
template <class N> __device__ inline N clamp(N x, N lo, N hi) { return lesser(greater(x, lo), hi); }
__device__ inline float magnitude(float x) { return as_float(as_bits(x) & 0x7fffffff); }
__device__ inline int magnitude(int x) { return x < 0 ? -x : x; }
__device__ inline float farther(float v, float extreme) { return magnitude(v) > magnitude(extreme) ? v : extreme; }
__device__ inline float reciprocal(float x) { return x != 0 ? 1 / x : 0; }
__device__ inline int quotient(int a, int b) { return b == 0 ? 0 : a / b; }
__device__ inline int remainder(int a, int b) { return b == 0 ? 0 : a % b; }

// Toward zero; NaN and what does not fit give -2^31, here and below.
__device__ inline int trunc_int(float x) { return x >= -0x1p31f && x < 0x1p31f ? (int)x : (int)0x80000000; }
__device__ inline int rint_int(float x) { return trunc_int(rintf(x)); }
__device__ inline int round_int(float x) { return trunc_int(roundf(x)); }

// The number of thresholds t with !(v < t); they ascend.
template <int N> __device__ inline int nearest(const float* thresholds, float v) {
  int lo = 0, hi = N;
  while (lo < hi) {
    const int mid = (lo + hi) / 2;
    if (v < thresholds[mid]) hi = mid;
    else lo = mid + 1;
  }
  return lo;
}

__device__ inline void warp_sync() { __syncwarp(); }

// Calls f(i) for the i below n that are this lane's: every 32nd. Loads of several i may be on their
// way together.
template <int n, class F> __device__ __forceinline__ void each_of(int lane, F f) {
  constexpr int rounds = (n + 31) / 32;
#pragma unroll (rounds <= 8 ? rounds : 4)
  for (int k = 0; k < rounds; k++)
    if (n % 32 == 0 || 32 * k + lane < n) f(32 * k + lane);
}

// A diagonal of ones, as bits: 1 for -1.
struct NoSigns {
  static __device__ __forceinline__ unsigned word(int) { return 0; }
};

// v = after * norm*H * before * v for every N values, of which value 32k + lane is in v[k]. Stages
// have strides 1, 2, 4, ...: those within 32 values are exchanges of lanes. The diagonals have a
// word of bits for 32 values.
template <int N, class Before, class After, int held> __device__ __forceinline__ void wht(float (&v)[held], float norm, int lane) {
  // values of a lane in N; of N in a register of the lanes
  constexpr int each = N < 32 ? 1 : N / 32, within = N < 32 ? N : 32;
#pragma unroll
  for (int k = 0; k < held; k++) v[k] = as_float(as_bits(v[k]) ^ Before::word(k % each) >> lane % within << 31);
#pragma unroll
  for (int h = 1; h < within; h *= 2) {
#pragma unroll
    for (int k = 0; k < held; k++) {
      const float other = __shfl_xor_sync(~0u, v[k], h);
      v[k] = lane & h ? other - v[k] : v[k] + other;
    }
  }
#pragma unroll
  for (int h = 1; h < each; h *= 2) {
#pragma unroll
    for (int k = 0; k < held; k++) {
      if (k & h) continue;
      const float a = v[k], b = v[k ^ h];
      v[k] = a + b;
      v[k ^ h] = a - b;
    }
  }
#pragma unroll
  for (int k = 0; k < held; k++) v[k] = v[k] * as_float(as_bits(norm) ^ After::word(k % each) >> lane % within << 31);
}

// The same of n values in shared memory, by the lanes of a warp.
template <int N, class Before, class After> __device__ void wht(float* x, int n, float norm, int lane) {
  constexpr int each = N < 32 ? 1 : N / 32;
  for (int base = lane; base - lane < n; base += 32 * each) {
    float v[each];
#pragma unroll
    for (int k = 0; k < each; k++) v[k] = base + 32 * k < n ? x[base + 32 * k] : 0;
    wht<N, Before, After>(v, norm, lane);
#pragma unroll
    for (int k = 0; k < each; k++)
      if (base + 32 * k < n) x[base + 32 * k] = v[k];
  }
  __syncwarp();
}

// What a side is transformed by when it is not.
struct Identity {
  static __device__ void forward(float*, int, int) {}
  static __device__ void inverse(float*, int, int) {}
};
