// Rows of weights: from a file to device memory, and from there to numbers. It is compiled without
// fusion of products and sums, so that numbers have the bits that the type's value has on a CPU.
//
// Before this file comes the struct of the type, called Type.
#include "args.cuh"
#include "halves.cuh"
#include "weights.cuh"

using P = Piece<Type>;
constexpr int warps = 4, stretch = 1024; // values that a warp works on
constexpr int padded_to = 32;            // values; rows in device memory end with zeros

template <class T> constexpr bool halves() {
  if constexpr (T::weight_codes) return false;
  else return T::element == Element::f16;
}
extern "C" __device__ const int matrix_halves[1] = {halves<Type>()}; // rows are f16 as they are

// Bytes of the entries of a row's arrays and the values that one is for: first, second, third,
// scales, bases.
template <class P, bool codes> struct ArraysOf {
  static constexpr int first = P::w8 || P::w4 ? 16 : 0, second = P::w8 ? 16 : P::w2 ? 8 : 0, third = P::w1 ? 4 : 0, values = 32;
  static constexpr int scales = P::scale_bytes, scale_values = 32 * P::sharing, bases = P::base_bytes, base_values = 32 * P::base_sharing;
};
template <class P> struct ArraysOf<P, false> {
  static constexpr int first = 16, second = 0, third = 0, values = P::values, scales = 0, scale_values = 1, bases = 0, base_values = 1;
};
using A = ArraysOf<P, Type::weight_codes>;
extern "C" __device__ const int matrix_arrays[10] = {A::first, A::values, A::second, A::values, A::third, A::values, A::scales, A::scale_values, A::bases, A::base_values};

template <class T, bool codes> struct Pack {
  using P = Piece<T>;
  static __device__ const unsigned char* block(const unsigned char* file, int i) { return file + (long long)(i / T::block) * T::bytes; }

  static __device__ void put(unsigned char* to, unsigned v, int bytes) {
    for (int k = 0; k < bytes; k++) to[k] = v >> 8 * k;
  }

  static __device__ void scales(unsigned char* row, const Layout& at, const unsigned char* file, int n, int g) {
    for (int k = 0; k < P::numbers; k++) {
      const int i = 32 * g + k / P::sides * 16;
      if (i >= n) return;
      const unsigned char* b = block(file, i);
      const int j = i % T::block;
      const bool least = k % P::sides;
      unsigned char* to = row + at.scales + g / P::sharing * P::scale_bytes + k * P::number_bytes();
      if constexpr (T::stepped) {
        int step = T::scale_step(b, j);
        float base = T::scale_base(b, j);
        if constexpr (T::has_least) {
          if (least) step = T::least_step(b, j), base = T::least_base(b, j);
        }
        *to = step;
        if (g % P::base_sharing == 0 && k < P::sides) put(row + at.bases + g / P::base_sharing * P::base_bytes + 2 * k, to_f16(base), 2);
      } else {
        const float v = least ? T::least(b, j) : T::scale(b, j);
        if (T::scales == Element::f32) put(to, as_bits(v), 4);
        else put(to, T::scales == Element::bf16 ? to_bf16(v) : to_f16(v), 2);
      }
    }
  }

  static __device__ void piece(unsigned char* row, const Layout& at, const unsigned char* file, int n, int g) {
    unsigned w[8] = {};
#pragma unroll 1
    for (int v = 0; v < 32 && 32 * g + v < n; v++) {
      const int i = 32 * g + v;
      const unsigned code = T::code(block(file, i), i % T::block);
      if constexpr (P::w8) {
        w[v / 4] |= (T::level(code) & 0xffu) << 8 * (v % 4);
      } else {
        const int b4 = P::template bit<4>(v), b2 = P::template bit<2>(v), b1 = P::template bit<1>(v);
        if (P::w4) w[b4 / 32] |= (code & 15) << b4 % 32;
        if (P::w2) w[P::at2 + b2 / 32] |= (code >> 4 * P::w4 & 3) << b2 % 32;
        if (P::w1) w[P::at1] |= (code >> (4 * P::w4 + 2 * P::w2) & 1) << b1;
      }
    }
    for (int k = 0; k < A::first / 4; k++) ((unsigned*)(row + at.first + A::first * g))[k] = w[k];
    for (int k = 0; k < A::second / 4; k++) ((unsigned*)(row + at.second + A::second * g))[k] = w[A::first / 4 + k];
    if (A::third) ((unsigned*)(row + at.third))[g] = w[P::words - 1];
    if (g % P::sharing == 0) scales(row, at, file, n, g);
  }
};

template <class T> struct Pack<T, false> {
  using P = Piece<T>;
  static __device__ void piece(unsigned char* row, const Layout&, const unsigned char* file, int n, int g) {
    for (int k = 0; k < P::values; k++) {
      const int i = P::values * g + k;
      const float v = i < n ? T::value(file + (long long)(i / T::block) * T::bytes, i % T::block) : 0;
      if (T::element == Element::f32) ((unsigned*)row)[i] = as_bits(v);
      else ((unsigned short*)row)[i] = T::element == Element::f16 ? to_f16(v) : to_bf16(v);
    }
  }
};

// A block is a row.
extern "C" __global__ void __launch_bounds__(128) repack(const Repack p) {
  __shared__ float most[128];
  const unsigned char* file = p.packed + (long long)blockIdx.x * (p.n / Type::block) * Type::bytes;
  unsigned char* row = p.weights + (long long)blockIdx.x * p.at.pitch;
  for (int g = threadIdx.x; g < round_up(p.n, padded_to) / P::values; g += 128) Pack<Type, Type::weight_codes>::piece(row, p.at, file, p.n, g);
  float largest = 0;
  for (int i = threadIdx.x; i < p.n; i += 128) largest = fmaxf(largest, fabsf(Type::value(file + (long long)(i / Type::block) * Type::bytes, i % Type::block)));
  most[threadIdx.x] = largest;
  __syncthreads();
  if (threadIdx.x > 0) return;
  for (int k = 1; k < 128; k++) largest = fmaxf(largest, most[k]);
  p.units[blockIdx.x] = unit_of(largest);
}

// Values from first on of a row, at most stretch, to shared memory, by a warp.
__device__ inline void decode_stretch(const unsigned char* row, const Layout& at, int n, int first, float* x, const float* table, int lane) {
  for (int k = lane; k < stretch / P::values; k += 32) {
    const int g = first / P::values + k;
    if (g * P::values >= round_up(n, padded_to)) break;
    P piece;
    float v[P::values];
    piece.load(row, at, g);
    decode<Type>(piece, v, table);
#pragma unroll
    for (int i = 0; i < P::values; i++) x[k * P::values + i] = v[i];
  }
  __syncwarp();
}

// Block x is a token, y a number of stretches. Rows that there are not become zeros.
extern "C" __global__ void __launch_bounds__(32 * warps) gather(const Gather p) {
  let_next();
  await_previous();
  __shared__ float x[warps][stretch], table[table_size<Type>() + 1];
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, first = (blockIdx.y * warps + warp) * stretch, row = p.ids[blockIdx.x];
  copy_table<Type>(table);
  __syncthreads();
  if (first >= p.n) return;
  const int count = min(stretch, p.n - first);
  float* out = p.out + (long long)blockIdx.x * p.n + first;
  if (row < 0 || row >= p.rows) {
    for (int i = lane; i < count; i += 32) out[i] = 0;
    return;
  }
  decode_stretch(p.weights + (long long)row * p.at.pitch, p.at, p.n, first, x[warp], table, lane);
  Type::Domain::inverse(x[warp], count, lane);
  for (int i = lane; i < count; i += 32) out[i] = x[warp][i];
}

// Activations in the type's domain: block x is a row of out, y a number of stretches.
extern "C" __global__ void __launch_bounds__(32 * warps) transform_rows(const Transform p) {
  __shared__ float x[warps][stretch];
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, first = (blockIdx.y * warps + warp) * stretch;
  if (first >= p.n) return;
  const int count = min(stretch, p.n - first);
  const float* from = p.x + (long long)(p.row ? p.row[blockIdx.x] : blockIdx.x) * p.n + first;
  for (int i = lane; i < count; i += 32) x[warp][i] = from[i];
  __syncwarp();
  Type::Domain::forward(x[warp], count, lane);
  for (int i = lane; i < count; i += 32) p.out[(long long)blockIdx.x * p.n + first + i] = x[warp][i];
}

// Rows as f16: block x is a row, y a number of stretches.
extern "C" __global__ void __launch_bounds__(32 * warps) expand(const Expand p) {
  __shared__ float table[table_size<Type>() + 1];
  __shared__ uint4 lines[warps][stretch / 8];
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, first = (blockIdx.y * warps + warp) * stretch, n = round_up(p.n, padded_to);
  copy_table<Type>(table);
  __syncthreads();
  if (first >= n) return;
  const unsigned char* row = p.weights + (long long)blockIdx.x * p.at.pitch;
  const float by = inverse_unit(p.units[blockIdx.x]);
  const long long to = ((long long)blockIdx.x * n + first) * 2;
  if constexpr (P::values == 32) {
    // A lane has 64 bytes; through shared memory they are written 16 bytes a lane, neighbours
    // beside each other.
    unsigned high[16], low[16];
    const bool there = first + 32 * lane < n;
    P piece;
    if (there) piece.load(row, p.at, first / 32 + lane);
    else piece.clear();
    float v[32];
    decode<Type>(piece, v, table);
#pragma unroll
    for (int k = 0; k < 16; k++) split_halves(v[2 * k] * by, v[2 * k + 1] * by, high[k], low[k]);
    for (int part = 0; part < (p.low ? 2 : 1); part++) {
      const unsigned* w = part ? low : high;
      uint4* line = lines[warp];
#pragma unroll
      for (int q = 0; q < 4; q++) line[4 * lane + ((q + lane / 2) & 3)] = make_uint4(w[4 * q], w[4 * q + 1], w[4 * q + 2], w[4 * q + 3]);
      __syncwarp();
      uint4* out = (uint4*)((part ? p.low : p.high) + to);
#pragma unroll
      for (int k = lane; k < stretch / 8; k += 32)
        if (first + 8 * k < n) out[k] = line[k / 4 * 4 + ((k % 4 + k / 8) & 3)];
      __syncwarp();
    }
  } else {
    for (int k = lane; k < stretch / P::values && first + k * P::values < n; k += 32) {
      P piece;
      float v[P::values];
      piece.load(row, p.at, first / P::values + k);
      decode<Type>(piece, v, table);
#pragma unroll
      for (int i = 0; i < P::values / 2; i++) {
        unsigned high, low;
        split_halves(v[2 * i] * by, v[2 * i + 1] * by, high, low);
        const long long at = to + 2 * k * P::values + 4 * i;
        *(unsigned*)(p.high + at) = high;
        if (p.low) *(unsigned*)(p.low + at) = low;
      }
    }
  }
}
