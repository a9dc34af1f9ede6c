// Attention over a packed cache: query rows that share a KV head, ROWS at a time, against the part
// of a segment's rows that the group was given. How many parts have work follows from the cells in
// use; the groups of others end at once. The kernel combine adds the parts: groups of one launch
// cannot see what others of it have written.
//
// Before this file come the structs of the types and
//   KEY_DIM, VALUE_DIM   values of a head as the model has it
//   FAST, SOFT_CAP       unused; whether scores have a soft cap
//   OFFSET, ADJACENT     pairs that RoPE rotates where keys have an offset, -1 for none; whether
//                        pairs are (0,1) (2,3), else halves
//   WARPS, BLOCKS        SIMD groups of a group, 0 for the default; unused
//   ROWS                 query rows of a group, 4, 8 or 16
//   SEGMENTS             of a layer's rows, 1 or 2
//   PAGED                rows are of several sequences, each of which sees the pages of its list
//   Segment0, Segment1   of each: Key, Value, KeyRotation, ValueRotation; key_row, value_row,
//                        values of a head as rows hold it; slice, values that a group sums
#include "encoder.metalh"
#include "segment.metalh"

constexpr int mu_floats = OFFSET < 0 ? 0 : (2 * pairs + 1) * band;
constexpr int walking = larger(Room<Segment0>::queries, Room<Segment1>::queries) + Room<Segment0>::weights + mu_floats;
constexpr int leaving = larger(Room<Segment0>::sums, Room<Segment1>::sums);
constexpr int shared_floats = larger(walking, leaving);

// Bytes of threadgroup memory that attend is launched with; SIMD groups of a group.
FACTS(attend_shared) { facts[0] = 4 * shared_floats; }
FACTS(attend_warps) { facts[0] = warps; }

// Query rows from first on as they are multiplied, [key row][band]. A SIMD group makes a row at a
// time; work is room for a row of its own.
template <class S>
static inline void take_queries(constant const Attend& p, QueryGroup g, int before, threadgroup float* q, threadgroup float* mu, threadgroup float* work, int warp, int lane) {
  for (int r = warp; r < band; r += warps) {
    for (int i = lane; i < S::key_row; i += 32) work[i] = before + r < g.rows && i < KEY_DIM ? p.q[((long)g.token(before + r) * p.heads + g.query_head(before + r)) * KEY_DIM + i] : 0;
    warp_sync();
    if (OFFSET >= 0) {
      device const float* taken = p.mu.mu + g.head * KEY_DIM;
      float fixed = 0;
      for (int i = lane; i < pairs; i += 32) {
        const int k = ADJACENT ? 2 * i : i, l = ADJACENT ? 2 * i + 1 : i + pairs;
        mu[2 * i * band + r] = p.mu.magnitude * (work[k] * taken[k] + work[l] * taken[l]);
        mu[(2 * i + 1) * band + r] = p.mu.magnitude * (work[l] * taken[k] - work[k] * taken[l]);
      }
      for (int i = 2 * pairs + lane; i < KEY_DIM; i += 32) fixed += work[i] * taken[i];
      fixed = simd_sum(fixed);
      if (lane == 0) mu[2 * pairs * band + r] = fixed;
    }
    S::KeyRotation::forward(work, KEY_DIM, lane);
    S::Key::Domain::forward(work, S::key_row, lane);
    warp_sync();
    for (int i = lane; i < S::key_row; i += 32) q[i * band + r] = work[i];
    warp_sync();
  }
}

// One part, of the query rows from before on. area is shared_floats.
template <class S>
static inline void part(constant const Attend& p, constant const Segment& segment, QueryGroup g, View<S> see, int index, int before, threadgroup float* area, threadgroup float* levels, threadgroup float* work, threadgroup int* positions,
                        int t, int warp, int lane) {
  constexpr int slices = S::value_row / S::slice;
  const int number = index / slices, slice = index % slices;
  if (number >= see.parts) return;
  threadgroup float* q = area;
  threadgroup float* weights = area + Room<S>::queries + warp * tile * band;
  threadgroup float* mu = area + Room<S>::queries + Room<S>::weights;
  threadgroup float* value_levels = levels + TableOf<typename S::Key, S::Key::codes>::size;
  TableOf<typename S::Key, S::Key::codes>::copy(levels, t, threads);
  TableOf<typename S::Value, S::Value::codes>::copy(value_levels, t, threads);
  if (t < band) positions[t] = before + t < g.rows ? p.positions[g.token(before + t)] : -1;
  take_queries<S>(p, g, before, q, mu, work, warp, lane);
  group_sync();

  Walk<S> w;
  w.begin();
  const int from = see.steps.first + part_of(see.steps.count, number, see.parts), to = see.steps.first + part_of(see.steps.count, number + 1, see.parts);
  w.run(p, segment, g, see.seen, from + warp, to, slice, q, mu, weights, positions, levels, value_levels, lane);
  group_sync(); // queries and weights are done with

  // The references and totals of all SIMD groups, then their sums, one after another.
  threadgroup float* tops = area + S::slice * band;
  threadgroup float* totals = tops + warps * band;
#pragma unroll
  for (int r = 0; r < band; r++) {
    const float total = simd_sum(w.total[r]);
    if (lane == 0) tops[warp * band + r] = w.most[r], totals[warp * band + r] = total;
  }
  for (int i = t; i < S::slice * band; i += threads) area[i] = 0;
  group_sync();
  using Own = Share<S>;
  const int share = lane / Own::units % Own::bands, member = Own::units > 32 ? 0 : lane / Own::units;
  float by[Own::rows];
#pragma unroll
  for (int r = 0; r < Own::rows; r++) {
    const int row = share * Own::rows + r;
    float top = unseen;
    for (int k = 0; k < warps; k++) top = fmax(top, tops[k * band + row]);
    by[r] = exp2(tops[warp * band + row] - top);
  }
  for (int turn = 0; turn < warps * Own::sharing; turn++) {
    if (turn % warps == warp && turn / warps == member) {
      for (int h = 0; h < Own::held; h++) {
        const int u = Own::units >= 32 ? lane + 32 * h : lane % Own::units;
        if (u >= Own::units) continue;
        for (int i = 0; i < 8; i++)
          for (int r = 0; r < Own::rows; r++) area[(8 * u + i) * band + share * Own::rows + r] += w.sums[h][i][r] * by[r];
      }
    }
    group_sync();
  }
  const long first = ((long)g.index * segment.splits + number) * ROWS + before;
  const int rows = min((int)band, g.rows - before);
  for (int i = t; i < rows * S::slice; i += threads) {
    const int r = i / S::slice, k = i % S::slice;
    segment.partial[(first + r) * S::value_row + slice * S::slice + k] = area[k * band + r];
  }
  if (slice == 0 && t < rows) {
    float top = unseen, total = 0;
    for (int k = 0; k < warps; k++) top = fmax(top, tops[k * band + t]);
    for (int k = 0; k < warps; k++) total += totals[k * band + t] * exp2(tops[k * band + t] - top);
    segment.norms[(first + t) * 2] = top;
    segment.norms[(first + t) * 2 + 1] = total;
  }
}

template <class S> constexpr int tables_of() { return TableOf<typename S::Key, S::Key::codes>::size + TableOf<typename S::Value, S::Value::codes>::size; }

// Group x is a part and slice of a segment, the first segment's before the second's; y is a KV head
// and a group of query rows.
KERNEL_SHARED(attend, Attend, threads) {
  HERE
  SHARED float levels[larger(1, larger(tables_of<Segment0>(), tables_of<Segment1>()))];
  SHARED float work[warps][larger(Segment0::key_row, Segment1::key_row)];
  SHARED int positions[band];
  threadgroup float* area = (threadgroup float*)shared;
  const QueryGroup g = group_of(p, y, p.kv_heads, height, lane);
  const Reach reach = reach_of(p, g, lane);
  const int parts0 = p.segments[0].splits * (Segment0::value_row / Segment0::slice);
  for (int before = 0; before < g.rows; before += band) {
    group_sync(); // what the rows before have used
    if (x < parts0) part<Segment0>(p, p.segments[0], g, view_of<Segment0>(p.segments[0], g, reach, p.window), x, before, area, levels, work[warp], positions, t, warp, lane);
    else if (two) part<Segment1>(p, p.segments[SEGMENTS - 1], g, view_of<Segment1>(p.segments[SEGMENTS - 1], g, reach, p.window), x - parts0, before, area, levels, work[warp], positions, t, warp, lane);
  }
}
