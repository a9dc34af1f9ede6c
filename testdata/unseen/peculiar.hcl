# Types with names and arithmetic that stand in a compiler's way: values that are no scale * level + min, signed codes of few
# bits, scales rounded before they make codes, the most significant bit first, names that mean something to Go.

transform "wht32x" {
  kind  = wht
  size  = 32
  right = signs("golden")
}

# planar 5-bit with two sub-blocks of 16
type "planar5x2" {
  use    = [kv, weight]
  block  = 32
  layout = [f16("d"), u8("p0", 4), u8("p1", 4), u8("p2", 4), u8("p3", 4), u8("p4", 4), u8("s", 1)]
  sub    = bits(s, 4*(i/16), 4)
  code   = bits(p0, i, 1) + 2*bits(p1, i, 1) + 4*bits(p2, i, 1) + 8*bits(p3, i, 1) + 16*bits(p4, i, 1)
  value  = d * sub * (code - 16)
  encode {
    top  = absmax(x, 16)
    d    = max(top) / 240
    sub  = clamp(rint(top * inv(15*d)), 0, 15)
    code = clamp(rint(x * inv(d*sub)) + 16, 0, 31)
  }
}

# 3-bit stream across bytes, five sizes of blocks
family "st" {
  over {
    n = [32, 64, 112, 160, 256]
  }
  name   = "st3_${n}"
  use    = [kv, weight]
  block  = n
  layout = [f16("d"), u8("q", n*3/8)]
  code   = bits(q, 3*i, 3)
  value  = d * (code - 4)
  encode {
    d    = extremum(x) / -4
    code = clamp(round(x*inv(d) + 4), 0, 7)
  }
}

# exactly q4_K's layout with an encoder
type "q4_K_enc" {
  use    = [kv, weight]
  block  = 256
  layout = [f16("d"), f16("dmin"), u8("scales", 12), u8("qs", 128)]
  code   = bits(qs, 256*(i/64) + 8*(i%32) + 4*(i%64/32), 4)
  scale  = i/32 < 4 ? bits(scales, 8*(i/32), 6) : bits(scales, 8*(i/32) + 32, 4) + 16*bits(scales, 8*(i/32) - 26, 2)
  least  = i/32 < 4 ? bits(scales, 8*(i/32) + 32, 6) : bits(scales, 8*(i/32) + 36, 4) + 16*bits(scales, 8*(i/32) + 6, 2)
  value  = d*scale*code - dmin*least
  encode {
    lo    = min(0.0, min(x, 32))
    hi    = max(x, 32)
    step  = (hi - lo) / 15
    d     = max(step) / 63
    dmin  = max(-lo) / 63
    scale = clamp(rint(step*inv(d)), 0, 63)
    least = clamp(rint(-lo*inv(dmin)), 0, 63)
    code  = clamp(rint((x + dmin*least)*inv(d*scale)), 0, 15)
  }
}

# two f16 scales by halves, interleaved
type "inter" {
  use    = [kv, weight]
  block  = 64
  layout = [f16("even"), f16("odd"), u8("q", 32)]
  code   = bits(q, 8*(i%32) + 4*(i/32), 4)
  value  = (i%2 == 0 ? even : odd) * (code - 8)
  encode {
    even = absmax(i%2 == 0 ? x : 0) / 7
    odd  = absmax(i%2 == 1 ? x : 0) / 7
    code = clamp(rint(x*inv(i%2 == 0 ? even : odd)) + 8, 0, 15)
  }
}

# 2-bit with 4-bit sub-scales
type "two_four" {
  use    = [kv, weight]
  block  = 128
  layout = [bf16("d"), u8("sc", 4), u8("q", 32)]
  sc4    = bits(sc, 4*(i/16), 4)
  code   = bits(q, 2*i, 2)
  value  = d * sc4 * (2*code - 3)
  encode {
    m    = absmax(x, 16) / 3
    d    = max(m) / 15
    sc4  = clamp(rint(m*inv(d)), 0, 15)
    code = clamp(trunc(x*inv(d*sc4)/2 + 2), 0, 3)
  }
}

# big-endian stream of 3 bits: MSB first across bytes
type "be3" {
  use    = [kv, weight]
  block  = 32
  layout = [f16("d"), u8("q", 12)]
  code   = 4*bits(q, 3*i/8*8 + 7 - 3*i%8, 1) + 2*bits(q, (3*i + 1)/8*8 + 7 - (3*i + 1)%8, 1) + bits(q, (3*i + 2)/8*8 + 7 - (3*i + 2)%8, 1)
  value  = d * (code - 4)
  encode {
    d    = extremum(x) / -4
    code = min(7, trunc(x*inv(d) + 4.5))
  }
}

# three fields for one code, two separate bytes in between
type "three_fields" {
  use    = [kv, weight]
  block  = 64
  layout = [u8("a", 16), f16("d"), u8("b", 24), u8("c", 8)]
  code   = bits(a, 2*(63 - i), 2) + 4*bits(b, 3*i, 3) + 32*bits(c, (i*5 + 3)%64, 1)
  value  = d * (code - 32)
  encode {
    d    = absmax(x) / 31
    code = clamp(rint(x*inv(d)) + 32, 0, 63)
  }
}

# scale shared by 8 values
type "by8" {
  use    = [kv, weight]
  block  = 64
  layout = [f16("d"), u8("s", 8), u8("q", 32)]
  s8     = bits(s, 8*(i/8), 8)
  code   = bits(q, 4*i, 4)
  value  = d * s8 * (code - 8)
  encode {
    m    = absmax(x, 8) / 7
    d    = max(m) / 255
    s8   = clamp(rint(m*inv(d)), 0, 255)
    code = clamp(rint(x*inv(d*s8)) + 8, 0, 15)
  }
}

# scale shared by 4 values
type "by4" {
  use    = [kv, weight]
  block  = 32
  layout = [f16("d"), u8("s", 8), u8("q", 16)]
  s8     = bits(s, 8*(i/4), 8)
  code   = bits(q, 4*i, 4)
  value  = d * s8 * (code - 8)
  encode {
    m    = absmax(x, 4) / 7
    d    = max(m) / 255
    s8   = clamp(rint(m*inv(d)), 0, 255)
    code = clamp(rint(x*inv(d*s8)) + 8, 0, 15)
  }
}

# Hadamard of half blocks
type "half_h" {
  use      = [kv]
  block    = 64
  domain   = wht32x
  layout   = [f16("n"), u8("q", 32)]
  codebook = lloyd_max(16, gaussian)
  code     = bits(q, 4*i, 4)
  value    = n * codebook[code]
  encode {
    v    = domain(x)
    n    = sqrt(sum(v*v)/64)
    code = nearest(codebook, v*inv(n))
  }
}

# MXFP4 with an encoder as OCP MX v1.0 describes it
type "mx4" {
  use      = [kv, weight]
  block    = 32
  layout   = [e8m0("e"), u8("qs", 16)]
  codebook = [-12, -8, -6, -4, -3, -2, -1, 0, 0.0001, 1, 2, 3, 4, 6, 8, 12]
  code     = bits(qs, 8*(i%16) + 4*(i/16), 4)
  value    = (e * 0.5) * codebook[code]
  encode {
    e    = e8m0(absmax(x) / 4)
    code = nearest(codebook, x * (2*inv(e)))
  }
}

type "halfround" {
  use    = [kv]
  block  = 64
  layout = [f16("d"), u8("q", 48)]
  code   = sbits(q, 6*i, 6)
  value  = d * code
  encode {
    d    = f16(absmax(x) / 31)
    code = clamp(rint(x*inv(d)), -31, 31)
  }
}

type "brainround" {
  use    = [kv]
  block  = 128
  layout = [bf16("d"), bf16("m"), u8("q", 112)]
  code   = sbits(q, 7*i, 7)
  value  = d * code + m
  encode {
    m    = bf16(sum(x) / 128)
    d    = bf16(absmax(x - m) / 63)
    code = clamp(rint((x - m)*inv(d)), -63, 63)
  }
}

type "s8_64" {
  use    = [kv]
  block  = 64
  layout = [f16("d"), u8("q", 64)]
  code   = sbits(q, 8*i, 8)
  value  = d * code
  encode {
    d    = absmax(x) / 127
    code = clamp(rint(x*inv(d)), -127, 127)
  }
}

# 8 bits signed with an offset
type "s8_off" {
  use    = [kv, weight]
  block  = 64
  layout = [f16("d"), u8("q", 64)]
  code   = sbits(q, 8*i, 8)
  value  = d * (code + 1)
  encode {
    d    = absmax(x) / 127
    code = clamp(rint(x*inv(d)) - 1, -128, 126)
  }
}

# unsigned 8 bits, odd steps
type "u8_odd" {
  use    = [kv]
  block  = 128
  layout = [f16("d"), u8("q", 128)]
  code   = bits(q, 8*i, 8)
  value  = d * (2*code - 255)
  encode {
    d    = absmax(x) / 255
    code = clamp(trunc(x*inv(d)/2 + 128), 0, 255)
  }
}

# zero point, block of 64, kv only; int8 kernels possible
type "zp64" {
  use    = [kv, weight]
  block  = 64
  layout = [f16("d"), u8("z", 1), u8("q", 32)]
  zero   = bits(z, 0, 8)
  code   = bits(q, 4*i, 4)
  value  = d * (code - zero)
  encode {
    lo   = min(0.0, min(x))
    d    = f16((max(0.0, max(x)) - lo) / 15)
    zero = clamp(rint(-lo*inv(d)), 0, 15)
    code = clamp(rint(x*inv(d)) + zero, 0, 15)
  }
}

# AWQ/GPTQ-like: f16 scale and zero per 64, order 0 2 4 6 1 3 5 7 in each 32-bit word
type "awq" {
  use    = [kv, weight]
  block  = 64
  layout = [u8("q", 32), f16("d"), u8("z", 1)]
  unused = bits(z, 4, 4)
  zero   = bits(z, 0, 4)
  code   = bits(q, 32*(i/8) + 4*(i%8/2) + 16*(i%2), 4)
  value  = (code - zero) * d
  encode {
    lo   = min(0.0, min(x))
    d    = f16((max(0.0, max(x)) - lo) / 15)
    zero = clamp(rint(-lo*inv(d)), 0, 15)
    code = clamp(rint(x*inv(d)) + zero, 0, 15)
  }
}

# eleven levels, whole block of 64
type "eleven64" {
  use      = [kv]
  block    = 64
  layout   = [f16("d"), u8("q", 32)]
  codebook = [-2.9, -1.8, -1.1, -0.6, -0.2, 0.15, 0.5, 0.95, 1.5, 2.2, 3.4]
  code     = bits(q, 4*i, 4)
  value    = d * codebook[min(code, 10)]
  encode {
    d    = sqrt(sum(x*x)/64)
    code = nearest(codebook, x*inv(d))
  }
}

# base-3: five ternary digits in a byte cannot be bits; two codes multiplied instead
type "signmag" {
  use    = [kv]
  block  = 64
  layout = [f16("d"), u8("s", 8), u8("m", 16)]
  neg    = bits(s, i, 1)
  mag    = bits(m, 2*i, 2)
  value  = d * ((1 - 2*neg) * (1 + mag))
  encode {
    d   = absmax(x) / 4
    neg = x < 0 ? 1 : 0
    mag = clamp(trunc(abs(x)*inv(d) - 0.5), 0, 3)
  }
}

# float-like codes: 1 sign, 2 exponent, 1 mantissa computed by arithmetic
type "fp4" {
  use    = [kv, weight]
  block  = 32
  layout = [f32("d"), u8("q", 16)]
  code   = bits(q, 4*i, 4)
  value  = d * (code < 8 ? code : 8 - code)
  encode {
    d    = absmax(x) / 7
    v    = rint(x*inv(d))
    code = clamp(v < 0 ? 8 - v : v, 0, 15)
  }
}

# Go words as names
type "func" {
  use    = [kv]
  block  = 32
  layout = [f16("range"), u8("go", 16)]
  len    = bits(go, 4*i, 4)
  value  = range * (len - 8)
  encode {
    float32 = absmax(x)
    abs     = float32 / 7
    range   = abs
    b       = x*inv(range)
    math    = rint(b)
    len     = clamp(math + 8, 0, 15)
  }
}

type "k4_windows" {
  use    = [kv]
  block  = 32
  layout = [f16("dst"), u8("src", 16)]
  w      = bits(src, 4*i, 4)
  value  = dst * (w - 8)
  encode {
    dst = absmax(x) / 7
    w   = clamp(rint(x*inv(dst)) + 8, 0, 15)
  }
}

# one scale per 8 of 48, one code for all
type "mini" {
  use    = [kv, weight]
  block  = 48
  layout = [u8("e", 3), f16("d"), u8("q", 24)]
  s      = bits(e, 4*(i/8), 4)
  code   = bits(q, 4*(47 - i), 4)
  value  = d / (s + 1) * (code - 8)
  encode {
    d    = f16(absmax(x) / 7)
    s    = clamp(rint(d * inv(absmax(x, 8) / 7)) - 1, 0, 15)
    code = clamp(rint(x * inv(d / (s + 1))) + 8, 0, 15)
  }
}

type "gemm" {
  use    = [kv]
  block  = 32
  layout = [f16("dst"), u8("src", 16)]
  w      = bits(src, 4*i, 4)
  value  = dst * (w - 8)
  encode {
    dst = absmax(x) / 7
    w   = clamp(rint(x*inv(dst)) + 8, 0, 15)
  }
}

# NVFP4: E2M1 elements under an E4M3 scale, its exponent taken bit by bit.
type "nv" {
  use    = [kv, weight]
  block  = 16
  layout = [u8("s", 1), u8("q", 8)]
  e0     = bits(s, 3, 1)
  e1     = bits(s, 4, 1)
  e2     = bits(s, 5, 1)
  e3     = bits(s, 6, 1)
  m      = bits(s, 0, 3)
  unused = bits(s, 7, 1)
  mag    = bits(q, 4*i, 3)
  neg    = bits(q, 4*i + 3, 1)
  value  = (neg == 1 ? -1.0 : 1.0) * (mag < 4 ? mag : mag == 4 ? 4.0 : mag == 5 ? 6.0 : mag == 6 ? 8.0 : 12.0) / 2 * (e3 == 1 ? 2.0 : 0.0078125) * (e2 == 1 ? 16.0 : 1.0) * (e1 == 1 ? 4.0 : 1.0) * (e0 == 1 ? 2.0 : 1.0) * (8 + m) / 8
  encode {
    most = absmax(x) / 6
    p    = e8m0(most)
    f    = clamp(rint(most*inv(p)*8 - 8), 0, 7)
    e3   = p >= 2 ? 1 : 0
    rest = e3 == 1 ? p/2 : p*128
    e2   = rest >= 16 ? 1 : 0
    r2   = e2 == 1 ? rest/16 : rest
    e1   = r2 >= 4 ? 1 : 0
    r1   = e1 == 1 ? r2/4 : r2
    e0   = r1 >= 2 ? 1 : 0
    m    = f
    d    = (e3 == 1 ? 2.0 : 0.0078125) * (e2 == 1 ? 16.0 : 1.0) * (e1 == 1 ? 4.0 : 1.0) * (e0 == 1 ? 2.0 : 1.0) * (8 + f) / 8
    v    = abs(x)*inv(d)
    mag  = v < 0.25 ? 0 : v < 0.75 ? 1 : v < 1.25 ? 2 : v < 1.75 ? 3 : v < 2.5 ? 4 : v < 3.5 ? 5 : v < 5 ? 6 : 7
    neg  = x < 0 ? 1 : 0
  }
}
