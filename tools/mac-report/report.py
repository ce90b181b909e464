"""Asks Core ML on a Mac: where each op goes, how long a prediction takes, and what comes out.

usage: tools/mac-report/run [MODEL.mlpackage …]          (from the repository, on a Mac)
   or: python report.py -o report.json MODEL.mlpackage [MODEL.mlpackage …]

For each model, with each set of compute units: the compute plan (what Core ML *intends*; it does not say
what ran), the times of 20 predictions after 3 that are not counted, and the outputs. Inputs are those of
MODEL.npz beside the model, or else made here: floats from -1 to 1, integers 0 or 1, always the same.
Everything goes into one JSON file; nothing is sent anywhere. `anemone inspect --compare report.json` reads it.
"""

import argparse
import base64
import json
import pathlib
import platform
import subprocess
import sys
import time

import coremltools as ct
import numpy as np
from coremltools.models.compute_plan import MLComputePlan

UNITS = {
    "cpu_only": ct.ComputeUnit.CPU_ONLY,
    "cpu_and_gpu": ct.ComputeUnit.CPU_AND_GPU,
    "cpu_and_ne": ct.ComputeUnit.CPU_AND_NE,
    "all": ct.ComputeUnit.ALL,
}
# The units whose results are kept: the engine's, and what they are compared with.
KEPT = ("cpu_and_ne", "cpu_only")
RUNS, WARM = 20, 3
# Elements of an output that are kept at most.
LARGEST = 1 << 20


def sysctl(name):
    try:
        return subprocess.run(["sysctl", "-n", name], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def machine():
    return {
        "chip": sysctl("machdep.cpu.brand_string") or platform.processor(),
        "model": sysctl("hw.model"),
        "memory_bytes": int(sysctl("hw.memsize") or 0),
        "macos": platform.mac_ver()[0],
        "coremltools": ct.__version__,
        "is_virtual": sysctl("kern.hv_vmm_present") == "1",
    }


def packed(array):
    array = np.ascontiguousarray(array)
    little = array.astype(array.dtype.newbyteorder("<"))
    return {
        "dtype": array.dtype.name,
        "shape": list(array.shape),
        "base64": base64.b64encode(little.tobytes()).decode(),
    }


def device(of):
    """The short name of one of coremltools' devices."""
    if of is None:
        return None
    name = type(of).__name__
    for part, short in (("NeuralEngine", "neural_engine"), ("GPU", "gpu"), ("CPU", "cpu")):
        if part in name:
            return short
    return name


def planned(plan, function, block, found):
    for op in block.operations:
        usage = plan.get_compute_device_usage_for_mlprogram_operation(op)
        cost = plan.get_estimated_cost_for_mlprogram_operation(op)
        found.append({
            "function": function,
            "outputs": [output.name for output in op.outputs],
            "op": op.operator_name,
            "preferred": device(usage.preferred_compute_device) if usage else None,
            "supported": [device(d) for d in usage.supported_compute_devices] if usage else [],
            "cost": cost.weight if cost else None,
        })
        for nested in op.blocks:
            planned(plan, function, nested, found)


def plan_of(compiled, units):
    plan = MLComputePlan.load_from_path(compiled, compute_units=units)
    program = plan.model_structure.program
    if program is None:
        raise ValueError("the model is no ML program")
    found = []
    for name, function in program.functions.items():
        planned(plan, name, function.block, found)
    return found


DTYPES = {65552: np.float16, 65568: np.float32, 65600: np.float64, 131104: np.int32}


def inputs_of(path, spec):
    """The inputs beside the model, or made ones."""
    beside = path.with_suffix(".npz")
    if beside.exists():
        arrays = dict(np.load(beside))
        return {name.removeprefix("in."): a for name, a in arrays.items() if not name.startswith("out.")}
    random, made = np.random.default_rng(0), {}
    description = spec.description
    features = description.functions[0].input if description.functions else description.input
    for feature in features:
        if feature.type.WhichOneof("Type") != "multiArrayType":
            raise ValueError(f"input `{feature.name}` is no array; put {beside.name} beside the model")
        array = feature.type.multiArrayType
        dtype, shape = DTYPES[array.dataType], list(array.shape)
        if dtype is np.int32:
            made[feature.name] = random.integers(0, 2, shape).astype(np.int32)
        else:
            made[feature.name] = random.uniform(-1, 1, shape).astype(dtype)
    return made


def asked(path, log):
    """All that is asked of one model."""
    found = {"name": path.stem, "plans": {}, "timings_ms": {}, "load_ms": {}, "inputs": {}, "outputs": {}, "errors": []}
    try:
        inputs = inputs_of(path, ct.models.utils.load_spec(str(path)))
    except Exception as error:  # whatever Core ML says is the answer
        found["errors"].append(f"inputs: {error}")
        return found
    found["inputs"] = {name: packed(array) for name, array in inputs.items()}
    for short, units in UNITS.items():
        log(f"{path.stem}: {short}")
        try:
            start = time.perf_counter()
            model = ct.models.MLModel(str(path), compute_units=units)
            found["load_ms"][short] = (time.perf_counter() - start) * 1e3
        except Exception as error:
            found["errors"].append(f"{short}: load: {error}")
            continue
        try:
            found["plans"][short] = plan_of(model.get_compiled_model_path(), units)
        except Exception as error:
            found["errors"].append(f"{short}: plan: {error}")
        try:
            has_states = len(model.get_spec().description.state) > 0

            def predict():
                # A fresh state each time, so that every prediction is the first.
                return model.predict(inputs, state=model.make_state()) if has_states else model.predict(inputs)

            outputs = predict()
            if short in KEPT:
                small = {n: a for n, a in outputs.items() if isinstance(a, np.ndarray) and a.size <= LARGEST}
                found["outputs"][short] = {name: packed(array) for name, array in small.items()}
            times = []
            for _ in range(WARM + RUNS):
                start = time.perf_counter()
                predict()
                times.append((time.perf_counter() - start) * 1e3)
            found["timings_ms"][short] = times[WARM:]
        except Exception as error:
            found["errors"].append(f"{short}: predict: {error}")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=pathlib.Path, metavar="MODEL")
    parser.add_argument("-o", "--output", type=pathlib.Path, default=pathlib.Path("mac-report.json"))
    arguments = parser.parse_args()
    missing = [str(path) for path in arguments.models if not path.exists()]
    if missing:
        parser.error(f"there is no {', '.join(missing)}")
    if platform.system() != "Darwin":
        sys.exit("this asks Core ML, which is on a Mac only")
    models = [asked(path, lambda line: print(line, file=sys.stderr, flush=True)) for path in arguments.models]
    report = {"format": "anemone-mac-report", "version": 1, "machine": machine(), "models": models}
    arguments.output.write_text(json.dumps(report))
    failed = sum(bool(model["errors"]) for model in models)
    print(f"{arguments.output}: {len(models)} models, {failed} with errors")


if __name__ == "__main__":
    main()
