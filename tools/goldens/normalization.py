"""Normalizations, judged by torch and numpy in float64."""

import numpy as np
import torch
import torch.nn.functional as F

from corpus import Corpus, mb

c = Corpus("normalization")
IMAGE = c.floats(2, 3, 2, 3)
GAMMA, BETA = np.float32([0.5, 1.0, -2.0]), np.float32([0.25, -1.0, 0.0])
MEAN, VARIANCE = np.float32([0.5, -0.25, 0.0]), np.float32([1.0, 0.5, 4.0])


def along(vector, x, axis=1):
    return np.asarray(vector, np.float64).reshape([-1 if i == axis else 1 for i in range(x.ndim)])


def batch_norm(x, gamma=1.0, beta=0.0, epsilon=1e-5):
    one = np.ones(3)
    scale = along(gamma * one, x) / np.sqrt(along(VARIANCE, x) + epsilon)
    return (x - along(MEAN, x)) * scale + along(beta * one, x)


for x, word in ((IMAGE, "images"), (IMAGE[:, :, 0], "sequences"), (c.floats(1, 3, 2, 1, 2), "volumes")):
    c.add(f"batch_norm_of_{word}",
          lambda T, x: mb.batch_norm(x=x, mean=T(MEAN), variance=T(VARIANCE), gamma=T(GAMMA), beta=T(BETA), epsilon=T(0.125)),
          {"x": x}, lambda x: batch_norm(x, GAMMA, BETA, 0.125), fp16=x is IMAGE)
c.add("batch_norm_without_gamma_beta_and_epsilon", lambda T, x: mb.batch_norm(x=x, mean=T(MEAN), variance=T(VARIANCE)),
      {"x": IMAGE}, batch_norm, fp16=True)


def instance_norm(x, gamma=1.0, beta=0.0, epsilon=1e-5):
    axes = tuple(range(2, x.ndim))
    one = np.ones(3)
    normal = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon)
    return normal * along(gamma * one, x) + along(beta * one, x)


for x, word in ((IMAGE, "images"), (c.floats(2, 3, 5), "sequences")):
    c.add(f"instance_norm_of_{word}",
          lambda T, x: mb.instance_norm(x=x, gamma=T(GAMMA), beta=T(BETA), epsilon=T(0.125)), {"x": x},
          lambda x: instance_norm(x, GAMMA, BETA, 0.125), fp16=x is IMAGE)
c.add("instance_norm_by_default", lambda x: mb.instance_norm(x=x), {"x": IMAGE}, instance_norm, fp16=True)


def layer_norm(x, axes, gamma=1.0, beta=0.0, epsilon=1e-5):
    axes = tuple(axes)
    normal = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon)
    return normal * gamma + beta


CUBE = c.floats(2, 3, 4)
WIDE_GAMMA, WIDE_BETA = c.floats(3, 4), c.floats(3, 4)
exact = np.float64
c.add("layer_norm_over_the_last_axis",
      lambda T, x: mb.layer_norm(x=x, axes=[-1], gamma=T([0.5, 1, -2, 4]), beta=T([0.25, 0, 1, -1]), epsilon=T(0.125)),
      {"x": CUBE}, lambda x: layer_norm(x, [-1], np.array([0.5, 1, -2, 4]), np.array([0.25, 0, 1, -1]), 0.125), fp16=True)
c.add("layer_norm_over_two_axes",
      lambda T, x: mb.layer_norm(x=x, axes=[1, 2], gamma=T(WIDE_GAMMA), beta=T(WIDE_BETA), epsilon=T(0.5)),
      {"x": CUBE}, lambda x: layer_norm(x, [1, 2], exact(WIDE_GAMMA), exact(WIDE_BETA), 0.5))
c.add("layer_norm_over_every_axis", lambda x: mb.layer_norm(x=x, axes=[0, 1, 2]), {"x": CUBE}, lambda x: layer_norm(x, [0, 1, 2]))
c.add("layer_norm_over_an_inner_axis", lambda x: mb.layer_norm(x=x, axes=[1]), {"x": CUBE}, lambda x: layer_norm(x, [1]), fp16=True)
c.add("layer_norm_with_gamma_alone", lambda T, x: mb.layer_norm(x=x, axes=[2], gamma=T([1, 2, 3, 4])), {"x": CUBE},
      lambda x: layer_norm(x, [2], np.arange(1, 5)))
c.add("layer_norm_of_a_constant_row", lambda x: mb.layer_norm(x=x, axes=[-1]), {"x": np.full((2, 4), 3, np.float32)},
      lambda x: layer_norm(x, [-1]))
c.add("layer_norm_of_rows_far_from_zero", lambda x: mb.layer_norm(x=x, axes=[-1]),
      {"x": np.float32([[1000, 1001, 1002, 1003], [-4096, -4097, -4095, -4096]])}, lambda x: layer_norm(x, [-1]))


def l2_norm(x, epsilon):
    axes = tuple(range(x.ndim - 3, x.ndim))
    return x / np.sqrt(np.sum(x * x, axes, keepdims=True) + epsilon)


c.add("l2_norm_of_images", lambda T, x: mb.l2_norm(x=x, epsilon=T(0.125)), {"x": IMAGE}, lambda x: l2_norm(x, 0.125), fp16=True)
c.add("l2_norm_of_rank_three_by_default", lambda x: mb.l2_norm(x=x), {"x": IMAGE[0]}, lambda x: l2_norm(x, 1e-6), fp16=True)
c.add("l2_norm_of_zeros", lambda x: mb.l2_norm(x=x), {"x": np.zeros((1, 2, 2), np.float32)}, lambda x: x)


def lrn(x, size, alpha, beta, k):
    return F.local_response_norm(torch.from_numpy(x), size, alpha, beta, k).numpy()


DEEP = c.floats(1, 5, 2, 2)
for size in (1, 3, 5):
    c.add(f"local_response_norm_of_size_{size}",
          lambda T, x, s=size: mb.local_response_norm(x=x, size=s, alpha=T(0.5), beta=T(0.75), k=T(2)), {"x": DEEP},
          lambda x, s=size: lrn(x, s, 0.5, 0.75, 2.0), by="torch", fp16=size == 3)
c.add("local_response_norm_by_default", lambda x: mb.local_response_norm(x=x, size=3), {"x": DEEP},
      lambda x: lrn(x, 3, 1e-4, 0.75, 1.0), by="torch", fp16=True)
c.write()
