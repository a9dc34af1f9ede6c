// What happens to the heads of Q, K and V between their products and attention: norms, key offsets, RoPE. One warp a head.
#include "norm.cuh"

struct Angles {
  const double* frequencies; // [pairs] angle per position
  const int* positions;      // [tokens]
  float *cosines, *sines;    // [tokens][pairs]
  int pairs;
  float magnitude; // of cosines and sines
};

// Block x is a token.
extern "C" __global__ void angles(const Angles p) {
  let_next();
  await_previous();
  for (int i = threadIdx.x; i < p.pairs; i += blockDim.x) {
    double s, c;
    sincos(p.positions[blockIdx.x] * p.frequencies[i], &s, &c);
    p.cosines[blockIdx.x * p.pairs + i] = (float)c * p.magnitude;
    p.sines[blockIdx.x * p.pairs + i] = (float)s * p.magnitude;
  }
}

// The heads of Q, K or V.
struct Heads {
  const float* in; // [tokens] rows, row values apart, with heads that are apart
  float* out;      // [tokens][heads][dim]
  const float* offset; // [heads][dim] taken out before RoPE; null for none
  long long row;
  int apart, heads, dim;
  int turned; // whether RoPE turns them
  float temper, every; // scale of queries by position; 0 for none
  Norm norm;
};

struct Turn {
  Heads of[3];
  const float *cosines, *sines; // [tokens][pairs]
  const int* positions;         // [tokens]
  int pairs, adjacent;          // turned together are 2i and 2i+1, or i and i+pairs
};

constexpr int most = 1024 / 32; // values of a lane of the largest head

// Block x is a token, y a head of those of Q, K and V one after another.
extern "C" __global__ void __launch_bounds__(32) turn(const Turn p) {
  let_next();
  await_previous();
  __shared__ float shared[1024];
  const int token = blockIdx.x, lane = threadIdx.x;
  int head = blockIdx.y, side = 0;
  while (head >= p.of[side].heads) head -= p.of[side++].heads;
  const Heads& o = p.of[side];
  const float* in = o.in + token * o.row + (long long)head * o.apart;
  float v[most];
  for (int k = 0; k < most; k++) v[k] = lane + 32 * k < o.dim ? in[lane + 32 * k] : 0;
  normalise(v, o.dim, o.norm, nullptr);
  for (int k = 0; k < most && 32 * k < o.dim; k++) {
    const int i = lane + 32 * k;
    if (i < o.dim) shared[i] = o.offset ? v[k] - o.offset[head * o.dim + i] : v[k];
  }
  __syncwarp();
  if (o.turned) {
    for (int i = lane; i < p.pairs; i += 32) {
      const int a = p.adjacent ? 2 * i : i, b = p.adjacent ? 2 * i + 1 : i + p.pairs;
      const float x = shared[a], y = shared[b], c = p.cosines[token * p.pairs + i], s = p.sines[token * p.pairs + i];
      shared[a] = x * c - y * s;
      shared[b] = x * s + y * c;
    }
    __syncwarp();
  }
  float by = 1;
  if (o.temper != 0 && p.positions[token] >= o.every) by += o.temper * logf(1 + floorf(p.positions[token] / o.every));
  float* out = o.out + ((long long)token * o.heads + head) * o.dim;
  for (int i = lane; i < o.dim; i += 32) out[i] = shared[i] * by;
}

struct Gate {
  float* x;          // [tokens][heads][dim]
  const float* gates; // [tokens] rows, row values apart, with heads that are apart
  long long row;
  int apart, heads, dim;
};

// x *= sigmoid(gates). Block x is a token, y a head.
extern "C" __global__ void gate(const Gate p) {
  let_next();
  await_previous();
  for (int i = threadIdx.x; i < p.dim; i += blockDim.x)
    p.x[((long long)blockIdx.x * p.heads + blockIdx.y) * p.dim + i] /= 1 + expf(-p.gates[blockIdx.x * p.row + (long long)blockIdx.y * p.apart + i]);
}

struct Cap {
  float* x; // [n]
  long long n;
  float cap;
};

// x = cap * tanh(x / cap).
extern "C" __global__ void soft_cap(const Cap p) {
  let_next();
  await_previous();
  for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < p.n; i += (long long)gridDim.x * blockDim.x) p.x[i] = p.cap * tanhf(p.x[i] / p.cap);
}

struct Switch {
  float* y;            // [tokens][width]
  const float* logits; // [tokens]
  int width;
};

// y *= sigmoid(logit of the token).
extern "C" __global__ void throw_switch(const Switch p) {
  let_next();
  await_previous();
  const float by = 1 / (1 + expf(-p.logits[blockIdx.x]));
  for (int i = threadIdx.x; i < p.width; i += blockDim.x) p.y[(long long)blockIdx.x * p.width + i] *= by;
}
