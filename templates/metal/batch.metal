// What attention needs of a batch and of no type: angles of its positions, cells that it changes,
// gates of its output.
#include "args.metalh"
#include "angle.metalh"

// The cosines and sines by which RoPE rotates a batch: group x is a token.
KERNEL(rope_angles, Angles, 128) {
  HERE
  const int at = p.positions[x];
  for (int i = t; i < p.pairs; i += threads_here) {
    const Angle a = angle_of(at, p.freq[i]);
    p.cos[(long)x * p.pairs + i] = a.cosine * p.magnitude;
    p.sin[(long)x * p.pairs + i] = a.sine * p.magnitude;
  }
}

// The positions of cells that a batch takes, and of those that it leaves.
KERNEL(place, Place, 256) {
  HERE
  for (int i = t; i < p.leaving; i += threads_here)
    if (p.left[i] >= 0 && p.left[i] < p.capacity) p.held[p.left[i]] = -1;
  threadgroup_barrier(mem_flags::mem_device);
  for (int i = t; i < p.tokens; i += threads_here)
    if (p.cells[i] >= 0 && p.cells[i] < p.capacity) p.held[p.cells[i]] = p.positions[i];
}

// o *= sigmoid(gate), group x is a token, y a head.
KERNEL(gates, Gates, 128) {
  HERE
  device float* o = p.o + ((long)x * height + y) * p.dim;
  device const float* gate = p.gate + x * p.ld + (long)y * p.step;
  for (int i = t; i < p.dim; i += threads_here) o[i] /= 1 + precise::exp(-gate[i]);
}
