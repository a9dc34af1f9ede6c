// One head of one position, by one warp: as the model computes it, as a file has it (blocks of the type one after another), and as
// device memory has it (rows.cuh). It is compiled without fusion of products and sums, since encoders are specified bit for bit.
#pragma once
#include "rows.cuh"

// Blocks of type T that make up N values, in shared memory: each begins with a word.
template <class T, int N, int block> struct Blocks {
  static constexpr int words = (T::bytes + 3) / 4, count = N / block;
  static constexpr int bytes = count * words * 4;
  static constexpr int arrays = T::arrays;

  static __device__ void clear(unsigned* b, int lane) {
    for (int k = lane; k < count * words; k += 32) b[k] = 0;
    __syncwarp();
  }
  static __device__ void encode(unsigned* b, const float* x, float* scratch, int lane) {
    clear(b, lane);
    for (int k = 0; k < count; k++) T::encode(b + k * words, x + k * block, scratch, lane);
  }
  static __device__ unsigned char* at(unsigned* b, int i) { return (unsigned char*)(b + i / block * words); }
};

// A block of one number.
template <class T, int N> struct Blocks<T, N, 1> {
  static constexpr int bytes = round_up(N * T::bytes, 4), arrays = 0;

  static __device__ void number(unsigned* b, int i, float x) {
    if (T::element == Element::f32) b[i] = as_bits(x);
    else ((unsigned short*)b)[i] = T::element == Element::f16 ? to_f16(x) : to_bf16(x);
  }
  static __device__ void encode(unsigned* b, const float* x, float*, int lane) {
    for (int i = lane; i < N; i += 32) number(b, i, x[i]);
    __syncwarp();
  }
  static __device__ unsigned char* at(unsigned* b, int i) { return (unsigned char*)b + i * T::bytes; }
};

// The row of device memory in shared memory: put makes it and its scales of blocks, get makes blocks of both.
template <class T, Side side, int N, bool codes> struct Form {
  using Row = CodeRow<T, side, round_up(N, 16)>;
  using B = Blocks<T, N, T::block>;

  static __device__ void put(unsigned* to, unsigned char* scales, unsigned* b, int lane) {
    for (int i = lane; i < N; i += 32) {
      const int code = T::code(B::at(b, i), i % T::block), s = Row::share_of(i), v = Row::value_of(i);
      if constexpr (Row::w8) put_bits<8>(to, 8 * (s * Row::share + v), T::level(code));
      if constexpr (Row::w4) put_bits<4>(to, 4 * s * Row::share + plane_bit<4, Row::share>(v), code);
      if constexpr (Row::w2) put_bits<2>(to, 8 * Row::at2 + 2 * s * Row::share + plane_bit<2, Row::share>(v), code >> 4 * Row::w4);
      if constexpr (Row::w1) put_bits<1>(to, 8 * Row::at1 + s * Row::share + plane_bit<1, Row::share>(v), code >> (4 * Row::w4 + 2 * Row::w2));
    }
    for (int k = lane; k < Row::numbers; k += 32) {
      const int i = k % Row::runs * Row::run;
      const unsigned char* from = B::at(b, i);
      const float v = k < Row::runs ? T::scale(from, i % T::block) : T::least(from, i % T::block);
      if (Row::number_bytes == 2) ((unsigned short*)scales)[k] = to_f16(v);
      else ((unsigned*)scales)[k] = as_bits(v);
    }
  }

  static __device__ void get(unsigned* b, const unsigned* from, const unsigned char* scales, int lane) {
    B::clear(b, lane);
    const unsigned char* row = (const unsigned char*)from;
    for (int i = lane; i < N; i += 32) {
      const int s = Row::share_of(i), v = Row::value_of(i);
      int code = 0;
      if constexpr (Row::w8) {
        const int level = (signed char)row[s * Row::share + v];
        while (code < (1 << T::bits) - 1 && T::level(code) != level) code++;
      }
      if constexpr (Row::w4) code = read_bits<4>(row, 4 * s * Row::share + plane_bit<4, Row::share>(v));
      if constexpr (Row::w2) code |= read_bits<2>(row, 8 * Row::at2 + 2 * s * Row::share + plane_bit<2, Row::share>(v)) << 4 * Row::w4;
      if constexpr (Row::w1) code |= read_bits<1>(row, 8 * Row::at1 + s * Row::share + plane_bit<1, Row::share>(v)) << (4 * Row::w4 + 2 * Row::w2);
      T::put_code((unsigned*)B::at(b, i), i % T::block, code);
    }
    for (int k = lane; k < N / T::block; k += 32) {
      const int r = k * T::block / Row::run;
      T::put_parts((unsigned*)B::at(b, k * T::block), number(scales, r), T::has_least ? number(scales, Row::runs + r) : 0);
    }
    __syncwarp();
  }

  static __device__ float number(const unsigned char* scales, int k) {
    return Row::number_bytes == 2 ? from_f16(((const unsigned short*)scales)[k]) : as_float(((const unsigned*)scales)[k]);
  }
};

template <class T, Side side, int N> struct Form<T, side, N, false> {
  using Row = NumberRow<T, side, round_up(N, 16)>;
  using B = Blocks<T, N, T::block>;

  static __device__ void put(unsigned* to, unsigned char*, unsigned* b, int lane) {
    for (int i = lane; i < N; i += 32) {
      const float v = T::value(B::at(b, i), i % T::block);
      const int at = Row::share_of(i) * Row::share + Row::value_of(i);
      if (T::element == Element::f32) to[at] = as_bits(v);
      else ((unsigned short*)to)[at] = T::element == Element::f16 ? to_f16(v) : to_bf16(v);
    }
  }

  static __device__ void get(unsigned* b, const unsigned* from, const unsigned char*, int lane) {
    static_assert(T::block == 1, "rows on a GPU keep the values of this type and not its blocks");
    for (int i = lane; i < N; i += 32) {
      const int at = Row::share_of(i) * Row::share + Row::value_of(i);
      const unsigned half = ((const unsigned short*)from)[at];
      B::number(b, i, T::element == Element::f32 ? as_float(from[at]) : T::element == Element::f16 ? from_f16(half) : from_bf16(half));
    }
    __syncwarp();
  }
};

// Where one side of a layer's cache lies.
struct Rows {
  unsigned char *rows, *scales;
  long long head, scale_head; // bytes from one KV head to the next
  int capacity;               // rows of a head
};

// Heads of DIM values in rows of type T, of N values and transformed by R.
template <class T, class R, Side side, int DIM, int N> struct Lay {
  using B = Blocks<T, N, T::block>;
  using F = Form<T, side, N, T::codes>;
  static constexpr int bytes = F::Row::bytes, scale_bytes = F::Row::scale_bytes;
  static constexpr int file_bytes = N / T::block * T::bytes;
  static constexpr int dim = DIM;

  float x[round_up(N, 16)]; // one head as the model computes it
  float scratch[B::arrays * T::block + 1];
  unsigned blocks[B::bytes / 4];
  unsigned row[(bytes + 3) / 4];

  // x becomes blocks. Values of x from DIM on are not looked at.
  __device__ void encode(int lane) {
    for (int i = DIM + lane; i < N; i += 32) x[i] = 0;
    __syncwarp();
    R::forward(x, DIM, lane);
    B::encode(blocks, x, scratch, lane);
  }

  // Blocks become x.
  __device__ void decode(int lane) {
    for (int i = lane; i < N; i += 32) x[i] = T::value(B::at(blocks, i), i % T::block);
    __syncwarp();
    T::Domain::inverse(x, N, lane);
    R::inverse(x, DIM, lane);
  }

  // Blocks go to a cell of the cache, which exists.
  __device__ void store(const Rows& to, int head, int cell, int lane) {
    for (int k = lane; k < (bytes + 3) / 4; k += 32) row[k] = 0;
    __syncwarp();
    F::put(row, to.scales + head * to.scale_head + (long long)cell * scale_bytes, blocks, lane);
    __syncwarp();
    unsigned* words = (unsigned*)(to.rows + head * to.head + (long long)cell * bytes);
    for (int k = lane; k < bytes / 4; k += 32) words[k] = row[k];
  }

  // And come from one.
  __device__ void load(const Rows& from, int head, int cell, int lane) {
    const unsigned* words = (const unsigned*)(from.rows + head * from.head + (long long)cell * bytes);
    for (int k = lane; k < bytes / 4; k += 32) row[k] = words[k];
    __syncwarp();
    F::get(blocks, row, from.scales + head * from.scale_head + (long long)cell * scale_bytes, lane);
  }

  __device__ void read_file(const unsigned char* file, int lane) {
    for (int k = lane; k < file_bytes; k += 32) B::at(blocks, k / T::bytes * T::block)[k % T::bytes] = file[k];
    __syncwarp();
  }

  __device__ void write_file(unsigned char* file, int lane) {
    for (int k = lane; k < file_bytes; k += 32) file[k] = B::at(blocks, k / T::bytes * T::block)[k % T::bytes];
  }
};
