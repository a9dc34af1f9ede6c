# Names that generated Go or C++ has of its own, and tables looked up by i alone.
type "names1" {
  use      = [kv, weight]
  block    = 32
  layout   = [f16("d"), f16("code_q"), u8("s", 16)]
  codebook = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
  q        = bits(s, 4*i, 4)
  value    = d * codebook[q] + code_q
  encode {
    code_q            = min(x)
    lesser            = x - code_q
    greater           = max(lesser)
    magnitude         = abs(lesser)
    reciprocal        = inv(greater)
    clamp             = clamp(lesser, 0.0, greater)
    sqrtf             = sqrt(clamp)
    floorf            = floor(sqrtf)
    trunc_int         = trunc(floorf)
    rint_int          = rint(floorf)
    quotient          = trunc_int / (rint_int + 1)
    remainder         = trunc_int % (rint_int + 1)
    farther           = extremum(lesser)
    round_int         = round(farther)
    to_f16            = f16(farther)
    from_f16          = f16(to_f16)
    from_bf16         = bf16(to_f16)
    read_bytes        = e8m0(to_f16)
    levels_Names1     = codebook[i%4] + 1
    levelsNames1      = codebook[i%4 + 1]
    thresholds_Names1 = nearest(codebook, x)
    index_Names1      = i*i%7
    tables2           = nearest(codebook, i%2 == 0 ? 0.5 : 3.5)
    Tables            = sum(x*codebook[i%4], 4)
    NULL              = min(x, float(index_Names1))
    d                 = max(x - code_q) / 15
    all               = lesser*0 + greater*0 + magnitude*0 + reciprocal*0 + clamp*0 + sqrtf*0 + floorf*0 + trunc_int*0 + rint_int*0 + quotient*0 + remainder*0 + farther*0 + round_int%1 + to_f16*0 + from_f16*0 + from_bf16*0 + read_bytes*0 + levels_Names1*0 + levelsNames1*0 + thresholds_Names1*0 + index_Names1*0 + tables2*0 + Tables*0 + NULL*0
    q                 = clamp(rint((x - code_q)*inv(d) + all), 0, 15)
  }
}
type "names2" {
  use      = [kv, weight]
  block    = 32
  layout   = [f16("math"), f16("element"), u8("s", 16)]
  codebook = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
  bits2    = bits(s, 4*i, 4)
  value    = math * codebook[bits2] + element
  encode {
    element      = min(x)
    codes        = x - element
    Domain       = max(codes)
    weight_codes = codebook[i%4 + 1] > x ? 1 : 0
    kept         = nearest(codebook, i%2 == 0 ? 0.5 : 3.5)
    linear       = i%3 == 0 ? codebook[kept] : codebook[i%5]
    offset       = sum(i%4 == 0 ? linear : x, 8)
    held_at2     = codebook[clamp(rint(Domain), 0, 15)]
    threadIdx    = offset*0 + held_at2*0 + linear*0 + kept*0 + weight_codes*0
    uint8_t      = threadIdx
    math         = max(x - element) / 15
    scatter      = uint8_t
    forward      = scatter
    bits2        = clamp(rint((x - element)*inv(math) + forward), 0, 15)
  }
}

# Points of a grid of 8 in 4 dimensions, with signs apart: the encoder compares each with all of them by their coordinates.
type "grid4" {
  use      = [kv, weight]
  block    = 32
  layout   = [f16("d"), u8("idx", 3), u8("sg", 4)]
  codebook = [1, 1, 1, 1, 3, 1, 1, 1, 1, 3, 1, 1, 1, 1, 3, 1, 1, 1, 1, 3, 3, 3, 1, 1, 1, 1, 3, 3, 3, 3, 3, 3]
  point    = bits(idx, 3*(i/4), 3)
  neg      = bits(sg, i, 1)
  value    = d * codebook[4*point + i%4] * (1 - 2*neg)
  encode {
    d     = sqrt(sum(x*x) / 32) / 2
    v     = abs(x) * inv(d)
    neg   = x < 0 ? 1 : 0
    q0    = sum((v - codebook[i%4]) * (v - codebook[i%4]), 4)
    q1    = sum((v - codebook[4 + i%4]) * (v - codebook[4 + i%4]), 4)
    q2    = sum((v - codebook[8 + i%4]) * (v - codebook[8 + i%4]), 4)
    q3    = sum((v - codebook[12 + i%4]) * (v - codebook[12 + i%4]), 4)
    q4    = sum((v - codebook[16 + i%4]) * (v - codebook[16 + i%4]), 4)
    q5    = sum((v - codebook[20 + i%4]) * (v - codebook[20 + i%4]), 4)
    q6    = sum((v - codebook[24 + i%4]) * (v - codebook[24 + i%4]), 4)
    q7    = sum((v - codebook[28 + i%4]) * (v - codebook[28 + i%4]), 4)
    best  = min(min(min(q0, q1), min(q2, q3)), min(min(q4, q5), min(q6, q7)))
    point = best == q0 ? 0 : best == q1 ? 1 : best == q2 ? 2 : best == q3 ? 3 : best == q4 ? 4 : best == q5 ? 5 : best == q6 ? 6 : 7
  }
}

# A code of 4 bits and one that chooses between two tables.
type "two_tables" {
  use      = [kv, weight]
  block    = 32
  layout   = [f16("d"), u8("t", 1), u8("q", 16)]
  codebook = [-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, -30, -22, -15, -10, -6, -3, -1, 0, 1, 3, 6, 10, 15, 22, 30, 40]
  unused   = bits(t, 2, 6)
  table    = bits(t, i/16, 1)
  code     = bits(q, 4*i, 4)
  value    = d * codebook[code + 16*table]
  encode {
    d     = absmax(x) / 8
    table = absmax(x, 16) > 7*d ? 0 : 1
    code  = clamp(rint(x*inv(d)) + 8, 0, 15)
  }
}
