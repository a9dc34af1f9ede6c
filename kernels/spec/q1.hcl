# The types of few bits that published models came with: signs and four levels under one scale, read only.

type "q1_0" {
  summary         = "one bit, the sign of a scale per 128 values"
  id              = 41
  use             = [weight]
  compatible_with = "ggml Q1_0"
  block           = 128
  layout          = [f16("d"), u8("qs", 16)]
  code            = bits(qs, i, 1)
  value           = d * (2*code - 1)
}

type "q2_0" {
  summary         = "2-bit codes, one scale per 64 values"
  id              = 42
  use             = [weight]
  compatible_with = "ggml Q2_0"
  block           = 64
  layout          = [f16("d"), u8("qs", 16)]
  code            = bits(qs, 2*i, 2)
  value           = d * (code - 1)
}
