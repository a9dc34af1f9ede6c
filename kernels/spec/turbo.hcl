# The cache types of TheTom/llama-cpp-turboquant: a rotated unit vector of 128 values as codes, and one norm. Tables,
# thresholds and signs are that project's, bit for bit; the stored norm is n/r, so that a decoded block has the norm of x.

transform "turbo_wht128" {
  summary = "y = right * H/sqrt(128) * left * x"
  kind    = wht
  size    = 128
  left    = signs("pcg64", 42, 0)
  right   = signs("pcg64", 42, 128)
}

type "turbo2" {
  summary         = "2-bit codes of a rotated unit vector, one norm per 128 values"
  use             = [kv]
  compatible_with = "llama-cpp-turboquant TURBO2_0"
  block           = 128
  pad             = true
  layout          = [f16("norm"), u8("qs", 32)]
  domain          = turbo_wht128
  codebook        = [-0.133462, -0.039994, 0.039994, 0.133462]
  thresholds      = [-0.086728, 0, 0.086728]
  code            = bits(qs, 2*i, 2)
  value           = norm * codebook[code]
  encode {
    n    = sqrt(sum(x*x))
    v    = domain(x * (n > 1e-10 ? 1/n : 0))
    code = nearest(codebook, v, thresholds)
    r    = sqrt(sum(codebook[code]*codebook[code]))
    norm = r > 1e-10 ? n/r : n
  }
}

type "turbo3" {
  summary         = "3-bit codes of a rotated unit vector, one norm per 128 values"
  id              = 43
  use             = [kv]
  compatible_with = "llama-cpp-turboquant TURBO3_0"
  block           = 128
  pad             = true
  layout          = [f16("norm"), u8("qs", 32), u8("signs", 16)]
  domain          = turbo_wht128
  codebook        = [-0.190685, -0.117832, -0.065717, -0.021460, 0.021460, 0.065717, 0.117832, 0.190685]
  thresholds      = [-0.154259, -0.091775, -0.043589, 0, 0.043589, 0.091775, 0.154259]
  code            = bits(qs, 2*i, 2) + 4*bits(signs, i, 1)
  value           = norm * codebook[code]
  encode {
    n    = sqrt(sum(x*x))
    v    = domain(x * (n > 1e-10 ? 1/n : 0))
    code = nearest(codebook, v, thresholds)
    r    = sqrt(sum(codebook[code]*codebook[code]))
    norm = r > 1e-10 ? n/r : n
  }
}

type "turbo4" {
  summary         = "4-bit codes of a rotated unit vector, one norm per 128 values"
  id              = 44
  use             = [kv]
  compatible_with = "llama-cpp-turboquant TURBO4_0"
  block           = 128
  pad             = true
  layout          = [f16("norm"), f16("rnorm"), u8("qs", 64)]
  domain          = turbo_wht128
  codebook = [
    -0.173926, -0.117195, -0.089527, -0.068756, -0.051262, -0.035597, -0.020989, -0.006938,
    0.006938, 0.020989, 0.035597, 0.051262, 0.068756, 0.089527, 0.117195, 0.173926,
  ]
  thresholds = [
    -0.145560, -0.103361, -0.079142, -0.060009, -0.043430, -0.028293, -0.013963, 0,
    0.013963, 0.028293, 0.043430, 0.060009, 0.079142, 0.103361, 0.145560,
  ]
  code  = bits(qs, 4*i, 4)
  value = norm * codebook[code]
  encode {
    n     = sqrt(sum(x*x))
    v     = domain(n > 1e-10 ? x * (1/n) : 0) # zeros even where x holds NaN, unlike the other two
    code  = nearest(codebook, v, thresholds)
    r     = sqrt(sum(codebook[code]*codebook[code]))
    norm  = r > 1e-10 ? n/r : n
    rnorm = 0 # left from an earlier layout; never read
  }
}
