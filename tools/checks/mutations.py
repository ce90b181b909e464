"""Damaged packages through the true binary: an answer or one clear error, never a crash.

Bit flips, truncations, zeroed ranges and swapped 32-bit words, seeded, over the files of three
packages. For each mutant `anemone predict` must exit 0 or 1 without a panic, within 10 s, with a
peak of less than 1 GB of memory, and write its output file only when it succeeds.

usage: ANEMONE=path/to/anemone python tools/checks/mutations.py [COUNT] [PACKAGE.mlpackage ...]
"""

import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data" / "coreml"
NAMES = ["cnn_fp16_iOS18_fixed__int4blk32", "cnn_fp16_iOS16_fixed__int8lin", "gpt_state_fp16_iOS18"]
SECONDS, MEGABYTES = 10, 1024


def mutate(data: bytearray, rng: random.Random) -> str:
    kind = rng.choice(["flip", "flip", "flip", "cut", "swap", "zero", "huge"])
    at = rng.randrange(len(data))
    if kind == "flip":
        for _ in range(rng.choice([1, 1, 4, 32])):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif kind == "cut":
        del data[at:]
    elif kind == "swap":
        other = rng.randrange(len(data))
        data[at : at + 4], data[other : other + 4] = data[other : other + 4], data[at : at + 4]
    elif kind == "zero":
        end = min(len(data), at + rng.choice([1, 8, 64]))
        data[at:end] = bytes(end - at)
    else:
        end = min(len(data), at + rng.choice([1, 4, 8]))
        data[at:end] = b"\xff" * (end - at)
    return f"{kind} at {at}"


def inputs_of(golden: pathlib.Path, into: pathlib.Path) -> None:
    with np.load(golden) as z:
        first = {}
        for key in z.files:
            name = key.removeprefix("in.step0.") if key.startswith("in.step0.") else None
            if key.startswith("in.") and not key.startswith("in.step"):
                name = key.removeprefix("in.")
            if name:
                first[name] = z[key]
    np.savez(into, **first)


def run(binary: str, package: pathlib.Path, inputs: pathlib.Path, out: pathlib.Path):
    command = [binary, "predict", "--model", str(package), "--inputs", str(inputs), "--outputs", str(out)]
    begin = time.monotonic()
    with tempfile.TemporaryFile() as err:
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=err)
        deadline = begin + 3 * SECONDS
        while True:
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > deadline:
                child.kill()
                _, status, usage = os.wait4(child.pid, 0)
                break
            time.sleep(0.002)
        child.returncode = os.waitstatus_to_exitcode(status)
        err.seek(0)
        text = err.read().decode(errors="replace")
    return child.returncode, text, time.monotonic() - begin, usage.ru_maxrss / 1024


def main() -> int:
    binary = os.environ.get("ANEMONE", str(ROOT / "target" / "release" / "anemone"))
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 150
    packages = [pathlib.Path(p) for p in sys.argv[2:]] or [SHARED / f"{n}.mlpackage" for n in NAMES]
    if not all(p.exists() for p in packages):
        print("skipped: the shared packages are absent")
        return 77
    faults, worst_s, worst_mb, refused = [], 0.0, 0.0, 0
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        inputs, out, mutant = scratch / "in.npz", scratch / "out.npz", scratch / "mutant.mlpackage"
        for i in range(count):
            package = packages[i % len(packages)]
            rng = random.Random(i)
            inputs_of(package.with_suffix(".npz"), inputs)
            shutil.rmtree(mutant, ignore_errors=True)
            shutil.copytree(package, mutant)
            for path in mutant.rglob("*"):
                path.chmod(0o755)
            files = sorted(p for p in mutant.rglob("*") if p.is_file())
            file = rng.choice(files + [f for f in files if f.suffix == ".mlmodel"] * 3)
            data = bytearray(file.read_bytes())
            what = f"mutant {i}: {package.stem}: {file.name}: {mutate(data, rng)}"
            file.write_bytes(bytes(data))
            out.unlink(missing_ok=True)
            code, text, seconds, megabytes = run(binary, mutant, inputs, out)
            worst_s, worst_mb = max(worst_s, seconds), max(worst_mb, megabytes)
            refused += code == 1
            last = text.strip().splitlines()[-1:] or [""]
            if code not in (0, 1) or "panicked" in text:
                faults.append(f"{what}: exit {code}: {last[0][:200]}")
            elif code == 1 and "error" not in text:
                faults.append(f"{what}: no error line: {text[:200]!r}")
            elif out.exists() != (code == 0):
                faults.append(f"{what}: exit {code}, output file {'' if out.exists() else 'not '}there")
            if seconds > SECONDS or megabytes > MEGABYTES:
                faults.append(f"{what}: {seconds:.1f} s, {megabytes:.0f} MB")
    print("\n".join(faults))
    print(f"{count} mutants: {refused} refused, {len(faults)} faults; worst {worst_s:.2f} s, {worst_mb:.0f} MB")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
