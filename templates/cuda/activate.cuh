// What is done with an output of a product before it is stored.
#pragma once
#include "numeric.cuh"

enum Act { no_act, silu, gelu, swiglu_clamped }; // runtime/cuda has the same

// act(gate) * up; up is 1 for an activation by itself.
__device__ inline float activate(int act, float gate, float up) {
  switch (act) {
  case silu: return gate / (1 + expf(-gate)) * up;
  // the tanh form
  case gelu: return gate / (1 + expf(-2 * 0.7978845608028654f * gate * (1 + 0.044715f * gate * gate))) * up;
  case swiglu_clamped: {
    const float g = fminf(gate, 7), u = fmaxf(-7, fminf(up, 7));
    return g / (1 + expf(-1.702f * g)) * (u + 1);
  }
  }
  return gate * up;
}
