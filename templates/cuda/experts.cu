// Which experts a token uses, and what is made of their outputs. A slot is one token at one expert.
#include "warp.cuh"

struct Route {
  float* logits;   // [tokens][count], changed
  int* expert;     // [tokens][used]
  int* row;        // [tokens][used] the token
  float* weight;   // [tokens][used]
  int count, used;
  int all; // softmax over all experts, and the sum of those used brought back to 1; else softmax over those used
};

// Block x is a token, one warp. The experts with the largest logits, of equal ones the first.
extern "C" __global__ void __launch_bounds__(32) route(const Route p) {
  let_next();
  await_previous();
  const int lane = threadIdx.x;
  float* l = p.logits + (long long)blockIdx.x * p.count;
  const long long slot = (long long)blockIdx.x * p.used;
  const float none = -1.0f / 0.0f;
  float most = none, sum = 0;
  for (int i = lane; i < p.count; i += 32) most = fmaxf(most, l[i]);
  for (int s = 16; s; s >>= 1) most = fmaxf(most, __shfl_xor_sync(~0u, most, s));
  for (int i = lane; i < p.count; i += 32) sum += expf(l[i] - most);
  for (int s = 16; s; s >>= 1) sum += __shfl_xor_sync(~0u, sum, s);
  float chosen = 0;
  for (int k = 0; k < p.used; k++) {
    float best = none;
    int at = p.count;
    for (int i = lane; i < p.count; i += 32)
      if (l[i] > best) best = l[i], at = i;
    for (int s = 16; s; s >>= 1) {
      const float other = __shfl_xor_sync(~0u, best, s);
      const int i = __shfl_xor_sync(~0u, at, s);
      if (other > best || (other == best && i < at)) best = other, at = i;
    }
    if (at == p.count) at = k; // nothing but NaN, which the weight passes on
    const float w = best == none ? l[at] : p.all ? expf(best - most) / sum : expf(best - most);
    chosen += w;
    __syncwarp();
    if (lane == 0) {
      p.expert[slot + k] = at;
      p.row[slot + k] = blockIdx.x;
      p.weight[slot + k] = w;
      l[at] = none;
    }
    __syncwarp();
  }
  for (int k = lane; k < p.used; k += 32) p.weight[slot + k] /= p.all ? fmaxf(chosen, 6.103515625e-5f) : chosen;
}

struct Hidden {
  const float *gate, *up; // [slots] rows of inner values, row values apart
  float* out;             // [slots][inner]; may be gate
  const int* expert;
  const float *gate_scale, *up_scale; // [count] of an expert's products; null for none
  int inner, row, act; // act: 0 SiLU, 1 GELU in its tanh form, 2 SwiGLU with clamps
};

__device__ inline float sigmoid(float x) { return 1 / (1 + expf(-x)); }

// out = act(gate) * up. Block x is a slot.
extern "C" __global__ void hidden(const Hidden p) {
  let_next();
  await_previous();
  const float gs = p.gate_scale ? p.gate_scale[p.expert[blockIdx.x]] : 1, us = p.up_scale ? p.up_scale[p.expert[blockIdx.x]] : 1;
  for (int i = threadIdx.x; i < p.inner; i += blockDim.x) {
    const long long at = (long long)blockIdx.x * p.row + i;
    float g = p.gate[at] * gs, u = p.up[at] * us;
    if (p.act == 0) g *= sigmoid(g);
    else if (p.act == 1) g = 0.5f * g * (1 + tanhf(0.7978845608f * (g + 0.044715f * g * g * g)));
    else {
      g = fminf(g, 7);
      g *= sigmoid(1.702f * g);
      u = fmaxf(-7, fminf(u, 7)) + 1;
    }
    p.out[(long long)blockIdx.x * p.inner + i] = g * u;
  }
}

struct Blend {
  float* y;          // [tokens][width]
  const float* part; // [tokens][used][width] outputs of slots
  const int* expert;
  const float* weight; // [tokens][used]
  const float* scale;  // [count] of an expert's output; null for none
  int width, used;
};

// y = sum of weight * part. Block x is a token.
extern "C" __global__ void blend(const Blend p) {
  let_next();
  await_previous();
  for (int i = threadIdx.x; i < p.width; i += blockDim.x) {
    float sum = 0;
    for (int k = 0; k < p.used; k++) {
      const long long slot = (long long)blockIdx.x * p.used + k;
      sum += p.weight[slot] * (p.scale ? p.scale[p.expert[slot]] : 1) * p.part[slot * p.width + i];
    }
    p.y[(long long)blockIdx.x * p.width + i] = sum;
  }
}
