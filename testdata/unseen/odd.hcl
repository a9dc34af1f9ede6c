# More types that the project does not ship: shapes of blocks, orders of codes, kinds of arithmetic.

transform "turn512" {
  kind  = wht
  size  = 512
  left  = signs("pcg64", 1, 0)
  right = signs("golden")
}

type "late_scale" {
  summary = "seven bits and a plane of one, 24 values, the scale behind them"
  use     = [kv, weight]
  block   = 24
  layout  = [u8("low", 21), u8("top", 3), f16("d")]
  code    = bits(low, 7*i, 7) + 128*bits(top, 23 - i, 1)
  value   = d * (code - 128)
  encode {
    d    = absmax(x) / 127
    code = clamp(rint(x*inv(d)) + 128, 0, 255)
  }
}

type "woven" {
  summary  = "sixteen float levels, 256 values in the order of a transposed 16 x 16 square"
  use      = [kv, weight]
  block    = 256
  layout   = [u8("qs", 128), f32("d")]
  codebook = [-3.1, -2.2, -1.7, -1.25, -0.9, -0.6, -0.33, -0.1, 0.12, 0.35, 0.61, 0.93, 1.3, 1.72, 2.3, 3.3]
  code     = bits(qs, 4*(i%16*16 + i/16), 4)
  value    = codebook[code] * d
  encode {
    d    = sqrt(sum(x*x) / 256)
    code = nearest(codebook, x*inv(d))
  }
}

type "brain_affine" {
  summary = "bf16 scale and minimum, five bits in a stream, 64 values"
  use     = [kv]
  block   = 64
  layout  = [bf16("d"), u8("qs", 40), bf16("m")]
  code    = bits(qs, 5*i, 5)
  value   = d*code + m
  encode {
    m    = min(x)
    d    = (max(x) - m) / 31
    code = clamp(trunc((x - m)*inv(d) + 0.5), 0, 31)
  }
}

type "split_scales" {
  summary = "6-bit scales per 16 of 256 values: four bits here, two bits there, highest run first"
  use     = [kv, weight]
  block   = 256
  layout  = [u8("hi", 4), u8("qs", 96), u8("lo", 8), f16("d")]
  scale   = bits(lo, 4*(15 - i/16), 4) + 16*bits(hi, 8*(i/16%4) + 2*(i/64), 2)
  code    = bits(qs, 3*i, 3)
  value   = d * scale * (code - 4)
  encode {
    top   = absmax(x, 16) / 4
    d     = max(top) / 63
    scale = clamp(rint(top*inv(d)), 0, 63)
    code  = clamp(rint(x*inv(d*scale)) + 4, 0, 7)
  }
}

type "signed3" {
  summary = "a stream of signed 3-bit codes, 40 values"
  use     = [kv]
  block   = 40
  layout  = [f16("d"), u8("qs", 15)]
  code    = sbits(qs, 3*i, 3)
  value   = d * code
  encode {
    d    = extremum(x) / -4
    code = clamp(round(x*inv(d)), -4, 3)
  }
}

type "wide11" {
  summary = "eleven bits over up to three bytes, 72 values"
  use     = [kv, weight]
  block   = 72
  layout  = [u8("qs", 99), f32("d")]
  code    = bits(qs, 11*i, 11)
  value   = d * (code - 1024)
  encode {
    d    = absmax(x) / 1023
    code = clamp(rint(x*inv(d)) + 1024, 0, 2047)
  }
}

type "ternary" {
  summary  = "three levels in two bits; the fourth code reads as the third, 16 values"
  use      = [kv, weight]
  block    = 16
  layout   = [u8("qs", 4), f16("d")]
  codebook = [-1.25, 0, 1.25]
  code     = bits(qs, 30 - 2*i, 2)
  value    = d * codebook[min(2, code)]
  encode {
    d    = sum(abs(x)) / 16
    code = nearest(codebook, x*inv(d))
  }
}

type "sign_only" {
  summary = "one bit each and the mean magnitude, 128 values"
  use     = [kv]
  block   = 128
  layout  = [f16("d"), u8("s", 16)]
  neg     = bits(s, i, 1)
  value   = neg == 1 ? -d : d
  encode {
    d   = sum(abs(x)) / 128
    neg = x < 0 ? 1 : 0
  }
}

type "residual" {
  summary  = "two stages: four levels, then a sign for what is left, 48 values"
  use      = [kv, weight]
  block    = 48
  layout   = [u8("fine", 6), f16("e"), u8("rough", 12), f16("d")]
  codebook = lloyd_max(4, laplace)
  code     = bits(rough, 2*i, 2)
  up       = bits(fine, i, 1)
  value    = d*codebook[code] + e*(2*up - 1)
  encode {
    d    = sqrt(sum(x*x) / 48)
    code = nearest(codebook, x*inv(d))
    left = x - d*codebook[code]
    e    = sum(abs(left)) / 48
    up   = left >= 0 ? 1 : 0
  }
}

type "companded" {
  summary = "square law: the code's square with its sign, 8 bits, 1024 values"
  use     = [weight]
  block   = 1024
  layout  = [f16("d"), u8("qs", 1024)]
  code    = sbits(qs, 8*i, 8)
  value   = d * (code * abs(code))
  encode {
    d    = absmax(x) / 16129
    root = rint(sqrt(abs(x*inv(d))))
    code = clamp(x < 0 ? 0 - root : root, -127, 127)
  }
}

type "uneven" {
  summary = "one scale for the first 16 of 64 values, one for the rest, behind a hole in the layout"
  use     = [kv, weight]
  block   = 64
  layout  = [f16("big"), u8("hole", 2), f16("small"), u8("qs", 32)]
  unused  = [bits(hole, 0, 16)]
  code    = bits(qs, 8*(i/2) + 4*(1 - i%2), 4)
  value   = (i < 16 ? big : small) * (code - 8)
  encode {
    big   = absmax(i < 16 ? x : 0) / 7
    small = absmax(i < 16 ? 0 : x) / 7
    code  = clamp(rint(x*inv(i < 16 ? big : small)) + 8, 0, 15)
  }
}

type "read_only" {
  summary = "power-of-two scales, 2 bits, a minimum in one of them, 96 values"
  use     = [weight]
  block   = 96
  layout  = [e8m0("a"), u8("qs", 24), e8m0("b")]
  code    = bits(qs, 8*(i%24) + 2*(i/24), 2)
  value   = a*code - b/4
}

family "turned" {
  over {
    width = [1, 4, 7]
  }
  name     = "turned${width}"
  summary  = "${width} bits after a transform of 512"
  use      = [kv]
  block    = 512
  pad      = true
  domain   = turn512
  layout   = [f16("norm"), u8("qs", 64*width)]
  codebook = lloyd_max(pow(2, width), sphere(512))
  code     = bits(qs, width*i, width)
  value    = norm * codebook[code]
  encode {
    norm = sqrt(sum(x*x))
    code = nearest(codebook, turn512(norm > 0 ? x/norm : 0))
  }
}
