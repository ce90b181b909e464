"""Makes models of well-known forms, with random weights, to try the forecast and the emulator on.

usage: python tools/ane/models.py DIR [NAME …]     (with tools/requirements.txt installed)

Weights decide nothing of a forecast but their sizes; the planted faults are in the programs.
"""

import pathlib
import sys

import coremltools as ct
import numpy as np
from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.mil import types

random = np.random.default_rng(0)


def weight(*shape, scale=None):
    fan = np.prod(shape[1:]) if len(shape) > 1 else shape[0]
    return (random.standard_normal(shape) * (scale or fan**-0.5)).astype(np.float32)


def conv(x, outputs, kernel, stride=1):
    inputs = x.shape[1]
    return mb.conv(x=x, weight=weight(outputs, inputs, kernel, kernel), bias=weight(outputs, scale=0.01),
                   strides=[stride, stride], pad_type="custom", pad=[(kernel - 1) // 2] * 4)


def resnet50():
    """ResNet-50 (He et al. 2015), 1 x 3 x 224 x 224, norms folded."""

    @mb.program(input_specs=[mb.TensorSpec((1, 3, 224, 224))], opset_version=ct.target.iOS17)
    def program(image):
        x = mb.relu(x=conv(image, 64, 7, 2))
        x = mb.max_pool(x=x, kernel_sizes=[3, 3], strides=[2, 2], pad_type="custom", pad=[1, 1, 1, 1])
        for stage, (width, blocks) in enumerate([(64, 3), (128, 4), (256, 6), (512, 3)]):
            for block in range(blocks):
                stride = 2 if stage and not block else 1
                y = mb.relu(x=conv(x, width, 1))
                y = mb.relu(x=conv(y, width, 3, stride))
                y = conv(y, 4 * width, 1)
                x = x if block else conv(x, 4 * width, 1, stride)
                x = mb.relu(x=mb.add(x=x, y=y))
        x = mb.reduce_mean(x=x, axes=[2, 3])
        return mb.softmax(x=mb.linear(x=x, weight=weight(1000, 2048)), axis=-1, name="probabilities")

    return program


def norm(x, width):
    return mb.layer_norm(x=x, axes=[-1], gamma=np.ones(width, np.float32), beta=np.zeros(width, np.float32),
                         epsilon=1e-5)


def heads(x, count, size):
    x = mb.reshape(x=x, shape=[1, -1, count, size])
    return mb.transpose(x=x, perm=[0, 2, 1, 3])


def attention(x, width, count, mask=None):
    size = width // count
    parts = [heads(mb.linear(x=x, weight=weight(width, width), bias=weight(width, scale=0.01)), count, size)
             for _ in range(3)]
    scores = mb.matmul(x=mb.mul(x=parts[0], y=np.float32(size**-0.5)), y=parts[1], transpose_y=True)
    if mask is not None:
        scores = mb.add(x=scores, y=mask)
    mixed = mb.matmul(x=mb.softmax(x=scores, axis=-1), y=parts[2])
    mixed = mb.reshape(x=mb.transpose(x=mixed, perm=[0, 2, 1, 3]), shape=[1, -1, width])
    return mb.linear(x=mixed, weight=weight(width, width), bias=weight(width, scale=0.01))


def feed_forward(x, width):
    x = mb.linear(x=x, weight=weight(4 * width, width), bias=weight(4 * width, scale=0.01))
    return mb.linear(x=mb.gelu(x=x, mode="EXACT"), weight=weight(width, 4 * width), bias=weight(width, scale=0.01))


def vit_b16():
    """ViT-B/16 (Dosovitskiy et al. 2020), 1 x 3 x 224 x 224."""
    width = 768

    @mb.program(input_specs=[mb.TensorSpec((1, 3, 224, 224))], opset_version=ct.target.iOS17)
    def program(image):
        x = mb.conv(x=image, weight=weight(width, 3, 16, 16), strides=[16, 16], pad_type="valid")
        x = mb.transpose(x=mb.reshape(x=x, shape=[1, width, 196]), perm=[0, 2, 1])
        x = mb.concat(values=[weight(1, 1, width), x], axis=1)
        x = mb.add(x=x, y=weight(1, 197, width))
        for _ in range(12):
            x = mb.add(x=x, y=attention(norm(x, width), width, 12))
            x = mb.add(x=x, y=feed_forward(norm(x, width), width))
        first = mb.slice_by_index(x=norm(x, width), begin=[0, 0, 0], end=[1, 1, width])
        return mb.linear(x=mb.reshape(x=first, shape=[1, width]), weight=weight(1000, width), name="logits")

    return program


def gpt2_state(layers=12, width=768, count=12, context=256, words=50257):
    """GPT-2 (Radford et al. 2019), one token at a time, keys and values in two states."""
    size = width // count
    cache = (layers, count, context, size)
    keys_spec, values_spec = (mb.StateTensorSpec(cache, dtype=types.fp16) for _ in range(2))

    @mb.program(
        input_specs=[mb.TensorSpec((1, 1), dtype=types.int32), mb.TensorSpec((1,), dtype=types.int32),
                     mb.TensorSpec((1, 1, 1, context), dtype=types.fp16), keys_spec, values_spec],
        opset_version=ct.target.iOS18,
    )
    def program(token, position, mask, keys, values):
        def half(x):
            return mb.cast(x=x, dtype="fp16")

        x = mb.gather(x=weight(words, width, scale=0.02), indices=token, axis=0)
        x = mb.add(x=x, y=mb.gather(x=weight(context, width, scale=0.02), indices=position, axis=0))
        after = mb.add(x=position, y=np.int32(1))
        floats = mb.cast(x=mask, dtype="fp32")
        written = {}
        for layer in range(layers):
            y = norm(x, width)
            q, k, v = (heads(mb.linear(x=y, weight=weight(width, width)), count, size) for _ in range(3))
            begin = mb.concat(values=[np.array([layer, 0], np.int32), position, np.array([0], np.int32)], axis=0)
            end = mb.concat(values=[np.array([layer + 1, count], np.int32), after, np.array([size], np.int32)], axis=0)
            past = []
            for held, new in ((keys, k), (values, v)):
                # Each layer goes on with what the one before wrote: reads of one state may be merged.
                before = written.get(held.name) or mb.read_state(input=held)
                updated = mb.slice_update(x=before, update=half(new), begin=begin, end=end)
                updated = mb.coreml_update_state(state=held, value=updated)
                written[held.name] = updated
                own = mb.slice_by_index(x=updated, begin=[layer, 0, 0, 0], end=[layer + 1, count, context, size])
                past.append(mb.cast(x=own, dtype="fp32"))
            scores = mb.matmul(x=mb.mul(x=q, y=np.float32(size**-0.5)), y=past[0], transpose_y=True)
            weights = mb.softmax(x=mb.add(x=scores, y=floats), axis=-1)
            mixed = mb.transpose(x=mb.matmul(x=weights, y=past[1]), perm=[0, 2, 1, 3])
            x = mb.add(x=x, y=mb.linear(x=mb.reshape(x=mixed, shape=[1, 1, width]), weight=weight(width, width)))
            x = mb.add(x=x, y=feed_forward(norm(x, width), width))
        return mb.linear(x=norm(x, width), weight=weight(words, width, scale=0.02), name="logits")

    return program


def int32_island():
    """Convolutions, amid them a detour through integers."""

    @mb.program(input_specs=[mb.TensorSpec((1, 64, 56, 56))], opset_version=ct.target.iOS17)
    def program(x):
        for _ in range(6):
            x = mb.relu(x=conv(x, 64, 3))
        whole = mb.cast(x=mb.mul(x=x, y=np.float32(16)), dtype="int32", name="island_in")
        whole = mb.add(x=mb.mul(x=whole, y=np.int32(3)), y=np.int32(1), name="island")
        x = mb.mul(x=mb.cast(x=whole, dtype="fp32"), y=np.float32(1 / 16), name="island_out")
        for _ in range(6):
            x = mb.relu(x=conv(x, 64, 3))
        return x

    return program


def mask_1e9():
    """An encoder of two layers whose mask is -1e9 where a token is none."""
    width = 384

    @mb.program(input_specs=[mb.TensorSpec((1, 128, width)), mb.TensorSpec((1, 1, 1, 128))],
                opset_version=ct.target.iOS17)
    def program(x, is_token):
        mask = mb.mul(x=mb.sub(x=np.float32(1), y=is_token), y=np.float32(-1e9), name="mask")
        for _ in range(2):
            x = mb.add(x=x, y=attention(norm(x, width), width, 12, mask))
            x = mb.add(x=x, y=feed_forward(norm(x, width), width))
        return x

    return program


def overflow(clean=False):
    """Four layers; in the third, sums of 512 products pass 32768."""

    @mb.program(input_specs=[mb.TensorSpec((1, 512))], opset_version=ct.target.iOS17)
    def program(x):
        for layer in range(4):
            w = weight(512, 512)
            if layer == 2 and not clean:
                w = (np.abs(w) * 8000).astype(np.float32)
            x = mb.linear(x=x, weight=w, bias=weight(512, scale=0.01), name=f"layer_{layer}")
            x = mb.relu(x=x)
            if layer == 2:
                x = mb.mul(x=x, y=np.float32(1e-3))
        return x

    return program


def many_ops(count=2000):
    """A long chain of small ops with branches."""

    @mb.program(input_specs=[mb.TensorSpec((1, 32, 28, 28))], opset_version=ct.target.iOS17)
    def program(x):
        w = weight(32, 32, 3, 3)
        for i in range(count // 4):
            y = mb.conv(x=x, weight=w, pad_type="same", name=f"block_{i}/conv")
            y = mb.relu(x=y, name=f"block_{i}/relu")
            y = mb.mul(x=y, y=np.float32(0.1), name=f"block_{i}/scale")
            x = mb.add(x=x, y=y, name=f"block_{i}/sum")
        return x

    return program


MODELS = {
    "resnet50": resnet50,
    "vit_b16": vit_b16,
    "gpt2_state": gpt2_state,
    "int32_island": int32_island,
    "mask_1e9": mask_1e9,
    "overflow": overflow,
    "overflow_clean": lambda: overflow(clean=True),
    "many_ops": many_ops,
}


def main():
    folder, names = pathlib.Path(sys.argv[1]), sys.argv[2:] or list(MODELS)
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        target = ct.target.iOS18 if name == "gpt2_state" else ct.target.iOS17
        model = ct.convert(MODELS[name](), convert_to="mlprogram", minimum_deployment_target=target,
                           compute_precision=ct.precision.FLOAT16, skip_model_load=True)
        model.save(str(folder / f"{name}.mlpackage"))
        print(folder / f"{name}.mlpackage", flush=True)


if __name__ == "__main__":
    main()
