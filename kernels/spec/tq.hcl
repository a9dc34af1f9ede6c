# The weight types of TheTom/llama-cpp-turboquant, read only: 32 rotated values as codes, a scale for each half.
# Readers rotate the activations, as for the cache types.

transform "tq_wht32" {
  summary = "y = H/sqrt(32) * left * x"
  kind    = wht
  size    = 32
  left    = signs("golden")
}

type "tq3_1s" {
  summary         = "3-bit codes of 32 rotated values, a scale per 16"
  id              = 45
  use             = [weight]
  compatible_with = "llama-cpp-turboquant TQ3_1S"
  block           = 32
  layout          = [f16("d0"), f16("d1"), u8("qs", 12)]
  domain          = tq_wht32
  codebook        = [-1.996684, -1.291398, -0.740341, -0.247508, 0.230106, 0.725222, 1.277503, 1.988943]
  thresholds      = [-1.644041, -1.015870, -0.493925, -0.008701, 0.477664, 1.001363, 1.633223]
  code            = bits(qs, 3*i, 3)
  value           = (i < 16 ? d0 : d1) * codebook[code]
}

type "tq4_1s" {
  summary         = "4-bit codes of 32 rotated values, a scale per 16"
  id              = 46
  use             = [weight]
  compatible_with = "llama-cpp-turboquant TQ4_1S"
  block           = 32
  layout          = [f16("d0"), f16("d1"), u8("qs", 16)]
  domain          = tq_wht32
  codebook = [
    -2.732590, -2.069017, -1.618046, -1.256231, -0.942340, -0.656759, -0.388048, -0.128395,
    0.128395, 0.388048, 0.656759, 0.942340, 1.256231, 1.618046, 2.069017, 2.732590,
  ]
  thresholds = [
    -2.400804, -1.843532, -1.437139, -1.099286, -0.799550, -0.522404, -0.258222, 0,
    0.258222, 0.522404, 0.799550, 1.099286, 1.437139, 1.843532, 2.400804,
  ]
  code  = bits(qs, 4*i, 4)
  value = (i < 16 ? d0 : d1) * codebook[code]
}
