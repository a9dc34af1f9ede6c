# The OCP Microscaling format MXFP4 (v1.0): E2M1 elements under one power-of-two scale, read only.

type "mxfp4" {
  summary         = "E2M1 elements, one power-of-two scale per 32 values"
  id              = 39
  use             = [weight]
  compatible_with = "ggml MXFP4"
  block           = 32
  layout          = [e8m0("e"), u8("qs", 16)]
  codebook        = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12] # twice the element, so that it is whole
  code            = bits(qs, 8*(i%16) + 4*(i/16), 4)
  value           = (e * 0.5) * codebook[code]
}
