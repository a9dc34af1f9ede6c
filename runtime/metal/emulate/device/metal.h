// The Metal Shading Language as C++: what the frames use of it, and no more. Kernels run on one
// core, a fibre for each thread. Address spaces are words without meaning here; clang checks them.
#pragma once
#include "scheduler.h"

inline int emulated_thread() { return (int)emulated::emulated_state.thread.x; }
inline int emulated_threads() { return (int)emulated::emulated_state.threads.x; }
inline dim3 emulated_group() { return {emulated::emulated_state.block.x, emulated::emulated_state.block.y, 0}; }
inline dim3 emulated_groups() { return emulated::emulated_state.blocks; }

#define device
#define constant
#define threadgroup
#define thread
#define kernel
#define SHARED static __attribute__((section("threadgroup")))

typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long ulong;

// Kernels, as the macros of simd.metalh declare them. Arguments lie where a pointer points to.
#define KERNEL(name, Args, threads) \
  static void name(const Args& p); \
  extern "C" __attribute__((used)) void emulated_call_##name(void* const* a) { name(**(const Args* const*)a[0]); } \
  extern "C" __attribute__((used)) const unsigned emulated_threads_##name = threads; \
  static void name(const Args& p)
#define KERNEL_SHARED(name, Args, threads) \
  static void name(const Args& p, uchar* shared); \
  extern "C" __attribute__((used)) void emulated_call_##name(void* const* a) { name(**(const Args* const*)a[0], emulated::emulated_state.shared); } \
  extern "C" __attribute__((used)) const unsigned emulated_threads_##name = threads; \
  static void name(const Args& p, uchar* shared)
#define FACTS(name) \
  static void name(int* facts); \
  extern "C" __attribute__((used)) void emulated_call_##name(void* const* a) { name(*(int* const*)a[0]); } \
  extern "C" __attribute__((used)) const unsigned emulated_threads_##name = 1; \
  static void name(int* facts)
#define HERE \
  const int t = emulated_thread(), lane = t % 32, warp = t / 32, threads_here = emulated_threads(); \
  const int x = (int)emulated_group().x, y = (int)emulated_group().y, width = (int)emulated_groups().x, height = (int)emulated_groups().y; \
  (void)t, (void)lane, (void)warp, (void)threads_here, (void)x, (void)y, (void)width, (void)height;

namespace metal {

template <class To, class From> inline To as_type(From v) {
  static_assert(sizeof(To) == sizeof(From), "as_type keeps the number of bytes");
  To to;
  __builtin_memcpy(&to, &v, sizeof to);
  return to;
}

// Numbers of f16: every operation is rounded.
struct half {
  ushort bits;
  half() = default;
  half(float x) {
    const uint u = as_type<uint>(x), sign = u >> 16 & 0x8000, mag = u & 0x7fffffff;
    if (mag > 0x7f800000) bits = sign | 0x7e00 | (mag >> 13 & 0x3ff);
    else if (mag >= 0x477ff000) bits = sign | 0x7c00;
    else if (mag < 0x38800000) bits = sign | (as_type<uint>(as_type<float>(mag) + 0.5f) - as_type<uint>(0.5f));
    else bits = sign | ((mag + 0xfff + (mag >> 13 & 1) - (112u << 23)) >> 13);
  }
  operator float() const {
    const uint sign = (bits & 0x8000u) << 16, mag = bits & 0x7fff;
    if (mag >= 0x7c00) return as_type<float>(sign | 0x7f800000 | (mag & 0x3ff) << 13);
    if (mag < 0x400) return as_type<float>(sign | as_type<uint>((float)mag * 5.9604644775390625e-8f));
    return as_type<float>(sign | ((mag << 13) + (112u << 23)));
  }
};

// Vectors: components by name, element by element arithmetic.
template <class T> struct alignas(2 * sizeof(T)) vec2 {
  T x, y;
  T& operator[](int i) { return i ? y : x; }
  T operator[](int i) const { return i ? y : x; }
};
template <class T> struct vec3 { T x, y, z; };
template <class T> struct alignas(4 * sizeof(T)) vec4 {
  T x, y, z, w;
  T& operator[](int i) { return i < 2 ? i ? y : x : i == 2 ? z : w; }
  T operator[](int i) const { return i < 2 ? i ? y : x : i == 2 ? z : w; }
};
#define EMULATED_OPERATOR(op) \
  template <class T> inline vec4<T> operator op(vec4<T> a, vec4<T> b) { return {a.x op b.x, a.y op b.y, a.z op b.z, a.w op b.w}; } \
  template <class T> inline vec4<T> operator op(vec4<T> a, T b) { return {a.x op b, a.y op b, a.z op b, a.w op b}; } \
  template <class T> inline vec4<T> operator op(T a, vec4<T> b) { return {a op b.x, a op b.y, a op b.z, a op b.w}; } \
  template <class T> inline vec4<T>& operator op##=(vec4<T>& a, vec4<T> b) { return a = a op b; } \
  template <class T> inline vec4<T>& operator op##=(vec4<T>& a, T b) { return a = a op b; }
EMULATED_OPERATOR(+) EMULATED_OPERATOR(-) EMULATED_OPERATOR(*) EMULATED_OPERATOR(/)
typedef vec2<float> float2;
typedef vec4<float> float4;
typedef vec2<int> int2;
typedef vec4<int> int4;
typedef vec2<uint> uint2;
typedef vec3<uint> uint3;
typedef vec4<uint> uint4;
typedef vec2<ushort> ushort2;
typedef vec4<ushort> ushort4;
typedef vec4<uchar> uchar4;
typedef vec2<half> half2;
typedef vec4<half> half4;
typedef vec2<ulong> ulong2;
inline float dot(float4 a, float4 b) { return a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w; }

inline float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline float4 fma(float4 a, float4 b, float4 c) { return {fma(a.x, b.x, c.x), fma(a.y, b.y, c.y), fma(a.z, b.z, c.z), fma(a.w, b.w, c.w)}; }
#define EMULATED_FUNCTION(name) inline float name(float x) { return __builtin_##name##f(x); }
EMULATED_FUNCTION(exp) EMULATED_FUNCTION(exp2) EMULATED_FUNCTION(log) EMULATED_FUNCTION(log2) EMULATED_FUNCTION(tanh) EMULATED_FUNCTION(sqrt) EMULATED_FUNCTION(rint)
EMULATED_FUNCTION(round) EMULATED_FUNCTION(floor) EMULATED_FUNCTION(fabs) EMULATED_FUNCTION(trunc)
inline float fmin(float a, float b) { return __builtin_fminf(a, b); }
inline float fmax(float a, float b) { return __builtin_fmaxf(a, b); }
#define EMULATED_EXTREMES(T) \
  inline T min(T a, T b) { return a < b ? a : b; } \
  inline T max(T a, T b) { return a > b ? a : b; }
EMULATED_EXTREMES(int) EMULATED_EXTREMES(uint) EMULATED_EXTREMES(long) EMULATED_EXTREMES(ulong)
inline float min(float a, float b) { return fmin(a, b); }
inline float max(float a, float b) { return fmax(a, b); }
inline int abs(int a) { return a < 0 ? -a : a; }
inline int clz(uint v) { return v ? __builtin_clz(v) : 32; }
inline ulong clz(ulong v) { return v ? __builtin_clzl(v) : 64; }
inline int ctz(uint v) { return v ? __builtin_ctz(v) : 32; }
inline uint popcount(uint v) { return __builtin_popcount(v); }
inline uint mulhi(uint a, uint b) { return (ulong)a * b >> 32; }
inline uint extract_bits(uint v, uint from, uint bits) { return v >> from & ((1u << bits) - 1); }
inline bool isnan(float x) { return x != x; }
namespace precise {
using metal::exp;
using metal::exp2;
using metal::log;
using metal::sqrt;
using metal::tanh;
} // namespace precise
namespace fast {
using metal::exp2;
} // namespace fast

// Atomic numbers. Nothing runs at the same time.
enum memory_order { memory_order_relaxed };
template <class T> struct emulated_atomic { T v; };
typedef emulated_atomic<uint> atomic_uint;
typedef emulated_atomic<int> atomic_int;
#define EMULATED_ATOMIC(name, value) \
  template <class T> inline T atomic_fetch_##name##_explicit(emulated_atomic<T>* p, T v, memory_order) { \
    const T old = p->v; \
    p->v = value; \
    return old; \
  }
EMULATED_ATOMIC(add, old + v) EMULATED_ATOMIC(or, old | v) EMULATED_ATOMIC(max, old > v ? old : v) EMULATED_ATOMIC(min, old < v ? old : v)
template <class T> inline void atomic_store_explicit(emulated_atomic<T>* p, T v, memory_order) { p->v = v; }
template <class T> inline T atomic_load_explicit(const emulated_atomic<T>* p, memory_order) { return p->v; }

// Threads meet. All of a group take part, or the launch fails.
enum class mem_flags { mem_none, mem_device, mem_threadgroup };
extern "C" void emulated_passed(int all);
inline void threadgroup_barrier(mem_flags) {
  emulated::emulated_barrier(false);
}
inline void emulated_nothing(uint32_t, void* const*) {}
inline void simdgroup_barrier(mem_flags) { emulated::emulated_meet(~0u, nullptr, emulated_nothing); }

struct emulated_shuffle {
  uint64_t value, result;
  int from;
};
inline void emulated_shuffles(uint32_t, void* const* args) {
  for (int i = 0; i < 32; i++) {
    emulated_shuffle* a = (emulated_shuffle*)args[i];
    a->result = a->from >= 0 && a->from < 32 ? ((emulated_shuffle*)args[a->from])->value : ~0ull;
  }
}
template <class T> inline T simd_shuffle(T v, ushort from) {
  emulated_shuffle a = {};
  __builtin_memcpy(&a.value, &v, sizeof v);
  a.from = from;
  emulated::emulated_meet(~0u, &a, emulated_shuffles);
  __builtin_memcpy(&v, &a.result, sizeof v);
  return v;
}
inline int emulated_lane() { return emulated::emulated_state.lane; }
template <class T> inline T simd_broadcast(T v, ushort from) { return simd_shuffle(v, from); }
template <class T> inline T simd_shuffle_xor(T v, ushort by) { return simd_shuffle(v, emulated_lane() ^ by); }
// Lanes that there are not give anything.
template <class T> inline T simd_shuffle_up(T v, ushort by) { return simd_shuffle(v, emulated_lane() - by); }
template <class T> inline T simd_shuffle_down(T v, ushort by) { return simd_shuffle(v, emulated_lane() + by); }

template <class T> struct emulated_value { T value, result; };
template <class T, T (*combine)(T, T)> inline void emulated_reduce(uint32_t, void* const* args) {
  T v[32]; // as a tree, which is one of the orders that a sum may have
  for (int i = 0; i < 32; i++) v[i] = ((emulated_value<T>*)args[i])->value;
  for (int h = 16; h; h /= 2)
    for (int i = 0; i < h; i++) v[i] = combine(v[i], v[i + h]);
  for (int i = 0; i < 32; i++) ((emulated_value<T>*)args[i])->result = v[0];
}
template <class T, T (*combine)(T, T)> inline T emulated_reduced(T v) {
  emulated_value<T> a = {v, v};
  emulated::emulated_meet(~0u, &a, emulated_reduce<T, combine>);
  return a.result;
}
template <class T> inline T emulated_sum(T a, T b) { return a + b; }
template <class T> inline T emulated_most(T a, T b) { return max(a, b); }
template <class T> inline T emulated_least(T a, T b) { return min(a, b); }
template <class T> inline T emulated_or(T a, T b) { return a | b; }
template <class T> inline T simd_sum(T v) { return emulated_reduced<T, emulated_sum<T>>(v); }
template <class T> inline T simd_max(T v) { return emulated_reduced<T, emulated_most<T>>(v); }
template <class T> inline T simd_min(T v) { return emulated_reduced<T, emulated_least<T>>(v); }
template <class T> inline T simd_or(T v) { return emulated_reduced<T, emulated_or<T>>(v); }
inline bool simd_any(bool v) { return simd_or((uint)v) != 0; }
inline bool simd_all(bool v) { return simd_or((uint)!v) == 0; }
struct simd_vote {
  typedef ulong vote_t;
  ulong bits;
  explicit operator ulong() const { return bits; }
};
inline simd_vote simd_ballot(bool v) { return {simd_or(v ? 1u << emulated_lane() : 0u)}; }

// Matrices of a SIMD group. A lane holds two neighbours of a row; which ones is the machine's
// affair, and nobody asks.
template <class T> struct emulated_matrix { T v[2]; };
typedef emulated_matrix<float> simdgroup_float8x8;
typedef emulated_matrix<half> simdgroup_half8x8;
template <class T, int columns, int rows> inline emulated_matrix<T> make_filled_simdgroup_matrix(T v) {
  static_assert(columns == 8 && rows == 8, "matrices are 8x8");
  return {{v, v}};
}
template <class T> inline void simdgroup_load(emulated_matrix<T>& m, const T* from, ulong pitch = 8, ulong2 origin = {0, 0}, bool transpose = false) {
  const int lane = emulated_lane(), row = lane / 4, column = lane % 4 * 2;
  for (int k = 0; k < 2; k++) {
    const ulong r = transpose ? column + k : row, c = transpose ? row : column + k;
    m.v[k] = from[(origin.y + r) * pitch + origin.x + c];
  }
  emulated::emulated_meet(~0u, nullptr, emulated_nothing);
}
template <class T> inline void simdgroup_store(emulated_matrix<T> m, T* to, ulong pitch = 8, ulong2 origin = {0, 0}, bool transpose = false) {
  const int lane = emulated_lane(), row = lane / 4, column = lane % 4 * 2;
  for (int k = 0; k < 2; k++) {
    const ulong r = transpose ? column + k : row, c = transpose ? row : column + k;
    to[(origin.y + r) * pitch + origin.x + c] = m.v[k];
  }
  emulated::emulated_meet(~0u, nullptr, emulated_nothing);
}
template <class A, class B> struct emulated_product {
  float d[2];
  const A* a;
  const B* b;
};
template <class A, class B> inline void emulated_multiply(uint32_t, void* const* args) {
  float a[8][8], b[8][8];
  for (int lane = 0; lane < 32; lane++)
    for (int k = 0; k < 2; k++) {
      const emulated_product<A, B>& p = *(const emulated_product<A, B>*)args[lane];
      a[lane / 4][lane % 4 * 2 + k] = p.a[k], b[lane / 4][lane % 4 * 2 + k] = p.b[k];
    }
  for (int lane = 0; lane < 32; lane++)
    for (int k = 0; k < 2; k++) {
      float& d = ((emulated_product<A, B>*)args[lane])->d[k];
      for (int i = 0; i < 8; i++) d = fma(a[lane / 4][i], b[i][lane % 4 * 2 + k], d);
    }
}
template <class A, class B> inline void simdgroup_multiply_accumulate(simdgroup_float8x8& d, emulated_matrix<A> a, emulated_matrix<B> b, simdgroup_float8x8 c) {
  emulated_product<A, B> p = {{c.v[0], c.v[1]}, a.v, b.v};
  emulated::emulated_meet(~0u, &p, emulated_multiply<A, B>);
  d.v[0] = p.d[0], d.v[1] = p.d[1];
}

} // namespace metal

// What a group has of threadgroup memory holds no numbers when it begins.
extern "C" {
extern uchar __start_threadgroup[] __attribute__((weak)), __stop_threadgroup[] __attribute__((weak));
__attribute__((used)) void emulated_begin() {
  for (uchar* p = __start_threadgroup; p < __stop_threadgroup; p++) *p = 0xff;
}
}
