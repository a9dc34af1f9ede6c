// The instructions of warp.cuh on a CPU, and enough of a GPU to run the frames: one fibre per thread, blocks one after the other.
// Where lanes of a warp exchange values they wait for each other, as on the GPU. It says nothing of speed, races or memory order.
#pragma once
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <functional>
#include <vector>

#define __global__
#define __device__
#define __shared__ static
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(n) alignas(n)
using std::max;
using std::min;

struct Index { int x = 0, y = 0, z = 0; };
struct Fiber { ucontext_t context; std::vector<char> stack; bool done; };
struct Round { int arrived = 0; unsigned generation = 0; uint32_t words[2][32][8]; };

static std::vector<Fiber> fibers;
static std::vector<Round> rounds;
static ucontext_t scheduler;
static int current, block_threads, waiting;
static unsigned barrier;
static Index blockIdx, gridDim;
static std::function<void()> kernel;
alignas(16) static unsigned char shared_memory[256 << 10];
#define DYNAMIC_SHARED(name) unsigned char* name = shared_memory
#define threadIdx (Index{current, 0, 0})

static void step() { swapcontext(&fibers[current].context, &scheduler); }
static void enter() {
  kernel();
  fibers[current].done = true;
  step();
}

// Runs body as a grid of blocks of n threads.
static void launch(Index grid, int n, std::function<void()> body) {
  gridDim = grid, block_threads = n, kernel = body;
  fibers.resize(std::max<size_t>(fibers.size(), n));
  for (int y = 0; y < grid.y; y++)
    for (int x = 0; x < grid.x; x++) {
      blockIdx = {x, y, 0};
      rounds.assign((n + 31) / 32, Round());
      waiting = 0, barrier = 0;
      memset(shared_memory, 0xa5, sizeof shared_memory);
      for (int t = 0; t < n; t++) {
        Fiber& f = fibers[t];
        f.done = false;
        if (f.stack.empty()) f.stack.resize(512 << 10);
        getcontext(&f.context);
        f.context.uc_stack.ss_sp = f.stack.data();
        f.context.uc_stack.ss_size = f.stack.size();
        f.context.uc_link = nullptr;
        makecontext(&f.context, enter, 0);
      }
      for (int left = n; left > 0;)
        for (current = 0; current < n; current++)
          if (!fibers[current].done) {
            swapcontext(&scheduler, &fibers[current].context);
            left -= fibers[current].done;
          }
    }
}

// Every lane gives n words and sees those of all lanes.
static uint32_t (*exchange(const uint32_t* in, int n))[8] {
  Round& r = rounds[current / 32];
  const unsigned g = r.generation;
  for (int i = 0; i < n; i++) r.words[g & 1][current % 32][i] = in[i];
  if (++r.arrived == 32) r.arrived = 0, r.generation++;
  else while (r.generation == g) step();
  return r.words[g & 1];
}

static void __syncwarp() { uint32_t z = 0; exchange(&z, 1); }
static void __syncthreads() {
  const unsigned g = barrier;
  if (++waiting == block_threads) waiting = 0, barrier++;
  else while (barrier == g) step();
}
static uint32_t bits_of(float f) { uint32_t u; memcpy(&u, &f, 4); return u; }
static float float_of(uint32_t u) { float f; memcpy(&f, &u, 4); return f; }
static float __uint_as_float(unsigned u) { return float_of(u); }
static unsigned __float_as_uint(float f) { return bits_of(f); }
static float __int_as_float(int i) { return float_of(i); }
static float __shfl_xor_sync(unsigned, float v, int m) { uint32_t u = bits_of(v); return float_of(exchange(&u, 1)[current % 32 ^ m][0]); }
static bool __any_sync(unsigned, bool p) {
  uint32_t u = p;
  auto all = exchange(&u, 1);
  for (int i = 0; i < 32; i++) if (all[i][0]) return true;
  return false;
}
static void atomicOr(unsigned* p, unsigned v) { *p |= v; }

static unsigned prmt(unsigned a, unsigned b, unsigned s) {
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
static unsigned pick(unsigned mask, unsigned a, unsigned b) { return (a & mask) | (b & ~mask); }
static float exp2_fast(float x) { return exp2f(x); }
static float reciprocal_fast(float x) { return 1 / x; }
static unsigned from_lane(unsigned v, int lane) { return exchange(&v, 1)[lane][0]; }
static float largest_of_warp(float x) {
  uint32_t u = bits_of(x);
  auto all = exchange(&u, 1);
  for (int i = 0; i < 32; i++) x = std::max(x, float_of(all[i][0]));
  return x;
}

template <int N> struct Chunk {
  static void load(const unsigned char* p, unsigned* w) {
    if ((uintptr_t)p % N) { fprintf(stderr, "a load of %d bytes at %p\n", N, (void*)p); abort(); }
    memcpy(w, p, N);
  }
  static unsigned load(const unsigned char* p) { unsigned w = 0; load(p, &w); return w; }
};

static float f16_of(unsigned h) { uint16_t u = h; _Float16 x; memcpy(&x, &u, 2); return x; }
static float bf16_of(unsigned h) { return float_of(h << 16); }
static float half_to_float(unsigned h) { return f16_of(h); }
static unsigned to_half(float f) { _Float16 x = f; uint16_t u; memcpy(&u, &x, 2); return u; }
static unsigned pair_f16(float a, float b) { return to_half(a) | to_half(b) << 16; }
static unsigned to_brain(float f) { uint32_t u = bits_of(f); return (u + 0x7fff + (u >> 16 & 1)) >> 16; }
static unsigned pair_bf16(float a, float b) { return to_brain(a) | to_brain(b) << 16; }

static void mma_s8(int* c, const unsigned* a, unsigned b0, unsigned b1) {
  const uint32_t in[6] = {a[0], a[1], a[2], a[3], b0, b1};
  auto all = exchange(in, 6);
  const int lane = current % 32, j = lane / 4, q = lane % 4;
  for (int o = 0; o < 4; o++)
    for (int k = 0; k < 32; k++) {
      const int from = k % 16 / 4, upper = k >= 16;
      c[o] += (int8_t)(all[j * 4 + from][2 * upper + o / 2] >> 8 * (k % 4)) * (int8_t)(all[(2 * q + o % 2) * 4 + from][4 + upper] >> 8 * (k % 4));
    }
}

static void mma_pairs_of(float* c, const unsigned* a, unsigned b0, unsigned b1, float (*number)(unsigned)) {
  const uint32_t in[6] = {a[0], a[1], a[2], a[3], b0, b1};
  auto all = exchange(in, 6);
  const int lane = current % 32, j = lane / 4, q = lane % 4;
  for (int o = 0; o < 4; o++)
    for (int k = 0; k < 16; k++) {
      const int from = k % 8 / 2, upper = k >= 8;
      c[o] += number(all[j * 4 + from][2 * upper + o / 2] >> 16 * (k % 2) & 0xffff) * number(all[(2 * q + o % 2) * 4 + from][4 + upper] >> 16 * (k % 2) & 0xffff);
    }
}
static void mma_f16(float* c, const unsigned* a, unsigned b0, unsigned b1) { mma_pairs_of(c, a, b0, b1, f16_of); }
static void mma_bf16(float* c, const unsigned* a, unsigned b0, unsigned b1) { mma_pairs_of(c, a, b0, b1, bf16_of); }
