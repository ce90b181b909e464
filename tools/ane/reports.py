"""Writes docs/ane-models.md: what is forecast of models of well-known forms, on every chip, and what is found.

usage: ANEMONE=target/release/anemone python tools/ane/reports.py FOLDER

FOLDER holds the models that tools/ane/models.py writes; MiniLM and tiny-digits are those of the repository.
"""

import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
ANEMONE = os.environ.get("ANEMONE", str(ROOT / "target" / "release" / "anemone"))
CHIPS = ["a12", "a14", "a15", "a17-pro", "m1", "m2", "m3", "m4", "m5", "m6"]
OWN = {
    "MiniLM (int8)": ROOT / "models" / "all-MiniLM-L6-v2" / "model.mlpackage",
    "tiny-digits (int8)": ROOT / "models" / "tiny-digits" / "tiny-digits.mlpackage",
}


def inspect(path, *arguments):
    done = subprocess.run([ANEMONE, "inspect", str(path), *arguments, "--json"], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def percent(share):
    return "> 99.9" if 99.95 <= share < 100 else f"{share:.1f}".removesuffix(".0")


def row(cells):
    return "| " + " | ".join(cells) + " |\n"


def main():
    models = OWN | {path.stem: path for path in sorted(pathlib.Path(sys.argv[1]).glob("*.mlpackage"))}
    reports = {name: inspect(path, "--all-chips") for name, path in models.items()}
    text = (
        "# Models of well-known forms, forecast\n\n"
        "Written by `tools/ane/reports.py` from the models that `tools/ane/models.py` makes, with random weights, and those\n"
        "of the repository. Forecasts from public sources: nothing was run on Apple hardware (docs/ane.md).\n\n"
        "## Percent of FLOPs on the Neural Engine\n\nWith the newest system that is known for the chip.\n\n"
    )
    text += row(["Model", *CHIPS]) + row(["---"] * (len(CHIPS) + 1))
    for name, chips in reports.items():
        text += row([name, *(percent(chips[chip]["ane_share_flops"]) for chip in CHIPS)])
    text += "\n## On an M4 with macOS 27\n\n"
    text += row(["Model", "ops", "on the engine", "segments", "latency ms", "energy mJ"]) + row(["---"] * 6)
    full = {name: inspect(path, "--chip", "m4") for name, path in models.items()}

    def bars(bars):
        return "unknown" if bars is None else f"{bars['estimate']:.3g} ({bars['low']:.3g} to {bars['high']:.3g})"

    for name, report in full.items():
        live = [op for op in report["ops"] if op["place"] != "folded"]
        on = sum(op["place"] == "ane" for op in live)
        text += row([name, str(len(live)), str(on), str(len(report["segments"])), bars(report["latency_ms"]),
                     bars(report["energy_mj"])])
    text += "\n## What is found, on an M4\n"
    for name, report in full.items():
        text += f"\n**{name}**\n"
        if report["advice"]:
            advice = report["advice"]
            text += f"- would help most: {advice['change']} ({percent(advice['ane_share_flops'])} % of FLOPs after it)\n"
        for lint in report["lints"]:
            where = ", ".join(f"`{path}`" for path in lint["paths"][:2])
            more = f" and {len(lint['paths']) - 2} more" if len(lint["paths"]) > 2 else ""
            text += f"- `{lint['kind']}`: {lint['what']} ({where}{more})\n"
        if not report["lints"]:
            text += "- nothing\n"
    (ROOT / "docs" / "ane-models.md").write_text(text)


if __name__ == "__main__":
    main()
