// How a row of the cache, one head of one position, lies in device memory. It holds the codes and scales of the packed row of the
// type, in the order in which the lanes of a warp need them: no shuffle, transpose or shared memory stands between a 16-byte load
// and the tensor core. A row is written alone, so appending touches nothing else.
//
// Lanes: a key row is cut into 4 shares, a value row into 8; the dims of a share follow from the fragments of mma (dim_of). Codes
// lie in planes of 4, 2 and 1 bits (8 for codes of more than 6): first the 4-bit planes of all shares, then the 2-bit ones, ...
// Scales, and after them the addends of types that have those, are an array of their own: [rows][scales].
#pragma once
#include "numeric.cuh"

constexpr int tile = 32; // rows that a warp reads at a time, or two tiles; caches have room for pairs of tiles

constexpr int level_base = 127; // what the first byte of a level of two counts

constexpr int round_up(int n, int m) { return (n + m - 1) / m * m; }
constexpr int common(int a, int b) { return b == 0 ? a : common(b, a % b); }

// How many values share a word of a plane, of a share of n and at most that many.
constexpr int plane_group(int n, int most) { return n % most == 0 ? most : most > 8 ? plane_group(n, most / 2) : 8; }

// The bit of value v in the plane of width W of a share of n values: eight codes form a word of nibbles after one shift and mask.
template <int W, int n> __device__ constexpr int plane_bit(int v) {
  const int k = v / 8, i = v % 8;
  if (W == 8) return 8 * v;
  if (W == 4) return 32 * k + 4 * i;
  if (W == 2) return n % 16 == 0 ? 32 * (k / 2) + 4 * i + 2 * (k % 2) : 16 * k + 4 * (i % 4) + 2 * (i / 4);
  if (n % 32 == 0) return 32 * (k / 4) + 4 * i + k % 4;
  if (n % 16 == 0) return 16 * (k / 2) + 4 * (i % 4) + 2 * (i / 4) + k % 2;
  return 8 * k + 4 * (i % 2) + i / 2;
}

// Eight codes of W bits as nibbles, word k of a share of n values in plane p.
template <int W, int n> __device__ __forceinline__ unsigned nibbles(const unsigned* p, int k) {
  constexpr unsigned ones = W == 4 ? 0xffffffffu : W == 2 ? 0x33333333u : 0x11111111u;
  if (W == 4) return p[k];
  if (W == 2 && n % 16 == 0) return p[k / 2] >> 2 * (k % 2) & ones;
  if (W == 1 && n % 32 == 0) return p[k / 4] >> k % 4 & ones;
  if (W == 2 || n % 16 == 0) { // 16 bits hold the codes; those of the upper nibbles lie two bits higher
    const int half = W == 2 ? k : k / 2, more = W == 2 ? 0 : k % 2;
    const unsigned h = p[half / 2] >> (16 * (half % 2) + more) & 0xffff;
    return (h & ones & 0xffff) | (h << 14 & ones & 0xffff0000);
  }
  const unsigned m = p[k / 4] >> 8 * (k % 4) & 0xff;
  return (m & 0x11) | (m << 7 & 0x1100) | (m << 14 & 0x110000) | (m << 21 & 0x11000000);
}

// The bytes of one share of one plane, in registers.
template <int bytes> struct Plane {
  unsigned w[(bytes + 3) / 4 ? (bytes + 3) / 4 : 1];
  __device__ __forceinline__ void load(const unsigned char* p) {
    constexpr int step = bytes == 0 ? 16 : common(bytes, 16);
    if constexpr (step >= 4) {
#pragma unroll
      for (int k = 0; k < bytes; k += step) Chunk<step>::load(p + k, w + k / 4);
    } else {
#pragma unroll
      for (int k = 0; k < (bytes + 3) / 4; k++) w[k] = 0;
#pragma unroll
      for (int k = 0; k < bytes; k += step) w[k / 4] |= Chunk<step>::load(p + k) << 8 * (k % 4);
    }
  }
};

enum class Side { key, value };

// A row of D values of type T, one that is kept as codes; a lane holds its share, or of one of D/N slices.
template <class T, Side side, int D, int N = D> struct CodeRow {
  static constexpr int lanes = side == Side::key ? 4 : 8;
  static constexpr int share = round_up(D, 64) / lanes; // values of a lane
  static constexpr int held = N == D ? share : N / lanes;
  static constexpr int w8 = T::bits > 6, w4 = !w8 && T::bits >= 4, w2 = !w8 && T::bits % 4 >= 2, w1 = !w8 && T::bits % 2;
  static constexpr int at4 = 0, at2 = w4 * share * lanes / 2, at1 = at2 + w2 * share * lanes / 4;
  static constexpr int bytes = w8 ? share * lanes : at1 + w1 * share * lanes / 8;
  static constexpr int run = T::run < D ? T::run : D, runs = D / run;
  static constexpr int numbers = runs * (T::has_least ? 2 : 1), number_bytes = T::half_scale ? 2 : 4;
  static constexpr int scale_bytes = numbers * number_bytes;

  // Where value i of the row lies: the share, and the value in it.
  static __device__ int share_of(int i) { return side == Side::key ? i / 4 % 4 : i % 8; }
  static __device__ int value_of(int i) { return side == Side::key ? i / 32 * 8 + i / 16 % 2 * 4 + i % 4 : i / 8; }

  Plane<w8 * held> p8;
  Plane<w4 * held / 2> p4;
  Plane<w2 * held / 4> p2;
  Plane<w1 * held / 8> p1;

  __device__ __forceinline__ void load(const unsigned char* row, int lane, int slice = 0) {
    static_assert(N == D || held % (w1 ? plane_group(share, 32) : w2 ? plane_group(share, 16) : 8) == 0, "a slice ends inside a word");
    const int from = lane * share + slice * held;
    if (w8) p8.load(row + from);
    if (w4) p4.load(row + at4 + from / 2);
    if (w2) p2.load(row + at2 + from / 4);
    if (w1) p1.load(row + at1 + from / 8);
  }

  // The lower four bits of eight codes as nibbles, and the others.
  __device__ __forceinline__ unsigned low(int k) const {
    if (w4) return nibbles<4, share>(p4.w, k);
    unsigned v = 0;
    if (w2) v = nibbles<2, share>(p2.w, k);
    if (w1) v |= nibbles<1, share>(p1.w, k) << (w2 ? 2 : 0);
    return v;
  }
  __device__ __forceinline__ unsigned high(int k) const {
    unsigned v = 0;
    if (w4 && w2) v = nibbles<2, share>(p2.w, k);
    if (w4 && w1) v |= nibbles<1, share>(p1.w, k) << (w2 ? 2 : 0);
    return v;
  }
};

// The numbers of two neighbouring rows' scales.
template <class R> struct Scales {
  Plane<2 * R::scale_bytes> p;
  __device__ __forceinline__ void load(const unsigned char* scales) { p.load(scales); }
  __device__ __forceinline__ float at(int row, int k) const {
    const int n = row * R::numbers + k;
    if (R::number_bytes == 4) return as_float(p.w[n]);
    return half_to_float(p.w[n / 2] >> 16 * (n % 2));
  }
};

// A row of D numbers, of a type that is kept as such.
template <class T, Side side, int D, int N = D> struct NumberRow {
  static constexpr int lanes = side == Side::key ? 4 : 8;
  static constexpr int share = round_up(D, 16) / lanes;
  static constexpr int number_bytes = T::element == Element::f32 ? 4 : 2;
  static constexpr int bytes = share * lanes * number_bytes, scale_bytes = 0;

  static __device__ int share_of(int i) { return side == Side::key ? i / 2 % 4 : i % 8; }
  static __device__ int value_of(int i) { return side == Side::key ? i / 16 * 4 + i / 8 % 2 * 2 + i % 2 : i / 8; }

  static constexpr int held = N == D ? share : N / lanes;
  Plane<held * number_bytes> p;
  __device__ __forceinline__ void load(const unsigned char* row, int lane, int slice = 0) { p.load(row + (lane * share + slice * held) * number_bytes); }
};
