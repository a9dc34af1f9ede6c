# ggml's eight-bit block of 32. This is the rule of its reference quantiser; its x86 kernels round x*(127/max) half to
# even instead, which differs at ties only.

type "q8_0" {
  summary         = "8 bits and one scale per 32 values"
  id              = 8
  use             = [kv, weight]
  compatible_with = "ggml Q8_0"
  block           = 32
  layout          = [f16("d"), u8("qs", 32)]
  code            = sbits(qs, 8*i, 8)
  value           = d * code
  encode {
    d    = absmax(x) / 127
    code = round(x * inv(d))
  }
}
