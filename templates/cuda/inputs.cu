// The small vectors that layers have of each token beside the residual stream.
//
// Before this file comes SIZE, the values of one.
#include "args.cuh"
#include "norm.cuh"

// x = (norm(x * narrow) + sqrt(SIZE) * e) / sqrt(2). Block x is a token, y a layer, one warp each.
extern "C" __global__ void __launch_bounds__(32) inputs(const Inputs p) {
  let_next();
  await_previous();
  __shared__ float spare[33];
  constexpr int each = (SIZE + 31) / 32;
  const long long row = ((long long)blockIdx.x * gridDim.y + blockIdx.y) * SIZE;
  float v[each];
  for (int k = 0; k < each; k++) {
    const int i = threadIdx.x + 32 * k;
    v[k] = i < SIZE ? p.x[row + i] * p.narrow : 0;
  }
  normalise(v, SIZE, p.norm, spare);
  const float wide = sqrtf(SIZE * 0.5f), half = sqrtf(0.5f);
  for (int k = 0; k < each; k++) {
    const int i = threadIdx.x + 32 * k;
    if (i < SIZE) p.x[row + i] = v[k] * half + p.e[row + i] * wide;
  }
}
