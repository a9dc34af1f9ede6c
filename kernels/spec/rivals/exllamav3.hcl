# Source: turboderp-org/exllamav3 at 4f8ad01, cache quantisation. A Hadamard rotation of 32 values, their largest
# magnitude as the scale, and 2 to 8 bits: levels in the middle of equal cells, or the same through t -> .65 t + .35
# t^3 (the compander, an option). The source states that levels in the middle have about 5 % less squared error than a
# grid that has 0. Planes of bits are not kept: codes lie one after the other, in as many bytes.

family "exl" {
  over {
    width = [2, 3, 4, 5, 6, 8]
  }
  name    = "exl${width}"
  summary = "${width}-bit codes of 32 rotated values, levels in the middle of equal cells"
  use     = [kv]
  block   = 32
  layout  = [f16("d"), u8("qs", 4*width)]
  domain  = hadamard32
  code    = bits(qs, width*i, width)
  value   = d * ((code + 0.5) * (2.0 / pow(2, width)) - 1)
  encode {
    w    = domain(x)
    d    = absmax(w)
    code = clamp(trunc(floor((w * inv(d) + 1) * (0.5 * pow(2, width)))), 0, pow(2, width) - 1)
  }
}

# The compander's inverse by five steps of Newton's method, which reach the f32 nearest to it but for a last bit or two.

family "exlc" {
  over {
    width = [2, 3, 4, 5, 6, 8]
  }
  name    = "exl${width}c"
  summary = "${width}-bit codes of 32 rotated values, levels through a cubic"
  use     = [kv]
  block   = 32
  layout  = [f16("d"), u8("qs", 4*width)]
  domain  = hadamard32
  code    = bits(qs, width*i, width)
  value = d * (((code + 0.5) * (2.0 / pow(2, width)) - 1) * (0.65 + 0.35
    * (((code + 0.5) * (2.0 / pow(2, width)) - 1) * ((code + 0.5) * (2.0 / pow(2, width)) - 1))))
  encode {
    w    = domain(x)
    d    = absmax(w)
    y    = w * inv(d)
    t1   = y - (0.65*y + 0.35*y*y*y - y) / (0.65 + 1.05*y*y)
    t2   = t1 - (0.65*t1 + 0.35*t1*t1*t1 - y) / (0.65 + 1.05*t1*t1)
    t3   = t2 - (0.65*t2 + 0.35*t2*t2*t2 - y) / (0.65 + 1.05*t2*t2)
    t4   = t3 - (0.65*t3 + 0.35*t3*t3*t3 - y) / (0.65 + 1.05*t3*t3)
    t5   = t4 - (0.65*t4 + 0.35*t4*t4*t4 - y) / (0.65 + 1.05*t4*t4)
    code = clamp(trunc(floor((t5 + 1) * (0.5 * pow(2, width)))), 0, pow(2, width) - 1)
  }
}
