// Products of a matrix with many rows of activations, both as f16 with a power of two for each row:
// y = act(x W^T + bias). With EXACT a number is the sum of two of f16, and high*high + high*low +
// low*high is summed; what is left out is 2^-22 of a product. Sums are f32.
//
// A group makes a tile of y from tiles of x and W in threadgroup memory; a SIMD group makes 32 by
// 32 of it, in matrices of 8 by 8. Lines are so far apart that the rows of a matrix lie in all
// banks.
//
// Before this file comes EXACT, true or false.
#include "activate.metalh"
#include "args.metalh"
#include "halves.metalh"

// of a number; numbers of a row in a tile
constexpr int parts = EXACT ? 2 : 1, step = EXACT ? 16 : 32;
constexpr int padded_to = 32, line = step + 8;

// Activations as f16: a group is a row.
KERNEL(split, Split, 256) {
  HERE
  SHARED float most[8];
  const int padded = round_up(p.n, padded_to);
  device const float* from = p.x + (long)x * p.n;
  float largest = 0;
  for (int i = t; i < p.n; i += 256) largest = fmax(largest, magnitude(from[i]));
  largest = simd_max(largest);
  if (lane == 0) most[warp] = largest;
  group_sync();
  for (int k = 0; k < 8; k++) largest = fmax(largest, most[k]);
  const float unit = unit_of(largest), by = inverse_unit(unit);
  if (t == 0) p.units[x] = unit;
  for (int i = t; i < padded; i += 256) {
    const Split16 s = split_half(i < p.n ? from[i] * by : 0.0f);
    ((device ushort*)p.high)[(long)x * padded + i] = s.high;
    if (EXACT) ((device ushort*)p.low)[(long)x * padded + i] = s.low;
  }
}

// A sum with its powers of two and bias; row is of the whole matrix.
static inline float whole(constant const Gemm& p, float sum, float unit, int row) {
  sum = sum * unit * (p.w_units ? p.w_units[row] : 1.0f);
  return p.bias ? sum + p.bias[row] : sum;
}

// A tile of BM tokens by BN rows.
template <int BM, int BN> struct Tile {
  static constant constexpr const int simds = (BM / 32) * (BN / 32), threads = 32 * simds;
  static constant constexpr const int staged = parts * (BM + BN) * line; // numbers of f16
  // and a matrix that is the identity
  static constant constexpr const int bytes = larger(2 * staged, 4 * 128 * simds) + 256;

  // Column c of a tile as an output of it; a gated one's second row is 16 columns behind its first.
  static int output_of(int c, bool gated) { return gated ? c / 32 * 16 + c % 16 : c; }

  // sums += A B of eight columns.
  static void add(thread simdgroup_float8x8 (&sums)[4][4], threadgroup const half* a, threadgroup const half* b) {
    simdgroup_half8x8 ma[4], mb[4];
    const ulong2 none = {0, 0};
#pragma unroll
    for (int i = 0; i < 4; i++) {
      simdgroup_load(ma[i], a + 8 * i * line, line);
      simdgroup_load(mb[i], b + 8 * i * line, line, none, true);
    }
#pragma unroll
    for (int i = 0; i < 16; i++) simdgroup_multiply_accumulate(sums[i / 4][i % 4], ma[i / 4], mb[i % 4], sums[i / 4][i % 4]);
  }

  static void run(constant const Gemm& p, threadgroup uchar* shared, int x, int y, int t, int warp, int lane) {
    const bool gated = p.gated;
    const int output = y * (gated ? BN / 2 : BN);
    int token = x * BM, tokens = p.tokens, matrix = 0;
    if (p.expert) {
      matrix = p.expert[x] - p.lowest;
      token = p.run[x], tokens = token + p.many[x];
      if (token == tokens || matrix < 0 || matrix >= p.experts) return;
    }
    threadgroup half* stage = (threadgroup half*)shared;
    const int wm = warp / (BN / 32) * 32, wn = warp % (BN / 32) * 32;
    simdgroup_float8x8 sums[4][4];
#pragma unroll
    for (int i = 0; i < 4; i++)
#pragma unroll
      for (int j = 0; j < 4; j++) sums[i][j] = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);

    threadgroup float* one = (threadgroup float*)(shared + bytes - 256);
    for (int i = t; i < 64; i += threads) one[i] = i % 9 == 0;
    for (int k = 0; k < p.depth; k += step) {
      group_sync();
      // Four numbers at a time; zeros where there are no tokens or rows.
      for (int i = t; i < parts * (BM + BN) * (step / 4); i += threads) {
        const int part = i / ((BM + BN) * (step / 4)), l = i / (step / 4) % (BM + BN), at = i % (step / 4) * 4;
        ushort4 v = {0, 0, 0, 0};
        if (l < BM) {
          if (token + l < tokens) v = *(device const ushort4*)((part ? p.x_low : p.x_high) + ((long)(token + l) * p.depth + k + at) * 2);
        } else {
          const int c = l - BM, o = output + output_of(c, gated);
          const long row = (long)matrix * p.outputs + o + (gated && c % 32 >= 16 ? p.upper : 0);
          if (o < p.count) v = *(device const ushort4*)((part ? p.w_low : p.w_high) + row * p.pitch + 2 * (k + at));
        }
        *(threadgroup ushort4*)(stage + (part * (BM + BN) + l) * line + at) = v;
      }
      group_sync();
      threadgroup const half* a = stage + wm * line;
      threadgroup const half* b = stage + (BM + wn) * line;
      if (EXACT) {
        // Sums of a step are short, and join the others afterwards.
        simdgroup_float8x8 part[4][4], identity;
        for (int i = 0; i < 16; i++) part[i / 4][i % 4] = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
        for (int d = 0; d < step; d += 8) {
          add(part, a + (BM + BN) * line + d, b + d);
          add(part, a + d, b + (BM + BN) * line + d);
          add(part, a + d, b + d);
        }
        simdgroup_load(identity, one, 8);
#pragma unroll
        for (int i = 0; i < 16; i++) simdgroup_multiply_accumulate(sums[i / 4][i % 4], part[i / 4][i % 4], identity, sums[i / 4][i % 4]);
      } else {
#pragma unroll
        for (int d = 0; d < step; d += 8) add(sums, a + d, b + d);
      }
    }

    // Through threadgroup memory, 8 tokens by 8 outputs at a time: gates, and what they gate.
    group_sync();
    threadgroup float* made = (threadgroup float*)shared + 128 * warp;
#pragma unroll
    for (int i = 0; i < 4; i++)
#pragma unroll
      for (int j = 0; j < 4; j++) {
        if (gated && j >= 2) continue;
        warp_sync();
        simdgroup_store(sums[i][j], made, 8);
        if (gated) simdgroup_store(sums[i][(j + 2) % 4], made + 64, 8);
        warp_sync();
        for (int e = lane; e < 64; e += 32) {
          const int at = token + wm + 8 * i + e / 8, o = output + output_of(wn + 8 * j + e % 8, gated);
          if (at >= tokens || o >= p.count) continue;
          const int result = p.first + o, row = (p.lowest + matrix) * p.outputs + result;
          const float unit = p.x_units[at], gate = whole(p, made[e], unit, row), up = gated ? whole(p, made[64 + e], unit, row + p.half_) : 1.0f;
          p.y[(long)at * p.outputs + result] = activate(p.act, gate, up);
        }
      }
  }
};

using Large = Tile<128, 128>;
using Small = Tile<64, 64>;
using Wide = Tile<128, 64>;

// Tokens and rows of a tile, threads and bytes of threadgroup memory, of each kernel.
FACTS(gemm_sizes) {
  facts[0] = 128, facts[1] = 128, facts[2] = Large::threads, facts[3] = Large::bytes;
  facts[4] = 64, facts[5] = 64, facts[6] = Small::threads, facts[7] = Small::bytes;
  facts[8] = 128, facts[9] = 64, facts[10] = Wide::threads, facts[11] = Wide::bytes;
}

KERNEL_SHARED(gemm_large, Gemm, Large::threads) {
  HERE
  Large::run(p, shared, x, y, t, warp, lane);
}
KERNEL_SHARED(gemm_small, Gemm, Small::threads) {
  HERE
  Small::run(p, shared, x, y, t, warp, lane);
}
KERNEL_SHARED(gemm_wide, Gemm, Wide::threads) {
  HERE
  Wide::run(p, shared, x, y, t, warp, lane);
}
