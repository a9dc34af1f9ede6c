// store, run on a CPU. In: tokens, KV heads, rows of the cache; then the numbers. Out: the sizes of a row and of its scales; packed
// rows; rows and scales of the cache.
#include "program.cuh"

int main() {
  int size[3];
  if (fread(size, 4, 3, stdin) != 3) return 2;
  const int tokens = size[0], heads = size[1], cells = size[2], file_row = FILE_ROW / Type::block * Type::bytes;
  std::vector<float> x((size_t)tokens * heads * HEAD_DIM);
  if (fread(x.data(), 4, x.size(), stdin) != x.size()) return 2;
  std::vector<unsigned char> packed((size_t)tokens * heads * file_row), rows((size_t)heads * cells * row_bytes[0] + 16), scales((size_t)heads * cells * row_bytes[1] + 16);
  Store p = {x.data(), packed.data(), rows.data(), scales.data(), (long long)cells * row_bytes[0], (long long)cells * row_bytes[1], 0, heads};
  launch({tokens, heads, 1}, 32, [&] { store(p); });
  fwrite(row_bytes, 4, 2, stdout);
  fwrite(packed.data(), 1, packed.size(), stdout);
  fwrite(rows.data(), 1, rows.size() - 16, stdout);
  fwrite(scales.data(), 1, scales.size() - 16, stdout);
}
