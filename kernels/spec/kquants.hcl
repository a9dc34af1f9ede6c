# ggml's k-quants: 256 values in sub-blocks, each with a packed scale and perhaps a packed minimum.
#
# Bytes mean what they mean to ggml; encoders are the project's own and give others than ggml's. Each tries three scales
# per sub-block, fits scale and minimum to the codes by weighted least squares, keeps the best and fits once more. On
# N(0,1) and Laplace noise the error is within 3 % of that of ggml's encoders without an importance matrix, which try
# up to 37 scales; that of q2_K is a seventh lower.

type "q2_K" {
  summary         = "2 bits, a 4-bit scale and minimum per 16 of 256 values"
  id              = 10
  use             = [weight]
  compatible_with = "ggml Q2_K"
  block           = 256
  layout          = [u8("scales", 16), u8("qs", 64), f16("d"), f16("dmin")]
  code            = bits(qs, 256*(i/128) + 8*(i%32) + 2*(i%128/32), 2)
  scale           = bits(scales, 8*(i/16), 4)
  least           = bits(scales, 8*(i/16) + 4, 4)
  value           = d*scale*code - dmin*least
  encode {
    lo    = min(min(x, 16), 0.0)
    span  = max(x, 16) - lo
    w     = 1 + abs(x)*inv(sqrt(sum(x*x) / 128))
    sw    = sum(w, 16)
    sx    = sum(w*x, 16)
    q1    = clamp(rint((x - lo) * inv(span) * 2.5), 0, 3)
    l1    = sum(w*q1, 16)
    ll1   = sum(w*q1*q1, 16)
    lx1   = sum(w*q1*x, 16)
    m1    = min(0.0, (ll1*sx - l1*lx1) * inv(sw*ll1 - l1*l1))
    s1    = (lx1 - m1*l1) * inv(ll1)
    e1    = sum(w*(s1*q1 + m1 - x)*(s1*q1 + m1 - x), 16)
    q2    = clamp(rint((x - lo) * inv(span) * 3), 0, 3)
    l2    = sum(w*q2, 16)
    ll2   = sum(w*q2*q2, 16)
    lx2   = sum(w*q2*x, 16)
    m2    = min(0.0, (ll2*sx - l2*lx2) * inv(sw*ll2 - l2*l2))
    s2    = (lx2 - m2*l2) * inv(ll2)
    e2    = sum(w*(s2*q2 + m2 - x)*(s2*q2 + m2 - x), 16)
    bs2   = e2 < e1 ? s2 : s1
    bm2   = e2 < e1 ? m2 : m1
    be2   = min(e2, e1)
    q3    = clamp(rint((x - lo) * inv(span) * 3.3), 0, 3)
    l3    = sum(w*q3, 16)
    ll3   = sum(w*q3*q3, 16)
    lx3   = sum(w*q3*x, 16)
    m3    = min(0.0, (ll3*sx - l3*lx3) * inv(sw*ll3 - l3*l3))
    s3    = (lx3 - m3*l3) * inv(ll3)
    e3    = sum(w*(s3*q3 + m3 - x)*(s3*q3 + m3 - x), 16)
    bs3   = e3 < be2 ? s3 : bs2
    bm3   = e3 < be2 ? m3 : bm2
    be3   = min(e3, be2)
    q4    = clamp(rint((x - bm3) * inv(bs3)), 0, 3)
    l4    = sum(w*q4, 16)
    ll4   = sum(w*q4*q4, 16)
    lx4   = sum(w*q4*x, 16)
    m4    = min(0.0, (ll4*sx - l4*lx4) * inv(sw*ll4 - l4*l4))
    s4    = (lx4 - m4*l4) * inv(ll4)
    e4    = sum(w*(s4*q4 + m4 - x)*(s4*q4 + m4 - x), 16)
    bs4   = e4 < be3 ? s4 : bs3
    bm4   = e4 < be3 ? m4 : bm3
    d     = max(bs4) / 15
    dmin  = max(-bm4) / 15
    scale = clamp(rint(bs4 * inv(d)), 0, 15)
    least = clamp(rint(-bm4 * inv(dmin)), 0, 15)
    code  = clamp(rint((x + f16(dmin)*least) * inv(f16(d)*scale)), 0, 3)
  }
}

type "q3_K" {
  summary         = "3 bits and a 6-bit scale per 16 of 256 values"
  id              = 11
  use             = [weight]
  compatible_with = "ggml Q3_K"
  block           = 256
  layout          = [u8("hmask", 32), u8("qs", 64), u8("scales", 12), f16("d")]
  code            = bits(qs, 256*(i/128) + 8*(i%32) + 2*(i%128/32), 2) + 4*bits(hmask, 8*(i%32) + i/32, 1)
  scale           = bits(scales, 8*(i/16%8) + 4*(i/128), 4) + 16*bits(scales, 64 + 8*(i/16%4) + 2*(i/64), 2)
  value           = d * (scale - 32) * (code - 4)
  encode {
    m     = extremum(x, 16)
    w     = x*x
    q1    = clamp(rint(x * inv(m) * -4), -4, 3)
    ll1   = sum(w*q1*q1, 16)
    lx1   = sum(w*q1*x, 16)
    s1    = lx1 * inv(ll1)
    q2    = clamp(rint(x * inv(m) * -3.5), -4, 3)
    ll2   = sum(w*q2*q2, 16)
    lx2   = sum(w*q2*x, 16)
    s2    = lx2 * inv(ll2)
    b2    = lx2*s2 > lx1*s1 ? s2 : s1
    p2    = max(lx2*s2, lx1*s1)
    q3    = clamp(rint(x * inv(m) * -4.5), -4, 3)
    ll3   = sum(w*q3*q3, 16)
    lx3   = sum(w*q3*x, 16)
    s3    = lx3 * inv(ll3)
    b3    = lx3*s3 > p2 ? s3 : b2
    p3    = max(lx3*s3, p2)
    q4    = clamp(rint(x * inv(b3)), -4, 3)
    ll4   = sum(w*q4*q4, 16)
    lx4   = sum(w*q4*x, 16)
    s4    = lx4 * inv(ll4)
    b4    = lx4*s4 > p3 ? s4 : b3
    d     = extremum(b4) / -32
    scale = clamp(rint(b4 * inv(d)), -32, 31) + 32
    code  = clamp(rint(x * inv(f16(d)*(scale - 32))), -4, 3) + 4
  }
}

# The scales and minima of q4_K and q5_K: those of sub-blocks 0-3 are six bits of a byte, those of 4-7 are in pieces.

type "q4_K" {
  summary         = "4 bits, a 6-bit scale and minimum per 32 of 256 values"
  id              = 12
  use             = [weight]
  compatible_with = "ggml Q4_K"
  block           = 256
  layout          = [f16("d"), f16("dmin"), u8("scales", 12), u8("qs", 128)]
  code            = bits(qs, 256*(i/64) + 8*(i%32) + 4*(i%64/32), 4)
  scale           = i/32 < 4 ? bits(scales, 8*(i/32), 6) : bits(scales, 8*(i/32) + 32, 4) + 16*bits(scales, 8*(i/32) - 26, 2)
  least           = i/32 < 4 ? bits(scales, 8*(i/32) + 32, 6) : bits(scales, 8*(i/32) + 36, 4) + 16*bits(scales, 8*(i/32) + 6, 2)
  value           = d*scale*code - dmin*least
  encode {
    lo    = min(min(x, 32), 0.0)
    span  = max(x, 32) - lo
    w     = 1 + abs(x)*inv(sqrt(sum(x*x) / 128))
    sw    = sum(w, 32)
    sx    = sum(w*x, 32)
    q1    = clamp(rint((x - lo) * inv(span) * 14.3), 0, 15)
    l1    = sum(w*q1, 32)
    ll1   = sum(w*q1*q1, 32)
    lx1   = sum(w*q1*x, 32)
    m1    = min(0.0, (ll1*sx - l1*lx1) * inv(sw*ll1 - l1*l1))
    s1    = (lx1 - m1*l1) * inv(ll1)
    e1    = sum(w*(s1*q1 + m1 - x)*(s1*q1 + m1 - x), 32)
    q2    = clamp(rint((x - lo) * inv(span) * 14.9), 0, 15)
    l2    = sum(w*q2, 32)
    ll2   = sum(w*q2*q2, 32)
    lx2   = sum(w*q2*x, 32)
    m2    = min(0.0, (ll2*sx - l2*lx2) * inv(sw*ll2 - l2*l2))
    s2    = (lx2 - m2*l2) * inv(ll2)
    e2    = sum(w*(s2*q2 + m2 - x)*(s2*q2 + m2 - x), 32)
    bs2   = e2 < e1 ? s2 : s1
    bm2   = e2 < e1 ? m2 : m1
    be2   = min(e2, e1)
    q3    = clamp(rint((x - lo) * inv(span) * 15.5), 0, 15)
    l3    = sum(w*q3, 32)
    ll3   = sum(w*q3*q3, 32)
    lx3   = sum(w*q3*x, 32)
    m3    = min(0.0, (ll3*sx - l3*lx3) * inv(sw*ll3 - l3*l3))
    s3    = (lx3 - m3*l3) * inv(ll3)
    e3    = sum(w*(s3*q3 + m3 - x)*(s3*q3 + m3 - x), 32)
    bs3   = e3 < be2 ? s3 : bs2
    bm3   = e3 < be2 ? m3 : bm2
    be3   = min(e3, be2)
    q4    = clamp(rint((x - bm3) * inv(bs3)), 0, 15)
    l4    = sum(w*q4, 32)
    ll4   = sum(w*q4*q4, 32)
    lx4   = sum(w*q4*x, 32)
    m4    = min(0.0, (ll4*sx - l4*lx4) * inv(sw*ll4 - l4*l4))
    s4    = (lx4 - m4*l4) * inv(ll4)
    e4    = sum(w*(s4*q4 + m4 - x)*(s4*q4 + m4 - x), 32)
    bs4   = e4 < be3 ? s4 : bs3
    bm4   = e4 < be3 ? m4 : bm3
    d     = max(bs4) / 63
    dmin  = max(-bm4) / 63
    scale = clamp(rint(bs4 * inv(d)), 0, 63)
    least = clamp(rint(-bm4 * inv(dmin)), 0, 63)
    code  = clamp(rint((x + f16(dmin)*least) * inv(f16(d)*scale)), 0, 15)
  }
}

type "q5_K" {
  summary         = "5 bits, a 6-bit scale and minimum per 32 of 256 values"
  id              = 13
  use             = [weight]
  compatible_with = "ggml Q5_K"
  block           = 256
  layout          = [f16("d"), f16("dmin"), u8("scales", 12), u8("qh", 32), u8("qs", 128)]
  code            = bits(qs, 256*(i/64) + 8*(i%32) + 4*(i%64/32), 4) + 16*bits(qh, 8*(i%32) + i/32, 1)
  scale           = i/32 < 4 ? bits(scales, 8*(i/32), 6) : bits(scales, 8*(i/32) + 32, 4) + 16*bits(scales, 8*(i/32) - 26, 2)
  least           = i/32 < 4 ? bits(scales, 8*(i/32) + 32, 6) : bits(scales, 8*(i/32) + 36, 4) + 16*bits(scales, 8*(i/32) + 6, 2)
  value           = d*scale*code - dmin*least
  encode {
    lo    = min(min(x, 32), 0.0)
    span  = max(x, 32) - lo
    w     = 1 + abs(x)*inv(sqrt(sum(x*x) / 128))
    sw    = sum(w, 32)
    sx    = sum(w*x, 32)
    q1    = clamp(rint((x - lo) * inv(span) * 30.3), 0, 31)
    l1    = sum(w*q1, 32)
    ll1   = sum(w*q1*q1, 32)
    lx1   = sum(w*q1*x, 32)
    m1    = min(0.0, (ll1*sx - l1*lx1) * inv(sw*ll1 - l1*l1))
    s1    = (lx1 - m1*l1) * inv(ll1)
    e1    = sum(w*(s1*q1 + m1 - x)*(s1*q1 + m1 - x), 32)
    q2    = clamp(rint((x - lo) * inv(span) * 30.9), 0, 31)
    l2    = sum(w*q2, 32)
    ll2   = sum(w*q2*q2, 32)
    lx2   = sum(w*q2*x, 32)
    m2    = min(0.0, (ll2*sx - l2*lx2) * inv(sw*ll2 - l2*l2))
    s2    = (lx2 - m2*l2) * inv(ll2)
    e2    = sum(w*(s2*q2 + m2 - x)*(s2*q2 + m2 - x), 32)
    bs2   = e2 < e1 ? s2 : s1
    bm2   = e2 < e1 ? m2 : m1
    be2   = min(e2, e1)
    q3    = clamp(rint((x - lo) * inv(span) * 31.5), 0, 31)
    l3    = sum(w*q3, 32)
    ll3   = sum(w*q3*q3, 32)
    lx3   = sum(w*q3*x, 32)
    m3    = min(0.0, (ll3*sx - l3*lx3) * inv(sw*ll3 - l3*l3))
    s3    = (lx3 - m3*l3) * inv(ll3)
    e3    = sum(w*(s3*q3 + m3 - x)*(s3*q3 + m3 - x), 32)
    bs3   = e3 < be2 ? s3 : bs2
    bm3   = e3 < be2 ? m3 : bm2
    be3   = min(e3, be2)
    q4    = clamp(rint((x - bm3) * inv(bs3)), 0, 31)
    l4    = sum(w*q4, 32)
    ll4   = sum(w*q4*q4, 32)
    lx4   = sum(w*q4*x, 32)
    m4    = min(0.0, (ll4*sx - l4*lx4) * inv(sw*ll4 - l4*l4))
    s4    = (lx4 - m4*l4) * inv(ll4)
    e4    = sum(w*(s4*q4 + m4 - x)*(s4*q4 + m4 - x), 32)
    bs4   = e4 < be3 ? s4 : bs3
    bm4   = e4 < be3 ? m4 : bm3
    d     = max(bs4) / 63
    dmin  = max(-bm4) / 63
    scale = clamp(rint(bs4 * inv(d)), 0, 63)
    least = clamp(rint(-bm4 * inv(dmin)), 0, 63)
    code  = clamp(rint((x + f16(dmin)*least) * inv(f16(d)*scale)), 0, 31)
  }
}

type "q6_K" {
  summary         = "6 bits and an 8-bit scale per 16 of 256 values"
  id              = 14
  use             = [weight]
  compatible_with = "ggml Q6_K"
  block           = 256
  layout          = [u8("ql", 128), u8("qh", 64), u8("scales", 16), f16("d")]
  code            = bits(ql, 512*(i/128) + 8*(i%64) + 4*(i%128/64), 4) + 16*bits(qh, 256*(i/128) + 8*(i%32) + 2*(i%128/32), 2)
  scale           = sbits(scales, 8*(i/16), 8)
  value           = d * scale * (code - 32)
  encode {
    m     = extremum(x, 16)
    w     = x*x
    q1    = clamp(rint(x * inv(m) * -32), -32, 31)
    ll1   = sum(w*q1*q1, 16)
    lx1   = sum(w*q1*x, 16)
    s1    = lx1 * inv(ll1)
    q2    = clamp(rint(x * inv(m) * -31), -32, 31)
    ll2   = sum(w*q2*q2, 16)
    lx2   = sum(w*q2*x, 16)
    s2    = lx2 * inv(ll2)
    b2    = lx2*s2 > lx1*s1 ? s2 : s1
    p2    = max(lx2*s2, lx1*s1)
    q3    = clamp(rint(x * inv(m) * -33), -32, 31)
    ll3   = sum(w*q3*q3, 16)
    lx3   = sum(w*q3*x, 16)
    s3    = lx3 * inv(ll3)
    b3    = lx3*s3 > p2 ? s3 : b2
    p3    = max(lx3*s3, p2)
    q4    = clamp(rint(x * inv(b3)), -32, 31)
    ll4   = sum(w*q4*q4, 16)
    lx4   = sum(w*q4*x, 16)
    s4    = lx4 * inv(ll4)
    b4    = lx4*s4 > p3 ? s4 : b3
    d     = extremum(b4) / -128
    scale = clamp(rint(b4 * inv(d)), -128, 127)
    code  = clamp(rint(x * inv(f16(d)*scale)), -32, 31) + 32
  }
}
