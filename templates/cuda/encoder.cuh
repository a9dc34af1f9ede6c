// What the encoders of types are written in: vectors of a block of n values in registers of a warp,
// value 32k + lane in element k, and tables in lanes, entry 32k + lane in element k. Lanes beyond
// the end of a block or a table repeat its last value, or hold anything after a transform; nothing
// of theirs is kept. All lanes call all of it.
#pragma once
#include "numeric.cuh"

constexpr int held_of(int n) { return (n + 31) / 32; } // registers of a lane for n values

template <int n> __device__ __forceinline__ int held_at(int k, int lane) { return n % 32 ? lesser(32 * k + lane, n - 1) : 32 * k + lane; }
template <int n> __device__ __forceinline__ bool is_held(int k, int lane) { return n % 32 == 0 || 32 * k + lane < n; }

// Entry i of a table of n.
template <int n> __device__ __forceinline__ float looked_up(const float (&table)[held_of(n)], int i) {
  float v = __shfl_sync(~0u, table[0], i & 31);
#pragma unroll
  for (int k = 1; k < held_of(n); k++) {
    const float other = __shfl_sync(~0u, table[k], i & 31);
    if (i >= 32 * k) v = other;
  }
  return v;
}

// The number of thresholds t, n of them, with !(v < t); they ascend.
template <int n> __device__ __forceinline__ int nearest_held(const float (&thresholds)[held_of(n)], float v) {
  constexpr int first = n < 2 ? 1 : n < 4 ? 2 : n < 8 ? 4 : n < 16 ? 8 : n < 32 ? 16 : n < 64 ? 32 : n < 128 ? 64 : 128;
  static_assert(n < 256, "a search among so many thresholds");
  int found = 0;
#pragma unroll
  for (int step = first; step > 0; step /= 2) {
    const int at = found + step - 1; // all before it are found if this one is
    const float t = looked_up<n>(thresholds, at < n ? at : n - 1);
    if (at < n && !(v < t)) found += step;
  }
  return found;
}

// Where the addends of sum_in_order go: in shared memory, those of each sum one after another.
template <int n> __device__ __forceinline__ void put_addend(float* addends, int k, int lane, float v) {
  if (is_held<n>(k, lane)) addends[32 * k + lane] = v;
}

// Sums of n addends each, from the first to the last, for all lanes. What takes the time is the
// additions, one after the other: each lane adds up one of the sums.
template <int n, int count> __device__ __forceinline__ void sum_in_order(const float* addends, float (&sums)[count], int lane) {
  static_assert(count <= 32, "a lane for each sum");
  __syncwarp();
  const float* from = addends + lane % count * n;
  float sum = 0;
  if constexpr (n % 4 == 0) {
#pragma unroll 32
    for (int i = 0; i < n; i += 4) {
      const float4 v = *(const float4*)(from + i);
      sum = sum + v.x;
      sum = sum + v.y;
      sum = sum + v.z;
      sum = sum + v.w;
    }
  } else {
    for (int i = 0; i < n; i++) sum = sum + from[i];
  }
#pragma unroll
  for (int s = 0; s < count; s++) sums[s] = count == 1 ? sum : __shfl_sync(~0u, sum, s);
}

// What join makes of start and the values of a block in their order: join(v, so far) gives one of
// the two, the earlier one where they are equal and the one so far where v is not a number, so that
// neighbours may be joined first.
template <int n, class Join> __device__ __forceinline__ float fold_in_order(const float (&v)[held_of(n)], float start, int lane, Join join) {
  float most[held_of(n)];
#pragma unroll
  for (int k = 0; k < held_of(n); k++) most[k] = is_held<n>(k, lane) ? join(v[k], start) : start;
#pragma unroll
  for (int h = 1; h < 32; h *= 2) {
#pragma unroll
    for (int k = 0; k < held_of(n); k++) {
      const float other = __shfl_xor_sync(~0u, most[k], h);
      most[k] = lane & h ? join(most[k], other) : join(other, most[k]);
    }
  }
  float result = most[0];
#pragma unroll
  for (int k = 1; k < held_of(n); k++) result = join(most[k], result);
  return result;
}
