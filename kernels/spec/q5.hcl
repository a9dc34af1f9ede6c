# ggml's five-bit blocks of 32: the low four bits lie as in q4_0, bit j of qh is the fifth bit of value j.

type "q5_0" {
  summary         = "5 bits and one scale per 32 values, symmetric about 0"
  id              = 6
  use             = [kv, weight]
  compatible_with = "ggml Q5_0"
  block           = 32
  layout          = [f16("d"), u8("qh", 4), u8("qs", 16)]
  code            = bits(qs, 8*(i%16) + 4*(i/16), 4) + 16*bits(qh, i, 1)
  value           = d * (code - 16)
  encode {
    m    = extremum(x)
    d    = m / -16
    code = min(31, trunc(x*inv(d) + 16.5))
  }
}

type "q5_1" {
  summary         = "5 bits, a scale and a minimum per 32 values"
  id              = 7
  use             = [kv, weight]
  compatible_with = "ggml Q5_1"
  block           = 32
  layout          = [f16("d"), f16("m"), u8("qh", 4), u8("qs", 16)]
  code            = bits(qs, 8*(i%16) + 4*(i/16), 4) + 16*bits(qh, i, 1)
  value           = d*code + m
  encode {
    m    = min(x)
    d    = (max(x) - m) / 31
    code = trunc((x - m)*inv(d) + 0.5) # not clamped: 31.5 is the most that it can be
  }
}
