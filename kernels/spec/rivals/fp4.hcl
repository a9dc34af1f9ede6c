# Source: vLLM pull requests 40177 (nvfp4 as a cache) and 45187 (nvfp4_4over6), and the OCP Microscaling format v1.0
# (MXFP4). Elements are E2M1. nvfp4 has an E4M3 scale for each 16 values, max/6; 4over6 makes the block with max/4,
# too, and keeps what has less squared error. Rounding is to nearest, half to even. The scale of a whole tensor, which
# vLLM reads from checkpoints, is 1, as where a checkpoint has none: a block whose largest value is below .006 becomes
# zeros. None of them rotates; cells such as mxfp4_kv+attn32 do. None states an error on random values.

type "nvfp4_kv" {
  summary  = "E2M1 elements, an E4M3 scale per 16 values"
  use      = [kv]
  block    = 16
  layout   = [u8("scale", 1), u8("qs", 8)]
  fraction = bits(scale, 0, 3)
  exponent = bits(scale, 3, 4)
  unused   = bits(scale, 7, 1)
  element  = bits(qs, 4*i, 3)
  sign     = bits(qs, 4*i + 3, 1)
  codebook = [
    0.015625, 0.03125, 0.0625, 0.125, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256,
  ]
  thresholds = [0.03125, 0.0625, 0.125, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256]
  e2m1       = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
  flip       = [1, -1]
  value      = (exponent > 0 ? 8 + fraction : fraction) * codebook[max(exponent - 1, 0)] * 0.125 * (e2m1[element] * flip[sign])
  encode {
    want     = min(absmax(x) / 6, 448.0)
    k        = nearest(codebook, want)
    m        = clamp(rint(want / codebook[k] * 8), 0, 16)
    all      = clamp(8*k + m, 0, 126)
    exponent = all / 8
    fraction = all % 8
    a        = min(abs(x) * inv(m * codebook[k] * 0.125), 6.0)
    step     = max(e8m0(a), 1.0)
    element  = clamp(rint(2*a / step) + (a >= 4 ? 4 : a >= 2 ? 2 : 0), 0, 7)
    sign     = x < 0 ? 1 : 0
  }
}

type "nvfp4_4over6" {
  summary  = "E2M1 elements, the better of two E4M3 scales per 16 values"
  use      = [kv]
  block    = 16
  layout   = [u8("scale", 1), u8("qs", 8)]
  fraction = bits(scale, 0, 3)
  exponent = bits(scale, 3, 4)
  unused   = bits(scale, 7, 1)
  element  = bits(qs, 4*i, 3)
  sign     = bits(qs, 4*i + 3, 1)
  codebook = [
    0.015625, 0.03125, 0.0625, 0.125, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256,
  ]
  thresholds = [0.03125, 0.0625, 0.125, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256]
  e2m1       = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
  flip       = [1, -1]
  value      = (exponent > 0 ? 8 + fraction : fraction) * codebook[max(exponent - 1, 0)] * 0.125 * (e2m1[element] * flip[sign])
  encode {
    want6    = min(absmax(x) / 6, 448.0)
    k6       = nearest(codebook, want6)
    m6       = clamp(rint(want6 / codebook[k6] * 8), 0, 16)
    d6       = m6 * codebook[k6] * 0.125
    a6       = min(abs(x) * inv(d6), 6.0)
    step6    = max(e8m0(a6), 1.0)
    q6       = clamp(rint(2*a6 / step6) + (a6 >= 4 ? 4 : a6 >= 2 ? 2 : 0), 0, 7)
    miss6    = abs(x) - d6*e2m1[q6]
    want4    = min(absmax(x) / 4, 448.0)
    k4       = nearest(codebook, want4)
    m4       = clamp(rint(want4 / codebook[k4] * 8), 0, 16)
    d4       = m4 * codebook[k4] * 0.125
    a4       = min(abs(x) * inv(d4), 6.0)
    step4    = max(e8m0(a4), 1.0)
    q4       = clamp(rint(2*a4 / step4) + (a4 >= 4 ? 4 : a4 >= 2 ? 2 : 0), 0, 7)
    miss4    = abs(x) - d4*e2m1[q4]
    four     = sum(miss4*miss4) < sum(miss6*miss6) ? 1 : 0
    all      = clamp(four == 1 ? 8*k4 + m4 : 8*k6 + m6, 0, 126)
    exponent = all / 8
    fraction = all % 8
    element  = four == 1 ? q4 : q6
    sign     = x < 0 ? 1 : 0
  }
}

type "mxfp4_kv" {
  summary = "E2M1 elements, one power-of-two scale per 32 values"
  use     = [kv]
  block   = 32
  layout  = [e8m0("e"), u8("qs", 16)]
  element = bits(qs, 4*i, 3)
  sign    = bits(qs, 4*i + 3, 1)
  e2m1    = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
  flip    = [1, -1]
  value   = e * (e2m1[element] * flip[sign])
  encode {
    e       = e8m0(absmax(x)) / 4
    a       = min(abs(x) * inv(e8m0(absmax(x)) / 4), 6.0)
    step    = max(e8m0(a), 1.0)
    element = clamp(rint(2*a / step) + (a >= 4 ? 4 : a >= 2 ? 2 : 0), 0, 7)
    sign    = x < 0 ? 1 : 0
  }
}
