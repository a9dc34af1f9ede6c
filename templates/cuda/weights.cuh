// How a row of weights lies in device memory. A lane of a warp works on a piece of a row, 32 values
// that are kept as codes or 16 bytes of numbers, and neighbouring lanes on neighbouring pieces:
// every array of a row is read 16 bytes a lane, or as much as a piece has.
//
// A row of codes is up to five arrays, each an entry per piece: codes of four bits, or the first 16
// of eight bits; codes of two bits, or the other 16 of eight bits; codes of one bit; scales; bases
// of scales, an entry per block. Where a type adds something to its values, that stands beside each
// scale. A row of numbers is one array. The host learns the sizes of entries from matrix_arrays.
#pragma once
#include "args.cuh"
#include "rows.cuh"

template <int n> struct Int { static constexpr int value = n; };

constexpr unsigned byte_magic = 0x4b000000u; // 2^23: with a byte in its lowest, 2^23 + byte

// Byte k of w, without a sign, plus 2^23.
__device__ __forceinline__ float magic_byte(unsigned w, int k) { return as_float(prmt(w, byte_magic, 0x7440u | k)); }

// x shifted to the left by n bits, to the right if n is negative.
__device__ __forceinline__ unsigned moved(unsigned x, int n) { return n < 0 ? x >> -n : x << n; }

// The sums of the bytes of a and b, without carries between them.
__device__ __forceinline__ unsigned add_bytes(unsigned a, unsigned b) {
  return ((a & 0x7f7f7f7fu) + (b & 0x7f7f7f7fu)) ^ ((a ^ b) & 0x80808080u);
}

// 32 values of a row of a type that is kept as codes.
template <class T> struct CodePiece {
  static constexpr int values = 32;
  static constexpr int w8 = T::bits > 6, w4 = !w8 && T::bits >= 4, w2 = !w8 && T::bits % 4 >= 2, w1 = !w8 && T::bits % 2;
  static constexpr int at2 = 4 * w4, at1 = at2 + 2 * w2, words = w8 ? 8 : at1 + w1;
  static constexpr bool bytewise = w8 || T::linear, table = !bytewise; // how codes become levels
  static constexpr int runs = T::run < 32 ? 32 / T::run : 1, sides = T::has_least ? 2 : 1, numbers = runs * sides;
  static constexpr int terms = bytewise ? 1 : T::fast_terms, offset = w8 ? 0 : T::offset;
  static constexpr bool has_least = T::has_least;
  static constexpr float unit = bytewise ? 1.0f : T::fast_unit; // of the levels that bytes gives

  static constexpr int number_bytes() {
    if constexpr (T::stepped) return 1;
    else return T::scales == Element::f32 ? 4 : 2;
  }
  static constexpr int scale_bytes = numbers * number_bytes(), base_bytes = T::stepped ? 2 * sides : 0;
  // pieces of a scale, a base
  static constexpr int sharing = T::run > 32 ? T::run / 32 : 1, base_sharing = T::stepped ? T::block / 32 : 1;

  unsigned w[words], s[(scale_bytes + 3) / 4], base;

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (int k = 0; k < words; k++) w[k] = 0;
#pragma unroll
    for (int k = 0; k < (scale_bytes + 3) / 4; k++) s[k] = 0;
    base = 0;
  }

  __device__ __forceinline__ void load(const unsigned char* row, const Layout& at, int g) {
    if constexpr (w8) {
      Chunk<16>::constant(row + at.first + 16 * g, w);
      Chunk<16>::constant(row + at.second + 16 * g, w + 4);
    }
    if constexpr (w4) Chunk<16>::constant(row + at.first + 16 * g, w);
    if constexpr (w2) Chunk<8>::constant(row + at.second + 8 * g, w + at2);
    if constexpr (w1) Chunk<4>::constant(row + at.third + 4 * g, w + at1);
    const unsigned char* scale = row + at.scales + g / sharing * scale_bytes;
    if constexpr (scale_bytes < 4) s[0] = Chunk<scale_bytes>::constant(scale);
    else Chunk<scale_bytes>::constant(scale, s);
    if constexpr (base_bytes == 2) base = Chunk<2>::constant(row + at.bases + 2 * (g / base_sharing));
    if constexpr (base_bytes == 4) Chunk<4>::constant(row + at.bases + 4 * (g / base_sharing), &base);
  }

  // The same by way of shared memory, in the background: fetch copies a piece to its slot, one of
  // count that lie beside each other in an area, and take reads it from there. Less than four bytes
  // are copied with their neighbours.
  static constexpr int scale_copied = scale_bytes < 4 ? 4 : scale_bytes, base_copied = base_bytes ? 4 : 0;
  static constexpr int slot_bytes = 4 * words + scale_copied + base_copied;
  // f(words of the slot before it, bytes, bytes copied, from)
  template <class F> static __device__ __forceinline__ void slots(const Layout& at, int g, F f) {
    if constexpr (w8 || w4) f(0, Int<16>(), at.first + 16 * g);
    if constexpr (w8) f(4, Int<16>(), at.second + 16 * g);
    if constexpr (w2) f(at2, Int<8>(), at.second + 8 * g);
    if constexpr (w1) f(at1, Int<4>(), at.third + 4 * g);
#pragma unroll
    for (int k = 0; k < scale_copied; k += scale_copied < 16 ? scale_copied : 16)
      f(words + k / 4, Int<(scale_copied < 16 ? scale_copied : 16)>(), (at.scales + g / sharing * scale_bytes & ~3) + k);
    if constexpr (base_bytes > 0) f(words + scale_copied / 4, Int<4>(), at.bases + g / base_sharing * base_bytes & ~3);
  }
  template <int count> static __device__ __forceinline__ void fetch(unsigned char* area, int slot, const unsigned char* row, const Layout& at, int g) {
    slots(at, g, [&](int before, auto bytes, int from) { copy_async<bytes.value>(area + 4 * before * count + slot * bytes.value, row + from); });
  }
  template <int count> __device__ __forceinline__ void take(const unsigned char* area, int slot, const Layout& at, int g) {
    unsigned all[slot_bytes / 4];
    slots(at, g, [&](int before, auto bytes, int) {
      const unsigned char* from = area + 4 * before * count + slot * bytes.value;
      if constexpr (bytes.value == 16) {
        const uint4 v = *(const uint4*)from;
        all[before] = v.x, all[before + 1] = v.y, all[before + 2] = v.z, all[before + 3] = v.w;
      } else if constexpr (bytes.value == 8) {
        const uint2 v = *(const uint2*)from;
        all[before] = v.x, all[before + 1] = v.y;
      } else {
        all[before] = *(const unsigned*)from;
      }
    });
#pragma unroll
    for (int k = 0; k < words; k++) w[k] = all[k];
#pragma unroll
    for (int k = 0; k < scale_copied / 4; k++) s[k] = all[words + k];
    if constexpr (scale_bytes < 4) s[0] >>= 8 * (at.scales + g / sharing * scale_bytes & 3);
    if constexpr (base_bytes > 0) base = all[words + scale_copied / 4];
    if constexpr (base_bytes == 2) base >>= 8 * (at.bases + g / base_sharing * base_bytes & 3);
  }

  __device__ __forceinline__ float number(int k) const {
    if constexpr (T::stepped) {
      const float step = magic_byte(s[k / 4] ^ 0x80808080u, k % 4) - (0x1p23f + 128);
      return half_to_float(base >> 16 * (k % sides)) * step;
    } else if constexpr (T::scales == Element::f32) {
      return as_float(s[k]);
    } else if constexpr (T::scales == Element::bf16) {
      return as_float(k % 2 ? s[k / 2] & 0xffff0000u : s[k / 2] << 16);
    } else {
      return half_to_float(s[k / 2] >> 16 * (k % 2));
    }
  }
  __device__ __forceinline__ float scale(int run) const { return number(run * sides); }
  __device__ __forceinline__ float least(int run) const { return number(run * sides + 1); }

  // The lower four bits of codes 8k.. as nibbles, and the others.
  __device__ __forceinline__ unsigned low(int k) const {
    if constexpr (w4) return nibbles<4, 1>(w, k);
    unsigned v = 0;
    if constexpr (w2) v = nibbles<2, 1>(w + at2, k);
    if constexpr (w1) v |= nibbles<1, 1>(w + at1, k) << (w2 ? 2 : 0);
    return v;
  }
  __device__ __forceinline__ unsigned high(int k) const {
    unsigned v = 0;
    if constexpr (w4 && w2) v = nibbles<2, 1>(w + at2, k);
    if constexpr (w4 && w1) v |= nibbles<1, 1>(w + at1, k) << (w2 ? 2 : 0);
    return v;
  }

  // Codes 4q.. as bytes, or levels where codes have eight bits.
  __device__ __forceinline__ unsigned codes(int q) const {
    if constexpr (w8) return w[q];
    unsigned v = 0;
    if constexpr (w4) v = w[q / 2] >> 4 * (q % 2) & 0x0f0f0f0fu;
    if constexpr (w2) v |= moved(w[at2 + q / 4], 4 * w4 - 2 * (q % 4)) & 0x03030303u << 4 * w4;
    if constexpr (w1) v |= moved(w[at1], 4 * w4 + 2 * w2 - q) & 0x01010101u << (4 * w4 + 2 * w2);
    return v;
  }

  // Levels 4q.. less offset, as the sum of the bytes of out[terms], or of one word if joined.
  // Tables of floats are rounded to multiples of unit.
  template <bool joined> __device__ __forceinline__ void bytes(int q, unsigned* out) const {
    if constexpr (bytewise) {
      out[0] = codes(q);
    } else {
      const unsigned four = low(q / 2) >> 16 * (q % 2);
      T::fast(four, ~four, high(q / 2) >> 16 * (q % 2), out);
      if constexpr (joined && terms == 2) out[0] = add_bytes(out[0], out[1]);
    }
  }

  // Levels 4q.. as they are; tables are in shared memory.
  __device__ __forceinline__ void levels(int q, float* v, const float* shared) const {
    if constexpr (table) {
      const unsigned a = low(q / 2) >> 16 * (q % 2), b = high(q / 2) >> 16 * (q % 2);
#pragma unroll
      for (int k = 0; k < 4; k++) {
        unsigned code = a >> 4 * k & 15;
        if constexpr (T::bits > 4) code |= (b >> 4 * k & 15) << 4;
        v[k] = shared[code];
      }
    } else {
      const unsigned b = w8 ? w[q] ^ 0x80808080u : codes(q);
      constexpr float zero = w8 ? 0x1p23f + 128 : 0x1p23f - offset;
#pragma unroll
      for (int k = 0; k < 4; k++) v[k] = magic_byte(b, k) - zero;
    }
  }

  // The bit of value v in the array of codes of W bits.
  template <int W> static __device__ constexpr int bit(int v) {
    if (W == 8) return 8 * v;
    // eight codes are a word of nibbles after one shift and mask
    if (!bytewise) return 32 * (v * W / 32) + 4 * (v % 8) + v / 8 * W % 4;
    return 32 * (v * W / 32) + 8 * (v % 4) + (W == 4 ? 4 * (v / 4 % 2) : W == 2 ? 2 * (v / 4 % 4) : v / 4);
  }
};

// 16 bytes of a row of a type that is kept as numbers.
template <class T> struct NumberPiece {
  static constexpr int number_bytes = T::element == Element::f32 ? 4 : 2, values = 16 / number_bytes;

  unsigned w[4];

  __device__ __forceinline__ void clear() { w[0] = w[1] = w[2] = w[3] = 0; }
  __device__ __forceinline__ void load(const unsigned char* row, const Layout&, int g) { Chunk<16>::constant(row + 16 * g, w); }

  static constexpr int slot_bytes = 16;
  template <int count> static __device__ __forceinline__ void fetch(unsigned char* area, int slot, const unsigned char* row, const Layout&, int g) {
    copy_async<16>(area + 16 * slot, row + 16 * g);
  }
  template <int count> __device__ __forceinline__ void take(const unsigned char* area, int slot, const Layout&, int) {
    const uint4 v = ((const uint4*)area)[slot];
    w[0] = v.x, w[1] = v.y, w[2] = v.z, w[3] = v.w;
  }

  // Values 4q..
  __device__ __forceinline__ void levels(int q, float* v, const float*) const {
#pragma unroll
    for (int k = 0; k < 4; k++) {
      if constexpr (T::element == Element::f32) v[k] = as_float(w[k]);
      else if constexpr (T::element == Element::bf16) v[k] = as_float(k % 2 ? w[2 * q + k / 2] & 0xffff0000u : w[2 * q + k / 2] << 16);
      else v[k] = half_to_float(w[2 * q + k / 2] >> 16 * (k % 2));
    }
  }
};

template <class T, bool codes> struct PieceOf { using type = CodePiece<T>; };
template <class T> struct PieceOf<T, false> { using type = NumberPiece<T>; };
template <class T> using Piece = typename PieceOf<T, T::weight_codes>::type;

// The table of levels that a piece wants in shared memory.
template <class T> constexpr int table_size() {
  if constexpr (T::weight_codes) return CodePiece<T>::table ? 1 << T::bits : 0;
  return 0;
}
template <class T> __device__ inline void copy_table(float* shared) {
  if constexpr (table_size<T>() > 0)
    for (int k = threadIdx.x; k < table_size<T>(); k += blockDim.x) shared[k] = T::levels()[k];
}

// The values of a piece in the domain in which they are stored, with the bits of T::value.
template <class T> __device__ __forceinline__ void decode(const Piece<T>& p, float* v, const float* table) {
#pragma unroll
  for (int q = 0; q < Piece<T>::values / 4; q++) {
    p.levels(q, v + 4 * q, table);
    if constexpr (T::weight_codes) {
      constexpr int quads = 8 / Piece<T>::runs;
#pragma unroll
      for (int k = 0; k < 4; k++) {
        v[4 * q + k] = __fmul_rn(v[4 * q + k], p.scale(q / quads));
        if constexpr (T::has_least) v[4 * q + k] = __fadd_rn(v[4 * q + k], p.least(q / quads));
      }
    }
  }
}
