// Rows of numbers as rows of f16 and a power of two each, for the tensor cores: what rounding
// leaves over is a second row of f16, and the two have 22 bits of every number that is not 2^17
// times smaller than the largest of its row.
#pragma once
#include "numeric.cuh"

// The power of two that takes the largest number of a row to 2^13 and up, and its inverse. Rows of
// zeros, infinities and NaN keep their numbers.
__device__ inline float unit_of(float most) {
  const int e = as_bits(most) >> 23 & 255;
  return e == 0 || e == 255 ? 1.0f : as_float((unsigned)(clamp(e, 33, 254) - 13) << 23);
}
__device__ inline float inverse_unit(float unit) { return as_float((254u << 23) - as_bits(unit)); }

// Two numbers as f16, and what is left of them.
__device__ __forceinline__ void split_halves(float a, float b, unsigned& high, unsigned& low) {
  high = pair_f16(a, b);
  low = pair_f16(a - half_to_float(high & 0xffff), b - half_to_float(high >> 16));
}
