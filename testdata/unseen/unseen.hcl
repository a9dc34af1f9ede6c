# Types that the project does not ship, each with something that no shipped type has. TestUnseenTypes compiles them in a copy
# of the project and runs the conformance suite there.

transform "plain16" {
  kind = wht
  size = 16
}

transform "signed16" {
  kind  = wht
  size  = 16
  left  = signs("golden")
  right = signs("pcg64", 7, 3)
}

type "planar5" {
  summary = "five bit planes, block of 48"
  use     = [kv, weight]
  block   = 48
  layout  = [u8("p0", 6), u8("p1", 6), u8("p2", 6), u8("p3", 6), u8("p4", 6), f16("d")]
  code    = bits(p0, i, 1) + 2*bits(p1, i, 1) + 4*bits(p2, i, 1) + 8*bits(p3, i, 1) + 16*bits(p4, i, 1)
  value   = d * (code - 16)
  encode {
    d    = absmax(x) / 15.5
    code = clamp(rint(x*inv(d)) + 16, 0, 31)
  }
}

type "stream3" {
  summary  = "3-bit stream across bytes with an asymmetric codebook, block of 80"
  use      = [kv]
  block    = 80
  layout   = [u8("s", 30), bf16("d")]
  codebook = [-1.7, -1, -0.5, -0.1, 0.25, 0.6, 1.2, 2.1]
  code     = bits(s, 3*i, 3)
  value    = d * codebook[code]
  encode {
    d    = sqrt(sum(x*x) / 80)
    code = nearest(codebook, x*inv(d))
  }
}

type "packed6" {
  summary = "asymmetric, packed 6-bit scales and minima per 16 of 128 values"
  use     = [kv, weight]
  block   = 128
  layout  = [f16("d"), f16("m"), u8("sub", 12), u8("qs", 64)]
  scale   = bits(sub, 12*(i/16), 6)
  least   = bits(sub, 12*(i/16) + 6, 6)
  code    = bits(qs, 8*(i%64) + 4*(i/64), 4)
  value   = d*scale*code - m*least
  encode {
    low   = min(0, min(x, 16))
    width = (max(x, 16) - low) / 15
    d     = max(width) / 63
    m     = max(0 - low) / 63
    scale = clamp(rint(width*inv(d)), 0, 63)
    least = clamp(rint((0 - low)*inv(m)), 0, 63)
    code  = clamp(rint((x + m*least)*inv(d*scale)), 0, 15)
  }
}

type "halves" {
  summary = "two scales per block, signed 6-bit codes, head padded to whole blocks"
  use     = [kv]
  block   = 32
  pad     = true
  guard   = head_dim >= 24 && !(head_dim % 5 == 0)
  layout  = [f32("d1"), u8("qs", 24), e8m0("d0")]
  code    = sbits(qs, 6*i, 6)
  value   = (i < 16 ? d0 : d1) * code
  encode {
    m    = absmax(x, 16)
    d0   = absmax(i < 16 ? x : 0) / 16
    d1   = absmax(i < 16 ? 0 : x) / 31
    code = clamp(round(x*inv(i < 16 ? d0 : m/31)), -32, 31)
  }
}

type "scattered" {
  summary = "widths that alternate, an order that no digits describe, one code for the whole block"
  use     = [kv, weight]
  block   = 16
  layout  = [u8("q", 6), u8("r", 2), f16("d"), u8("z", 1)]
  fine    = i%2 == 0 ? bits(q, 6*(i/2), 4) : bits(q, 6*(i/2) + 4, 2)
  sign    = bits(r, i*7%16, 1)
  shift   = bits(z, 0, 8)
  value   = (sign == 1 ? -d : d) * (fine * (i%2 == 0 ? 1 : 5) + shift/64 + shift%4)
  encode {
    d     = absmax(x) / 15
    shift = d > 1 ? 66 : 0
    sign  = x < 0 ? 1 : 0
    fine  = i%2 == 0 ? clamp(trunc(abs(x)*inv(d)), 0, 15) : clamp(rint(abs(x)*inv(5*d)), 0, 3)
  }
}

type "rotated" {
  summary = "read back through the inverse of a transform, with a permutation of weights by i"
  use     = [kv]
  block   = 64
  domain  = signed16
  layout  = [f16("d"), u8("qs", 64)]
  code    = sbits(qs, 8*i, 8)
  value   = d * plain16(code * (i*i%5 + 1))
  encode {
    v    = inverse(plain16, domain(x)) / (i*i%5 + 1)
    d    = absmax(v) / 127
    code = clamp(round(v*inv(d)), -127, 127)
  }
}

type "twenty" {
  summary = "a block that no vector divides: 7-bit codes of 20 values"
  use     = [kv, weight]
  block   = 20
  layout  = [u8("qs", 18), bf16("d")]
  unused  = bits(qs, 140, 4)
  code    = bits(qs, 7*i, 7)
  value   = d * (code - 64)
  encode {
    d    = absmax(x) / 63
    code = clamp(rint(x*inv(d)), -63, 63) + 64
  }
}

# Guards with every operator and function of integers. Quotients and remainders by 0 are 0.
rotation "guarded1" {
  tile  = 16
  guard = 7 % (head_dim - 64) == 0 || 1 / (head_dim - 64) > 0
}

rotation "guarded2" {
  tile  = 16
  guard = (quantised ? head_dim : 2) > 3 && min(head_dim, 64) == 64 && abs(32 - head_dim) > 3
}

rotation "guarded3" {
  tile  = 16
  guard = !(clamp(head_dim, 32, 128) - head_dim == -(-head_dim % 5) || max(-head_dim, 0 - 100) * 2 / 3 != -66) || head_dim % 7 / 2 * 2 >= head_dim % 7
}

rotation "guarded4" {
  tile  = 16
  guard = clamp(head_dim, 64, 128) == head_dim
}
