"""Pools, judged by windows laid out in torch."""

import numpy as np

import windows
from corpus import Corpus, mb

c = Corpus("pool")
IMAGE = c.floats(1, 2, 5, 6)


def pool(name, x, kernel, pad_type, kinds=("avg", "max", "l2"), fp16=False, opsets=None, exclude=False, **options):
    for kind in kinds:
        def build(x, kind=kind):
            extra = {"exclude_padding_from_average": True} if exclude and kind == "avg" else {}
            return getattr(mb, f"{kind}_pool")(x=x, kernel_sizes=kernel, pad_type=pad_type, **options, **extra)

        def ref(x, kind=kind):
            return windows.pool(x, kind, kernel, pad_type, exclude=exclude, **options)

        c.add(f"{kind}_pool_{name}", build, {"x": x}, ref, by="torch", fp16=fp16, opsets=opsets)


pool("with_its_defaults", IMAGE, [2, 3], "valid", fp16=True)
pool("with_strides", IMAGE, [2, 2], "valid", strides=[2, 3])
pool("same", IMAGE, [2, 3], "same", strides=[2, 2])
pool("same_lower", IMAGE, [2, 3], "same_lower", strides=[2, 2], opsets=[16])
pool("custom", IMAGE, [3, 3], "custom", strides=[2, 2], pad=[1, 1, 1, 1])
pool("custom_asymmetric", IMAGE, [3, 2], "custom", strides=[2, 1], pad=[2, 0, 0, 1])
pool("over_the_whole_image", IMAGE, [5, 6], "valid")
pool("of_a_sequence", c.floats(2, 3, 7), [3], "custom", strides=[2], pad=[1, 1])
pool("of_a_sequence_in_ceil_mode", c.floats(2, 3, 8), [3], "valid", strides=[2], ceil_mode=True, kinds=("max",))
pool("in_ceil_mode", IMAGE, [2, 2], "valid", strides=[2, 2], ceil_mode=True, kinds=("max",))
pool("in_ceil_mode_with_padding", IMAGE, [3, 3], "custom", strides=[2, 2], pad=[1, 1, 1, 1], ceil_mode=True, kinds=("max",))
pool("in_ceil_mode_whose_last_window_is_only_padding", c.floats(1, 1, 4, 4), [2, 2], "custom", strides=[3, 3],
     pad=[1, 1, 1, 1], ceil_mode=True, kinds=("max",))
pool("in_ceil_mode_of_windows_within", c.floats(1, 2, 6, 6), [2, 2], "valid", strides=[2, 2], ceil_mode=True, kinds=("avg",))
pool("of_a_volume", c.floats(1, 2, 3, 4, 3), [2, 2, 2], "same", strides=[2, 1, 2], kinds=("avg", "max"))
for pad_type in ("same", "custom"):
    pad = {"pad": [1, 1, 1, 1]} if pad_type == "custom" else {}
    pool(f"without_its_padding_{pad_type}", IMAGE, [3, 3], pad_type, strides=[2, 2], kinds=("avg",), exclude=True,
         fp16=pad_type == "custom", **pad)
pool("of_negative_numbers_with_padding", np.float32([[[[-3, -2], [-1, -4]]]]), [2, 2], "custom", pad=[1, 1, 1, 1],
     kinds=("max",))
pool("of_nan_and_infinities", np.float32([[[1, np.inf, 2, -np.inf, -np.inf, 0, 3]]]), [2], "valid", kinds=("max", "avg"))
c.write()
