"""Quantized activations, judged by numpy."""

import numpy as np

from corpus import Corpus, mb

c = Corpus("quantization_ops")
X = np.float32([[-40.0, -1.25, -0.75, -0.25, 0.0], [0.25, 0.75, 1.25, 33.0, 100.0]])
LIMITS = {"int8": (-128, 127), "uint8": (0, 255)}
DTYPE = {"int8": np.int8, "uint8": np.uint8}


def along(v, x, axis):
    return np.float64(v) if np.ndim(v) == 0 else np.reshape(np.float64(v), [-1 if i == axis % x.ndim else 1 for i in range(x.ndim)])


def quantized(x, scale, zero, axis, kind):
    return np.clip(np.round(x / along(scale, x, axis)) + along(zero, x, axis), *LIMITS[kind])


def dequantized(q, scale, zero, axis):
    return (q - along(zero, q, axis)) * along(scale, q, axis)


for kind in ("int8", "uint8"):
    zero = 3 if kind == "int8" else 128
    for name, scale, zeros, axis in (("with_one_scale", 0.5, zero, None), ("by_rows", [0.5, 0.25], [zero, 7], 0),
                                     ("by_columns", [1, 0.5, 2, 0.25, 4], [0, 1, 2, zero, 4], -1), ("without_zero", 0.5, None, None)):
        given = {} if zeros is None else {"zero_point": np.array(zeros).astype(DTYPE[kind])}
        if axis is not None:
            given["axis"] = axis
        zeros = 0 if zeros is None else zeros
        c.add(f"quantize_to_{kind}_{name}",
              lambda T, x, g=given, s=scale, k=kind: mb.cast(x=mb.quantize(input=x, scale=T(s), output_dtype=k, **g), dtype="int32"),
              {"x": X}, lambda x, s=scale, z=zeros, a=axis, k=kind: quantized(x, s, z, a or 0, k), fp16=name == "with_one_scale")
        codes = np.int32([[0, 1, 100, 7, 3], [50, 127, 2, 9, 11]])
        c.add(f"dequantize_of_{kind}_{name}",
              lambda T, x, g=given, s=scale, k=kind: mb.dequantize(input=mb.cast(x=x, dtype=k), scale=T(s), **g),
              {"x": codes}, lambda x, s=scale, z=zeros, a=axis: dequantized(x, s, z, a or 0), fp16=name == "by_rows")
        c.add(f"quantize_to_{kind}_and_back_{name}",
              lambda T, x, g=given, s=scale, k=kind: mb.dequantize(
                  input=mb.quantize(input=x, scale=T(s), output_dtype=k, **g), scale=T(s), **g),
              {"x": X}, lambda x, s=scale, z=zeros, a=axis, k=kind: dequantized(quantized(x, s, z, a or 0, k), s, z, a or 0))
c.add("quantize_rounds_ties_to_even", lambda T, x: mb.cast(x=mb.quantize(input=x, scale=T(1), output_dtype="int8"), dtype="int32"),
      {"x": np.float32([0.5, 1.5, 2.5, -0.5, -1.5, -2.5])}, np.round)
c.write()
