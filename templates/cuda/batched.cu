// Products of a matrix with tens of rows of activations: y = act(x W^T + bias). Weights are read
// once for all tokens and become fragments of f16 in registers. Activations are f16 with a power of
// two for each row (split of gemm.cu) and come through shared memory. Sums are f32. It is a fast
// form: tables of floats are rounded to multiples of unit, and scaled levels to f16.
//
// A product sums over its columns in any order, as long as both sides have the same. So lane c of
// four has piece c of four that are neighbours in a row, and step s of sixteen columns is values 4s
// to 4s+3 of those pieces: a lane decodes what it loaded.
//
// A block has 256 rows of weights and a share of the columns. Where there are several shares,
// finish adds their sums in order.
//
// Before this file comes the struct of the type, called Type.
#include "args.cuh"
#include "activate.cuh"
#include "halves.cuh"
#include "weights.cuh"

using P = Piece<Type>;
constexpr int warps = 8, threads = 32 * warps, block_rows = 32 * warps;
constexpr int columns = 4 * P::values;               // of four pieces
constexpr int chunk = 256, groups = chunk / columns; // columns that are in shared memory at a time
// Bytes of a token there, and units of 16 bytes. The padding keeps lanes from meeting a bank twice.
constexpr int line = 2 * chunk, units = line / 16, pitch = line + 64;
constexpr int stages = 3;

// Rows of a block, columns of a chunk, and bytes of shared memory for each token.
extern "C" __device__ const int batched_sizes[3] = {block_rows, chunk, stages * pitch};

// Values of a piece as f16, divided by the power of two of their row. Levels are whole numbers of
// at most 8 bits, which f16 holds as they are; what they are scaled by is rounded.
template <class T, bool codes> struct Values {
  using P = Piece<T>;
  P piece;
  unsigned scales[P::runs], leasts[P::runs];

  __device__ __forceinline__ void scale(float by) {
#pragma unroll
    for (int r = 0; r < P::runs; r++) {
      const float s = piece.scale(r) * (P::unit * by);
      scales[r] = pair_f16(s, s);
      if constexpr (T::has_least) {
        const float l = piece.least(r) * by;
        leasts[r] = pair_f16(l, l);
      }
    }
  }

  // Values 4q and 4q+1, 4q+2 and 4q+3.
  __device__ __forceinline__ void get(int q, unsigned& first, unsigned& second) const {
    unsigned b[P::terms];
    piece.template bytes<true>(q, b);
    b[0] ^= 0x80808080u; // 128 more, without a sign; 1024 more as the lower byte of a half
    first = finished(prmt(b[0], 0x64646464u, 0x4140), q);
    second = finished(prmt(b[0], 0x64646464u, 0x4342), q);
  }
  __device__ __forceinline__ unsigned finished(unsigned h, int q) const {
    constexpr unsigned zero = 0xe400u + 128 - P::offset; // -(1024 + 128 - offset)
    static_assert(P::offset <= 128 && P::offset > -896, "a level and what it is counted from are one half");
    const int run = q / (8 / P::runs);
    h = add_halves(h, zero << 16 | zero);
    if constexpr (T::has_least) return multiply_add_halves(h, scales[run], leasts[run]);
    else return multiply_halves(h, scales[run]);
  }
};

template <class T> struct Values<T, false> {
  Piece<T> piece;
  float by;

  __device__ __forceinline__ void scale(float b) { by = b; }
  __device__ __forceinline__ void get(int q, unsigned& first, unsigned& second) const {
    float v[4];
    piece.levels(q, v, nullptr);
    first = pair_f16(v[0] * by, v[1] * by), second = pair_f16(v[2] * by, v[3] * by);
  }
};

// Row r of the warp's 32: a row of weights. A gated output's two rows are the same lane's.
__device__ __forceinline__ int row_of(const Batched& p, int tile, int warp, int r) {
  const int o = p.gated ? tile * (block_rows / 2) + warp * 16 + r % 16 : tile * block_rows + warp * 32 + r;
  return min(o, p.outputs - 1) + (p.gated && r >= 16 ? p.outputs : 0);
}

// Outputs of tokens 8n + 2c and 8n + 2c + 1 from the sums of rows j and j+8 of both tiles of 16.
__device__ __forceinline__ void put(const Batched& p, int tile, int n, const float (&sums)[2][4]) {
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, j = lane >> 2, c = lane & 3;
#pragma unroll
  for (int e = 0; e < 2; e++) {
    const int token = 8 * n + 2 * c + e;
    if (token >= p.tokens) continue;
    const float unit = p.x_units[token];
#pragma unroll
    for (int h = 0; h < 2; h++) {
      float v[2];
#pragma unroll
      for (int i = 0; i < 2; i++) {
        const int row = row_of(p, tile, warp, 16 * i + 8 * h + j);
        v[i] = sums[i][2 * h + e] * unit * p.w_units[row] + (p.bias ? p.bias[row] : 0);
      }
      float* y = p.y + (long long)token * p.outputs;
      if (p.gated) {
        const int o = tile * (block_rows / 2) + warp * 16 + 8 * h + j;
        if (o < p.outputs) y[o] = activate(p.act, v[0], v[1]);
      } else {
#pragma unroll
        for (int i = 0; i < 2; i++) {
          const int o = tile * block_rows + warp * 32 + 16 * i + 8 * h + j;
          if (o < p.outputs) y[o] = activate(p.act, v[i], 1);
        }
      }
    }
  }
}

// Block x is a share of the columns, y 256 rows.
template <int TOKENS> __device__ __forceinline__ void batched(const Batched& p) {
  constexpr int N = TOKENS / 8, V = P::values;
  DYNAMIC_SHARED(shared);
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, j = lane >> 2, c = lane & 3, tile = blockIdx.y;
  const int chunks = (p.depth + chunk - 1) / chunk, first = (int)((long long)chunks * blockIdx.x / p.splits), last = (int)((long long)chunks * (blockIdx.x + 1) / p.splits);
  const int pieces = (p.n + V - 1) / V;

  const unsigned char* rows[4]; // j, j+8, j+16, j+24
  float by[4];
#pragma unroll
  for (int r = 0; r < 4; r++) {
    const int row = row_of(p, tile, warp, 8 * r + j);
    rows[r] = p.weights + (long long)row * p.at.pitch;
    by[r] = inverse_unit(p.w_units[row]);
  }
  P next[4];
  auto load = [&](int group) {
    const int g = min(4 * group + c, pieces - 1); // beyond the end activations are 0
#pragma unroll
    for (int r = 0; r < 4; r++) next[r].load(rows[r], p.at, g);
  };
  auto copy = [&](int k, int stage) {
    if (k < last) {
#pragma unroll 4
      for (int i = threadIdx.x; i < TOKENS * units; i += threads) {
        const int token = i / units, u = i % units, column = k * chunk + 8 * u;
        // Of four pieces' units, those of all four that are read together are neighbours.
        constexpr int each = V < 8 ? 1 : V / 8, group = columns / 8;
        const int place = V < 8 ? u : u / group * group + u % group % each * 4 + u % group / each;
        const bool there = token < p.tokens && column < p.depth;
        copy_async16(shared + stage * (TOKENS * pitch) + token * pitch + 16 * place, p.x + ((long long)(there ? token : 0) * p.depth + (there ? column : 0)) * 2, there ? 16 : 0);
      }
    }
    copy_commit();
  };

  let_next();
  load(first * groups); // weights never change
  await_previous();
#pragma unroll
  for (int k = 0; k < stages - 1; k++) copy(first + k, k);
  float sums[N][2][4] = {};
  int stage = 0, fill = stages - 1;
#pragma unroll 1
  for (int k = first; k < last; k++) {
    copy_wait<stages - 2>();
    __syncthreads();
    copy(k + stages - 1, fill);
    fill = fill + 1 == stages ? 0 : fill + 1;
    const unsigned char* x = shared + stage * (TOKENS * pitch) + j * pitch;
    stage = stage + 1 == stages ? 0 : stage + 1;
#pragma unroll 1
    for (int g = 0; g < groups; g++) {
      Values<Type, Type::weight_codes> w[4];
#pragma unroll
      for (int r = 0; r < 4; r++) w[r].piece = next[r];
      load(min(k * groups + g + 1, chunks * groups - 1));
#pragma unroll
      for (int r = 0; r < 4; r++) w[r].scale(by[r]);
#pragma unroll
      for (int s = 0; s < V / 4; s += 2) {
        unsigned a[2][2][4]; // of two steps, of both tiles
#pragma unroll
        for (int t = 0; t < (V < 8 ? 1 : 2); t++)
#pragma unroll
          for (int i = 0; i < 2; i++) {
            w[2 * i].get(s + t, a[t][i][0], a[t][i][2]);
            w[2 * i + 1].get(s + t, a[t][i][1], a[t][i][3]);
          }
#pragma unroll
        for (int n = 0; n < N; n++) {
          const unsigned char* from = x + 8 * n * pitch + g * (2 * columns);
          if constexpr (V < 8) {
            const uint2 b = *(const uint2*)(from + 8 * c);
#pragma unroll
            for (int i = 0; i < 2; i++) mma_f16(sums[n][i], a[0][i], b.x, b.y);
          } else {
            const uint4 b = *(const uint4*)(from + (s / 2 * 4 + c) * 16);
#pragma unroll
            for (int i = 0; i < 2; i++) {
              mma_f16(sums[n][i], a[0][i], b.x, b.y);
              mma_f16(sums[n][i], a[1][i], b.z, b.w);
            }
          }
        }
      }
    }
  }
#pragma unroll
  for (int n = 0; n < N; n++) {
    if (p.splits == 1) {
      put(p, tile, n, sums[n]);
      continue;
    }
#pragma unroll
    for (int i = 0; i < 2; i++)
      ((float4*)p.partial)[(((long long)tile * p.splits + blockIdx.x) * (2 * N) + 2 * n + i) * threads + threadIdx.x] = make_float4(sums[n][i][0], sums[n][i][1], sums[n][i][2], sums[n][i][3]);
  }
}

extern "C" __global__ void __launch_bounds__(threads, 2) batched_16(const __grid_constant__ Batched p) { batched<16>(p); }
extern "C" __global__ void __launch_bounds__(threads, 2) batched_32(const __grid_constant__ Batched p) { batched<32>(p); }
extern "C" __global__ void __launch_bounds__(threads, 1) batched_64(const __grid_constant__ Batched p) { batched<64>(p); }

// The shares of the sums together. Block x is eight tokens, of as many as grid x says, y 256 rows.
extern "C" __global__ void __launch_bounds__(threads) finish(const __grid_constant__ Batched p) {
  const int n = blockIdx.x, tile = blockIdx.y, all = gridDim.x;
  let_next();
  await_previous();
  float sums[2][4] = {};
#pragma unroll 4
  for (int k = 0; k < p.splits; k++) {
#pragma unroll
    for (int i = 0; i < 2; i++) {
      const float4 v = __ldcg((const float4*)p.partial + (((long long)tile * p.splits + k) * (2 * all) + 2 * n + i) * threads + threadIdx.x);
      sums[i][0] += v.x, sums[i][1] += v.y, sums[i][2] += v.z, sums[i][3] += v.w;
    }
  }
  put(p, tile, n, sums);
}
