//! The table of kernels: every op of the catalogue, or the reason why it has no kernel.
#![deny(clippy::wildcard_enum_match_arm)]

use anemone_engine::Rounding;
use anemone_ir::Op;

use crate::kernel::Prepared;
use crate::prepare::PrepareCtx;
use crate::quantised::Quantised;

mod activation;
mod compression;
mod concat;
mod constexpr_ops;
mod control_flow;
mod conv;
mod elementwise_binary;
mod elementwise_unary;
mod image_resizing;
mod linear;
mod lists;
mod non_maximum_suppression;
mod normalization;
mod pad;
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

pub(crate) use linear::Linear;
pub(crate) use normalization::LayerNorm;
pub(crate) use transformers::Attention;

/// The first half of a kernel: decodes constants, checks, chooses code and packs weights.
pub(crate) type Prepare = fn(&mut PrepareCtx<'_>) -> Result<Prepared, String>;

/// The result of an op that decompresses weights, if it can stay compressed: there is one form of
/// it, and results are not rounded.
pub(crate) fn quantised(ctx: &PrepareCtx<'_>) -> Result<Option<Quantised>, String> {
    if ctx.numbers.rounding != Rounding::F32 {
        Ok(None)
    } else if ctx.node.op == Op::ConstexprAffineDequantize {
        constexpr_ops::quantised(ctx)
    } else if ctx.node.op == Op::ConstexprBlockwiseShiftScale {
        compression::quantised(ctx)
    } else {
        Ok(None)
    }
}

/// How to prepare `op`, or why it has no kernel.
pub(crate) fn prepare(op: Op) -> Result<Prepare, &'static str> {
    match op {
        // activation
        Op::ClampedRelu => Ok(activation::clamped_relu),
        Op::Elu => Ok(activation::elu),
        Op::Gelu => Ok(activation::gelu),
        Op::LeakyRelu => Ok(activation::leaky_relu),
        Op::LinearActivation => Ok(activation::linear_activation),
        Op::Prelu => Ok(activation::prelu),
        Op::Relu => Ok(activation::relu),
        Op::Relu6 => Ok(activation::relu6),
        Op::ScaledTanh => Ok(activation::scaled_tanh),
        Op::Sigmoid => Ok(activation::sigmoid),
        Op::SigmoidHard => Ok(activation::sigmoid_hard),
        Op::Silu => Ok(activation::silu),
        Op::Softmax => Ok(activation::softmax),
        Op::Softplus => Ok(activation::softplus),
        Op::SoftplusParametric => Ok(activation::softplus_parametric),
        Op::Softsign => Ok(activation::softsign),
        Op::ThresholdedRelu => Ok(activation::thresholded_relu),
        // classify
        Op::Classify => Err("labels are made by the runtime, which takes this op off the program"),
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
        Op::Cond => Ok(control_flow::cond),
        Op::Const => Err("constants are folded and never run"),
        Op::ListGather => Ok(lists::list_gather),
        Op::ListLength => Ok(lists::list_length),
        Op::ListRead => Ok(lists::list_read),
        Op::ListScatter => Ok(lists::list_scatter),
        Op::ListWrite => Ok(lists::list_write),
        Op::MakeList => Ok(lists::make_list),
        Op::Select => Ok(control_flow::select),
        Op::WhileLoop => Ok(control_flow::while_loop),
        // conv
        Op::Conv => Ok(conv::conv),
        Op::ConvQuantized => Ok(conv::conv_quantized),
        Op::ConvTranspose => Ok(conv::conv_transpose),
        // elementwise_binary
        Op::Add => Ok(elementwise_binary::add),
        Op::Equal => Ok(elementwise_binary::equal),
        Op::FloorDiv => Ok(elementwise_binary::floor_div),
        Op::Greater => Ok(elementwise_binary::greater),
        Op::GreaterEqual => Ok(elementwise_binary::greater_equal),
        Op::Less => Ok(elementwise_binary::less),
        Op::LessEqual => Ok(elementwise_binary::less_equal),
        Op::LogicalAnd => Ok(elementwise_binary::logical_and),
        Op::LogicalOr => Ok(elementwise_binary::logical_or),
        Op::LogicalXor => Ok(elementwise_binary::logical_xor),
        Op::Maximum => Ok(elementwise_binary::maximum),
        Op::Minimum => Ok(elementwise_binary::minimum),
        Op::Mod => Ok(elementwise_binary::mod_),
        Op::Mul => Ok(elementwise_binary::mul),
        Op::NotEqual => Ok(elementwise_binary::not_equal),
        Op::Pow => Ok(elementwise_binary::pow),
        Op::RealDiv => Ok(elementwise_binary::real_div),
        Op::Sub => Ok(elementwise_binary::sub),
        // elementwise_unary
        Op::Abs => Ok(elementwise_unary::abs),
        Op::Acos => Ok(elementwise_unary::acos),
        Op::Asin => Ok(elementwise_unary::asin),
        Op::Atan => Ok(elementwise_unary::atan),
        Op::Atanh => Ok(elementwise_unary::atanh),
        Op::Cast => Ok(elementwise_unary::cast),
        Op::Ceil => Ok(elementwise_unary::ceil),
        Op::Clip => Ok(elementwise_unary::clip),
        Op::Cos => Ok(elementwise_unary::cos),
        Op::Cosh => Ok(elementwise_unary::cosh),
        Op::Erf => Ok(elementwise_unary::erf),
        Op::Exp => Ok(elementwise_unary::exp),
        Op::Exp2 => Ok(elementwise_unary::exp2),
        Op::Floor => Ok(elementwise_unary::floor),
        Op::Inverse => Ok(elementwise_unary::inverse),
        Op::Log => Ok(elementwise_unary::log),
        Op::LogicalNot => Ok(elementwise_unary::logical_not),
        Op::Round => Ok(elementwise_unary::round),
        Op::Rsqrt => Ok(elementwise_unary::rsqrt),
        Op::Sign => Ok(elementwise_unary::sign),
        Op::Sin => Ok(elementwise_unary::sin),
        Op::Sinh => Ok(elementwise_unary::sinh),
        Op::Sqrt => Ok(elementwise_unary::sqrt),
        Op::Square => Ok(elementwise_unary::square),
        Op::Tan => Ok(elementwise_unary::tan),
        Op::Tanh => Ok(elementwise_unary::tanh),
        Op::Threshold => Ok(elementwise_unary::threshold),
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
        Op::BatchNorm => Ok(normalization::batch_norm),
        Op::InstanceNorm => Ok(normalization::instance_norm),
        Op::L2Norm => Ok(normalization::l2_norm),
        Op::LayerNorm => Ok(normalization::layer_norm),
        Op::LocalResponseNorm => Ok(normalization::local_response_norm),
        // pool
        Op::AvgPool => Ok(pool::avg_pool),
        Op::L2Pool => Ok(pool::l2_pool),
        Op::MaxPool => Ok(pool::max_pool),
        // quantization_ops
        Op::Dequantize => Ok(quantization_ops::dequantize),
        Op::Quantize => Ok(quantization_ops::quantize),
        // random
        Op::RandomBernoulli => Ok(random::random_bernoulli),
        Op::RandomCategorical => Ok(random::random_categorical),
        Op::RandomNormal => Ok(random::random_normal),
        Op::RandomUniform => Ok(random::random_uniform),
        // recurrent
        Op::Gru => Ok(recurrent::gru),
        Op::Lstm => Ok(recurrent::lstm),
        Op::Rnn => Ok(recurrent::rnn),
        // reduction
        Op::ReduceArgmax => Ok(reduction::reduce_argmax),
        Op::ReduceArgmin => Ok(reduction::reduce_argmin),
        Op::ReduceL1Norm => Ok(reduction::reduce_l1_norm),
        Op::ReduceL2Norm => Ok(reduction::reduce_l2_norm),
        Op::ReduceLogSum => Ok(reduction::reduce_log_sum),
        Op::ReduceLogSumExp => Ok(reduction::reduce_log_sum_exp),
        Op::ReduceMax => Ok(reduction::reduce_max),
        Op::ReduceMean => Ok(reduction::reduce_mean),
        Op::ReduceMin => Ok(reduction::reduce_min),
        Op::ReduceProd => Ok(reduction::reduce_prod),
        Op::ReduceSum => Ok(reduction::reduce_sum),
        Op::ReduceSumSquare => Ok(reduction::reduce_sum_square),
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
