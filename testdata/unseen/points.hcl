# Types that store groups of values as points of a table, read bits twice, or have tables besides a codebook.

type "rows4" {
  summary = "runs of 4 values as a row of a Hadamard matrix and its sign, for the cache too"
  use     = [kv, weight]
  block   = 64
  layout  = [f16("d"), u8("qs", 6)]
  grid    = [[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]
  flip    = [1, -1]
  row     = bits(qs, 3*(i/4), 2)
  neg     = bits(qs, 3*(i/4) + 2, 1)
  value   = d * (grid[row][i%4] * flip[neg])
  encode {
    c0  = sum(x*grid[0][i%4], 4)
    c1  = sum(x*grid[1][i%4], 4)
    c2  = sum(x*grid[2][i%4], 4)
    c3  = sum(x*grid[3][i%4], 4)
    low = abs(c0) >= abs(c1) ? 0 : 1
    up  = abs(c2) >= abs(c3) ? 2 : 3
    cl  = low == 0 ? c0 : c1
    cu  = up == 2 ? c2 : c3
    row = abs(cl) >= abs(cu) ? low : up
    c   = abs(cl) >= abs(cu) ? cl : cu
    neg = c < 0 ? 1 : 0
    d   = sum(abs(c)) / 256
  }
}

type "pairs2" {
  summary = "pairs of values that no byte holds, by digits"
  block   = 64
  layout  = [f16("d"), u8("qs", 16)]
  pair    = bits(qs, 4*(i/2), 4)
  value   = d * grid[pair][i%2]
  grid = points(2, [-1.25, -0.375, 0.375, 1.25], <<-EOT
    00 01 02 03 10 11 12 13
    20 21 22 23 30 31 32 33
    EOT
  )
}

type "points8" {
  summary = "points of 8 by an index of 9 bits, signs by parity, a scale and a shift for each 32"
  block   = 96
  layout  = [u8("low", 12), u8("high", 2), u8("neg", 11), u8("s", 3), bf16("d")]
  point   = bits(low, 8*(i/8), 8) + 256*bits(high, i/8, 1)
  sign    = bits(neg, 7*(i/8), 7)
  unused  = [bits(high, 12, 4), bits(neg, 84, 4)]
  size    = bits(s, 8*(i/32), 5)
  shift   = bits(s, 8*(i/32) + 5, 3)
  signs   = parity(8)
  up      = [-1, -0.5, -0.25, -0.125, 0.125, 0.25, 0.5, 1]
  value   = d * (2*size + 1) * (signs[sign][i%8] * grid[point%16][i%8] + up[shift])
  grid = points(8, [1, 3, 5, 9], <<-EOT
    00000000 10010010 01001001 20100201 02010020 00200102 11111111 12121212
    33000000 03300000 00330000 00033000 00003300 00000330 00000033 30000003
    EOT
  )
}

type "window" {
  summary  = "states of 8 bits every 2 bits, as a trellis has them"
  block    = 32
  layout   = [f16("d"), u8("qs", 9)]
  unused   = bits(qs, 70, 2)
  state    = bits(qs, 2*i, 8)
  value    = d * (codebook[state%16] + 0.25*codebook[state/16])
  codebook = [-7, -5, -4, -3, -2, -1.5, -1, -0.5, 0.5, 1, 1.5, 2, 3, 4, 5, 7]
}

type "view5" {
  summary = "the sign of a code is a view of its upper bit, and moves the level"
  use     = [kv, weight]
  block   = 32
  layout  = [f16("d"), u8("qs", 20)]
  code    = bits(qs, 5*i, 5)
  upper   = bits(qs, 5*i + 4, 1)
  value   = d * (float(code - 16) + (upper == 1 ? 0.5 : 0.25))
  encode {
    d    = absmax(x) / 15.5
    code = clamp(rint(x*inv(d)) + 16, 0, 31)
  }
}
