"""Runs tools/mac-report/report.py against a double of Core ML, and has its report compared.

usage: ANEMONE=target/release/anemone python tools/checks/mac_report.py

No Apple hardware has run any of it. The double has coremltools' own structure of a compute plan; its engine
is `ane-emu`, its CPU the exact engine, and its plan is our forecast with one op moved. So the comparison
must find that one miss, and outputs that are all alike.
"""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import types

import coremltools as ct
import numpy as np
from coremltools.models import compute_device, compute_plan

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ANEMONE = os.environ.get("ANEMONE", "target/release/anemone")
PROBES = ["conv-1", "conv-4", "accumulator", "softmax", "int32-island"]
MOVED = ("conv-4", "layer_2")


def anemone(*arguments):
    done = subprocess.run([ANEMONE, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return done.stdout


class Model:
    """coremltools' MLModel, as far as the script uses it."""

    def __init__(self, path, compute_units):
        self.path, self.units = path, compute_units

    def get_compiled_model_path(self):
        return self.path

    def get_spec(self):
        return ct.models.utils.load_spec(self.path)

    def predict(self, inputs):
        engine = "ane-emu:m4" if self.units in (ct.ComputeUnit.CPU_AND_NE, ct.ComputeUnit.ALL) else "cpu"
        with tempfile.TemporaryDirectory() as folder:
            given, found = (pathlib.Path(folder, name) for name in ("in.npz", "out.npz"))
            np.savez(given, **inputs)
            anemone("predict", "--model", self.path, "--inputs", given, "--outputs", found, "--engine", engine)
            return dict(np.load(found))


def device(kind):
    """A device of coremltools' own class, without what it stands for."""
    return object.__new__(type(kind.__name__, (kind,), {"__abstractmethods__": frozenset()}))


CPU, ENGINE = map(device, (compute_device.MLCPUComputeDevice, compute_device.MLNeuralEngineComputeDevice))


def structure(spec):
    """The program as coremltools tells it, from the specification."""

    def block(of):
        ops = []
        for op in of.operations:
            outputs = [compute_plan.MLModelStructureProgramNamedValueType(o.name, None) for o in op.outputs]
            blocks = [block(nested) for nested in op.blocks]
            ops.append(compute_plan.MLModelStructureProgramOperation({}, f"ios17.{op.type}", outputs, blocks, None))
        return compute_plan.MLModelStructureProgramBlock([], ops, list(of.outputs))

    functions = {}
    for name, function in spec.mlProgram.functions.items():
        only = function.block_specializations[function.opset]
        functions[name] = compute_plan.MLModelStructureProgramFunction([], block(only))
    return compute_plan.MLModelStructure(None, compute_plan.MLModelStructureProgram(functions), None)


class Plan:
    """coremltools' MLComputePlan, which prefers what we forecast but for one op."""

    def __init__(self, path, units):
        self.name, self.units = pathlib.Path(path).stem, units
        self.model_structure = structure(ct.models.utils.load_spec(path))
        report = json.loads(anemone("inspect", path, "--chip", "m4", "--json"))
        self.places = {op["path"].removeprefix("main/"): op["place"] for op in report["ops"]}

    @classmethod
    def load_from_path(cls, path, compute_units):
        return cls(path, compute_units)

    def get_compute_device_usage_for_mlprogram_operation(self, op):
        name = op.outputs[0].name
        if op.operator_name.endswith(".const"):
            return None
        on_engine = self.places[name] == "ane" and self.units != ct.ComputeUnit.CPU_ONLY
        if (self.name, name) == MOVED:
            on_engine = not on_engine
        return types.SimpleNamespace(
            preferred_compute_device=ENGINE if on_engine else CPU, supported_compute_devices=[CPU, ENGINE])

    def get_estimated_cost_for_mlprogram_operation(self, op):
        return types.SimpleNamespace(weight=0.5)


def script():
    """The script, with doubles in place of what only a Mac has."""
    spec = importlib.util.spec_from_file_location("report", ROOT / "tools" / "mac-report" / "report.py")
    report = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(report)
    report.ct.models.MLModel = Model
    report.MLComputePlan = Plan
    report.RUNS, report.WARM = 2, 1
    report.platform = types.SimpleNamespace(
        system=lambda: "Darwin", mac_ver=lambda: ("27.0.1", ("", "", ""), "arm64"), processor=lambda: "arm")
    said = {"machdep.cpu.brand_string": "Apple M4", "hw.model": "Mac16,10", "hw.memsize": "17179869184"}
    report.sysctl = lambda name: said.get(name, "")
    return report


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        anemone("inspect", "--write-probes", folder / "probes")
        written = folder / "report.json"
        paths = [str(folder / "probes" / f"{name}.mlpackage") for name in PROBES]
        sys.argv = ["report.py", "-o", str(written), *paths]
        script().main()
        kept = json.loads(written.read_text())
        assert [model["errors"] for model in kept["models"]] == [[]] * len(PROBES), kept["models"]
        found = json.loads(anemone("inspect", "--compare", written, "--json"))
        told = anemone("inspect", "--compare", written)
    places = found["places"]
    assert places["unmatched"] == 0, places
    assert places["only_forecast"] + places["only_preferred"] == 1, places
    misses = [(model["name"], miss["path"]) for model in found["models"] for miss in model["misses"]]
    assert misses == [(MOVED[0], f"main/{MOVED[1]}")], misses
    emulator, exact = found["emulator"], found["exact"]
    assert emulator["elements"] > 100_000 and emulator["equal"] == emulator["elements"], emulator
    assert exact["equal"] < exact["elements"], exact
    assert found["target"]["chip"] == "m4" and found["unknown"] == [], found["target"]
    assert MOVED[1] in told and "Apple M4" in told, told
    compared = sum(places[key] for key in ("both_ane", "both_elsewhere", "only_forecast", "only_preferred"))
    print(f"{compared} ops compared, the moved one found; {emulator['elements']} elements alike")


if __name__ == "__main__":
    main()
