"""The training text, and the parts of it that no gradient ever sees.

corpus/*.txt is the training text.  ../../runtime/demo/heldout.txt is the demo corpus: it was cut from the end of each work and
is used once, to report.  Validation text, which chooses between runs, is cut here from the middle of each file.
"""

import hashlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
DEMO = HERE.parents[1] / "runtime" / "demo"
FILES = ["oz", "alice", "dracula", "montecristo", "shakespeare"]
VALIDATION = (0.50, 0.54)  # of each file


def read(name):
    return (HERE / "corpus" / f"{name}.txt").read_text(encoding="utf-8")


def heldout():
    return (DEMO / "heldout.txt").read_text(encoding="utf-8")


def split():
    """Returns (train documents, validation documents), both lists of str."""
    train, validation = [], []
    for name in FILES:
        text = read(name)
        # Cut after a line break, so that no word is torn.
        a, b = (text.index("\n", int(len(text) * f)) + 1 for f in VALIDATION)
        train += [text[:a], text[b:]]
        validation.append(text[a:b])
    return train, validation


def checksums():
    """SHA-256 of every text file, for the metrics record."""
    paths = [HERE / "corpus" / f"{n}.txt" for n in FILES] + [DEMO / "heldout.txt"]
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}
