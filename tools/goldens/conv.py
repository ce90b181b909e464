"""Convolutions and their transposes, judged by torch in float64."""

import numpy as np

import windows
from corpus import Corpus, mb

c = Corpus("conv")


def weights(*shape):
    return c.floats(*shape, low=-1, high=1)


IMAGE = c.floats(1, 4, 5, 4)
W3, W1 = weights(3, 4, 3, 3), weights(6, 4, 1, 1)
BIAS3 = c.floats(3)


def conv(name, x, w, bias=None, fp16=False, **options):
    def build(T, x):
        given = dict(options) if bias is None else dict(options, bias=T(bias))
        return mb.conv(x=x, weight=T(w), **given)

    c.add(f"conv_{name}", build, {"x": x}, lambda x: windows.conv(x, w, bias, **options), by="torch", fp16=fp16, opsets=None if fp16 else [16 if options.get("pad_type") == "same_lower" else 15])


# Weights that fp16 holds exactly, so that the fp16 case has the same reference.
EXACT3, EXACT_BIAS = np.round(W3 * 8) / 8, np.float32([0.5, -1.0, 0.25])

conv("with_its_defaults", IMAGE, W3)
conv("with_bias", IMAGE, EXACT3, EXACT_BIAS, fp16=True, pad_type="valid")
conv("of_one_point", IMAGE, W1)
conv("of_one_point_with_strides", IMAGE, W1, strides=[2, 3])
for pad_type in ("valid", "same", "same_lower"):
    conv(f"{pad_type}_with_strides", IMAGE, weights(2, 4, 2, 3), strides=[2, 2], pad_type=pad_type)
    conv(f"{pad_type}_with_dilations", IMAGE, weights(2, 4, 2, 2), dilations=[2, 3], pad_type=pad_type)
conv("same_with_an_even_kernel", IMAGE, weights(2, 4, 4, 2), pad_type="same")
conv("same_lower_with_an_even_kernel", IMAGE, weights(2, 4, 4, 2), pad_type="same_lower")
conv("custom_asymmetric", IMAGE, W3, BIAS3, pad_type="custom", pad=[2, 0, 1, 3])
conv("custom_with_strides_and_dilations", IMAGE, W3, pad_type="custom", pad=[2, 2, 1, 2], strides=[2, 1], dilations=[1, 2])
conv("in_two_groups", IMAGE, weights(6, 2, 3, 3), c.floats(6), groups=2, pad_type="same")
conv("depthwise", IMAGE, weights(4, 1, 3, 3), c.floats(4), groups=4, pad_type="same")
conv("depthwise_with_strides", IMAGE, weights(4, 1, 3, 3), groups=4, pad_type="custom", pad=[1, 1, 1, 1], strides=[2, 2])
conv("depthwise_with_two_outputs_a_channel", IMAGE, weights(8, 1, 3, 2), groups=4, dilations=[1, 2])
conv("of_a_sequence", c.floats(2, 2, 9), weights(3, 2, 3), c.floats(3), strides=[2], pad_type="same")
conv("of_a_sequence_with_dilation", c.floats(1, 3, 9), weights(2, 3, 3), dilations=[3], pad_type="custom", pad=[4, 2])
conv("depthwise_of_a_sequence", c.floats(2, 3, 7), weights(3, 1, 3), groups=3, pad_type="custom", pad=[2, 0])
conv("of_a_volume", c.floats(1, 2, 3, 4, 3), weights(3, 2, 2, 2, 2), c.floats(3), strides=[1, 2, 1], pad_type="same")
conv("of_a_volume_in_groups", c.floats(1, 4, 3, 3, 3), weights(4, 2, 2, 3, 1), groups=2)
conv("larger_than_its_input", c.floats(1, 2, 2, 2), weights(2, 2, 4, 4), pad_type="custom", pad=[2, 1, 1, 2])
conv("with_many_channels", c.floats(1, 19, 2, 3), weights(9, 19, 1, 3), c.floats(9), pad_type="same")
c.add("conv_with_weights_that_are_not_constant", lambda x, w: mb.conv(x=x, weight=w, pad_type="same"),
      {"x": IMAGE, "w": W3}, lambda x, w: windows.conv(x, w, pad_type="same"), by="torch", symbolic=False)
c.add("conv_with_weights_of_another_float_type",
      lambda x: mb.conv(x=x, weight=np.float16(EXACT3), bias=np.float16(EXACT_BIAS)), {"x": IMAGE},
      lambda x: windows.conv(x, EXACT3, EXACT_BIAS), by="torch", opsets=[17])


def conv_transpose(name, x, w, bias=None, fp16=False, **options):
    def build(T, x):
        given = dict(options) if bias is None else dict(options, bias=T(bias))
        return mb.conv_transpose(x=x, weight=T(w), **given)

    c.add(f"conv_transpose_{name}", build, {"x": x}, lambda x: windows.conv_transpose(x, w, bias, **options),
          by="torch", fp16=fp16, opsets=None if fp16 else [15])


conv("of_two_images", c.floats(2, 2, 3, 3), weights(2, 2, 2, 2))

SMALL = c.floats(1, 3, 3, 2)
EXACT_T = np.round(weights(3, 2, 3, 3) * 8) / 8
conv_transpose("with_its_defaults", SMALL, weights(3, 2, 3, 3))
conv_transpose("with_bias_and_strides", SMALL, EXACT_T, np.float32([0.5, -1]), strides=[2, 2], fp16=True)
for pad_type in ("valid", "same"):
    conv_transpose(f"{pad_type}_with_strides", SMALL, weights(3, 2, 3, 4), strides=[2, 3], pad_type=pad_type)
conv_transpose("same_with_an_odd_crop", SMALL, weights(3, 1, 4, 3), strides=[1, 2], pad_type="same")
conv_transpose("custom", SMALL, weights(3, 2, 4, 4), c.floats(2), strides=[2, 2], pad_type="custom", pad=[1, 1, 1, 1])
conv_transpose("custom_asymmetric", SMALL, weights(3, 2, 4, 3), strides=[2, 2], pad_type="custom", pad=[2, 1, 0, 1])
conv_transpose("with_dilations", SMALL, weights(3, 2, 2, 3), dilations=[2, 1], strides=[1, 2])
conv_transpose("in_groups", c.floats(1, 4, 3, 3), weights(4, 2, 2, 2), groups=2, strides=[2, 2])
conv_transpose("depthwise", c.floats(1, 3, 3, 3), weights(3, 1, 4, 4), groups=3, strides=[2, 2], pad_type="custom",
               pad=[1, 1, 1, 1])
conv_transpose("with_an_output_shape", SMALL, weights(3, 2, 3, 3), strides=[2, 2], pad_type="custom", pad=[1, 1, 1, 1],
               output_shape=[1, 2, 6, 4])
conv_transpose("of_a_sequence", c.floats(2, 3, 5), weights(3, 2, 4), c.floats(2), strides=[2], pad_type="custom", pad=[1, 1])
conv_transpose("of_a_volume", c.floats(1, 2, 2, 3, 2), weights(2, 3, 2, 2, 2), strides=[2, 2, 2])
c.write()
