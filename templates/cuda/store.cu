// Rows of the cache from numbers, or from packed rows of the type: block x is a token, y a KV head, one warp each. It is compiled
// without fusion of products and sums, since what an encoder gives is specified bit for bit.
//
// Before this file come the struct of the type and
//   Type, Rotation, SIDE                type, transform, Side::key or Side::value
//   HEAD_DIM, FILE_ROW, HEAD_ROW        values of a head as the model has it, as packed rows hold it, as device memory does
#include "rows.cuh"

struct Store {
  const float* x;              // [tokens][kv heads][HEAD_DIM]; null: take packed
  unsigned char* packed;       // [tokens][kv heads] rows of the type, as in a file; written if x is given, null for no such rows
  unsigned char *rows, *scales;
  long long head, scale_head;  // bytes from one KV head to the next
  int first, kv_heads;         // row of the first token
};

template <class T, int block> struct Packed {
  static constexpr int words = (T::bytes + 3) / 4, count = FILE_ROW / block;
  static constexpr int bytes = count * words * 4;

  static __device__ void encode(unsigned* b, const float* x, float* scratch, int lane) {
    for (int k = lane; k < count * words; k += 32) b[k] = 0;
    __syncwarp();
    for (int k = 0; k < count; k++) T::encode(b + k * words, x + k * block, scratch, lane);
  }
  static constexpr int arrays = T::arrays;
  static __device__ const unsigned char* at(const unsigned char* b, int i) { return b + i / block * words * 4; }
};

// A block of one number.
template <class T> struct Packed<T, 1> {
  static constexpr int bytes = round_up(FILE_ROW * T::bytes, 4), arrays = 0;
  static __device__ void encode(unsigned* b, const float* x, float*, int lane) {
    for (int i = lane; i < FILE_ROW; i += 32) {
      if (T::element == Element::f32) b[i] = as_bits(x[i]);
      else ((unsigned short*)b)[i] = T::element == Element::f16 ? to_f16(x[i]) : to_bf16(x[i]);
    }
    __syncwarp();
  }
  static __device__ const unsigned char* at(const unsigned char* b, int i) { return b + i * T::bytes; }
};

// The row of device memory from the packed row.
template <class T, bool codes> struct Put {
  using Row = CodeRow<T, SIDE, HEAD_ROW>;
  using P = Packed<T, T::block>;
  static constexpr int bytes = Row::bytes, scale_bytes = Row::scale_bytes;

  static __device__ void row(unsigned char* head, int cell, const unsigned char* from, int lane) {
    __shared__ unsigned row[bytes / 4];
    for (int k = lane; k < bytes / 4; k += 32) row[k] = 0;
    __syncwarp();
    for (int i = lane; i < FILE_ROW; i += 32) Row::put(row, i, T::code(P::at(from, i), i % T::block), cell);
    __syncwarp();
    Row::write(head, row, cell, lane);
  }
  static __device__ void scales(unsigned char* to, const unsigned char* from, int lane) {
    for (int k = lane; k < Row::numbers; k += 32) {
      const int i = k % Row::runs * Row::run;
      const unsigned char* b = P::at(from, i);
      const float v = k < Row::runs ? T::scale(b, i % T::block) : T::least(b, i % T::block);
      if (Row::number_bytes == 2) ((unsigned short*)to)[k] = to_f16(v);
      else ((unsigned*)to)[k] = as_bits(v);
    }
  }
};

template <class T> struct Put<T, false> {
  using Row = NumberRow<T, SIDE, HEAD_ROW>;
  using P = Packed<T, T::block>;
  static constexpr int bytes = Row::bytes, scale_bytes = 0;

  static __device__ void row(unsigned char* head, int cell, const unsigned char* from, int lane) {
    head += (long long)(cell / tile) * tile * bytes;
    for (int i = lane; i < FILE_ROW; i += 32) {
      const float v = T::value(P::at(from, i), i % T::block);
      unsigned char* to = head + Row::at(i, cell % tile);
      if (T::element == Element::f32) *(unsigned*)to = as_bits(v);
      else *(unsigned short*)to = T::element == Element::f16 ? to_f16(v) : to_bf16(v);
    }
  }
  static __device__ void scales(unsigned char*, const unsigned char*, int) {}
};

// Bytes of a row and of its scales.
extern "C" __device__ const int row_bytes[2] = {Put<Type, Type::codes>::bytes, Put<Type, Type::codes>::scale_bytes};

extern "C" __global__ void __launch_bounds__(32) store(const Store p) {
  using P = Packed<Type, Type::block>;
  using R = Put<Type, Type::codes>;
  constexpr int file_block = Type::bytes, file_row = FILE_ROW / Type::block * file_block;
  __shared__ float x[HEAD_ROW];
  __shared__ float scratch[P::arrays * Type::block + 1];
  __shared__ unsigned packed[P::bytes / 4];
  const int lane = threadIdx.x, head = blockIdx.y;
  const long long token = (long long)blockIdx.x * p.kv_heads + head;
  unsigned char* file = p.packed + token * file_row;
  if (p.x) {
    for (int i = lane; i < HEAD_ROW; i += 32) x[i] = i < HEAD_DIM ? p.x[token * HEAD_DIM + i] : 0;
    __syncwarp();
    Rotation::forward(x, HEAD_DIM, lane);
    P::encode(packed, x, scratch, lane);
    if (p.packed)
      for (int k = lane; k < file_row; k += 32) file[k] = P::at((const unsigned char*)packed, k / file_block * Type::block)[k % file_block];
  } else {
    for (int k = lane; k < file_row; k += 32) ((unsigned char*)P::at((const unsigned char*)packed, k / file_block * Type::block))[k % file_block] = file[k];
  }
  __syncwarp();
  const int cell = p.first + blockIdx.x;
  R::row(p.rows + head * p.head, cell, (const unsigned char*)packed, lane);
  R::scales(p.scales + head * p.scale_head + (long long)cell * R::scale_bytes, (const unsigned char*)packed, lane);
}
