// Instructions that C++ has no word for. Fragments of mma: lane 4*j + c holds, of A (16 rows), bytes 4c.. of rows j and j+8, of B
// (8 columns) bytes 4c.. of column j, and of the result columns 2c and 2c+1 of rows j and j+8.
#pragma once

#define DYNAMIC_SHARED(name) extern __shared__ __align__(16) unsigned char name[]

// A kernel may be launched before the launch ahead of it is done (Function.Early). It calls await_previous before it reads or writes
// anything that other launches know of; what never changes, such as weights, may be read ahead. let_next allows the launch behind it
// to begin in the same way.
__device__ __forceinline__ void await_previous() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
__device__ __forceinline__ void let_next() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;");
#endif
}

// Brings a line of memory nearer, to the cache that all multiprocessors share: also of what another launch may still write, before
// await_previous.
__device__ __forceinline__ void prefetch(const void* p) { asm volatile("prefetch.global.L2 [%0];" ::"l"(p)); }

// Bytes of {b, a} picked by four nibbles of s; a nibble of 8 or more repeats the sign of its byte.
__device__ __forceinline__ unsigned prmt(unsigned a, unsigned b, unsigned s) {
  unsigned r;
  asm("prmt.b32 %0, %1, %2, %3;" : "=r"(r) : "r"(a), "r"(b), "r"(s));
  return r;
}

__device__ __forceinline__ unsigned multiply_add(unsigned a, unsigned b, unsigned c) {
  unsigned r;
  asm("mad.lo.u32 %0, %1, %2, %3;" : "=r"(r) : "r"(a), "r"(b), "r"(c));
  return r;
}

// Bits of a where mask is set, of b elsewhere.
__device__ __forceinline__ unsigned pick(unsigned mask, unsigned a, unsigned b) {
  unsigned r;
  asm("lop3.b32 %0, %1, %2, %3, 0xca;" : "=r"(r) : "r"(mask), "r"(a), "r"(b));
  return r;
}

// c and the products of four signed bytes. It is an instruction and not __dp4a, which NVRTC 12.0 declares and does not define.
__device__ __forceinline__ int dot4(unsigned a, unsigned b, int c) {
  int r;
  asm("dp4a.s32.s32 %0, %1, %2, %3;" : "=r"(r) : "r"(a), "r"(b), "r"(c));
  return r;
}

__device__ __forceinline__ float exp2_fast(float x) {
  float r;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(x));
  return r;
}

__device__ __forceinline__ float reciprocal_fast(float x) {
  float r;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(x));
  return r;
}

// An address that the compiler does not take apart: what is so far from it is read with one register.
__device__ __forceinline__ const unsigned char* anchored(const unsigned char* p) {
  asm("" : "+l"(p));
  return p;
}

// What another lane has.
__device__ __forceinline__ unsigned from_lane(unsigned v, int lane) { return __shfl_sync(~0u, v, lane); }

// The largest of what the lanes have, none of it negative.
__device__ __forceinline__ float largest_of_warp(float x) {
#if __CUDA_ARCH__ >= 800
  return __uint_as_float(__reduce_max_sync(~0u, __float_as_uint(x)));
#else
  for (int s = 16; s; s >>= 1) x = fmaxf(x, __shfl_xor_sync(~0u, x, s));
  return x;
#endif
}

// Loads of what is read once, N bytes at an address that is a multiple of N. load is for what another launch may have written, such as
// rows of the cache; constant for what never changes, such as weights: PTX forbids the loads behind it where a kernel that began early may
// still see memory being written.
template <int N> struct Chunk;
template <> struct Chunk<16> {
  static __device__ __forceinline__ void load(const unsigned char* p, unsigned* w) {
    asm volatile("ld.global.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(w[0]), "=r"(w[1]), "=r"(w[2]), "=r"(w[3]) : "l"(p) : "memory");
  }
  static __device__ __forceinline__ void constant(const unsigned char* p, unsigned* w) {
    asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(w[0]), "=r"(w[1]), "=r"(w[2]), "=r"(w[3]) : "l"(p));
  }
};
template <> struct Chunk<8> {
  static __device__ __forceinline__ void load(const unsigned char* p, unsigned* w) {
    asm volatile("ld.global.v2.u32 {%0, %1}, [%2];" : "=r"(w[0]), "=r"(w[1]) : "l"(p) : "memory");
  }
  static __device__ __forceinline__ void constant(const unsigned char* p, unsigned* w) {
    asm volatile("ld.global.nc.v2.u32 {%0, %1}, [%2];" : "=r"(w[0]), "=r"(w[1]) : "l"(p));
  }
};
template <> struct Chunk<4> {
  static __device__ __forceinline__ void load(const unsigned char* p, unsigned* w) {
    asm volatile("ld.global.u32 %0, [%1];" : "=r"(w[0]) : "l"(p) : "memory");
  }
  static __device__ __forceinline__ void constant(const unsigned char* p, unsigned* w) {
    asm volatile("ld.global.nc.u32 %0, [%1];" : "=r"(w[0]) : "l"(p));
  }
};
template <> struct Chunk<2> {
  static __device__ __forceinline__ unsigned constant(const unsigned char* p) {
    unsigned short r;
    asm volatile("ld.global.nc.u16 %0, [%1];" : "=h"(r) : "l"(p));
    return r;
  }
};
template <> struct Chunk<1> {
  static __device__ __forceinline__ unsigned constant(const unsigned char* p) {
    unsigned r;
    asm volatile("ld.global.nc.u8 %0, [%1];" : "=r"(r) : "l"(p));
    return r;
  }
};

// c += A B of signed bytes, 16x32 by 32x8. Turing has halves of it.
__device__ __forceinline__ void mma_s8(int* c, const unsigned* a, unsigned b0, unsigned b1) {
#if __CUDA_ARCH__ >= 800
  asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else
  for (int h = 0; h < 2; h++) {
    asm("mma.sync.aligned.m8n8k16.row.col.s32.s8.s8.s32 {%0, %1}, {%2}, {%3}, {%0, %1};" : "+r"(c[2 * h]), "+r"(c[2 * h + 1]) : "r"(a[h]), "r"(b0));
    asm("mma.sync.aligned.m8n8k16.row.col.s32.s8.s8.s32 {%0, %1}, {%2}, {%3}, {%0, %1};" : "+r"(c[2 * h]), "+r"(c[2 * h + 1]) : "r"(a[2 + h]), "r"(b1));
  }
#endif
}

// c += A B of halves, 16x16 by 16x8.
__device__ __forceinline__ void mma_f16(float* c, const unsigned* a, unsigned b0, unsigned b1) {
#if __CUDA_ARCH__ >= 800
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else
  asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3]) : "r"(a[0]), "r"(a[1]), "r"(b0));
  asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3]) : "r"(a[2]), "r"(a[3]), "r"(b1));
#endif
}

// The same of bf16, which Turing computes without tensor cores.
__device__ __forceinline__ void mma_bf16(float* c, const unsigned* a, unsigned b0, unsigned b1) {
#if __CUDA_ARCH__ >= 800
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else
  const int lane = threadIdx.x & 31, row = lane & ~3, column = (lane & 3) * 8;
  for (int k = 0; k < 8; k++) { // pair k of the 16 products: lane k % 4 of a row, register 0 or 1
    for (int h = 0; h < 2; h++) {
      const unsigned x = __shfl_sync(~0u, k < 4 ? a[h] : a[2 + h], row + k % 4);
      for (int n = 0; n < 2; n++) {
        const unsigned y = __shfl_sync(~0u, k < 4 ? b0 : b1, column + 4 * n + k % 4);
        c[2 * h + n] += __uint_as_float(x << 16) * __uint_as_float(y << 16) + __uint_as_float(x & 0xffff0000) * __uint_as_float(y & 0xffff0000);
      }
    }
  }
#endif
}

// Two numbers rounded to nearest in one word, the first in the lower half.
__device__ __forceinline__ unsigned pair_f16(float a, float b) {
  unsigned r;
#if __CUDA_ARCH__ >= 800
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(b), "f"(a));
#else
  unsigned short x, y;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(x) : "f"(a));
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y) : "f"(b));
  r = x | (unsigned)y << 16;
#endif
  return r;
}

__device__ __forceinline__ unsigned pair_bf16(float a, float b) {
#if __CUDA_ARCH__ >= 800
  unsigned r;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(b), "f"(a));
  return r;
#else
  const unsigned x = __float_as_uint(a), y = __float_as_uint(b);
  return prmt(x + 0x7fff + (x >> 16 & 1), y + 0x7fff + (y >> 16 & 1), 0x7632);
#endif
}

// Two numbers of f16 in a word by two in another.
__device__ __forceinline__ unsigned add_halves(unsigned a, unsigned b) {
  unsigned r;
  asm("add.rn.f16x2 %0, %1, %2;" : "=r"(r) : "r"(a), "r"(b));
  return r;
}
__device__ __forceinline__ unsigned multiply_halves(unsigned a, unsigned b) {
  unsigned r;
  asm("mul.rn.f16x2 %0, %1, %2;" : "=r"(r) : "r"(a), "r"(b));
  return r;
}
__device__ __forceinline__ unsigned multiply_add_halves(unsigned a, unsigned b, unsigned c) {
  unsigned r;
  asm("fma.rn.f16x2 %0, %1, %2, %3;" : "=r"(r) : "r"(a), "r"(b), "r"(c));
  return r;
}

__device__ __forceinline__ float half_to_float(unsigned h) {
  float f;
  asm("cvt.f32.f16 %0, %1;" : "=f"(f) : "h"((unsigned short)h));
  return f;
}

// Four 8x8 matrices of halves from shared memory: lanes 8*i and up give the addresses of the rows of matrix i, and lane 4*j + c gets
// numbers 2c and 2c+1 of row j of each.
__device__ __forceinline__ void ldmatrix_x4(unsigned* r, const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
      : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"((unsigned)__cvta_generic_to_shared(row)) : "memory");
}

// 16 bytes to shared memory in the background, zeros from byte valid on; Turing waits for them. What was copied before a commit is
// there once all but the newest commits are waited for.
__device__ __forceinline__ void copy_async16(void* to, const void* from, int valid = 16) {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"((unsigned)__cvta_generic_to_shared(to)), "l"(from), "r"(valid) : "memory");
#else
  unsigned w[4] = {0, 0, 0, 0};
  if (valid == 16) {
    const uint4 v = *(const uint4*)from;
    w[0] = v.x, w[1] = v.y, w[2] = v.z, w[3] = v.w;
  } else {
    for (int k = 0; k < valid; k++) w[k / 4] |= (unsigned)((const unsigned char*)from)[k] << 8 * (k % 4);
  }
  *(uint4*)to = make_uint4(w[0], w[1], w[2], w[3]);
#endif
}
template <int bytes> __device__ __forceinline__ void copy_async(void* to, const void* from) { // 4, 8 or 16, at multiples
#if __CUDA_ARCH__ >= 800
  if constexpr (bytes == 16) copy_async16(to, from);
  else asm volatile("cp.async.ca.shared.global [%0], [%1], %2;" ::"r"((unsigned)__cvta_generic_to_shared(to)), "l"(from), "n"(bytes) : "memory");
#else
  for (int k = 0; k < bytes / 4; k++) ((unsigned*)to)[k] = ((const unsigned*)from)[k];
#endif
}
__device__ __forceinline__ void copy_commit() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}
template <int newest> __device__ __forceinline__ void copy_wait() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(newest) : "memory");
#endif
}
