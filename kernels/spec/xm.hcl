# The project's types over the extremum: xm3 to xm5, each in blocks of 32, 64 and 128 values, in the bytes and planes of
# lm3 to lm5 and under the same rotations. Only levels and encoder differ.
#
# A block is divided by its extremum, the value of largest magnitude, with its sign. Of every block one value is then
# exactly 1 and none is beyond ±1, so that no level is spent on what only other blocks hold, and but one level, near 1, on
# the extremum. The stored scale is again the one that fits the codes best by least squares. Squared error on normal values,
# beside that of lm in the same bytes:
#
#   bits   blocks of 32      64               128
#   3      .0249  .0304      .0291  .0326     .0323  .0339
#   4      .0060  .0081      .0071  .0088     .0080  .0093
#   5      .0015  .0021      .0017  .0023     .0020  .0024
#
# In caches of three models KLD was 20 to 30 % lower at equal bits.
#
# Levels are integers, so that kernels may sum products exactly; the price is .0003 of the error at 3 bits, .0012 at 4 and
# .006 at 5.

family "xm" {
  over {
    width = [3, 4, 5]
    n     = [32, 64, 128]
  }
  name     = "xm${width}_${n}"
  summary  = "${width}-bit Lloyd-Max codes of a rotated block over its extremum, one scale per ${n} values"
  use      = [kv]
  block    = n
  domain   = n == 32 ? lm_wht32 : n == 64 ? lm_wht64 : lm_wht128
  codebook = int8(lloyd_max(pow(2, width), extremum(n)))
  layout = [
    f16("norm"),
    u8("q4", width >= 4 ? n/2 : 0),
    u8("q2", width == 3 ? n/4 : 0),
    u8("q1", width != 4 ? n/8 : 0),
  ]
  code = (
    (width >= 4 ? bits(q4, 128*(i/32) + 8*(i%16) + 4*(i%32/16), 4) : 0)
    + (width == 3 ? bits(q2, 64*(i/32) + 8*(i%8) + 2*(i%32/8), 2) : 0)
    + (width != 4 ? pow(2, width - 1) * bits(q1, 32*(i/32) + 8*(i%4) + i%32/4, 1) : 0)
  )
  value = norm * codebook[code]
  encode { # of a block of zeros every code is that of the level nearest to 0, which may be 0
    w    = domain(x)
    m    = extremum(w)
    v    = abs(m) > 1e-20 ? w * (codebook.scale / m) : 0
    code = nearest(codebook, v)
    dot  = sum(v*codebook[code])
    r    = sum(codebook[code]*codebook[code])
    norm = r > 0 ? dot / r * (m / codebook.scale) : 0
  }
}
