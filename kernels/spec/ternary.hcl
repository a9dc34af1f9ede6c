# ggml's types of three levels, read only: five digits of base 3 to a byte, each found by multiplication, or two bits a value.

type "tq1_0" {
  summary         = "5 values of three levels to a byte, one scale per 256 values"
  id              = 34
  use             = [weight]
  compatible_with = "ggml TQ1_0"
  block           = 256
  layout          = [u8("qs", 48), u8("qh", 4), f16("d")]
  digits          = i < 160 ? bits(qs, 8*(i%32), 8) : i < 240 ? bits(qs, 256 + 8*(i%16), 8) : bits(qh, 8*(i%4), 8)
  value           = d * (digits * pow(3, i < 160 ? i/32 : i < 240 ? (i - 160)/16 : (i - 240)/4) % 256 * 3 / 256 - 1)
}

type "tq2_0" {
  summary         = "2-bit codes of three levels, one scale per 256 values"
  id              = 35
  use             = [weight]
  compatible_with = "ggml TQ2_0"
  block           = 256
  layout          = [u8("qs", 64), f16("d")]
  code            = bits(qs, 256*(i/128) + 8*(i%32) + 2*(i%128/32), 2)
  value           = d * (code - 1)
}
