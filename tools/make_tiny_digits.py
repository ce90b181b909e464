"""Makes models/tiny-digits: a small image classifier, trained here on digits that numpy draws.

usage: python tools/make_tiny_digits.py     (with tools/requirements.txt installed; about two minutes)

Everything is made by this script: strokes of each digit, bent, moved and blurred at random, are
drawn as 28 x 28 grey images; a convolutional network of 9,098 parameters learns them; coremltools
writes it as an int8 package. It prints the accuracy on images that were not trained on, for the
float network and for the one with the package's int8 weights, and writes a sample, `seven.png`.
"""

import pathlib
import shutil
import struct
import zlib

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "models" / "tiny-digits"
NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
SIZE = 28


def arc(cx, cy, rx, ry, start, stop, count=12):
    """Points of an ellipse, angles in turns, clockwise from the right."""
    t = 2 * np.pi * np.linspace(start, stop, count)
    return [(cx + rx * np.cos(a), cy + ry * np.sin(a)) for a in t]


# Strokes in a square from -1 to 1, y downwards.
STROKES = [
    [arc(0, 0, 0.55, 0.9, 0, 1, 24)],
    [[(-0.35, -0.6), (0, -0.9), (0, 0.9)]],
    [arc(0, -0.4, 0.5, 0.5, 0.5, 1.1) + [(-0.5, 0.9), (0.55, 0.9)]],
    [arc(0, -0.45, 0.5, 0.45, 0.6, 1.25), arc(0, 0.45, 0.55, 0.45, 0.75, 1.4)],
    [[(0.3, 0.9), (0.3, -0.9), (-0.6, 0.3), (0.65, 0.3)]],
    [[(0.5, -0.9), (-0.4, -0.9), (-0.45, -0.1)] + arc(0, 0.35, 0.52, 0.5, 0.6, 1.4)],
    [[(0.35, -0.9), (-0.3, -0.1)] + arc(0, 0.4, 0.5, 0.5, 0.5, 1.5, 20)],
    [[(-0.55, -0.9), (0.55, -0.9), (-0.1, 0.9)]],
    [arc(0, -0.45, 0.42, 0.42, 0, 1, 20), arc(0, 0.45, 0.52, 0.45, 0, 1, 20)],
    [arc(0, -0.4, 0.5, 0.5, 0, 1, 20), [(0.5, -0.4), (0.45, 0.2), (0.2, 0.9)]],
]
GRID = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE)), -1).astype(np.float64)


def draw(digit, rng):
    """One digit as SIZE x SIZE values from 0 to 255, bright on dark."""
    angle, shear = rng.normal(0, 0.12), rng.normal(0, 0.15)
    scale = rng.uniform(7.5, 11.0, 2) * [0.9, 1.0]
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    move = SIZE / 2 - 0.5 + rng.normal(0, 1.2, 2)
    width = rng.uniform(0.9, 1.7)
    nearest = np.full((SIZE, SIZE), np.inf)
    for stroke in STROKES[digit]:
        points = np.array(stroke) + rng.normal(0, 0.03, (len(stroke), 2))
        points = (points * scale) @ np.array([[1, 0], [shear, 1]]) @ turn.T + move
        for a, b in zip(points[:-1], points[1:]):
            along = b - a
            t = np.clip(((GRID - a) @ along) / (along @ along + 1e-9), 0, 1)
            nearest = np.minimum(nearest, np.linalg.norm(GRID - (a + t[..., None] * along), axis=-1))
    ink = np.clip(width + 0.5 - nearest, 0, 1) * rng.uniform(180, 255)
    return np.clip(ink + rng.normal(0, 8, ink.shape), 0, 255).round()


def images(count, seed):
    rng = np.random.default_rng(seed)
    digits = rng.integers(0, 10, count)
    return np.stack([draw(d, rng) for d in digits]).astype(np.float32), digits


# ------------------------------------------------------------------ the network, and its gradient
def patches(x):
    """3 x 3 neighbourhoods: N, C, H, W -> N, H, W, 9C."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    view = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))
    return view.transpose(0, 2, 3, 1, 4, 5).reshape(*x.shape[:1], *x.shape[2:], -1)


def conv(x, w, b):
    cols = patches(x)
    return cols, (cols @ w.reshape(len(w), -1).T + b).transpose(0, 3, 1, 2)


def conv_back(grad, cols, w):
    g = grad.transpose(0, 2, 3, 1)
    dw = (g.reshape(-1, len(w)).T @ cols.reshape(-1, cols.shape[-1])).reshape(w.shape)
    spread = np.flip(w, (2, 3)).transpose(1, 0, 2, 3)
    return dw, g.sum((0, 1, 2)), conv(grad, spread, 0)[1]


def pool(x):
    n, c, h, w = x.shape
    blocks = x.reshape(n, c, h // 2, 2, w // 2, 2)
    best = blocks.max((3, 5))
    return best, blocks == best[:, :, :, None, :, None]


def pool_back(grad, mask):
    spread = mask * grad[:, :, :, None, :, None]
    n, c, h, _, w, _ = spread.shape
    return spread.reshape(n, c, 2 * h, 2 * w)


def forward(p, x):
    c1, a1 = conv(x, p["w1"], p["b1"])
    h1, m1 = pool(np.maximum(a1, 0))
    c2, a2 = conv(h1, p["w2"], p["b2"])
    h2, m2 = pool(np.maximum(a2, 0))
    flat = h2.reshape(len(x), -1)
    return flat @ p["w3"].T + p["b3"], (c1, a1, m1, c2, a2, m2, h2.shape, flat)


def gradient(p, x, digits):
    logits, (c1, a1, m1, c2, a2, m2, shape, flat) = forward(p, x)
    e = np.exp(logits - logits.max(1, keepdims=True))
    g = e / e.sum(1, keepdims=True)
    g[np.arange(len(x)), digits] -= 1
    g /= len(x)
    d = {"w3": g.T @ flat, "b3": g.sum(0)}
    g = pool_back((g @ p["w3"]).reshape(shape), m2) * (a2 > 0)
    d["w2"], d["b2"], g = conv_back(g, c2, p["w2"])
    g = pool_back(g, m1) * (a1 > 0)
    d["w1"], d["b1"], _ = conv_back(g, c1, p["w1"])
    return d


def train(x, digits, rng):
    shapes = {"w1": (8, 1, 3, 3), "w2": (16, 8, 3, 3), "w3": (10, 16 * 49)}
    p = {k: rng.normal(0, np.sqrt(2 / np.prod(s[1:])), s).astype(np.float32) for k, s in shapes.items()}
    p |= {"b1": np.zeros(8, np.float32), "b2": np.zeros(16, np.float32), "b3": np.zeros(10, np.float32)}
    mean, square = ({k: np.zeros_like(v) for k, v in p.items()} for _ in range(2))
    step = 0
    for epoch in range(6):
        order = rng.permutation(len(x))
        for start in range(0, len(x), 64):
            rows = order[start : start + 64]
            step += 1
            rate = 2e-3 * 0.5**epoch * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
            for k, g in gradient(p, x[rows], digits[rows]).items():
                mean[k] = 0.9 * mean[k] + 0.1 * g
                square[k] = 0.999 * square[k] + 0.001 * g * g
                p[k] = (p[k] - rate * mean[k] / (np.sqrt(square[k]) + 1e-8)).astype(np.float32)
        print(f"epoch {epoch + 1}: {accuracy(p, x[:2000], digits[:2000]):.4f} on its own images", flush=True)
    return p


def accuracy(p, x, digits):
    found = np.concatenate([forward(p, part)[0].argmax(1) for part in np.array_split(x, max(1, len(x) // 500))])
    return float((found == digits).mean())


# ------------------------------------------------------------------------------ files
def write_package(p, path):
    import coremltools as ct
    import coremltools.optimize.coreml as cto
    from coremltools.converters.mil import Builder as mb

    @mb.program(input_specs=[mb.TensorSpec((1, 1, SIZE, SIZE))], opset_version=ct.target.iOS16)
    def program(image):
        x = mb.conv(x=image, weight=p["w1"], bias=p["b1"], pad_type="same", name="strokes")
        x = mb.max_pool(x=mb.relu(x=x), kernel_sizes=[2, 2], strides=[2, 2], pad_type="valid")
        x = mb.conv(x=x, weight=p["w2"], bias=p["b2"], pad_type="same", name="shapes")
        x = mb.max_pool(x=mb.relu(x=x), kernel_sizes=[2, 2], strides=[2, 2], pad_type="valid")
        x = mb.linear(x=mb.reshape(x=x, shape=[1, 16 * 49]), weight=p["w3"], bias=p["b3"], name="logits")
        return mb.softmax(x=x, axis=-1, name="probabilities")

    model = ct.convert(
        program,
        inputs=[ct.ImageType("image", shape=(1, 1, SIZE, SIZE), color_layout=ct.colorlayout.GRAYSCALE, scale=1 / 255)],
        classifier_config=ct.ClassifierConfig(NAMES, predicted_feature_name="digit"),
        minimum_deployment_target=ct.target.iOS16,
        compute_precision=ct.precision.FLOAT16,
        skip_model_load=True,
    )
    per_channel = cto.OpLinearQuantizerConfig(mode="linear_symmetric", weight_threshold=512)
    model = cto.linear_quantize_weights(model, cto.OptimizationConfig(global_config=per_channel))
    model.author = "made by tools/make_tiny_digits.py"
    model.license = "MIT OR Apache-2.0"
    model.short_description = "Names the digit in a 28 x 28 grey image, bright on dark."
    model.input_description["image"] = "one digit, bright on dark"
    model.output_description["digit"] = "the digit's name"
    shutil.rmtree(path, ignore_errors=True)
    model.save(str(path))


def as_int8(w):
    """What symmetric quantization with a scale for each output channel leaves of a weight."""
    scale = np.abs(w).max(tuple(range(1, w.ndim)), keepdims=True) / 127
    return (np.round(w / scale) * scale).astype(np.float32)


def write_png(path, grey):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + row.astype(np.uint8).tobytes() for row in grey)
    head = struct.pack(">IIBBBBB", grey.shape[1], grey.shape[0], 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def main():
    x, digits = images(12000, seed=1)
    p = train(x[:, None] / 255, digits, np.random.default_rng(2))
    held_x, held = images(4000, seed=3)
    print(f"not trained on: {accuracy(p, held_x[:, None] / 255, held):.4f} float")
    small = p | {k: as_int8(p[k]) for k in ("w2", "w3")}
    print(f"not trained on: {accuracy(small, held_x[:, None] / 255, held):.4f} int8 weights")
    OUT.mkdir(parents=True, exist_ok=True)
    write_package(p, OUT / "tiny-digits.mlpackage")
    write_png(OUT / "seven.png", draw(7, np.random.default_rng(4)))


if __name__ == "__main__":
    main()
