// What scales rows by a function of themselves or of one number.
#include "args.cuh"
#include "warp.cuh"

// x = cap * tanh(x / cap).
extern "C" __global__ void soft_cap(const Cap p) {
  let_next();
  await_previous();
  for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < p.n; i += (long long)gridDim.x * blockDim.x) p.x[i] = p.cap * tanhf(p.x[i] / p.cap);
}

// y *= sigmoid(logit of the token).
extern "C" __global__ void shared_gate(const SharedGate p) {
  let_next();
  await_previous();
  const float by = 1 / (1 + expf(-p.logits[blockIdx.x]));
  for (int i = threadIdx.x; i < p.width; i += blockDim.x) p.y[(long long)blockIdx.x * p.width + i] *= by;
}
