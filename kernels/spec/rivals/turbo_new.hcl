# Source: TheTom/llama-cpp-turboquant, docs/KV-cache-quantization.md at 52c7d9186, and its pull request 197, which
# gave turbo4 the Lloyd-Max levels of a normal value and a block of 66 bytes. The project's table has turbo2, turbo3
# and the turbo4 of before. tq5_0 holds magnitudes and signs apart, tq6_0 low and high bits. All store the norm over
# that of the codes. Levels are computed here for a normal value of variance 1, so that only the norm's unit differs
# from the fork's bytes. The fork has blocks of 128 and pads shorter heads with zeros; those of 64 are the same for
# heads of 64 without the padding. The page states no error; that of Lloyd-Max levels is known: .1175, .0345, .0095,
# .0025, .00064 of the variance.

transform "turbo_wht64" {
  kind  = wht
  size  = 64
  left  = signs("pcg64", 42, 0)
  right = signs("pcg64", 42, 128)
}

family "turbo_new" {
  over {
    width = [2, 3, 4]
    n     = [64, 128]
  }
  name     = "turbo${width}_new_${n}"
  summary  = "${width}-bit Lloyd-Max codes of a normal value, one norm per ${n} rotated values"
  use      = [kv]
  block    = n
  layout   = [f16("norm"), u8("qs", n*width/8)]
  domain   = n == 64 ? turbo_wht64 : turbo_wht128
  codebook = lloyd_max(pow(2, width), gaussian)
  code     = bits(qs, width*i, width)
  value    = norm * codebook[code]
  encode {
    length = sqrt(sum(x*x))
    v      = domain(x * (length > 1e-10 ? sqrt(n*1.0) / length : 0))
    code   = nearest(codebook, v)
    r      = sqrt(sum(codebook[code]*codebook[code]))
    norm   = length / r
  }
}

family "tq5" {
  over {
    n = [64, 128]
  }
  name      = "tq5_0_${n}"
  summary   = "5-bit Lloyd-Max codes as magnitude and sign, one norm per ${n} rotated values"
  use       = [kv]
  block     = n
  layout    = [f16("norm"), u8("qs", n/2), u8("signs", n/8)]
  domain    = n == 64 ? turbo_wht64 : turbo_wht128
  codebook  = lloyd_max(32, gaussian)
  magnitude = bits(qs, 4*i, 4)
  sign      = bits(signs, i, 1)
  value     = norm * codebook[sign == 1 ? 15 - magnitude : 16 + magnitude]
  encode {
    length    = sqrt(sum(x*x))
    v         = domain(x * (length > 1e-10 ? sqrt(n*1.0) / length : 0))
    level     = nearest(codebook, v)
    r         = sqrt(sum(codebook[level]*codebook[level]))
    sign      = level < 16 ? 1 : 0
    magnitude = clamp(level < 16 ? 15 - level : level - 16, 0, 15)
    norm      = length / r
  }
}

family "tq6" {
  over {
    n = [64, 128]
  }
  name     = "tq6_0_${n}"
  summary  = "6-bit Lloyd-Max codes, one norm per ${n} rotated values"
  use      = [kv]
  block    = n
  layout   = [f16("norm"), u8("low", n/2), u8("high", n/4)]
  domain   = n == 64 ? turbo_wht64 : turbo_wht128
  codebook = lloyd_max(64, gaussian)
  code     = bits(low, 4*i, 4) + 16*bits(high, 2*i, 2)
  value    = norm * codebook[code]
  encode {
    length = sqrt(sum(x*x))
    v      = domain(x * (length > 1e-10 ? sqrt(n*1.0) / length : 0))
    code   = nearest(codebook, v)
    r      = sqrt(sum(codebook[code]*codebook[code]))
    norm   = length / r
  }
}
