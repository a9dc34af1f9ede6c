// One segment of a layer's rows, and what eight query rows that share a KV head see of it. Its cells and positions are read from device
// memory, so that a launch means the same when more rows are there.
#pragma once
#include "offset.cuh"
#include "values.cuh"

struct Segment {
  const unsigned char *keys, *key_scales; // [kv heads] of rows, so many bytes apart
  const unsigned char *values, *value_scales;
  long long key_head, key_scale_head, value_head, value_scale_head;
  const int4* cells;    // {rows in use, position of cell 0, 1 where cell c holds that position plus c, 0}
  const int* positions; // [capacity] of the cells, -1 for an empty one; not read where they are in order
  float* partial;       // [kv heads][groups of 8][splits][8][value row]
  float* norms;         // [kv heads][groups of 8][splits][8][2]: reference exponent, sum
  int capacity, splits;
};

struct Attend {
  const float* q;       // [queries][heads][KEY_DIM]
  const int* positions; // [queries]; one below 0 sees nothing
  float* out;           // [queries][heads][VALUE_DIM]
  const float* sinks;   // [heads] or null
  unsigned* arrived;    // [kv heads][groups of 8] blocks that are done; 0 between launches
  Mu mu;
  int queries, heads, kv_heads, window; // counts; 0 for no window
  float scale, soft_cap;
  Segment segments[SEGMENTS];
};

using Taken = Offset<KEY_DIM, OFFSET, ADJACENT>;

constexpr int threads = WARPS * 32, most_parts = 256;
constexpr int busy = WARPS < 4 ? WARPS : 4;              // warps of a block that have work before there are more blocks
constexpr int slots = WARPS > 4 ? (WARPS + 1) / 2 : WARPS; // of sums of warps: two share one where there are many
constexpr float log2_e = 1.4426950408889634f, unseen = -1e30f;

constexpr int larger(int a, int b) { return a > b ? a : b; }

// Where part k of n items cut into so many parts begins. The first parts have one item more.
__device__ inline int part_of(int n, int k, int parts) {
  const int each = n / parts;
  return each * k + min(k, n - each * parts);
}

// Eight query rows of a KV head: row j of the group is token (8 * number + j) / group, query head "head * group + (8 * number + j) % group".
struct Group {
  int head, number, group, rows; // of them there are so many
  int index;                     // of the group among those of all heads
  int position, lowest, highest; // of this lane's row j; of all rows that see anything

  __device__ Group(const Attend& p, int y) {
    group = p.heads / p.kv_heads;
    const int all = p.queries * group, groups = (all + 7) / 8;
    index = y;
    head = y / groups;
    number = y - head * groups;
    rows = min(8, all - 8 * number);
  }
  __device__ void look(const Attend& p, int lane) {
    position = lane >> 2 < rows ? p.positions[token(lane >> 2)] : -1;
    lowest = position < 0 ? 0x7fffffff : position;
    highest = position;
    for (int k = 4; k < 32; k *= 2) {
      lowest = min(lowest, __shfl_xor_sync(~0u, lowest, k));
      highest = max(highest, __shfl_xor_sync(~0u, highest, k));
    }
  }
  __device__ int token(int j) const { return (8 * number + j) / group; }
  __device__ int query_head(int j) const { return head * group + (8 * number + j) % group; }
};

// What a group sees of a segment, in steps of rows that a warp takes at a time, and in how many parts.
template <class S> struct View {
  static constexpr int step = S::tiles * tile, slices = S::value_row / S::slice;
  int used, base, first, count, parts;
  bool ordered;

  __device__ View(const Segment& s, const Group& g, int window) {
    const int4 c = *s.cells;
    used = max(0, min(c.x, s.capacity));
    base = c.y;
    ordered = c.z != 0;
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

// Values of rows that no query sees may be anything.
template <class V> __device__ __forceinline__ void hide(V& v, unsigned hidden) {
#pragma unroll
  for (int k = 4; k < 32; k *= 2) hidden &= __shfl_xor_sync(~0u, hidden, k);
#pragma unroll
  for (int k = 0; k < (int)(sizeof v.rows / sizeof v.rows[0]); k++)
#pragma unroll
    for (int w = 0; w < (int)(sizeof v.rows[0].p.w / 4); w++) v.rows[k].p.w[w] = hidden >> k & 1 ? 0 : v.rows[k].p.w[w];
}

// Bytes of shared memory: queries and what else scores need, then an area for rows of numbers.
template <class S> struct Room {
  static constexpr int keys = round_up(Keys<typename S::Key, S::key_row, S::tiles, FAST>::query_bytes, 16);
  static constexpr int pitch = S::slice + 8;                 // floats between rows of sums; lanes meet no bank twice
  static constexpr int sums = slots * 8 * pitch + WARPS * 16; // and the references and totals of all warps
  static __device__ float* tops(float* area) { return area + slots * 8 * pitch; }
  static __device__ float* totals(float* area) { return area + slots * 8 * pitch + WARPS * 8; }
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

// A warp walks over whole steps of a part and waits for no other; at last the sums of all warps are in the area. query is row "warp".
template <class S>
__device__ __forceinline__ void walk(const Attend& p, const Segment& s, const Group& g, const View<S>& see, Query& query, int part, int slice, unsigned char* shared, float* area) {
  using K = Keys<typename S::Key, S::key_row, S::tiles, FAST>;
  using V = Values<typename S::Value, S::value_row, S::slice, S::tiles, FAST>;
  constexpr int step = View<S>::step;
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, j = lane >> 2, c = lane & 3;
  unsigned char* taken = shared + Room<S>::keys;

  int at = see.first + part_of(see.count, part, see.parts) + warp;
  const int end = see.first + part_of(see.count, part + 1, see.parts);
  const unsigned char* keys = s.keys + g.head * s.key_head;
  const unsigned char* key_scales = s.key_scales + g.head * s.key_scale_head;
  const unsigned char* value_rows = s.values + g.head * s.value_head;
  const unsigned char* value_scales = s.value_scales + g.head * s.value_scale_head;

  K k;
  if (at < end) k.load(keys, key_scales, at * step, lane); // on its way while the queries are made
  Taken::begin(taken, p.mu);
  for (int r = warp; r < 8; r += WARPS) {
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
  __syncthreads();

  // The cells that this lane's row sees where they are in order, and between which steps all rows see everything.
  int hi = max(0, min(g.position - see.base + 1, see.used)), lo = p.window > 0 ? max(0, g.position - see.base + 1 - p.window) : 0;
  if (g.position < 0) hi = 0;
  int open = j < g.rows ? lo : 0, closed = j < g.rows ? hi : 0x7fffffff;
  for (int k = 4; k < 32; k *= 2) {
    open = max(open, __shfl_xor_sync(~0u, open, k));
    closed = min(closed, __shfl_xor_sync(~0u, closed, k));
  }
  open = (open + step - 1) / step;
  closed /= step;
  const int window = p.window > 0 ? p.window : 0x7fffffff;

  const float scale = p.scale * log2_e;
  float most = unseen, total = 0; // of query row j: largest score, sum of weights of this lane's rows
  V v;
  v.clear();
  for (; at < end; at += WARPS) {
    v.load(value_rows, value_scales, at * step, slice, lane);
    float x[8 * S::tiles], top = unseen;
    k.scores(x, shared, lane);
    if (at + WARPS < end) k.load(keys, key_scales, (at + WARPS) * step, lane);
    unsigned hidden = 0; // bit i: this lane's row does not see the cell of x[i]
    const bool some = !see.ordered || at < open || at >= closed;
    if (see.ordered && some) {
#pragma unroll
      for (int i = 0; i < 8 * S::tiles; i++) {
        const int cell = at * step + 8 * (i / 2) + 2 * c + i % 2;
        hidden |= (unsigned)(cell < lo || cell >= hi) << i;
      }
    }
#pragma unroll
    for (int u = 0; u < S::tiles; u++) {
      const int first = at * step + u * tile;
      int from[8]; // the position that the tile's first cell would have, were it in order with this one
      unsigned left = 0xff;
      if (!see.ordered) {
        left = 0;
#pragma unroll
        for (int n = 0; n < 4; n++) {
          const int cell = 8 * n + 2 * c;
          const int2 held = *(const int2*)(s.positions + first + cell);
#pragma unroll
          for (int y = 0; y < 2; y++) {
            const int position = y ? held.y : held.x, i = 2 * n + y;
            const bool there = position >= 0 && first + cell + y < see.used;
            hidden |= (unsigned)!(there && position <= g.position && g.position - position < window) << (8 * u + i);
            left |= (unsigned)there << i;
            from[i] = position - cell - y;
          }
        }
      }
      if constexpr (Taken::bytes > 0) { // positions follow one another but where a ring closes
        while (__any_sync(~0u, left != 0)) {
          int t = see.base + first;
          unsigned now = left;
          if (!see.ordered) {
            t = 0x7fffffff;
#pragma unroll
            for (int i = 0; i < 8; i++)
              if (left >> i & 1) t = min(t, from[i]);
            t = min(t, __shfl_xor_sync(~0u, t, 1));
            t = min(t, __shfl_xor_sync(~0u, t, 2));
#pragma unroll
            for (int i = 0; i < 8; i++)
              if (from[i] != t) now &= ~(1u << i);
          }
          Taken::add(x + 8 * u, taken, p.mu, t, !see.ordered, now, lane);
          left &= ~now;
        }
      }
    }
#pragma unroll
    for (int i = 0; i < 8 * S::tiles; i++) {
      if (SOFT_CAP) x[i] = p.soft_cap * log2_e * tanhf(x[i] * p.scale / p.soft_cap);
      else x[i] *= scale;
    }
    if (some) {
#pragma unroll
      for (int i = 0; i < 8 * S::tiles; i++)
        if (hidden >> i & 1) x[i] = 2 * unseen;
      if constexpr (!S::Value::codes) hide(v, hidden);
    }
#pragma unroll
    for (int i = 0; i < 8 * S::tiles; i++) top = fmaxf(top, x[i]);
    top = fmaxf(top, __shfl_xor_sync(~0u, top, 1));
    top = fmaxf(top, __shfl_xor_sync(~0u, top, 2));
    if (__any_sync(~0u, top > most)) {
      const float next = fmaxf(most, top), by = exp2_fast(most - next);
      v.shrink(by);
      total *= by;
      most = next;
    }
#pragma unroll
    for (int i = 0; i < 8 * S::tiles; i++) {
      x[i] = exp2_fast(x[i] - most);
      total += x[i];
    }
    v.add(x, slice, lane);
  }
  total += __shfl_xor_sync(~0u, total, 1);
  total += __shfl_xor_sync(~0u, total, 2);
  v.finish();

  // Of two warps that share a slot, the later is first; its sums are then those of both.
  float *tops = Room<S>::tops(area), *totals = Room<S>::totals(area);
  float* sums = area + (warp % slots * 8 + j) * Room<S>::pitch + 2 * c;
  if (c == 0) tops[warp * 8 + j] = most, totals[warp * 8 + j] = total;
  if (WARPS > slots) {
    if (warp >= slots) {
#pragma unroll
      for (int e = 0; e < S::slice / 8; e++) *(float2*)(sums + 8 * e) = make_float2(v.sum(e, 0), v.sum(e, 1));
    }
    __syncthreads();
  }
  if (warp < slots) {
    float mine = 1, other = 0, top = most;
    if (WARPS > slots && warp + slots < WARPS) {
      const float theirs = tops[(warp + slots) * 8 + j];
      top = fmaxf(most, theirs);
      mine = exp2_fast(most - top), other = exp2_fast(theirs - top);
      total = total * mine + totals[(warp + slots) * 8 + j] * other;
    }
#pragma unroll
    for (int e = 0; e < S::slice / 8; e++) {
      float2 sum = make_float2(v.sum(e, 0) * mine, v.sum(e, 1) * mine);
      if (WARPS > slots && warp + slots < WARPS) {
        const float2 theirs = *(const float2*)(sums + 8 * e);
        sum.x += theirs.x * other, sum.y += theirs.y * other;
      }
      *(float2*)(sums + 8 * e) = sum;
    }
    if (c == 0) tops[warp * 8 + j] = top, totals[warp * 8 + j] = total;
  }
  __syncthreads();
}
