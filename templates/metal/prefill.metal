// Attention of many query rows in matrices of 8 by 8: a group computes ROWS rows that share a KV
// head, over keys and values of f16, which are read where they lie. Queries and weights are rounded
// to f16, sums are f32. It is the fast form; what is packed has been unpacked by unpack.metal.
//
// In a tile of 32 cells eight dims of eight keys are 64 numbers in a row, and eight cells of eight
// dims of values are eight pieces a row apart: matrices as they are loaded.
//
// Before this file come KEY_DIM, VALUE_DIM, SOFT_CAP, PAGED, SEGMENTS as before attend.metal, and
//   WARPS, BLOCKS, TILES, KEYS   unused
//   SLICE                        values of a head that a group sums
#define SIMDS (KEY_DIM > 256 ? 2 : 4)
#define EIGHTS (KEY_DIM <= 128 && SLICE <= 128 ? 2 : 1) // of query rows, of a SIMD group
#define ROWS (8 * EIGHTS * SIMDS)
#include "cells.metalh"

constexpr int threads = 32 * SIMDS, key_row = round_up(KEY_DIM, 16), value_row = round_up(VALUE_DIM, 16), slices = value_row / SLICE;
constexpr int mine = 8 * EIGHTS; // query rows of a SIMD group
// Floats of threadgroup memory of a SIMD group: scores, which weights take the place of, and a
// matrix.
constexpr int scratch = mine * tile + 64;

// Threadgroup memory, query rows and threads of a group.
FACTS(prefill_sizes) {
  facts[0] = 2 * ROWS * key_row + 4 * SIMDS * scratch;
  facts[1] = ROWS;
  facts[2] = threads;
}

// What is left of a query row's sums when they are relative to a reference: with a sink, and as
// weights that add up to 1.
static inline float factor_of(constant const Attend& p, int q, float most, float total) {
  const float sink = p.sinks ? p.sinks[q] * log2_e : unseen, top = fmax(most, sink), by = exp2(most - top);
  const float weight = total * by + (p.sinks ? exp2(sink - top) : 0.0f);
  return weight > 0 ? by / weight : 0.0f;
}

// A SIMD group's rows: sums, the references, weights of this lane's cells, and what a score is in
// units of.
struct Sums {
  simdgroup_float8x8 o[EIGHTS][SLICE / 8];
  float most[mine], total[mine];
};

// Steps from..to-1 of a segment.
static inline void walk(constant const Attend& p, constant const Segment& s, Seen see, int head, thread Sums& sums, int from, int to, int slice, threadgroup const half* queries, threadgroup float* scores,
                        threadgroup const int* positions, threadgroup const float* row_units, int lane) {
  device const half* keys = (device const half*)(s.keys + head * s.key_head);
  device const half* values = (device const half*)(s.values + head * s.value_head) + slice * SLICE;
  threadgroup half* weights = (threadgroup half*)scores;
  threadgroup float* matrix = scores + mine * tile;
  threadgroup half* shown = (threadgroup half*)matrix;
  const int window = p.window > 0 ? p.window : 0x7fffffff;
  const ulong2 none = {0, 0};
  const simdgroup_float8x8 zero = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
  for (int step = from; step < to; step++) {
    const int first = step * tile, at = see.held(s.positions, first + lane);
    const long row = see.place(s.positions, first);
    device const half* k = keys + row * key_row;
    for (int c = 0; c < tile / 8; c++) {
      simdgroup_float8x8 e[EIGHTS];
      for (int i = 0; i < EIGHTS; i++) e[i] = zero;
      for (int d = 0; d < key_row / 8; d++) {
        simdgroup_half8x8 b, a;
        simdgroup_load(b, k + (d * tile + 8 * c) * 8, 8, none, true);
#pragma unroll
        for (int i = 0; i < EIGHTS; i++) {
          simdgroup_load(a, queries + 8 * i * key_row + 8 * d, key_row);
          simdgroup_multiply_accumulate(e[i], a, b, e[i]);
        }
      }
      for (int i = 0; i < EIGHTS; i++) simdgroup_store(e[i], scores + 8 * i * tile + 8 * c, tile);
    }
    warp_sync();
    float e[mine], by[mine];
    bool hidden = true, more = false;
#pragma unroll
    for (int r = 0; r < mine; r++) {
      const int position = positions[r];
      const bool sees = at >= 0 && at <= position && position - at < window;
      hidden = hidden && !sees;
      const float v = scores[r * tile + lane] * row_units[r];
      e[r] = sees ? SOFT_CAP ? p.soft_cap * log2_e * precise::tanh(v) : v : as_float(0xff800000);
      const float next = fmax(sums.most[r], simd_max(e[r]));
      more = more || next > sums.most[r];
      by[r] = exp2(sums.most[r] - next);
      sums.most[r] = next;
      e[r] = exp2(e[r] - next);
      sums.total[r] = sums.total[r] * by[r] + e[r];
    }
    warp_sync(); // scores have been read
#pragma unroll
    for (int r = 0; r < mine; r++) weights[r * tile + lane] = (half)e[r];
    const uint skip = (uint)(ulong)simd_ballot(hidden);
    if (more) { // the same for all lanes
#pragma unroll
      for (int i = 0; i < EIGHTS; i++) {
        warp_sync();
        matrix[lane] = matrix[lane + 32] = 0;
        warp_sync();
#pragma unroll
        for (int r = 0; r < 8; r++)
          if (lane == r) matrix[9 * r] = by[8 * i + r];
        warp_sync();
        simdgroup_float8x8 shrink;
        simdgroup_load(shrink, matrix, 8);
#pragma unroll
        for (int d = 0; d < SLICE / 8; d++) simdgroup_multiply_accumulate(sums.o[i][d], shrink, sums.o[i][d], zero);
      }
    }
    warp_sync();
    for (int c = 0; c < tile / 8; c++) {
      const uint gone = skip >> 8 * c & 0xff;
      if (gone == 0xff) continue;
      simdgroup_half8x8 a[EIGHTS], b;
      for (int i = 0; i < EIGHTS; i++) simdgroup_load(a[i], weights + 8 * i * tile + 8 * c, tile);
      device const half* v = values + (row + 8 * c) * value_row;
#pragma unroll
      for (int d = 0; d < SLICE / 8; d++) {
        if (gone) { // values of rows that none sees may be anything, and become zeros
          warp_sync();
          for (int n = lane; n < 64; n += 32) shown[n] = gone >> n / 8 & 1 ? (half)0.0f : v[n / 8 * value_row + 8 * d + n % 8];
          warp_sync();
          simdgroup_load(b, shown, 8);
        } else {
          simdgroup_load(b, v + 8 * d, value_row);
        }
#pragma unroll
        for (int i = 0; i < EIGHTS; i++) simdgroup_multiply_accumulate(sums.o[i][d], a[i], b, sums.o[i][d]);
      }
    }
    warp_sync();
  }
}

// Group x is a part and slice, y a KV head of those of the launch and a group of query rows.
KERNEL_SHARED(prefill, Prefill, threads) {
  HERE
  SHARED int positions[ROWS];
  SHARED float row_units[ROWS];
  constant const Attend& a = p.attend;
  const int part = x / slices, slice = x % slices;
  QueryGroup g = group_of(a, y, PAGED ? p.many : a.kv_heads, height, lane);
  g.head += p.first;
  if (g.rows <= 0) return; // more groups were launched than runs have
  threadgroup half* queries = (threadgroup half*)shared;
  threadgroup float* scores = (threadgroup float*)(queries + ROWS * key_row) + warp * scratch;

  // Queries of this SIMD group: the largest value of a row has 2^10, so that f16 holds rows of any
  // size.
  int lowest = 0x7fffffff, highest = -1;
  for (int r = lane; r < ROWS; r += 32) {
    const int at = r < g.rows ? a.positions[g.token(r)] : -1;
    if (warp == 0) positions[r] = at;
    if (r < g.rows) lowest = min(lowest, at), highest = max(highest, at);
  }
  lowest = max(0, simd_min(lowest)), highest = simd_max(highest);
  for (int r = warp * mine; r < warp * mine + mine; r++) {
    device const float* q = a.q + ((long)g.token(min(r, g.rows - 1)) * a.heads + g.query_head(min(r, g.rows - 1))) * KEY_DIM;
    float most = 0;
    for (int i = lane; i < KEY_DIM; i += 32) most = fmax(most, r < g.rows ? magnitude(q[i]) : 0.0f);
    most = simd_max(most);
    const float unit = most > 1e-30f && most < 1e30f ? as_float((as_bits(most) & 0x7f800000) - (10u << 23)) : 1.0f, by = 1 / unit;
    if (lane == 0) row_units[r] = unit * (SOFT_CAP ? a.scale / a.soft_cap : a.scale * log2_e);
    for (int i = lane; i < key_row; i += 32) queries[r * key_row + i] = (half)(r < g.rows && i < KEY_DIM ? q[i] * by : 0.0f);
  }
  group_sync();

  Sums sums;
  for (int r = 0; r < mine; r++) sums.most[r] = unseen, sums.total[r] = 0;
  for (int i = 0; i < EIGHTS; i++)
    for (int d = 0; d < SLICE / 8; d++) sums.o[i][d] = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
  int before = 0, all = 0; // steps of the segments before, of all
  for (int k = 0; k < SEGMENTS; k++) all += steps_of(seen_of(a.segments[k].cells, a.segments[k].capacity, g.sequence), lowest, highest, a.window, tile).count;
  const int from = part_of(all, part, p.parts), to = part_of(all, part + 1, p.parts);
  for (int k = 0; k < SEGMENTS; k++) {
    const Seen see = seen_of(a.segments[k].cells, a.segments[k].capacity, g.sequence);
    const Steps steps = steps_of(see, lowest, highest, a.window, tile);
    const int lo = max(from - before, 0), hi = min(to - before, steps.count);
    if (lo < hi) walk(a, a.segments[k], see, g.head, sums, steps.first + lo, steps.first + hi, slice, queries + warp * mine * key_row, scores, positions + warp * mine, row_units + warp * mine, lane);
    before += steps.count;
  }

  // Through threadgroup memory, a matrix at a time.
#pragma unroll
  for (int i = 0; i < EIGHTS; i++) {
    float factors[8];
#pragma unroll
    for (int r = 0; r < 8; r++) {
      const int of = warp * mine + 8 * i + r;
      const float total = simd_sum(sums.total[8 * i + r]), most = sums.most[8 * i + r];
      factors[r] = 1;
      if (of >= g.rows) continue;
      if (p.parts == 1) factors[r] = factor_of(a, g.query_head(of), most, total);
      const long at = ((long)y * p.parts + part) * ROWS + of;
      if (p.parts > 1 && slice == 0 && lane == 0) a.segments[0].norms[2 * at] = most, a.segments[0].norms[2 * at + 1] = total;
    }
    warp_sync();
#pragma unroll
    for (int r = 0; r < 8; r++)
      if (lane == 0) scores[64 + r] = factors[r];
#pragma unroll
    for (int d = 0; d < SLICE / 8; d++) {
      warp_sync();
      simdgroup_store(sums.o[i][d], scores, 8);
      warp_sync();
      for (int n = lane; n < 64; n += 32) {
        const int of = warp * mine + 8 * i + n / 8, dim = slice * SLICE + 8 * d + n % 8;
        if (of >= g.rows) continue;
        const float v = scores[n] * scores[64 + n / 8];
        if (p.parts > 1) a.segments[0].partial[(((long)y * p.parts + part) * ROWS + of) * value_row + dim] = v;
        else if (dim < VALUE_DIM) a.out[((long)g.token(of) * a.heads + g.query_head(of)) * VALUE_DIM + dim] = v;
      }
    }
  }
}

// The parts of a query row together: a SIMD group is a row, of 8 in a group; group y is that of
// prefill.
KERNEL(join, Prefill, 256) {
  HERE
  constant const Attend& a = p.attend;
  const int of = x * 8 + warp;
  QueryGroup g = group_of(a, y, PAGED ? p.many : a.kv_heads, height, lane);
  g.head += p.first;
  if (of >= g.rows) return;
  const long first = (long)y * p.parts * ROWS + of;
  device const float* norms = a.segments[0].norms;
  float most = unseen, total = 0;
  for (int k = 0; k < p.parts; k++) most = fmax(most, norms[2 * (first + (long)k * ROWS)]);
  for (int k = 0; k < p.parts; k++) total += exp2(norms[2 * (first + (long)k * ROWS)] - most) * norms[2 * (first + (long)k * ROWS) + 1];
  const int q = g.query_head(of);
  const float factor = factor_of(a, q, most, total);
  for (int i = lane; i < VALUE_DIM; i += 32) {
    float sum = 0;
    for (int k = 0; k < p.parts; k++) {
      const long at = first + (long)k * ROWS;
      sum += exp2(norms[2 * at] - most) * a.segments[0].partial[at * value_row + i];
    }
    a.out[((long)g.token(of) * a.heads + q) * VALUE_DIM + i] = sum * factor;
  }
}
