"""Judges the page of `anemone inspect MODEL --chip m4 --html FILE` in a real browser.

    python tools/checks/page.py [--screenshots FOLDER]

Pages are made for MiniLM, tiny-digits, a model of 2,000 ops and one whose names are hostile. Chromium
opens each, light and dark: nothing may come to the console and nothing may be loaded; counts must be
those of `--json`; filters, selection by table, graph and keys, and the theme must do what they say; no
name may become more than text. Needs playwright, coremltools and a chromium ($CHROMIUM, or on the
path); exit 77 where one is absent. The binary is $ANEMONE, or that of a release build.
"""

import argparse
import collections
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
try:
    import coremltools as ct
    import numpy as np
    from coremltools.converters.mil.mil import Builder as mb, types
    from playwright.sync_api import sync_playwright
except ImportError as absent:
    print(f"skipped: {absent}")
    sys.exit(77)
if CHROMIUM is None:
    print("skipped: there is no chromium")
    sys.exit(77)

ANEMONE = os.environ.get("ANEMONE", str(ROOT / "target" / "release" / "anemone"))
HOSTILE = [
    "</script><script>window.broken = 1</script>",
    '"><img src=x onerror="window.broken = 1">',
    "<!--<script>",
    "' & {{script}} \u202eesrever\u2028",
]


def write_chain(path, count, names=()):
    """A chain of matmul, relu and tan, with sums that skip; `names` replace those of the first ops."""
    weight = np.zeros((1024, 1024), np.float16)

    spec = mb.TensorSpec(shape=(1, 64, 1024), dtype=types.fp16)

    @mb.program(input_specs=[spec], opset_version=ct.target.iOS17)
    def program(x):
        skipped = x
        for i in range(count):
            if i % 9 == 8:
                x = skipped = mb.add(x=x, y=skipped, name=f"add_{i}")
            elif i % 9 == 1:
                x = mb.matmul(x=x, y=weight, name=f"op_{i}")
            else:
                x = (mb.tan if i % 150 == 7 else mb.relu)(x=x, name=f"op_{i}")
        return x

    empty = ct.PassPipeline.EMPTY
    model = ct.convert(
        program, convert_to="mlprogram", pass_pipeline=empty, skip_model_load=True,
        compute_precision=ct.precision.FLOAT16, minimum_deployment_target=ct.target.iOS17,
    )
    spec = model.get_spec()
    renamed = {f"op_{i}": name for i, name in enumerate(names)}
    (function,) = spec.mlProgram.functions.values()
    (block,) = function.block_specializations.values()
    for op in block.operations:
        own = op.attributes["name"].immediateValue.tensor.strings.values
        own[:] = [renamed.get(name, name) for name in own]
        for output in op.outputs:
            output.name = renamed.get(output.name, output.name)
        for argument in op.inputs.values():
            for binding in argument.arguments:
                binding.name = renamed.get(binding.name, binding.name)
    ct.models.MLModel(spec, weights_dir=model.weights_dir, skip_model_load=True).save(str(path))


def inspect(model, *arguments):
    command = [ANEMONE, "inspect", str(model), "--chip", "m4", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


def count_shown(page):
    shown, of = page.inner_text("#count").replace(",", "").replace("ops", "").replace("op", "").split(" of ")
    return int(shown), int(of)


def settle(page):
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def pixels(page):
    return page.evaluate("() => document.getElementById('graph').toDataURL()")


def judge(page, report):
    ops = report["ops"]
    live = [op for op in ops if op["place"] != "folded"]
    assert count_shown(page) == (len(live), len(ops)), page.inner_text("#count")
    assert page.locator("#body tr[data-op]").count() < 60, "rows out of view are in the document"

    for place, count in collections.Counter(op["place"] for op in ops).items():
        box = page.locator(f"#places input[value={place}]")
        assert page.inner_text(f"#places label.{place} b").replace(",", "") == str(count)
        for other in page.locator("#places input").all():
            other.set_checked(other.get_attribute("value") == place)
        assert box.is_checked() and count_shown(page)[0] == count, place
    page.click("#clear")
    settle(page)

    kind, count = collections.Counter(op["op"] for op in live).most_common(1)[0]
    page.select_option("#by-op", kind)
    assert count_shown(page)[0] == count, kind
    page.click("#clear")
    settle(page)
    page.fill("#text", kind)
    wanted = [op for op in live if kind in f"{op['op']} {op['path']} {op['reason']}".lower()]
    assert count_shown(page)[0] == len(wanted), kind
    page.click("#clear")
    settle(page)
    page.select_option("#by-lint", "*")
    linted = {path for lint in report["lints"] for path in lint["paths"]}
    assert count_shown(page)[0] == sum(op["path"] in linted for op in live)
    page.click("#clear")
    settle(page)

    before = pixels(page)
    page.locator("#body tr[data-op]").nth(1).click()
    settle(page)
    second = live[1]
    details = page.inner_text("#details")
    for word in (second["op"], second["reason"].split(" (")[0], second["evidence"]["class"], second["confidence"]):
        assert word in details, (word, details)
    assert pixels(page) != before, "the graph does not show the selection"
    # `show` brings the selected op to the middle of the graph: a click there selects it again.
    page.keyboard.press("Escape")
    assert page.locator("#body tr[aria-selected]").count() == 0
    page.locator("#graph").click()
    settle(page)
    assert page.locator("#body tr[aria-selected]").get_attribute("data-op") == str(ops.index(second))
    page.focus("#rows")
    page.keyboard.press("End")
    settle(page)
    assert page.locator("#body tr[aria-selected]").get_attribute("data-op") == str(ops.index(live[-1]))
    page.focus("#graph")
    page.keyboard.press("ArrowUp")
    said = page.inner_text("#said")
    assert said and any(op["op"] == said.split(",")[0] for op in ops), said
    page.keyboard.press("0")
    settle(page)

    for tab, name in (("lints", "lints"), ("segments", "segments")):
        page.click(f"#tab-{tab}")
        assert page.inner_text(f"#tab-{tab}").endswith(f" {len(report[name])}")
    assert page.locator("#panel-lints details").count() == len(report["lints"])
    page.click("#tab-ops")
    for link in page.locator("a").all():
        assert link.get_attribute("href").startswith(("https://", "http://"))


def visit(browser, name, file, report, screenshots):
    for scheme in ("light", "dark"):
        page = browser.new_page(viewport={"width": 1440, "height": 900}, color_scheme=scheme)
        told, asked = [], []
        page.on("console", lambda message: told.append(message.text))
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("dialog", lambda dialog: told.append(dialog.message))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(file.as_uri())
        settle(page)
        if screenshots:
            page.screenshot(path=screenshots / f"{name}-{scheme}.png")
        judge(page, report)
        if screenshots:
            page.screenshot(path=screenshots / f"{name}-{scheme}-selected.png")
        ground = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
        page.click("#theme")
        assert ground != page.evaluate("() => getComputedStyle(document.body).backgroundColor")
        assert page.evaluate("() => window.broken") is None, f"{name}: a name was obeyed"
        assert told == [], f"{name}: {told}"
        assert asked == [file.as_uri()], f"{name}: {asked}"
        page.close()
    print(f"{name}: {len(report['ops'])} ops, {file.stat().st_size:,} bytes: ok")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--screenshots", type=pathlib.Path)
    screenshots = parser.parse_args().screenshots
    if screenshots:
        screenshots.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        folder = pathlib.Path(folder)
        models = {
            "minilm": ROOT / "models" / "all-MiniLM-L6-v2" / "model.mlpackage",
            "tiny-digits": ROOT / "models" / "tiny-digits" / "tiny-digits.mlpackage",
            "chain-2000": folder / "chain.mlpackage",
            "hostile": folder / "hostile.mlpackage",
        }
        write_chain(models["chain-2000"], 2000)
        write_chain(models["hostile"], 30, HOSTILE)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name, model in models.items():
            file = folder / f"{name}.html"
            inspect(model, "--html", file)
            report = json.loads(inspect(model, "--json"))
            if name == "hostile":
                paths = {op["path"] for op in report["ops"]}
                assert {f"main/{one}" for one in HOSTILE} <= paths, "the names did not arrive"
            visit(browser, name, file, report, screenshots)
        browser.close()


main()
