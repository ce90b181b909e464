"""Case files of the conformance corpus: programs made by coremltools' builder, judged by others.

Each script beside this one makes `cases/<stem>.toml` of one family. A case gives a function that
builds the ops from coremltools' variables, numpy arrays as inputs, and, where coremltools' own value
inference does not know the op or is no judge of fp16, a reference. Where both are there they must agree.
"""

import inspect
import logging
import pathlib
import platform
import sys
import warnings
from importlib import metadata

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

import coremltools as ct
import numpy as np
from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.mil import get_new_symbol, types
from coremltools.converters.mil.mil.ops.registry import SSAOpRegistry

from mil_text import array_literal, program_text, type_text

TARGETS = {15: ct.target.iOS15, 16: ct.target.iOS16, 17: ct.target.iOS17, 18: ct.target.iOS18}
CASES = pathlib.Path(__file__).parents[2] / "crates/anemone-conformance/cases"
np.seterr(all="ignore")


def mil_type(array):
    return types.numpy_type_to_builtin_type(array.dtype)


class Corpus:
    """The cases of one family, in order."""

    def __init__(self, stem):
        self.stem = stem
        self.cases = []
        self.names = set()
        self.faults = []
        self.tools = {"coremltools", "numpy"}
        self.rng = np.random.default_rng(sum(stem.encode()))

    # ---------------------------------------------------------------- inputs

    def floats(self, *shape, low=-2.0, high=2.0):
        return self.rng.uniform(low, high, shape).round(2).astype(np.float32)

    def ints(self, *shape, low=-9, high=10):
        return self.rng.integers(low, high, shape).astype(np.int32)

    def bools(self, *shape):
        return self.rng.integers(0, 2, shape).astype(bool)

    # ---------------------------------------------------------------- cases

    def add(self, name, build, inputs, ref=None, *, by="numpy", opsets=None, fp16=False,
            tolerance=None, symbolic=True, free_ones=True, states=None, declared=False, overrule=None):
        """One case for each version of the ops that it is made of, and of its inputs' type.

        build(T, x, ...): the ops; `T` makes a number of the case's float type (leave it out where
        there is none). ref(x, ...): outputs from float64 inputs. overrule: why `ref` is right where
        coremltools' value inference says otherwise. free_ones: whether dimensions of 1 may be free.
        """
        floats = ("fp32", "fp16") if fp16 else ("fp32",)
        for dtype in floats:
            typed = {k: cast(v, dtype) for k, v in inputs.items()}
            stated = {k: cast(v, dtype) for k, v in (states or {}).items()}
            try:
                chosen = opsets or self.versions(build, typed, stated, dtype)
            except Exception as fault:
                self.faults.append(f"{name}: {fault}")
                continue
            for opset in chosen:
                case = Case(build, typed, stated, dtype, opset)
                plain = f"{name}_fp16" if dtype == "fp16" else name
                full = plain if plain not in self.names else f"{plain}_in_ios{opset}"
                if full in self.names:
                    self.faults.append(f"two cases {full}")
                self.names.add(full)
                self.tools.add(by)
                try:
                    self.cases.append(case.entry(full, ref, by, tolerance, symbolic, free_ones, declared, overrule))
                except Exception as fault:
                    self.faults.append(f"{full}: {fault}")

    def versions(self, build, inputs, states, dtype):
        """The opsets at which an op of the case was defined anew, and in which it builds."""
        found, seen = [], set()
        for opset in TARGETS:
            try:
                program = Case(build, inputs, states, dtype, opset).program()
            except Exception as error:
                fault = error
                continue
            kinds = {op.op_type for op in program.functions["main"].operations}
            classes = frozenset(
                SSAOpRegistry.core_ops[kind][best(kind, opset)] for kind in kinds if kind in SSAOpRegistry.core_ops
            )
            if classes not in seen:
                seen.add(classes)
                found.append(opset)
        if not found:
            raise RuntimeError(f"builds in no opset: {fault}") from fault
        return found

    def write(self):
        """Writes the file; nothing where a case could not be made."""
        if self.faults:
            sys.exit("\n".join(f"{self.stem}/{fault}" for fault in self.faults))
        tools = ", ".join(f'"{tool} {metadata.version(tool)}"' for tool in sorted(self.tools))
        text = (
            f"# Made by tools/goldens/{self.stem}.py; make it anew instead of changing it.\n"
            f'generator = "tools/goldens/{self.stem}.py"\n'
            f'tools = ["Python {platform.python_version()}", {tools}]\n'
        )
        text += "".join("\n" + case for case in self.cases)
        (CASES / f"{self.stem}.toml").write_text(text)
        print(f"{self.stem}: {len(self.cases)} cases, {len(text) // 1024} KiB")


def best(kind, opset):
    """The registry's key for the version of an op that an opset selects."""
    keys = [key for key in SSAOpRegistry.core_ops[kind] if key <= TARGETS[opset]]
    return max(keys) if keys else min(SSAOpRegistry.core_ops[kind])


def cast(array, dtype):
    array = np.asarray(array)
    wide = array.dtype in (np.float32, np.float64)
    return array.astype(np.float16 if dtype == "fp16" else np.float32) if wide else array


def agrees(var, decoded):
    """The compressed weight `var`, whose decoding by coremltools must be `decoded`."""
    found = var.op.materialized_val_inference()
    if found is None or not np.allclose(np.float64(found), decoded, rtol=2e-3, atol=1e-6):
        raise RuntimeError(f"coremltools decodes {found}, not {decoded}")
    return var


def listed(result):
    return list(result) if isinstance(result, (list, tuple)) else [result]


class Case:
    """One program with its inputs."""

    def __init__(self, build, inputs, states, dtype, opset):
        self.build, self.inputs, self.states = build, inputs, states
        self.dtype, self.opset = dtype, opset

    def call(self, variables, scalar):
        takes_type = next(iter(inspect.signature(self.build).parameters), None) == "T"
        return listed(self.build(*([scalar] if takes_type else []), **variables))

    def scalar(self):
        return np.float16 if self.dtype == "fp16" else np.float32

    def program(self, free=()):
        """The program; `free` holds (input, axis) of free dimensions."""
        specs = []
        for name, array in self.inputs.items():
            shape = tuple(
                get_new_symbol() if (name, axis) in free else size for axis, size in enumerate(array.shape)
            )
            specs.append(mb.TensorSpec(shape, mil_type(array)))
        specs += [mb.StateTensorSpec(a.shape, mil_type(a)) for a in self.states.values()]
        names = list(self.inputs) + list(self.states)

        def body(*variables):
            return self.call(dict(zip(names, variables)), self.scalar())

        # The builder reads the names of a function's parameters.
        source = f"lambda {', '.join(names)}: body({', '.join(names)})"
        function = eval(source, {"body": body})
        return mb.program(input_specs=specs, opset_version=TARGETS[self.opset])(function)

    def inferred(self):
        """Outputs by coremltools' value inference, in f32 from the rounded inputs; or None."""
        if self.states:
            return None
        found = []

        def wide(value):
            return np.float32(self.scalar()(value))

        def body():
            constants = {
                name: mb.const(val=a.astype(np.float32) if a.dtype == np.float16 else a)
                for name, a in self.inputs.items()
            }
            outputs = self.call(constants, wide)
            found.extend(var.val for var in outputs)
            return outputs

        try:
            mb.program(input_specs=[], opset_version=TARGETS[self.opset])(body)
        except Exception:
            return None
        return None if any(value is None for value in found) else [np.asarray(v) for v in found]

    def free_dimensions(self, ones):
        """The most dimensions that coremltools lets be free, and the types that it then infers."""
        axes = [(n, i) for n, a in self.inputs.items() for i in range(a.ndim) if ones or a.shape[i] != 1]
        first = next(iter(self.inputs), None)
        tries = [axes, [a for a in axes if a[1] != 1], [a for a in axes if a[1] == 0],
                 [a for a in axes if a[0] == first], [(first, 0)]]
        for free in tries:
            if free and set(free) <= set(axes):
                try:
                    program = self.program(free)
                except Exception:
                    continue
                return free, program
        return [], None

    def entry(self, name, ref, by, tolerance, symbolic, free_ones, declared, overrule):
        program = self.program()
        variables = program.functions["main"].outputs
        names = ["out"] if len(variables) == 1 else [f"out{i}" for i in range(len(variables))]
        outputs, judge, after = self.golden(ref, by, overrule)
        lines = ["[[case]]", f'name = "{name}"', f'judge = "{judge}"']
        lines.append("mil = '''")
        lines.append(program_text(program, self.opset, dict(zip(names, variables))) + "'''")
        for section, arrays in (("inputs", self.inputs), ("states", self.states)):
            lines += section_lines(section, {n: array_literal(a) for n, a in arrays.items()})
        texts = {}
        for label, var, golden in zip(names, variables, outputs):
            texts[label] = golden_literal(var, golden)
        lines += section_lines("outputs", texts)
        lines += section_lines("new_states", {n: array_literal(a) for n, a in after.items()})
        if symbolic and self.inputs:
            lines += self.symbolic_lines(names, free_ones)
        if declared:
            lines += section_lines("declared", {n: golden_literal(v, d) for n, v, d in zip(names, variables, declared)})
        if tolerance:
            rtol, atol, why = tolerance
            lines += ["[case.tolerance]", f"rtol = {rtol!r}", f"atol = {atol!r}", f'why = "{why}"']
        return "\n".join(lines) + "\n"

    def symbolic_lines(self, names, free_ones):
        free, program = self.free_dimensions(free_ones)
        if not free:
            return []
        function = program.functions["main"]
        inputs = {
            n: type_text(v.sym_type) for n, v in function.inputs.items() if any(n == name for name, _ in free)
        }
        outputs = {n: type_text(v.sym_type) for n, v in zip(names, function.outputs)}
        return section_lines("symbolic", inputs) + section_lines("symbolic_outputs", outputs)

    def golden(self, ref, by, overrule):
        """Outputs, who gave them, and states after the run."""
        inferred = self.inferred()
        if ref is None:
            if inferred is None:
                raise RuntimeError("no value inference, and no reference")
            return inferred, "coremltools", {}
        wide = [exact(a) for a in self.inputs.values()]
        after = {}
        if self.states:
            result, after = ref(*wide, *(exact(a) for a in self.states.values()))
            after = {n: np.asarray(v).astype(self.states[n].dtype) for n, v in after.items()}
        else:
            result = ref(*wide)
        outputs = [np.asarray(v) for v in listed(result)]
        if inferred is None:
            return outputs, by, after
        for theirs, ours in zip(inferred, outputs):
            ours = ours.astype(theirs.dtype)
            same = theirs.shape == ours.shape and np.allclose(
                theirs.astype(np.float64), ours.astype(np.float64), rtol=1e-3, atol=1e-4, equal_nan=True
            )
            if not same and not overrule:
                raise RuntimeError(f"coremltools infers {theirs.tolist()}, {by} gives {ours.tolist()}")
        return outputs, by if overrule else f"{by}, coremltools agrees", after


def exact(array):
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def golden_literal(var, golden):
    name = type_text(var.sym_type.get_primitive() if types.is_tensor(var.sym_type) else var.sym_type)
    numpy_name = {"fp16": "float16", "fp32": "float32"}.get(name, name)
    if numpy_name in ("float16", "float32", "int32", "int16", "int8", "uint8", "uint16", "bool", "uint32"):
        return array_literal(np.asarray(golden).astype(numpy_name))
    return array_literal(np.asarray(golden), name)


def section_lines(section, texts):
    if not texts:
        return []
    return [f"[case.{section}]"] + [f"{name} = '{text}'" for name, text in texts.items()]
