// Products of a matrix with few rows of activations: y = act(x W^T + bias). A warp works on a few rows at a time, each by 32, 16 or 8
// lanes, or on a part of their pieces; activations are in shared memory. The grid has as many blocks as the GPU holds at once. Sums have
// one order, whatever the grid.
//
// Before this file come the struct of the type, called Type, and
//   FAST      activations in bytes where the type is kept as codes, and tables of floats too
//   WARPS     of a block
//   BLOCKS    of a multiprocessor, which registers are given to
//   BULK      whether a lane asks for all of a row's bytes
//   ROWS      rows that a lane works on at a time where there are few tokens, 4 or 2
#include "activate.cuh"
#include "activations.cuh"
#include "norm.cuh"

using P = Piece<Type>;
using X = Activations<Type, FAST>;

struct Product {
  const unsigned char* weights;
  const float *x, *bias;       // [][n]; [rows] or null
  float* y;                    // [tokens or slots][outputs]
  const int *expert, *row;     // of a slot: the matrix, of count; the row of x, null for the slot's number. Null without slots
  const int* many;             // of a run of slots of one expert: how many, from slot row on in x and in y. Null without runs
  Layout at;
  int n, rows, count, outputs; // rows of a matrix; the half of it if gated
  int tokens, act, gated;
  int wide;                    // rows of x can be read 16 bytes at a time; they can where the type is kept as codes
  int lanes, parts;            // log2 of the lanes of a row, and of the warps that share its pieces
  int rounds, chunk;           // pieces of a lane in a row, and between two loads of activations to shared memory
  int ahead;                   // rounds, beyond the one that is loaded, that are on their way to the L2 cache
  int enters;                  // one token's activations are the h of a step without a post norm, to which to is not x
  Step in;
};

// How many rows a lane works on at a time: what its registers hold.
constexpr int rows_at_a_time(int tokens) {
  if (tokens <= 2) return ROWS;
  return FAST && Type::weight_codes && sizeof(P) < 32 && tokens <= 4 ? ROWS : 2;
}
constexpr int entered = 8192; // values of a step that a product begins with
extern "C" __device__ const int product_sizes[7] = {P::values, X::piece_bytes, rows_at_a_time(1), rows_at_a_time(2), rows_at_a_time(4), rows_at_a_time(8), entered};

// Adds V values of each lane up over so many neighbouring lanes, at least 8. The sums that a lane is left with begin with number first,
// there are left of them, and all lanes that differ in the bits of same have them too.
template <int V> struct Fold {
  static constexpr int left = V > 8 ? V / 8 : 1;
  int first = 0, same;

  // Half of the sums to the lane across, half from there, while there are n of them.
  template <int n> __device__ __forceinline__ void halve(float (&v)[V], int lane, int& bit) {
    if constexpr (n > left) {
      const bool upper = lane & bit;
#pragma unroll
      for (int i = 0; i < n / 2; i++) {
        const float give = upper ? v[i] : v[i + n / 2], keep = upper ? v[i + n / 2] : v[i];
        v[i] = keep + __shfl_xor_sync(~0u, give, bit);
      }
      if (upper) first += n / 2;
      bit /= 2;
      halve<n / 2>(v, lane, bit);
    }
  }

  __device__ __forceinline__ Fold(float (&v)[V], int lane, int lanes) {
    int bit = lanes / 2;
    halve<V>(v, lane, bit);
    same = bit ? 2 * bit - 1 : 0;
    for (; bit; bit /= 2) {
#pragma unroll
      for (int i = 0; i < left; i++) v[i] += __shfl_xor_sync(~0u, v[i], bit);
    }
  }
};

// The activations that a step makes, in shared memory. Every block makes them, and the first leaves them for others.
__device__ __forceinline__ void enter(const Step& p, float* row, int n, float* spare) {
  const int step = WARPS * 32;
  float v[entered / step];
#pragma unroll
  for (int k = 0; k < entered / step; k++) {
    const int i = threadIdx.x + k * step;
    v[k] = i < n ? (p.y ? (p.x[i] + p.y[i]) * p.scale : p.x[i]) : 0;
  }
  if (p.y && blockIdx.x == 0) {
#pragma unroll
    for (int k = 0; k < entered / step; k++)
      if (threadIdx.x + k * step < n) p.to[threadIdx.x + k * step] = v[k];
  }
  normalise(v, n, p.pre, spare);
#pragma unroll
  for (int k = 0; k < entered / step; k++) {
    const int i = threadIdx.x + k * step;
    if (i >= n) continue;
    row[i] = v[k];
    if (blockIdx.x == 0) p.h[i] = v[k];
  }
  __syncthreads();
}

template <int TOKENS> __device__ __forceinline__ void product(const Product& p) {
  constexpr int R = rows_at_a_time(TOKENS), V = R * TOKENS;
  DYNAMIC_SHARED(shared);
  __shared__ float table[table_size<Type>() + 1];
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  const int lanes = 1 << p.lanes, sub = lane >> p.lanes, subs = 32 >> p.lanes;
  const int part = warp & ((1 << p.parts) - 1), team = warp >> p.parts; // the warps of a team share rows
  const int mine = p.gated ? R / 2 : R, team_outputs = mine * subs, block_outputs = team_outputs * (WARPS >> p.parts);
  const int tiles = (p.outputs + block_outputs - 1) / block_outputs;
  const int stride = lanes << p.parts, pieces = (p.n + P::values - 1) / P::values; // of pieces from one round to the next; in a row

  let_next();
  if (p.expert) await_previous(); // else weights are loaded ahead
  const unsigned char* weights = p.weights;
  const float* bias = p.bias;
  float* y = p.y + (long long)blockIdx.y * p.outputs;
  int tokens = p.tokens;
  if (p.expert) {
    if (TOKENS > 1 && p.many) {
      tokens = p.many[blockIdx.y];
      if (tokens == 0) return;
      y = p.y + (long long)p.row[blockIdx.y] * p.outputs;
    }
    const int e = p.expert[blockIdx.y];
    if (e < 0 || e >= p.count) { // no matrix
      for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < p.outputs; i += gridDim.x * blockDim.x) y[i] = 0;
      return;
    }
    weights += (long long)e * p.rows * p.at.pitch;
    if (bias) bias += (long long)e * p.rows;
  }

  int tile = blockIdx.x;
  P next[R];
  const unsigned char* at[R]; // rows of the next pieces
  auto row_of = [&](int tile, int r) {
    const int o = min(tile * block_outputs + team * team_outputs + sub * mine + (p.gated ? r % (R / 2) : r), p.outputs - 1);
    return weights + (long long)(p.gated && r >= R / 2 ? o + p.outputs : o) * p.at.pitch;
  };
  auto aim = [&](int tile) {
#pragma unroll
    for (int r = 0; r < R; r++) at[r] = row_of(tile, r);
  };
  const int own = (part << p.lanes) + (lane & (lanes - 1)); // of the pieces of a round
  auto load = [&](int round) {
    const int g = min(round * stride + own, pieces - 1); // beyond the end activations are 0
#pragma unroll
    for (int r = 0; r < R; r++) next[r].load(at[r], p.at, g);
  };
  int far_tile = tile, far_round = 0; // of what was asked for last
  // Asks for the pieces of one more round of the warp's rows.
  auto ask = [&] {
    if (++far_round == p.rounds) far_round = 0, far_tile += gridDim.x;
    if (far_tile >= tiles) return;
#if BULK
    const int piece = far_round * stride + (part << p.lanes), rows = R * subs; // a lane has a row
    const int o = far_tile * block_outputs + team * team_outputs + (p.gated && lane >= rows / 2 ? lane - rows / 2 : lane);
    if (lane >= rows || o >= p.outputs) return;
    const unsigned char* row = weights + (long long)(p.gated && lane >= rows / 2 ? o + p.outputs : o) * p.at.pitch;
    P::arrays(p.at, [&](int where, int bytes, int shared) {
      const int begin = piece / shared * bytes & ~15, end = min((piece + lanes - 1) / shared + 1, (pieces + shared - 1) / shared) * bytes;
      if (begin < end) prefetch(row + where + begin, (end - begin + 15) & ~15);
    });
#else
    const int g = min(far_round * stride + own, pieces - 1);
#pragma unroll
    for (int r = 0; r < R; r++) P::ask(row_of(far_tile, r), p.at, g);
#endif
  };
  if (tile < tiles) { // on its way while activations are made ready
    aim(tile);
    load(0);
#pragma unroll 1
    for (int k = 0; k < p.ahead; k++) ask();
  }

  const bool enters = TOKENS == 1 && p.enters;
  if (enters) {
    const int i = 8 * threadIdx.x;
    if (i < p.n) prefetch(p.in.x + i);
    if (i < p.n && p.in.pre.w) prefetch(p.in.pre.w + i);
  }
  copy_table<Type>(table);
  if (!p.expert) await_previous();
  float* sums = (float*)(shared + X::piece_bytes * p.chunk * stride * TOKENS); // [2][warps][subs][V]
  float* row = sums + 2 * WARPS * subs * V;
  if (enters) enter(p.in, row, p.n, sums);
  const float* from = enters ? row : p.x + (long long)(p.row ? p.row[blockIdx.y] : blockIdx.y) * p.n;
  const X x = {shared, from, p.n, tokens, p.chunk * stride, Type::weight_codes || p.wide};

  bool staged = false;
  for (int turn = 0; tile < tiles; turn ^= 1) {
    float acc[R][TOKENS] = {};
    const int now = tile;
    for (int round = 0, chunk = 0; round < p.rounds; round++) {
      if (chunk == 0 && !staged) {
        __syncthreads();
        x.stage(round * stride);
        __syncthreads();
        staged = p.chunk >= p.rounds; // for good
      }
      P w[R];
#pragma unroll
      for (int r = 0; r < R; r++) w[r] = next[r];
      const bool last = round + 1 == p.rounds;
      if (last && (tile += gridDim.x) < tiles) aim(tile);
      if (tile < tiles) load(last ? 0 : round + 1);
      if (p.ahead) ask();
      x.template add<R, TOKENS>(acc, w, chunk * stride + own, table);
      if (++chunk == p.chunk) chunk = 0;
    }

    float v[V];
#pragma unroll
    for (int i = 0; i < V; i++) v[i] = acc[i / TOKENS][i % TOKENS];
    const Fold<V> fold(v, lane, lanes);
    float* to = sums + (turn * WARPS + warp) * subs * V;
    if ((lane & fold.same) == 0) {
#pragma unroll
      for (int i = 0; i < fold.left; i++) to[sub * V + fold.first + i] = v[i];
    }
    if (p.parts) __syncthreads();
    else __syncwarp();
    if (part > 0) continue;
    const int first = now * block_outputs + team * team_outputs;
#pragma unroll 1
    for (int i = lane; i < team_outputs * tokens; i += 32) {
      const int t = i / team_outputs, k = i % team_outputs, o = first + k;
      if (o >= p.outputs) continue;
      const float* from = to + k / mine * V + k % mine * TOKENS + t;
      float gate = 0, up = p.gated ? 0 : 1;
#pragma unroll 1
      for (int w = 0; w < 1 << p.parts; w++) {
        gate += from[w * subs * V];
        if (p.gated) up += from[w * subs * V + mine * TOKENS];
      }
      if (bias) {
        gate += bias[o];
        if (p.gated) up += bias[o + p.outputs];
      }
      y[(long long)t * p.outputs + o] = activate(p.act, gate, up);
    }
  }
}

extern "C" __global__ void __launch_bounds__(WARPS * 32, BLOCKS) product_1(const Product p) { product<1>(p); }
extern "C" __global__ void __launch_bounds__(WARPS * 32, 1) product_2(const Product p) { product<2>(p); }
extern "C" __global__ void __launch_bounds__(WARPS * 32, 1) product_4(const Product p) { product<4>(p); }
extern "C" __global__ void __launch_bounds__(WARPS * 32, 1) product_8(const Product p) { product<8>(p); }
