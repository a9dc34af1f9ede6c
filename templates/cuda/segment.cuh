// One segment of a layer's rows, and what ROWS query rows that share a KV head see of it. Its cells
// and positions are read from device memory, so that a launch means the same when more rows are
// there.
#pragma once
#include "cells.cuh"
#include "offset.cuh"
#include "values.cuh"

using Taken = Offset<KEY_DIM, OFFSET, ADJACENT>;

constexpr int larger(int a, int b) { return a > b ? a : b; }
constexpr int quads = ROWS / 4; // query rows of a lane, 4i + c

// What a lane holds while a warp walks, in words: rows, sums, scores, and about what an offset adds
// to it.
template <class S> constexpr int held_words() {
  using K = Keys<typename S::Key, S::key_row, S::tiles, ROWS, FAST>;
  using V = Values<typename S::Value, S::value_row, S::slice, S::tiles, ROWS, FAST>;
  return (sizeof(K) + sizeof(V)) / 4 + 4 * S::tiles * quads + 8 * (quads - 1) + (Taken::bytes > 0 ? 16 + 10 * quads : 0);
}

// Warps of a multiprocessor, among which registers are divided: as many as do without copies and
// without spills, by the instructions of the loop on sm_90. For few query rows one block has them
// all, since fewer blocks leave fewer parts to be added at last: measured on an H200, 4 bits at
// 131072 rows, 12 warps of one block take 41 us where three blocks of 4 take 47.
constexpr int held = held_words<Segment0>(), warps_held = held <= 88 ? 16 : held <= 128 ? 12 : 8;
constexpr int warps = WARPS ? WARPS : ROWS > 4 ? 4 : warps_held, threads = warps * 32, most_parts = 256;
constexpr int blocks_held = BLOCKS ? BLOCKS : larger(1, warps_held / warps);
// warps of a block that have work before there are more blocks
constexpr int busy = warps < 4 ? warps : 4;
// of sums of warps: two share one where there are many
constexpr int slots = warps > 4 ? (warps + 1) / 2 : warps;
constexpr float log2_e = 1.4426950408889634f, unseen = -1e30f;

// A group with the positions of its rows.
struct Group : QueryGroup {
  int lowest, highest; // positions of all rows that see anything
  int position[quads]; // of this lane's rows

  using QueryGroup::QueryGroup;
  __device__ void look(const Attend& p, int lane) {
    lowest = 0x7fffffff, highest = -1;
#pragma unroll
    for (int i = 0; i < quads; i++) {
      const int r = 4 * i + (lane & 3), at = r < rows ? p.positions[token(r)] : -1;
      position[i] = at;
      lowest = min(lowest, at < 0 ? 0x7fffffff : at);
      highest = max(highest, at);
    }
    for (int k = 1; k < 4; k *= 2) {
      lowest = min(lowest, __shfl_xor_sync(~0u, lowest, k));
      highest = max(highest, __shfl_xor_sync(~0u, highest, k));
    }
  }
};

// What a group sees of a segment, in steps of rows that a warp takes at a time, and in how many
// parts.
template <class S> struct View : Seen {
  static constexpr int step = S::tiles * tile, slices = S::value_row / S::slice;
  int first, count, parts;

  View() = default;
  __device__ View(const Segment& s, const Group& g, int window) : Seen(s.cells, s.capacity, g.sequence) {
    int lo = 0, hi = g.highest < 0 ? 0 : used;
    if (ordered && hi > 0) {
      hi = min(hi, g.highest - base + 1);
      if (window > 0) lo = max(0, g.lowest - base + 1 - window);
    }
    first = lo / step;
    count = max(0, (max(hi, 0) + step - 1) / step - first);
    parts = min(s.splits, (count + busy - 1) / busy);
  }
  __device__ int blocks() const { return parts * slices; }
};

// What a block has to know again when its warps have walked, or now and then meanwhile: it would
// take registers that the loop needs.
template <class S> struct Kept {
  Group group; // but for position
  View<S> see;
  int parts0, parts1, blocks;
};

// Bytes of shared memory for queries, and how an area of floats is laid out.
template <class S> struct Room {
  static constexpr int keys = round_up(Keys<typename S::Key, S::key_row, S::tiles, ROWS, FAST>::query_bytes, 16);
  // floats between rows of sums; lanes meet no bank twice
  static constexpr int pitch = S::slice + 8;
  // and the references and totals of all warps
  static constexpr int sums = slots * ROWS * pitch + 2 * warps * ROWS;
  static __device__ float* tops(float* area) { return area + slots * ROWS * pitch; }
  static __device__ float* totals(float* area) { return area + slots * ROWS * pitch + warps * ROWS; }
};

// The values of one query row that a lane holds of it, on their way while other things are read.
struct Query {
  float x[(KEY_DIM + 31) / 32];
  __device__ __forceinline__ void load(const Attend& p, int token, int head, int lane) {
    const float* q = p.q + ((long long)token * p.heads + head) * KEY_DIM;
#pragma unroll
    for (int k = 0; k < (KEY_DIM + 31) / 32; k++) x[k] = 32 * k + lane < KEY_DIM ? q[32 * k + lane] : 0;
  }
  template <int n> __device__ __forceinline__ void put(float* to, int lane) const {
#pragma unroll
    for (int k = 0; k < (n + 31) / 32; k++)
      if (32 * k + lane < n) to[32 * k + lane] = k < (KEY_DIM + 31) / 32 ? x[k < (KEY_DIM + 31) / 32 ? k : 0] : 0;
    __syncwarp();
  }
};

// Adds the scores of the offset of keys, in the units of each query row's scores; per_unit is 1
// over that. Positions follow one another but where a ring closes.
template <class S>
__device__ __forceinline__ void add_taken(float s[][4 * S::tiles], const unsigned char* taken, const Segment& segment, const View<S>& see, const Mu& mu, const float* per_unit, int first, int lane) {
#pragma unroll
  for (int u = 0; u < S::tiles; u++) {
    // the position that the tile's first cell would have, were it in order with this one
    int from[4];
    unsigned left = 15;
    if (!see.ordered) {
      left = 0;
      see.held(segment.positions, first + u * tile + (lane >> 2) * 4, from);
#pragma unroll
      for (int n = 0; n < 4; n++) {
        left |= (unsigned)(from[n] >= 0) << n;
        from[n] -= (lane >> 2) * 4 + n;
      }
    }
    while (__any_sync(~0u, left != 0)) {
      int t = see.base + first + u * tile;
      unsigned now = left;
      if (!see.ordered) {
        t = 0x7fffffff;
#pragma unroll
        for (int n = 0; n < 4; n++)
          if (left >> n & 1) t = min(t, from[n]);
        for (int k = 4; k < 32; k *= 2) t = min(t, __shfl_xor_sync(~0u, t, k));
#pragma unroll
        for (int n = 0; n < 4; n++)
          if (from[n] != t) now &= ~(1u << n);
      }
      Taken::add(s, 4 * u, per_unit, taken, mu, t, !see.ordered, now, lane);
      left &= ~now;
    }
  }
}

// Scores of cells that a query row does not see become -infinity. Values of rows that none sees may
// be anything, and are hidden.
template <class S, class V>
__device__ __forceinline__ void mask(float s[][4 * S::tiles], V& v, const Segment& segment, const View<S>& see, const int* positions, int window, int first, int lane) {
  if (window <= 0) window = 0x7fffffff;
  unsigned hidden = (1u << 4 * S::tiles) - 1;
#pragma unroll
  for (int u = 0; u < S::tiles; u++) {
    int held[4];
    see.held(segment.positions, first + u * tile + (lane >> 2) * 4, held);
#pragma unroll
    for (int i = 0; i < quads; i++) {
      const int position = positions[4 * i + (lane & 3)];
#pragma unroll
      for (int n = 0; n < 4; n++) {
        if (held[n] >= 0 && held[n] <= position && position - held[n] < window) hidden &= ~(1u << (4 * u + n));
        else s[i][4 * u + n] = as_float(0xff800000); // -infinity
      }
    }
  }
  for (int k = 1; k < 4; k *= 2) hidden &= __shfl_xor_sync(~0u, hidden, k);
  v.hide(hidden, lane);
}

// A warp walks over whole steps of a part and waits for no other; at last the sums of all warps are
// in the area. query is row "warp". The positions of the query rows lie before the area.
template <class S>
__device__ __forceinline__ void walk(const Attend& p, const Segment& segment, const Group& g, const View<S>& see, const Kept<S>& kept, Query& query, int part, int slice, unsigned char* shared, float* area) {
  using K = Keys<typename S::Key, S::key_row, S::tiles, ROWS, FAST>;
  using V = Values<typename S::Value, S::value_row, S::slice, S::tiles, ROWS, FAST>;
  constexpr int step = View<S>::step;
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, j = lane >> 2, c = lane & 3;
  unsigned char* taken = shared + Room<S>::keys;
  int* positions = (int*)area - ROWS;

  int at = see.first + part_of(see.count, part, see.parts) + warp;
  const int end = see.first + part_of(see.count, part + 1, see.parts);
  // Pointers go along with the steps; if PAGED, they are to where each lies.
  Page now = make_int4(0, 0, 0, 0), then = now;
  if (PAGED && at < end) now = see.page_of(segment.positions, at * step);
  const long long from = PAGED ? 0 : (long long)at * step;
  long long to = PAGED ? View<S>::place(now, at * step) : 0;
  const unsigned char* keys = segment.keys + g.head * segment.key_head + from * K::Row::bytes;
  const unsigned char* key_scales = segment.key_scales + g.head * segment.key_scale_head + from * K::Row::scale_bytes;
  const unsigned char* values = segment.values + g.head * segment.value_head + from * V::Row::bytes;
  const unsigned char* value_scales = segment.value_scales + g.head * segment.value_scale_head + from * V::Row::scale_bytes;

  K k;
  // on its way while the queries are made
  if (at < end) k.load(keys + to * K::Row::bytes, key_scales + to * K::Row::scale_bytes, lane);
  Taken::begin(taken, p.mu);
  for (int r = warp; r < ROWS; r += warps) {
    float* x = area + r * S::key_row;
    if (r >= g.rows) {
      K::no_query(shared, r, lane);
      Taken::no_query(taken, r, lane);
      continue;
    }
    if (r != warp) query.load(p, g.token(r), g.query_head(r), lane);
    query.put<S::key_row>(x, lane);
    Taken::query(taken, p.mu, x, p.mu.mu + g.head * KEY_DIM, r, see.ordered ? see.base & (tile - 1) : 0, lane);
    S::KeyRotation::forward(x, KEY_DIM, lane);
    S::Key::Domain::forward(x, S::key_row, lane);
    K::query(shared, x, r, lane);
  }
  // Between which steps all rows see everything; if PAGED, the highest and the lowest position of
  // the rows.
  int open = 0, closed = 0x7fffffff;
#pragma unroll
  for (int i = 0; i < quads; i++) {
    const int position = g.position[i];
    if (warp == 0 && j == 0) positions[4 * i + c] = position;
    if (4 * i + c >= g.rows) continue;
    if (PAGED) {
      open = max(open, position), closed = min(closed, position);
      continue;
    }
    closed = min(closed, position < 0 ? 0 : max(0, min(position - see.base + 1, see.used)));
    if (p.window > 0) open = max(open, position - see.base + 1 - p.window);
  }
  for (int k = 1; k < 4; k *= 2) {
    open = max(open, __shfl_xor_sync(~0u, open, k));
    closed = min(closed, __shfl_xor_sync(~0u, closed, k));
  }
  if (!PAGED) {
    open = see.ordered ? (open + step - 1) / step : 0x7fffffff;
    closed /= step;
  }
  __syncthreads();

  // Of query rows 4i + c: largest score, sum of weights of this lane's rows, what a score is in
  // units of.
  float most[quads], total[quads], unit[quads], per_unit[quads];
#pragma unroll
  for (int i = 0; i < quads; i++) {
    most[i] = unseen;
    total[i] = 0;
    unit[i] = K::unit(shared, 4 * i + c);
    if (Taken::bytes > 0) per_unit[i] = 1 / unit[i];
    unit[i] *= SOFT_CAP ? p.scale / p.soft_cap : p.scale * log2_e;
  }
  const Factors factors;
  V v;
  v.clear();
  for (; at < end; at += warps) {
    v.load(values + to * V::Row::bytes, value_scales + to * V::Row::scale_bytes, slice, lane);
    if (PAGED) {
      if (at + warps < end) then = see.page_of(segment.positions, (at + warps) * step);
    } else {
      keys += warps * step * K::Row::bytes;
      key_scales += warps * step * K::Row::scale_bytes;
      values += warps * step * V::Row::bytes;
      value_scales += warps * step * V::Row::scale_bytes;
    }
    float s[quads][4 * S::tiles], reach[quads];
    k.scores(s, shared, factors, lane);
    bool hides = false; // if PAGED: some row does not see all
    if (PAGED) {
      const int cell = at * step % page, lowest = now.y + cell;
      hides = now.x < 0 || cell < now.z || cell + step > now.w || lowest + step - 1 > closed || p.window > 0 && open - lowest >= p.window;
    }
    if (at + warps < end) {
      // stays a branch: loads that came before the scores would need registers of their own
      __syncwarp();
      if (PAGED) now = then, to = View<S>::place(now, (at + warps) * step);
      k.load(keys + to * K::Row::bytes, key_scales + to * K::Row::scale_bytes, lane);
    }
    if constexpr (Taken::bytes > 0) add_taken<S>(s, taken, segment, kept.see, p.mu, per_unit, at * step, lane);
    if (SOFT_CAP) {
#pragma unroll
      for (int i = 0; i < quads; i++)
#pragma unroll
        for (int n = 0; n < 4 * S::tiles; n++) s[i][n] = p.soft_cap * log2_e * tanhf(s[i][n] * unit[i]);
    }
    if (PAGED ? hides : at < open || at >= closed) mask<S>(s, v, segment, kept.see, positions, p.window, at * step, lane);
    bool more = false;
#pragma unroll
    for (int i = 0; i < quads; i++) {
      float top = s[i][0];
#pragma unroll
      for (int n = 1; n < 4 * S::tiles; n++) top = fmaxf(top, s[i][n]);
#pragma unroll
      for (int k = 4; k < 32; k *= 2) top = fmaxf(top, __shfl_xor_sync(~0u, top, k));
      reach[i] = fmaxf(SOFT_CAP ? top : top * unit[i], unseen);
      more |= reach[i] > most[i];
    }
    if (__any_sync(~0u, more)) {
      float by[quads];
#pragma unroll
      for (int i = 0; i < quads; i++) {
        const float next = fmaxf(most[i], reach[i]);
        by[i] = exp2_fast(most[i] - next);
        total[i] *= by[i];
        most[i] = next;
      }
      v.shrink(by);
    }
#pragma unroll
    for (int i = 0; i < quads; i++) {
      reach[i] -= most[i];
#pragma unroll
      for (int n = 0; n < 4 * S::tiles; n++) {
        s[i][n] = exp2_fast(SOFT_CAP ? s[i][n] - most[i] : fmaf(s[i][n], unit[i], -most[i]));
        total[i] += s[i][n];
      }
    }
    v.add(s, reach, factors, slice, lane);
  }
#pragma unroll
  for (int i = 0; i < quads; i++)
#pragma unroll
    for (int k = 4; k < 32; k *= 2) total[i] += __shfl_xor_sync(~0u, total[i], k);
  v.finish();

  // Of two warps that share a slot, the later is first; its sums are then those of both.
  float *tops = Room<S>::tops(area), *totals = Room<S>::totals(area);
#pragma unroll
  for (int i = 0; i < quads; i++) {
    const int r = 4 * i + c;
    float* sums = area + (warp % slots * ROWS + r) * Room<S>::pitch + j;
    if (j == 0) tops[warp * ROWS + r] = most[i], totals[warp * ROWS + r] = total[i];
    if (warps > slots && warp < slots) continue;
#pragma unroll
    for (int e = 0; e < S::slice / 8; e++) sums[8 * e] = v.sum(i, e);
  }
  __syncthreads();
  if (warps == slots) return;
  if (warp + slots < warps) {
#pragma unroll
    for (int i = 0; i < quads; i++) {
      const int r = 4 * i + c;
      float* sums = area + (warp * ROWS + r) * Room<S>::pitch + j;
      const float theirs = tops[(warp + slots) * ROWS + r], top = fmaxf(most[i], theirs);
      const float mine = exp2_fast(most[i] - top), other = exp2_fast(theirs - top);
#pragma unroll
      for (int e = 0; e < S::slice / 8; e++) sums[8 * e] = v.sum(i, e) * mine + sums[8 * e] * other;
      if (j == 0) tops[warp * ROWS + r] = top, totals[warp * ROWS + r] = total[i] * mine + totals[(warp + slots) * ROWS + r] * other;
    }
  } else if (warp < slots) { // alone in its slot
#pragma unroll
    for (int i = 0; i < quads; i++)
#pragma unroll
      for (int e = 0; e < S::slice / 8; e++) area[(warp * ROWS + 4 * i + c) * Room<S>::pitch + 8 * e + j] = v.sum(i, e);
  }
  __syncthreads();
}
