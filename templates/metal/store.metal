// Rows of the cache from numbers, or from packed rows of the type as a file has them: group x is a
// token, y a KV head, one SIMD group each.
//
// Before this file come the struct of the type and
//   Type, Rotation, SIDE   type, transform, Side::key or Side::value
//   HEAD_DIM, FILE_ROW     values of a head as the model has it, as packed rows hold it
#include "packed.metalh"

using Head = Lay<Type, Rotation, SIDE, HEAD_DIM, FILE_ROW>;

// Bytes of a row and of its scales.
FACTS(row_bytes) {
  facts[0] = Head::bytes;
  facts[1] = Head::scale_bytes;
}

KERNEL(store, Store, 32) {
  HERE
  SHARED Head::Room h;
  const Head::Tables tables(lane);
  const int cell = p.cells[x];
  if (cell < 0 || cell >= p.to.capacity) return;
  device uchar* file = p.packed + ((long)x * height + y) * Head::file_bytes;
  if (p.x) {
    for (int i = lane; i < HEAD_DIM; i += 32) h.x[i] = p.x[x * p.ld + y * HEAD_DIM + i];
    Head::encode(h, tables, lane);
    if (p.packed) Head::write_file(h, file, lane);
  } else {
    Head::read_file(h, file, lane);
  }
  Head::store(h, p.to, y, cell, lane);
}
