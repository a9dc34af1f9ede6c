// Rows of one side of a segment as rows of f16, in the order in which a cache of f16 has them: what
// the kernel of many query rows reads. A SIMD group makes 32 rows of a head. They are as the model
// computed them, with what a transform of the type or of the side did undone and with an offset of
// keys added again, so that packed and exact rows, and queries, are all in one domain. Numbers that
// f16 cannot hold become the largest that it can.
//
// Before this file come Type, Rotation, SIDE, HEAD_DIM and FILE_ROW as before store.metal, and
//   OFFSET, ADJACENT   pairs that RoPE rotates where keys have an offset, -1 for none; how they lie
//   ROWS, PAGED        1; whether cells are of sequences, and then a group is of a run of the batch
//   WARPS              SIMD groups of a group
#include "encoder.metalh"
#include "cells.metalh"

constexpr int row = round_up(HEAD_DIM, 16), held = round_up(FILE_ROW, 16);
using From = Row<Type, SIDE, held>;

struct HalfType {
  static constant constexpr const Element element = Element::f16;
  static constant constexpr const bool codes = false;
};
using To = NumberRow<HalfType, SIDE, row>;

// Whether rows are rows of f16 as they are.
template <class T, bool codes> struct HalvesAlready { static constant constexpr const bool value = false; };
template <class T> struct HalvesAlready<T, false> { static constant constexpr const bool value = T::element == Element::f16; };

// Bytes of threadgroup memory that it is launched with; whether it is not needed.
FACTS(unpack_sizes) {
  facts[0] = 0;
  facts[1] = HalvesAlready<Type, Type::codes>::value && OFFSET < 0;
}

// Adds what was taken out of a key, as RoPE rotates it to a position.
static inline void add_offset(threadgroup float* v, constant const Mu& m, device const float* mu, int position, int lane) {
  constexpr int pairs = OFFSET < 0 ? 0 : OFFSET, steps = (pairs + 7) / 8;
  device const float2* block = (device const float2*)m.block + (long)max(0, min((position >> 5) + 1, m.blocks - 1)) * steps * 8;
  device const float2* rest = (device const float2*)m.rest + (position & 31) * steps * 8;
  for (int i = lane; i < pairs; i += 32) {
    const int at = i / 8 * 8 + i % 4 * 2 + i % 8 / 4, k = ADJACENT ? 2 * i : i, l = ADJACENT ? 2 * i + 1 : i + pairs;
    const float2 a = block[at], b = rest[at];
    const float c = m.magnitude * (a.x * b.x - a.y * b.y), s = m.magnitude * (a.x * b.y + a.y * b.x);
    v[k] += mu[k] * c - mu[l] * s;
    v[l] += mu[l] * c + mu[k] * s;
  }
  for (int i = 2 * pairs + lane; i < HEAD_DIM; i += 32) v[i] += mu[i];
}

// Group x is WARPS tiles of cells, y a KV head of those of the launch, if PAGED of a run.
KERNEL(unpack, Unpack, 32 * WARPS) {
  HERE
  SHARED float work[WARPS][larger(row, held)], levels[larger(1, TableOf<Type, Type::codes>::size)];
  const int of = y % p.many, head = p.first + of, first = (x * WARPS + warp) * tile; // cell
  TableOf<Type, Type::codes>::copy(levels, t, 32 * WARPS);
  group_sync();
  const Seen see = seen_of(p.cells, p.from.capacity, PAGED ? p.runs[y / p.many].z : 0);
  if (first >= see.used) return;
  const long at = see.place(p.positions, first);
  threadgroup float* v = work[warp];
  device const uchar* rows = p.from.rows + head * p.from.head;
  device const uchar* scales = p.from.scales + head * p.from.scale_head;
  device uchar* out = p.to.rows + of * p.to.head;
  for (int r = 0; r < tile; r++) {
    for (int u = lane; u < From::units; u += 32) {
      float e[8];
      From::read(e, rows, scales, at + r, u, levels);
      for (int i = 0; i < 8; i++) v[8 * u + i] = 8 * u + i < FILE_ROW ? e[i] : 0.0f;
    }
    warp_sync();
    Type::Domain::inverse(v, FILE_ROW, lane);
    Rotation::inverse(v, HEAD_DIM, lane);
    warp_sync();
    if (OFFSET >= 0) {
      const int position = see.held(p.positions, first + r);
      if (position >= 0) add_offset(v, p.mu, p.mu.mu + head * HEAD_DIM, position, lane);
    }
    for (int i = HEAD_DIM + lane; i < row; i += 32) v[i] = 0;
    warp_sync();
    for (int u = lane; u < To::units; u += 32) {
      float e[8];
      for (int i = 0; i < 8; i++) e[i] = fmin(fmax(v[8 * u + i], -65504.0f), 65504.0f);
      To::N::store(e, To::at(out, at + r, u));
    }
    warp_sync();
  }
}
