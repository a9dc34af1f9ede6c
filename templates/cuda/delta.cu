// A recurrent layer by the gated delta rule, arXiv:2412.06464. Three launches: mix makes queries,
// keys and values, rule changes the matrices of the heads token by token and reads them, let_out
// normalises what was read and lets it through a gate.
//
// Before this file come
//   DIM    values of a head
//   TAPS   tokens that the convolution sees
#include "args.cuh"
#include "norm.cuh"

constexpr int each = (DIM + 31) / 32; // values of a head that a lane of a warp has

// Run i of the batch.
__device__ __forceinline__ int4 run_at(const Sequences& s, int i) { return s.runs ? s.runs[i] : make_int4(0, s.tokens, 0, 0); }

// The run of a token, by a whole warp.
__device__ __forceinline__ int4 run_of(const Sequences& s, int token, int lane) {
  int at = 0;
  for (int i = 0; i < s.count; i += 32) {
    const int4 r = i + lane < s.count ? run_at(s, i + lane) : make_int4(0, 0, 0, 0);
    const unsigned in = __ballot_sync(~0u, token >= r.x && token - r.x < r.y);
    if (in) at = i + __ffs((int)in) - 1;
  }
  return run_at(s, at);
}

// Value at of token i of those in the history followed by those of the batch.
__device__ __forceinline__ float seen(const float* qkv, const float* history, long long ld, int channels, int i, int at) {
  return i < TAPS - 1 ? history[(long long)i * channels + at] : qkv[(i - (TAPS - 1)) * ld + at];
}

// Each value is mixed with those of the tokens before and passes SiLU; queries are brought to
// length 1 / sqrt(DIM), keys to 1. Block x is a token, y a head, one warp each.
extern "C" __global__ void __launch_bounds__(32) mix(const Mix p) {
  let_next();
  await_previous();
  const int lane = threadIdx.x, token = blockIdx.x, head = blockIdx.y;
  const int4 run = run_of(p.of, token, lane);
  const float *qkv = p.qkv + run.x * p.ld, *history = p.history + run.z * p.of.state;
  float v[each], sum = 0;
#pragma unroll
  for (int k = 0; k < each; k++) {
    const int i = lane + 32 * k, at = head * DIM + i;
    v[k] = 0;
    if (i >= DIM) continue;
    for (int tap = 0; tap < TAPS; tap++) v[k] += seen(qkv, history, p.ld, p.channels, token - run.x + tap, at) * p.conv[(long long)tap * p.channels + at];
    v[k] /= 1 + expf(-v[k]);
    sum += v[k] * v[k];
  }
  for (int s = 16; s; s >>= 1) sum += __shfl_xor_sync(~0u, sum, s);
  float by = 1 / fmaxf(sqrtf(sum), p.eps);
  if (head < p.keys) by /= sqrtf((float)DIM);
  if (head >= 2 * p.keys) by = 1;
#pragma unroll
  for (int k = 0; k < each; k++) {
    const int i = lane + 32 * k;
    if (i < DIM) p.mixed[(long long)token * p.channels + head * DIM + i] = v[k] * by;
  }
}

// tokens between two barriers; values of a head that a block has
constexpr int chunk = 8, columns = 32;
constexpr int padded = (DIM + 15) / 16 * 16;       // of keys and queries in shared memory
constexpr int rows = padded / 4;                   // of a column that a lane has
// a token in shared memory: key, query, part of the value
constexpr int row = 2 * padded + columns;
constexpr int loads = (chunk * row + 127) / 128;   // of a thread
constexpr int shares = (DIM + columns - 1) / columns; // blocks of a head

// Block x is a run and some columns of the matrix of value head y. Columns have nothing to do with
// one another. Four lanes share one, in registers: lane l has rows 16 m + 4 l and the three after.
extern "C" __global__ void __launch_bounds__(4 * columns) rule(const Rule p) {
  let_next();
  await_previous();
  __shared__ float4 staged[chunk * row / 4];
  __shared__ float keeps[chunk], rates[chunk];
  const int t = threadIdx.x, part = t & 3, local = t >> 2, share = blockIdx.x % shares, column = share * columns + local, head = blockIdx.y;
  const int4 run = run_at(p.of, blockIdx.x / shares);
  const int tokens = run.y;
  const float *mixed = p.mixed + (long long)run.x * p.channels, *qkv = p.qkv + run.x * p.ld, *alpha = p.alpha + run.x * p.ld_alpha, *beta = p.beta + run.x * p.ld_beta;
  float *history = p.history + run.z * p.of.state, *out = p.out + (long long)run.x * p.values * DIM;
  const long long q = (long long)(head % p.keys) * DIM, k = q + (long long)p.keys * DIM, v = (2LL * p.keys + head) * DIM + share * columns;
  float* matrix = p.matrices + run.z * p.of.state + (long long)head * DIM * DIM + column;

  float s[rows];
#pragma unroll
  for (int m = 0; m < rows; m++) {
    const int i = m / 4 * 16 + part * 4 + m % 4;
    s[m] = i < DIM && column < DIM ? matrix[(long long)i * DIM] : 0;
  }

  float ahead[loads]; // the next tokens, on their way from memory
  auto fetch = [&](int first) {
#pragma unroll
    for (int n = 0; n < loads; n++) {
      const int e = t + 128 * n, token = first + e / row, i = e % row;
      ahead[n] = 0;
      if (e >= chunk * row || token >= tokens) continue;
      const float* x = mixed + (long long)token * p.channels;
      if (i < padded) {
        if (i < DIM) ahead[n] = x[k + i];
      } else if (i < 2 * padded) {
        if (i - padded < DIM) ahead[n] = x[q + i - padded];
      } else if (share * columns + i - 2 * padded < DIM) {
        ahead[n] = x[v + i - 2 * padded];
      }
    }
  };
  float keep = 0, rate = 0; // of the next tokens
  auto gates = [&](int first) {
    const int token = first + t;
    if (t >= chunk || token >= tokens) return;
    const float a = alpha[token * p.ld_alpha + head] + p.step[head];
    keep = expf((a > 20 ? a : log1pf(expf(a))) * p.decay[head]);
    rate = 1 / (1 + expf(-beta[token * p.ld_beta + head]));
  };

  fetch(0);
  gates(0);
  for (int first = 0; first < tokens; first += chunk) {
    __syncthreads();
#pragma unroll
    for (int n = 0; n < loads; n++)
      if (t + 128 * n < chunk * row) ((float*)staged)[t + 128 * n] = ahead[n];
    if (t < chunk) keeps[t] = keep, rates[t] = rate;
    __syncthreads();
    fetch(first + chunk);
    gates(first + chunk);
    const int end = min(chunk, tokens - first);
#pragma unroll 1
    for (int j = 0; j < end; j++) {
      const float4 *key = staged + j * (row / 4) + part, *query = key + padded / 4;
      float held[4] = {0, 0, 0, 0}, read[4] = {0, 0, 0, 0};
#pragma unroll
      for (int m = 0; m < rows; m += 4) {
        const float4 x = key[m];
        held[0] += x.x * s[m], held[1] += x.y * s[m + 1], held[2] += x.z * s[m + 2], held[3] += x.w * s[m + 3];
      }
      float sum = (held[0] + held[1]) + (held[2] + held[3]);
      sum += __shfl_xor_sync(~0u, sum, 1);
      sum += __shfl_xor_sync(~0u, sum, 2);
      const float left = keeps[j], change = rates[j] * (((const float*)staged)[j * row + 2 * padded + local] - left * sum);
#pragma unroll
      for (int m = 0; m < rows; m += 4) {
        const float4 x = key[m], y = query[m];
        s[m] = left * s[m] + x.x * change, s[m + 1] = left * s[m + 1] + x.y * change;
        s[m + 2] = left * s[m + 2] + x.z * change, s[m + 3] = left * s[m + 3] + x.w * change;
        read[0] += y.x * s[m], read[1] += y.y * s[m + 1], read[2] += y.z * s[m + 2], read[3] += y.w * s[m + 3];
      }
      sum = (read[0] + read[1]) + (read[2] + read[3]);
      sum += __shfl_xor_sync(~0u, sum, 1);
      sum += __shfl_xor_sync(~0u, sum, 2);
      if (part == 0 && column < DIM) out[((long long)(first + j) * p.values + head) * DIM + column] = sum;
    }
  }

#pragma unroll
  for (int m = 0; m < rows; m++) {
    const int i = m / 4 * 16 + part * 4 + m % 4;
    if (i < DIM && column < DIM) matrix[(long long)i * DIM] = s[m];
  }
  // mix has read the history: all blocks together replace it.
  for (int at = (blockIdx.y * shares + share) * blockDim.x + t; at < p.channels; at += shares * gridDim.y * blockDim.x)
    for (int r = 0; r < TAPS - 1; r++) history[(long long)r * p.channels + at] = seen(qkv, history, p.ld, p.channels, tokens + r, at);
}

// y = norm(out) * silu(gate). Block x is a token, y a head, one warp each.
extern "C" __global__ void __launch_bounds__(32) let_out(const LetOut p) {
  let_next();
  await_previous();
  __shared__ float spare[33];
  const long long head = (long long)blockIdx.x * p.values + blockIdx.y;
  const float* gate = p.gate + blockIdx.x * p.ld + (long long)blockIdx.y * DIM;
  float v[each];
#pragma unroll
  for (int k = 0; k < each; k++) {
    const int i = threadIdx.x + 32 * k;
    v[k] = i < DIM ? p.out[head * DIM + i] : 0;
  }
  normalise(v, DIM, p.norm, spare);
#pragma unroll
  for (int k = 0; k < each; k++) {
    const int i = threadIdx.x + 32 * k;
    if (i < DIM) p.y[head * DIM + i] = v[k] * gate[i] / (1 + expf(-gate[i]));
  }
}
