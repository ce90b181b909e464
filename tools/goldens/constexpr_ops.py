"""Compressed weights of iOS 16, decoded by hand in numpy; coremltools' own decoding must agree."""

import numpy as np

from corpus import Corpus, agrees, mb

c = Corpus("constexpr_ops")


def weight(name, decoded, build, fp16=False):
    """`x + weight`, where the weight is decoded from its parts."""

    def body(T, x):
        return mb.add(x=x, y=agrees(build(T), decoded))

    x = c.floats(*decoded.shape)
    c.add(name, body, {"x": x}, lambda x: x + decoded, fp16=fp16, opsets=[16], by="numpy")


Q = c.ints(3, 2, 2, low=-128, high=128)
U = c.ints(3, 4, low=0, high=256)


def affine(q, scale, zero, axis):
    shape = [-1 if i == axis % q.ndim else 1 for i in range(q.ndim)]
    wide = lambda v: np.reshape(np.float64(v), shape) if np.ndim(v) else np.float64(v)
    return wide(scale) * (q - wide(zero))


def dequantize(name, q, dtype, scale, zero, axis, fp16=False):
    weight(f"constexpr_affine_dequantize_{name}", affine(q, scale, zero, axis),
           lambda T: mb.constexpr_affine_dequantize(quantized_data=q.astype(dtype), scale=T(scale),
                                                    zero_point=np.array(zero).astype(dtype), axis=axis), fp16)


SCALES, ZEROS = [0.5, 0.25, 2.0], [-1, 0, 7]
dequantize("of_int8_by_channels", Q, np.int8, SCALES, ZEROS, 0, fp16=True)
dequantize("of_uint8_by_channels", U, np.uint8, SCALES, [0, 128, 255], 0)
dequantize("along_a_negative_axis", U, np.uint8, [0.5, 1, 2, 0.125], [1, 2, 3, 4], -1)
dequantize("with_one_scale_and_zero", Q, np.int8, 0.125, -3, 0)
dequantize("with_one_scale_and_many_zeros", Q, np.int8, 0.125, ZEROS, 0)
dequantize("with_many_scales_and_one_zero", U, np.uint8, SCALES, 9, 0)
weight("constexpr_affine_dequantize_with_a_float_zero", affine(Q, SCALES, [0.5, -1.5, 0.25], 0),
       lambda T: mb.constexpr_affine_dequantize(quantized_data=Q.astype(np.int8), scale=T(SCALES),
                                                zero_point=np.float32([0.5, -1.5, 0.25]), axis=0))
HALF = np.float16([[0.1, -2.5, 65504], [1e-7, 0, 3]])
weight("constexpr_cast_from_fp16", HALF.astype(np.float64),
       lambda T: mb.constexpr_cast(source_val=HALF, output_dtype="fp32"))


def packed(values, bits):
    flat = (np.reshape(values, (-1, 1)) >> np.arange(bits)) & 1
    return np.packbits(flat.reshape(-1).astype(np.uint8), bitorder="little")


for bits in (1, 2, 4, 6, 8):
    lut = c.floats(2**bits)
    shape = (3, 5) if bits != 2 else (7,)
    indices = c.ints(*shape, low=0, high=2**bits)
    exact = np.round(lut * 8) / 8
    weight(f"constexpr_lut_to_dense_of_{bits}_bits", exact[indices].astype(np.float64),
           lambda T, i=indices, l=exact, b=bits: mb.constexpr_lut_to_dense(
               indices=packed(i, b), lut=T(l), shape=np.uint32(i.shape)), fp16=bits == 4)
for shape, word in (((3, 5), "of_a_matrix"), ((2, 2, 2), "of_whole_bytes"), ((5,), "of_a_vector")):
    mask = c.ints(*shape, low=0, high=2)
    values = np.round(c.floats(int(mask.sum())) * 8) / 8
    dense = np.zeros(shape)
    dense[mask != 0] = values
    weight(f"constexpr_sparse_to_dense_{word}", dense,
           lambda T, m=mask, v=values: mb.constexpr_sparse_to_dense(
               nonzero_data=T(v), mask=packed(m, 1), shape=np.uint32(m.shape)), fp16=word == "of_a_matrix")
weight("constexpr_sparse_to_dense_of_zeros_alone", np.zeros((2, 3)),
       lambda T: mb.constexpr_sparse_to_dense(nonzero_data=T([]), mask=np.uint8([0]), shape=np.uint32([2, 3])))
W = np.round(c.floats(3, 4) * 8) / 8
Q4 = c.ints(3, 4, low=-128, high=128)
c.add("constexpr_weights_of_a_linear_op",
      lambda T, x: mb.linear(x=x, weight=mb.constexpr_affine_dequantize(
          quantized_data=Q4.astype(np.int8), scale=T([0.25, 0.5, 0.125]), zero_point=np.int8([0, 1, -1]), axis=0)),
      {"x": c.floats(2, 4)}, lambda x: x @ affine(Q4, [0.25, 0.5, 0.125], [0, 1, -1], 0).T, opsets=[16])
c.write()
