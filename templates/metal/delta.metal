// A recurrent layer by the gated delta rule, arXiv:2412.06464. Three launches: mix makes queries,
// keys and values, rule changes the matrices of the heads token by token and reads them, let_out
// normalises what was read and lets it through a gate.
//
// Before this file come
//   DIM    values of a head
//   TAPS   tokens that the convolution sees
#include "norm.metalh"

constexpr int each = (DIM + 31) / 32; // values of a head that a lane of a SIMD group has

// Run i of the batch: first token, tokens, sequence.
static inline int4 run_at(constant const Sequences& s, int i) {
  if (s.runs) return s.runs[i];
  const int4 all = {0, s.tokens, 0, 0};
  return all;
}

// The run of a token, by a whole SIMD group.
static inline int4 run_of(constant const Sequences& s, int token, int lane) {
  int at = 0;
  for (int i = 0; i < s.count; i += 32) {
    int4 r = {0, 0, 0, 0};
    if (i + lane < s.count) r = run_at(s, i + lane);
    const int in = first_true(token >= r.x && token - r.x < r.y);
    if (in < 32) at = i + in;
  }
  return run_at(s, at);
}

// Value at of token i of those in the history followed by those of the batch.
static inline float seen(device const float* qkv, device const float* history, long ld, int channels, int i, int at) {
  return i < TAPS - 1 ? history[(long)i * channels + at] : qkv[(i - (TAPS - 1)) * ld + at];
}

// Each value is mixed with those of the tokens before and passes SiLU; queries are brought to
// length 1 / sqrt(DIM), keys to 1. Group x is a token, y a head.
KERNEL(mix, Mix, 32) {
  HERE
  const int4 run = run_of(p.of, x, lane);
  device const float* qkv = p.qkv + run.x * p.ld;
  device const float* history = p.history + run.z * p.of.state;
  float v[each], sum = 0;
#pragma unroll
  for (int k = 0; k < each; k++) {
    const int i = lane + 32 * k, at = y * DIM + i;
    v[k] = 0;
    if (i >= DIM) continue;
    for (int tap = 0; tap < TAPS; tap++) v[k] += seen(qkv, history, p.ld, p.channels, x - run.x + tap, at) * p.conv[(long)tap * p.channels + at];
    v[k] /= 1 + precise::exp(-v[k]);
    sum += v[k] * v[k];
  }
  sum = simd_sum(sum);
  float by = 1 / fmax(precise::sqrt(sum), p.eps);
  if (y < p.keys) by /= precise::sqrt((float)DIM);
  if (y >= 2 * p.keys) by = 1;
#pragma unroll
  for (int k = 0; k < each; k++) {
    const int i = lane + 32 * k;
    if (i < DIM) p.mixed[(long)x * p.channels + y * DIM + i] = v[k] * by;
  }
}

// tokens between two barriers; values of a head that a group has
constexpr int chunk = DIM > 256 ? 4 : 8, columns = 32;
constexpr int padded = round_up(DIM, 16);             // of keys and queries in threadgroup memory
constexpr int rows = padded / 4;                      // of a column that a lane has
// a token there: key, query, part of the value
constexpr int row = 2 * padded + columns;
constexpr int shares = (DIM + columns - 1) / columns; // groups of a head

// Group x is a run and some columns of the matrix of value head y. Columns have nothing to do with
// one another. Four lanes share one, in registers: lane l has rows 4 m + l.
KERNEL(rule, Rule, 4 * columns) {
  HERE
  SHARED float staged[chunk * row], keeps[chunk], rates[chunk];
  const int part = t & 3, own = t >> 2, share = x % shares, column = share * columns + own;
  const int4 run = run_at(p.of, x / shares);
  device const float* mixed = p.mixed + (long)run.x * p.channels;
  device const float* qkv = p.qkv + run.x * p.ld;
  device const float* alpha = p.alpha + run.x * p.ld_alpha;
  device const float* beta = p.beta + run.x * p.ld_beta;
  device float* history = p.history + run.z * p.of.state;
  device float* out = p.out + (long)run.x * p.values * DIM;
  device float* matrix = p.matrices + run.z * p.of.state + (long)y * DIM * DIM + column;
  const long q = (long)(y % p.keys) * DIM, k = q + (long)p.keys * DIM, v = (2L * p.keys + y) * DIM + share * columns;

  float s[rows];
#pragma unroll
  for (int m = 0; m < rows; m++) s[m] = 4 * m + part < DIM && column < DIM ? matrix[(long)(4 * m + part) * DIM] : 0;

  for (int first = 0; first < run.y; first += chunk) {
    group_sync();
    for (int e = t; e < chunk * row; e += 4 * columns) {
      const int token = first + e / row, i = e % row;
      float value = 0;
      if (token < run.y) {
        device const float* from = mixed + (long)token * p.channels;
        if (i < padded) {
          if (i < DIM) value = from[k + i];
        } else if (i < 2 * padded) {
          if (i - padded < DIM) value = from[q + i - padded];
        } else if (share * columns + i - 2 * padded < DIM) {
          value = from[v + i - 2 * padded];
        }
      }
      staged[e] = value;
    }
    if (t < chunk && first + t < run.y) {
      const float a = alpha[(first + t) * p.ld_alpha + y] + p.step[y];
      // log(1 + exp(a)), also where exp(a) is far below 1
      const float grown = precise::exp(a), more = 1 + grown, soft = more == 1 ? grown : precise::log(more) * (grown / (more - 1));
      keeps[t] = precise::exp((a > 20 ? a : soft) * p.decay[y]);
      rates[t] = 1 / (1 + precise::exp(-beta[(first + t) * p.ld_beta + y]));
    }
    group_sync();
    for (int j = 0; j < min(chunk, run.y - first); j++) {
      threadgroup const float* key = staged + j * row + part;
      threadgroup const float* query = key + padded;
      float held = 0, read = 0;
#pragma unroll
      for (int m = 0; m < rows; m++) held = fma(key[4 * m], s[m], held);
      held = sum_of(held, 4);
      const float left = keeps[j], change = rates[j] * (staged[j * row + 2 * padded + own] - left * held);
#pragma unroll
      for (int m = 0; m < rows; m++) {
        s[m] = fma(key[4 * m], change, left * s[m]);
        read = fma(query[4 * m], s[m], read);
      }
      read = sum_of(read, 4);
      if (part == 0 && column < DIM) out[((long)(first + j) * p.values + y) * DIM + column] = read;
    }
  }

#pragma unroll
  for (int m = 0; m < rows; m++)
    if (4 * m + part < DIM && column < DIM) matrix[(long)(4 * m + part) * DIM] = s[m];
  // mix has read the history: all groups of a run together replace it.
  for (int at = (y * shares + share) * threads_here + t; at < p.channels; at += shares * height * threads_here)
    for (int r = 0; r < TAPS - 1; r++) history[(long)r * p.channels + at] = seen(qkv, (device const float*)history, p.ld, p.channels, run.y + r, at);
}

// y = norm(out) * silu(gate). Group x is a token, y a head.
KERNEL(let_out, LetOut, 32) {
  HERE
  SHARED float spare[33];
  const long head = (long)x * p.values + y;
  device const float* gate = p.gate + x * p.ld + (long)y * DIM;
  float v[each];
#pragma unroll
  for (int k = 0; k < each; k++) v[k] = lane + 32 * k < DIM ? p.out[head * DIM + lane + 32 * k] : 0;
  normalise(v, DIM, p.norm, spare, t, 32);
#pragma unroll
  for (int k = 0; k < each; k++) {
    const int i = lane + 32 * k;
    if (i < DIM) p.y[head * DIM + i] = v[k] * gate[i] / (1 + precise::exp(-gate[i]));
  }
}
