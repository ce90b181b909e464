"""Thirty questions about this repository: checks them, and asks them.

    python tools/search/questions.py
    python tools/search/questions.py --anemone target/release/anemone [--work DIR] [--json FILE]

The first form checks `questions.toml`: every answer exists, and no question shares a word with the
names of its answers or the stems of their files. The second form also indexes a copy of the tracked
files, without any file that holds the questions themselves, asks in each mode, and prints hit@1,
hit@5, the mean reciprocal rank among ten, and what hybrid search found instead. A hit is a result in the answer's file whose
lines meet the answer's definition, from its head to the end of its body.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import tomllib

from definitions import lines_of
from words import alike, content

HERE = pathlib.Path(__file__).resolve().parent
TOP = 10


def faults(repo, questions):
    """Yields what is wrong with the questions; adds the lines of each place."""
    for question in questions:
        asked = content(question["ask"])
        question["lines"] = []
        for path, symbol in question["places"]:
            try:
                text = (repo / path).read_text()
            except OSError as error:
                yield f"{path}: {error.strerror}"
                continue
            found = lines_of(path, text, symbol)[:1]  # a test may have a second one of that name
            if not found:
                yield f"{path}: no `{symbol}`"
            question["lines"] += [(path, first, last) for first, last in found]
            named = content(symbol) + content(pathlib.PurePath(path).stem)
            for word in asked:
                for other in named:
                    if alike(word, other):
                        yield f"`{word}` in the question is `{other}` of {path} `{symbol}`: {question['ask']}"


def copied(repo, questions, into):
    """Copies the tracked files but those that quote a question."""
    left_out = []
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=repo, check=True, capture_output=True, text=True)
    asks = [" ".join(question["ask"].split()).encode() for question in questions]
    for path in filter(None, listed.stdout.split("\0")):
        if not (repo / path).is_file():
            continue
        data = (repo / path).read_bytes()
        flat = b" ".join(data.split())
        if any(ask in flat for ask in asks):
            left_out.append(path)
            continue
        (into / path).parent.mkdir(parents=True, exist_ok=True)
        (into / path).write_bytes(data)
    return left_out


def ranks(questions, answers):
    for question, answer in zip(questions, answers, strict=True):
        assert answer["query"] == question["ask"], answer["query"]
        question["found"] = answer["results"][:TOP]
        hits = (
            rank
            for rank, result in enumerate(question["found"], 1)
            for path, first, last in question["lines"]
            if result["path"] == path and result["lines"][0] <= last and first <= result["lines"][1]
        )
        question["rank"] = next(hits, None)


def show_misses(questions):
    for question in questions:
        if question["rank"] != 1:
            path, symbol = question["places"][0]
            print(f"{question['rank'] or '-':>3}  {question['ask']}\n     wanted {path} {symbol}")
            for result in question["found"][:3]:
                first, last = result["lines"]
                print(f"     found  {result['path']}:{first}-{last} {result['symbol']}  {result['score']:.3f}")


def summary(questions):
    return {
        "hit@1": sum(q["rank"] == 1 for q in questions),
        "hit@5": sum((q["rank"] or TOP) <= 5 for q in questions),
        "mrr@10": round(sum(1 / q["rank"] for q in questions if q["rank"]) / len(questions), 4),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repo", type=pathlib.Path, default=HERE.parents[1])
    parser.add_argument("--anemone", type=pathlib.Path, help="the command to ask with")
    parser.add_argument("--work", type=pathlib.Path, help="where copy and index are kept; a temporary folder if left out")
    parser.add_argument("--json", type=pathlib.Path, help="write all ranks and results there")
    options = parser.parse_args()
    questions = tomllib.loads((HERE / "questions.toml").read_text())["question"]
    found = list(faults(options.repo, questions))
    print("\n".join(found) if found else f"{len(questions)} questions, nothing wrong with them")
    if found or not options.anemone:
        return bool(found)
    temporary = tempfile.TemporaryDirectory(prefix="anemone-questions-")
    work = options.work or pathlib.Path(temporary.name)
    tree, index, binary = work / "tree", work / "index", str(options.anemone.resolve())
    shutil.rmtree(tree, ignore_errors=True)
    print("not searched, as they quote questions:", ", ".join(copied(options.repo, questions, tree)))
    subprocess.run([binary, "index", tree, "--index", index], check=True, stdout=subprocess.DEVNULL)
    report = {}
    for mode in ("lexical", "dense", "hybrid"):
        asked = subprocess.run(
            [binary, "search", "--queries", "-", tree, "--index", index, "--json", "--top", str(TOP), "--mode", mode],
            input="".join(q["ask"] + "\n" for q in questions), stdout=subprocess.PIPE, text=True, check=True,
        )
        ranks(questions, [json.loads(line) for line in asked.stdout.splitlines()])
        report[mode] = summary(questions)
    show_misses(questions)
    for mode, row in report.items():
        print(f"{mode:8}", "  ".join(f"{key} {value}" for key, value in row.items()))
    if options.json:
        options.json.write_text(json.dumps(report | {"questions": questions}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
