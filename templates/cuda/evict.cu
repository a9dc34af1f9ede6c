// Rows evicted from the exact ones of a layer become packed rows: block x is a row, block y a head
// of K or one of V, one warp each.
//
// Before this file come the structs of the types and
//   KeyRows, ValueRows, ExactKeyRows, ExactValueRows   Lay of both sides of both segments
// defined after packed.cuh.
#include "args.cuh"

template <class From, class To> __device__ void move(From& a, To& b, const Rows& exact, const Rows& packed, int head, int from, int to, int lane) {
  if (from >= exact.capacity || to >= packed.capacity) return;
  a.load(exact, head, from, lane);
  a.decode(lane);
  for (int i = lane; i < To::dim; i += 32) b.x[i] = a.x[i];
  b.encode(typename To::Tables(lane), lane);
  b.store(packed, head, to, lane);
}

extern "C" __global__ void __launch_bounds__(32) evict(const Evict p) {
  __shared__ ExactKeyRows exact_key;
  __shared__ ExactValueRows exact_value;
  __shared__ KeyRows key;
  __shared__ ValueRows value;
  const int from = p.from[blockIdx.x], to = p.to[blockIdx.x], head = blockIdx.y;
  if (from < 0 || to < 0) return;
  if (head < p.kv_heads) move(exact_key, key, p.exact_keys, p.keys, head, from, to, threadIdx.x);
  else move(exact_value, value, p.exact_values, p.values, head - p.kv_heads, from, to, threadIdx.x);
}
