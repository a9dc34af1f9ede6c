# Source: mlx-vlm pull request 2172 (affine4) and omlx pull request 3582 (affine8). A Hadamard rotation over the head,
# then signed linear codes under one scale of 16 bits for the rotated vector: 4.125 bits of a head of 128, 8.0625 of
# one of 256. Neither states an error.

family "affine" {
  over {
    width = [4, 8]
    n     = [64, 128, 256]
  }
  name    = "affine${width}_${n}"
  summary = "${width}-bit linear codes of ${n} rotated values, one scale"
  use     = [kv]
  block   = n
  domain  = n == 64 ? hadamard64 : n == 128 ? hadamard128 : hadamard256
  layout  = [f16("d"), u8("qs", n*width/8)]
  code    = sbits(qs, width*i, width)
  value   = d * code
  encode {
    w    = domain(x)
    d    = absmax(w) / (pow(2, width - 1) - 1)
    code = rint(w * inv(d))
  }
}
