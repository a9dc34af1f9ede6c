# Plain floats: a block is one value.

type "f32" {
  summary         = "IEEE binary32"
  id              = 0
  use             = [kv, weight]
  compatible_with = "ggml F32"
  block           = 1
  layout          = [f32("v")]
  value           = v
  encode { v = x }
}

type "f16" {
  summary         = "IEEE binary16, nearest even"
  id              = 1
  use             = [kv, weight]
  compatible_with = "ggml F16"
  block           = 1
  layout          = [f16("v")]
  value           = v
  encode { v = x }
}

type "bf16" {
  summary         = "the upper half of an f32, nearest even"
  id              = 30
  use             = [kv, weight]
  compatible_with = "ggml BF16"
  block           = 1
  layout          = [bf16("v")]
  value           = v
  encode { v = x }
}
