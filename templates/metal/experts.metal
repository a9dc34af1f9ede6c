// Which experts a token uses, and what is made of their outputs. A slot is one token at one expert.
#include "args.metalh"
#include "numeric.metalh"

// Group x is a token, one SIMD group. The experts with the largest logits, of equal ones the first.
KERNEL(route, Route, 32) {
  HERE
  device float* l = p.logits + (long)x * p.count;
  const long slot = (long)x * p.used;
  const float none = as_float(0xff800000);
  float most = none, sum = 0;
  for (int i = lane; i < p.count; i += 32) most = fmax(most, l[i]);
  most = simd_max(most);
  for (int i = lane; i < p.count; i += 32) sum += precise::exp(l[i] - most);
  sum = simd_sum(sum);
  float chosen = 0;
  for (int k = 0; k < p.used; k++) {
    float best = none;
    int at = p.count;
    for (int i = lane; i < p.count; i += 32)
      if (l[i] > best) best = l[i], at = i;
    for (int s = 16; s; s >>= 1) {
      const float other = simd_shuffle_xor(best, (ushort)s);
      const int i = simd_shuffle_xor(at, (ushort)s);
      if (other > best || (other == best && i < at)) best = other, at = i;
    }
    if (at == p.count) at = k; // nothing but NaN, which the weight passes on
    const float w = best == none ? l[at] : p.all ? precise::exp(best - most) / sum : precise::exp(best - most);
    chosen += w;
    simdgroup_barrier(mem_flags::mem_device);
    if (lane == 0) {
      p.expert[slot + k] = at;
      p.row[slot + k] = x;
      p.weight[slot + k] = w;
      l[at] = none;
    }
    simdgroup_barrier(mem_flags::mem_device);
  }
  for (int k = lane; k < p.used; k += 32) p.weight[slot + k] /= p.all ? fmax(chosen, 6.103515625e-5f) : chosen;
}

// Puts slots in the order of their experts, those of one expert in the order of the tokens, and
// cuts them into runs. Group x is an expert. How many runs the experts before it have it need not
// know: those of an expert begin where they would at the latest.
KERNEL(sort, Sort, 256) {
  HERE
  SHARED int before[8], mine[8];
  const int share = (p.slots + 255) / 256, lo = min(t * share, p.slots), hi = min(lo + share, p.slots);
  int less = 0, same = 0;
  for (int s = lo; s < hi; s++) {
    less += p.expert[s] < x;
    same += p.expert[s] == x;
  }
  int at = sum_up_to(same, lane);
  less = simd_sum(less);
  if (lane == 31) before[warp] = less, mine[warp] = at;
  group_sync();
  int first = 0, all = 0;
  at -= same;
  for (int w = 0; w < 8; w++) {
    if (w < warp) at += mine[w];
    first += before[w], all += mine[w];
  }
  at += first;
  for (int s = lo; s < hi; s++) {
    if (p.expert[s] != x) continue;
    p.row[at] = s / p.used;
    p.of[at] = x;
    p.place[s] = at++;
  }
  const int base = first / p.most + x, end = (first + all) / p.most + x + 1;
  for (int r = base + t; r < end; r += 256) {
    const int from = (r - base) * p.most;
    p.run_expert[r] = x;
    p.run_first[r] = first + min(from, all);
    p.run_slots[r] = max(0, min(p.most, all - from));
  }
}

// Rows of the input, one after another as slots want them. Group x is a slot.
KERNEL(collect, Collect, 256) {
  HERE
  device const float* from = p.x + (long)p.row[x] * p.n;
  for (int i = t; i < p.n; i += threads_here) p.y[(long)x * p.n + i] = from[i];
}

static inline float sigmoid(float v) { return 1 / (1 + precise::exp(-v)); }

// out = act(gate) * up. Group x is a slot.
KERNEL(hidden, Hidden, 256) {
  HERE
  const float gs = p.gate_scale ? p.gate_scale[p.expert[x]] : 1.0f, us = p.up_scale ? p.up_scale[p.expert[x]] : 1.0f;
  for (int i = t; i < p.inner; i += threads_here) {
    float g = p.gate[(long)x * p.row + i] * gs, u = p.up[(long)x * p.up_row + i] * us;
    if (p.act == 0) {
      g *= sigmoid(g);
    } else if (p.act == 1) {
      g = 0.5f * g * (1 + precise::tanh(0.7978845608f * (g + 0.044715f * g * g * g)));
    } else {
      g = fmin(g, 7.0f);
      g *= sigmoid(1.702f * g);
      u = fmax(-7.0f, fmin(u, 7.0f)) + 1;
    }
    p.out[(long)x * p.inner + i] = g * u;
  }
}

// y = sum of weight * part. Group x is a token.
KERNEL(blend, Blend, 256) {
  HERE
  for (int i = t; i < p.width; i += threads_here) {
    float sum = 0;
    for (int k = 0; k < p.used; k++) {
      const long slot = (long)x * p.used + k;
      sum += p.weight[slot] * (p.scale ? p.scale[p.expert[slot]] : 1.0f) * p.part[(p.place ? (long)p.place[slot] : slot) * p.width + i];
    }
    p.y[(long)x * p.width + i] = sum;
  }
}
