// Rows of the cache from numbers, or from packed rows of the type as a file has them: block x is a
// token, y a KV head, one warp each.
//
// Before this file come the struct of the type and
//   Type, Rotation, SIDE   type, transform, Side::key or Side::value
//   HEAD_DIM, FILE_ROW     values of a head as the model has it, as packed rows hold it
#include "args.cuh"
#include "packed.cuh"

using Head = Lay<Type, Rotation, SIDE, HEAD_DIM, FILE_ROW>;

// Bytes of a row and of its scales.
extern "C" __device__ const int row_bytes[2] = {Head::bytes, Head::scale_bytes};

extern "C" __global__ void __launch_bounds__(32) store(const Store p) {
  __shared__ Head h;
  const int lane = threadIdx.x, token = blockIdx.x, head = blockIdx.y;
  const Head::Tables tables(lane);
  const int cell = p.cells[token];
  if (cell < 0 || cell >= p.to.capacity) return;
  unsigned char* file = p.packed + ((long long)token * gridDim.y + head) * Head::file_bytes;
  if (p.x) {
    for (int i = lane; i < HEAD_DIM; i += 32) h.x[i] = p.x[token * p.ld + head * HEAD_DIM + i];
    h.encode(tables, lane);
    if (p.packed) h.write_file(file, lane);
  } else {
    h.read_file(file, lane);
  }
  h.store(p.to, head, cell, lane);
}
