"""Activations, judged by torch."""

import numpy as np
import torch
import torch.nn.functional as F

from corpus import Corpus, mb

c = Corpus("activation")
X = np.array([[-3.5, -1.0, -0.25, -0.0], [0.0, 0.5, 1.0, 4.0]], np.float32)
WIDE = np.array([-100.0, -20.0, -6.0, -3.0, 2.0, 6.0, 7.5, 20.0, 100.0], np.float32)
SPECIAL = np.array([np.nan, np.inf, -np.inf, -0.0], np.float32)


def t(function):
    return lambda *inputs: function(*(torch.from_numpy(np.asarray(v)) for v in inputs)).numpy()


def add(name, build, ref, x=X, **options):
    c.add(name, build, {"x": x}, t(ref), by="torch", **options)


def hard_sigmoid(x, a, b):
    return torch.clamp(a * x + b, 0, 1)


PLAIN = {
    "relu": (mb.relu, F.relu),
    "relu6": (mb.relu6, F.relu6),
    "sigmoid": (mb.sigmoid, torch.sigmoid),
    "silu": (mb.silu, F.silu),
    "softplus": (mb.softplus, lambda x: torch.logaddexp(x, torch.zeros_like(x))),
    "softsign": (mb.softsign, F.softsign),
}
for op, (build, ref) in PLAIN.items():
    add(f"{op}_of_both_signs", lambda x, b=build: b(x=x), ref, fp16=True)
    add(f"{op}_far_from_zero", lambda x, b=build: b(x=x), ref, WIDE)
for op in ("relu", "relu6", "sigmoid"):
    build, ref = PLAIN[op]
    if op == "sigmoid":
        add(f"{op}_of_nan_and_infinities", lambda x, b=build: b(x=x), ref, SPECIAL)
add("softplus_of_infinities", lambda x: mb.softplus(x=x), PLAIN["softplus"][1], SPECIAL[1:])
add("relu_of_a_scalar_like_tensor", lambda x: mb.relu(x=x), F.relu, np.float32([[[[[-1.5]]]]]))
add("relu_of_no_elements", lambda x: mb.relu(x=x), F.relu, np.zeros((2, 0), np.float32), symbolic=False)

add("clamped_relu", lambda T, x: mb.clamped_relu(x=x, alpha=T(0.25), beta=T(1.5)),
    lambda x: torch.where(x >= 0, torch.clamp(x, max=1.5), torch.clamp(0.25 * x, max=1.5)), fp16=True)
add("clamped_relu_with_a_negative_slope", lambda T, x: mb.clamped_relu(x=x, alpha=T(-2.0), beta=T(3.0)),
    lambda x: torch.where(x >= 0, torch.clamp(x, max=3.0), torch.clamp(-2 * x, max=3.0)))
add("elu", lambda T, x: mb.elu(x=x, alpha=T(0.5)), lambda x: F.elu(x, 0.5), fp16=True)
add("elu_far_from_zero", lambda T, x: mb.elu(x=x, alpha=T(2.0)), lambda x: F.elu(x, 2.0), WIDE)
for mode, ref in {
    "EXACT": lambda x: F.gelu(x),
    "TANH_APPROXIMATION": lambda x: F.gelu(x, approximate="tanh"),
    "SIGMOID_APPROXIMATION": lambda x: x * torch.sigmoid(1.702 * x),
}.items():
    add(f"gelu_{mode.lower()}", lambda x, m=mode: mb.gelu(x=x, mode=m), ref, fp16=mode == "EXACT")
    add(f"gelu_{mode.lower()}_far_from_zero", lambda x, m=mode: mb.gelu(x=x, mode=m), ref, WIDE)
add("gelu_in_its_default_mode", lambda x: mb.gelu(x=x), F.gelu)
add("leaky_relu", lambda T, x: mb.leaky_relu(x=x, alpha=T(0.25)), lambda x: F.leaky_relu(x, 0.25), fp16=True)
add("linear_activation", lambda T, x: mb.linear_activation(x=x, alpha=T(2.0), beta=T(-0.5)),
    lambda x: 2 * x - 0.5, fp16=True)
add("scaled_tanh", lambda T, x: mb.scaled_tanh(x=x, alpha=T(1.5), beta=T(0.5)),
    lambda x: 1.5 * torch.tanh(0.5 * x), fp16=True)
add("sigmoid_hard", lambda T, x: mb.sigmoid_hard(x=x, alpha=T(0.25), beta=T(0.25)),
    lambda x: hard_sigmoid(x, 0.25, 0.25), fp16=True)
add("thresholded_relu", lambda T, x: mb.thresholded_relu(x=x, alpha=T(0.5)),
    lambda x: torch.where(x >= 0.5, x, torch.zeros_like(x)), fp16=True)

CHANNELS = c.floats(2, 3, 2, 2)
ALPHA = np.float32([0.25, -0.5, 2.0])
add("prelu_over_channels", lambda T, x: mb.prelu(x=x, alpha=T(ALPHA)),
    lambda x: F.prelu(x, torch.tensor(ALPHA).double()), CHANNELS, fp16=True)
add("prelu_of_rank_three", lambda T, x: mb.prelu(x=x, alpha=T([0.5, 0.5, 0.5])),
    lambda x: F.leaky_relu(x, 0.5), CHANNELS[:, :, 0])
add("softplus_parametric_over_channels",
    lambda T, x: mb.softplus_parametric(x=x, alpha=T(ALPHA + 1), beta=T(ALPHA * 2)),
    lambda x: torch.tensor(ALPHA + 1).double().reshape(3, 1, 1)
    * torch.log1p(torch.exp(torch.tensor(ALPHA * 2).double().reshape(3, 1, 1) * x)), CHANNELS, fp16=True)

CUBE = c.floats(2, 3, 4, low=-5, high=5)
for axis in (-3, -1, 0, 1, 2):
    word = f"axis_{axis}" if axis >= 0 else f"negative_axis_{-axis}"
    add(f"softmax_over_{word}", lambda x, a=axis: mb.softmax(x=x, axis=a),
        lambda x, a=axis: torch.softmax(x, a), CUBE, fp16=axis == -1)
add("softmax_over_its_default_axis", lambda x: mb.softmax(x=x), lambda x: torch.softmax(x, -1), CUBE)
add("softmax_of_large_numbers_does_not_overflow", lambda x: mb.softmax(x=x), lambda x: torch.softmax(x, -1),
    np.float32([[1e4, 1e4 - 1, -1e4], [-3e38, 3e38, 0]]))
add("softmax_of_masked_rows", lambda x: mb.softmax(x=x), lambda x: torch.softmax(x, -1),
    np.float32([[-np.inf, 0, 1], [-np.inf, -np.inf, 2]]))
add("softmax_of_rank_one", lambda x: mb.softmax(x=x, axis=0), lambda x: torch.softmax(x, 0), c.floats(37))
add("softmax_of_rank_five", lambda x: mb.softmax(x=x, axis=-2), lambda x: torch.softmax(x, -2), c.floats(1, 2, 1, 3, 2))
c.write()
