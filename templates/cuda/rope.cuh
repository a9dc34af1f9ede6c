// RoPE and the norm of one head in shared memory, by one warp. Operations and their order are those
// of the CPU kernels, bit for bit.
#pragma once
#include "numeric.cuh"

// Rotates the pairs (0,1) (2,3) ..., or (0,n) (1,n+1) ..., of x by the angles whose cosines and
// sines are given.
__device__ inline void rope(float* x, const float* cos, const float* sin, int pairs, int adjacent, int lane) {
  __syncwarp();
  for (int i = lane; i < pairs; i += 32) {
    const int k = adjacent ? 2 * i : i, l = adjacent ? 2 * i + 1 : i + pairs;
    const float a = x[k], b = x[l], c = cos[i], s = sin[i];
    x[k] = a * c - b * s;
    x[l] = a * s + b * c;
  }
  __syncwarp();
}

// x = x / sqrt(mean(x^2) + eps) * w, w null for all ones. Squares are summed in f64, in eight
// lanes.
__device__ inline void rms_norm(float* x, int n, const float* w, float eps, int lane) {
  __syncwarp();
  double sum = 0;
  for (int i = lane % 8; i < n; i += 8) sum += (double)x[i] * x[i];
  for (int k = 4; k; k >>= 1) sum += __shfl_xor_sync(~0u, sum, k);
  const float scale = (float)(1 / sqrt(sum / n + (double)eps));
  __syncwarp();
  for (int i = lane; i < n; i += 32) {
    const float v = x[i] * scale;
    x[i] = w ? v * w[i] : v;
  }
  __syncwarp();
}
