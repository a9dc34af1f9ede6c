// Attention of many query rows on tensor cores: a block computes ROWS rows that share a KV head,
// over keys and values of f16, which come through shared memory KEYS cells at a time. Queries and
// weights are rounded to f16, sums are f32. It is the fast form; what is packed has been unpacked
// by unpack.cu.
//
// Rows of a cache of f16 lie in the order of fragments (rows.cuh), so a tile is copied as it is.
// Scores are queries times keys, and what a lane has of them is what it needs as weights of values:
// in a tile of 32 cells lane 4j + c has cells 8c to 8c+7, of query rows j and j+8.
//
// Before this file come KEY_DIM, VALUE_DIM, SOFT_CAP, PAGED and SEGMENTS as before attend.cu, and
//   WARPS, BLOCKS   of a block, blocks of a multiprocessor
//   TILES           of 16 query rows, of a warp
//   KEYS            cells of a step, 32 or 64
//   SLICE           values of a head that a block sums
#define ROWS (16 * TILES * WARPS)
#include "cells.cuh"
#include "rows.cuh"

constexpr int threads = 32 * WARPS, key_row = round_up(KEY_DIM, 16), value_row = round_up(VALUE_DIM, 16), slices = value_row / SLICE;
// Steps of a product with keys; tiles and eights of a step of cells.
constexpr int depth = key_row / 16, tiles = KEYS / tile, columns = KEYS / 8;
constexpr int query_bytes = ROWS * key_row * 2, key_bytes = KEYS * key_row * 2, value_bytes = KEYS * SLICE * 2, stage_bytes = key_bytes + value_bytes;
constexpr int stages = 2;
constexpr float log2_e = 1.4426950408889634f, unseen = -1e30f;

// Dynamic shared memory of a block, in bytes; its query rows and threads.
extern "C" __device__ const int prefill_sizes[3] = {query_bytes + stages * stage_bytes, ROWS, threads};

// What is known of each query row, and of all.
struct Known {
  int positions[ROWS];
  float units[ROWS]; // what a score is in units of
  int lowest, highest;
};

// Queries become fragments: the largest value of a row has 2^10 there, so that f16 holds rows of
// any size.
__device__ __forceinline__ void take_queries(const Attend& p, const QueryGroup& g, unsigned char* queries, Known& known, int lane, int warp) {
  if (threadIdx.x == 0) known.lowest = 0x7fffffff, known.highest = -1;
  __syncthreads();
  for (int r = threadIdx.x; r < ROWS; r += threads) {
    const int at = r < g.rows ? p.positions[g.token(r)] : -1;
    known.positions[r] = at;
    // A row that sees nothing does not see all.
    if (r < g.rows) atomicMin(&known.lowest, at), atomicMax(&known.highest, at);
  }
#pragma unroll 2
  for (int r = warp; r < ROWS; r += WARPS) {
    constexpr int each = (key_row / 2 + 31) / 32;
    float x[each][2], most = 0;
    const float* q = p.q + ((long long)g.token(min(r, g.rows - 1)) * p.heads + g.query_head(min(r, g.rows - 1))) * KEY_DIM;
#pragma unroll
    for (int k = 0; k < each; k++) {
#pragma unroll
      for (int h = 0; h < 2; h++) {
        const int i = 2 * (32 * k + lane) + h;
        x[k][h] = r < g.rows && i < KEY_DIM ? q[i] : 0;
        most = fmaxf(most, fabsf(x[k][h]));
      }
    }
    for (int s = 16; s; s >>= 1) most = fmaxf(most, __shfl_xor_sync(~0u, most, s));
    const float unit = most > 1e-30f && most < 1e30f ? as_float((as_bits(most) & 0x7f800000) - (10u << 23)) : 1, by = 1 / unit;
    if (lane == 0) known.units[r] = unit * (SOFT_CAP ? p.scale / p.soft_cap : p.scale * log2_e);
#pragma unroll
    for (int k = 0; k < each; k++) {
      const int i = 2 * (32 * k + lane);
      unsigned char* to = queries + ((r / 16 * depth + i / 16) * 32 + r % 8 * 4 + i % 8 / 2) * 16 + (r / 8 % 2 + i / 8 % 2 * 2) * 4;
      if (i < key_row) *(unsigned*)to = pair_f16(x[k][0] * by, x[k][1] * by);
    }
  }
  __syncthreads();
}

// Sums of a warp's query rows j and j+8 of each tile, dims 8n + 2c.. of the slice, and what they
// are relative to.
struct Sums {
  float o[TILES][SLICE / 8][4];
  float most[TILES][2], total[TILES][2], unit[TILES][2];
};

// Steps from..to-1 of a segment.
__device__ __forceinline__ void walk(const Attend& p, const Segment& s, const Seen& see, const QueryGroup& g, const Known& known, Sums& sums, int from, int to, int slice, unsigned char* shared) {
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, j = lane >> 2, c = lane & 3;
  const unsigned char* keys = s.keys + g.head * s.key_head;
  const unsigned char* values = s.values + g.head * s.value_head + slice * (SLICE / 8) * 512;
  const unsigned char* queries = shared;
  unsigned char* steps = shared + query_bytes;
  const int window = p.window > 0 ? p.window : 0x7fffffff;

  // Lines of odd chunks of values change places in pairs, so that lanes that read two chunks meet
  // no bank twice.
  auto copy = [&](int step) {
    const int cell = step * KEYS;
    const long long at = PAGED ? Seen::place(see.page_of(s.positions, cell), cell) : cell;
    unsigned char* k = steps + step % stages * stage_bytes;
    const unsigned char* key = keys + at * (2 * key_row);
#pragma unroll 8
    for (int i = threadIdx.x; i < key_bytes / 16; i += threads) copy_async16(k + 16 * i, key + 16 * i);
    const unsigned char* value = values + at * (2 * value_row);
#pragma unroll
    for (int t = 0; t < tiles; t++) {
#pragma unroll 8
      for (int i = threadIdx.x; i < SLICE / 8 * 32; i += threads)
        copy_async16(k + key_bytes + (t * (SLICE / 8 * 32) + (i ^ (i >> 5 & 1))) * 16, value + t * (2 * value_row * tile) + 16 * i);
    }
    copy_commit();
  };

  copy(from);
#pragma unroll 1
  for (int step = from; step < to; step++) {
    copy_wait<0>();
    __syncthreads();
    if (step + 1 < to) copy(step + 1);
    unsigned char* k = steps + step % stages * stage_bytes;
    unsigned char* v = k + key_bytes;
    // Whether some row does not see all of the step.
    bool hides = true;
    const int first = step * KEYS;
    if (PAGED) {
      const Page in = see.page_of(s.positions, first);
      const int cell = first % page, lowest = in.y + cell;
      hides = in.x < 0 || cell < in.z || cell + KEYS > in.w || lowest + KEYS - 1 > known.lowest || known.highest - lowest >= window;
    } else if (see.ordered) {
      hides = first + KEYS > see.used || see.base + first + KEYS - 1 > known.lowest || known.highest - (see.base + first) >= window;
    }
    if (hides) { // values of rows that none sees may be anything, and become zeros
#pragma unroll 1
      for (int i = threadIdx.x; i < tiles * (SLICE / 8) * 32; i += threads) {
        const int t = i / (SLICE / 8 * 32), chunk = i / 32 % 2, in = (i ^ chunk) % 4;
        int held[4];
        see.held(s.positions, first + t * tile + 16 * chunk + 4 * in, held);
        unsigned keep[2];
#pragma unroll
        for (int n = 0; n < 2; n++) {
          keep[n] = 0;
#pragma unroll
          for (int h = 0; h < 2; h++) {
            const int at = held[2 * n + h];
            if (at >= 0 && at <= known.highest && at > known.lowest - window) keep[n] |= 0xffffu << 16 * h;
          }
        }
        uint4* w = (uint4*)(v + 16 * i);
        const uint4 old = *w;
        *w = make_uint4(old.x & keep[0], old.y & keep[0], old.z & keep[1], old.w & keep[1]);
      }
      __syncthreads();
    }

    float e[TILES][columns][4] = {};
#pragma unroll
    for (int d = 0; d < depth; d++) {
      uint4 a[TILES];
#pragma unroll
      for (int i = 0; i < TILES; i++) a[i] = *(const uint4*)(queries + (((warp * TILES + i) * depth + d) * 32 + lane) * 16);
#pragma unroll
      for (int n = 0; n < columns / 2; n++) { // rows 2m and 2m+1 of lanes' four of tile t
        const int t = n / 2, m = n % 2;
        const uint4 w = *(const uint4*)(k + t * (key_row * 64) + ((m * depth + d) * 32 + lane) * 16);
#pragma unroll
        for (int i = 0; i < TILES; i++) {
          mma_f16(e[i][2 * n], (const unsigned*)&a[i], w.x, w.z);
          mma_f16(e[i][2 * n + 1], (const unsigned*)&a[i], w.y, w.w);
        }
      }
    }
    if (SOFT_CAP) {
#pragma unroll
      for (int i = 0; i < TILES; i++)
#pragma unroll
        for (int n = 0; n < columns; n++)
#pragma unroll
          for (int h = 0; h < 4; h++) e[i][n][h] = p.soft_cap * log2_e * tanhf(e[i][n][h] * sums.unit[i][h / 2]);
    }
    if (hides) { // scores become -infinity
#pragma unroll
      for (int t = 0; t < tiles; t++)
#pragma unroll
        for (int h = 0; h < 2; h++) {
          int held[4];
          see.held(s.positions, first + t * tile + 8 * c + 4 * h, held);
#pragma unroll
          for (int i = 0; i < TILES; i++)
#pragma unroll
            for (int r = 0; r < 2; r++) {
              const int position = known.positions[(warp * TILES + i) * 16 + 8 * r + j];
#pragma unroll
              for (int n = 0; n < 4; n++)
                if (held[n] < 0 || held[n] > position || position - held[n] >= window) e[i][4 * t + n][2 * r + h] = as_float(0xff800000);
            }
        }
    }

    bool more = false;
    float top[TILES][2];
#pragma unroll
    for (int i = 0; i < TILES; i++)
#pragma unroll
      for (int r = 0; r < 2; r++) {
        float x = fmaxf(e[i][0][2 * r], e[i][0][2 * r + 1]);
#pragma unroll
        for (int n = 1; n < columns; n++) x = fmaxf(x, fmaxf(e[i][n][2 * r], e[i][n][2 * r + 1]));
        x = fmaxf(x, __shfl_xor_sync(~0u, x, 1));
        x = fmaxf(x, __shfl_xor_sync(~0u, x, 2));
        top[i][r] = fmaxf(SOFT_CAP ? x : x * sums.unit[i][r], unseen);
        more |= top[i][r] > sums.most[i][r];
      }
    if (__any_sync(~0u, more)) {
#pragma unroll
      for (int i = 0; i < TILES; i++)
#pragma unroll
        for (int r = 0; r < 2; r++) {
          const float next = fmaxf(sums.most[i][r], top[i][r]), by = exp2_fast(sums.most[i][r] - next);
          sums.most[i][r] = next;
          sums.total[i][r] *= by;
#pragma unroll
          for (int n = 0; n < SLICE / 8; n++) sums.o[i][n][2 * r] *= by, sums.o[i][n][2 * r + 1] *= by;
        }
    }
#pragma unroll
    for (int t = 0; t < tiles; t++)
#pragma unroll
      for (int h = 0; h < 2; h++) { // cells 8c + 4h.. of the tile
        unsigned a[TILES][4];
#pragma unroll
        for (int i = 0; i < TILES; i++)
#pragma unroll
          for (int r = 0; r < 2; r++) {
            float w[4];
#pragma unroll
            for (int n = 0; n < 4; n++) {
              const float x = e[i][4 * t + n][2 * r + h];
              w[n] = exp2_fast(SOFT_CAP ? x - sums.most[i][r] : fmaf(x, sums.unit[i][r], -sums.most[i][r]));
              sums.total[i][r] += w[n];
            }
            a[i][r] = pair_f16(w[0], w[1]);
            a[i][2 + r] = pair_f16(w[2], w[3]);
          }
        const unsigned char* from = v + (t * (SLICE / 8 * 32) + (c >> 1) * 32 + (4 * j + 2 * (c & 1) + h ^ c >> 1)) * 16;
#pragma unroll
        for (int n = 0; n < SLICE / 16; n++) {
          const uint4 w = *(const uint4*)(from + n * 1024);
#pragma unroll
          for (int i = 0; i < TILES; i++) {
            mma_f16(sums.o[i][2 * n], a[i], w.x, w.z);
            mma_f16(sums.o[i][2 * n + 1], a[i], w.y, w.w);
          }
        }
      }
  }
  __syncthreads(); // the stages are free again
}

// Steps of a segment that some row of the group sees.
struct Steps {
  int first, count;
  __device__ Steps(const Seen& see, const Known& known, int window) {
    int lo = 0, hi = known.highest < 0 ? 0 : see.used;
    if (see.ordered && hi > 0) {
      hi = min(hi, known.highest - see.base + 1);
      if (window > 0) lo = max(0, known.lowest - see.base + 1 - window);
    }
    first = lo / KEYS;
    count = max(0, (max(hi, 0) + KEYS - 1) / KEYS - first);
  }
};

// What is left of a query row's sums when they are relative to a reference: with a sink, and as
// weights that add up to 1.
__device__ __forceinline__ float factor_of(const Attend& p, int q, float most, float total) {
  const float sink = p.sinks ? p.sinks[q] * log2_e : unseen, top = fmaxf(most, sink), by = exp2f(most - top);
  const float weight = total * by + (p.sinks ? exp2f(sink - top) : 0);
  return weight > 0 ? by / weight : 0;
}

// Block x is a part and slice, y a KV head of those of the launch and a group of query rows, the
// last first: they see most.
extern "C" __global__ void __launch_bounds__(threads, BLOCKS) prefill(const __grid_constant__ Prefill f) {
  DYNAMIC_SHARED(shared);
  __shared__ Known known;
  const Attend& p = f.attend;
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, j = lane >> 2, c = lane & 3, part = blockIdx.x / slices, slice = blockIdx.x % slices;
  QueryGroup g(p, PAGED ? blockIdx.y : gridDim.y - 1 - blockIdx.y);
  let_next();
  await_previous();
  if constexpr (PAGED) g.find(p, f.many, lane);
  g.head += f.first;
  if (g.rows <= 0) return; // more groups were launched than runs have
  take_queries(p, g, shared, known, lane, warp);

  Sums sums;
#pragma unroll
  for (int i = 0; i < TILES; i++) {
#pragma unroll
    for (int r = 0; r < 2; r++) {
      sums.most[i][r] = unseen, sums.total[i][r] = 0;
      sums.unit[i][r] = known.units[(warp * TILES + i) * 16 + 8 * r + j];
    }
#pragma unroll
    for (int n = 0; n < SLICE / 8; n++)
#pragma unroll
      for (int h = 0; h < 4; h++) sums.o[i][n][h] = 0;
  }
  int before = 0, all = 0; // steps of the segments before, of all
#pragma unroll
  for (int k = 0; k < SEGMENTS; k++) all += Steps(Seen(p.segments[k].cells, p.segments[k].capacity, g.sequence), known, p.window).count;
  const int from = part_of(all, part, f.parts), to = part_of(all, part + 1, f.parts);
#pragma unroll 1
  for (int k = 0; k < SEGMENTS; k++) {
    const Segment& s = p.segments[k];
    const Seen see(s.cells, s.capacity, g.sequence);
    const Steps steps(see, known, p.window);
    const int lo = max(from - before, 0), hi = min(to - before, steps.count);
    if (lo < hi) walk(p, s, see, g, known, sums, steps.first + lo, steps.first + hi, slice, shared);
    before += steps.count;
  }

#pragma unroll
  for (int i = 0; i < TILES; i++)
#pragma unroll
    for (int r = 0; r < 2; r++) {
      float total = sums.total[i][r];
      total += __shfl_xor_sync(~0u, total, 1);
      total += __shfl_xor_sync(~0u, total, 2);
      const int row = (warp * TILES + i) * 16 + 8 * r + j;
      if (row >= g.rows) continue;
      const int q = g.query_head(row);
      float *out, factor = 1;
      int most = SLICE;
      if (f.parts > 1) {
        const long long at = ((long long)blockIdx.y * f.parts + part) * ROWS + row;
        out = p.segments[0].partial + at * value_row + slice * SLICE;
        if (slice == 0 && c == 0) *(float2*)(p.segments[0].norms + 2 * at) = make_float2(sums.most[i][r], total);
      } else {
        out = p.out + ((long long)g.token(row) * p.heads + q) * VALUE_DIM + slice * SLICE;
        factor = factor_of(p, q, sums.most[i][r], total);
        most = VALUE_DIM - slice * SLICE;
      }
#pragma unroll
      for (int n = 0; n < SLICE / 8; n++) {
        const int at = 8 * n + 2 * c;
        const float x = sums.o[i][n][2 * r] * factor, y = sums.o[i][n][2 * r + 1] * factor;
        if (VALUE_DIM % 2 == 0) {
          if (at < most) *(float2*)(out + at) = make_float2(x, y);
        } else {
          if (at < most) out[at] = x;
          if (at + 1 < most) out[at + 1] = y;
        }
      }
    }
}

// The parts of a query row together: a warp is a row, of 8 in a block; block y is that of prefill.
extern "C" __global__ void __launch_bounds__(256) join(const __grid_constant__ Prefill f) {
  const Attend& p = f.attend;
  const int lane = threadIdx.x & 31, row = blockIdx.x * 8 + (threadIdx.x >> 5);
  QueryGroup g(p, PAGED ? blockIdx.y : gridDim.y - 1 - blockIdx.y);
  let_next();
  await_previous();
  if constexpr (PAGED) g.find(p, f.many, lane);
  g.head += f.first;
  if (row >= g.rows) return;
  const long long first = (long long)blockIdx.y * f.parts * ROWS + row;
  float most = unseen, total = 0;
  for (int k = 0; k < f.parts; k++) most = fmaxf(most, p.segments[0].norms[2 * (first + (long long)k * ROWS)]);
  for (int k = 0; k < f.parts; k++) {
    const float2 n = *(const float2*)(p.segments[0].norms + 2 * (first + (long long)k * ROWS));
    total += exp2_fast(n.x - most) * n.y;
  }
  const int q = g.query_head(row);
  const float factor = factor_of(p, q, most, total);
  float* out = p.out + ((long long)g.token(row) * p.heads + q) * VALUE_DIM;
  for (int i = lane; i < VALUE_DIM; i += 32) {
    float sum = 0;
    for (int k = 0; k < f.parts; k++) {
      const long long at = first + (long long)k * ROWS;
      sum += exp2_fast(p.segments[0].norms[2 * at] - most) * p.segments[0].partial[at * value_row + i];
    }
    out[i] = sum * factor;
  }
}
