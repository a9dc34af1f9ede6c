"""The llama graph in PyTorch: RMS norm, rotary positions on adjacent pairs, grouped-query attention, SwiGLU,
tied embedding.  Adjacent pairs are what GGUF's `llama` means, so the weights are stored as trained."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class Shape:
    vocab: int = 1536
    embd: int = 256
    heads: int = 4
    kv_heads: int = 2
    layers: int = 6
    ff: int = 768
    context: int = 1024
    rope_base: float = 10000.0
    eps: float = 1e-5

    @property
    def head_dim(self):
        return self.embd // self.heads


def rope_tables(shape, device):
    """cos, sin: [context, head_dim/2]"""
    rate = shape.rope_base ** (-torch.arange(0, shape.head_dim, 2, device=device).float() / shape.head_dim)
    angle = torch.outer(torch.arange(shape.context, device=device).float(), rate)
    return angle.cos(), angle.sin()


def rotate(x, cos, sin):
    """x: [batch, head, time, head_dim], rotated in f32 whatever its type"""
    n, f = x.shape[2], x.float()
    a, b = f[..., 0::2], f[..., 1::2]
    return torch.stack((a * cos[:n] - b * sin[:n], a * sin[:n] + b * cos[:n]), -1).flatten(-2).to(x.dtype)


class Block(nn.Module):
    def __init__(self, s, dropout):
        super().__init__()
        self.s, self.dropout = s, dropout
        linear = lambda i, o: nn.Linear(i, o, bias=False)
        self.attn_norm = nn.RMSNorm(s.embd, s.eps)
        self.attn_q = linear(s.embd, s.heads * s.head_dim)
        self.attn_k = linear(s.embd, s.kv_heads * s.head_dim)
        self.attn_v = linear(s.embd, s.kv_heads * s.head_dim)
        self.attn_output = linear(s.heads * s.head_dim, s.embd)
        self.ffn_norm = nn.RMSNorm(s.embd, s.eps)
        self.ffn_gate = linear(s.embd, s.ff)
        self.ffn_up = linear(s.embd, s.ff)
        self.ffn_down = linear(s.ff, s.embd)

    def forward(self, x, cos, sin):
        s, (batch, time, _) = self.s, x.shape
        split = lambda y, heads: y.view(batch, time, heads, s.head_dim).transpose(1, 2)
        h = self.attn_norm(x)
        q = rotate(split(self.attn_q(h), s.heads), cos, sin)
        k = rotate(split(self.attn_k(h), s.kv_heads), cos, sin)
        v = split(self.attn_v(h), s.kv_heads)
        group = s.heads // s.kv_heads
        k, v = (y.repeat_interleave(group, 1) for y in (k, v))
        p = self.dropout if self.training else 0.0
        h = F.scaled_dot_product_attention(q, k, v, dropout_p=p, is_causal=True)
        h = self.attn_output(h.transpose(1, 2).reshape(batch, time, -1))
        x = x + F.dropout(h, self.dropout, self.training)
        h = self.ffn_norm(x)
        h = self.ffn_down(F.silu(self.ffn_gate(h)) * self.ffn_up(h))
        return x + F.dropout(h, self.dropout, self.training)


class Llama(nn.Module):
    def __init__(self, shape, dropout=0.0, device="cpu"):
        super().__init__()
        self.shape, self.dropout = shape, dropout
        self.token_embd = nn.Embedding(shape.vocab, shape.embd)
        self.blk = nn.ModuleList(Block(shape, dropout) for _ in range(shape.layers))
        self.output_norm = nn.RMSNorm(shape.embd, shape.eps)
        for name, p in self.named_parameters():
            if p.dim() == 2:
                residual = name.endswith(("attn_output.weight", "ffn_down.weight"))
                nn.init.normal_(p, std=0.02 / (2 * shape.layers) ** 0.5 if residual else 0.02)
        self.to(device)
        self.rope = rope_tables(shape, device)

    def forward(self, ids):
        """ids: [batch, time] -> logits [batch, time, vocab]"""
        x = F.dropout(self.token_embd(ids), self.dropout, self.training)
        for block in self.blk:
            x = block(x, *self.rope)
        return F.linear(self.output_norm(x), self.token_embd.weight)


@torch.no_grad()
def nll(model, ids, context, stride, bos=0, batch=16):
    """Negative log likelihood in nats of every token of ids (a 1-d tensor), as a float32 tensor.

    The text is read through windows of `context` that advance by `stride`; each starts with BOS, as in training,
    and a token is scored in the first window that holds it, so all but the first have context - stride before them.
    """
    model.eval()
    out = torch.empty(len(ids))
    padded = F.pad(ids, (1, context), value=bos)  # padded[i] precedes ids[i]
    starts = list(range(0, max(len(ids) - context, 0) + stride, stride))
    done = 0
    for i in range(0, len(starts), batch):
        window = torch.stack([padded[s:s + context] for s in starts[i:i + batch]])
        window[:, 0] = bos
        logits = model(window).float()
        for s, row in zip(starts[i:i + batch], logits):
            end = min(s + context, len(ids))
            if end <= done:
                continue
            target = ids[done:end]
            out[done:end] = F.cross_entropy(row[done - s:end - s], target, reduction="none").cpu()
            done = end
    assert done == len(ids)
    return out
