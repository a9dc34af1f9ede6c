"""Byte-level BPE in the form GGUF's `tokenizer.ggml.model = gpt2` expects: a trainer, an encoder and BPE dropout.

A token is a string over GPT-2's 256 printable stand-ins for bytes; `merges` are pairs of such strings in rank
order.  Token 0 is the document boundary, used as BOS and EOS.
"""

import json
import random
import re
from collections import Counter, defaultdict

BOUNDARY = "<|endoftext|>"

# GPT-2's pre-tokeniser.  Python's re has no \p{L}; for this corpus [^\W\d_] is the same set.
WORDS = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")


def byte_alphabet():
    """GPT-2's map from byte to printable character: itself where printable, else from U+0100 on."""
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table = {b: chr(b) for b in keep}
    for b in range(256):
        if b not in table:
            table[b] = chr(256 + len(table) - len(keep))
    return table


BYTES = byte_alphabet()


def words(text):
    """Pre-tokens of text, each as a string of byte stand-ins."""
    return ["".join(BYTES[b] for b in w.encode()) for w in WORDS.findall(text)]


def join(parts, pair):
    """parts with every occurrence of pair merged, left to right."""
    out, i = [], 0
    while i < len(parts):
        if i + 1 < len(parts) and (parts[i], parts[i + 1]) == pair:
            out.append(parts[i] + parts[i + 1])
            i += 2
        else:
            out.append(parts[i])
            i += 1
    return out


def train(texts, size):
    """Returns the merge list of a vocabulary of `size` tokens (256 bytes and the boundary included)."""
    counts = Counter(w for t in texts for w in words(t))
    spelled = [(list(w), n) for w, n in sorted(counts.items())]
    pairs, where = Counter(), defaultdict(set)

    def account(index, sign):
        parts, n = spelled[index]
        for pair in zip(parts, parts[1:]):
            pairs[pair] += sign * n
            if sign > 0:
                where[pair].add(index)

    for index in range(len(spelled)):
        account(index, 1)
    merges = []
    while len(merges) < size - 257:
        best = max(pairs, key=lambda p: (pairs[p], p))  # ties by spelling, so that runs agree
        merges.append(best)
        for index in where.pop(best):
            account(index, -1)
            spelled[index] = (join(spelled[index][0], best), spelled[index][1])
            account(index, 1)
        del pairs[best]
    return merges


class Tokenizer:
    def __init__(self, merges):
        self.merges = [tuple(m) for m in merges]
        self.tokens = [BOUNDARY] + [BYTES[b] for b in range(256)] + [a + b for a, b in self.merges]
        self.ids = {t: i for i, t in enumerate(self.tokens)}
        self.rank = {m: i for i, m in enumerate(self.merges)}
        self.cache = {}

    def spell(self, word, dropout=0.0, rng=random):
        """Token ids of one pre-token.  With dropout each possible merge is left out with that probability each
        time it is considered (Provilkov et al. 2020), which gives rare spellings of common words."""
        if not dropout and word in self.cache:
            return self.cache[word]
        parts = list(word)
        while True:
            ranked = [self.rank[p] for p in zip(parts, parts[1:])
                      if p in self.rank and not (dropout and rng.random() < dropout)]
            if not ranked:
                break
            parts = join(parts, self.merges[min(ranked)])
        ids = [self.ids[p] for p in parts]
        if not dropout:
            self.cache[word] = ids
        return ids

    def encode(self, text, dropout=0.0, rng=random):
        return [i for w in words(text) for i in self.spell(w, dropout, rng)]

    def decode(self, ids):
        back = {c: b for b, c in BYTES.items()}
        return bytes(back[c] for i in ids if i for c in self.tokens[i]).decode("utf-8", "replace")

    def save(self, path):
        path.write_text(json.dumps(self.merges, ensure_ascii=False))

    @staticmethod
    def load(path):
        return Tokenizer(json.loads(path.read_text()))
