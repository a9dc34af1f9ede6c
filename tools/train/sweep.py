"""The whole way from text to model.gguf: tokenizer, encoded streams, baseline, teachers, students, choice, export.

    python sweep.py --work DIR --out DIR [--seconds 150] [--parallel 6] [--tiny]

Teachers are trained side by side with different seeds and regularisation; students of the same shape then follow
the mean of the best teachers.  The run with the lowest validation loss is exported, and only then is the
held-out text read.
"""

import argparse
import json
import math
import os
import random
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch

import bpe
import corpus
import export
from model import nll
from ngram import Trigram
from train import load

VOCAB = 1536
HERE = Path(__file__).resolve().parent

TEACHERS = [
    "--dropout .20 --spelled .5 --decay .3",
    "--dropout .30 --spelled .5 --decay .3",
    "--dropout .30 --spelled 1. --decay .3",
    "--dropout .25 --spelled .5 --decay 1.",
    "--dropout .35 --spelled .5 --decay 1. --lr 1.5e-3",
    "--dropout .30 --spelled .8 --decay .6 --batch 32",
]
STUDENTS = [
    "--dropout .10 --spelled .5 --decay .1 --alpha .7",
    "--dropout .10 --spelled .8 --decay .1 --alpha .9",
    "--dropout .15 --spelled .5 --decay .3 --alpha .9",
]


def spell(job):
    merges, seed, documents = job
    tokenizer, rng = bpe.Tokenizer(merges), random.Random(seed)
    return stream([tokenizer.encode(d, 0.1, rng) for d in documents])


def stream(documents):
    return np.array([i for d in documents for i in (0, *d)], np.uint16)


def prepare(work, versions, workers):
    """Writes the tokenizer and the encoded streams to work; returns the tokenizer and the training documents' ids."""
    train, validation = corpus.split()
    tokenizer = bpe.Tokenizer(bpe.train(train, VOCAB))
    tokenizer.save(work / "merges.json")
    (work / "vocab.json").write_text(str(VOCAB))
    encoded = [[tokenizer.encode(t) for t in part] for part in (train, validation)]
    np.save(work / "plain.npy", stream(encoded[0]))
    np.save(work / "validation.npy", stream(encoded[1]))
    with ProcessPoolExecutor(workers) as pool:
        spelled = list(pool.map(spell, [(tokenizer.merges, seed, train) for seed in range(versions)]))
    np.save(work / "spelled.npy", np.concatenate(spelled))
    return tokenizer, encoded[0]


def run_all(runs, parallel):
    """Runs train.py for each (out, arguments), at most `parallel` at a time; returns the checkpoints by loss."""
    waiting, active = list(runs), []
    while waiting or active:
        while waiting and len(active) < parallel:
            out, arguments = waiting.pop(0)
            active.append(subprocess.Popen([sys.executable, str(HERE / "train.py"), "--out", str(out), *arguments]))
        time.sleep(0.2)
        active = [p for p in active if p.poll() is None]
    loss = lambda path: torch.load(path, map_location="cpu", weights_only=True)["validation"]
    return sorted((out for out, _ in runs if out.exists()), key=loss)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--work", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--seconds", type=float, default=150, help="for each of the two rounds")
    p.add_argument("--steps", type=int, default=4000)
    p.add_argument("--parallel", type=int, default=6)
    p.add_argument("--versions", type=int, default=16, help="spellings of the corpus with BPE dropout")
    p.add_argument("--workers", type=int, default=os.cpu_count(), help="processes that spell")
    p.add_argument("--tiny", action="store_true", help="one small teacher and student: checks the script, not the model")
    o = p.parse_args()
    started = time.time()
    for folder in (o.work, o.out):
        folder.mkdir(parents=True, exist_ok=True)

    tokenizer, train = prepare(o.work, o.versions, o.workers)
    print(f"prepared {sum(map(len, train))} training tokens in {time.time() - started:.0f}s", flush=True)
    base = ["--work", str(o.work), "--seconds", str(o.seconds), "--steps", str(o.steps)]
    if o.tiny:
        base += "--context 128 --batch 4 --evaluate 10 --layers 4 --ff 128".split()
    pick = lambda specs, kind: [(o.work / f"{kind}{i}.pt", [*base, *s.split(), "--seed", str(i + 1)])
                                for i, s in enumerate(specs[:1] if o.tiny else specs)]
    teachers = run_all(pick(TEACHERS, "teacher"), o.parallel)
    follow = ["--teachers", *map(str, teachers[:4])]
    students = run_all([(out, a + follow) for out, a in pick(STUDENTS, "student")], o.parallel)

    device = "cuda" if torch.cuda.is_available() else "cpu"
    ranked = sorted((load(p, device)[1]["validation"], p) for p in teachers + students)
    model, saved = load(ranked[0][1], device)
    weights = {n: w.cpu().numpy() for n, w in model.state_dict().items()}
    export.write(o.out / "model.gguf", model.shape, tokenizer, weights)

    for name, w in model.state_dict().items():  # from here on, the model is what the file says
        if export.is_matrix(name):
            w.copy_(torch.from_numpy(export.dequantise(weights[name])))
    text = corpus.heldout()
    ids = tokenizer.encode(text)
    size = len(text.encode())
    per_byte = lambda loss: math.exp(loss * len(ids) / size)
    neural = nll(model, torch.tensor(ids, device=device), model.shape.context, model.shape.context // 2).mean().item()
    trigram = Trigram(train, VOCAB).nll(ids)
    metrics = {
        "heldout": {"bytes": size, "tokens": len(ids),
                    "model_q8_0": {"nll": neural, "ppl_token": math.exp(neural), "ppl_byte": per_byte(neural)},
                    "trigram_kneser_ney": {"nll": trigram, "ppl_token": math.exp(trigram), "ppl_byte": per_byte(trigram)}},
        "validation": {p.stem: loss for loss, p in ranked},
        "chosen": saved["options"] | {"step": saved["step"], "teachers": saved["teachers"]},
        "shape": saved["shape"],
        "parameters": sum(w.size for w in weights.values()),
        "file_bytes": (o.out / "model.gguf").stat().st_size,
        "train_tokens": sum(map(len, train)),
        "corpus_sha256": corpus.checksums(),
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "seconds": round(time.time() - started),
    }
    (o.out / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n")
    print(json.dumps(metrics, indent=1))


if __name__ == "__main__":
    main()
