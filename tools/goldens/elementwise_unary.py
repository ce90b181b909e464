"""Functions of one number, judged by numpy in float64."""

import numpy as np
import torch

from corpus import Corpus, mb

c = Corpus("elementwise_unary")
BOTH = np.float32([[-3.75, -1.5, -0.5, -0.0], [0.0, 0.25, 1.0, 6.5]])
UNIT = np.float32([-1.0, -0.9, -0.5, -0.0, 0.0, 0.01, 0.5, 1.0])
INNER = np.float32([-0.99, -0.5, 0.0, 0.25, 0.75])
POSITIVE = np.float32([0.01, 0.5, 1.0, 2.0, 100.0, 1e4])
TIES = np.float32([-3.5, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.4999998, 8388609.0, -7.0])
SPECIAL = np.float32([np.nan, np.inf, -np.inf, -0.0, 0.0])
INTS = np.int32([[-7, -1, 0], [1, 2, 13]])


def erf(x):
    return torch.erf(torch.from_numpy(x)).numpy()


OPS = {
    "abs": (np.abs, BOTH),
    "acos": (np.arccos, UNIT),
    "asin": (np.arcsin, UNIT),
    "atan": (np.arctan, BOTH),
    "atanh": (np.arctanh, INNER),
    "ceil": (np.ceil, TIES),
    "cos": (np.cos, BOTH),
    "cosh": (np.cosh, BOTH),
    "erf": (erf, BOTH),
    "exp": (np.exp, BOTH),
    "exp2": (np.exp2, BOTH),
    "floor": (np.floor, TIES),
    "round": (np.round, TIES),
    "sign": (np.sign, BOTH),
    "sin": (np.sin, BOTH),
    "sinh": (np.sinh, BOTH),
    "sqrt": (np.sqrt, POSITIVE),
    "square": (np.square, BOTH),
    "tan": (np.tan, BOTH),
    "tanh": (np.tanh, BOTH),
}
for op, (ref, x) in OPS.items():
    build = getattr(mb, op)
    c.add(f"{op}_of_common_numbers", lambda x, b=build: b(x=x), {"x": x}, ref, fp16=x is not TIES)
    if op not in ("acos", "asin", "atanh"):
        c.add(f"{op}_of_nan_infinities_and_zeros", lambda x, b=build: b(x=x), {"x": SPECIAL}, ref)
for op in ("abs", "sign", "square"):
    c.add(f"{op}_of_integers", lambda x, b=getattr(mb, op): b(x=x), {"x": INTS}, OPS[op][0])
c.add("exp2_of_integers", lambda x: mb.exp2(x=x), {"x": np.int32([0, 1, 5, 20])}, lambda x: 2**x)
c.add("acos_and_atanh_outside_their_domains_are_nan", lambda x: (mb.acos(x=x), mb.atanh(x=x)),
      {"x": np.float32([-2.0, 1.5, 3.0])}, lambda x: (np.arccos(x), np.arctanh(x)))
c.add("atanh_at_its_poles_is_infinite", lambda x: mb.atanh(x=x), {"x": np.float32([-1, 1])}, np.arctanh)
c.add("exp_overflows_to_infinity_and_underflows_to_zero", lambda x: mb.exp(x=x),
      {"x": np.float32([88.0, 89.0, -87.0, -110.0])}, np.exp)
c.add("sine_and_cosine_of_large_angles", lambda x: (mb.sin(x=x), mb.cos(x=x)),
      {"x": np.float32([100.0, -1000.0, 31415.926])}, lambda x: (np.sin(x), np.cos(x)),
      tolerance=(1e-5, 2e-6, "the angle is reduced in f32"))
c.add("sqrt_of_a_negative_number_is_nan", lambda x: mb.sqrt(x=x), {"x": np.float32([-1, -0.0])}, np.sqrt)
c.add("tanh_of_small_numbers_keeps_its_precision", lambda x: mb.tanh(x=x),
      {"x": np.float32([1e-5, -3e-4, 0.01, 1e-30])}, np.tanh, tolerance=(1e-5, 0.0, "small numbers are asked for"))
c.add("erf_of_small_and_large_numbers", lambda x: mb.erf(x=x),
      {"x": np.float32([1e-5, -3e-4, 0.01, 2.9, -3.5, 5.0])}, erf, tolerance=(1e-5, 1e-9, "small numbers are asked for"))
c.add("rounding_in_fp16", lambda x: (mb.round(x=x), mb.floor(x=x), mb.ceil(x=x)),
      {"x": np.float16([-2.5, -0.5, 0.5, 1.5, 1024.5, 2047.0])},
      lambda x: (np.round(x), np.floor(x), np.ceil(x)), fp16=True)
c.add("an_overflow_of_fp16_is_infinite", lambda x: mb.cast(x=mb.square(x=x), dtype="fp16"), {"x": np.float32([300.0, -2.0])},
      lambda x: np.float16(x * x), opsets=[15], symbolic=False, overrule="its inference is in f32")

for x, word in ((BOTH, "common_numbers"), (SPECIAL, "nan_infinities_and_zeros")):
    c.add(f"clip_of_{word}", lambda T, x: mb.clip(x=x, alpha=T(-1.5), beta=T(0.5)), {"x": x},
          lambda x: np.clip(x, -1.5, 0.5), fp16=x is BOTH)
    c.add(f"threshold_of_{word}", lambda T, x: mb.threshold(x=x, alpha=T(-0.25)), {"x": x},
          lambda x: np.maximum(x, -0.25), fp16=x is BOTH)
c.add("threshold_of_integers", lambda x: mb.threshold(x=x, alpha=np.int32(1)), {"x": INTS}, lambda x: np.maximum(x, 1))
c.add("clip_to_one_side_by_infinity", lambda x: mb.clip(x=x, alpha=np.float32(-np.inf), beta=np.float32(1)),
      {"x": BOTH}, lambda x: np.minimum(x, 1))
EPSILON = {
    "inverse": (1e-4, lambda x, e: 1 / (x + e)),
    "log": (1e-45, lambda x, e: np.log(x + e)),
    "rsqrt": (1e-12, lambda x, e: 1 / np.sqrt(x + e)),
}
for op, (default, ref) in EPSILON.items():
    build = getattr(mb, op)
    c.add(f"{op}_with_its_default_epsilon", lambda x, b=build: b(x=x), {"x": POSITIVE},
          lambda x, r=ref, e=default: r(x, e), fp16=op == "rsqrt")
    c.add(f"{op}_with_an_epsilon", lambda T, x, b=build: b(x=x, epsilon=T(0.125)), {"x": POSITIVE},
          lambda x, r=ref: r(x, 0.125), fp16=True)
c.add("log_of_zero_infinity_and_negative_numbers", lambda x: mb.log(x=x), {"x": np.float32([np.inf, -1.0, np.nan])}, np.log)
c.add("an_epsilon_of_another_float_type", lambda x: mb.rsqrt(x=x, epsilon=np.float16(0.25)), {"x": POSITIVE},
      lambda x: 1 / np.sqrt(x + 0.25), opsets=[17])
c.add("logical_not", lambda x: mb.logical_not(x=x), {"x": c.bools(2, 3)}, np.logical_not)

NUMPY = {"fp32": np.float32, "fp16": np.float16, "int32": np.int32, "bool": bool, "int8": np.int8,
         "uint8": np.uint8, "int16": np.int16, "uint16": np.uint16}
SOURCES = {
    "fp32": np.float32([-2.75, -0.5, 0.0, 0.5, 1.5, 3.0]),
    "fp16": np.float16([-2.75, -0.5, 0.0, 0.5, 1.5, 3.0]),
    "int32": np.int32([-2, 0, 1, 100]),
    "bool": np.array([True, False]),
}
for source, x in SOURCES.items():
    for target in ("fp32", "fp16", "int32", "bool"):
        c.add(f"cast_from_{source}_to_{target}", lambda x, t=target: mb.cast(x=x, dtype=t), {"x": x},
              lambda x, t=target: x.astype(NUMPY[t]), opsets=[15])
for target in ("int8", "uint8", "int16", "uint16"):
    x = np.float32([0.0, 0.5, 1.5, 100.75]) if target[0] == "u" else np.float32([-100.5, -0.5, 0.5, 1.5, 100.75])
    c.add(f"cast_from_fp32_through_{target}",
          lambda x, t=target: mb.cast(x=mb.cast(x=x, dtype=t), dtype="fp32"), {"x": x},
          lambda x, t=target: x.astype(NUMPY[t]).astype(np.float32))
    c.add(f"cast_from_int32_through_{target}",
          lambda x, t=target: mb.cast(x=mb.cast(x=x, dtype=t), dtype="int32"), {"x": np.int32([0, 1, 77])},
          lambda x, t=target: x)
c.add("cast_of_numbers_beyond_fp16_is_infinite", lambda x: mb.cast(x=x, dtype="fp16"),
      {"x": np.float32([65504.0, 65536.0, -1e6, 1e-9])}, lambda x: x.astype(np.float16), opsets=[15])
c.add("cast_of_large_integers_to_fp32_rounds", lambda x: mb.cast(x=x, dtype="fp32"),
      {"x": np.int32([16777217, -16777219, 2147483647])}, lambda x: x.astype(np.float32), opsets=[15])
c.write()
