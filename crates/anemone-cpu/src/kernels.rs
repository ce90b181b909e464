//! The table of kernels: every op of the catalogue, or the reason why it has no kernel.
#![deny(clippy::wildcard_enum_match_arm)]

use anemone_ir::Op;

use crate::kernel::Prepared;
use crate::prepare::PrepareCtx;

mod compression;
mod concat;
mod constexpr_ops;
mod conv;
mod image_resizing;
mod linear;
mod non_maximum_suppression;
mod pad;
mod pool;
mod quantization_ops;
mod reshape;
mod scatter_gather;
mod slice;
mod space_to_depth;
mod states;
mod tensor_operation;
mod tensor_transformation;
mod topk;
mod transformers;

/// The first half of a kernel: decodes constants, checks, chooses code and packs weights.
pub(crate) type Prepare = fn(&mut PrepareCtx<'_>) -> Result<Prepared, String>;

/// How to prepare `op`, or why it has no kernel.
pub(crate) fn prepare(op: Op) -> Result<Prepare, &'static str> {
    match op {
        // activation
        Op::ClampedRelu => Err("this op has no kernel yet"),
        Op::Elu => Err("this op has no kernel yet"),
        Op::Gelu => Err("this op has no kernel yet"),
        Op::LeakyRelu => Err("this op has no kernel yet"),
        Op::LinearActivation => Err("this op has no kernel yet"),
        Op::Prelu => Err("this op has no kernel yet"),
        Op::Relu => Err("this op has no kernel yet"),
        Op::Relu6 => Err("this op has no kernel yet"),
        Op::ScaledTanh => Err("this op has no kernel yet"),
        Op::Sigmoid => Err("this op has no kernel yet"),
        Op::SigmoidHard => Err("this op has no kernel yet"),
        Op::Silu => Err("this op has no kernel yet"),
        Op::Softmax => Err("this op has no kernel yet"),
        Op::Softplus => Err("this op has no kernel yet"),
        Op::SoftplusParametric => Err("this op has no kernel yet"),
        Op::Softsign => Err("this op has no kernel yet"),
        Op::ThresholdedRelu => Err("this op has no kernel yet"),
        // classify
        Op::Classify => Err("this op has no kernel yet"),
        // compression
        Op::ConstexprBlockwiseShiftScale => Ok(compression::blockwise),
        Op::ConstexprLutToSparse => Ok(compression::lut_to_sparse),
        Op::ConstexprSparseBlockwiseShiftScale => Ok(compression::sparse_blockwise),
        // constexpr_ops
        Op::ConstexprAffineDequantize => Ok(constexpr_ops::affine_dequantize),
        Op::ConstexprCast => Ok(constexpr_ops::cast),
        Op::ConstexprLutToDense => Ok(constexpr_ops::lut_to_dense),
        Op::ConstexprSparseToDense => Ok(constexpr_ops::sparse_to_dense),
        // control_flow
        Op::ConstSymbolic => Err("constants are folded and never run"),
        Op::Cond => Err("this op has no kernel yet"),
        Op::Const => Err("constants are folded and never run"),
        Op::ListGather => Err("this op has no kernel yet"),
        Op::ListLength => Err("this op has no kernel yet"),
        Op::ListRead => Err("this op has no kernel yet"),
        Op::ListScatter => Err("this op has no kernel yet"),
        Op::ListWrite => Err("this op has no kernel yet"),
        Op::MakeList => Err("this op has no kernel yet"),
        Op::Select => Err("this op has no kernel yet"),
        Op::WhileLoop => Err("this op has no kernel yet"),
        // conv
        Op::Conv => Ok(conv::conv),
        Op::ConvQuantized => Ok(conv::conv_quantized),
        Op::ConvTranspose => Ok(conv::conv_transpose),
        // elementwise_binary
        Op::Add => Err("this op has no kernel yet"),
        Op::Equal => Err("this op has no kernel yet"),
        Op::FloorDiv => Err("this op has no kernel yet"),
        Op::Greater => Err("this op has no kernel yet"),
        Op::GreaterEqual => Err("this op has no kernel yet"),
        Op::Less => Err("this op has no kernel yet"),
        Op::LessEqual => Err("this op has no kernel yet"),
        Op::LogicalAnd => Err("this op has no kernel yet"),
        Op::LogicalOr => Err("this op has no kernel yet"),
        Op::LogicalXor => Err("this op has no kernel yet"),
        Op::Maximum => Err("this op has no kernel yet"),
        Op::Minimum => Err("this op has no kernel yet"),
        Op::Mod => Err("this op has no kernel yet"),
        Op::Mul => Err("this op has no kernel yet"),
        Op::NotEqual => Err("this op has no kernel yet"),
        Op::Pow => Err("this op has no kernel yet"),
        Op::RealDiv => Err("this op has no kernel yet"),
        Op::Sub => Err("this op has no kernel yet"),
        // elementwise_unary
        Op::Abs => Err("this op has no kernel yet"),
        Op::Acos => Err("this op has no kernel yet"),
        Op::Asin => Err("this op has no kernel yet"),
        Op::Atan => Err("this op has no kernel yet"),
        Op::Atanh => Err("this op has no kernel yet"),
        Op::Cast => Err("this op has no kernel yet"),
        Op::Ceil => Err("this op has no kernel yet"),
        Op::Clip => Err("this op has no kernel yet"),
        Op::Cos => Err("this op has no kernel yet"),
        Op::Cosh => Err("this op has no kernel yet"),
        Op::Erf => Err("this op has no kernel yet"),
        Op::Exp => Err("this op has no kernel yet"),
        Op::Exp2 => Err("this op has no kernel yet"),
        Op::Floor => Err("this op has no kernel yet"),
        Op::Inverse => Err("this op has no kernel yet"),
        Op::Log => Err("this op has no kernel yet"),
        Op::LogicalNot => Err("this op has no kernel yet"),
        Op::Round => Err("this op has no kernel yet"),
        Op::Rsqrt => Err("this op has no kernel yet"),
        Op::Sign => Err("this op has no kernel yet"),
        Op::Sin => Err("this op has no kernel yet"),
        Op::Sinh => Err("this op has no kernel yet"),
        Op::Sqrt => Err("this op has no kernel yet"),
        Op::Square => Err("this op has no kernel yet"),
        Op::Tan => Err("this op has no kernel yet"),
        Op::Tanh => Err("this op has no kernel yet"),
        Op::Threshold => Err("this op has no kernel yet"),
        // image_resizing
        Op::Affine => Ok(image_resizing::affine),
        Op::Crop => Ok(image_resizing::crop),
        Op::CropResize => Ok(image_resizing::crop_resize),
        Op::Resample => Ok(image_resizing::resample),
        Op::Resize => Ok(image_resizing::resize),
        Op::ResizeBilinear => Ok(image_resizing::resize_bilinear),
        Op::ResizeNearestNeighbor => Ok(image_resizing::resize_nearest_neighbor),
        Op::UpsampleBilinear => Ok(image_resizing::upsample_bilinear),
        Op::UpsampleNearestNeighbor => Ok(image_resizing::upsample_nearest_neighbor),
        // linear
        Op::Einsum => Ok(linear::einsum),
        Op::Linear => Ok(linear::linear),
        Op::Matmul => Ok(linear::matmul),
        // normalization
        Op::BatchNorm => Err("this op has no kernel yet"),
        Op::InstanceNorm => Err("this op has no kernel yet"),
        Op::L2Norm => Err("this op has no kernel yet"),
        Op::LayerNorm => Err("this op has no kernel yet"),
        Op::LocalResponseNorm => Err("this op has no kernel yet"),
        // pool
        Op::AvgPool => Ok(pool::avg_pool),
        Op::L2Pool => Ok(pool::l2_pool),
        Op::MaxPool => Ok(pool::max_pool),
        // quantization_ops
        Op::Dequantize => Ok(quantization_ops::dequantize),
        Op::Quantize => Ok(quantization_ops::quantize),
        // random
        Op::RandomBernoulli => Err("this op has no kernel yet"),
        Op::RandomCategorical => Err("this op has no kernel yet"),
        Op::RandomNormal => Err("this op has no kernel yet"),
        Op::RandomUniform => Err("this op has no kernel yet"),
        // recurrent
        Op::Gru => Err("this op has no kernel yet"),
        Op::Lstm => Err("this op has no kernel yet"),
        Op::Rnn => Err("this op has no kernel yet"),
        // reduction
        Op::ReduceArgmax => Err("this op has no kernel yet"),
        Op::ReduceArgmin => Err("this op has no kernel yet"),
        Op::ReduceL1Norm => Err("this op has no kernel yet"),
        Op::ReduceL2Norm => Err("this op has no kernel yet"),
        Op::ReduceLogSum => Err("this op has no kernel yet"),
        Op::ReduceLogSumExp => Err("this op has no kernel yet"),
        Op::ReduceMax => Err("this op has no kernel yet"),
        Op::ReduceMean => Err("this op has no kernel yet"),
        Op::ReduceMin => Err("this op has no kernel yet"),
        Op::ReduceProd => Err("this op has no kernel yet"),
        Op::ReduceSum => Err("this op has no kernel yet"),
        Op::ReduceSumSquare => Err("this op has no kernel yet"),
        // scatter_gather
        Op::Gather => Ok(scatter_gather::gather),
        Op::GatherAlongAxis => Ok(scatter_gather::gather_along_axis),
        Op::GatherNd => Ok(scatter_gather::gather_nd),
        Op::Scatter => Ok(scatter_gather::scatter),
        Op::ScatterAlongAxis => Ok(scatter_gather::scatter_along_axis),
        Op::ScatterNd => Ok(scatter_gather::scatter_nd),
        // states
        Op::ReadState => Ok(states::read_state),
        // tensor_operation
        Op::Argsort => Ok(topk::argsort),
        Op::BandPart => Ok(tensor_operation::band_part),
        Op::Concat => Ok(concat::concat),
        Op::Cumsum => Ok(tensor_operation::cumsum),
        Op::Fill => Ok(tensor_operation::fill),
        Op::FillLike => Ok(tensor_operation::fill_like),
        Op::Flatten2d => Ok(tensor_transformation::same_elements),
        Op::Identity => Ok(tensor_transformation::same_elements),
        Op::NonMaximumSuppression => Ok(non_maximum_suppression::non_maximum_suppression),
        Op::NonZero => Ok(tensor_operation::non_zero),
        Op::OneHot => Ok(tensor_operation::one_hot),
        Op::Pad => Ok(pad::pad),
        Op::Range1d => Ok(tensor_operation::range_1d),
        Op::Shape => Ok(tensor_operation::shape),
        Op::Split => Ok(concat::split),
        Op::Stack => Ok(concat::stack),
        Op::Tile => Ok(tensor_operation::tile),
        Op::Topk => Ok(topk::topk),
        // tensor_transformation
        Op::BatchToSpace => Ok(space_to_depth::batch_to_space),
        Op::DepthToSpace => Ok(space_to_depth::depth_to_space),
        Op::ExpandDims => Ok(tensor_transformation::same_elements),
        Op::PixelShuffle => Ok(space_to_depth::pixel_shuffle),
        Op::PixelUnshuffle => Ok(space_to_depth::pixel_unshuffle),
        Op::Reshape => Ok(reshape::reshape),
        Op::ReshapeLike => Ok(tensor_transformation::same_elements),
        Op::Reverse => Ok(tensor_transformation::reverse),
        Op::ReverseSequence => Ok(tensor_transformation::reverse_sequence),
        Op::SliceByIndex => Ok(slice::slice_by_index),
        Op::SliceBySize => Ok(slice::slice_by_size),
        Op::SliceUpdate => Ok(slice::slice_update),
        Op::SlidingWindows => Ok(tensor_transformation::sliding_windows),
        Op::SpaceToBatch => Ok(space_to_depth::space_to_batch),
        Op::SpaceToDepth => Ok(space_to_depth::space_to_depth),
        Op::Squeeze => Ok(tensor_transformation::same_elements),
        Op::Transpose => Ok(tensor_transformation::transpose),
        // transformers
        Op::ScaledDotProductAttention => Ok(transformers::attention),
        // states
        Op::WriteState => Ok(states::write_state),
    }
}
