// Rows of weights: from a file to device memory, and from there to numbers. It is compiled without
// fusion of products and sums, so that numbers have the bits that the type's value has on a CPU.
//
// Before this file comes the struct of the type, called Type.
#include "halves.metalh"
#include "weights.metalh"

using W = Weights<Type>;
constexpr int warps = 4, stretch = 1024; // values that a SIMD group works on

FACTS(matrix_halves) { facts[0] = W::halves; } // rows are f16 as they are

// Bytes of the entries of a row's arrays and the values that one is for: words, pairs, single bits,
// scales, bases.
FACTS(matrix_arrays) {
  facts[0] = W::words, facts[1] = 8;
  facts[2] = W::pairs, facts[3] = 8;
  facts[4] = W::ones, facts[5] = 8;
  facts[6] = W::scales, facts[7] = W::run;
  facts[8] = W::bases, facts[9] = Type::block;
}

// A group is a row.
KERNEL(repack, Repack, 128) {
  HERE
  SHARED float most[4];
  device const uchar* file = p.packed + (long)x * (p.n / Type::block) * Type::bytes;
  device uchar* row = p.weights + (long)x * p.at.pitch;
  for (int u = t; u < round_up(p.n, padded_to) / 8; u += 128) W::pack(row, p.at, file, p.n, u);
  float largest = 0;
  for (int i = t; i < p.n; i += 128) largest = fmax(largest, magnitude(Type::value(file + (long)(i / Type::block) * Type::bytes, i % Type::block)));
  largest = simd_max(largest);
  if (lane == 0) most[warp] = largest;
  group_sync();
  if (t == 0) p.units[x] = unit_of(fmax(fmax(most[0], most[1]), fmax(most[2], most[3])));
}

// Group x is a token, y a number of stretches. Rows that there are not become zeros.
KERNEL(gather, Gather, 128) {
  HERE
  SHARED float values[warps][stretch], levels[larger(W::table, 1)];
  const int first = (y * warps + warp) * stretch, row = p.ids[x];
  W::copy(levels, t, 128);
  group_sync();
  if (first >= p.n) return;
  const int count = min(stretch, p.n - first);
  device float* out = p.out + (long)x * p.n + first;
  if (row < 0 || row >= p.rows) {
    for (int i = lane; i < count; i += 32) out[i] = 0;
    return;
  }
  for (int u = lane; 8 * u < round_up(count, 8); u += 32) {
    float v[8];
    W::read(v, p.weights + (long)row * p.at.pitch, p.at, first / 8 + u, levels);
    for (int i = 0; i < 8; i++) values[warp][8 * u + i] = v[i];
  }
  warp_sync();
  Type::Domain::inverse(values[warp], count, lane);
  for (int i = lane; i < count; i += 32) out[i] = values[warp][i];
}

// Activations in the type's domain: group x is a row of out, y a number of stretches.
KERNEL(transform_rows, Transform, 128) {
  HERE
  SHARED float values[warps][stretch];
  const int first = (y * warps + warp) * stretch;
  if (first >= p.n) return;
  const int count = min(stretch, p.n - first);
  device const float* from = p.x + (long)(p.row ? p.row[x] : x) * p.n + first;
  for (int i = lane; i < count; i += 32) values[warp][i] = from[i];
  warp_sync();
  Type::Domain::forward(values[warp], count, lane);
  for (int i = lane; i < count; i += 32) p.out[(long)x * p.n + first + i] = values[warp][i];
}

// Rows as f16: group x is a row, y a number of stretches.
KERNEL(expand, Expand, 128) {
  HERE
  SHARED float levels[larger(W::table, 1)];
  const int n = round_up(p.n, padded_to), first = (y * warps + warp) * stretch;
  W::copy(levels, t, 128);
  group_sync();
  device const uchar* row = p.weights + (long)x * p.at.pitch;
  const float by = inverse_unit(p.units[x]);
  device ushort* high = (device ushort*)p.high + (long)x * n;
  device ushort* low = (device ushort*)p.low + (long)x * n;
  for (int u = first / 8 + lane; u < min(first + stretch, n) / 8; u += 32) {
    float v[8];
    W::read(v, row, p.at, u, levels);
    for (int i = 0; i < 8; i++) {
      const Split16 s = split_half(8 * u + i < p.n ? v[i] * by : 0.0f);
      high[8 * u + i] = s.high;
      if (p.low) low[8 * u + i] = s.low;
    }
  }
}
