//! The catalogue: every op of MIL, declared once.

use std::collections::HashMap;
use std::sync::LazyLock;

mod activation;
mod classify;
mod compression;
mod concat;
mod constexpr_ops;
mod control_flow;
mod conv;
mod def;
mod domains;
mod elementwise_binary;
mod elementwise_unary;
mod image_resizing;
mod linear;
mod non_maximum_suppression;
mod normalization;
mod pool;
mod quantization_ops;
mod random;
mod recurrent;
mod reduction;
mod reshape;
mod scatter_gather;
mod slice;
mod space_to_depth;
mod states;
mod tensor_operation;
mod tensor_transformation;
mod topk;
mod transformers;

pub use def::{
    Compute, Default, Domain, Evaluate, Infer, InputDef, InputKind, OpDef, Rule, Version,
};

macro_rules! catalogue {
    ($($variant:ident = $family:ident::$def:ident,)*) => {
        /// An op of MIL.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs)]
        pub enum Op { $($variant,)* }

        impl Op {
            /// Every op, by family.
            pub const ALL: &[Op] = &[$(Op::$variant,)*];

            /// The op's declaration.
            pub fn def(self) -> &'static OpDef {
                match self { $(Op::$variant => const { &$family::$def },)* }
            }

            /// The family: the stem of the files that hold the op in every layer.
            pub fn family(self) -> &'static str {
                match self { $(Op::$variant => stringify!($family),)* }
            }
        }
    };
}

catalogue! {
    ClampedRelu = activation::CLAMPED_RELU,
    Elu = activation::ELU,
    Gelu = activation::GELU,
    LeakyRelu = activation::LEAKY_RELU,
    LinearActivation = activation::LINEAR_ACTIVATION,
    Prelu = activation::PRELU,
    Relu = activation::RELU,
    Relu6 = activation::RELU6,
    ScaledTanh = activation::SCALED_TANH,
    Sigmoid = activation::SIGMOID,
    SigmoidHard = activation::SIGMOID_HARD,
    Silu = activation::SILU,
    Softmax = activation::SOFTMAX,
    Softplus = activation::SOFTPLUS,
    SoftplusParametric = activation::SOFTPLUS_PARAMETRIC,
    Softsign = activation::SOFTSIGN,
    ThresholdedRelu = activation::THRESHOLDED_RELU,
    Classify = classify::CLASSIFY,
    ConstexprBlockwiseShiftScale = compression::CONSTEXPR_BLOCKWISE_SHIFT_SCALE,
    ConstexprLutToSparse = compression::CONSTEXPR_LUT_TO_SPARSE,
    ConstexprSparseBlockwiseShiftScale = compression::CONSTEXPR_SPARSE_BLOCKWISE_SHIFT_SCALE,
    ConstexprAffineDequantize = constexpr_ops::CONSTEXPR_AFFINE_DEQUANTIZE,
    ConstexprCast = constexpr_ops::CONSTEXPR_CAST,
    ConstexprLutToDense = constexpr_ops::CONSTEXPR_LUT_TO_DENSE,
    ConstexprSparseToDense = constexpr_ops::CONSTEXPR_SPARSE_TO_DENSE,
    ConstSymbolic = control_flow::CONST_SYMBOLIC,
    Cond = control_flow::COND,
    Const = control_flow::CONST,
    ListGather = control_flow::LIST_GATHER,
    ListLength = control_flow::LIST_LENGTH,
    ListRead = control_flow::LIST_READ,
    ListScatter = control_flow::LIST_SCATTER,
    ListWrite = control_flow::LIST_WRITE,
    MakeList = control_flow::MAKE_LIST,
    Select = control_flow::SELECT,
    WhileLoop = control_flow::WHILE_LOOP,
    Conv = conv::CONV,
    ConvQuantized = conv::CONV_QUANTIZED,
    ConvTranspose = conv::CONV_TRANSPOSE,
    Add = elementwise_binary::ADD,
    Equal = elementwise_binary::EQUAL,
    FloorDiv = elementwise_binary::FLOOR_DIV,
    Greater = elementwise_binary::GREATER,
    GreaterEqual = elementwise_binary::GREATER_EQUAL,
    Less = elementwise_binary::LESS,
    LessEqual = elementwise_binary::LESS_EQUAL,
    LogicalAnd = elementwise_binary::LOGICAL_AND,
    LogicalOr = elementwise_binary::LOGICAL_OR,
    LogicalXor = elementwise_binary::LOGICAL_XOR,
    Maximum = elementwise_binary::MAXIMUM,
    Minimum = elementwise_binary::MINIMUM,
    Mod = elementwise_binary::MOD,
    Mul = elementwise_binary::MUL,
    NotEqual = elementwise_binary::NOT_EQUAL,
    Pow = elementwise_binary::POW,
    RealDiv = elementwise_binary::REAL_DIV,
    Sub = elementwise_binary::SUB,
    Abs = elementwise_unary::ABS,
    Acos = elementwise_unary::ACOS,
    Asin = elementwise_unary::ASIN,
    Atan = elementwise_unary::ATAN,
    Atanh = elementwise_unary::ATANH,
    Cast = elementwise_unary::CAST,
    Ceil = elementwise_unary::CEIL,
    Clip = elementwise_unary::CLIP,
    Cos = elementwise_unary::COS,
    Cosh = elementwise_unary::COSH,
    Erf = elementwise_unary::ERF,
    Exp = elementwise_unary::EXP,
    Exp2 = elementwise_unary::EXP2,
    Floor = elementwise_unary::FLOOR,
    Inverse = elementwise_unary::INVERSE,
    Log = elementwise_unary::LOG,
    LogicalNot = elementwise_unary::LOGICAL_NOT,
    Round = elementwise_unary::ROUND,
    Rsqrt = elementwise_unary::RSQRT,
    Sign = elementwise_unary::SIGN,
    Sin = elementwise_unary::SIN,
    Sinh = elementwise_unary::SINH,
    Sqrt = elementwise_unary::SQRT,
    Square = elementwise_unary::SQUARE,
    Tan = elementwise_unary::TAN,
    Tanh = elementwise_unary::TANH,
    Threshold = elementwise_unary::THRESHOLD,
    Affine = image_resizing::AFFINE,
    Crop = image_resizing::CROP,
    CropResize = image_resizing::CROP_RESIZE,
    Resample = image_resizing::RESAMPLE,
    Resize = image_resizing::RESIZE,
    ResizeBilinear = image_resizing::RESIZE_BILINEAR,
    ResizeNearestNeighbor = image_resizing::RESIZE_NEAREST_NEIGHBOR,
    UpsampleBilinear = image_resizing::UPSAMPLE_BILINEAR,
    UpsampleNearestNeighbor = image_resizing::UPSAMPLE_NEAREST_NEIGHBOR,
    Einsum = linear::EINSUM,
    Linear = linear::LINEAR,
    Matmul = linear::MATMUL,
    BatchNorm = normalization::BATCH_NORM,
    InstanceNorm = normalization::INSTANCE_NORM,
    L2Norm = normalization::L2_NORM,
    LayerNorm = normalization::LAYER_NORM,
    LocalResponseNorm = normalization::LOCAL_RESPONSE_NORM,
    AvgPool = pool::AVG_POOL,
    L2Pool = pool::L2_POOL,
    MaxPool = pool::MAX_POOL,
    Dequantize = quantization_ops::DEQUANTIZE,
    Quantize = quantization_ops::QUANTIZE,
    RandomBernoulli = random::RANDOM_BERNOULLI,
    RandomCategorical = random::RANDOM_CATEGORICAL,
    RandomNormal = random::RANDOM_NORMAL,
    RandomUniform = random::RANDOM_UNIFORM,
    Gru = recurrent::GRU,
    Lstm = recurrent::LSTM,
    Rnn = recurrent::RNN,
    ReduceArgmax = reduction::REDUCE_ARGMAX,
    ReduceArgmin = reduction::REDUCE_ARGMIN,
    ReduceL1Norm = reduction::REDUCE_L1_NORM,
    ReduceL2Norm = reduction::REDUCE_L2_NORM,
    ReduceLogSum = reduction::REDUCE_LOG_SUM,
    ReduceLogSumExp = reduction::REDUCE_LOG_SUM_EXP,
    ReduceMax = reduction::REDUCE_MAX,
    ReduceMean = reduction::REDUCE_MEAN,
    ReduceMin = reduction::REDUCE_MIN,
    ReduceProd = reduction::REDUCE_PROD,
    ReduceSum = reduction::REDUCE_SUM,
    ReduceSumSquare = reduction::REDUCE_SUM_SQUARE,
    Gather = scatter_gather::GATHER,
    GatherAlongAxis = scatter_gather::GATHER_ALONG_AXIS,
    GatherNd = scatter_gather::GATHER_ND,
    Scatter = scatter_gather::SCATTER,
    ScatterAlongAxis = scatter_gather::SCATTER_ALONG_AXIS,
    ScatterNd = scatter_gather::SCATTER_ND,
    ReadState = states::READ_STATE,
    Argsort = tensor_operation::ARGSORT,
    BandPart = tensor_operation::BAND_PART,
    Concat = tensor_operation::CONCAT,
    Cumsum = tensor_operation::CUMSUM,
    Fill = tensor_operation::FILL,
    FillLike = tensor_operation::FILL_LIKE,
    Flatten2d = tensor_operation::FLATTEN2D,
    Identity = tensor_operation::IDENTITY,
    NonMaximumSuppression = tensor_operation::NON_MAXIMUM_SUPPRESSION,
    NonZero = tensor_operation::NON_ZERO,
    OneHot = tensor_operation::ONE_HOT,
    Pad = tensor_operation::PAD,
    Range1d = tensor_operation::RANGE_1D,
    Shape = tensor_operation::SHAPE,
    Split = tensor_operation::SPLIT,
    Stack = tensor_operation::STACK,
    Tile = tensor_operation::TILE,
    Topk = tensor_operation::TOPK,
    BatchToSpace = tensor_transformation::BATCH_TO_SPACE,
    DepthToSpace = tensor_transformation::DEPTH_TO_SPACE,
    ExpandDims = tensor_transformation::EXPAND_DIMS,
    PixelShuffle = tensor_transformation::PIXEL_SHUFFLE,
    PixelUnshuffle = tensor_transformation::PIXEL_UNSHUFFLE,
    Reshape = tensor_transformation::RESHAPE,
    ReshapeLike = tensor_transformation::RESHAPE_LIKE,
    Reverse = tensor_transformation::REVERSE,
    ReverseSequence = tensor_transformation::REVERSE_SEQUENCE,
    SliceByIndex = tensor_transformation::SLICE_BY_INDEX,
    SliceBySize = tensor_transformation::SLICE_BY_SIZE,
    SliceUpdate = tensor_transformation::SLICE_UPDATE,
    SlidingWindows = tensor_transformation::SLIDING_WINDOWS,
    SpaceToBatch = tensor_transformation::SPACE_TO_BATCH,
    SpaceToDepth = tensor_transformation::SPACE_TO_DEPTH,
    Squeeze = tensor_transformation::SQUEEZE,
    Transpose = tensor_transformation::TRANSPOSE,
    ScaledDotProductAttention = transformers::SCALED_DOT_PRODUCT_ATTENTION,
    WriteState = states::WRITE_STATE,
}

impl Op {
    /// MIL's name.
    pub fn name(self) -> &'static str {
        self.def().name
    }

    /// The op with this name.
    pub fn from_name(name: &str) -> Option<Op> {
        static BY_NAME: LazyLock<HashMap<&'static str, Op>> =
            LazyLock::new(|| Op::ALL.iter().map(|&op| (op.name(), op)).collect());
        BY_NAME.get(name).copied()
    }

    /// Whether the op does something besides giving its outputs.
    pub fn has_effect(self) -> bool {
        self == Op::WriteState
    }

    /// The version that a program of `opset` uses.
    pub fn version(self, opset: crate::Opset) -> Option<&'static Version> {
        self.def().versions.iter().rev().find(|v| v.since <= opset)
    }
}
