// What attention needs of a batch and of no type: angles of its positions, cells that it changes,
// gates of its output.
#include "args.cuh"
#include "numeric.cuh"

// The cosines and sines by which RoPE rotates a batch: block x is a token.
extern "C" __global__ void __launch_bounds__(128) rope_angles(const Angles p) {
  let_next();
  await_previous();
  const double at = p.positions[blockIdx.x];
  for (int i = threadIdx.x; i < p.pairs; i += blockDim.x) {
    double s, c;
    sincos(at * p.freq[i], &s, &c);
    p.cos[(long long)blockIdx.x * p.pairs + i] = (float)c * p.magnitude;
    p.sin[(long long)blockIdx.x * p.pairs + i] = (float)s * p.magnitude;
  }
}

// The positions of cells that a batch takes, and of those that it leaves.
extern "C" __global__ void __launch_bounds__(256) place(const Place p) {
  for (int i = threadIdx.x; i < p.leaving; i += blockDim.x)
    if (p.left[i] >= 0 && p.left[i] < p.capacity) p.held[p.left[i]] = -1;
  __syncthreads();
  for (int i = threadIdx.x; i < p.tokens; i += blockDim.x)
    if (p.cells[i] >= 0 && p.cells[i] < p.capacity) p.held[p.cells[i]] = p.positions[i];
}

// o *= sigmoid(gate), block x is a token, y a head.
extern "C" __global__ void __launch_bounds__(128) gates(const Gates p) {
  let_next();
  await_previous();
  float* o = p.o + ((long long)blockIdx.x * gridDim.y + blockIdx.y) * p.dim;
  const float* gate = p.gate + blockIdx.x * p.ld + (long long)blockIdx.y * p.step;
  for (int i = threadIdx.x; i < p.dim; i += blockDim.x) o[i] /= 1 + expf(-gate[i]);
}
