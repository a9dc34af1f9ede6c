// Rows of one side of a segment as rows of f16, in the order in which a cache of f16 has them: what
// the kernel of many query rows reads. A warp makes 32 rows of a head. They are as the model
// computed them, with what a transform of the type or of the side did undone and with an offset of
// keys added again, so that packed and exact rows, and queries, are all in one domain. Numbers that
// f16 cannot hold become the largest that it can.
//
// Before this file come Type, Rotation, SIDE, HEAD_DIM and FILE_ROW as before store.cu, and
//   OFFSET, ADJACENT   pairs that RoPE rotates where keys have an offset, -1 for none; how they lie
//   ROWS, PAGED        1; whether cells are of sequences, and then a block is of a run of the batch
//   WARPS              of a block
#include "cells.cuh"
#include "keys.cuh"

// Values of a row of f16, of one of Type; floats of a row in shared memory, so that lanes meet no
// bank twice, and of a warp.
constexpr int row = round_up(HEAD_DIM, 16), held = round_up(FILE_ROW, 16);
constexpr int pitch = round_up(held, 8) + 2;
constexpr int room = tile * pitch;
constexpr bool key = SIDE == Side::key;

// The number that terms of levels stand for: bytes "byte" of the words.
template <class L> __device__ __forceinline__ float level_of(const unsigned* words, int byte) {
  int coarse = 0, fine = 0;
#pragma unroll
  for (int t = 0; t < L::terms; t++) {
    const int v = (signed char)(words[t] >> 8 * byte);
    if (t < L::coarse) coarse += v;
    else fine += v;
  }
  return L::unit * ((float)coarse + L::fine * (float)fine);
}

// Rows of codes: levels go to x, which number turns into values row by row.
template <class T, bool codes> struct Reader {
  static constexpr bool halves = false;
  using Row = CodeRow<T, SIDE, held>;
  using L = Levels<T, false>;

  // Four neighbours in a row of keys, in a column of values.
  static __device__ __forceinline__ void put(float* x, const unsigned* words, int at, int step, int swap) {
#pragma unroll
    for (int b = 0; b < 4; b++) x[at + (b ^ swap) * step] = level_of<L>(words, b);
  }

  static __device__ __forceinline__ void levels(float* x, const unsigned char* rows, int lane) {
    const int j = lane >> 2, c = lane & 3;
    CodeTile<T, SIDE, held> t;
    t.load(rows, lane);
    const Factors factors;
    if constexpr (Row::wide) {
#pragma unroll
      for (int n = 0; n < t.main_words; n++) {
        constexpr int half = t.main_words / 2;
        const int dim = key ? n % half / 2 * 16 + 4 * c : n / 2 * 8 + j;
        const int r = key ? 4 * j + n / half * 2 + n % 2 : n % 2 * 16 + 4 * c;
        if (dim < held) put(x, t.main + n, r * pitch + dim, key ? 1 : pitch, 0);
      }
    } else {
      if constexpr (!key) t.pair();
#pragma unroll
      for (int n = 0; n < Row::padded / 8; n++) {
        // Of keys rows 2m and 2m+1 of the lane and dims 16u..
        const int m = n / (Row::padded / 16), u = n % (Row::padded / 16);
        unsigned low, high, b[2][L::terms];
        if constexpr (key) low = t.low(m, u), high = t.high(m, u);
        else low = t.paired_low(n / 2 % 2, n / 4 * 2 + n % 2), high = t.paired_high(n / 2 % 2, n / 4 * 2 + n % 2);
        L::find(low, high, factors, b);
        const int dim = key ? 16 * u + 4 * c : 8 * n + j;
        if (dim >= held) continue;
#pragma unroll
        for (int h = 0; h < 2; h++) {
          const int r = key ? 4 * j + 2 * m + h : 16 * h + 4 * c;
          put(x, b[h], r * pitch + dim, key ? 1 : pitch, key ? 0 : n / 2 % 2);
        }
      }
    }
  }

  // Value i of a row of which x has the level.
  static __device__ __forceinline__ float number(float x, const unsigned char* scales, int i) {
    const int run = i / Row::run;
    return x * at(scales, run) + (T::has_least ? at(scales, Row::runs + run) : 0);
  }
  static __device__ __forceinline__ float at(const unsigned char* scales, int k) {
    return Row::number_bytes == 2 ? half_to_float(((const unsigned short*)scales)[k]) : as_float(((const unsigned*)scales)[k]);
  }
};

template <class T> struct Reader<T, false> {
  static constexpr bool halves = T::element == Element::f16;
  using Row = NumberRow<T, SIDE, held>;

  static __device__ __forceinline__ void levels(float* x, const unsigned char* rows, int lane) {
#pragma unroll 4
    for (int i = lane; i < tile * held; i += 32) {
      const int r = i / held, dim = i % held;
      const unsigned char* from = rows + Row::at(dim, r);
      float v;
      if (T::element == Element::f32) v = as_float(*(const unsigned*)from);
      else v = T::element == Element::f16 ? from_f16(*(const unsigned short*)from) : from_bf16(*(const unsigned short*)from);
      x[r * pitch + dim] = v;
    }
  }
  static __device__ __forceinline__ float number(float x, const unsigned char*, int) { return x; }
};

// Dynamic shared memory of a block, in bytes; whether rows of Type are rows of f16 as they are.
extern "C" __device__ const int unpack_sizes[2] = {WARPS * room * 4, Reader<Type, Type::codes>::halves && OFFSET < 0};

// Adds what was taken out of a key, as RoPE rotates it to a position.
__device__ __forceinline__ void add_offset(float* x, const Mu& m, const float* mu, int position, int lane) {
  constexpr int pairs = OFFSET < 0 ? 0 : OFFSET, steps = (pairs + 7) / 8;
  const float2* block = (const float2*)(m.block + (long long)max(0, min((position >> 5) + 1, m.blocks - 1)) * steps * 4);
  const float2* rest = (const float2*)(m.rest + (position & 31) * steps * 4);
  for (int i = lane; i < pairs; i += 32) {
    const int at = i / 8 * 8 + i % 4 * 2 + i % 8 / 4, k = ADJACENT ? 2 * i : i, l = ADJACENT ? 2 * i + 1 : i + pairs;
    const float2 a = block[at], b = rest[at];
    const float c = m.magnitude * (a.x * b.x - a.y * b.y), s = m.magnitude * (a.x * b.y + a.y * b.x);
    x[k] += mu[k] * c - mu[l] * s;
    x[l] += mu[l] * c + mu[k] * s;
  }
  for (int i = 2 * pairs + lane; i < HEAD_DIM; i += 32) x[i] += mu[i];
}

__device__ __forceinline__ unsigned pair_of(const float* x, int second) {
  return pair_f16(fminf(fmaxf(x[0], -65504.0f), 65504.0f), fminf(fmaxf(x[second], -65504.0f), 65504.0f));
}

// Block x is WARPS tiles of cells, y a KV head of those of the launch, if PAGED of a run.
extern "C" __global__ void __launch_bounds__(32 * WARPS) unpack(const __grid_constant__ Unpack p) {
  DYNAMIC_SHARED(shared);
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, y = blockIdx.y % p.many, head = p.first + y;
  const int first = (blockIdx.x * WARPS + warp) * tile; // cell
  float* x = (float*)shared + warp * room;
  let_next();
  await_previous();
  const Seen see(p.cells, p.from.capacity, PAGED ? p.runs[blockIdx.y / p.many].z : 0);
  if (first >= see.used) return;
  const long long at = PAGED ? Seen::place(see.page_of(p.positions, first), first) : first;
  using R = Reader<Type, Type::codes>;
  R::levels(x, p.from.rows + head * p.from.head + at * R::Row::bytes, lane);
  __syncwarp();
  const unsigned char* scales = p.from.scales + head * p.from.scale_head + at * R::Row::scale_bytes;
#pragma unroll 2
  for (int r = 0; r < tile; r++) {
    float* to = x + r * pitch;
    for (int i = lane; i < held; i += 32) to[i] = i < FILE_ROW ? R::number(to[i], scales + r * R::Row::scale_bytes, i) : 0;
    __syncwarp();
    Type::Domain::inverse(to, FILE_ROW, lane);
    Rotation::inverse(to, HEAD_DIM, lane);
    __syncwarp();
    if constexpr (OFFSET >= 0) {
      const int position = see.ordered ? see.base + first + r : p.positions[first + r];
      if (position >= 0) add_offset(to, p.mu, p.mu.mu + head * HEAD_DIM, position, lane);
    }
    for (int i = HEAD_DIM + lane; i < row; i += 32) to[i] = 0;
  }
  __syncwarp();
  unsigned char* out = p.to.rows + y * p.to.head + at * (2 * row);
  const int j = lane >> 2, c = lane & 3;
#pragma unroll 2
  for (int n = 0; n < row / 8; n++) { // chunks of 16 bytes of a lane, see NumberRow
    uint4 w;
    if (key) {
      const float* k = x + (4 * j + n / (row / 16) * 2) * pitch + n % (row / 16) * 16 + 2 * c;
      w = make_uint4(pair_of(k, 1), pair_of(k + pitch, 1), pair_of(k + 8, 1), pair_of(k + pitch + 8, 1));
    } else {
      const float* v = x + (n % 2 * 16 + 4 * c) * pitch + n / 2 * 16 + j;
      w = make_uint4(pair_of(v, pitch), pair_of(v + 8, pitch), pair_of(v + 2 * pitch, pitch), pair_of(v + 2 * pitch + 8, pitch));
    }
    *(uint4*)(out + (n * 32 + lane) * 16) = w;
  }
}
