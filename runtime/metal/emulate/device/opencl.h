// The Metal Shading Language as C++ for OpenCL, for clang to read: address spaces, attributes,
// vectors and what the frames call. Nothing of it runs.
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
#pragma OPENCL EXTENSION __cl_clang_non_portable_kernel_param_types : enable
#define device __global
#define constant __constant
#define threadgroup __local
#define thread __private
#define SHARED __local
#define double no_such_type // the machine has no f64

typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long ulong;
typedef float float2 __attribute__((ext_vector_type(2)));
typedef float float4 __attribute__((ext_vector_type(4)));
typedef int int2 __attribute__((ext_vector_type(2)));
typedef int int4 __attribute__((ext_vector_type(4)));
typedef uint uint2 __attribute__((ext_vector_type(2)));
typedef uint uint3 __attribute__((ext_vector_type(3)));
typedef uint uint4 __attribute__((ext_vector_type(4)));
typedef ushort ushort2 __attribute__((ext_vector_type(2)));
typedef ushort ushort4 __attribute__((ext_vector_type(4)));
typedef uchar uchar4 __attribute__((ext_vector_type(4)));
typedef half half2 __attribute__((ext_vector_type(2)));
typedef half half4 __attribute__((ext_vector_type(4)));
typedef ulong ulong2 __attribute__((ext_vector_type(2)));

#define KERNEL(name, Args, threads) __kernel void name(__constant const Args& p, uint3 group_at, uint3 groups, uint3 size, uint thread_at, uint lane_at, uint simd_at)
#define KERNEL_SHARED(name, Args, threads) __kernel void name(__constant const Args& p, __local uchar* shared, uint3 group_at, uint3 groups, uint3 size, uint thread_at, uint lane_at, uint simd_at)
#define FACTS(name) __kernel void name(__global int* facts)
#define HERE \
  const int t = (int)thread_at, lane = (int)lane_at, warp = (int)simd_at, threads_here = (int)size.x; \
  const int x = (int)group_at.x, y = (int)group_at.y, width = (int)groups.x, height = (int)groups.y; \
  (void)t, (void)lane, (void)warp, (void)threads_here, (void)x, (void)y, (void)width, (void)height;

// Words that OpenCL has too.
#define atomic_uint metal_atomic_uint
#define atomic_int metal_atomic_int

namespace metal {
template <class To, class From> To as_type(From v);
float dot(float4 a, float4 b);
float fma(float a, float b, float c);
float4 fma(float4 a, float4 b, float4 c);
#define METAL_FUNCTION(name) float name(float v);
METAL_FUNCTION(exp) METAL_FUNCTION(exp2) METAL_FUNCTION(log) METAL_FUNCTION(log2) METAL_FUNCTION(tanh) METAL_FUNCTION(sqrt) METAL_FUNCTION(rint)
METAL_FUNCTION(round) METAL_FUNCTION(floor) METAL_FUNCTION(fabs) METAL_FUNCTION(trunc)
float fmin(float a, float b);
float fmax(float a, float b);
#define METAL_EXTREMES(T) \
  T min(T a, T b); \
  T max(T a, T b);
METAL_EXTREMES(int) METAL_EXTREMES(uint) METAL_EXTREMES(long) METAL_EXTREMES(ulong) METAL_EXTREMES(float)
int abs(int a);
uint clz(uint v);
uint ctz(uint v);
uint popcount(uint v);
bool isnan(float v);
namespace precise {
METAL_FUNCTION(exp) METAL_FUNCTION(exp2) METAL_FUNCTION(log) METAL_FUNCTION(sqrt) METAL_FUNCTION(tanh)
}

enum memory_order { memory_order_relaxed };
struct atomic_uint { uint hidden; };
struct atomic_int { int hidden; };
#define METAL_ATOMIC(space, name) \
  uint atomic_fetch_##name##_explicit(space atomic_uint* p, uint v, memory_order); \
  int atomic_fetch_##name##_explicit(space atomic_int* p, int v, memory_order);
METAL_ATOMIC(device, add) METAL_ATOMIC(device, or) METAL_ATOMIC(device, max) METAL_ATOMIC(device, min)
METAL_ATOMIC(threadgroup, add) METAL_ATOMIC(threadgroup, or) METAL_ATOMIC(threadgroup, max) METAL_ATOMIC(threadgroup, min)

enum class mem_flags { mem_none, mem_device, mem_threadgroup };
void threadgroup_barrier(mem_flags);
void simdgroup_barrier(mem_flags);
template <class T> T simd_shuffle(T v, ushort from);
template <class T> T simd_shuffle_xor(T v, ushort by);
template <class T> T simd_shuffle_up(T v, ushort by);
template <class T> T simd_shuffle_down(T v, ushort by);
template <class T> T simd_broadcast(T v, ushort from);
template <class T> T simd_sum(T v);
template <class T> T simd_max(T v);
template <class T> T simd_min(T v);
bool simd_any(bool v);
bool simd_all(bool v);
struct simd_vote {
  explicit operator ulong() const;
};
simd_vote simd_ballot(bool v);

template <class T> struct simdgroup_matrix { T hidden[2]; };
typedef simdgroup_matrix<float> simdgroup_float8x8;
typedef simdgroup_matrix<half> simdgroup_half8x8;
template <class T, int columns, int rows> simdgroup_matrix<T> make_filled_simdgroup_matrix(T v);
template <class T> void simdgroup_load(thread simdgroup_matrix<T>& m, device const T* from, ulong pitch = 8, ulong2 origin = {0, 0}, bool transpose = false);
template <class T> void simdgroup_load(thread simdgroup_matrix<T>& m, threadgroup const T* from, ulong pitch = 8, ulong2 origin = {0, 0}, bool transpose = false);
template <class T> void simdgroup_store(simdgroup_matrix<T> m, device T* to, ulong pitch = 8, ulong2 origin = {0, 0}, bool transpose = false);
template <class T> void simdgroup_store(simdgroup_matrix<T> m, threadgroup T* to, ulong pitch = 8, ulong2 origin = {0, 0}, bool transpose = false);
template <class A, class B> void simdgroup_multiply_accumulate(thread simdgroup_float8x8& d, simdgroup_matrix<A> a, simdgroup_matrix<B> b, simdgroup_float8x8 c);
} // namespace metal
