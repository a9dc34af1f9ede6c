// Takes the place of warp.cuh: the same names, with the meaning that the PTX ISA gives to the instructions behind them.
#pragma once
#include "collective.h"

#define DYNAMIC_SHARED(name) unsigned char* name = emulated::emulated_state.shared

inline void await_previous() {}
inline void let_next() {}
inline void prefetch(const void*) {}

inline unsigned prmt(unsigned a, unsigned b, unsigned s) {
  const uint64_t v = (uint64_t)b << 32 | a;
  unsigned r = 0;
  for (int i = 0; i < 4; i++) {
    const unsigned n = s >> 4 * i & 15;
    uint8_t x = v >> 8 * (n & 7);
    if (n & 8) x = x & 0x80 ? 0xff : 0;
    r |= (unsigned)x << 8 * i;
  }
  return r;
}
inline unsigned multiply_add(unsigned a, unsigned b, unsigned c) { return a * b + c; }
inline unsigned pick(unsigned mask, unsigned a, unsigned b) { return (a & mask) | (b & ~mask); }
inline int dot4(unsigned a, unsigned b, int c) { return __dp4a((int)a, (int)b, c); }
inline float exp2_fast(float x) { return exp2f(x); }
inline float reciprocal_fast(float x) { return 1 / x; }
inline const unsigned char* anchored(const unsigned char* p) { return p; }
inline unsigned from_lane(unsigned v, int lane) { return __shfl_sync(~0u, v, lane); }
inline float largest_of_warp(float x) { return __uint_as_float(__reduce_max_sync(~0u, __float_as_uint(x))); }

inline void emulated_aligned(const void* p, int n) {
  if ((uintptr_t)p % n) emulated::emulated_fail("%d bytes at the address %p, which is no multiple", n, p);
}
template <int N> struct Chunk {
  static void load(const unsigned char* p, unsigned* w) {
    emulated_aligned(p, N);
    __builtin_memcpy(w, p, N);
  }
  static void constant(const unsigned char* p, unsigned* w) { load(p, w); }
  static unsigned constant(const unsigned char* p) {
    unsigned w = 0;
    load(p, &w);
    return w;
  }
};

inline float emulated_half(unsigned h) { return emulated_bits<_Float16>((uint16_t)h); }
inline float emulated_brain(unsigned h) { return emulated_bits<float>(h << 16); }
inline float half_to_float(unsigned h) { return emulated_half(h & 0xffff); }
inline unsigned emulated_to_half(float f) { return emulated_bits<uint16_t>((_Float16)f); }
inline unsigned pair_f16(float a, float b) { return emulated_to_half(a) | emulated_to_half(b) << 16; }
template <class F> inline unsigned emulated_halves(F f) { return emulated_to_half(f(0)) | emulated_to_half(f(16)) << 16; }
inline unsigned add_halves(unsigned a, unsigned b) {
  return emulated_halves([&](int k) { return half_to_float(a >> k) + half_to_float(b >> k); });
}
inline unsigned multiply_halves(unsigned a, unsigned b) {
  return emulated_halves([&](int k) { return half_to_float(a >> k) * half_to_float(b >> k); });
}
inline unsigned multiply_add_halves(unsigned a, unsigned b, unsigned c) {
  return emulated_halves([&](int k) { return half_to_float(a >> k) * half_to_float(b >> k) + half_to_float(c >> k); });
}
inline unsigned emulated_to_brain(float f) {
  const unsigned u = emulated_bits<unsigned>(f);
  if (f != f) return 0x7fff;
  return (u + 0x7fff + (u >> 16 & 1)) >> 16;
}
inline unsigned pair_bf16(float a, float b) { return emulated_to_brain(a) | emulated_to_brain(b) << 16; }

// Products of matrices. Lane 4*j + q has of A rows j and j+8, of B column j, of the result columns 2q and 2q+1 of rows j and j+8.
struct EmulatedMma { void* c; const unsigned* a; unsigned b[2]; };
inline void emulated_whole(uint32_t lanes) {
  if (lanes != ~0u) emulated::emulated_fail("an instruction of a whole warp by the lanes 0x%x", lanes);
}
inline void emulated_mma_s8(uint32_t lanes, void* const* args) {
  emulated_whole(lanes);
  int8_t a[16][32], b[8][32];
  for (int lane = 0; lane < 32; lane++) {
    const EmulatedMma& m = *(EmulatedMma*)args[lane];
    const int j = lane / 4, q = lane % 4;
    for (int h = 0; h < 2; h++) {
      __builtin_memcpy(&a[j][16 * h + 4 * q], &m.a[2 * h], 4);
      __builtin_memcpy(&a[j + 8][16 * h + 4 * q], &m.a[2 * h + 1], 4);
      __builtin_memcpy(&b[j][16 * h + 4 * q], &m.b[h], 4);
    }
  }
  for (int lane = 0; lane < 32; lane++)
    for (int o = 0; o < 4; o++) {
      int sum = 0;
      for (int k = 0; k < 32; k++) sum += a[lane / 4 + 8 * (o / 2)][k] * b[lane % 4 * 2 + o % 2][k];
      ((int*)((EmulatedMma*)args[lane])->c)[o] += sum;
    }
}
template <float (*number)(unsigned)> inline void emulated_mma_pairs(uint32_t lanes, void* const* args) {
  emulated_whole(lanes);
  float a[16][16], b[8][16];
  for (int lane = 0; lane < 32; lane++) {
    const EmulatedMma& m = *(EmulatedMma*)args[lane];
    const int j = lane / 4, q = lane % 4;
    for (int h = 0; h < 2; h++)
      for (int x = 0; x < 2; x++) {
        a[j][8 * h + 2 * q + x] = number(m.a[2 * h] >> 16 * x & 0xffff);
        a[j + 8][8 * h + 2 * q + x] = number(m.a[2 * h + 1] >> 16 * x & 0xffff);
        b[j][8 * h + 2 * q + x] = number(m.b[h] >> 16 * x & 0xffff);
      }
  }
  for (int lane = 0; lane < 32; lane++)
    for (int o = 0; o < 4; o++) {
      float& c = ((float*)((EmulatedMma*)args[lane])->c)[o];
      for (int k = 0; k < 16; k++) c += a[lane / 4 + 8 * (o / 2)][k] * b[lane % 4 * 2 + o % 2][k];
    }
}
inline void mma_s8(int* c, const unsigned* a, unsigned b0, unsigned b1) {
  EmulatedMma m = {c, a, {b0, b1}};
  emulated::emulated_meet(~0u, &m, emulated_mma_s8);
}
inline void mma_f16(float* c, const unsigned* a, unsigned b0, unsigned b1) {
  EmulatedMma m = {c, a, {b0, b1}};
  emulated::emulated_meet(~0u, &m, emulated_mma_pairs<emulated_half>);
}
inline void mma_bf16(float* c, const unsigned* a, unsigned b0, unsigned b1) {
  EmulatedMma m = {c, a, {b0, b1}};
  emulated::emulated_meet(~0u, &m, emulated_mma_pairs<emulated_brain>);
}

// Matrices of 8x8 halves from shared memory: lanes 8*i and up give the addresses of the rows of matrix i. Lane 4*j + q gets numbers
// 2q and 2q+1 of row j of each matrix, transposed those of column j.
struct EmulatedMatrices { const void* row; unsigned r[4]; };
template <int count, bool transposed> inline void emulated_ldmatrix(uint32_t lanes, void* const* args) {
  emulated_whole(lanes);
  for (int i = 0; i < count; i++) {
    uint16_t m[8][8];
    for (int row = 0; row < 8; row++) __builtin_memcpy(m[row], ((EmulatedMatrices*)args[8 * i + row])->row, 16);
    for (int lane = 0; lane < 32; lane++) {
      const int j = lane / 4, q = lane % 4;
      ((EmulatedMatrices*)args[lane])->r[i] = transposed ? m[2 * q][j] | (unsigned)m[2 * q + 1][j] << 16 : m[j][2 * q] | (unsigned)m[j][2 * q + 1] << 16;
    }
  }
}
template <int count, bool transposed> inline void emulated_load_matrices(unsigned* r, const void* row) {
  if (emulated_lane() < 8 * count) emulated_aligned(row, 16);
  EmulatedMatrices m = {row, {}};
  emulated::emulated_meet(~0u, &m, emulated_ldmatrix<count, transposed>);
  for (int i = 0; i < count; i++) r[i] = m.r[i];
}
inline void ldmatrix_x4(unsigned* r, const void* row) { emulated_load_matrices<4, false>(r, row); }
inline void ldmatrix_x4_trans(unsigned* r, const void* row) { emulated_load_matrices<4, true>(r, row); }
inline void ldmatrix_x2(unsigned* r, const void* row) { emulated_load_matrices<2, false>(r, row); }
inline void ldmatrix_x2_trans(unsigned* r, const void* row) { emulated_load_matrices<2, true>(r, row); }

// Copies to shared memory in the background. Bytes from valid on are zero.
inline void copy_async16(void* to, const void* from, int valid = 16) {
  emulated_aligned(to, 16);
  emulated_aligned(from, 16);
  emulated::emulated_copy(to, from, 16, valid);
}
template <int bytes> inline void copy_async(void* to, const void* from) {
  emulated_aligned(to, bytes);
  emulated_aligned(from, bytes);
  emulated::emulated_copy(to, from, bytes, bytes);
}
inline void copy_commit() { emulated::emulated_commit(); }
template <int newest> inline void copy_wait() { emulated::emulated_wait(newest); }
