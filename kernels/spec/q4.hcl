# ggml's four-bit blocks of 32. Byte j holds value j in its low half and value j+16 in its high half.
# An unrounded scale makes the codes; the rounded one reads them back.

type "q4_0" {
  summary         = "4 bits and one scale per 32 values, symmetric about 0"
  id              = 2
  use             = [kv, weight]
  compatible_with = "ggml Q4_0"
  block           = 32
  layout          = [f16("d"), u8("qs", 16)]
  code            = bits(qs, 8*(i%16) + 4*(i/16), 4)
  value           = d * (code - 8)
  encode {
    m    = extremum(x) # signed value of the first largest |x|
    d    = m / -8
    code = min(15, trunc(x*inv(d) + 8.5))
  }
}

type "q4_1" {
  summary         = "4 bits, a scale and a minimum per 32 values"
  id              = 3
  use             = [kv, weight]
  compatible_with = "ggml Q4_1"
  block           = 32
  layout          = [f16("d"), f16("m"), u8("qs", 16)]
  code            = bits(qs, 8*(i%16) + 4*(i/16), 4)
  value           = d*code + m
  encode {
    m    = min(x)
    d    = (max(x) - m) / 15
    code = min(15, trunc((x - m)*inv(d) + 0.5))
  }
}
