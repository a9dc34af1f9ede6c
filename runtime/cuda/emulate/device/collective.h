// Built-in functions by which threads meet. A value that a lane asks of one that takes no part is poison.
#pragma once
#include "functions.h"

inline void __syncthreads() { emulated::emulated_barrier(false); }
inline int __syncthreads_count(int v) { return emulated::emulated_barrier(v != 0); }
inline int __syncthreads_or(int v) { return emulated::emulated_barrier(v != 0) != 0; }
inline int __syncthreads_and(int v) { return emulated::emulated_barrier(v == 0) == 0; }
inline unsigned __activemask() { return emulated::emulated_live(); }

inline void emulated_nothing(uint32_t, void* const*) {}
inline void __syncwarp(unsigned mask = ~0u) { emulated::emulated_meet(mask, nullptr, emulated_nothing); }

struct EmulatedShuffle { uint64_t value, result; int from; };
inline void emulated_shuffle(uint32_t lanes, void* const* args) {
  for (uint32_t left = lanes; left; left &= left - 1) {
    EmulatedShuffle* a = (EmulatedShuffle*)args[__builtin_ctz(left)];
    a->result = lanes >> a->from & 1 ? ((EmulatedShuffle*)args[a->from])->value : ~0ull;
  }
}
template <class T> inline T emulated_shuffled(unsigned mask, T v, int from) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "shuffles are of 4 or 8 bytes");
  EmulatedShuffle a = {};
  __builtin_memcpy(&a.value, &v, sizeof v);
  a.from = from;
  emulated::emulated_meet(mask, &a, emulated_shuffle);
  __builtin_memcpy(&v, &a.result, sizeof v);
  return v;
}
inline int emulated_lane() { return emulated::emulated_state.lane; }
template <class T> inline T __shfl_sync(unsigned mask, T v, int from, int width = 32) {
  return emulated_shuffled(mask, v, (emulated_lane() & -width) | (from & (width - 1)));
}
template <class T> inline T __shfl_idx_sync(unsigned mask, T v, int from, int width = 32) { return __shfl_sync(mask, v, from, width); }
template <class T> inline T __shfl_up_sync(unsigned mask, T v, unsigned by, int width = 32) {
  const int lane = emulated_lane(), from = lane - (int)by;
  return emulated_shuffled(mask, v, from < (lane & -width) ? lane : from);
}
template <class T> inline T __shfl_down_sync(unsigned mask, T v, unsigned by, int width = 32) {
  const int lane = emulated_lane(), from = lane + (int)by;
  return emulated_shuffled(mask, v, from > (lane | (width - 1)) ? lane : from);
}
template <class T> inline T __shfl_xor_sync(unsigned mask, T v, int by, int width = 32) {
  const int lane = emulated_lane(), from = lane ^ by;
  return emulated_shuffled(mask, v, from > (lane | (width - 1)) ? lane : from);
}

// Votes and reductions: every lane gives a value, and all get the same result.
template <class T> struct EmulatedReduction { T value, result; };
template <class T, T (*combine)(T, T)> inline void emulated_reduce(uint32_t lanes, void* const* args) {
  using R = EmulatedReduction<T>;
  T all = ((R*)args[__builtin_ctz(lanes)])->value;
  for (uint32_t left = lanes & (lanes - 1); left; left &= left - 1) all = combine(all, ((R*)args[__builtin_ctz(left)])->value);
  for (uint32_t left = lanes; left; left &= left - 1) ((R*)args[__builtin_ctz(left)])->result = all;
}
template <class T, T (*combine)(T, T)> inline T emulated_reduced(unsigned mask, T v) {
  EmulatedReduction<T> a = {v, v};
  emulated::emulated_meet(mask, &a, emulated_reduce<T, combine>);
  return a.result;
}
template <class T> inline T emulated_sum(T a, T b) { return a + b; }
template <class T> inline T emulated_most(T a, T b) { return a > b ? a : b; }
template <class T> inline T emulated_least(T a, T b) { return a < b ? a : b; }
template <class T> inline T emulated_or(T a, T b) { return a | b; }
template <class T> inline T emulated_and(T a, T b) { return a & b; }
template <class T> inline T emulated_xor(T a, T b) { return a ^ b; }
inline unsigned __ballot_sync(unsigned mask, int v) { return emulated_reduced<unsigned, emulated_or>(mask, v ? 1u << emulated_lane() : 0); }
inline int __any_sync(unsigned mask, int v) { return emulated_reduced<unsigned, emulated_or>(mask, v != 0); }
inline int __all_sync(unsigned mask, int v) { return emulated_reduced<unsigned, emulated_and>(mask, v != 0); }
#define EMULATED_REDUCTIONS(T) \
  inline T __reduce_add_sync(unsigned mask, T v) { return emulated_reduced<T, emulated_sum>(mask, v); } \
  inline T __reduce_max_sync(unsigned mask, T v) { return emulated_reduced<T, emulated_most>(mask, v); } \
  inline T __reduce_min_sync(unsigned mask, T v) { return emulated_reduced<T, emulated_least>(mask, v); }
EMULATED_REDUCTIONS(int)
EMULATED_REDUCTIONS(unsigned)
inline unsigned __reduce_or_sync(unsigned mask, unsigned v) { return emulated_reduced<unsigned, emulated_or>(mask, v); }
inline unsigned __reduce_and_sync(unsigned mask, unsigned v) { return emulated_reduced<unsigned, emulated_and>(mask, v); }
inline unsigned __reduce_xor_sync(unsigned mask, unsigned v) { return emulated_reduced<unsigned, emulated_xor>(mask, v); }

template <class T> inline void emulated_match(uint32_t lanes, void* const* args) {
  for (uint32_t left = lanes; left; left &= left - 1) {
    EmulatedShuffle* a = (EmulatedShuffle*)args[__builtin_ctz(left)];
    a->result = 0;
    for (uint32_t other = lanes; other; other &= other - 1)
      if (((EmulatedShuffle*)args[__builtin_ctz(other)])->value == a->value) a->result |= 1u << __builtin_ctz(other);
  }
}
template <class T> inline unsigned __match_any_sync(unsigned mask, T v) {
  EmulatedShuffle a = {};
  __builtin_memcpy(&a.value, &v, sizeof v);
  emulated::emulated_meet(mask, &a, emulated_match<T>);
  return (unsigned)a.result;
}
