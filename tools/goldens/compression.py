"""Compressed weights of iOS 18, decoded by hand in numpy; coremltools' own decoding must agree."""

import numpy as np
from coremltools.converters.mil.mil import types

from corpus import Corpus, agrees, mb

c = Corpus("compression")
UINTS = {b: types.nptype_from_builtin(getattr(types, f"uint{b}")) for b in (1, 2, 3, 4, 6, 8)}
INT4 = types.nptype_from_builtin(types.int4)
TYPES = {"int4": (INT4, -8, 8), "uint4": (UINTS[4], 0, 16), "int8": (np.int8, -128, 128), "uint8": (np.uint8, 0, 256)}


def weight(name, decoded, build, fp16=False, judged=True):
    """`x + weight`, where the weight is decoded from its parts; `judged` by coremltools too."""

    def body(T, x):
        return mb.add(x=x, y=agrees(build(T), decoded) if judged else build(T))

    c.add(name, body, {"x": c.floats(*decoded.shape)}, lambda x: x + decoded, fp16=fp16, opsets=[18], by="numpy")


def eighths(*shape):
    return np.round(c.floats(*shape) * 8) / 8


def spread(blocks, shape):
    """Each element of `blocks` over the block of the larger shape that it stands for."""
    for axis, size in enumerate(shape):
        blocks = np.repeat(blocks, size // blocks.shape[axis], axis)
    return blocks.astype(np.float64)


def shift_scale(name, kind, shape, blocks, with_offset, fp16=False):
    dtype, low, high = TYPES[kind]
    data, scale = c.ints(*shape, low=low, high=high), eighths(*blocks)
    offset = c.ints(*blocks, low=low, high=high) if with_offset else None
    zero = spread(offset, shape) if with_offset else 0
    given = {"offset": offset.astype(dtype)} if with_offset else {}
    weight(f"constexpr_blockwise_shift_scale_{name}", (data - zero) * spread(scale, shape),
           lambda T: mb.constexpr_blockwise_shift_scale(data=data.astype(dtype), scale=T(scale), **given), fp16)


for kind in TYPES:
    shift_scale(f"of_{kind}_in_blocks", kind, (4, 6), (2, 3), True, fp16=kind == "int4")
    shift_scale(f"of_{kind}_by_channels", kind, (3, 5), (3, 1), False)
shift_scale("with_one_block", "int8", (2, 3), (1, 1), True)
shift_scale("with_a_scale_for_each_element", "uint4", (2, 3), (2, 3), True)
shift_scale("of_a_vector_of_odd_length", "int4", (7,), (1,), True)
shift_scale("of_rank_four", "int4", (2, 4, 1, 3), (2, 2, 1, 1), True)
FLOATS = eighths(2, 4)
weight("constexpr_blockwise_shift_scale_of_floats", (FLOATS - 0.5) * 2.0,
       lambda T: mb.constexpr_blockwise_shift_scale(data=np.float32(FLOATS), scale=T([[2.0]]), offset=np.float32([[0.5]])))


def lookup(indices, lut, vector_axis):
    """`lut` has the rank of `indices` and two more: the entries, and the elements of one."""
    tables, shape = lut.shape[:-2], indices.shape
    entries = np.zeros(shape + (lut.shape[-1],))
    for at in np.ndindex(*shape):
        table = tuple(i * t // n for i, t, n in zip(at, tables, shape))
        entries[at] = lut[table + (indices[at],)]
    if lut.shape[-1] == 1:
        return entries[..., 0]
    moved = np.moveaxis(entries, -1, vector_axis % len(shape) + 1)
    out = list(shape)
    out[vector_axis] *= lut.shape[-1]
    return moved.reshape(out)


def lut_to_dense(name, bits, shape, tables, vector=1, vector_axis=None, fp16=False):
    indices, lut = c.ints(*shape, low=0, high=2**bits), eighths(*tables, 2**bits, vector)
    given = {} if vector_axis is None else {"vector_axis": vector_axis}
    weight(f"constexpr_lut_to_dense_{name}", lookup(indices, lut, vector_axis),
           lambda T: mb.constexpr_lut_to_dense(indices=indices.astype(UINTS[bits]), lut=T(lut), **given), fp16)


for bits in (1, 2, 3, 4, 6, 8):
    lut_to_dense(f"of_{bits}_bits", bits, (3, 5), (1, 1), fp16=bits == 3)
lut_to_dense("in_groups_of_rows", 2, (6, 2), (2, 1))
lut_to_dense("in_groups_of_both_axes", 1, (4, 6), (2, 3))
lut_to_dense("of_vectors_along_the_first_axis", 2, (2, 3), (1, 1), 2, 0, fp16=True)
lut_to_dense("of_vectors_along_the_last_axis", 1, (2, 2, 2), (1, 1, 1), 3, -1)
lut_to_dense("of_vectors_in_groups", 2, (4, 2), (2, 1), 2, 0)
lut_to_dense("of_scalars_with_a_vector_axis", 1, (2, 3), (1, 1), 1, 0)


def sparse(mask, values, dtype=np.float64):
    dense = np.zeros(mask.shape, dtype)
    dense[mask != 0] = values
    return dense


MASK = np.array([[1, 1, 0, 0, 0, 0], [1, 1, 0, 0, 0, 1], [0, 1, 1, 0, 1, 0], [0, 0, 0, 1, 0, 0]])
COUNT = int(MASK.sum())
VALUES = eighths(COUNT)
weight("constexpr_sparse_to_dense", sparse(MASK, VALUES),
       lambda T: mb.constexpr_sparse_to_dense(nonzero_data=T(VALUES), mask=MASK.astype(UINTS[1])), fp16=True)
weight("constexpr_sparse_to_dense_of_a_vector", sparse(MASK[1], VALUES[:3]),
       lambda T: mb.constexpr_sparse_to_dense(nonzero_data=T(VALUES[:3]), mask=MASK[1].astype(UINTS[1])))
for bits in (1, 2, 4):
    indices, lut = c.ints(COUNT, low=0, high=2**bits), eighths(1, 1, 2**bits, 1)
    def build(T, i=indices, l=lut, b=bits):
        mask, values = mb.constexpr_lut_to_sparse(
            indices_mask=MASK.astype(UINTS[1]), indices_nonzero_data=i.astype(UINTS[b]), lut=T(l))
        return mb.constexpr_sparse_to_dense(nonzero_data=values, mask=mask)
    weight(f"constexpr_lut_to_sparse_of_{bits}_bits", sparse(MASK, lut[0, 0, :, 0][indices]), build, fp16=bits == 2)
VECTORS = eighths(1, 1, 2, 2)
BITS = c.ints(COUNT, low=0, high=2)
for axis in (0, 1):
    tall = np.repeat(MASK, 2, axis)
    dense = lookup(sparse(MASK, BITS, int), VECTORS, axis) * tall
    def build(T, a=axis):
        mask, values = mb.constexpr_lut_to_sparse(
            indices_mask=MASK.astype(UINTS[1]), indices_nonzero_data=BITS.astype(UINTS[1]), lut=T(VECTORS), vector_axis=a)
        return mb.constexpr_sparse_to_dense(nonzero_data=values, mask=mask)
    weight(f"constexpr_lut_to_sparse_of_vectors_along_axis_{axis}", dense, build)
GROUPED = eighths(2, 1, 2, 1)
def build(T):
    mask, values = mb.constexpr_lut_to_sparse(
        indices_mask=MASK.astype(UINTS[1]), indices_nonzero_data=BITS.astype(UINTS[1]), lut=T(GROUPED))
    return mb.constexpr_sparse_to_dense(nonzero_data=values, mask=mask)
weight("constexpr_lut_to_sparse_in_groups_of_rows", lookup(sparse(MASK, BITS, int), GROUPED, None) * MASK, build)

for kind, (dtype, low, high) in TYPES.items():
    for blocks in ((1, 1), (2, 3)):
        data, scale = c.ints(COUNT, low=low, high=high), eighths(*blocks)
        offset = c.ints(*blocks, low=low, high=high)
        with_offset = blocks == (1, 1) or kind == "uint8"
        zero = spread(offset, MASK.shape) if with_offset else 0
        def build(T, d=data, s=scale, o=offset, t=dtype, w=with_offset):
            given = {"offset": o.astype(t)} if w else {}
            mask, values = mb.constexpr_sparse_blockwise_shift_scale(
                data_mask=MASK.astype(UINTS[1]), nonzero_data=d.astype(t), scale=T(s), **given)
            return mb.constexpr_sparse_to_dense(nonzero_data=values, mask=mask)
        word = "in_blocks" if blocks != (1, 1) else "with_one_scale"
        dense = (sparse(MASK, data, int) - zero) * spread(scale, MASK.shape) * MASK
        weight(f"constexpr_sparse_blockwise_shift_scale_of_{kind}_{word}", dense, build, fp16=kind == "int8")

LUT8, INDICES = c.ints(1, 1, 4, 1, low=-128, high=128), c.ints(3, 4, low=0, high=4)
SCALE = eighths(3, 1)
weight("a_palette_of_int8_that_is_scaled_in_blocks", LUT8[0, 0, :, 0][INDICES] * spread(SCALE, (3, 4)),
       lambda T: mb.constexpr_blockwise_shift_scale(
           data=mb.constexpr_lut_to_dense(indices=INDICES.astype(UINTS[2]), lut=LUT8.astype(np.int8)), scale=T(SCALE)))
def build(T):
    mask, values = mb.constexpr_lut_to_sparse(
        indices_mask=MASK.astype(UINTS[1]), indices_nonzero_data=(BITS * 3).astype(UINTS[2]), lut=LUT8.astype(np.int8))
    mask, values = mb.constexpr_sparse_blockwise_shift_scale(data_mask=mask, nonzero_data=values, scale=T([[0.125]]))
    return mb.constexpr_sparse_to_dense(nonzero_data=values, mask=mask)
weight("a_sparse_palette_that_is_scaled", sparse(MASK, LUT8[0, 0, :, 0][BITS * 3] * 0.125), build, judged=False)
HALF = np.float16([[0.1, -2.5], [1e-7, 3]])
weight("constexpr_cast_in_ios18", HALF.astype(np.float64), lambda T: mb.constexpr_cast(source_val=HALF, output_dtype="fp32"))
c.write()
