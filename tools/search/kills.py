"""Kills `anemone index` at random moments, and looks at what is left.

A tree of source files changes in each round: files are added, edited, renamed and removed. An index
run over it gets SIGKILL at a random moment. Then

- the index must open, and hold what it held before the run or what a finished run holds, nothing else
  (before the first finished run it may say that there is none);
- a search must work, and after the next whole run the index must equal one made from nothing.

Some kills hit what an earlier one left, without a whole run between. Exits with 1 on any fault.

usage: python tools/search/kills.py --anemone target/release/anemone [--kills 50] [--files 40] [--seed 1]
"""

import argparse
import json
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = ["*.rs", "*.py", "*.md"]


class Tree:
    """Files cut out of this repository's, changed at random."""

    def __init__(self, folder, files, rng):
        self.folder, self.rng, self.made = folder, rng, 0
        listed = subprocess.run(["git", "ls-files", *SOURCES], cwd=ROOT, check=True, capture_output=True, text=True)
        self.sources = [ROOT / path for path in listed.stdout.splitlines()]
        for _ in range(files):
            self.add()

    def text(self):
        source = self.rng.choice(self.sources)
        lines = source.read_text().splitlines()[: self.rng.randint(20, 120)]
        return source.suffix, "\n".join(lines) + "\n"

    def add(self):
        self.made += 1
        suffix, text = self.text()
        path = self.folder / self.rng.choice(["", "a", "a/b", "c"]) / f"f{self.made}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def change(self, count):
        for _ in range(count):
            path = self.rng.choice(sorted(p for p in self.folder.rglob("*") if p.is_file()))
            match self.rng.randrange(4):
                case 0:
                    self.add()
                case 1:
                    path.unlink()
                    self.add()
                case 2:
                    path.rename(path.with_name(f"moved{self.made}{path.suffix}"))
                    self.made += 1
                case 3:
                    lines = path.read_text().splitlines()
                    place = self.rng.randrange(len(lines) + 1)
                    lines[place:place] = self.text()[1].splitlines()[: self.rng.randint(1, 20)]
                    path.write_text("\n".join(lines) + "\n")


class Command:
    def __init__(self, binary, tree):
        self.binary, self.tree = binary, tree

    def index(self, index):
        start = time.monotonic()
        subprocess.run([self.binary, "index", self.tree, "--index", index], check=True, capture_output=True)
        return time.monotonic() - start

    def run_until(self, index, moment):
        """The exit code of a run that is killed if it still goes on at its moment."""
        run = subprocess.Popen(
            [self.binary, "index", self.tree, "--index", index], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            run.wait(moment)
        except subprocess.TimeoutExpired:
            run.kill()
        return run.wait()

    def digest(self, index):
        """What the index holds, as a hash; or why it does not open."""
        told = subprocess.run(
            [self.binary, "index", "status", self.tree, "--index", index, "--json", "--digest"],
            capture_output=True, text=True,
        )
        if told.returncode == 0:
            return json.loads(told.stdout)["digest"], None
        return None, told.stderr.strip() or f"exit {told.returncode}"

    def search(self, index):
        told = subprocess.run(
            [self.binary, "search", "where is a file read", self.tree, "--index", index, "--json"],
            capture_output=True, text=True,
        )
        found = told.returncode == 0 and json.loads(told.stdout)["results"]
        return None if found else f"search found nothing: exit {told.returncode} {told.stderr.strip()}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--anemone", type=pathlib.Path, required=True)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--files", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    work = pathlib.Path(tempfile.mkdtemp(prefix="anemone-kills-"))
    index, fresh = work / "index", work / "fresh"
    (work / "tree").mkdir()
    tree = Tree(work / "tree", options.files, rng)
    command = Command(str(options.anemone.resolve()), work / "tree")
    faults, kills, runs, kept, finished, unborn, in_a_row = [], 0, 0, 0, 0, 0, 0
    held = None  # the digest before the run; none before the first index
    try:
        whole = command.index(fresh)  # how long a run from nothing takes
        while kills < options.kills:
            if runs >= 20 * options.kills:
                faults.append("runs end before they can be killed: give more --files")
                break
            runs += 1
            if runs > 1:
                tree.change(rng.randint(1, options.files // 2))
            # A run over few changes is short: two thirds of the moments are early ones.
            span = rng.choice([0.1, 0.4, 1.0]) if held else 1.0
            code = command.run_until(index, rng.uniform(0, span * whole))
            if code != -signal.SIGKILL:
                if code:
                    faults.append(f"run {runs}: exit {code}")
                held, why = command.digest(index)
                if held is None:
                    faults.append(f"run {runs}: a finished index does not open: {why}")
                continue
            kills += 1
            left, why = command.digest(index)
            if left is None and held is not None:
                faults.append(f"kill {kills}: the index does not open: {why}")
            shutil.rmtree(fresh, ignore_errors=True)
            command.index(fresh)
            new, why = command.digest(fresh)
            if new is None:
                faults.append(f"kill {kills}: a fresh index does not open: {why}")
            if left is not None and left not in (held, new):
                faults.append(f"kill {kills}: the index holds neither the old nor the new state")
            unborn += left is None
            kept += left is not None and left == held
            finished += left is not None and left != held and left == new
            if rng.random() < 0.3:
                in_a_row += 1
                held = left
                continue
            # A search brings the index up to date as a run does.
            if rng.random() < 0.5:
                why = command.search(index)
            else:
                command.index(index)
                why = command.search(index)
            if why:
                faults.append(f"kill {kills}: {why}")
            held, why = command.digest(index)
            if held != new:
                faults.append(f"kill {kills}: after a whole run the index is not as a fresh one: {why or held}")
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print("\n".join(faults), file=sys.stderr, end="\n" if faults else "")
    print(
        f"{kills} kills in {runs} runs: {unborn} before there was an index, {kept} left the old one, {finished} the new one; "
        f"{in_a_row} followed by another kill; {len(faults)} faults"
    )
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
