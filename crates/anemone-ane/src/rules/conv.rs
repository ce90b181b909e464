//! Convolutions: kernels, strides, weights.

use anemone_ir::Op;

use super::site::{No, Obstacle, Site, Verdict};
use crate::evidence::Class;

/// The tallest kernel.
pub const MAX_KERNEL_HEIGHT: u64 = 31;
/// The largest square kernel, which may be wider than others.
pub const MAX_SQUARE_KERNEL: u64 = 16;

pub(super) fn conv(site: &Site<'_>) -> Verdict {
    let kernel = site.shape("weight")?.get(2..)?;
    let family = site.target.family();
    let (height, width) = match *kernel {
        [width] => (1, width),
        [.., height, width] => (height, width),
        [] => return None,
    };
    let is_square = kernel.len() >= 2 && height == width;
    let max_width = family.max_kernel_width?;
    let no = |why: String| Some(No::new(Obstacle::Kernel, why));
    if is_square && width > max_width && width <= MAX_SQUARE_KERNEL && site.target.since(16) {
        let why = format!("a {width} × {width} kernel runs, but takes minutes to compile");
        return no(why).map(|n| n.from(Class::Measured, &["m4cml"]).open());
    }
    if width > max_width || height > MAX_KERNEL_HEIGHT {
        let why = format!(
            "a kernel of {height} × {width} is above the limit of {MAX_KERNEL_HEIGHT} × {max_width}; \
             the model's compilation for the engine fails, and all of it runs elsewhere. Sources differ: in a \
             study's plan for 1 × 31 (M4, macOS 27) the segmenter refuses the op beforehand, by which the rest \
             could stay; two others saw all of a model leave, and that is taken here"
        );
        let no = no(why)?.for_the_whole_model();
        return Some(match site.target.since(16) {
            true => no.from(Class::Measured, &["af_cat", "maderix", "m4cml"]),
            false => no.from(Class::Reported, &["hal"]),
        });
    }
    if !site.target.since(16) && height > max_width {
        let why = format!(
            "a kernel {height} tall: up to 31 is seen to run on M4, up to 13 is said of older ones"
        );
        return no(why).map(|n| n.from(Class::Reported, &["af_cat"]).open());
    }
    if is_palettised(site) && site.ints("strides")?.iter().any(|s| *s > 2) {
        let why = "palettised kernels are known to run with strides up to 2";
        return Some(No::new(Obstacle::Setting, why).from(Class::Reported, &["af_cat"]).open());
    }
    if site.is_runtime("weight") {
        let why =
            "a weight that is computed runs through Core ML on M4; nobody has looked at others";
        let no = No::new(Obstacle::Setting, why).from(Class::Measured, &["m4cml"]);
        return (!site.target.is_verified()).then(|| no.open());
    }
    None
}

fn is_palettised(site: &Site<'_>) -> bool {
    let producer = site.value("weight").and_then(|id| site.model.producer(id));
    let tables = [Op::ConstexprLutToDense, Op::ConstexprLutToSparse];
    producer.is_some_and(|i| tables.contains(&site.model.items[i].node.op))
}
