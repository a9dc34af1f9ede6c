// Products of a matrix with many rows of activations, both as f16 with a power of two for each row:
// y = act(x W^T + bias). With EXACT a number is the sum of two of f16, and high*high + high*low +
// low*high is summed; what is left out is 2^-22 of a product. The tensor cores cut sums off where
// f32 rounds, so that those of EXACT are short and join the others outside of them.
//
// A block makes a tile of y from tiles of x and W in shared memory, which are copied several steps
// ahead. A line of a tile is 32 numbers in 4 chunks of 16 bytes, which change places so that the 8
// lines of a matrix lie in all banks.
//
// Before this file comes EXACT, true or false.
#include "args.cuh"
#include "activate.cuh"
#include "halves.cuh"
#include "rows.cuh"

constexpr int parts = EXACT ? 2 : 1, step = 32; // of a number; numbers of a row in a tile

// Activations as f16: a block is a row.
extern "C" __global__ void __launch_bounds__(256) split(const Split p) {
  __shared__ float most[256 / 32];
  const int padded = round_up(p.n, step);
  const float* x = p.x + (long long)blockIdx.x * p.n;
  float largest = 0;
  for (int i = threadIdx.x; i < p.n; i += 256) largest = fmaxf(largest, fabsf(x[i]));
  for (int k = 16; k; k >>= 1) largest = fmaxf(largest, __shfl_xor_sync(~0u, largest, k));
  if (threadIdx.x % 32 == 0) most[threadIdx.x / 32] = largest;
  __syncthreads();
  for (int k = 0; k < 256 / 32; k++) largest = fmaxf(largest, most[k]);
  const float unit = unit_of(largest), by = inverse_unit(unit);
  if (threadIdx.x == 0) p.units[blockIdx.x] = unit;
  for (int i = 2 * threadIdx.x; i < padded; i += 512) {
    unsigned high, low;
    split_halves(i < p.n ? x[i] * by : 0, i + 1 < p.n ? x[i + 1] * by : 0, high, low);
    const long long at = ((long long)blockIdx.x * padded + i) * 2;
    *(unsigned*)(p.high + at) = high;
    if (EXACT) *(unsigned*)(p.low + at) = low;
  }
}

// What a thread copies of a tile of lines in every step: the same chunk of every threads/4-th line.
template <int lines, int threads> struct Copies {
  static constexpr int count = lines * 4 / threads, line = 2 * step;
  const unsigned char* from[count]; // in the part of high halves
  int valid[count];
  long long low; // from there to the part of low halves

  __device__ __forceinline__ void operator()(unsigned char* to) {
#pragma unroll
    for (int i = 0; i < count; i++) {
      copy_async16(to + i * (threads / 4) * line, from[i], valid[i]);
      if (EXACT) copy_async16(to + (lines + i * (threads / 4)) * line, from[i] + low, valid[i]);
      from[i] += line;
    }
  }
};

// A tile of BM tokens by BN rows, of which a warp makes WM by WN.
template <int BM, int BN, int WM, int WN> struct Tile {
  static constexpr int threads = 32 * (BM / WM) * (BN / WN), line = 2 * step;
#if __CUDA_ARCH__ >= 800
  static constexpr int stages = EXACT ? 3 : 4;
#else
  static constexpr int stages = 2; // copies do not run ahead
#endif
  static constexpr int stage_bytes = parts * (BM + BN) * line, sum_bytes = 4 * BM * BN;
  static constexpr int shared_bytes = stages * stage_bytes > sum_bytes ? stages * stage_bytes : sum_bytes;
  static constexpr int MI = WM / 16, NI = WN / 8;
  static_assert(threads % 32 == 0 && (threads / 4) % 8 == 0 && NI % 4 == 0, "chunks change places in the same way in all lines of a thread");

  static __device__ __forceinline__ int place(int row, int chunk) { return row * line + ((chunk ^ (row >> 1 & 3)) << 4); }

  // Fragments of numbers 16h.. of a step, of which the lane's addresses are a[h] and b[h].
  static __device__ __forceinline__ void fragments(unsigned (&a)[MI][4], unsigned (&b)[NI][2], const unsigned char* x, const unsigned char* w) {
#pragma unroll
    for (int i = 0; i < MI; i++) ldmatrix_x4(a[i], x + 16 * i * line);
#pragma unroll
    for (int i = 0; i < NI; i += 2) {
      unsigned r[4];
      ldmatrix_x4(r, w + 8 * i * line);
      b[i][0] = r[0], b[i][1] = r[1], b[i + 1][0] = r[2], b[i + 1][1] = r[3];
    }
  }

  static __device__ __forceinline__ void products(float (&c)[MI][NI][4], const unsigned (&a)[MI][4], const unsigned (&b)[NI][2]) {
#pragma unroll
    for (int i = 0; i < MI; i++) {
#pragma unroll
      for (int j = 0; j < NI; j++) mma_f16(c[i][j], a[i], b[j][0], b[j][1]);
    }
  }

  // Where the sum of token row and column c is in shared memory.
  static __device__ __forceinline__ int sum_at(int row, int c) { return row * BN + (c ^ (row & 3) << 3); }

  static __device__ __forceinline__ void run(const Gemm& p, unsigned char* shared) {
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, wm = warp / (BN / WN) * WM, wn = warp % (BN / WN) * WN;
    // outputs of a tile; the first of this
    const int columns = p.gated ? BN / 2 : BN, output = blockIdx.y * columns;
    int token = blockIdx.x * BM, tokens = p.tokens, matrix = 0;
    if (p.expert) {
      matrix = p.expert[blockIdx.x] - p.lowest;
      token = p.run[blockIdx.x], tokens = token + p.many[blockIdx.x];
      if (token == tokens || matrix < 0 || matrix >= p.experts) return;
    }

    const int row = threadIdx.x / 4, chunk = threadIdx.x % 4;
    Copies<BM, threads> x;
    x.low = p.x_low - p.x_high;
#pragma unroll
    for (int i = 0; i < x.count; i++) {
      const int t = token + row + i * (threads / 4);
      x.valid[i] = t < tokens ? 16 : 0;
      x.from[i] = p.x_high + (long long)min(t, tokens - 1) * p.depth * 2 + 16 * chunk;
    }
    Copies<BN, threads> w; // both rows of a gated output are columns of the same warp
    w.low = p.w_low - p.w_high;
#pragma unroll
    for (int i = 0; i < w.count; i++) {
      const int c = row + i * (threads / 4), o = output + (p.gated ? c / WN * (WN / 2) + c % (WN / 2) : c);
      w.valid[i] = o < p.count ? 16 : 0;
      w.from[i] = p.w_high + ((long long)matrix * p.outputs + min(o, p.count - 1) + (p.gated && c % WN >= WN / 2 ? p.upper : 0)) * p.pitch + 16 * chunk;
    }
    const int to = place(row, chunk), steps = p.depth / step;
    int a[2], b[2]; // of the lane's rows of matrices
#pragma unroll
    for (int h = 0; h < 2; h++) {
      a[h] = place(wm + (lane & 15), 2 * h + (lane >> 4));
      b[h] = parts * BM * line + place(wn + (lane & 7) + (lane >> 4 << 3), 2 * h + (lane >> 3 & 1));
    }

    float sums[MI][NI][4] = {};
    int stage = 0, next = 0; // in bytes: read, and copied to
    auto copy = [&](int k) {
      if (k < steps) {
        x(shared + next + to);
        w(shared + next + parts * BM * line + to);
      }
      copy_commit();
      next = next + stage_bytes == stages * stage_bytes ? 0 : next + stage_bytes;
    };
#pragma unroll
    for (int k = 0; k < stages - 1; k++) copy(k);
#pragma unroll 1
    for (int k = 0; k < steps; k++) {
      copy_wait<stages - 2>();
      __syncthreads();
      copy(k + stages - 1);
      const unsigned char* from = shared + stage;
      if constexpr (EXACT) {
        float c[MI][NI][4] = {};
#pragma unroll
        for (int h = 0; h < 2; h++) {
          unsigned ah[MI][4], al[MI][4], bh[NI][2], bl[NI][2];
          fragments(ah, bh, from + a[h], from + b[h]);
          fragments(al, bl, from + a[h] + BM * line, from + b[h] + BN * line);
          products(c, ah, bl);
          products(c, al, bh);
          products(c, ah, bh);
        }
#pragma unroll
        for (int i = 0; i < MI; i++) {
#pragma unroll
          for (int j = 0; j < NI; j++) {
#pragma unroll
            for (int e = 0; e < 4; e++) sums[i][j][e] += c[i][j][e];
          }
        }
      } else {
#pragma unroll
        for (int h = 0; h < 2; h++) {
          unsigned ah[MI][4], bh[NI][2];
          fragments(ah, bh, from + a[h], from + b[h]);
          products(sums, ah, bh);
        }
      }
      stage = stage + stage_bytes == stages * stage_bytes ? 0 : stage + stage_bytes;
    }

    // Through shared memory, so that lanes write neighbours.
    __syncthreads();
    float* tile = (float*)shared;
#pragma unroll
    for (int i = 0; i < MI; i++) {
#pragma unroll
      for (int j = 0; j < NI; j++) {
#pragma unroll
        for (int h = 0; h < 2; h++)
          *(float2*)(tile + sum_at(wm + 16 * i + 8 * h + (lane >> 2), wn + 8 * j + 2 * (lane & 3))) = make_float2(sums[i][j][2 * h], sums[i][j][2 * h + 1]);
      }
    }
    __syncthreads();
#pragma unroll 1
    for (int i = threadIdx.x; i < BM * columns; i += threads) {
      const int t = i / columns, o = i % columns, c = p.gated ? o / (WN / 2) * WN + o % (WN / 2) : o;
      if (token + t >= tokens || output + o >= p.count) continue;
      const int made = p.first + output + o, row = (p.lowest + matrix) * p.outputs + made;
      const float unit = p.x_units[token + t], gate = whole(p, tile[sum_at(t, c)], unit, row);
      const float up = p.gated ? whole(p, tile[sum_at(t, c + WN / 2)], unit, row + p.half) : 1;
      p.y[(long long)(token + t) * p.outputs + made] = activate(p.act, gate, up);
    }
  }

  // A sum with its powers of two and bias; row is of the whole matrix.
  static __device__ __forceinline__ float whole(const Gemm& p, float sum, float unit, int row) {
    sum = sum * unit * (p.w_units ? p.w_units[row] : 1);
    return p.bias ? sum + p.bias[row] : sum;
  }
};

using Wide = Tile<128, 128, 64, 64>;
using Large = Tile<128, 128, 64, 32>;
using Small = Tile<64, 64, 32, 32>;

// Tokens and rows of a tile, threads and bytes of shared memory, of each kernel.
extern "C" __device__ const int gemm_sizes[12] = {128, 128, Large::threads, Large::shared_bytes, 64, 64, Small::threads, Small::shared_bytes,
                                                  128, 128, Wide::threads, Wide::shared_bytes};

extern "C" __global__ void __launch_bounds__(Large::threads, EXACT ? 1 : 2) gemm_large(const Gemm p) {
  DYNAMIC_SHARED(shared);
  Large::run(p, shared);
}
extern "C" __global__ void __launch_bounds__(Small::threads, EXACT ? 2 : 4) gemm_small(const Gemm p) {
  DYNAMIC_SHARED(shared);
  Small::run(p, shared);
}
extern "C" __global__ void __launch_bounds__(Wide::threads, EXACT ? 1 : 2) gemm_wide(const Gemm p) {
  DYNAMIC_SHARED(shared);
  Wide::run(p, shared);
}
