"""Reads a model.gguf back with other people's code and none of ours, and scores the held-out text in NumPy.

    python verify.py ../../runtime/demo/model.gguf [metrics.json]

`gguf` parses and dequantises the file, `tokenizers` does the BPE, and the graph is written out below in f32.
With a metrics file the loss must agree with PyTorch's within 1 %.  Also prints llama-perplexity's figure
(chunks of 512, second half scored) and a continuation.
"""

import json
import math
import sys
from pathlib import Path

import numpy as np
from gguf import GGUFReader
from gguf.quants import dequantize
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE

HELDOUT = Path(__file__).resolve().parents[2] / "runtime/demo/heldout.txt"


class Model:
    def __init__(self, path):
        reader = GGUFReader(path)
        self.meta = {k: f.contents() for k, f in reader.fields.items()}
        self.w = {t.name: dequantize(t.data, t.tensor_type).astype(np.float32) for t in reader.tensors}
        at = lambda key: self.meta["llama." + key]
        self.layers, self.heads, self.kv = at("block_count"), at("attention.head_count"), at("attention.head_count_kv")
        self.dim, self.eps = at("rope.dimension_count"), at("attention.layer_norm_rms_epsilon")
        self.base, self.context = at("rope.freq_base"), at("context_length")

    def tokenizer(self):
        tokens = self.meta["tokenizer.ggml.tokens"]
        merges = [tuple(m.split(" ")) for m in self.meta["tokenizer.ggml.merges"]]
        t = Tokenizer(BPE({s: i for i, s in enumerate(tokens)}, merges))
        t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        t.decoder = decoders.ByteLevel()
        return t

    def norm(self, x, name):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + self.eps) * self.w[name + ".weight"]

    def rotate(self, x, positions):
        """x: [time, head, dim]; adjacent pairs turn together"""
        angle = positions[:, None] * self.base ** (-np.arange(0, self.dim, 2) / self.dim)
        z = (x[..., 0::2] + 1j * x[..., 1::2]) * np.exp(1j * angle)[:, None]
        return np.stack([z.real, z.imag], -1).reshape(x.shape).astype(np.float32)

    def logits(self, ids):
        """ids: [time] -> [time, vocab]"""
        x, n = self.w["token_embd.weight"][ids], len(ids)
        mask = np.triu(np.full((n, n), -np.inf, np.float32), 1)
        for i in range(self.layers):
            at = lambda name: self.w[f"blk.{i}.{name}.weight"]
            h = self.norm(x, f"blk.{i}.attn_norm")
            q, k, v = ((h @ at(m).T).reshape(n, -1, self.dim) for m in ("attn_q", "attn_k", "attn_v"))
            q, k = self.rotate(q, np.arange(n)), self.rotate(k, np.arange(n))
            k, v = (np.repeat(y, self.heads // self.kv, 1) for y in (k, v))
            s = np.einsum("qhd,khd->hqk", q, k, optimize=True) / math.sqrt(self.dim) + mask
            p = np.exp(s - s.max(-1, keepdims=True))
            p /= p.sum(-1, keepdims=True)
            x = x + np.einsum("hqk,khd->qhd", p, v, optimize=True).reshape(n, -1) @ at("attn_output").T
            h = self.norm(x, f"blk.{i}.ffn_norm")
            gate = h @ at("ffn_gate").T
            x = x + (gate / (1 + np.exp(-gate)) * (h @ at("ffn_up").T)) @ at("ffn_down").T
        return self.norm(x, "output_norm") @ self.w["token_embd.weight"].T

    def nll(self, ids, context, stride):
        """Losses of ids read through windows, as model.nll does; windows start with BOS."""
        out, done = [], 0
        for start in range(0, max(len(ids) - context, 0) + stride, stride):
            window = [0, *ids[start:start + context - 1]]
            y = self.logits(np.array(window))
            y -= y.max(-1, keepdims=True)
            y -= np.log(np.exp(y).sum(-1, keepdims=True))
            out += [-y[j - start, ids[j]] for j in range(done, start + len(window)) if j < len(ids)]
            done = start + len(window)
        return np.array(out)

    def chunks(self, ids, size=512):
        """llama-perplexity: chunks of BOS + ids, the first token of each replaced by BOS, positions size/2.. scored."""
        ids, losses = [0, *ids], []
        for c in range(len(ids) // size):
            window = np.array(ids[c * size:(c + 1) * size])
            window[0] = 0
            y = self.logits(window).astype(np.float64)
            y -= np.log(np.exp(y).sum(-1, keepdims=True))
            losses += [-y[j, window[j + 1]] for j in range(size // 2, size - 1)]
        return losses

    def continuation(self, ids, count, rng, temperature=0.8, top=40):
        ids = [0, *ids]
        for _ in range(count):
            y = self.logits(np.array(ids))[-1] / temperature
            best = np.argsort(y)[-top:]
            p = np.exp(y[best] - y[best].max())
            ids.append(int(rng.choice(best, p=p / p.sum())))
        return ids[1:]


def main():
    model = Model(sys.argv[1])
    tokenizer = model.tokenizer()
    text = HELDOUT.read_text(encoding="utf-8")
    ids = tokenizer.encode(text).ids
    assert tokenizer.decode(ids) == text, "tokenizer does not round-trip"
    loss = float(model.nll(ids, model.context, model.context // 2).mean())
    print(f"{len(ids)} tokens; loss {loss:.5f} nats, perplexity {math.exp(loss):.3f}, "
          f"per byte {math.exp(loss * len(ids) / len(text.encode())):.4f}")
    losses = model.chunks(ids)
    print(f"as llama-perplexity -c 512: {math.exp(np.mean(losses)):.4f} over {len(losses) // 255} chunks")
    for prompt in ("KING RICHARD III:\n", "Dorothy looked"):
        out = model.continuation(tokenizer.encode(prompt).ids, 120, np.random.default_rng(1))
        print("---\n" + tokenizer.decode(out))
    if len(sys.argv) > 2:
        record = json.loads(Path(sys.argv[2]).read_text())["heldout"]
        assert record["tokens"] == len(ids), "tokenizers disagree"
        reference = record["model_q8_0"]["nll"]
        assert abs(loss - reference) < 0.01 * reference, f"PyTorch said {reference}"
        print(f"agrees with PyTorch ({reference:.5f})")


if __name__ == "__main__":
    main()
