"""Moving elements without changing them, judged by coremltools, numpy and torch."""

import numpy as np
import torch
import torch.nn.functional as F

from corpus import Corpus, mb

c = Corpus("tensor_transformation")
M = c.floats(3, 4)
CUBE = c.floats(2, 3, 4)
IMAGE = c.floats(1, 4, 2, 3)
DTYPES = {"int32": c.ints(2, 3), "bool": c.bools(2, 3)}
SMALL = np.int32([[0, 1, 2], [100, 7, 5]])


def words(numbers):
    return "_".join(f"minus_{-n}" if n < 0 else str(n) for n in numbers)


def every_type(op, build, ref):
    """The op for each element type that a program takes as input, and through the small integers."""
    for name, x in DTYPES.items():
        c.add(f"{op}_of_{name}", build, {"x": x}, ref, opsets=[15])
    for small in ("int8", "uint8", "int16", "uint16"):
        c.add(f"{op}_of_{small}", lambda x, s=small: mb.cast(x=build(mb.cast(x=x, dtype=s)), dtype="int32"), {"x": SMALL},
              ref, opsets=[17])


for axes in ([0], [1], [2], [-1], [0, 2], [-1, 0], [0, 1, 4], [-2]):
    c.add(f"expand_dims_at_{words(axes)}", lambda x, a=axes: mb.expand_dims(x=x, axes=a), {"x": M},
          lambda x, a=axes: np.expand_dims(x, a), fp16=axes == [0])
every_type("expand_dims", lambda x: mb.expand_dims(x=x, axes=[1]), lambda x: x[:, None])
for axes in ([0], [-1], [0, 2, -1], [2]):
    c.add(f"squeeze_of_{words(axes)}", lambda x, a=axes: mb.squeeze(x=x, axes=a), {"x": c.floats(1, 3, 1, 2, 1)},
          lambda x, a=axes: np.squeeze(x, tuple(a)), fp16=axes == [0], free_ones=False)
c.add("squeeze_of_every_one", lambda x: mb.squeeze(x=x), {"x": c.floats(1, 3, 1, 2)}, lambda x: x.reshape(3, 2), free_ones=False)
c.add("squeeze_of_every_dimension_gives_a_scalar", lambda x: mb.squeeze(x=x), {"x": c.floats(1, 1)}, lambda x: x.reshape(()), free_ones=False)

for shape in ([4, 3], [12], [2, 2, 3], [1, 3, 1, 4], [-1, 6], [2, -1], [1, 1, 12, 1, 1]):
    c.add(f"reshape_to_{words(shape)}", lambda x, s=shape: mb.reshape(x=x, shape=s), {"x": M},
          lambda x, s=shape: x.reshape(s), fp16=shape == [12])
every_type("reshape", lambda x: mb.reshape(x=x, shape=[3, 2]), lambda x: x.reshape(3, 2))
for shape, wanted in (([0, -1], (3, 4)), ([-1, 0], (3, 4))):
    c.add(f"reshape_with_zeros_{words(shape)}", lambda x, s=shape: mb.reshape(x=x, shape=s), {"x": M},
          lambda x, w=wanted: x.reshape(w), symbolic=False)
c.add("reshape_to_a_shape_that_the_data_tells",
      lambda x, y: mb.reshape(x=x, shape=mb.shape(x=y)), {"x": M, "y": c.floats(2, 6)}, lambda x, y: x.reshape(y.shape))
c.add("reshape_to_an_input", lambda x, s: mb.reshape(x=x, shape=s), {"x": M, "s": np.int32([6, 2])},
      lambda x, s: x.reshape(s), symbolic=False)
c.add("reshape_with_int16_sizes", lambda x: mb.reshape(x=x, shape=np.int16([6, -1])), {"x": M},
      lambda x: x.reshape(6, 2), opsets=[17])
c.add("reshape_like_two_tensors",
      lambda x, y, z: mb.reshape_like(x=x, ref_tensors=(y, z), begins=(0, 1), ends=(2, 0), end_masks=(False, True)),
      {"x": c.floats(12, 2), "y": c.floats(2, 3, 1), "z": c.floats(5, 2, 2)}, lambda x, y, z: x.reshape(2, 3, 2, 2))
c.add("reshape_like_from_the_end",
      lambda x, y: mb.reshape_like(x=x, ref_tensors=(y,), begins=(-2,), ends=(0,), end_masks=(True,)),
      {"x": M, "y": c.floats(1, 2, 6)}, lambda x, y: x.reshape(2, 6))

for axes in ([0], [-1], [0, 2], [1, -1]):
    c.add(f"reverse_of_{words(axes)}", lambda x, a=axes: mb.reverse(x=x, axes=a), {"x": CUBE},
          lambda x, a=axes: np.flip(x, a), fp16=axes == [0])
c.add("reverse_of_every_axis", lambda x: mb.reverse(x=x), {"x": M}, lambda x: np.flip(x))
every_type("reverse", lambda x: mb.reverse(x=x, axes=[1]), lambda x: np.flip(x, 1))


def reverse_sequence(x, lengths, seq, batch):
    y = x.copy()
    for b in range(x.shape[batch]):
        n = int(lengths[b])
        rows = np.moveaxis(x, (batch, seq), (0, 1))[b]
        np.moveaxis(y, (batch, seq), (0, 1))[b, :n] = rows[:n][::-1]
    return y


for seq, batch in ((1, 0), (0, 1), (2, 0), (-1, 1)):
    lengths = np.int32([1, 2, 3] if batch else [2, 3]) if seq != 0 else np.int32([0, 2, 1])
    c.add(f"reverse_sequence_of_{words([seq])}_by_{batch}",
          lambda x, lengths, s=seq, b=batch: mb.reverse_sequence(x=x, lengths=lengths, seq_axis=s, batch_axis=b),
          {"x": CUBE, "lengths": lengths},
          lambda x, lengths, s=seq, b=batch: reverse_sequence(x, lengths, s % 3, b))

SLICES = {
    "of_the_middle": (dict(begin=[0, 1, 1], end=[2, 3, 3]), np.s_[0:2, 1:3, 1:3]),
    "with_strides": (dict(begin=[0, 0, 0], end=[2, 3, 4], stride=[1, 2, 3]), np.s_[:, ::2, ::3]),
    "with_negative_strides": (dict(begin=[1, -1, 3], end=[0, 0, 0], stride=[1, -1, -2], end_mask=[True, True, False]),
                              np.s_[1:, ::-1, 3:0:-2]),
    "with_negative_ends": (dict(begin=[-2, 0, -3], end=[2, -1, -1]), np.s_[-2:2, 0:-1, -3:-1]),
    "with_masks": (dict(begin=[1, 1, 2], end=[1, 2, 3], begin_mask=[True, False, True], end_mask=[False, True, True]),
                   np.s_[:1, 1:, :]),
    "with_a_squeezed_axis": (dict(begin=[0, 2, 0], end=[2, 3, 4], squeeze_mask=[False, True, False]), np.s_[:, 2, :]),
    "with_two_squeezed_axes": (dict(begin=[1, -1, 0], end=[2, 0, 4], squeeze_mask=[True, True, False]), np.s_[1, -1, :]),
    "beyond_the_end": (dict(begin=[0, 0, 1], end=[9, 3, 99]), np.s_[:, :, 1:]),
    "reversed_to_the_start": (dict(begin=[0, 0, 0], end=[0, 0, 0], stride=[-1, 1, 1], begin_mask=[True] * 3, end_mask=[True] * 3),
                              np.s_[::-1]),
}
for word, (given, index) in SLICES.items():
    c.add(f"slice_by_index_{word}", lambda x, g=given: mb.slice_by_index(x=x, **g), {"x": CUBE}, lambda x, i=index: x[i],
          fp16=word == "of_the_middle")
every_type("slice_by_index", lambda x: mb.slice_by_index(x=x, begin=[0, 1], end=[2, 3]), lambda x: x[:, 1:3])
c.add("slice_by_index_up_to_a_size_that_the_data_tells",
      lambda x, y: mb.slice_by_index(x=x, begin=[0, 0], end=mb.shape(x=y)), {"x": M, "y": c.floats(2, 3)},
      lambda x, y: x[:2, :3])
c.add("slice_by_index_from_an_input", lambda x, b: mb.slice_by_index(x=x, begin=b, end=[3, 4]),
      {"x": M, "b": np.int32([1, 2])}, lambda x, b: x[b[0]:, b[1]:], symbolic=False)
c.add("slice_by_size", lambda x: mb.slice_by_size(x=x, begin=[0, 1, 1], size=[2, 1, 2]), {"x": CUBE},
      lambda x: x[:, 1:2, 1:3], fp16=True)
c.add("slice_by_size_to_the_end", lambda x: mb.slice_by_size(x=x, begin=[1, 1, 0], size=[-1, -1, 3]), {"x": CUBE},
      lambda x: x[1:, 1:, :3])
c.add("slice_by_size_from_an_input", lambda x, b: mb.slice_by_size(x=x, begin=b, size=[2, 2]),
      {"x": M, "b": np.int32([1, 2])}, lambda x, b: x[b[0]:b[0] + 2, b[1]:b[1] + 2], symbolic=False)
every_type("slice_by_size", lambda x: mb.slice_by_size(x=x, begin=[1, 0], size=[1, 2]), lambda x: x[1:, :2])

UPDATES = {
    "of_the_middle": (dict(begin=[0, 1, 1], end=[2, 3, 3]), np.s_[0:2, 1:3, 1:3]),
    "with_strides": (dict(begin=[0, 0, 0], end=[2, 3, 4], stride=[1, 2, 3]), np.s_[:, ::2, ::3]),
    "with_masks": (dict(begin=[1, 1, 2], end=[1, 2, 3], begin_mask=[True, False, True], end_mask=[False, True, True]), np.s_[:1, 1:, :]),
    "with_negative_ends": (dict(begin=[-1, 0, -3], end=[2, -1, -1]), np.s_[-1:2, 0:-1, -3:-1]),
    "with_a_squeezed_axis": (dict(begin=[0, 2, 0], end=[2, 3, 4], squeeze_mask=[False, True, False]), np.s_[:, 2, :]),
}


def updated(x, u, index):
    x = x.copy()
    x[index] = u
    return x


for word, (given, index) in UPDATES.items():
    c.add(f"slice_update_{word}", lambda x, u, g=given: mb.slice_update(x=x, update=u, **g),
          {"x": CUBE, "u": c.floats(*CUBE[index].shape)}, lambda x, u, i=index: updated(x, u, i),
          fp16=word == "of_the_middle", opsets=[18])
c.add("slice_update_at_an_input", lambda x, u, b: mb.slice_update(x=x, update=u, begin=b, end=mb.add(x=b, y=np.int32([1, 2]))),
      {"x": M, "u": c.floats(1, 2), "b": np.int32([2, 1])}, lambda x, u, b: updated(x, u, np.s_[2:3, 1:3]), opsets=[18],
      symbolic=False)

for axis, size, stride in ((1, 2, 1), (2, 3, 1), (-1, 2, 2), (0, 2, 1)):
    def windows(x, a=axis, n=size, s=stride):
        a %= x.ndim
        found = np.moveaxis(np.lib.stride_tricks.sliding_window_view(x, n, a), -1, a + 1)
        return np.take(found, np.arange(0, found.shape[a], s), a)
    c.add(f"sliding_windows_of_{size}_at_{words([axis])}_by_{stride}",
          lambda x, a=axis, n=size, s=stride: mb.sliding_windows(x=x, axis=a, size=n, stride=s), {"x": CUBE}, windows,
          fp16=axis == 1)
c.add("sliding_windows_by_default", lambda x: mb.sliding_windows(x=x, axis=0, size=3), {"x": np.int32([1, 2, 3, 4, 5])},
      lambda x: np.lib.stride_tricks.sliding_window_view(x, 3))

for perm in ([1, 0, 2], [2, 1, 0], [0, 2, 1], [1, 2, 0], [0, 1, 2], [-1, 0, 1]):
    c.add(f"transpose_by_{words(perm)}", lambda x, p=perm: mb.transpose(x=x, perm=p), {"x": CUBE},
          lambda x, p=perm: np.transpose(x, p), fp16=perm == [1, 2, 0])
c.add("transpose_of_rank_five", lambda x: mb.transpose(x=x, perm=[4, 2, 0, 3, 1]), {"x": c.floats(1, 2, 3, 2, 2)},
      lambda x: np.transpose(x, [4, 2, 0, 3, 1]))
c.add("transpose_of_a_matrix_with_ones", lambda x: mb.transpose(x=x, perm=[2, 0, 1, 3]), {"x": c.floats(1, 3, 1, 2)},
      lambda x: np.transpose(x, [2, 0, 1, 3]))
every_type("transpose", lambda x: mb.transpose(x=x, perm=[1, 0]), lambda x: x.T)
c.add("a_transposed_value_is_reshaped_and_sliced",
      lambda x: mb.slice_by_index(x=mb.reshape(x=mb.transpose(x=x, perm=[2, 0, 1]), shape=[8, 3]), begin=[1, 0], end=[6, 3], stride=[2, 1]),
      {"x": CUBE}, lambda x: np.transpose(x, [2, 0, 1]).reshape(8, 3)[1:6:2])


def t(function):
    return lambda x: function(torch.from_numpy(x)).numpy()


def depth_to_space(x, b):
    n, ch, h, w = x.shape
    return x.reshape(n, b, b, ch // b // b, h, w).transpose(0, 3, 4, 1, 5, 2).reshape(n, ch // b // b, h * b, w * b)


def space_to_depth(x, b):
    n, ch, h, w = x.shape
    return x.reshape(n, ch, h // b, b, w // b, b).transpose(0, 3, 5, 1, 2, 4).reshape(n, ch * b * b, h // b, w // b)


DEEP, WIDE = c.floats(1, 8, 2, 3), c.floats(2, 2, 4, 6)
c.add("depth_to_space", lambda x: mb.depth_to_space(x=x, block_size=2), {"x": DEEP}, lambda x: depth_to_space(x, 2), fp16=True)
c.add("space_to_depth", lambda x: mb.space_to_depth(x=x, block_size=2), {"x": WIDE}, lambda x: space_to_depth(x, 2), fp16=True)
c.add("depth_to_space_undoes_space_to_depth",
      lambda x: mb.depth_to_space(x=mb.space_to_depth(x=x, block_size=2), block_size=2), {"x": WIDE}, lambda x: x)
c.add("pixel_shuffle", lambda x: mb.pixel_shuffle(x=x, upscale_factor=2), {"x": DEEP}, t(lambda x: F.pixel_shuffle(x, 2)),
      by="torch", fp16=True)
c.add("pixel_unshuffle", lambda x: mb.pixel_unshuffle(x=x, downscale_factor=np.uint32(2)), {"x": WIDE},
      t(lambda x: F.pixel_unshuffle(x, 2)), by="torch", fp16=True)


def space_to_batch(x, block, paddings):
    x = np.pad(x, [(0, 0), (0, 0)] + [tuple(p) for p in paddings])
    n, ch, h, w = x.shape
    y = x.reshape(n, ch, h // block[0], block[0], w // block[1], block[1])
    return y.transpose(3, 5, 0, 1, 2, 4).reshape(n * block[0] * block[1], ch, h // block[0], w // block[1])


def batch_to_space(x, block, crops):
    n, ch, h, w = x.shape
    n //= block[0] * block[1]
    y = x.reshape(block[0], block[1], n, ch, h, w).transpose(2, 3, 4, 0, 5, 1)
    y = y.reshape(n, ch, h * block[0], w * block[1])
    return y[:, :, crops[0][0]:y.shape[2] - crops[0][1], crops[1][0]:y.shape[3] - crops[1][1]]


for block, pads, word in (([2, 3], [[0, 0], [0, 0]], ""), ([2, 2], [[1, 1], [0, 2]], "_with_padding")):
    c.add(f"space_to_batch{word}", lambda x, b=block, p=pads: mb.space_to_batch(x=x, block_shape=b, paddings=p), {"x": WIDE},
          lambda x, b=block, p=pads: space_to_batch(x, b, p), fp16=not word)
for block, crops, word in (([2, 2], [[0, 0], [0, 0]], ""), ([2, 2], [[1, 0], [0, 1]], "_with_crops")):
    c.add(f"batch_to_space{word}", lambda x, b=block, p=crops: mb.batch_to_space(x=x, block_shape=b, crops=p),
          {"x": c.floats(8, 1, 2, 3)}, lambda x, b=block, p=crops: batch_to_space(x, b, p), fp16=not word)
c.write()
