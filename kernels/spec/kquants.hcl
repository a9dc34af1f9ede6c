# ggml's k-quants, read only: 256 values in sub-blocks, each with a packed scale and perhaps a packed minimum.

type "q2_K" {
  summary         = "2 bits, a 4-bit scale and minimum per 16 of 256 values"
  id              = 10
  use             = [weight]
  compatible_with = "ggml Q2_K"
  block           = 256
  layout          = [u8("scales", 16), u8("qs", 64), f16("d"), f16("dmin")]
  code            = bits(qs, 256*(i/128) + 8*(i%32) + 2*(i%128/32), 2)
  scale           = bits(scales, 8*(i/16), 4)
  least           = bits(scales, 8*(i/16) + 4, 4)
  value           = d*scale*code - dmin*least
}

type "q3_K" {
  summary         = "3 bits and a 6-bit scale per 16 of 256 values"
  id              = 11
  use             = [weight]
  compatible_with = "ggml Q3_K"
  block           = 256
  layout          = [u8("hmask", 32), u8("qs", 64), u8("scales", 12), f16("d")]
  code            = bits(qs, 256*(i/128) + 8*(i%32) + 2*(i%128/32), 2) + 4*bits(hmask, 8*(i%32) + i/32, 1)
  scale           = bits(scales, 8*(i/16%8) + 4*(i/128), 4) + 16*bits(scales, 64 + 8*(i/16%4) + 2*(i/64), 2)
  value           = d * (scale - 32) * (code - 4)
}

# The scales and minima of q4_K and q5_K: those of sub-blocks 0-3 are six bits of a byte, those of 4-7 are in pieces.

type "q4_K" {
  summary         = "4 bits, a 6-bit scale and minimum per 32 of 256 values"
  id              = 12
  use             = [weight]
  compatible_with = "ggml Q4_K"
  block           = 256
  layout          = [f16("d"), f16("dmin"), u8("scales", 12), u8("qs", 128)]
  code            = bits(qs, 256*(i/64) + 8*(i%32) + 4*(i%64/32), 4)
  scale           = i/32 < 4 ? bits(scales, 8*(i/32), 6) : bits(scales, 8*(i/32) + 32, 4) + 16*bits(scales, 8*(i/32) - 26, 2)
  least           = i/32 < 4 ? bits(scales, 8*(i/32) + 32, 6) : bits(scales, 8*(i/32) + 36, 4) + 16*bits(scales, 8*(i/32) + 6, 2)
  value           = d*scale*code - dmin*least
}

type "q5_K" {
  summary         = "5 bits, a 6-bit scale and minimum per 32 of 256 values"
  id              = 13
  use             = [weight]
  compatible_with = "ggml Q5_K"
  block           = 256
  layout          = [f16("d"), f16("dmin"), u8("scales", 12), u8("qh", 32), u8("qs", 128)]
  code            = bits(qs, 256*(i/64) + 8*(i%32) + 4*(i%64/32), 4) + 16*bits(qh, 8*(i%32) + i/32, 1)
  scale           = i/32 < 4 ? bits(scales, 8*(i/32), 6) : bits(scales, 8*(i/32) + 32, 4) + 16*bits(scales, 8*(i/32) - 26, 2)
  least           = i/32 < 4 ? bits(scales, 8*(i/32) + 32, 6) : bits(scales, 8*(i/32) + 36, 4) + 16*bits(scales, 8*(i/32) + 6, 2)
  value           = d*scale*code - dmin*least
}

type "q6_K" {
  summary         = "6 bits and an 8-bit scale per 16 of 256 values"
  id              = 14
  use             = [weight]
  compatible_with = "ggml Q6_K"
  block           = 256
  layout          = [u8("ql", 128), u8("qh", 64), u8("scales", 16), f16("d")]
  code            = bits(ql, 512*(i/128) + 8*(i%64) + 4*(i%128/64), 4) + 16*bits(qh, 256*(i/128) + 8*(i%32) + 2*(i%128/32), 2)
  scale           = sbits(scales, 8*(i/16), 8)
  value           = d * scale * (code - 32)
}
