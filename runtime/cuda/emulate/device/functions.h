// Built-in functions of one thread. Fast ones are computed as the exact ones are.
#pragma once
#include "language.h"

#define EMULATED_EXTREMES(A, B, R) \
  inline R min(A a, B b) { return (R)a < (R)b ? (R)a : (R)b; } \
  inline R max(A a, B b) { return (R)a > (R)b ? (R)a : (R)b; }
EMULATED_EXTREMES(int, int, int)
EMULATED_EXTREMES(unsigned, unsigned, unsigned)
EMULATED_EXTREMES(int, unsigned, unsigned)
EMULATED_EXTREMES(unsigned, int, unsigned)
EMULATED_EXTREMES(long, long, long)
EMULATED_EXTREMES(unsigned long, unsigned long, unsigned long)
EMULATED_EXTREMES(long long, long long, long long)
EMULATED_EXTREMES(unsigned long long, unsigned long long, unsigned long long)
EMULATED_EXTREMES(long long, int, long long)
EMULATED_EXTREMES(int, long long, long long)
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline double max(double a, double b) { return fmax(a, b); }

// Bits.
template <class To, class From> inline To emulated_bits(From v) {
  static_assert(sizeof(To) == sizeof(From), "");
  To to;
  __builtin_memcpy(&to, &v, sizeof to);
  return to;
}
inline float __uint_as_float(unsigned u) { return emulated_bits<float>(u); }
inline float __int_as_float(int i) { return emulated_bits<float>(i); }
inline unsigned __float_as_uint(float f) { return emulated_bits<unsigned>(f); }
inline int __float_as_int(float f) { return emulated_bits<int>(f); }
inline double __longlong_as_double(long long v) { return emulated_bits<double>(v); }
inline long long __double_as_longlong(double v) { return emulated_bits<long long>(v); }
inline int __popc(unsigned v) { return __builtin_popcount(v); }
inline int __popcll(unsigned long long v) { return __builtin_popcountll(v); }
inline int __clz(int v) { return v ? __builtin_clz(v) : 32; }
inline int __clzll(long long v) { return v ? __builtin_clzll(v) : 64; }
inline int __ffs(int v) { return __builtin_ffs(v); }
inline int __ffsll(long long v) { return __builtin_ffsll(v); }
inline unsigned __brev(unsigned v) {
  unsigned r = 0;
  for (int i = 0; i < 32; i++) r |= (v >> i & 1) << (31 - i);
  return r;
}
inline unsigned __byte_perm(unsigned a, unsigned b, unsigned s) {
  const uint64_t v = (uint64_t)b << 32 | a;
  unsigned r = 0;
  for (int i = 0; i < 4; i++) r |= (unsigned)(v >> 8 * (s >> 4 * i & 7) & 0xff) << 8 * i;
  return r;
}
inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned n) { return (unsigned)(((uint64_t)high << 32 | low) >> (n & 31)); }
inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned n) { return (unsigned)(((uint64_t)high << 32 | low) << (n & 31) >> 32); }

// Integers.
inline int __mulhi(int a, int b) { return (int)((long long)a * b >> 32); }
inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((uint64_t)a * b >> 32); }
inline int __mul24(int a, int b) { return ((a << 8) >> 8) * ((b << 8) >> 8); }
inline int __dp4a(int a, int b, int c) {
  for (int i = 0; i < 4; i++) c += (signed char)(a >> 8 * i) * (signed char)(b >> 8 * i);
  return c;
}
inline unsigned __dp4a(unsigned a, unsigned b, unsigned c) {
  for (int i = 0; i < 4; i++) c += (unsigned char)(a >> 8 * i) * (unsigned char)(b >> 8 * i);
  return c;
}

// Numbers. Conversions saturate, and a NaN gives 0, as on the GPU.
inline int emulated_int(double v) { return v != v ? 0 : v >= 2147483647. ? 2147483647 : v <= -2147483648. ? -2147483647 - 1 : (int)v; }
inline unsigned emulated_uint(double v) { return v != v || v <= 0 ? 0 : v >= 4294967295. ? 4294967295u : (unsigned)v; }
inline int __float2int_rn(float v) { return emulated_int(nearbyintf(v)); }
inline int __float2int_rz(float v) { return emulated_int(truncf(v)); }
inline int __float2int_rd(float v) { return emulated_int(floorf(v)); }
inline int __float2int_ru(float v) { return emulated_int(ceilf(v)); }
inline unsigned __float2uint_rn(float v) { return emulated_uint(nearbyintf(v)); }
inline unsigned __float2uint_rz(float v) { return emulated_uint(truncf(v)); }
inline int __double2int_rn(double v) { return emulated_int(nearbyint(v)); }
inline int __double2int_rz(double v) { return emulated_int(trunc(v)); }
inline float __double2float_rn(double v) { return (float)v; }
inline float __int2float_rn(int v) { return (float)v; }
inline float __uint2float_rn(unsigned v) { return (float)v; }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __frcp_rn(float a) { return 1 / a; }
inline float __fsqrt_rn(float a) { return sqrtf(a); }
inline float __frsqrt_rn(float a) { return 1 / sqrtf(a); }
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dsub_rn(double a, double b) { return a - b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline double __ddiv_rn(double a, double b) { return a / b; }
inline double __fma_rn(double a, double b, double c) { return fma(a, b, c); }
inline float rsqrtf(float a) { return 1 / sqrtf(a); }
inline double rsqrt(double a) { return 1 / sqrt(a); }
inline float __expf(float a) { return expf(a); }
inline float __exp2f(float a) { return exp2f(a); }
inline float __logf(float a) { return logf(a); }
inline float __log2f(float a) { return log2f(a); }
inline float __sinf(float a) { return sinf(a); }
inline float __cosf(float a) { return cosf(a); }
inline float __tanf(float a) { return tanf(a); }
inline void __sincosf(float a, float* s, float* c) { *s = sinf(a), *c = cosf(a); }
inline float __powf(float a, float b) { return powf(a, b); }
inline float __fdividef(float a, float b) { return a / b; }
inline float fdividef(float a, float b) { return a / b; }
inline float __saturatef(float a) { return a > 0 ? a < 1 ? a : 1.0f : 0.0f; }

// Memory. Nothing runs at the same time, so that every access is atomic.
template <class T> inline T __ldg(const T* p) { return *p; }
template <class T> inline T __ldcs(const T* p) { return *p; }
template <class T> inline T __ldca(const T* p) { return *p; }
template <class T> inline T __ldcg(const T* p) { return *p; }
template <class T> inline void __stcs(T* p, T v) { *p = v; }
template <class T> inline void __stcg(T* p, T v) { *p = v; }
inline void __threadfence() {}
inline void __threadfence_block() {}
inline void __threadfence_system() {}
inline void __nanosleep(unsigned) {}
[[noreturn]] inline void __trap() { emulated::emulated_fail("__trap"); }

#define EMULATED_ATOMIC(NAME, T, VALUE) \
  inline T NAME(T* p, T v) { \
    const T old = *p; \
    *p = VALUE; \
    return old; \
  }
#define EMULATED_ATOMICS(T) \
  EMULATED_ATOMIC(atomicAdd, T, old + v) EMULATED_ATOMIC(atomicExch, T, v) \
  EMULATED_ATOMIC(atomicMax, T, old > v ? old : v) EMULATED_ATOMIC(atomicMin, T, old < v ? old : v) \
  EMULATED_ATOMIC(atomicOr, T, old | v) EMULATED_ATOMIC(atomicAnd, T, old & v) EMULATED_ATOMIC(atomicXor, T, old ^ v) \
  inline T atomicSub(T* p, T v) { return atomicAdd(p, (T)(0 - v)); } \
  inline T atomicCAS(T* p, T want, T v) { \
    const T old = *p; \
    if (old == want) *p = v; \
    return old; \
  }
EMULATED_ATOMICS(int)
EMULATED_ATOMICS(unsigned)
EMULATED_ATOMICS(unsigned long long)
EMULATED_ATOMIC(atomicAdd, float, old + v)
EMULATED_ATOMIC(atomicAdd, double, old + v)
EMULATED_ATOMIC(atomicExch, float, v)
EMULATED_ATOMIC(atomicInc, unsigned, old >= v ? 0 : old + 1)
EMULATED_ATOMIC(atomicDec, unsigned, old == 0 || old > v ? v : old - 1)
