//! Resizing, cropping and resampling of images.

use super::def::*;
use super::domains::*;
use crate::Opset::*;

pub(super) const AFFINE: OpDef = OpDef {
    name: "affine",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            tensor("x", T_FLOAT),
            tensor("transform_matrix", T_FLOAT),
            constant("output_height"),
            constant("output_width"),
            constant("sampling_mode"),
            constant("padding_mode"),
            constant_of("padding_value", T_FLOAT),
            constant("coordinates_mode"),
            constant("align_corners"),
        ],
    }],
    infer: Infer::Not("image resizing has no shape rule yet"),
    evaluate: None,
    computed: None,
};

pub(super) const CROP: OpDef = OpDef {
    name: "crop",
    versions: &[Version {
        since: Ios15,
        inputs: &[tensor("x", T_FLOAT), constant("crop_height"), constant("crop_width")],
    }],
    infer: Infer::Not("image resizing has no shape rule yet"),
    evaluate: None,
    computed: None,
};

pub(super) const CROP_RESIZE: OpDef = OpDef {
    name: "crop_resize",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                tensor("x", T_FLOAT),
                tensor("roi", T_FLOAT),
                constant("target_height").default(Default::Int(1)),
                constant("target_width").default(Default::Int(1)),
                constant("normalized_coordinates").default(Default::Bool(false)),
                constant("spatial_scale").default(Default::Float(1.0)),
                constant("box_coordinate_mode").default(Default::Text("CORNERS_HEIGHT_FIRST")),
                constant("sampling_mode").default(Default::Text("DEFAULT")),
            ],
        },
        Version {
            since: Ios16,
            inputs: &[
                tensor("x", T_FLOAT),
                tensor("roi", T_FLOAT),
                constant("target_height").default(Default::Int(1)),
                constant("target_width").default(Default::Int(1)),
                constant("normalized_coordinates").default(Default::Bool(false)),
                constant("spatial_scale").default(Default::Float(1.0)),
                constant("box_coordinate_mode").default(Default::Text("CORNERS_HEIGHT_FIRST")),
                constant("sampling_mode").default(Default::Text("DEFAULT")),
                constant_of("pad_value", T_FLOAT).default(Default::Float(0.0)),
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("x", T_FLOAT),
                tensor("boxes", domain("BOX_T", &[F16, F32, U16])),
                tensor("box_indices", domain("BOX_INDEX_T", &[U16, I32]))
                    .default(Default::Computed),
                constant("target_height").default(Default::Computed),
                constant("target_width").default(Default::Computed),
                constant("normalized_coordinates").default(Default::Computed),
                constant("spatial_scale").default(Default::Computed),
                constant("box_coordinate_mode").default(Default::Computed),
                constant("sampling_mode").default(Default::Computed),
                constant_of("pad_value", T_FLOAT).default(Default::Computed),
            ],
        },
    ],
    infer: Infer::Not("image resizing has no shape rule yet"),
    evaluate: None,
    computed: None,
};

pub(super) const RESAMPLE: OpDef = OpDef {
    name: "resample",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                tensor("x", T_FLOAT),
                tensor("coordinates", domain("U", &[I32, F32])),
                constant("sampling_mode"),
                constant("padding_mode"),
                constant_of("padding_value", T_FLOAT),
                constant("coordinates_mode"),
                constant("align_corners"),
            ],
        },
        Version {
            since: Ios16,
            inputs: &[
                tensor("x", T_FLOAT),
                tensor("coordinates", domain("U", &[I32, F16, F32])),
                constant("sampling_mode"),
                constant("padding_mode"),
                constant_of("padding_value", T_FLOAT),
                constant("coordinates_mode"),
                constant("align_corners"),
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("x", T_FLOAT),
                tensor("coordinates", domain("U", &[I8, U8, I16, U16, I32, F16, F32])),
                constant("sampling_mode"),
                constant("padding_mode"),
                constant_of("padding_value", T_FLOAT),
                constant("coordinates_mode"),
                constant("align_corners"),
            ],
        },
    ],
    infer: Infer::Not("image resizing has no shape rule yet"),
    evaluate: None,
    computed: None,
};

pub(super) const RESIZE: OpDef = OpDef {
    name: "resize",
    versions: &[Version {
        since: Ios17,
        inputs: &[
            tensor("x", T_NUMBER),
            tensor("shape", domain("U", &[I32, I16, U16, U32])),
            constant("resized_dims"),
            constant("interpolation_mode").default(Default::Text("LINEAR")),
            constant("sampling_mode").default(Default::Text("DEFAULT")),
        ],
    }],
    infer: Infer::Not("image resizing has no shape rule yet"),
    evaluate: None,
    computed: None,
};

pub(super) const RESIZE_BILINEAR: OpDef = OpDef {
    name: "resize_bilinear",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            tensor("x", T_FLOAT),
            constant("target_size_height").default(Default::Int(1)),
            constant("target_size_width").default(Default::Int(1)),
            constant("sampling_mode").default(Default::Text("DEFAULT")),
        ],
    }],
    infer: Infer::Not("image resizing has no shape rule yet"),
    evaluate: None,
    computed: None,
};

pub(super) const RESIZE_NEAREST_NEIGHBOR: OpDef = OpDef {
    name: "resize_nearest_neighbor",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            tensor("x", T_FLOAT),
            constant("target_size_height"),
            constant("target_size_width"),
        ],
    }],
    infer: Infer::Not("image resizing has no shape rule yet"),
    evaluate: None,
    computed: None,
};

pub(super) const UPSAMPLE_BILINEAR: OpDef = OpDef {
    name: "upsample_bilinear",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                tensor("x", T_FLOAT),
                constant_of("scale_factor_height", domain("U", &[I32, F32]))
                    .default(Default::Int(1)),
                constant_of("scale_factor_width", domain("U", &[I32, F32]))
                    .default(Default::Int(1)),
                constant("align_corners").default(Default::Bool(true)),
            ],
        },
        Version {
            since: Ios16,
            inputs: &[
                tensor("x", T_FLOAT),
                constant_of("scale_factor_height", domain("U", &[I32, F32]))
                    .default(Default::Int(1)),
                constant_of("scale_factor_width", domain("U", &[I32, F32]))
                    .default(Default::Int(1)),
                constant("align_corners").default(Default::Bool(true)),
                constant("half_pixel_centers").optional(),
            ],
        },
    ],
    infer: Infer::Not("image resizing has no shape rule yet"),
    evaluate: None,
    computed: None,
};

pub(super) const UPSAMPLE_NEAREST_NEIGHBOR: OpDef = OpDef {
    name: "upsample_nearest_neighbor",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            tensor("x", T_FLOAT),
            constant_of("scale_factor_height", domain("U", &[F32, I32])).default(Default::Int(1)),
            constant_of("scale_factor_width", domain("U", &[F32, I32])).default(Default::Int(1)),
        ],
    }],
    infer: Infer::Not("image resizing has no shape rule yet"),
    evaluate: None,
    computed: None,
};
