# The example of the design document, to the letter.

transform "wht128" {                       # y = right * H/sqrt(n) * left * x
  kind  = wht
  size  = 128
  left  = signs("pcg64", 42, 0)
  right = signs("pcg64", 42, 128)
}

type "turbo3" {
  summary  = "3-bit Lloyd-Max codes of a rotated unit vector, one norm per 128 values"
  id       = 43                            # GGUF/ggml number, optional
  use      = [kv]
  block    = 128
  guard    = head_dim % 128 == 0
  layout   = [f16("norm"), u8("qs", 32), u8("signs", 16)]
  domain   = wht128                        # what is stored is rotated; readers rotate q once and undo the output once
  codebook   = [-0.190685, -0.117832, -0.065717, -0.021460, 0.021460, 0.065717, 0.117832, 0.190685]
  thresholds = [-0.154259, -0.091775, -0.043589, 0, 0.043589, 0.091775, 0.154259]   # default: the midpoints
  code       = bits(qs, 2*i, 2) + 4*bits(signs, i, 1)
  value      = norm * codebook[code]
  encode {
    n    = sqrt(sum(x*x))
    v    = wht128(n > 1e-10 ? x * (1/n) : 0*x)
    code = nearest(codebook, v, thresholds)
    r    = sqrt(sum(codebook[code]*codebook[code]))
    norm = r > 1e-10 ? n/r : n
  }
}

type "q4_0" {
  block  = 32
  layout = [f16("d"), u8("qs", 16)]
  code   = bits(qs, 8*(i%16) + 4*(i/16), 4)
  value  = d * (code - 8)
  encode {
    m    = extremum(x)                     # signed value of the first largest |x|
    d    = m / -8
    code = min(15, trunc(x*inv(m / -8) + 8.5))
  }
}

rotation "attn" {
  tile  = 64
  guard = quantised && head_dim % 64 == 0
}
