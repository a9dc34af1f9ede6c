"""Trains one model on the encoded streams that sweep.py prepared, and keeps the average with the best validation.

    python train.py --work DIR --out DIR/a.pt [options]

The corpus is small (1.3 MB), so everything here fights overfitting: dropout, weight decay, windows spelled with
BPE dropout, an exponential moving average of the weights, and early stopping on text that is in no gradient.
With --teachers the targets are, in part, the mean prediction of models trained before.
"""

import argparse
import json
import math
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from model import Llama, Shape, nll


def options():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--work", type=Path, required=True, help="folder with plain.npy, spelled.npy, validation.npy")
    p.add_argument("--out", type=Path, required=True, help="checkpoint to write")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--steps", type=int, default=3000)
    p.add_argument("--seconds", type=float, default=1e9, help="stop, and finish the schedule, by then")
    p.add_argument("--batch", type=int, default=16, help="windows per step")
    p.add_argument("--context", type=int, default=1024)
    p.add_argument("--lr", type=float, default=2e-3)
    p.add_argument("--decay", type=float, default=0.3, help="AdamW weight decay")
    p.add_argument("--dropout", type=float, default=0.25)
    p.add_argument("--spelled", type=float, default=0.5, help="share of windows spelled with BPE dropout")
    p.add_argument("--ema", type=float, default=0.998)
    p.add_argument("--evaluate", type=int, default=150, help="steps between validations")
    p.add_argument("--teachers", type=Path, nargs="*", default=[])
    p.add_argument("--alpha", type=float, default=0.7, help="share of the loss that follows the teachers")
    for name in ("layers", "ff", "embd", "heads", "kv_heads"):
        p.add_argument(f"--{name}", type=int, default=getattr(Shape, name))
    return p.parse_args()


def load(path, device):
    """A trained model in evaluation mode, and what its run recorded."""
    saved = torch.load(path, map_location=device, weights_only=True)
    model = Llama(Shape(**saved["shape"]), device=device)
    model.load_state_dict(saved["weights"])
    return model.eval(), saved


class Windows:
    """Random windows of the streams.  Half of them start with BOS whatever stood there, since that is how a
    prompt or an evaluation chunk starts; the others start in the middle, which is what a shifted context sees."""

    def __init__(self, o, device):
        read = lambda f: torch.from_numpy(np.load(o.work / f).astype(np.int64)).to(device)
        self.plain, self.spelled, self.o, self.device = read("plain.npy"), read("spelled.npy"), o, device
        self.rng = np.random.default_rng(o.seed)

    def next(self):
        rows = []
        for _ in range(self.o.batch):
            stream = self.spelled if self.rng.random() < self.o.spelled else self.plain
            start = int(self.rng.integers(len(stream) - self.o.context - 1))
            rows.append(stream[start:start + self.o.context + 1])
        ids = torch.stack(rows)
        bos = torch.from_numpy(self.rng.random(self.o.batch) < 0.5).to(self.device)
        inputs = ids[:, :-1].clone()
        inputs[bos, 0] = 0
        return inputs, ids[:, 1:]


def objective(logits, targets, teachers, inputs, alpha):
    logits = logits.float().flatten(0, 1)
    loss = F.cross_entropy(logits, targets.flatten())
    if not teachers:
        return loss
    with torch.no_grad():
        mean = sum(F.softmax(t(inputs).float(), -1) for t in teachers) / len(teachers)
    follow = -(mean.flatten(0, 1) * F.log_softmax(logits, -1)).sum(-1).mean()
    return (1 - alpha) * loss + alpha * follow


def main():
    o = options()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(o.seed)
    torch.set_float32_matmul_precision("high")
    half = lambda: torch.autocast(device, torch.bfloat16, enabled=device == "cuda")

    tokens = json.loads((o.work / "vocab.json").read_text())
    shape = Shape(vocab=tokens, layers=o.layers, ff=o.ff, embd=o.embd, heads=o.heads, kv_heads=o.kv_heads)
    model = Llama(shape, o.dropout, device)
    average = Llama(shape, device=device)
    average.load_state_dict(model.state_dict())
    teachers = [load(t, device)[0] for t in o.teachers]
    validation = torch.from_numpy(np.load(o.work / "validation.npy").astype(np.int64)).to(device)
    windows = Windows(o, device)

    matrices = [p for p in model.parameters() if p.dim() == 2]
    norms = [p for p in model.parameters() if p.dim() == 1]
    optimiser = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": o.decay}, {"params": norms, "weight_decay": 0.0}],
        lr=o.lr, betas=(0.9, 0.98), fused=device == "cuda")

    best, best_step, started, step = math.inf, 0, time.time(), 0
    while True:
        progress = max(step / o.steps, (time.time() - started) / o.seconds)
        last = progress >= 1
        if step and (last or step % o.evaluate == 0):
            with half():
                loss = nll(average, validation, o.context, o.context // 2).mean().item()
            print(f"{o.out.stem} step {step} {time.time() - started:.0f}s train {train_loss.item():.4f} "
                  f"validation {loss:.4f}", flush=True)
            if loss < best:
                best, best_step = loss, step
                torch.save({"weights": average.state_dict(), "shape": asdict(shape), "validation": best, "step": step,
                            "options": {k: v for k, v in vars(o).items() if isinstance(v, (int, float))},
                            "teachers": len(teachers)}, o.out)
            if last or loss > best + 0.08:
                break
        for g in optimiser.param_groups:
            g["lr"] = o.lr * min(1, (step + 1) / 150) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(progress, 1))))
        model.train()
        inputs, targets = windows.next()
        with half():
            logits = model(inputs)
            train_loss = objective(logits, targets, teachers, inputs, o.alpha)
        optimiser.zero_grad(set_to_none=True)
        train_loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        step += 1
        with torch.no_grad():
            rate = min(o.ema, step / (step + 20))
            torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - rate)
    print(f"{o.out.stem} best validation {best:.4f} at step {best_step} of {step}, {time.time() - started:.0f}s", flush=True)


if __name__ == "__main__":
    main()
