// One head of one position, by one warp: as the model computes it, as a file has it (blocks of the
// type one after another), and as device memory has it (rows.cuh). It is compiled without fusion of
// products and sums, since encoders are specified bit for bit.
#pragma once
#include "args.cuh"
#include "rows.cuh"

// Blocks of type T that make up N values, in shared memory: each begins with a word.
template <class T, int N, int block> struct Blocks {
  static constexpr int words = (T::bytes + 3) / 4, count = N / block;
  static constexpr int bytes = count * words * 4;
  static constexpr int arrays = T::arrays;
  using Tables = typename T::Tables;

  static __device__ void clear(unsigned* b, int lane) {
    each_of<count * words>(lane, [&](int k) { b[k] = 0; });
    __syncwarp();
  }
  static __device__ void encode(unsigned* b, const float* x, float* scratch, const Tables& tables, int lane) {
    clear(b, lane);
    for (int k = 0; k < count; k++) T::encode(b + k * words, x + k * block, scratch, tables, lane);
  }
  static __device__ unsigned char* at(unsigned* b, int i) { return (unsigned char*)(b + i / block * words); }
};

struct NoTables {
  __device__ explicit NoTables(int) {}
};

// A block of one number.
template <class T, int N> struct Blocks<T, N, 1> {
  static constexpr int bytes = round_up(N * T::bytes, 4), arrays = 0;
  using Tables = NoTables;

  static __device__ void number(unsigned* b, int i, float x) {
    if (T::element == Element::f32) b[i] = as_bits(x);
    else ((unsigned short*)b)[i] = T::element == Element::f16 ? to_f16(x) : to_bf16(x);
  }
  static __device__ void encode(unsigned* b, const float* x, float*, const NoTables&, int lane) {
    each_of<N>(lane, [&](int i) { number(b, i, x[i]); });
    __syncwarp();
  }
  static __device__ unsigned char* at(unsigned* b, int i) { return (unsigned char*)b + i * T::bytes; }
};

// The row of device memory and its scales, of a cell: store makes them of blocks, load makes blocks
// of both. row is scratch memory.
template <class T, Side side, int N, bool codes> struct Form {
  using Row = CodeRow<T, side, round_up(N, 16)>;
  using B = Blocks<T, N, T::block>;
  static constexpr int words = Row::bytes / 4; // of scratch memory

  static __device__ void store(unsigned char* head, unsigned char* scales, int cell, unsigned* row, unsigned* b, int lane) {
    each_of<words>(lane, [&](int k) { row[k] = 0; });
    __syncwarp();
    each_of<N>(lane, [&](int i) { Row::put(row, i, T::code(B::at(b, i), i % T::block), cell); });
    scales += (long long)cell * Row::scale_bytes;
    for (int k = lane; k < Row::numbers; k += 32) {
      const int i = k % Row::runs * Row::run;
      const unsigned char* from = B::at(b, i);
      const float v = k < Row::runs ? T::scale(from, i % T::block) : T::least(from, i % T::block);
      if (Row::number_bytes == 2) ((unsigned short*)scales)[k] = to_f16(v);
      else ((unsigned*)scales)[k] = as_bits(v);
    }
    __syncwarp();
    Row::write(head, row, cell, lane);
  }

  static __device__ void load(const unsigned char* head, const unsigned char* scales, int cell, unsigned* row, unsigned* b, int lane) {
    Row::read(head, row, cell, lane);
    B::clear(b, lane);
    for (int i = lane; i < N; i += 32) T::put_code((unsigned*)B::at(b, i), i % T::block, Row::get(row, i, cell));
    scales += (long long)cell * Row::scale_bytes;
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
  static constexpr int words = 0;

  static __device__ void store(unsigned char* head, unsigned char*, int cell, unsigned*, unsigned* b, int lane) {
    head += (long long)(cell / tile) * tile * Row::bytes;
    each_of<Row::padded>(lane, [&](int i) {
      const float v = i < N ? T::value(B::at(b, i), i % T::block) : 0;
      unsigned char* to = head + Row::at(i, cell % tile);
      if (T::element == Element::f32) *(unsigned*)to = as_bits(v);
      else *(unsigned short*)to = T::element == Element::f16 ? to_f16(v) : to_bf16(v);
    });
  }

  static __device__ void load(const unsigned char* head, const unsigned char*, int cell, unsigned*, unsigned* b, int lane) {
    static_assert(T::block == 1, "rows on a GPU keep the values of this type and not its blocks");
    head += (long long)(cell / tile) * tile * Row::bytes;
    for (int i = lane; i < N; i += 32) {
      const unsigned char* from = head + Row::at(i, cell % tile);
      float v;
      if (T::element == Element::f32) v = as_float(*(const unsigned*)from);
      else v = T::element == Element::f16 ? from_f16(*(const unsigned short*)from) : from_bf16(*(const unsigned short*)from);
      B::number(b, i, v);
    }
    __syncwarp();
  }
};

// Heads of DIM values in rows of type T, of N values and transformed by R.
template <class T, class R, Side side, int DIM, int N> struct Lay {
  using B = Blocks<T, N, T::block>;
  using F = Form<T, side, N, T::codes>;
  static constexpr int bytes = F::Row::bytes, scale_bytes = F::Row::scale_bytes;
  static constexpr int file_bytes = N / T::block * T::bytes;
  static constexpr int dim = DIM;
  using Tables = typename B::Tables; // what encode looks up; they never change

  __align__(16) float x[round_up(N, 16)]; // one head as the model computes it
  __align__(16) float scratch[B::arrays * T::block + 1];
  unsigned blocks[B::bytes / 4];
  unsigned row[F::words + 1];

  // x becomes blocks. Values of x from DIM on are not looked at.
  __device__ void encode(const Tables& tables, int lane) {
    for (int i = DIM + lane; i < N; i += 32) x[i] = 0;
    __syncwarp();
    R::forward(x, DIM, lane);
    B::encode(blocks, x, scratch, tables, lane);
  }

  // Blocks become x.
  __device__ void decode(int lane) {
    for (int i = lane; i < N; i += 32) x[i] = T::value(B::at(blocks, i), i % T::block);
    __syncwarp();
    T::Domain::inverse(x, N, lane);
    R::inverse(x, DIM, lane);
  }

  // Blocks go to a cell of the cache, which exists.
  __device__ void store(const Rows& to, int head, int cell, int lane) { F::store(to.rows + head * to.head, to.scales + head * to.scale_head, cell, row, blocks, lane); }

  // And come from one.
  __device__ void load(const Rows& from, int head, int cell, int lane) { F::load(from.rows + head * from.head, from.scales + head * from.scale_head, cell, row, blocks, lane); }

  __device__ void read_file(const unsigned char* file, int lane) {
    for (int k = lane; k < file_bytes; k += 32) B::at(blocks, k / T::bytes * T::block)[k % T::bytes] = file[k];
    __syncwarp();
  }

  __device__ void write_file(unsigned char* file, int lane) {
    for (int k = lane; k < file_bytes; k += 32) file[k] = B::at(blocks, k / T::bytes * T::block)[k % T::bytes];
  }
};
