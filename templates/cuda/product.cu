// Products of a matrix with few rows of activations: y = act(x W^T + bias). A warp works on a few
// rows at a time, each by 32, 16 or 8 lanes, or on a part of their pieces; activations are in
// shared memory. The grid has as many blocks as the GPU holds at once. Sums have one order,
// whatever the grid.
//
// Before this file come the struct of the type, called Type, and
//   FAST      activations in bytes where the type is kept as codes, and tables of floats too
//   WARPS     of a block
//   BLOCKS    of a multiprocessor, which registers are given to
//   ROWS      rows that a lane works on at a time for one token, 4 or 2
//   RING      bytes of shared memory for weights on their way
#include "args.cuh"
#include "activate.cuh"
#include "activations.cuh"

using P = Piece<Type>;
using X = Activations<Type, FAST>;

// How many rows a lane works on at a time: what its registers hold.
constexpr int rows_at_a_time(int tokens) {
  if (tokens == 1) return ROWS;
  return tokens == 2 || FAST && Type::weight_codes && sizeof(P) < 32 && tokens <= 4 ? 4 : 2;
}
// Pieces of weights that are on their way to shared memory: so many for each row that a thread
// works on, if that is of use.
constexpr int stage_bytes = rows_at_a_time(1) * P::slot_bytes * 32 * WARPS, stages_fit = RING / stage_bytes;
constexpr int stages = stages_fit < 3 ? 0 : stages_fit > 8 ? 8 : stages_fit;
extern "C" __device__ const int product_sizes[7] = {P::values, X::piece_bytes, rows_at_a_time(1), rows_at_a_time(2), rows_at_a_time(4), rows_at_a_time(8), stages * stage_bytes};

// Adds V values of each lane up over so many neighbouring lanes, at least 8. The sums that a lane
// is left with begin with number first, there are left of them, and all lanes that differ in the
// bits of same have them too.
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

template <int TOKENS> __device__ __forceinline__ void product(const Product& p) {
  constexpr int R = rows_at_a_time(TOKENS), V = R * TOKENS;
  DYNAMIC_SHARED(shared);
  __shared__ float table[table_size<Type>() + 1];
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  const int lanes = 1 << p.lanes, sub = lane >> p.lanes, subs = 32 >> p.lanes;
  // the warps of a team share rows
  const int part = warp & ((1 << p.parts) - 1), team = warp >> p.parts;
  const int mine = p.gated ? R / 2 : R, team_outputs = mine * subs, block_outputs = team_outputs * (WARPS >> p.parts);
  const int log_mine = (R == 4 ? 2 : 1) - (p.gated ? 1 : 0), log_outputs = log_mine + 5 - p.lanes;
  const int tiles = (p.outputs + block_outputs - 1) / block_outputs;
  // of pieces from one round to the next; in a row
  const int stride = lanes << p.parts, pieces = (p.n + P::values - 1) / P::values;

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
  // One token: the pieces of the next rounds are on their way, whatever their tiles; far is the one
  // behind them.
  constexpr bool ring = TOKENS == 1 && stages > 0;
  int far_tile = tile, far_round = 0, fill = stages - 1, drain = 0; // slots
  auto fetch = [&](int stage) {
    if (far_tile < tiles) {
      const int g = min(far_round * stride + own, pieces - 1);
#pragma unroll
      for (int r = 0; r < R; r++) P::template fetch<R * 32 * WARPS>(shared + stage * stage_bytes, r * 32 * WARPS + threadIdx.x, at[r], p.at, g);
      if (++far_round == p.rounds) {
        far_round = 0;
        if ((far_tile += gridDim.x) < tiles) aim(far_tile);
      }
    }
    copy_commit();
  };
  if (tile < tiles) { // on its way while activations are made ready
    aim(tile);
    if constexpr (ring) {
#pragma unroll 1
      for (int s = 0; s < stages - 1; s++) fetch(s);
    } else {
      load(0);
    }
  }

  copy_table<Type>(table);
  if (!p.expert) await_previous();
  unsigned char* activations = shared + (ring ? stages * stage_bytes : 0);
  // [2][warps][subs][V]
  float* sums = (float*)(activations + X::piece_bytes * p.chunk * stride * TOKENS);
  const X x = {activations, p.x + (long long)(p.row ? p.row[blockIdx.y] : blockIdx.y) * p.n, p.n, tokens, p.chunk * stride, Type::weight_codes || p.wide};

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
      const bool last = round + 1 == p.rounds;
      if constexpr (ring) {
        copy_wait<stages - 2>();
        const int g = min(round * stride + own, pieces - 1);
#pragma unroll
        for (int r = 0; r < R; r++) w[r].template take<R * 32 * WARPS>(shared + drain * stage_bytes, r * 32 * WARPS + threadIdx.x, p.at, g);
        fetch(fill);
        fill = drain;
        drain = drain + 1 == stages ? 0 : drain + 1;
        if (last) tile += gridDim.x;
      } else {
#pragma unroll
        for (int r = 0; r < R; r++) w[r] = next[r];
        if (last && (tile += gridDim.x) < tiles) aim(tile);
        if (tile < tiles) load(last ? 0 : round + 1);
      }
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
      const int t = TOKENS == 1 ? 0 : i >> log_outputs, k = i & (team_outputs - 1), o = first + k;
      if (o >= p.outputs) continue;
      const float* from = to + (k >> log_mine) * V + (k & (mine - 1)) * TOKENS + t;
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
