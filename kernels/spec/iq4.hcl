# ggml's non-uniform four-bit types: one table of 16 integer levels, denser near 0.

type "iq4_nl" {
  summary         = "4-bit codes of a fixed table, one scale per 32 values"
  id              = 20
  use             = [kv, weight]
  compatible_with = "ggml IQ4_NL"
  block           = 32
  layout          = [f16("d"), u8("qs", 16)]
  codebook        = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]
  code            = bits(qs, 8*(i%16) + 4*(i/16), 4)
  value           = d * codebook[code]
  encode {
    # Codes for the scale that maps the extremum to -127, then the scale that fits those codes best, weighted by x*x.
    m     = extremum(x)
    id    = abs(m) >= 1e-15 ? 1 / (m / -127) : 0
    code  = nearest(codebook, x*id)
    w     = x*x
    dot   = sum(w * codebook[code] * x)
    power = sum(w * codebook[code] * codebook[code])
    d     = id != 0 && power > 0 ? dot/power : 0
  }
}

type "iq4_xs" {
  summary         = "4-bit codes of a fixed table, a 6-bit scale per 32 of 256 values"
  id              = 23
  use             = [weight]
  compatible_with = "ggml IQ4_XS"
  block           = 256
  layout          = [f16("d"), u8("scales_h", 2), u8("scales_l", 4), u8("qs", 128)]
  codebook        = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]
  code            = bits(qs, 128*(i/32) + 8*(i%16) + 4*(i%32/16), 4)
  scale           = bits(scales_l, 4*(i/32), 4) + 16*bits(scales_h, 2*(i/32), 2)
  value           = d * (scale - 32) * codebook[code]
}
