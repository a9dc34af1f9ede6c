// read_all reads a piece of memory and keeps nothing: the rate that another kernel could reach.
// Tests that measure compare with it.

struct Read { const uint4* from; unsigned* to; long long n; };
extern "C" __global__ void __launch_bounds__(512) read_all(const Read p) {
  unsigned v = 0;
  const long long step = (long long)gridDim.x * 512;
  long long i = (long long)blockIdx.x * 512 + threadIdx.x;
  for (; i + 7 * step < p.n; i += 8 * step) {
    uint4 w[8];
#pragma unroll
    for (int k = 0; k < 8; k++) w[k] = __ldcs(p.from + i + k * step);
#pragma unroll
    for (int k = 0; k < 8; k++) v ^= w[k].x ^ w[k].y ^ w[k].z ^ w[k].w;
  }
  for (; i < p.n; i += step) v ^= p.from[i].x;
  if (v == 12345) *p.to = v;
}
