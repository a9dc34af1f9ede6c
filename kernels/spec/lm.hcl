# The project's own cache types: lm2 to lm6, each in blocks of 32, 64 and 128 values. A block is rotated to look like
# a random point of a sphere, for which the Lloyd-Max codebook is optimal, and stored as codes and one norm: the scale
# that fits the codes best by least squares.
#
# Levels are integers, so that kernels may sum products exactly; the price is below .0001 of the mean squared error at
# 2 and 3 bits, .0005 of it at 4, .007 at 5 and .023 (.1 dB, where a bit is 6 dB) at 6.
#
# Codes lie in planes of 4, 2 and 1 bits. In each group of 32 values one shift of whole words yields neighbours:
#   4 bits: byte j of 16 holds values j, j+16    2 bits: byte j of 8 holds j, j+8, j+16, j+24    1 bit: byte k of 4
#   holds k, k+4, ... k+28

transform "lm_wht32" {
  kind  = wht
  size  = 32
  left  = signs("pcg64", 2026, 0)
  right = signs("pcg64", 2026, 128)
}

transform "lm_wht64" {
  kind  = wht
  size  = 64
  left  = signs("pcg64", 2026, 0)
  right = signs("pcg64", 2026, 128)
}

transform "lm_wht128" {
  kind  = wht
  size  = 128
  left  = signs("pcg64", 2026, 0)
  right = signs("pcg64", 2026, 128)
}

family "lm" {
  over {
    width = [2, 3, 4, 5, 6]
    n     = [32, 64, 128]
  }
  name     = "lm${width}_${n}"
  summary  = "${width}-bit Lloyd-Max codes of a rotated unit vector, one norm per ${n} values"
  use      = [kv]
  block    = n
  domain   = n == 32 ? lm_wht32 : n == 64 ? lm_wht64 : lm_wht128
  codebook = width <= 4 ? int8(lloyd_max(pow(2, width), sphere(n))) : lloyd_max(pow(2, width), sphere(n))
  layout = [
    f16("norm"),
    u8("q4", width >= 4 ? n/2 : 0),
    u8("q2", width%4 >= 2 ? n/4 : 0), # 2, 3, 6
    u8("q1", width%2 == 1 ? n/8 : 0), # 3, 5
  ]
  code = (
    (width >= 4 ? bits(q4, 128*(i/32) + 8*(i%16) + 4*(i%32/16), 4) : 0)
    + (width%4 >= 2 ? pow(2, width/4*4) * bits(q2, 64*(i/32) + 8*(i%8) + 2*(i%32/8), 2) : 0)
    + (width%2 == 1 ? pow(2, width - 1) * bits(q1, 32*(i/32) + 8*(i%4) + i%32/4, 1) : 0)
  )
  value = norm * codebook[code]
  encode {
    length = sqrt(sum(x*x))
    v      = domain(length > 1e-20 ? x * (codebook.scale / length) : 0)
    code   = nearest(codebook, v)
    dot    = sum(v*codebook[code])
    r      = sum(codebook[code]*codebook[code]) # no level is 0, so neither is r
    norm   = dot / r * (length / codebook.scale)
  }
}
