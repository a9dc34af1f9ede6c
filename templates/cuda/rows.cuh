// How the rows of the cache, one head of one position each, lie in device memory. 32 rows are a
// tile, and a tile holds the codes of the packed rows in the order in which the lanes of a warp
// need them: 16 bytes of lane 0, 16 of lane 1, ... No shuffle, transpose or shared memory stands
// between a load and the tensor core. A row is a number of bytes that no other row has a part of,
// so appending writes and reads nothing else.
//
// Lane 4*j + c holds, of keys, rows 4j..4j+3 of the tile and every fourth four of dims, from 4c on;
// of values, rows 4c..4c+3 and 16+4c..16+4c+3 and every eighth dim, from j on. The codes of a plane
// of 4 bits are words of nibbles, one word for
//   keys     four dims of row 4j+2m in the lower half, of row 4j+2m+1 in the upper half
//   values   a dim of the lane's first four rows in the lower half, of its other four in the upper
// after one step of values that puts nibbles of two words together: a byte of a value row has two
// dims of it. Three bits are three words for four, the upper bits of their nibbles being a fourth
// code; planes of 2 and 1 bits have two and four words in one. Scales, and after them the addends
// of types that have those, are an array of their own: [rows][scales].
#pragma once
#include "numeric.cuh"

// rows that a warp reads at a time, or two tiles; caches have room for pairs of tiles
constexpr int tile = 32;

constexpr int fine_levels = 64; // that make one level of a byte, where one byte is not enough

constexpr int round_up(int n, int m) { return (n + m - 1) / m * m; }
constexpr int common(int a, int b) { return b == 0 ? a : common(b, a % b); }

enum class Side { key, value };

// Words of a lane, of the D*W/32 that it has of a tile in a plane of W bits: how they lie in
// memory.
template <int W, int D> struct Plane {
  static constexpr int words = D * W / 32, bytes = 128 * words;
  // Words that lie together; a slice of a head ends between them.
  static constexpr int chunk = W == 0 ? 1 : W % 2 == 0 || D % 128 == 0 && D <= 256 ? 4 : 2;

  // The byte where word n of a lane is.
  static __device__ __forceinline__ int at(int lane, int n) { return ((n / chunk * 32 + lane) * chunk + n % chunk) * 4; }

  // Loads count words from first on.
  template <int count> static __device__ __forceinline__ void load(unsigned* w, const unsigned char* p, int lane, int first) {
    static_assert(count % chunk == 0, "a slice ends inside what is loaded at once");
    p = anchored(p + at(lane, first));
#pragma unroll
    for (int n = 0; n < count; n += chunk) Chunk<4 * chunk>::load(p + n * 128, w + n);
  }
};

// Eight codes of a plane as nibbles: unit u of those whose words are `step` apart.
template <int W, int step> __device__ __forceinline__ unsigned nibbles(const unsigned* w, int u) {
  if (W == 4) return w[step * u];
  if (W == 2) return w[step * (u / 2)] >> 2 * (u % 2) & 0x33333333u;
  if (W == 1) return w[step * (u / 4)] >> u % 4 & 0x11111111u;
  w += step * 3 * (u / 4);
  if (u % 4 < 3) return w[step * (u % 4)] & 0x77777777u;
  return (w[0] >> 3 & 0x11111111u) | (w[step] >> 2 & 0x22222222u) | (w[2 * step] >> 1 & 0x44444444u);
}

// Rows of D values of type T, one that is kept as codes.
template <class T, Side side, int D> struct CodeRow {
  // values of a lane
  static constexpr int padded = round_up(D, 64), lanes = side == Side::key ? 4 : 8, share = padded / lanes;
  static constexpr bool wide = T::bits > 6; // a byte each
  static constexpr int main = wide ? 8 : T::bits > 4 ? 4 : T::bits, rest = T::bits == 5 || T::bits == 6 ? T::bits - 4 : 0;
  static constexpr int main_bytes = padded * main / 8, bytes = main_bytes + padded * rest / 8;
  static constexpr int run = T::run < D ? T::run : D, runs = D / run;
  static constexpr int numbers = runs * (T::has_least ? 2 : 1), number_bytes = T::half_scale ? 2 : 4;
  static constexpr int scale_bytes = numbers * number_bytes;
  using Main = Plane<main, padded>;
  using Rest = Plane<rest, padded>;

  // Where value i lies: the share, and the value in it.
  static __device__ int share_of(int i) { return side == Side::key ? i / 4 % 4 : i % 8; }
  static __device__ int value_of(int i) { return side == Side::key ? i / 16 * 4 + i % 4 : i / 8; }

  // A row in shared memory has the share of lane 0, that of lane 1, ... of each plane, as in a cell
  // but for where pieces lie. Values of cells with an odd number have the nibbles of a byte
  // exchanged.

  // Ors the code of value i into a zeroed row in shared memory, from which write takes it.
  static __device__ void put(unsigned* row, int i, int code, int cell) {
    const int s = share_of(i), v = value_of(i);
    if constexpr (wide) {
      put_bits<8>(row, 8 * (s * share + v), T::level(code));
    } else {
      put_plane<main>(row, 0, s, v, code, cell);
      if constexpr (rest > 0) put_plane<rest>(row, 8 * main_bytes, s, v, code >> 4, cell);
    }
  }

  // The code of value i of a row that read has brought to shared memory.
  static __device__ int get(const unsigned* row, int i, int cell) {
    const int s = share_of(i), v = value_of(i);
    if constexpr (wide) {
      const int level = ((const signed char*)row)[s * share + v];
      int code = 0;
      while (code < (1 << T::bits) - 1 && T::level(code) != level) code++;
      return code;
    } else {
      int code = get_plane<main>(row, 0, s, v, cell);
      if constexpr (rest > 0) code |= get_plane<rest>(row, 8 * main_bytes, s, v, cell) << 4;
      return code;
    }
  }

  // Which code of its nibbles value v of a share is, and the bit where the nibbles of unit 0 have
  // it.
  static __device__ int unit_of(int v) { return side == Side::key ? v / 4 : v / 4 * 2 + v % 2; }
  template <int W> static __device__ int first_bit(int bit, int s, int v, int cell) {
    return bit + s * share * W + 4 * (side == Side::key ? v % 4 : (v / 2 ^ cell) % 2);
  }
  // From there to the code of unit u; of three bits to its first word's.
  static constexpr int unit_bits = side == Side::key ? 16 : 8; // of one row, in a word
  template <int W> static __device__ int code_bit(int u) {
    if (W == 4) return unit_bits * u;
    if (W == 2) return unit_bits * (u / 2) + 2 * (u % 2);
    if (W == 1) return unit_bits * (u / 4) + u % 4;
    return u % 4 < 3 ? unit_bits * (u / 4 * 3 + u % 4) : unit_bits * (u / 4 * 3) + 3;
  }
  template <int W> static __device__ void put_plane(unsigned* row, int bit, int s, int v, int code, int cell) {
    const int u = unit_of(v);
    bit = first_bit<W>(bit, s, v, cell) + code_bit<W>(u);
    if (W == 3 && u % 4 == 3)
      for (int t = 0; t < 3; t++) put_bits<1>(row, bit + unit_bits * t, code >> t);
    else put_bits<W>(row, bit, code);
  }
  template <int W> static __device__ int get_plane(const unsigned* row, int bit, int s, int v, int cell) {
    const unsigned char* from = (const unsigned char*)row;
    const int u = unit_of(v);
    bit = first_bit<W>(bit, s, v, cell) + code_bit<W>(u);
    if (W == 3 && u % 4 == 3) return read_bits<1>(from, bit) | read_bits<1>(from, bit + unit_bits) << 1 | read_bits<1>(from, bit + 2 * unit_bits) << 2;
    return read_bits<W>(from, bit);
  }

  // Writes a row to its cell of a head, and reads one.
  static __device__ void write(unsigned char* head, unsigned* row, int cell, int lane) { copy<true>(head, row, cell, lane); }
  static __device__ void read(const unsigned char* head, unsigned* row, int cell, int lane) { copy<false>((unsigned char*)head, row, cell, lane); }
  template <bool out> static __device__ void copy(unsigned char* head, unsigned* row, int cell, int lane) {
    head += (long long)(cell / tile) * tile * bytes;
    copy_plane<main, out>(head, row, cell % tile, lane);
    if constexpr (rest > 0) copy_plane<rest, out>(head + tile * main_bytes, row + main_bytes / 4, cell % tile, lane);
  }
  template <bool out, class N> static __device__ void copy_one(unsigned char* cell, unsigned* row, int k) {
    if (out) *(N*)cell = ((N*)row)[k];
    else ((N*)row)[k] = *(N*)cell;
  }
  template <int W, bool out> static __device__ void copy_plane(unsigned char* head, unsigned* row, int t, int lane) {
    using P = Plane<W, padded>;
    if constexpr (side == Side::key && wide) {
      constexpr int n = share / 4; // words of a share
      each_of<4 * n>(lane, [&](int k) { copy_one<out, unsigned>(head + P::at(t / 4 * 4 + k / n, t / 2 % 2 * 2 * n + k % n * 2 + t % 2), row, k); });
    } else if constexpr (side == Side::key) {
      constexpr int n = share * W / 16; // halves of words
      each_of<4 * n>(lane, [&](int k) { copy_one<out, unsigned short>(head + P::at(t / 4 * 4 + k / n, t / 2 % 2 * n + k % n) + t % 2 * 2, row, k); });
    } else {
      constexpr int n = share * W / 8; // bytes
      each_of<8 * n>(lane, [&](int k) {
        const int to = k / n * 4 + t / 4 % 4, r = k % n;
        copy_one<out, unsigned char>(head + (wide ? P::at(to, 2 * r + t / 16) + t % 4 : P::at(to, 2 * r + t % 2) + t / 16 * 2 + t % 4 / 2), row, k);
      });
    }
  }
};

// What a lane has of one tile: all of it, or dims slice*N to slice*N + N-1 of values.
template <class T, Side side, int D, int N = D> struct CodeTile {
  using Row = CodeRow<T, side, D>;
  // of keys of a pair of rows, of values of a parity
  static constexpr int held = N == D ? Row::padded : N, units = held / 16;
  static constexpr int main_words = held * Row::main / 32, rest_words = held * Row::rest / 32;
  unsigned main[main_words], rest[rest_words ? rest_words : 1];

  __device__ __forceinline__ void load(const unsigned char* tile_at, int lane, int slice = 0) {
    Row::Main::template load<main_words>(main, tile_at, lane, slice * main_words);
    if constexpr (Row::rest > 0) Row::Rest::template load<rest_words>(rest, tile_at + tile * Row::main_bytes, lane, slice * rest_words);
  }

  // The lower four bits of the eight codes of unit u as nibbles, and the others: of keys of rows 2m
  // and 2m+1 of the lane's four.
  __device__ __forceinline__ unsigned low(int m, int u) const { return nibbles<Row::main, 1>(main + m * (main_words / 2), u); }
  __device__ __forceinline__ unsigned high(int m, int u) const {
    if constexpr (Row::rest == 0) return 0;
    else return nibbles<Row::rest, 1>(rest + m * (rest_words / 2), u);
  }

  // Puts nibbles of values of rows that are neighbours together. Words 2n then have those of even
  // pairs of dims, in the order of rows; words 2n+1 those of odd pairs, with neighbouring rows
  // exchanged.
  __device__ __forceinline__ void pair() {
#pragma unroll
    for (int n = 0; n < main_words; n += 2) pair(main + n);
    if constexpr (Row::rest > 0) {
#pragma unroll
      for (int n = 0; n < rest_words; n += 2) pair(rest + n);
    }
  }
  static __device__ __forceinline__ void pair(unsigned* w) {
    const unsigned a = w[0], b = w[1];
    w[0] = pick(0x0f0f0f0fu, a, b);
    w[1] = pick(0x0f0f0f0fu, b, a);
  }
  // The same of values, for unit u of even or odd pairs of dims.
  __device__ __forceinline__ unsigned paired_low(int odd, int u) const { return nibbles<Row::main, 2>(main + odd, u); }
  __device__ __forceinline__ unsigned paired_high(int odd, int u) const {
    if constexpr (Row::rest == 0) return 0;
    else return nibbles<Row::rest, 2>(rest + odd, u);
  }
};

// The scales of a lane's rows 4j..4j+3, of keys and of values alike.
template <class R> struct Scales {
  static constexpr int words = R::scale_bytes, chunk = common(words, 4);
  unsigned w[words];
  __device__ __forceinline__ void load(const unsigned char* scales) {
#pragma unroll
    for (int n = 0; n < words; n += chunk) Chunk<4 * chunk>::load(scales + 4 * n, w + n);
  }
  __device__ __forceinline__ float at(int row, int k) const {
    const int n = row * R::numbers + k;
    if (R::number_bytes == 4) return as_float(w[n]);
    return half_to_float(w[n / 2] >> 16 * (n % 2));
  }
  // Makes the numbers of a row 0.
  __device__ __forceinline__ void clear(int row) {
#pragma unroll
    for (int n = row * R::numbers; n < (row + 1) * R::numbers; n++) {
      if (R::number_bytes == 4) w[n] = 0;
      else w[n / 2] &= n % 2 ? 0xffffu : 0xffff0000u;
    }
  }
};

// Rows of D numbers, of a type that is kept as such. Lanes hold the same rows, and dims in the
// order of their fragments: of keys pairs of dims, of values (of two bytes) pairs of rows in a
// word.
template <class T, Side side, int D> struct NumberRow {
  static constexpr int padded = round_up(D, 16), number_bytes = T::element == Element::f32 ? 4 : 2;
  static constexpr int bytes = padded * number_bytes, scale_bytes = 0;
  using Main = Plane<8 * number_bytes, padded>;

  // The byte of the tile where value i of row t is.
  static __device__ int at(int i, int t) {
    int lane, n; // number n of the lane
    if (side == Side::key) {
      lane = t / 4 * 4 + i / 2 % 4;
      n = ((t / 2 % 2 * (padded / 8) + i / 8) * 2 + t % 2) * 2 + i % 2;
    } else {
      lane = i % 8 * 4 + t / 4 % 4;
      n = ((i / 16 * 2 + t / 16) * 4 + t / 2 % 2 * 2 + i / 8 % 2) * 2 + t % 2;
    }
    return number_bytes == 4 ? Main::at(lane, n) : Main::at(lane, n / 2) + n % 2 * 2;
  }
};
