// Attention over a packed cache: query rows that share a KV head, ROWS at a time, against the part of its rows that the block was
// given; combine adds the parts in their order, so that the result is the same in every run. Each warp walks over whole tiles and
// waits for no other until the end.
//
// Before this file come the structs of the types and
//   Key, Value, KeyRotation, ValueRotation   types and transforms of the two sides
//   KEY_DIM, KEY_ROW, VALUE_DIM, VALUE_ROW   values of a head as the model has it and as rows hold it
//   SLICE, FAST, SOFT_CAP                    dims per warp; int8 levels; whether scores have a soft cap
//   WARPS, BLOCKS, TILES                     warps of a block; blocks per multiprocessor; tiles that a warp takes at a time
//   ROWS                                     query rows of a block, 4, 8 or 16
#include "values.cuh"

struct Attend {
  const float* q;                               // [queries][heads][KEY_DIM]
  const unsigned char *keys, *key_scales;       // [kv heads] of rows, head_bytes apart
  const unsigned char *values, *value_scales;
  float* partial;                               // [kv heads][groups of ROWS][splits][ROWS][VALUE_ROW]
  float* norms;                                 // [kv heads][groups of ROWS][splits][ROWS][2]: reference exponent, sum
  float* out;                                   // [queries][heads][VALUE_DIM]
  const float* sinks;                           // [heads] or null
  long long key_head, key_scale_head, value_head, value_scale_head; // bytes from one KV head to the next
  int first, queries, heads, kv_heads;          // position of the first query; counts
  int cells, window, splits;                    // rows in the cache; 0 for no window; parts
  float scale, soft_cap;
};

// Bytes of shared memory that attend is launched with.
constexpr int area_floats = ROWS * KEY_ROW > WARPS * ROWS * (SLICE + 2) ? ROWS * KEY_ROW : WARPS * ROWS * (SLICE + 2);
extern "C" __device__ const int attend_shared = round_up(Keys<Key, KEY_ROW, TILES, ROWS, FAST>::query_bytes, 16) + 4 * area_floats;

constexpr float log2_e = 1.4426950408889634f, unseen = -1e30f;

// The rows that a query at a position sees: lo <= cell < hi.
struct Sight {
  int lo, hi;
  __device__ Sight(const Attend& p, int row, int group) {
    const int at = p.first + row / group;
    hi = row < p.queries * group ? min(at + 1, p.cells) : 0;
    lo = p.window > 0 ? max(0, at + 1 - p.window) : 0;
  }
};

// Where part k of n items cut into so many parts begins. The first parts have one item more.
__device__ inline int part_of(int n, int k, int parts) {
  const int each = n / parts;
  return each * k + min(k, n - each * parts);
}

extern "C" __global__ void __launch_bounds__(WARPS * 32, BLOCKS) attend(const Attend p) {
  using K = Keys<Key, KEY_ROW, TILES, ROWS, FAST>;
  using V = Values<Value, VALUE_ROW, SLICE, TILES, ROWS, FAST>;
  constexpr int slices = VALUE_ROW / SLICE, step = TILES * tile, quads = ROWS / 4; // rows of a warp at a time
  DYNAMIC_SHARED(shared);
  float* area = (float*)(shared + round_up(K::query_bytes, 16)); // first the queries, at last the sums of the warps

  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, j = lane >> 2, c = lane & 3;
  const int group = p.heads / p.kv_heads, groups = (p.queries * group + ROWS - 1) / ROWS;
  const int slice = blockIdx.y % slices, head = blockIdx.y / slices / groups, g = blockIdx.y / slices - head * groups;

  const Sight first(p, ROWS * g, group), last(p, min(ROWS * g + ROWS - 1, p.queries * group - 1), group);
  const int tiles = (last.hi + step - 1) / step, lowest = first.lo / step, count = max(tiles - lowest, 0);
  int at = lowest + part_of(count, blockIdx.x, p.splits) + warp;
  const int end = lowest + part_of(count, blockIdx.x + 1, p.splits);
  const int open = (last.lo + step - 1) / step, closed = first.hi / step; // all rows see the tiles between whole
  const unsigned char* keys = p.keys + head * p.key_head;
  const unsigned char* key_scales = p.key_scales + head * p.key_scale_head;
  const unsigned char* value_rows = p.values + head * p.value_head;
  const unsigned char* value_scales = p.value_scales + head * p.value_scale_head;

  K k;
  if (at < end) k.load(keys, key_scales, at * step, lane); // on its way while the queries are made
  for (int r = warp; r < ROWS; r += WARPS) {
    const int row = ROWS * g + r;
    float* x = area + r * KEY_ROW;
    const bool there = row < p.queries * group;
    for (int i = lane; i < KEY_ROW; i += 32)
      x[i] = there && i < KEY_DIM ? p.q[((long long)(row / group) * p.heads + head * group + row % group) * KEY_DIM + i] : 0;
    __syncwarp();
    if (!there) {
      K::no_query(shared, r, lane);
      continue;
    }
    KeyRotation::forward(x, KEY_DIM, lane);
    Key::Domain::forward(x, KEY_ROW, lane);
    K::query(shared, x, r, lane);
  }
  __syncthreads();

  // Of query rows 4i + c: largest score, sum of weights of this lane's rows, what a score is in units of.
  float most[quads], total[quads], unit[quads];
  for (int i = 0; i < quads; i++) {
    most[i] = unseen;
    total[i] = 0;
    unit[i] = K::unit(shared, 4 * i + c) * (SOFT_CAP ? p.scale / p.soft_cap : p.scale * log2_e);
  }
  V v;
  v.clear();
  for (; at < end; at += WARPS) {
    v.load(value_rows, value_scales, at * step, slice, lane);
    float s[quads][4 * TILES], reach[quads];
    k.scores(s, shared, lane);
    if (at + WARPS < end) k.load(keys, key_scales, (at + WARPS) * step, lane);
    if (SOFT_CAP) {
#pragma unroll
      for (int i = 0; i < quads; i++)
#pragma unroll
        for (int n = 0; n < 4 * TILES; n++) s[i][n] = p.soft_cap * log2_e * tanhf(s[i][n] * unit[i]);
    }
    if (at < open || at >= closed) { // some row does not see all of the tile
#pragma unroll
      for (int n = 0; n < 4 * TILES; n++) {
        const int cell = at * step + tile * (n / 4) + 4 * j + n % 4;
#pragma unroll
        for (int i = 0; i < quads; i++) {
          const Sight mine(p, ROWS * g + 4 * i + c, group);
          if (cell < mine.lo || cell >= mine.hi) s[i][n] = as_float(0xff800000); // -infinity
        }
        if (cell >= last.hi) v.hide(n / 4, n % 4);
      }
    }
    bool more = false;
#pragma unroll
    for (int i = 0; i < quads; i++) {
      float top = s[i][0];
#pragma unroll
      for (int n = 1; n < 4 * TILES; n++) top = fmaxf(top, s[i][n]);
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
      for (int n = 0; n < 4 * TILES; n++) {
        s[i][n] = exp2_fast(SOFT_CAP ? s[i][n] - most[i] : fmaf(s[i][n], unit[i], -most[i]));
        total[i] += s[i][n];
      }
    }
    v.add(s, reach, slice, lane);
  }
#pragma unroll
  for (int i = 0; i < quads; i++)
#pragma unroll
    for (int k = 4; k < 32; k *= 2) total[i] += __shfl_xor_sync(~0u, total[i], k);
  v.finish();

  // The warps of the block, in their order.
  float *tops = area + WARPS * ROWS * SLICE, *totals = tops + WARPS * ROWS;
#pragma unroll
  for (int i = 0; i < quads; i++) {
    const int r = warp * ROWS + 4 * i + c;
#pragma unroll
    for (int e = 0; e < SLICE / 8; e++) area[r * SLICE + 8 * e + j] = v.sum(i, e);
    if (j == 0) {
      tops[r] = most[i];
      totals[r] = total[i];
    }
  }
  __syncthreads();
  const long long part = ((long long)head * groups + g) * p.splits + blockIdx.x;
  for (int i = threadIdx.x; i < ROWS * SLICE; i += WARPS * 32) {
    const int r = i / SLICE;
    float top = unseen, sum = 0, weight = 0;
    for (int w = 0; w < WARPS; w++) top = fmaxf(top, tops[w * ROWS + r]);
    for (int w = 0; w < WARPS; w++) {
      const float by = exp2_fast(tops[w * ROWS + r] - top);
      sum += by * area[w * ROWS * SLICE + i];
      weight += by * totals[w * ROWS + r];
    }
    p.partial[(part * ROWS + r) * VALUE_ROW + slice * SLICE + i % SLICE] = sum;
    if (slice == 0 && i % SLICE == 0) {
      p.norms[(part * ROWS + r) * 2] = top;
      p.norms[(part * ROWS + r) * 2 + 1] = weight;
    }
  }
}

// Adds the parts of one query row: block x is a row, y a KV head. What is stored transformed is transformed back.
constexpr int threads = 512, adders = VALUE_ROW >= threads ? 1 : threads / VALUE_ROW;
static_assert(VALUE_ROW <= 2 * threads, "a row is longer than combine can add");

extern "C" __global__ void __launch_bounds__(threads) combine(const Attend p) {
  __shared__ float o[adders * VALUE_ROW], factors[threads], tops[16], weights[16];
  const int group = p.heads / p.kv_heads, groups = (p.queries * group + ROWS - 1) / ROWS;
  const int row = blockIdx.x, head = blockIdx.y, q = head * group + row % group, t = threadIdx.x, warp = t / 32;
  const long long part = (((long long)head * groups + row / ROWS) * p.splits) * ROWS + row % ROWS;

  // The largest reference, then the sum of weights: every thread adds the same numbers in the same order.
  float top = p.sinks ? p.sinks[q] * log2_e : unseen;
  for (int s = t; s < p.splits; s += threads) top = fmaxf(top, p.norms[(part + ROWS * s) * 2]);
  for (int k = 16; k; k >>= 1) top = fmaxf(top, __shfl_xor_sync(~0u, top, k));
  if (t % 32 == 0) tops[warp] = top;
  __syncthreads();
  for (int w = 0; w < threads / 32; w++) top = fmaxf(top, tops[w]);
  float weight = 0, sum = 0;
  const int adder = t / VALUE_ROW, dim = t % VALUE_ROW; // the last threads may have none
  const bool wide = VALUE_ROW > threads && dim + threads < VALUE_ROW;
  float more = 0; // of dim + threads, where a row is longer than the block
  for (int first = 0; first < p.splits; first += threads) {
    const int count = min(threads, p.splits - first);
    __syncthreads();
    for (int s = t; s < count; s += threads) {
      const float f = exp2f(p.norms[(part + ROWS * (first + s)) * 2] - top);
      factors[s] = f;
      weight += f * p.norms[(part + ROWS * (first + s)) * 2 + 1];
    }
    __syncthreads();
    const float* from = p.partial + (part + ROWS * first) * VALUE_ROW + dim;
#pragma unroll 8
    for (int s = adder; s < (adder < adders ? count : 0); s += adders) {
      sum += factors[s] * from[(long long)ROWS * s * VALUE_ROW];
      if (wide) more += factors[s] * from[(long long)ROWS * s * VALUE_ROW + threads];
    }
  }
  for (int k = 16; k; k >>= 1) weight += __shfl_xor_sync(~0u, weight, k);
  if (t % 32 == 0) weights[warp] = weight;
  if (adder < adders) o[t] = sum;
  if (wide) o[dim + threads] = more;
  __syncthreads();
  weight = p.sinks ? exp2f(p.sinks[q] * log2_e - top) : 0;
  for (int w = 0; w < threads / 32; w++) weight += weights[w];
  const float by = weight > 0 ? 1 / weight : 0;
  for (int i = t; i < VALUE_ROW; i += threads) {
    float v = o[i];
    for (int a = 1; a < adders; a++) v += o[a * VALUE_ROW + i];
    o[i] = v * by;
  }
  __syncthreads();
  if (t < 32) {
    Value::Domain::inverse(o, VALUE_ROW, t);
    ValueRotation::inverse(o, VALUE_DIM, t);
  }
  __syncthreads();
  for (int i = t; i < VALUE_DIM; i += threads) p.out[((long long)(row / group) * p.heads + q) * VALUE_DIM + i] = o[i];
}
