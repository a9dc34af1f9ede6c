# Types whose encoders use every operator and function of the language, so that each is held to the oracle on every target.

type "integers" {
  summary = "quotients, remainders, products and comparisons of integers, 64 values"
  use     = [kv]
  block   = 64
  layout  = [f16("d"), u8("a", 64), u8("b", 32)]
  code    = bits(a, 8*i, 8)
  small   = bits(b, 4*i, 4)
  value   = d * (code - 128) + small*d
  encode {
    d     = absmax(x) / 100
    n     = clamp(rint(x*inv(d)), -100, 100)
    m     = clamp(trunc(x*inv(d) * 0.5), -4, 4)
    some  = n / m + n % m - (0 - n) / 3 * 2 + n % 7 + (n*m + i) / 50
    odd   = n % 2 != 0 && (m >= 0 || n < -5) || !(m <= 1) && n == m
    code  = clamp((odd ? some : abs(some)) + 128, 0, 255)
    small = max(min(n, m), 0 - 7) + 7 > 15 ? 15 : min(15, max(0, m + (n > m ? 3 : 0) + (i >= 9 ? 1 : 0)))
  }
}

type "floats" {
  summary = "floor, square roots, quotients and comparisons of floats in runs of 8 and 32 of 96 values"
  use     = [kv]
  block   = 96
  layout  = [f32("d"), bf16("e"), f16("f"), e8m0("g"), u8("qs", 96)]
  code    = bits(qs, 8*i, 8)
  value   = d * (code - 128) + 0*(e + f + g)
  encode {
    near = sum(x, 8) / 8
    far  = max(abs(x), 32)
    up   = x >= near && x != far || !(x > 0.5) && x <= 0.25*far
    y    = up ? x - near : -x / (1 + far)
    z    = floor(y * 3) + sqrt(abs(y)) - inv(y) * 1e-6
    w    = min(z, near) + max(y, min(far, 16.0)) * 0.125 + (x == 0 ? 1 : 0)
    low  = min(w, 8)
    d    = absmax(w) / 127
    e    = extremum(w)
    f    = sum(low) / 96
    g    = max(w)
    code = clamp(round(clamp(w, low, far + 1) * inv(d)), -128, 127) + 128
  }
}

family "table" {
  over {
    levels = [2, 5, 17, 33, 70, 200]
  }
  name     = "table${levels}"
  summary  = "${levels} levels of a bell shape, 40 values"
  use      = [kv]
  block    = 40
  layout   = [u8("qs", 40), f16("d")]
  codebook = lloyd_max(levels, gaussian)
  code     = bits(qs, 8*i, 8)
  value    = d * codebook[min(levels - 1, code)]
  encode {
    s    = sqrt(sum(x*x) / 40)
    code = nearest(codebook, x*inv(s))
    p    = sum(codebook[code]*codebook[code])
    d    = p > 0 ? sum(x*codebook[code]) / p : 0
  }
}

# Levels chosen by every comparison of codes, each at the code where it is true by a hair and at the one where it is not.
type "compared" {
  block  = 32
  layout = [f16("d"), u8("q", 16)]
  code   = bits(q, 4*i, 4)
  value  = d * (code > 11 ? code - 20 : code >= 9 ? code + 30 : code == 8 ? 5 : code != 7 && code < 3 ? -code - 1 : code <= 4 ? 3*code : !(code < 6) || code == 5 ? 50 - code : 0)
}
