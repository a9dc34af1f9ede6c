// Norms of rows by a block of threads: each thread holds the values i = thread, thread + count, ...
// in registers.
#pragma once
#include "args.cuh"
#include "warp.cuh"

// The sum of v over the threads of a block of whole warps, for all of them. spare is 33 floats of
// shared memory.
__device__ inline float block_sum(float v, float* spare) {
  const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, warps = blockDim.x >> 5;
  for (int s = 16; s; s >>= 1) v += __shfl_xor_sync(~0u, v, s);
  if (warps == 1) return v;
  __syncthreads(); // spare may still be read from the last call
  if (lane == 0) spare[warp] = v;
  __syncthreads();
  v = lane < warps ? spare[lane] : 0;
  for (int s = 16; s; s >>= 1) v += __shfl_xor_sync(~0u, v, s);
  return v;
}

// v = norm(v) of a row of n values, count of them in each thread.
template <int count> __device__ inline void normalise(float (&v)[count], int n, const Norm& p, float* spare) {
  const int t = threadIdx.x, step = blockDim.x;
  if (p.kind == 0) return;
  float mean = 0, sum = 0;
  if (p.kind == 2) {
    for (int k = 0; k < count; k++) sum += t + k * step < n ? v[k] : 0;
    mean = block_sum(sum, spare) / n;
    sum = 0;
  }
  for (int k = 0; k < count; k++) {
    v[k] -= mean;
    sum += t + k * step < n ? v[k] * v[k] : 0;
  }
  const float by = 1 / sqrtf(block_sum(sum, spare) / n + p.eps);
  for (int k = 0; k < count; k++) {
    const int i = t + k * step;
    if (i >= n) continue;
    v[k] *= by;
    if (p.w) v[k] *= p.w[i];
    if (p.b) v[k] += p.b[i];
  }
}
