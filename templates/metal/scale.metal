// What scales rows by a function of themselves or of one number.
#include "args.metalh"

// x = cap * tanh(x / cap).
KERNEL(soft_cap, Cap, 256) {
  HERE
  for (long i = (long)x * threads_here + t; i < p.n; i += (long)width * threads_here) p.x[i] = p.cap * precise::tanh(p.x[i] / p.cap);
}

// y *= sigmoid(logit of the token).
KERNEL(shared_gate, SharedGate, 256) {
  HERE
  const float by = 1 / (1 + precise::exp(-p.logits[x]));
  for (int i = t; i < p.width; i += threads_here) p.y[(long)x * p.width + i] *= by;
}
