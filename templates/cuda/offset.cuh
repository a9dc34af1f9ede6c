// The score of a key offset mu, which was taken out of keys before they were rotated by R of their
// position: q . R_p mu. With RoPE's frequencies f that is a sum over pairs of a cos(p f) + b sin(p
// f) with a = q0 mu0 + q1 mu1, b = q1 mu0 - q0 mu1. Positions of a tile are t + i: a and b rotated
// by t, in f32, times a table of cos(i f) and sin(i f) that is the same for every tile, layer and
// head. Both factors of that product are two f16 each, so that it has the precision of f32.
#pragma once
#include "args.cuh"
#include "keys.cuh"

// Pairs come in steps of eight, so many as one mma takes; the last may have none. Lane c of four
// has pairs 8s + c and 8s + 4 + c of step s.
template <int dim, int pairs, bool adjacent> struct Offset {
  static constexpr int steps = (pairs + 7) / 8;
  // bytes of a query row's a and b; lanes meet no bank twice
  static constexpr int pitch = 64 * (steps | 1);
  // in shared memory unless it is so large
  static constexpr int table_bytes = steps * 4 * 32 * 16;
  static constexpr bool near = table_bytes <= 32 << 10;
  static constexpr int numbers = ROWS * pitch;                     // where units are
  // rows, their units, what does not rotate, table
  static constexpr int bytes = numbers + 8 * ROWS + (near ? table_bytes : 0);

  // A block copies the table.
  static __device__ void begin(unsigned char* shared, const Mu& m) {
    uint4* to = (uint4*)(shared + numbers + 8 * ROWS);
    for (int i = threadIdx.x; i < (near ? table_bytes / 16 : 0); i += blockDim.x) to[i] = m.table[i];
  }

  // The coefficients of query row j, x[dim] in shared memory as the model computes it, rotated by
  // position rest of a tile. A warp calls it.
  static __device__ void query(unsigned char* shared, const Mu& m, const float* x, const float* mu, int j, int rest, int lane) {
    float2* to = (float2*)(shared + j * pitch);
    float* units = (float*)(shared + numbers);
    float most = 0;
    for (int i = lane; i < steps * 8; i += 32) {
      const int k = adjacent ? 2 * i : i, l = adjacent ? 2 * i + 1 : i + pairs;
      float a = 0, b = 0;
      if (i < pairs) {
        a = m.magnitude * (x[k] * mu[k] + x[l] * mu[l]);
        b = m.magnitude * (x[l] * mu[k] - x[k] * mu[l]);
      }
      most = fmaxf(most, fabsf(a) + fabsf(b)); // no rotation makes one of them larger
      const int at = i / 8 * 8 + i % 4 * 2 + i % 8 / 4;
      if (rest) {
        const float2 r = ((const float2*)(m.rest + rest * steps * 4))[at];
        to[at] = make_float2(a * r.x + b * r.y, b * r.x - a * r.y);
      } else {
        to[at] = make_float2(a, b);
      }
    }
    float fixed = 0;
    for (int i = 2 * pairs + lane; i < dim; i += 32) fixed += x[i] * mu[i];
    for (int s = 16; s; s >>= 1) {
      most = fmaxf(most, __shfl_xor_sync(~0u, most, s));
      fixed += __shfl_xor_sync(~0u, fixed, s);
    }
    const float unit = most > 1e-30f && most < 1e30f ? as_float((as_bits(most) & 0x7f800000) - (10u << 23)) : 1;
    __syncwarp();
    for (int i = lane; i < steps * 8; i += 32) to[i] = make_float2(to[i].x / unit, to[i].y / unit);
    if (lane == 0) units[j] = unit, units[ROWS + j] = fixed;
  }

  // A row that there is not.
  static __device__ void no_query(unsigned char* shared, int j, int lane) {
    for (int i = lane; i < steps * 8; i += 32) ((float2*)(shared + j * pitch))[i] = make_float2(0, 0);
    if (lane == 0) ((float*)(shared + numbers))[j] = ((float*)(shared + numbers))[ROWS + j] = 0;
  }

  // s[k][at + n] += the score of query row 4k + c with position t + 4j + n, where picked has bit n,
  // times per_unit[k]. t is a multiple of tile, but for the part that the queries were rotated by,
  // unless rest says so. Like keys the table is A, and a query row is two columns of B: what its
  // coefficients are rounded to and what that leaves over.
  template <int n> static __device__ __forceinline__ void add(float (*s)[n], int at, const float* per_unit, const unsigned char* shared, const Mu& m, int t, bool rest, unsigned picked, int lane) {
    const int j = lane >> 2, c = lane & 3;
    const float* units = (const float*)(shared + numbers);
    const uint4* table = (near ? (const uint4*)(shared + numbers + 8 * ROWS) : m.table) + lane;
    const float4* q = (const float4*)(shared + j / 2 * pitch) + c;
    const float4* by = m.block + (long long)max(0, min((t >> 5) + 1, m.blocks - 1)) * steps * 4 + c;
    const float4* more = m.rest + (t & 31) * steps * 4 + c;
    float sums[2][ROWS / 4][4] = {};
#pragma unroll 2
    for (int step = 0; step < steps; step++) {
      float4 r = __ldg(by + 4 * step);
      if (rest) {
        const float4 o = __ldg(more + 4 * step);
        r = make_float4(r.x * o.x - r.y * o.y, r.x * o.y + r.y * o.x, r.z * o.z - r.w * o.w, r.z * o.w + r.w * o.z);
      }
      unsigned b[ROWS / 4][2];
#pragma unroll
      for (int k = 0; k < ROWS / 4; k++) {
        const float4 v = q[k * pitch / 4 + 4 * step];
        float a0 = v.x * r.x + v.y * r.y, b0 = v.y * r.x - v.x * r.y, a1 = v.z * r.z + v.w * r.w, b1 = v.w * r.z - v.z * r.w;
        const unsigned high0 = split_pair<true>(a0, b0), high1 = split_pair<true>(a1, b1);
        b[k][0] = j % 2 ? split_pair<true>(a0, b0) : high0;
        b[k][1] = j % 2 ? split_pair<true>(a1, b1) : high1;
      }
#pragma unroll
      for (int x = 0; x < 4; x++) {
        const uint4 w = near ? table[(step * 4 + x) * 32] : __ldg(table + (step * 4 + x) * 32);
        const unsigned a[4] = {w.x, w.y, w.z, w.w};
#pragma unroll
        for (int k = 0; k < ROWS / 4; k++) mma_f16(sums[x / 2][k], a, b[k][0], b[k][1]);
      }
    }
#pragma unroll
    for (int k = 0; k < ROWS / 4; k++) {
      const float unit = units[4 * k + c] * per_unit[k], fixed = units[ROWS + 4 * k + c] * per_unit[k];
#pragma unroll
      for (int x = 0; x < 4; x++)
        if (picked >> x & 1) s[k][at + x] += (sums[x / 2][k][x % 2 * 2] + sums[x / 2][k][x % 2 * 2 + 1]) * unit + fixed;
    }
  }
};

// Of a layer without an offset.
template <int dim> struct Offset<dim, -1, false> {
  static constexpr int bytes = 0;
  static __device__ void begin(unsigned char*, const Mu&) {}
  static __device__ void query(unsigned char*, const Mu&, const float*, const float*, int, int, int) {}
  static __device__ void no_query(unsigned char*, int, int) {}
  template <int n> static __device__ __forceinline__ void add(float (*)[n], int, const float*, const unsigned char*, const Mu&, int, bool, unsigned, int) {}
};
