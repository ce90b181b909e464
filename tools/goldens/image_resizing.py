"""Resizing and resampling of images, judged by torch and by the grids that coremltools documents."""

import numpy as np
import torch
import torch.nn.functional as F

from corpus import Corpus, mb

c = Corpus("image_resizing")
IMAGE = c.floats(1, 2, 3, 4)


def t(function):
    return lambda x, *rest: function(torch.from_numpy(x), *(torch.from_numpy(r) for r in rest)).numpy()


def grid(size, out, mode):
    i = np.arange(out, dtype=np.float64)
    if mode in ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS"):
        if out == 1:
            return np.array([(size - 1) / 2 if mode == "ALIGN_CORNERS" else 0.0])
        points = i * (size - 1) / (out - 1)
    elif mode == "DEFAULT":
        points = i * size / out
    elif mode == "OFFSET_CORNERS":
        points = (i + 0.5) * max(1, size - 1) / out
    else:
        points = (i + 0.5) * size / out - 0.5
    return np.clip(points, 0, size - 1)


def interpolate(x, axis, points):
    low = np.floor(points).astype(int)
    high = np.minimum(low + 1, x.shape[axis] - 1)
    part = (points - low).reshape([-1 if a == axis % x.ndim else 1 for a in range(x.ndim)])
    return np.take(x, low, axis) * (1 - part) + np.take(x, high, axis) * part


def bilinear(x, height, width, mode):
    x = interpolate(x, -2, grid(x.shape[-2], height, mode))
    return interpolate(x, -1, grid(x.shape[-1], width, mode))


def nearest(x, height, width):
    rows = np.arange(height) * x.shape[-2] // height
    columns = np.arange(width) * x.shape[-1] // width
    return x[..., rows, :][..., columns]


MODES = ("DEFAULT", "STRICT_ALIGN_CORNERS", "ALIGN_CORNERS", "OFFSET_CORNERS", "UNALIGN_CORNERS")
for mode in MODES:
    for height, width, word in ((5, 7, "larger"), (2, 3, "smaller"), (1, 6, "one_row")):
        c.add(f"resize_bilinear_{mode.lower()}_{word}",
              lambda x, m=mode, h=height, w=width: mb.resize_bilinear(
                  x=x, target_size_height=h, target_size_width=w, sampling_mode=m),
              {"x": IMAGE}, lambda x, m=mode, h=height, w=width: bilinear(x, h, w, m), fp16=mode == "DEFAULT" and height == 5)
    c.add(f"resize_linear_{mode.lower()}",
          lambda x, m=mode: mb.resize(x=x, shape=[5, 7], resized_dims=np.uint32(2), interpolation_mode="LINEAR", sampling_mode=m),
          {"x": IMAGE}, lambda x, m=mode: bilinear(x, 5, 7, m), opsets=[17])
c.add("resize_bilinear_in_its_default_mode", lambda x: mb.resize_bilinear(x=x, target_size_height=6, target_size_width=8),
      {"x": IMAGE}, lambda x: bilinear(x, 6, 8, "DEFAULT"))
c.add("resize_by_zeros_keeps_sizes",
      lambda x: mb.resize(x=x, shape=[0, 8], resized_dims=np.uint32(2), sampling_mode="UNALIGN_CORNERS"),
      {"x": IMAGE}, lambda x: bilinear(x, 3, 8, "UNALIGN_CORNERS"), opsets=[17])
c.add("resize_nearest_by_whole_factors",
      lambda x: mb.resize(x=x, shape=[6, 8], resized_dims=np.uint32(2), interpolation_mode="NEAREST_NEIGHBOR"),
      {"x": IMAGE}, lambda x: nearest(x, 6, 8), opsets=[17])
for height, width, word in ((6, 8, "larger"), (1, 2, "smaller"), (4, 6, "by_broken_factors")):
    c.add(f"resize_nearest_neighbor_{word}",
          lambda x, h=height, w=width: mb.resize_nearest_neighbor(x=x, target_size_height=h, target_size_width=w),
          {"x": IMAGE}, lambda x, h=height, w=width: nearest(x, h, w), fp16=word == "larger")
c.add("upsample_nearest_neighbor", lambda x: mb.upsample_nearest_neighbor(x=x, scale_factor_height=2, scale_factor_width=3),
      {"x": IMAGE}, lambda x: nearest(x, 6, 12), fp16=True)
c.add("upsample_nearest_neighbor_of_the_width_alone", lambda x: mb.upsample_nearest_neighbor(x=x, scale_factor_width=2),
      {"x": IMAGE[0]}, lambda x: nearest(x, 3, 8))
c.add("upsample_nearest_neighbor_by_a_broken_factor",
      lambda x: mb.upsample_nearest_neighbor(x=x, scale_factor_height=1.0, scale_factor_width=1.5),
      {"x": IMAGE}, lambda x: nearest(x, 3, 6))
for corners in (False, True):
    word = "with" if corners else "without"
    for factors in ((2, 3), (1.5, 2.5)):
        height, width = int(3 * factors[0]), int(4 * factors[1])
        c.add(f"upsample_bilinear_{word}_aligned_corners_by_{'_'.join(str(f).replace('.', '_') for f in factors)}",
              lambda x, f=factors, a=corners: mb.upsample_bilinear(
                  x=x, scale_factor_height=f[0], scale_factor_width=f[1], align_corners=a),
              {"x": IMAGE}, t(lambda x, s=(height, width), a=corners: F.interpolate(x, s, mode="bilinear", align_corners=a)),
              by="torch", fp16=factors[0] == 2)
c.add("upsample_bilinear_by_default", lambda x: mb.upsample_bilinear(x=x, scale_factor_height=2, scale_factor_width=2),
      {"x": IMAGE}, t(lambda x: F.interpolate(x, (6, 8), mode="bilinear", align_corners=True)), by="torch")
c.add("upsample_bilinear_without_half_pixels",
      lambda x: mb.upsample_bilinear(x=x, scale_factor_height=2, scale_factor_width=2, align_corners=False, half_pixel_centers=False),
      {"x": IMAGE}, lambda x: bilinear(x, 6, 8, "DEFAULT"), opsets=[16])
c.add("crop", lambda x: mb.crop(x=x, crop_height=[1, 0], crop_width=[1, 2]), {"x": IMAGE}, lambda x: x[..., 1:, 1:2], fp16=True)
c.add("crop_of_rank_three", lambda x: mb.crop(x=x, crop_height=[0, 1], crop_width=[1, 1]), {"x": IMAGE[0]},
      lambda x: x[:, :2, 1:3])

THETA = np.float32([[0.75, 0.25, -0.125, -0.5, 1.25, 0.25]])


def affine(x, theta):
    theta = theta.reshape(-1, 2, 3).expand(len(x), 2, 3)
    g = F.affine_grid(theta, (len(x), x.shape[1], 4, 5), align_corners=True)
    return F.grid_sample(x, g, "bilinear", "zeros", align_corners=True)


for batch, name in ((1, ""), (2, "_with_a_matrix_for_each_image")):
    c.add(f"affine{name}",
          lambda T, x, m: mb.affine(x=x, transform_matrix=m, output_height=4, output_width=5, sampling_mode="bilinear",
                                 padding_mode="constant", padding_value=T(0), coordinates_mode="normalized_minus_one_to_one",
                                 align_corners=True),
          {"x": c.floats(2, 1, 3, 4), "m": np.concatenate([THETA, THETA[:, ::-1]])[:batch]}, t(affine), by="torch")

POINTS = c.floats(1, 2, 5, 2, low=-1.6, high=1.6)
TORCH = {"constant": "zeros", "border": "border", "reflection": "reflection"}
for sampling in ("bilinear", "nearest"):
    for padding, name in TORCH.items():
        for corners in (True, False):
            if padding == "reflection" and not corners:
                continue
            c.add(f"resample_{sampling}_{padding}_{'with' if corners else 'without'}_aligned_corners",
                  lambda T, x, p, s=sampling, d=padding, a=corners: mb.resample(
                      x=x, coordinates=p, sampling_mode=s, padding_mode=d, padding_value=T(0),
                      coordinates_mode="normalized_minus_one_to_one", align_corners=a),
                  {"x": IMAGE, "p": POINTS},
                  t(lambda x, p, s=sampling, d=name, a=corners: F.grid_sample(x, p, s, d, align_corners=a)), by="torch",
                  opsets=[15, 16, 17] if padding == "border" and corners else [15])
c.add("resample_symmetric",
      lambda T, x, p: mb.resample(x=x, coordinates=p, sampling_mode="bilinear", padding_mode="symmetric", padding_value=T(0),
                               coordinates_mode="normalized_minus_one_to_one", align_corners=False),
      {"x": IMAGE, "p": POINTS}, t(lambda x, p: F.grid_sample(x, p, "bilinear", "reflection", align_corners=False)),
      by="torch", opsets=[15])
PIXELS = np.float32([[[[0, 0], [3, 2], [1.5, 0.5]], [[0.25, 1.75], [2, 1], [2.5, 2]]]])


def at_pixels(x, p):
    size = torch.tensor([x.shape[3] - 1.0, x.shape[2] - 1.0], dtype=p.dtype)
    return F.grid_sample(x, p / size * 2 - 1, "bilinear", "border", align_corners=True)


for mode, points in (("unnormalized", PIXELS), ("normalized_zero_to_one", PIXELS / np.float32([3, 2]))):
    c.add(f"resample_at_{mode}_coordinates",
          lambda T, x, p, m=mode: mb.resample(x=x, coordinates=p, sampling_mode="bilinear", padding_mode="border",
                                           padding_value=T(0), coordinates_mode=m, align_corners=True),
          {"x": IMAGE, "p": points},
          t(lambda x, p, m=mode: at_pixels(x, p if m == "unnormalized" else p * torch.tensor([3.0, 2.0], dtype=p.dtype))),
          by="torch", opsets=[15], tolerance=(1e-5, 2e-6, "coordinates are scaled in f32"))


def crop_resize(x, boxes, spacing):
    """Boxes as corners, height first, in pixels; `spacing` as `grid` but between the corners."""
    out = []
    for y0, x0, y1, x1 in boxes:
        rows = spacing(y0, y1, 3)
        columns = spacing(x0, x1, 4)
        out.append(interpolate(interpolate(x, -2, np.clip(rows, 0, x.shape[-2] - 1)), -1, np.clip(columns, 0, x.shape[-1] - 1)))
    return np.stack(out)


def strict(low, high, n):
    return low + np.arange(n) * (high - low) / (n - 1)


SQUARE = c.floats(1, 2, 6, 6)
BOXES = np.float32([[1, 1, 4, 4], [0, 0.5, 2.5, 5]])
for coordinates, order in (("CORNERS_HEIGHT_FIRST", [0, 1, 2, 3]), ("CORNERS_WIDTH_FIRST", [1, 0, 3, 2])):
    c.add(f"crop_resize_{coordinates.lower()}",
          lambda x, roi, m=coordinates: mb.crop_resize(x=x, roi=roi, target_height=3, target_width=4,
                                                       box_coordinate_mode=m, sampling_mode="STRICT_ALIGN_CORNERS"),
          {"x": SQUARE, "roi": BOXES[:, order].reshape(2, 1, 4, 1, 1)},
          lambda x, roi, o=order: crop_resize(x, roi.reshape(2, 4)[:, o], strict), opsets=[15], symbolic=False)
    c.add(f"crop_resize_{coordinates.lower()}_with_a_pad_value",
          lambda T, x, roi, m=coordinates: mb.crop_resize(
              x=x, roi=roi, target_height=3, target_width=4, box_coordinate_mode=m, pad_value=T(0),
              sampling_mode="STRICT_ALIGN_CORNERS"),
          {"x": SQUARE, "roi": BOXES[:1, order].reshape(1, 1, 4, 1, 1)},
          lambda x, roi, o=order: crop_resize(x, roi.reshape(1, 4)[:, o], strict), opsets=[16], symbolic=False)
    c.add(f"crop_resize_{coordinates.lower()}_in_ios17",
          lambda x, boxes, i, m=coordinates: mb.crop_resize(x=x, boxes=boxes, box_indices=i, target_height=3, target_width=4,
                                                            box_coordinate_mode=m, sampling_mode="STRICT_ALIGN_CORNERS"),
          {"x": SQUARE, "boxes": BOXES[:, order], "i": np.int32([0, 0])},
          lambda x, boxes, i, o=order: crop_resize(x[0], boxes[:, o], strict), opsets=[17], symbolic=False)
c.write()
