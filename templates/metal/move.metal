// Rows of the cache read again: group x is an item of a list of cells, y a KV head, one SIMD group
// each. What a cell that the cache does not have would give is left as it is.
//
// Before this file comes what comes before store.metal.
#include "packed.metalh"
#include "rope.metalh"

using Head = Lay<Type, Rotation, SIDE, HEAD_DIM, FILE_ROW>;

// The head as the model computed it, but for the error of the type.
KERNEL(read_rows, Move, 32) {
  HERE
  SHARED Head::Room h;
  const int cell = p.cells[x];
  if (cell < 0 || cell >= p.from.capacity) return;
  Head::load(h, p.from, y, cell, lane);
  Head::decode(h, lane);
  for (int i = lane; i < HEAD_DIM; i += 32) p.x[((long)x * height + y) * HEAD_DIM + i] = h.x[i];
}

// The row as a file has it.
KERNEL(export_rows, Move, 32) {
  HERE
  SHARED Head::Room h;
  const int cell = p.cells[x];
  if (cell < 0 || cell >= p.from.capacity) return;
  Head::load(h, p.from, y, cell, lane);
  Head::write_file(h, p.packed + ((long)x * height + y) * Head::file_bytes, lane);
}

// The row as a file has it, of the key rotated to another position.
KERNEL(rope_rows, Move, 32) {
  HERE
  SHARED Head::Room h;
  const Head::Tables tables(lane);
  const int cell = p.cells[x];
  if (cell < 0 || cell >= p.from.capacity) return;
  Head::load(h, p.from, y, cell, lane);
  Head::decode(h, lane);
  rope(h.x, p.cos, p.sin, p.pairs, p.adjacent, lane);
  Head::encode(h, tables, lane);
  Head::write_file(h, p.packed + ((long)x * height + y) * Head::file_bytes, lane);
}
