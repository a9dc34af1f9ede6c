// Rows of the cache read again: block x is an item of a list of cells, y a KV head, one warp each.
// What a cell that the cache does not have would give is left as it is.
//
// Before this file comes what comes before store.cu.
#include "args.cuh"
#include "packed.cuh"
#include "rope.cuh"

using Head = Lay<Type, Rotation, SIDE, HEAD_DIM, FILE_ROW>;

// The head as the model computed it, but for the error of the type.
extern "C" __global__ void __launch_bounds__(32) read_rows(const Move p) {
  __shared__ Head h;
  const int lane = threadIdx.x, item = blockIdx.x, head = blockIdx.y, cell = p.cells[item];
  if (cell < 0 || cell >= p.from.capacity) return;
  h.load(p.from, head, cell, lane);
  h.decode(lane);
  for (int i = lane; i < HEAD_DIM; i += 32) p.x[((long long)item * gridDim.y + head) * HEAD_DIM + i] = h.x[i];
}

// The row as a file has it.
extern "C" __global__ void __launch_bounds__(32) export_rows(const Move p) {
  __shared__ Head h;
  const int lane = threadIdx.x, item = blockIdx.x, head = blockIdx.y, cell = p.cells[item];
  if (cell < 0 || cell >= p.from.capacity) return;
  h.load(p.from, head, cell, lane);
  h.write_file(p.packed + ((long long)item * gridDim.y + head) * Head::file_bytes, lane);
}

// The row as a file has it, of the key rotated to another position.
extern "C" __global__ void __launch_bounds__(32) rope_rows(const Move p) {
  __shared__ Head h;
  const int lane = threadIdx.x, item = blockIdx.x, head = blockIdx.y, cell = p.cells[item];
  if (cell < 0 || cell >= p.from.capacity) return;
  h.load(p.from, head, cell, lane);
  h.decode(lane);
  rope(h.x, p.cos, p.sin, p.pairs, p.adjacent, lane);
  h.encode(Head::Tables(lane), lane);
  h.write_file(p.packed + ((long long)item * gridDim.y + head) * Head::file_bytes, lane);
}
