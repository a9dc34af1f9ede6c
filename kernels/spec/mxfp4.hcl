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

# NVIDIA's NVFP4: the same elements under a scale of UE4M3, exponent and fraction of an E4M3 without its sign. What would be NaN
# there reads as 0, as in ggml.

type "nvfp4" {
  summary         = "E2M1 elements, an unsigned E4M3 scale per 16 of 64 values"
  id              = 40
  use             = [weight]
  compatible_with = "ggml NVFP4"
  block           = 64
  layout          = [u8("scales", 4), u8("qs", 32)]
  fraction        = bits(scales, 8*(i/16), 3)
  exponent        = bits(scales, 8*(i/16) + 3, 4)
  unused          = [bits(scales, 7, 1), bits(scales, 15, 1), bits(scales, 23, 1), bits(scales, 31, 1)]
  code            = bits(qs, 64*(i/16) + 8*(i%8) + 4*(i%16/8), 4)
  power           = [0.001953125, 0.001953125, 0.00390625, 0.0078125, 0.015625, 0.03125, 0.0625, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
  codebook        = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12] # twice the element
  value           = (exponent == 15 && fraction == 7 ? 0 : (exponent > 0 ? 8 + fraction : fraction) * power[exponent] * 0.5) * codebook[code]
}
