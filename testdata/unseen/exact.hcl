# Types whose integers are more than an f32 holds, whose levels are more than a byte holds, and whose codes lie where no window of
# bytes reaches.

# Products of codes that are the same for the block: up to 67 million.
type "product13" {
  use    = [kv, weight]
  block  = 32
  layout = [f32("d"), u8("s", 4), u8("q", 16)]
  unused = bits(s, 26, 6)
  hi     = bits(s, 0, 13)
  lo     = bits(s, 13, 13)
  code   = bits(q, 4*i, 4)
  value  = d * (hi*lo + 1) * (code - 8)
  encode {
    m    = absmax(x) / 8
    hi   = 8191
    lo   = 4099
    d    = m / 33574910.0
    code = clamp(rint(x*inv(m)) + 8, 0, 15)
  }
}

# Two products of a billion whose difference is 1. The encoder takes a number that nothing bounds from another.
type "difference15" {
  use    = [kv, weight]
  block  = 32
  layout = [f32("d"), u8("s", 8), u8("q", 16)]
  unused = bits(s, 60, 4)
  a      = bits(s, 0, 15)
  b      = bits(s, 15, 15)
  c      = bits(s, 30, 15)
  e      = bits(s, 45, 15)
  code   = bits(q, 4*i, 4)
  value  = d * (a*b - c*e) * (code - 8)
  encode {
    m    = absmax(x) / 8
    a    = 32767
    b    = 32765
    c    = 32766
    e    = 32766
    d    = m
    code = clamp(8 - rint(x*inv(m)), 0, 15)
  }
}

# A zero point that is a difference of products, taken from the code before both are floats.
type "zero15" {
  use    = [kv, weight]
  block  = 32
  layout = [f32("d"), u8("s", 4), u8("q", 32)]
  unused = bits(s, 30, 2)
  a      = bits(s, 0, 15)
  b      = bits(s, 15, 15)
  code   = bits(q, 8*i, 8)
  value  = d * (code - (a*b - b*a + a))
  encode {
    m    = absmax(x) / 127
    a    = 32767
    b    = 32767
    d    = m
    code = clamp(rint(x*inv(m)) + 100, 0, 255)
  }
}

# A scale of its own for each 16 values that is a product of 15-bit codes.
type "runs15" {
  use    = [kv, weight]
  block  = 64
  layout = [f32("d"), u8("s", 15), u8("q", 32)]
  a      = bits(s, 30*(i/16), 15)
  b      = bits(s, 30*(i/16) + 15, 15)
  code   = bits(q, 4*i, 4)
  value  = d * (a*b - 17*a + i/16) * (code - 8)
  encode {
    m    = absmax(x, 16) / 8
    top  = max(m)
    a    = clamp(rint(m*inv(top) * 32767), 0, 32767)
    b    = 32749
    d    = top / 1072529444.0
    code = clamp(rint(x*inv(m)) + 8, 0, 15)
  }
}

# Levels of half steps, more than a byte tells apart.
type "midrise7" {
  use    = [kv, weight]
  block  = 64
  layout = [f16("d"), u8("q", 56)]
  code   = bits(q, 7*i, 7)
  value  = d * (code + 0.5)
  encode {
    d    = f16(absmax(x) / 127)
    code = clamp(rint(abs(x)*inv(d) - 0.5), 0, 127)
  }
}

type "midrise7_least" {
  use    = [kv, weight]
  block  = 64
  layout = [f16("d"), f32("m"), u8("q", 56)]
  code   = bits(q, 7*i, 7)
  value  = d * (code + 0.5) + m
  encode {
    m    = min(x)
    d    = f16((max(x) - m) / 128)
    code = clamp(rint((x - m)*inv(d) - 0.5), 0, 127)
  }
}

type "midrise8" {
  use    = [kv]
  block  = 128
  layout = [f16("d"), u8("q", 128)]
  code   = sbits(q, 8*i, 8)
  value  = (code - 0.5) * d
  encode {
    d    = f16(absmax(x) / 127)
    code = clamp(rint(x*inv(d) + 0.5), -128, 127)
  }
}

# Quarter steps, and squares and half a step.
type "quarter6" {
  use    = [kv, weight]
  block  = 64
  layout = [f16("d"), u8("q", 48)]
  code   = bits(q, 6*i, 6)
  value  = d * (0.25 + code)
  encode {
    d    = f16(absmax(x) / 64)
    code = clamp(rint(abs(x)*inv(d) - 0.25), 0, 63)
  }
}

type "squares6" {
  use    = [kv, weight]
  block  = 64
  layout = [f16("d"), u8("q", 48)]
  code   = bits(q, 6*i, 6)
  value  = d * (code*code + 0.5)
  encode {
    d    = f16(absmax(x) / 4000)
    code = clamp(rint(sqrt(abs(x)*inv(d))), 0, 63)
  }
}

# A table of whole numbers that an offset makes none.
type "off_table" {
  use      = [kv, weight]
  block    = 64
  layout   = [f16("d"), u8("q", 32)]
  codebook = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]
  code     = bits(q, 4*i, 4)
  value    = d * (codebook[code] - 0.3)
  encode {
    d    = f16(absmax(x) / 120)
    code = nearest(codebook, x*inv(d) + 0.3)
  }
}

# Multiples of one number that is neither 1 nor the largest level over 127.
type "halves2" {
  use    = [kv, weight]
  block  = 128
  layout = [f16("d"), u8("q", 32)]
  code   = bits(q, 2*i, 2)
  value  = d * (code - 1.5)
  encode {
    d    = absmax(x) / 1.5
    code = clamp(rint(x*inv(d) + 1.5), 0, 3)
  }
}

# Codes in an order that needs a load for each, to the last byte of the block.
type "gather_end" {
  use    = [kv, weight]
  block  = 64
  layout = [f16("d"), u8("q", 32)]
  code   = bits(q, 4*((i*25 + 5)%64), 4)
  value  = d * (code - 8)
  encode {
    d    = extremum(x) / -8
    code = clamp(rint(x*inv(d)) + 8, 0, 15)
  }
}

type "gather12" {
  use    = [kv, weight]
  block  = 64
  layout = [f16("d"), u8("q", 96)]
  code   = bits(q, 12*((i*25 + 5)%64), 12)
  value  = d * (code - 2048)
  encode {
    d    = absmax(x) / 2047
    code = clamp(rint(x*inv(d)) + 2048, 0, 4095)
  }
}
