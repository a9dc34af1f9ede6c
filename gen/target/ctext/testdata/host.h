// What the structs of the host dialect are written in: a machine with one lane, which holds a whole block. It is written from the
// meaning of each function, plainly, and shares nothing with the frames of other dialects.
#pragma once
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

typedef unsigned char Byte;
enum class Element { f32, f16, bf16 };

static float as_float(unsigned u) { float f; std::memcpy(&f, &u, 4); return f; }
static unsigned as_bits(float f) { unsigned u; std::memcpy(&u, &f, 4); return u; }

// Bits of a block, one at a time.
template <int W> int read_bits(const Byte* b, int bit) {
  unsigned v = 0;
  for (int k = 0; k < W; k++) v |= (unsigned)(b[(bit + k) / 8] >> (bit + k) % 8 & 1) << k;
  return (int)v;
}
template <int N> unsigned read_bytes(const Byte* b) { return (unsigned)read_bits<8 * N>(b, 0); }
template <int W> void put_bits(Byte* b, int bit, unsigned v) {
  for (int k = 0; k < W; k++) b[(bit + k) / 8] |= (v >> k & 1) << (bit + k) % 8;
}
template <int W> int sign_extend(int v) { return v & 1 << (W - 1) ? v - (1 << W) : v; }

// Storage formats of numbers.
static unsigned to_f16(float x) {
  if (x != x) return as_bits(x) >> 16 & 0x8000 | 0x7e00;
  _Float16 h = (_Float16)x;
  unsigned short u;
  std::memcpy(&u, &h, 2);
  return u;
}
static float from_f16(unsigned u) {
  unsigned short s = (unsigned short)u;
  _Float16 h;
  std::memcpy(&h, &s, 2);
  return (float)h;
}
static unsigned to_bf16(float x) {
  unsigned u = as_bits(x);
  if (x != x) return u >> 16 | 0x40;
  unsigned low = u & 0xffff, high = u >> 16;
  return low > 0x8000 || (low == 0x8000 && (high & 1)) ? high + 1 : high;
}
static float from_bf16(unsigned u) { return as_float(u << 16); }
static unsigned to_f32(float x) { return as_bits(x); }
static float from_f32(unsigned u) { return as_float(u); }
static unsigned to_e8m0(float x) { return as_bits(x) >> 23 & 255; }
static float from_e8m0(unsigned e) { return std::ldexp(1.0f, (int)e - 127); }

// The language's functions.
template <class T> T lesser(T a, T b) { return a < b ? a : b; }
template <class T> T greater(T a, T b) { return a > b ? a : b; }
template <class T> T clamp(T x, T lo, T hi) { return lesser(greater(x, lo), hi); }
static float magnitude(float x) { return std::fabs(x); }
static int magnitude(int x) { return x < 0 ? -x : x; }
static float farther(float v, float so_far) { return std::fabs(v) > std::fabs(so_far) ? v : so_far; }
static float reciprocal(float x) { return x == 0 ? 0 : 1 / x; }
static int quotient(int a, int b) { return b ? a / b : 0; }
static int remainder(int a, int b) { return b ? a % b : 0; }
static int trunc_int(float x) { return x >= -2147483648.0f && x < 2147483648.0f ? (int)x : (int)0x80000000; }
static int rint_int(float x) { return trunc_int(std::nearbyint(x)); }
static int round_int(float x) { return trunc_int(std::round(x)); }
template <int n> int nearest(const float* thresholds, float v) {
  int k = 0;
  while (k < n && !(v < thresholds[k])) k++;
  return k;
}

// A block in the registers of the one lane.
constexpr int held_of(int n) { return n; }
template <int n> int held_at(int k, int) { return k; }
template <int n> bool is_held(int, int) { return true; }
template <int n> float looked_up(const float (&table)[n], int i) { return table[i]; }
template <int n> int nearest_held(const float (&thresholds)[n], float v) { return nearest<n>(thresholds, v); }
template <int n> void put_addend(float* addends, int k, int, float v) { addends[k] = v; }
template <int n, int count> void sum_in_order(const float* addends, float (&sums)[count], int) {
  for (int s = 0; s < count; s++) {
    sums[s] = 0;
    for (int i = 0; i < n; i++) sums[s] = sums[s] + addends[s * n + i];
  }
}
template <int n, class Join> float fold_in_order(const float (&v)[n], float so_far, int, Join join) {
  for (int i = 0; i < n; i++) so_far = join(v[i], so_far);
  return so_far;
}
static void warp_sync() {}

// Transforms: stages with strides 1, 2, 4, ...
struct NoSigns {
  static unsigned word(int) { return 0; }
};
template <int N, class Before, class After> void wht(float* x, int n, float norm, int) {
  for (float* v = x; v < x + n; v += N) {
    for (int i = 0; i < N; i++)
      if (Before::word(i / 32) >> i % 32 & 1) v[i] = -v[i];
    for (int h = 1; h < N; h *= 2)
      for (int i = 0; i < N; i++)
        if (!(i & h)) {
          const float a = v[i], b = v[i + h];
          v[i] = a + b;
          v[i + h] = a - b;
        }
    for (int i = 0; i < N; i++) v[i] = v[i] * (After::word(i / 32) >> i % 32 & 1 ? -norm : norm);
  }
}
template <int N, class Before, class After, int held> void wht(float (&v)[held], float norm, int lane) { wht<N, Before, After>(&v[0], held, norm, lane); }
struct Identity {
  static void forward(float*, int, int) {}
  static void inverse(float*, int, int) {}
};

// The levels of four codes, each of a nibble of low and one of high, as the bytes of a word.
template <int n> unsigned levels_of(const signed char (&row)[n], unsigned low, unsigned high) {
  unsigned out = 0;
  for (int j = 0; j < 4; j++) out |= (unsigned)(Byte)row[(low >> 4 * j & 15 | (high >> 4 * j & 15) << 4) % n] << 8 * j;
  return out;
}

// The program: for each type, rows of blocks of floats to encode and of packed blocks to read, from the standard input to the output.
static void take(void* p, size_t n) {
  if (std::fread(p, 1, n, stdin) != n) std::exit(3);
}
static void give(const void* p, size_t n) {
  if (std::fwrite(p, 1, n, stdout) != n) std::exit(4);
}

// The level of one code, of the sums that a function gives for four.
template <class F> float level_of(F f, int code, int terms, int coarse, float unit) {
  unsigned out[8] = {};
  const unsigned low = (code & 15) * 0x1111u, high = (code >> 4) * 0x1111u;
  f(low, ~low, high, out);
  float level = 0;
  for (int k = 0; k < terms; k++)
    for (int j = 3; j < 4; j++) level += (float)(signed char)(out[k] >> 8 * j) / (k < coarse ? 1 : 64);
  return unit * level;
}

// Writes the packed rows, for types that are encoded here.
template <class T> void encode_rows(int rows) {
  for (int r = 0; r < rows; r++) {
    float x[T::block], scratch[T::arrays * T::block + 1];
    Byte b[T::bytes] = {};
    take(x, sizeof x);
    T::encode(b, x, scratch, typename T::Tables(0), 0);
    give(b, sizeof b);
  }
}

// Writes the values of each row, and where rows are kept as codes and scales, what these make of them, with levels of each form, and the
// row again made of what is kept.
template <class T> void read_rows(int rows) {
  for (int r = 0; r < rows; r++) {
    Byte b[T::bytes];
    take(b, sizeof b);
    float y[T::block];
    for (int i = 0; i < T::block; i++) y[i] = T::value(b, i);
    give(y, sizeof y);
    if constexpr (T::weight_codes) {
      for (int i = 0; i < T::block; i++) y[i] = T::scale(b, i);
      give(y, sizeof y);
      for (int fast = 0; fast < 2; fast++) {
        for (int i = 0; i < T::block; i++) {
          const int code = T::code(b, i);
          float level;
          if constexpr (T::bits > 6)
            level = T::level(code) * (fast ? T::fast_unit : T::exact_unit);
          else if (fast)
            level = level_of(T::fast, code, T::fast_terms, T::fast_coarse, T::fast_unit);
          else
            level = level_of(T::exact, code, T::exact_terms, T::exact_coarse, T::exact_unit);
          y[i] = T::scale(b, i) * level + T::least(b, i);
        }
        give(y, sizeof y);
      }
      if constexpr (T::kept) {
        Byte again[T::bytes] = {};
        T::put_parts(again, T::scale(b, 0), T::least(b, 0));
        for (int i = 0; i < T::block; i++) T::put_code(again, i, T::code(b, i));
        for (int i = 0; i < T::block; i++) y[i] = T::value(again, i);
        give(y, sizeof y);
      }
      if constexpr (T::stepped) {
        for (int i = 0; i < T::block; i++) y[i] = T::scale_base(b, i) * T::scale_step(b, i);
        give(y, sizeof y);
        for (int i = 0; i < T::block; i++) y[i] = T::scale(b, i);
        give(y, sizeof y);
      }
    }
  }
}
