"""Writes blocks.txt: random blocks of each type and what the Python package gguf decodes them to.

That package is ggml's own second implementation, in NumPy, so it checks the decoders of this one independently.
Run with gguf 0.19.0 and numpy 2.4.6: python3 blocks.py > blocks.txt
"""
import numpy as np
from gguf import GGMLQuantizationType as T, quants

# Per type: name, blocks to write, offsets of the half-precision fields of a block.
TYPES = [
    (T.BF16, "bf16", 8, []),
    (T.Q8_0, "q8_0", 2, [0]),
    (T.Q4_0, "q4_0", 2, [0]),
    (T.Q4_1, "q4_1", 2, [0, 2]),
    (T.Q5_0, "q5_0", 2, [0]),
    (T.Q5_1, "q5_1", 2, [0, 2]),
    (T.IQ4_NL, "iq4_nl", 2, [0]),
    (T.Q2_K, "q2_K", 2, [80, 82]),
    (T.Q3_K, "q3_K", 2, [108]),
    (T.Q4_K, "q4_K", 2, [0, 2]),
    (T.Q5_K, "q5_K", 2, [0, 2]),
    (T.Q6_K, "q6_K", 2, [208]),
    (T.IQ4_XS, "iq4_xs", 2, [0]),
    (T.MXFP4, "mxfp4", 4, []),
    (T.IQ2_XXS, "iq2_xxs", 2, [0]),
    (T.IQ2_XS, "iq2_xs", 2, [0]),
    (T.IQ2_S, "iq2_s", 2, [0]),
    (T.IQ3_XXS, "iq3_xxs", 2, [0]),
    (T.IQ3_S, "iq3_s", 2, [0]),
    (T.IQ1_S, "iq1_s", 2, [0]),
    (T.IQ1_M, "iq1_m", 2, []),
    (T.TQ1_0, "tq1_0", 2, [52]),
    (T.TQ2_0, "tq2_0", 2, [64]),
    (T.NVFP4, "nvfp4", 3, []),
]

rng = np.random.default_rng(3)
print("# Random blocks and their values (float32, little endian), decoded by the Python package gguf; see blocks.py.")
print("# TYPE BLOCK VALUES")
for kind, name, count, halves in TYPES:
    size = quants.GGML_QUANT_SIZES[kind][1]
    block = rng.integers(0, 256, (count, size), dtype=np.uint8)
    for at in halves:
        # Any finite half, subnormals and negatives included.
        bits = rng.integers(0, 0x7C00, count, dtype=np.uint16) | (rng.integers(0, 2, count, dtype=np.uint16) << 15)
        block[:, at:at + 2] = bits.view(np.uint8).reshape(count, 2)
    if name == "bf16":
        block[:, 1] &= 0xBF  # finite
    if name == "mxfp4":
        block[:, 0] = [0, 1, 127, 254]  # two subnormal scales, 1 and the largest
    if name == "iq1_m":
        block[:, 55] &= 0xBF  # the upper bits of d: finite
    for b in block:
        values = quants.dequantize(b, kind).astype("<f4")
        print(name, bytes(b).hex(), values.tobytes().hex())
