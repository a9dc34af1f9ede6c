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

# The encoder gives other bytes than ggml's, with an error within 1 % of it.

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
  encode {
    m     = extremum(x, 32)
    w     = x*x
    q1    = codebook[nearest(codebook, x * inv(m) * -127)]
    ll1   = sum(w*q1*q1, 32)
    lx1   = sum(w*q1*x, 32)
    s1    = lx1 * inv(ll1)
    q2    = codebook[nearest(codebook, x * inv(m) * -118)]
    ll2   = sum(w*q2*q2, 32)
    lx2   = sum(w*q2*x, 32)
    s2    = lx2 * inv(ll2)
    b2    = lx2*s2 > lx1*s1 ? s2 : s1
    p2    = max(lx2*s2, lx1*s1)
    q3    = codebook[nearest(codebook, x * inv(m) * -136)]
    ll3   = sum(w*q3*q3, 32)
    lx3   = sum(w*q3*x, 32)
    s3    = lx3 * inv(ll3)
    b3    = lx3*s3 > p2 ? s3 : b2
    p3    = max(lx3*s3, p2)
    q4    = codebook[nearest(codebook, x * inv(b3))]
    ll4   = sum(w*q4*q4, 32)
    lx4   = sum(w*q4*x, 32)
    s4    = lx4 * inv(ll4)
    b4    = lx4*s4 > p3 ? s4 : b3
    d     = extremum(b4) / -32
    scale = clamp(rint(b4 * inv(d)), -32, 31) + 32
    code  = nearest(codebook, x * inv(f16(d)*(scale - 32)))
  }
}
