"""Writes a checkpoint as GGUF v3 with Q8_0 matrices and f32 norms."""

import struct

import numpy as np

ALIGN = 32
U32, F32, BOOL, STRING, ARRAY, I32 = 4, 6, 7, 8, 9, 5  # GGUF value types
TYPE_F32, TYPE_Q8_0 = 0, 8  # ggml tensor types
NORMAL, CONTROL = 1, 3  # token types


def quantise(w):
    """Q8_0: per 32 values of a row an f16 scale d = max|x|/127, then 32 int8, rounded half away from zero."""
    x = w.astype(np.float32).reshape(-1, 32)
    d = np.abs(x).max(1, keepdims=True) / np.float32(127)
    inverse = np.divide(1, d, out=np.zeros_like(d), where=d > 0)
    y = x * inverse
    q = np.trunc(y + np.copysign(np.float32(0.5), y)).astype(np.int8)
    return np.concatenate([d.astype("<f2").view(np.uint8), q.view(np.uint8)], axis=1).tobytes()


def dequantise(w):
    """What a reader of quantise(w) sees, in w's shape."""
    raw = np.frombuffer(quantise(w), np.uint8).reshape(-1, 34)
    d = raw[:, :2].copy().view("<f2").astype(np.float32)
    return (d * raw[:, 2:].view(np.int8)).reshape(w.shape)


def is_matrix(name):
    return not name.endswith("norm.weight")


def string(s):
    b = s.encode()
    return struct.pack("<Q", len(b)) + b


def array(kind, items, pack):
    return ARRAY, struct.pack("<IQ", kind, len(items)) + b"".join(map(pack, items))


def metadata(shape, tokenizer):
    """Ordered {key: (type, bytes)}."""
    u32 = lambda v: (U32, struct.pack("<I", v))
    f32 = lambda v: (F32, struct.pack("<f", v))
    text = lambda v: (STRING, string(v))
    kinds = [CONTROL] + [NORMAL] * (len(tokenizer.tokens) - 1)
    return {
        "general.architecture": text("llama"),
        "general.name": text("kvgen demo"),
        "general.description": text("Shakespeare and four public-domain novels, 1.3 MB; for demonstration only"),
        "general.license": text("mit"),
        "general.file_type": u32(7),  # mostly Q8_0
        "general.quantization_version": u32(2),
        "llama.block_count": u32(shape.layers),
        "llama.context_length": u32(shape.context),
        "llama.embedding_length": u32(shape.embd),
        "llama.feed_forward_length": u32(shape.ff),
        "llama.attention.head_count": u32(shape.heads),
        "llama.attention.head_count_kv": u32(shape.kv_heads),
        "llama.attention.key_length": u32(shape.head_dim),
        "llama.attention.value_length": u32(shape.head_dim),
        "llama.attention.layer_norm_rms_epsilon": f32(shape.eps),
        "llama.rope.dimension_count": u32(shape.head_dim),
        "llama.rope.freq_base": f32(shape.rope_base),
        "llama.vocab_size": u32(shape.vocab),
        "tokenizer.ggml.model": text("gpt2"),
        "tokenizer.ggml.pre": text("gpt-2"),
        "tokenizer.ggml.tokens": array(STRING, tokenizer.tokens, string),
        "tokenizer.ggml.token_type": array(I32, kinds, lambda v: struct.pack("<i", v)),
        "tokenizer.ggml.merges": array(STRING, [" ".join(m) for m in tokenizer.merges], string),
        "tokenizer.ggml.bos_token_id": u32(0),
        "tokenizer.ggml.eos_token_id": u32(0),
        # Half of the training windows began with the boundary, and every evaluation does.
        "tokenizer.ggml.add_bos_token": (BOOL, b"\1"),
        "tokenizer.ggml.add_eos_token": (BOOL, b"\0"),
    }


def write(path, shape, tokenizer, weights):
    """weights: {llama.cpp tensor name: float32 array [rows, columns] or [columns]}"""
    meta = metadata(shape, tokenizer)
    head, body = b"", b""
    for name, w in weights.items():
        kind, data = (TYPE_Q8_0, quantise(w)) if is_matrix(name) else (TYPE_F32, w.astype("<f4").tobytes())
        dims = w.shape[::-1]  # GGUF lists the contiguous dimension first
        head += string(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, len(body))
        body += data + b"\0" * (-len(data) % ALIGN)
    out = b"GGUF" + struct.pack("<IQQ", 3, len(weights), len(meta))
    for key, (kind, value) in meta.items():
        out += string(key) + struct.pack("<I", kind) + value
    out += head
    out += b"\0" * (-len(out) % ALIGN)
    path.write_bytes(out + body)
