// attend and combine, run on a CPU. In: position of the first query, queries, heads, KV heads, cells, rows of the cache, window,
// splits, whether there are sinks, bytes of a key row, its scales, a value row, its scales; scale, soft cap; then queries, sinks,
// rows and scales of keys and of values. Out: the result.
#include "program.cuh"

template <class T> static std::vector<T> take(size_t n) {
  std::vector<T> v(n + 16);
  if (fread(v.data(), sizeof(T), n, stdin) != n) exit(2);
  return v;
}

int main() {
  auto n = take<int>(13);
  auto f = take<float>(2);
  const int queries = n[1], heads = n[2], kv_heads = n[3], cells = n[5], splits = n[7], groups = (queries * (heads / kv_heads) + ROWS - 1) / ROWS;
  auto q = take<float>((size_t)queries * heads * KEY_DIM);
  auto sinks = take<float>(n[8] ? heads : 0);
  auto keys = take<unsigned char>((size_t)kv_heads * cells * n[9]), key_scales = take<unsigned char>((size_t)kv_heads * cells * n[10]);
  auto values = take<unsigned char>((size_t)kv_heads * cells * n[11]), value_scales = take<unsigned char>((size_t)kv_heads * cells * n[12]);
  std::vector<float> partial((size_t)kv_heads * groups * splits * ROWS * VALUE_ROW, NAN), norms((size_t)kv_heads * groups * splits * ROWS * 2, NAN);
  std::vector<float> out((size_t)queries * heads * VALUE_DIM, NAN);
  Attend p = {q.data(), keys.data(), key_scales.data(), values.data(), value_scales.data(), partial.data(), norms.data(), out.data(),
              n[8] ? sinks.data() : nullptr, (long long)cells * n[9], (long long)cells * n[10], (long long)cells * n[11], (long long)cells * n[12],
              n[0], queries, heads, kv_heads, n[4], n[6], splits, f[0], f[1]};
  launch({splits, kv_heads * groups * (VALUE_ROW / SLICE), 1}, WARPS * 32, [&] { attend(p); });
  launch({queries * heads / kv_heads, kv_heads, 1}, 512, [&] { combine(p); });
  fwrite(out.data(), 4, out.size(), stdout);
}
