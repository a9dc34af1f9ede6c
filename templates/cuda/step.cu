// What lies between two blocks of a model: the residual stream takes the output of the last, the
// input of the next is made of it. One block of threads a token.
//
// Before this file comes WIDTH, the values of the stream, and THREADS.
#include "args.cuh"
#include "norm.cuh"

constexpr int each = (WIDTH + THREADS - 1) / THREADS; // values of a thread

// What a block will ask for that has been in memory for long comes while the launch before ends.
__device__ inline void ask_ahead(const float* from) {
  if (!from) return;
  for (int i = 8 * threadIdx.x; i < WIDTH; i += 8 * THREADS) prefetch(from + i);
}

// x = (x + post(y)) * scale; h = pre(x).
extern "C" __global__ void __launch_bounds__(THREADS) step(const Step p) {
  let_next();
  ask_ahead(p.x + (long long)blockIdx.x * WIDTH);
  if (p.y) ask_ahead(p.post.w);
  if (p.h) ask_ahead(p.pre.w);
  await_previous();
  __shared__ float spare[33];
  const long long row = (long long)blockIdx.x * WIDTH;
  const int t = threadIdx.x;
  float v[each], x[each];
  const float* y = p.y ? p.y : p.x;
#pragma unroll
  for (int k = 0; k < each; k++) { // all of it on its way at once
    const int i = min(t + k * THREADS, WIDTH - 1);
    x[k] = p.x[row + i], v[k] = y[row + i];
  }
  if (p.y) {
    normalise(v, WIDTH, p.post, spare);
    for (int k = 0; k < each; k++) {
      x[k] = (x[k] + v[k]) * p.scale;
      if (t + k * THREADS < WIDTH) p.x[row + t + k * THREADS] = x[k];
    }
  }
  if (!p.h) return;
  normalise(x, WIDTH, p.pre, spare);
  for (int k = 0; k < each; k++)
    if (t + k * THREADS < WIDTH) p.h[row + t + k * THREADS] = x[k];
}

// x = x * scale + place.
extern "C" __global__ void __launch_bounds__(THREADS) embed(const Embed p) {
  let_next();
  await_previous();
  for (int i = threadIdx.x; i < WIDTH; i += THREADS) {
    const long long at = (long long)blockIdx.x * WIDTH + i;
    p.x[at] = p.x[at] * p.scale + (p.place ? p.place[at] : 0);
  }
}

// sum = post(part), or sum + post(part).
extern "C" __global__ void __launch_bounds__(THREADS) branch(const Branch p) {
  let_next();
  await_previous();
  __shared__ float spare[33];
  const long long row = (long long)blockIdx.x * WIDTH;
  float v[each];
  for (int k = 0; k < each; k++) v[k] = threadIdx.x + k * THREADS < WIDTH ? p.part[row + threadIdx.x + k * THREADS] : 0;
  normalise(v, WIDTH, p.post, spare);
  for (int k = 0; k < each; k++) {
    const int i = threadIdx.x + k * THREADS;
    if (i < WIDTH) p.sum[row + i] = p.add ? p.sum[row + i] + v[k] : v[k];
  }
}

// y = norm(x).
extern "C" __global__ void __launch_bounds__(THREADS) normal(const NormRows p) {
  let_next();
  await_previous();
  __shared__ float spare[33];
  const long long row = (long long)blockIdx.x * WIDTH;
  float v[each];
  for (int k = 0; k < each; k++) v[k] = threadIdx.x + k * THREADS < WIDTH ? p.x[row + threadIdx.x + k * THREADS] : 0;
  normalise(v, WIDTH, p.norm, spare);
  for (int k = 0; k < each; k++)
    if (threadIdx.x + k * THREADS < WIDTH) p.y[row + threadIdx.x + k * THREADS] = v[k];
}
