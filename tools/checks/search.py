"""Bad input for `anemone search`, `index` and `embed` through the true binary.

Empty, huge and senseless queries; trees with nothing in them, with files that may not be read,
vanish, change, loop, are huge or no text; caches that are read-only, full, damaged, foreign or in
use; kills at random moments; models that are none; readers that go away. For every call: it ends in
time, exits 0, 1 or 2, says one line `error: ` when it fails and none when not, never panics, writes
no control character of another's making, and leaves the tree as it was.

usage: ANEMONE=path/to/anemone python tools/checks/search.py [PART ...]
"""

import os
import pathlib
import sys
import tempfile
import time
import traceback

from bad_input import questions, states
from bad_input.bench import ROOT, Bench, Skip

PARTS = [
    *(questions.queries, questions.places, questions.homes, questions.contents, questions.terminal),
    *(questions.readers, questions.models, questions.arrays),
    *(states.foreign, states.damaged, states.changing, states.together, states.killed, states.full),
    states.forbidden,
]


def main():
    binary = pathlib.Path(os.environ.get("ANEMONE", ROOT / "target" / "release" / "anemone")).resolve()
    wanted = sys.argv[1:] or [part.__name__ for part in PARTS]
    calls, faults, skips, begin = 0, [], [], time.monotonic()
    for part in PARTS:
        if part.__name__ not in wanted:
            continue
        start = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="anemone-search-") as scratch:
            b = Bench(pathlib.Path(scratch).resolve(), binary)
            b.part = part.__name__
            try:
                part(b)
            except Skip as skip:
                skips.append(f"!! SKIPPED: {part.__name__}: {skip}")
            except (ValueError, KeyError, IndexError, OSError) as error:
                # An answer that is none breaks off the part, whose faults so far tell why.
                place = traceback.extract_tb(error.__traceback__)[1]
                b.fault(f"broke off at line {place.lineno}: {error!r}")
            finally:
                calls, faults = calls + b.calls, faults + b.faults
        print(
            f"{part.__name__}: {b.calls} calls, {len(b.faults)} faults, {time.monotonic() - start:.1f} s",
            flush=True,
        )
    print("\n".join(faults + skips))
    print(
        f"{calls} calls, {len(faults)} faults, {len(skips)} parts skipped, {time.monotonic() - begin:.0f} s"
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
