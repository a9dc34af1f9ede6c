// Rows evicted from the exact ones of a layer become packed rows: group x is a row, y a head of K
// or one of V, one SIMD group each.
//
// Before this file come the structs of the types and
//   KeyRows, ValueRows, ExactKeyRows, ExactValueRows   Lay of both sides of both segments
// defined after packed.metalh.
#include "args.metalh"

template <class From, class To>
static inline void move(threadgroup typename From::Room& a, threadgroup typename To::Room& b, constant const Rows& exact, constant const Rows& packed, int head, int from, int to, int lane) {
  if (from >= exact.capacity || to >= packed.capacity) return;
  const typename To::Tables tables(lane);
  From::load(a, exact, head, from, lane);
  From::decode(a, lane);
  for (int i = lane; i < To::dim; i += 32) b.x[i] = a.x[i];
  To::encode(b, tables, lane);
  To::store(b, packed, head, to, lane);
}

KERNEL(evict, Evict, 32) {
  HERE
  SHARED ExactKeyRows::Room exact_key;
  SHARED ExactValueRows::Room exact_value;
  SHARED KeyRows::Room key;
  SHARED ValueRows::Room value;
  const int from = p.from[x], to = p.to[x];
  if (from < 0 || to < 0) return;
  if (y < p.kv_heads) move<ExactKeyRows, KeyRows>(exact_key, key, p.exact_keys, p.keys, y, from, to, lane);
  else move<ExactValueRows, ValueRows>(exact_value, value, p.exact_values, p.values, y - p.kv_heads, from, to, lane);
}
