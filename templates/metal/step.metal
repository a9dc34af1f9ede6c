// What lies between two blocks of a model: the residual stream takes the output of the last, the
// input of the next is made of it. One group of threads a token.
//
// Before this file comes WIDTH, the values of the stream, and THREADS.
#include "norm.metalh"

constexpr int values_of(int threads) { return (WIDTH + threads - 1) / threads; } // of a thread

template <int count> static inline void take(thread float (&v)[count], device const float* row, int t) {
#pragma unroll
  for (int k = 0; k < count; k++) v[k] = t + k * THREADS < WIDTH ? row[t + k * THREADS] : 0;
}
template <int count> static inline void give(thread const float (&v)[count], device float* row, int t) {
#pragma unroll
  for (int k = 0; k < count; k++)
    if (t + k * THREADS < WIDTH) row[t + k * THREADS] = v[k];
}

// x = (x + post(y)) * scale; h = pre(x).
KERNEL(step, Step, THREADS) {
  HERE
  SHARED float spare[33];
  const long row = (long)x * WIDTH;
  float v[values_of(THREADS)], s[values_of(THREADS)];
  take(s, p.x + row, t);
  if (p.y) {
    take(v, p.y + row, t);
    normalise(v, WIDTH, p.post, spare, t, THREADS);
    for (int k = 0; k < values_of(THREADS); k++) s[k] = (s[k] + v[k]) * p.scale;
    give(s, p.x + row, t);
  }
  if (!p.h) return;
  normalise(s, WIDTH, p.pre, spare, t, THREADS);
  give(s, p.h + row, t);
}

// x = x * scale + place.
KERNEL(embed, Embed, THREADS) {
  HERE
  for (int i = t; i < WIDTH; i += THREADS) {
    const long at = (long)x * WIDTH + i;
    p.x[at] = p.x[at] * p.scale + (p.place ? p.place[at] : 0.0f);
  }
}

// sum = post(part), or sum + post(part).
KERNEL(branch, Branch, THREADS) {
  HERE
  SHARED float spare[33];
  const long row = (long)x * WIDTH;
  float v[values_of(THREADS)], s[values_of(THREADS)];
  take(v, p.part + row, t);
  normalise(v, WIDTH, p.post, spare, t, THREADS);
  if (p.add) {
    take(s, (device const float*)p.sum + row, t);
    for (int k = 0; k < values_of(THREADS); k++) v[k] = s[k] + v[k];
  }
  give(v, p.sum + row, t);
}

// y = norm(x).
KERNEL(normal, NormRows, THREADS) {
  HERE
  SHARED float spare[33];
  const long row = (long)x * WIDTH;
  float v[values_of(THREADS)];
  take(v, p.x + row, t);
  normalise(v, WIDTH, p.norm, spare, t, THREADS);
  give(v, p.y + row, t);
}
