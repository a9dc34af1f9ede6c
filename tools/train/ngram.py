"""The baseline: an interpolated Kneser-Ney trigram model over the same tokens (Chen and Goodman 1999, modified:
three discounts per order, from the counts of counts)."""

import math
from collections import Counter, defaultdict


class Order:
    """One order's (context -> token) counts with modified Kneser-Ney discounts."""

    def __init__(self, counts):
        self.counts = counts
        self.total = Counter()
        self.kinds = defaultdict(lambda: [0, 0, 0])  # per context: how many tokens were seen once, twice, more
        n = Counter(counts.values())
        y = n[1] / (n[1] + 2 * n[2]) if n[1] else 0.5
        estimate = lambda k: k - (k + 1) * y * n[k + 1] / n[k] if n[k] else -1
        # Nearly every subword token is frequent, so unigram counts of counts can be empty: then half a count each.
        self.discount = [d if 0 < (d := estimate(k)) < k else 0.5 * k for k in (1, 2, 3)]
        for gram, c in counts.items():
            self.total[gram[:-1]] += c
            self.kinds[gram[:-1]][min(c, 3) - 1] += 1

    def prob(self, gram, lower):
        context = gram[:-1]
        total = self.total.get(context, 0)
        if not total:
            return lower
        c = self.counts.get(gram, 0)
        seen = max(c - self.discount[min(c, 3) - 1], 0) if c else 0
        freed = sum(d * k for d, k in zip(self.discount, self.kinds[context]))
        return (seen + freed * lower) / total


class Trigram:
    def __init__(self, documents, vocab, bos=0):
        tri = Counter()
        for doc in documents:
            ids = [bos, bos, *doc]
            tri.update(zip(ids, ids[1:], ids[2:]))
        # Below the highest order a count is the number of different tokens to the left.
        bi = Counter(g[1:] for g in tri)
        uni = Counter(g[1:] for g in bi)
        self.orders = [Order(uni), Order(bi), Order(tri)]
        self.vocab, self.bos = vocab, bos

    def nll(self, ids):
        """Mean negative log likelihood in nats per token."""
        loss, history = 0.0, (self.bos, self.bos)
        for t in ids:
            p = 1 / self.vocab
            for n, order in enumerate(self.orders):
                p = order.prob((*history[2 - n:], t), p)
            loss -= math.log(p)
            history = (history[1], t)
        return loss / len(ids)
