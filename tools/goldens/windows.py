"""Padding of convolutions and pools in MIL's words, for references made of torch."""

import math

import torch
import torch.nn.functional as F


def paddings(pad_type, pad, sizes, kernel, strides, dilations):
    """(before, after) for each spatial dimension."""
    if pad_type == "valid":
        return [(0, 0)] * len(sizes)
    if pad_type == "custom":
        return list(zip(pad[::2], pad[1::2]))
    found = []
    for size, k, s, d in zip(sizes, kernel, strides, dilations):
        total = max(0, (math.ceil(size / s) - 1) * s + (k - 1) * d + 1 - size)
        less, more = total // 2, total - total // 2
        found.append((more, less) if pad_type == "same_lower" else (less, more))
    return found


def padded(x, pads, value=0.0):
    flat = [n for before_after in reversed(pads) for n in before_after]
    return F.pad(x, flat, value=value)


def conv(x, weight, bias=None, strides=None, pad_type="valid", pad=None, dilations=None, groups=1):
    x, weight = torch.as_tensor(x).double(), torch.as_tensor(weight).double()
    n = x.ndim - 2
    strides, dilations = strides or [1] * n, dilations or [1] * n
    pads = paddings(pad_type, pad, x.shape[2:], weight.shape[2:], strides, dilations)
    bias = None if bias is None else torch.as_tensor(bias).double()
    function = (F.conv1d, F.conv2d, F.conv3d)[n - 1]
    return function(padded(x, pads), weight, bias, tuple(strides), 0, tuple(dilations), groups).numpy()


def conv_transpose(x, weight, bias=None, strides=None, pad_type="valid", pad=None, dilations=None, groups=1,
                   output_shape=None):
    """The full transposed convolution, cropped by the padding."""
    x, weight = torch.as_tensor(x).double(), torch.as_tensor(weight).double()
    n = x.ndim - 2
    strides, dilations = strides or [1] * n, dilations or [1] * n
    bias = None if bias is None else torch.as_tensor(bias).double()
    function = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[n - 1]
    full = function(x, weight, None, tuple(strides), 0, 0, groups, tuple(dilations))
    for axis in range(n):
        k = (weight.shape[2 + axis] - 1) * dilations[axis] + 1
        size = (output_shape[2 + axis] if output_shape else x.shape[2 + axis] * strides[axis])
        if pad_type == "custom":
            before = pad[2 * axis]
            if not output_shape:
                size = full.shape[2 + axis] - before - pad[2 * axis + 1]
        elif pad_type == "valid":
            before = 0
            if not output_shape:
                size = full.shape[2 + axis]
        else:
            total = max(0, (x.shape[2 + axis] - 1) * strides[axis] + k - size)
            before = total // 2
        missing = max(0, before + size - full.shape[2 + axis])
        full = F.pad(full, [0, 0] * (n - 1 - axis) + [0, missing]).narrow(2 + axis, before, size)
    if bias is not None:
        full = full + bias.reshape([-1] + [1] * n)
    return full.numpy()


def pool(x, kind, kernel, pad_type, strides=None, pad=None, ceil_mode=False, exclude=False):
    """Windows laid out by hand, so that asymmetric padding and ceil mode have one meaning."""
    x = torch.as_tensor(x).double()
    n = x.ndim - 2
    strides = strides or [1] * n
    pads = paddings(pad_type, pad or [0] * 2 * n, x.shape[2:], kernel, strides, [1] * n)
    fill = float("-inf") if kind == "max" else 0.0
    y, ones = padded(x, pads, fill), padded(torch.ones_like(x), pads, 0.0 if exclude else 1.0)
    for axis in range(n):
        size, (before, after) = x.shape[2 + axis], pads[axis]
        span = size + before + after - kernel[axis]
        count = span // strides[axis] + 1
        if ceil_mode:
            count = -(-span // strides[axis]) + 1
            if (count - 1) * strides[axis] >= size + before and before + after > 0:
                count -= 1
        extra = max(0, (count - 1) * strides[axis] + kernel[axis] - y.shape[2 + axis])
        tail = [0, 0] * (y.ndim - 3 - axis) + [0, extra]
        y, ones = F.pad(y, tail, value=fill), F.pad(ones, tail)
        y = y.unfold(2 + axis, kernel[axis], strides[axis]).narrow(2 + axis, 0, count)
        ones = ones.unfold(2 + axis, kernel[axis], strides[axis]).narrow(2 + axis, 0, count)
    y, ones = y.flatten(2 + n), ones.flatten(2 + n)
    if kind == "max":
        return y.amax(-1).numpy()
    if kind == "l2":
        return y.square().sum(-1).sqrt().numpy()
    return (y.sum(-1) / ones.sum(-1)).numpy()
