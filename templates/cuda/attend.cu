// Attention over a packed cache: query rows that share a KV head, ROWS at a time, against the part
// of a segment's rows that the block was given. The block that is done last of those that have the
// same query rows adds their parts, in the order of the parts, so that the result is the same in
// every run; a block that is alone has no parts to add.
//
// How many blocks have work follows from the cells in use: there are as many parts as give every
// warp a step of rows, at most splits of a segment, and the blocks of the others end at once.
//
// Before this file come the structs of the types and
//   KEY_DIM, VALUE_DIM   values of a head as the model has it
//   FAST, SOFT_CAP       int8 levels; whether scores have a soft cap
//   OFFSET, ADJACENT     pairs that RoPE rotates where keys have an offset, -1 for none; whether
//                        pairs are (0,1) (2,3), else halves
//   WARPS, BLOCKS        warps of a block, blocks per multiprocessor; 0 for the default
//   ROWS                 query rows of a block, 4, 8 or 16
//   SEGMENTS             of a layer's rows, 1 or 2
//   PAGED                rows are of several sequences, each of which sees the pages of its list
//   Segment0, Segment1   of each: Key, Value, KeyRotation, ValueRotation; key_row, value_row,
//                        values of a head as rows hold it; slice, values that a warp sums; tiles
//                        that a warp takes at a time
#include "segment.cuh"

#if SEGMENTS == 1
using Segment1 = Segment0;
#endif
constexpr bool two = SEGMENTS == 2;

// Where queries have been there are outputs at last, then the positions of the query rows and an
// area for rows of numbers.
constexpr int outputs = ROWS * (Segment0::value_row + (two ? Segment1::value_row : 0)); // floats
constexpr int query_room = larger(Room<Segment0>::keys, Room<Segment1>::keys) + Taken::bytes;
constexpr int area_at = round_up(larger(query_room, 4 * (outputs + 2 * ROWS)), 16) + 4 * ROWS;
constexpr int adding_room = ROWS * most_parts + 4 * threads; // floats: factors, sums of the adders
constexpr int area_room = larger(larger(ROWS * Segment0::key_row, ROWS * Segment1::key_row), larger(larger(Room<Segment0>::sums, Room<Segment1>::sums), adding_room));

// Bytes of shared memory that attend is launched with.
extern "C" __device__ const int attend_shared = area_at + 4 * area_room;
extern "C" __device__ const int attend_warps = warps; // of a block

// Of the query rows: outputs of each segment, then their reference exponents and sums of weights.
struct Result {
  float *o, *o1, *tops, *weights;
  __device__ Result(float* at) : o(at), o1(at + ROWS * Segment0::value_row), tops(at + outputs), weights(at + outputs + ROWS) {}
};

// What is stored transformed is transformed back. The sums of a row become its output; a warp calls
// it.
__device__ inline void write(const Attend& p, const Group& g, const Result& r, bool first, bool second, int j, int lane) {
  const int q = g.query_head(j);
  const float sink = p.sinks ? p.sinks[q] * log2_e : unseen, top = fmaxf(r.tops[j], sink), by = exp2f(r.tops[j] - top);
  const float weight = r.weights[j] * by + (p.sinks ? exp2f(sink - top) : 0), factor = weight > 0 ? by / weight : 0;
  float *o = r.o + j * Segment0::value_row, *o1 = r.o1 + j * Segment1::value_row;
  if (first) {
    Segment0::Value::Domain::inverse(o, Segment0::value_row, lane);
    Segment0::ValueRotation::inverse(o, VALUE_DIM, lane);
  }
  if (two && second) {
    Segment1::Value::Domain::inverse(o1, Segment1::value_row, lane);
    Segment1::ValueRotation::inverse(o1, VALUE_DIM, lane);
  }
  __syncwarp();
  float* out = p.out + ((long long)g.token(j) * p.heads + q) * VALUE_DIM;
  for (int i = lane; i < VALUE_DIM; i += 32) out[i] = ((first ? o[i] : 0) + (two && second ? o1[i] : 0)) * factor;
}

// The sums of the warps of a block, values 4*i.. of slice of row j, and the row's reference and
// weight.
template <class S> __device__ inline float4 of_warps(float* area, int j, int i, float& top, float& weight) {
  const float *tops = Room<S>::tops(area), *totals = Room<S>::totals(area);
  float4 sum = make_float4(0, 0, 0, 0);
  top = unseen, weight = 0;
#pragma unroll
  for (int w = 0; w < slots; w++) top = fmaxf(top, tops[w * ROWS + j]);
#pragma unroll
  for (int w = 0; w < slots; w++) {
    const float by = exp2_fast(tops[w * ROWS + j] - top);
    const float4 v = *(const float4*)(area + (w * ROWS + j) * Room<S>::pitch + 4 * i);
    sum.x += by * v.x, sum.y += by * v.y, sum.z += by * v.z, sum.w += by * v.w;
    weight += by * totals[w * ROWS + j];
  }
  return sum;
}

// A block with all of what the rows see.
template <class S> __device__ inline void alone(const Group& g, float* area, float* o, const Result& r) {
  for (int i = threadIdx.x; i < g.rows * (S::slice / 4); i += threads) {
    const int j = i / (S::slice / 4), k = i % (S::slice / 4);
    float top, weight;
    *(float4*)(o + j * S::value_row + 4 * k) = of_warps<S>(area, j, k, top, weight);
    if (k == 0) r.tops[j] = top, r.weights[j] = weight;
  }
}

// A block's part, for the block that is last.
template <class S> __device__ inline void leave(const Segment& s, const Group& g, float* area, int part, int slice) {
  const long long first = ((long long)g.index * s.splits + part) * ROWS;
  for (int i = threadIdx.x; i < g.rows * (S::slice / 4); i += threads) {
    const int j = i / (S::slice / 4), k = i % (S::slice / 4);
    float top, weight;
    *(float4*)(s.partial + (first + j) * S::value_row + slice * S::slice + 4 * k) = of_warps<S>(area, j, k, top, weight);
    if (slice == 0 && k == 0) *(float2*)(s.norms + (first + j) * 2) = make_float2(top, weight);
  }
}

// Adds the parts of a segment to o, with a factor for each part and row. Threads that would have no
// values take a share of the parts.
template <class S> struct Adder {
  // float4 of a row; parts that are read before their factors are known
  static constexpr int columns = S::value_row / 4, ahead = 8;
  const float4* from;
  // float4 of all rows, shares, this thread's share and its first float4
  int items, adders, adder, item;
  float4 early[ahead];

  __device__ __forceinline__ Adder(const Segment& s, const Group& g, int parts) {
    from = (const float4*)(s.partial + (long long)g.index * s.splits * ROWS * S::value_row);
    items = g.rows * columns;
    adders = max(1, threads / items);
    adder = items < threads ? (int)threadIdx.x / items : 0;
    item = items < threads ? (int)threadIdx.x % items : threadIdx.x;
#pragma unroll
    for (int n = 0; n < ahead; n++) {
      const int k = adder + n * adders;
      early[n] = adder < adders && k < parts ? __ldcg(from + (long long)k * ROWS * columns + item) : make_float4(0, 0, 0, 0);
    }
  }

  static __device__ __forceinline__ void more(float4& sum, float by, const float4& v) { sum.x += by * v.x, sum.y += by * v.y, sum.z += by * v.z, sum.w += by * v.w; }

  __device__ __forceinline__ void run(int parts, const float* factors, float4* shares, float* o) {
    for (int i = item; i < items && adder < adders; i += threads) {
      const int j = i / columns;
      float4 sum = make_float4(0, 0, 0, 0);
      int k = adder;
      if (i == item) {
#pragma unroll
        for (int n = 0; n < ahead; n++, k += adders)
          if (k < parts) more(sum, factors[ROWS * k + j], early[n]);
      }
#pragma unroll 8
      for (; k < parts; k += adders) more(sum, factors[ROWS * k + j], __ldcg(from + (long long)k * ROWS * columns + i));
      if (adders > 1) shares[threadIdx.x] = sum;
      else ((float4*)o)[i] = sum;
    }
    if (adders == 1) return;
    __syncthreads();
    for (int i = threadIdx.x; i < items; i += threads) {
      float4 sum = shares[i];
      for (int a = 1; a < adders; a++) more(sum, 1, shares[a * items + i]);
      ((float4*)o)[i] = sum;
    }
  }
};

// The parts of all blocks, by the one that is last.
__device__ inline void combine(const Attend& p, const Group& g, int parts0, int parts1, float* area, const Result& r) {
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  float* factors = area; // [parts][ROWS]
  Adder<Segment0> adder(p.segments[0], g, parts0);
  for (int j = warp; j < g.rows; j += warps) {
    float2 v[most_parts / 32]; // reference and weight of parts lane, lane + 32, ...
    float top = unseen, weight = 0;
#pragma unroll
    for (int n = 0; n < most_parts / 32; n++) {
      const int k = 32 * n + lane;
      v[n] = make_float2(unseen, 0);
      if (k < parts0 + parts1) {
        const bool other = two && k >= parts0;
        const float* norms = other ? p.segments[SEGMENTS - 1].norms : p.segments[0].norms;
        const long long first = (long long)g.index * (other ? p.segments[SEGMENTS - 1].splits : p.segments[0].splits);
        v[n] = __ldcg((const float2*)norms + (first + (other ? k - parts0 : k)) * ROWS + j);
      }
      top = fmaxf(top, v[n].x);
    }
    for (int k = 16; k; k >>= 1) top = fmaxf(top, __shfl_xor_sync(~0u, top, k));
#pragma unroll
    for (int n = 0; n < most_parts / 32; n++) {
      const float by = exp2_fast(v[n].x - top);
      if (32 * n + lane < parts0 + parts1) factors[ROWS * (32 * n + lane) + j] = by;
      weight += by * v[n].y;
    }
    for (int k = 16; k; k >>= 1) weight += __shfl_xor_sync(~0u, weight, k);
    if (lane == 0) r.tops[j] = top, r.weights[j] = weight;
  }
  __syncthreads();
  float4* shares = (float4*)(area + ROWS * most_parts);
  adder.run(parts0, factors, shares, r.o);
  if constexpr (two) {
    __syncthreads();
    Adder<Segment1>(p.segments[1], g, parts1).run(parts1, factors + ROWS * parts0, shares, r.o1);
  }
  __syncthreads();
  for (int j = warp; j < g.rows; j += warps) write(p, g, r, parts0 > 0, parts1 > 0, j, lane);
}

// One block's work: x counts parts and slices of a segment.
template <class S>
__device__ __forceinline__ void attend_part(const Attend& p, int segment, const Group& first, const View<S>& see, Query& query, int x, int parts0, int parts1, int blocks, unsigned char* shared, float* area) {
  const Segment& s = p.segments[segment];
  const int part = x / View<S>::slices, slice = x % View<S>::slices;
  if (part >= see.parts) return;
  __shared__ Kept<S> kept;
  if (threadIdx.x == 0) kept = {first, see, parts0, parts1, blocks};
  walk<S>(p, s, first, see, kept, query, part, slice, shared, area);
  const Group& g = kept.group;
  Result r((float*)shared);
  if (kept.blocks == 1) {
    alone<S>(g, area, segment ? r.o1 : r.o, r);
    __syncthreads();
    for (int j = threadIdx.x >> 5; j < g.rows; j += warps) write(p, g, r, segment == 0, segment == 1, j, threadIdx.x & 31);
    return;
  }
  leave<S>(s, g, area, part, slice);
  __shared__ bool last;
  __syncthreads();
  if (threadIdx.x == 0) {
    __threadfence();
    // back to 0 for the next launch
    last = atomicInc(p.arrived + g.index, kept.blocks - 1) == kept.blocks - 1;
    __threadfence();
  }
  __syncthreads();
  if (last) combine(p, g, kept.parts0, kept.parts1, area, r);
}

// Block x is a part and slice of a segment, the first segment's before the second's; y is a KV head
// and a group of query rows.
extern "C" __global__ void __launch_bounds__(threads, blocks_held) attend(const __grid_constant__ Attend p) {
  DYNAMIC_SHARED(shared);
  float* area = (float*)(shared + area_at);
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  Group g(p, blockIdx.y);
  let_next();
  await_previous();
  if constexpr (PAGED) g.find(p, p.kv_heads, lane);
  Query query;
  if (warp < g.rows) query.load(p, g.token(warp), g.query_head(warp), lane);
  g.look(p, lane);
  const View<Segment0> first(p.segments[0], g, p.window);
  const int blocks0 = p.segments[0].splits * View<Segment0>::slices;
  int blocks = first.blocks();
  if constexpr (two) {
    const View<Segment1> second(p.segments[1], g, p.window);
    blocks += second.blocks();
    if (blocks > 0 && (int)blockIdx.x >= blocks0) {
      attend_part<Segment1>(p, 1, g, second, query, blockIdx.x - blocks0, first.parts, second.parts, blocks, shared, area);
      return;
    }
    if (blocks > 0) attend_part<Segment0>(p, 0, g, first, query, blockIdx.x, first.parts, second.parts, blocks, shared, area);
  } else {
    if (blocks > 0) attend_part<Segment0>(p, 0, g, first, query, blockIdx.x, first.parts, 0, blocks, shared, area);
  }
  if (blocks > 0 || blockIdx.x > 0) return;
  for (int j = warp; j < g.rows; j += warps) // nothing is seen
    for (int i = lane; i < VALUE_DIM; i += 32) p.out[((long long)g.token(j) * p.heads + g.query_head(j)) * VALUE_DIM + i] = 0;
}
