"""Runs every example of the façade, and looks at its exit code and at a line or two of what it prints.

usage: python tools/checks/examples.py [EXAMPLE ...]
"""

import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "crates" / "anemone" / "examples"
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
SECONDS = 60
# What each must print, as regular expressions.
EXPECTED = {
    "admission": [r"admitted: \d+ bytes", r"a second caller: timed out .* before it was admitted"],
    "batching": [r"32 callers at once: \d+ runs", r"what it gets alone, to the bit"],
    "buffers": [r"run 3: .* reused [1-9]", r"by the manager: 0 copies"],
    "configure": [r"environment: 500 requests", r"refused: `grace`"],
    "deadline_and_cancel": [r"running: timed out", r"waiting: timed out", r'"cancelled": 1'],
    "errors": [
        *(r"^Unavailable ", r"^ModelNotFound ", r"^InvalidFormat ", r"^CompilationFailed "),
        *(r"^InferenceFailed ", r"^TimedOut ", r"^ResourceLimit ", r"^Allocation ", r"^Shape "),
        *(r"^Input ", r"^Precision ", r"^AlreadyLoaded ", r"^Internal "),
    ],
    "evict": [r"after running b: a and b in memory", r"3 evictions, 2 loads after one"],
    "fallback_and_shadow": [r"ran on artificial-2", r"shadow: 4 runs compared, 50 % agree"],
    "health": [r"at first: ", r"after three panics: degraded", r"after the shutdown: .*ready false"],
    "load_and_infer": [r"it is a 1"],
    "metrics": [r"^100 requests completed", r'anemone_requests_completed_total\{model="digits"'],
    "options": [r"loaded as version 7", r"on coreml: "],
    "pool": [r"a third one: no room", r"in use afterwards: Demand \{ operations: 0, bytes: 0 \}"],
    "preload": [r"3 of 3: nothing failed", r"sentences holds \d+ KiB"],
    "replace": [r"none failed", r"version 6 is current, the only one left: true"],
    "sequence": [r"after 3: 6 and 60"],
}


def fault(name):
    """What is wrong with an example, if anything is."""
    try:
        done = subprocess.run([TARGET / "debug" / "examples" / name], cwd=ROOT, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return f"is not over after {SECONDS} s"
    if done.returncode:
        return f"exit code {done.returncode}: {done.stderr.strip()}"
    missing = [e for e in EXPECTED[name] if not re.search(e, done.stdout, re.MULTILINE)]
    return f"does not print {missing}, but:\n{done.stdout}" if missing else None


def main():
    there = sorted(path.stem for path in FOLDER.glob("*.rs"))
    if there != sorted(EXPECTED):
        print(f"examples without expectation, or the other way: {set(there) ^ set(EXPECTED)}")
        return 1
    # As the tests build them: linking each with all optimisations takes minutes.
    build = ["cargo", "build", "-q", "-p", "anemone", "--examples"]
    subprocess.run(build, cwd=ROOT, check=True)
    faults = 0
    for name in sys.argv[1:] or there:
        start = time.monotonic()
        found = fault(name)
        faults += found is not None
        print(f"{name}: {found or 'ok'}, {time.monotonic() - start:.1f} s", flush=True)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
