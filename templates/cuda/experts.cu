// Which experts a token uses, and what is made of their outputs. A slot is one token at one expert.
#include "args.cuh"
#include "warp.cuh"

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

// Puts slots in the order of their experts, those of one expert in the order of the tokens, and
// cuts them into runs. Block x is an expert. How many runs the experts before it have it need not
// know: those of an expert begin where they would at the latest.
extern "C" __global__ void __launch_bounds__(256) sort(const Sort p) {
  let_next();
  await_previous();
  __shared__ int before[8], mine[8];
  const int e = blockIdx.x, t = threadIdx.x, lane = t & 31, share = (p.slots + 255) / 256;
  const int lo = min(t * share, p.slots), hi = min(lo + share, p.slots);
  int less = 0, same = 0;
  for (int s = lo; s < hi; s++) {
    less += p.expert[s] < e;
    same += p.expert[s] == e;
  }
  int at = same; // sum of the lanes up to this one
  for (int d = 1; d < 32; d *= 2) {
    const int other = __shfl_up_sync(~0u, at, d);
    if (lane >= d) at += other;
  }
  for (int d = 16; d; d >>= 1) less += __shfl_xor_sync(~0u, less, d);
  if (lane == 31) before[t >> 5] = less, mine[t >> 5] = at;
  __syncthreads();
  int first = 0, all = 0;
  at -= same;
  for (int w = 0; w < 8; w++) {
    if (w < t >> 5) at += mine[w];
    first += before[w], all += mine[w];
  }
  at += first;
  for (int s = lo; s < hi; s++) {
    if (p.expert[s] != e) continue;
    p.row[at] = s / p.used;
    p.of[at] = e;
    p.place[s] = at++;
  }
  const int base = first / p.most + e, end = (first + all) / p.most + e + 1;
  for (int r = base + t; r < end; r += 256) {
    const int from = (r - base) * p.most;
    p.run_expert[r] = e;
    p.run_first[r] = first + min(from, all);
    p.run_slots[r] = max(0, min(p.most, all - from));
  }
}

// Rows of the input, one after another as slots want them. Block x is a slot.
extern "C" __global__ void __launch_bounds__(256) collect(const Collect p) {
  let_next();
  await_previous();
  const float* x = p.x + (long long)p.row[blockIdx.x] * p.n;
  for (int i = threadIdx.x; i < p.n; i += blockDim.x) p.y[(long long)blockIdx.x * p.n + i] = x[i];
}

__device__ inline float sigmoid(float x) { return 1 / (1 + expf(-x)); }

// out = act(gate) * up. Block x is a slot.
extern "C" __global__ void hidden(const Hidden p) {
  let_next();
  await_previous();
  const float gs = p.gate_scale ? p.gate_scale[p.expert[blockIdx.x]] : 1, us = p.up_scale ? p.up_scale[p.expert[blockIdx.x]] : 1;
  for (int i = threadIdx.x; i < p.inner; i += blockDim.x) {
    float g = p.gate[(long long)blockIdx.x * p.row + i] * gs, u = p.up[(long long)blockIdx.x * p.up_row + i] * us;
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

// y = sum of weight * part. Block x is a token.
extern "C" __global__ void blend(const Blend p) {
  let_next();
  await_previous();
  for (int i = threadIdx.x; i < p.width; i += blockDim.x) {
    float sum = 0;
    for (int k = 0; k < p.used; k++) {
      const long long slot = (long long)blockIdx.x * p.used + k;
      sum += p.weight[slot] * (p.scale ? p.scale[p.expert[slot]] : 1) * p.part[(p.place ? p.place[slot] : slot) * p.width + i];
    }
    p.y[(long long)blockIdx.x * p.width + i] = sum;
  }
}
