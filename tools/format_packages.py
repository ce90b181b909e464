"""Makes the small packages in crates/anemone-formats/tests/data with coremltools.

    python tools/format_packages.py

- compressed.mlpackage: iOS 18, half floats, a state; weights in blocks of int4, in a palette of four
  bits and with a sparsity mask.
- flexible.mlpackage: iOS 17, several shapes, an optional input with a default, a classifier's
  dictionary, metadata.
- functions.mlpackage: iOS 18, two functions that share weights.
Needs the packages in tools/requirements.txt.
"""

import pathlib
import shutil
import tempfile

import coremltools as ct
import numpy as np
from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.mil import get_new_symbol, types

DATA = pathlib.Path(__file__).parent.parent / "crates" / "anemone-formats" / "tests" / "data"
RANDOM = np.random.default_rng(7)


def floats(*shape):
    return RANDOM.standard_normal(shape).astype(np.float16)


def integers(high, kind, *shape):
    return RANDOM.integers(0, high, shape).astype(types.nptype_from_builtin(kind))


def compressed():
    target = ct.target.iOS18
    specs = [mb.TensorSpec((1, 16), types.fp16), mb.StateTensorSpec((1, 16), types.fp16)]

    @mb.program(input_specs=specs, opset_version=target)
    def program(x, memory):
        blocks = mb.constexpr_blockwise_shift_scale(
            data=integers(8, types.int4, 16, 16), scale=floats(16, 2)
        )
        palette = mb.constexpr_lut_to_dense(
            indices=integers(16, types.uint4, 16, 16), lut=floats(1, 1, 16, 1)
        )
        mask = integers(2, types.uint1, 16, 16)
        sparse = mb.constexpr_sparse_to_dense(
            nonzero_data=floats(int(mask.sum())), mask=mask
        )
        y = mb.linear(x=x, weight=blocks)
        y = mb.linear(x=mb.relu(x=y), weight=palette)
        y = mb.add(x=mb.linear(x=y, weight=sparse), y=mb.read_state(input=memory))
        y = mb.coreml_update_state(state=memory, value=y)
        return mb.identity(x=y, name="y")

    return ct.convert(program, minimum_deployment_target=target, skip_model_load=True)


def flexible():
    target = ct.target.iOS17
    weights, bias = floats(3, 16).astype(np.float32), floats(3).astype(np.float32)

    @mb.program(
        input_specs=[mb.TensorSpec((get_new_symbol(), 4)), mb.TensorSpec((1, 4))],
        opset_version=target,
    )
    def program(x, offset):
        y = mb.tile(x=mb.add(x=x, y=offset), reps=[1, 4])
        y = mb.linear(x=y, weight=weights, bias=bias)
        return mb.softmax(x=y, axis=-1, name="scores")

    model = ct.convert(
        program,
        inputs=[
            ct.TensorType("x", shape=ct.EnumeratedShapes([(1, 4), (2, 4), (8, 4)], default=(1, 4))),
            ct.TensorType("offset", shape=(1, 4), default_value=np.zeros((1, 4), np.float32)),
        ],
        classifier_config=ct.ClassifierConfig(["red", "green", "blue"]),
        compute_precision=ct.precision.FLOAT32,
        minimum_deployment_target=target,
        skip_model_load=True,
    )
    model.author, model.license = "Anemone", "MIT OR Apache-2.0"
    model.short_description = "colours of four numbers"
    model.user_defined_metadata["note"] = "any text: ä ≤ 🪸"
    return model


def function(weights, op):
    target = ct.target.iOS18

    @mb.program(input_specs=[mb.TensorSpec((1, 16))], opset_version=target)
    def program(x):
        return op(x=mb.linear(x=x, weight=weights.astype(np.float32)), name="y")

    return ct.convert(program, minimum_deployment_target=target, skip_model_load=True)


def functions(folder):
    weights = floats(16, 16)
    descriptor = ct.utils.MultiFunctionDescriptor()
    for name, op in (("rise", mb.exp), ("fall", mb.tanh)):
        path = str(folder / f"{name}.mlpackage")
        function(weights, op).save(path)
        descriptor.add_function(path, "main", name)
    descriptor.default_function_name = "rise"
    return descriptor


def main():
    shutil.rmtree(DATA, ignore_errors=True)
    DATA.mkdir(parents=True)
    compressed().save(str(DATA / "compressed.mlpackage"))
    flexible().save(str(DATA / "flexible.mlpackage"))
    with tempfile.TemporaryDirectory() as folder:
        descriptor = functions(pathlib.Path(folder))
        ct.utils.save_multifunction(descriptor, str(DATA / "functions.mlpackage"))
    (DATA / "README.md").write_text(
        "Made by `tools/format_packages.py` with coremltools "
        f"{ct.__version__} and numpy {np.__version__}; the script says what each package holds.\n"
    )


if __name__ == "__main__":
    main()
