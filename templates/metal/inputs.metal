// The small vectors that layers have of each token beside the residual stream.
//
// Before this file comes SIZE, the values of one.
#include "norm.metalh"

constexpr int each = (SIZE + 31) / 32; // values of a lane

// x = (norm(x * narrow) + sqrt(SIZE) * e) / sqrt(2). Group x is a token, y a layer.
KERNEL(inputs, Inputs, 32) {
  HERE
  SHARED float spare[33];
  const long row = ((long)x * height + y) * SIZE;
  float v[each];
  for (int k = 0; k < each; k++) v[k] = lane + 32 * k < SIZE ? p.x[row + lane + 32 * k] * p.narrow : 0;
  normalise(v, SIZE, p.norm, spare, t, 32);
  const float wide = precise::sqrt(SIZE * 0.5f), half_root = precise::sqrt(0.5f);
  for (int k = 0; k < each; k++) {
    const int i = lane + 32 * k;
    if (i < SIZE) p.x[row + i] = v[k] * half_root + p.e[row + i] * wide;
  }
}
