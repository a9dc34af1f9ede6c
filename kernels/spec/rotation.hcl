# Rotations that the cache may apply to keys and values of any quantised type: a Hadamard matrix without signs over tiles
# of a head. "attn" is the one that llama.cpp calls attn_rot; the others differ in the tile.

transform "hadamard16" {
  kind = wht
  size = 16
}

transform "hadamard32" {
  kind = wht
  size = 32
}

transform "hadamard64" {
  kind = wht
  size = 64
}

transform "hadamard128" {
  kind = wht
  size = 128
}

transform "hadamard256" {
  kind = wht
  size = 256
}

transform "hadamard512" {
  kind = wht
  size = 512
}

rotation "attn" {
  summary = "tiles of 64: llama.cpp's attn_rot, the fork's default tile"
  tile    = 64
  guard   = quantised && head_dim % 64 == 0
}

rotation "attn16" {
  summary = "tiles of 16"
  tile    = 16
  guard   = quantised && head_dim % 16 == 0
}

rotation "attn32" {
  summary = "tiles of 32"
  tile    = 32
  guard   = quantised && head_dim % 32 == 0
}

rotation "attn128" {
  summary = "tiles of 128"
  tile    = 128
  guard   = quantised && head_dim % 128 == 0
}

rotation "attn256" {
  summary = "tiles of 256"
  tile    = 256
  guard   = quantised && head_dim % 256 == 0
}

rotation "attn512" {
  summary = "tiles of 512"
  tile    = 512
  guard   = quantised && head_dim % 512 == 0
}
