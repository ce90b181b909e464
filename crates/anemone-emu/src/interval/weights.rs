//! Compressed weights as numbers, so that products with them are bounded channel by channel.

use anemone_ir::Op;
use anemone_tensor::{DataType, Tensor};

use super::site::Site;

/// Larger weights are not decoded; their products are all bounded alike.
const MOST: usize = 1 << 23;

/// What an op that scales and shifts blocks of numbers gives; none for other ops.
pub(crate) fn decoded(site: &Site<'_>) -> Option<Tensor> {
    if site.node.op != Op::ConstexprBlockwiseShiftScale {
        return None;
    }
    let (data, scale) = (site.constant("data")?, site.constant("scale")?);
    let offset = site.constant("offset");
    if data.count() > MOST || (offset.is_none() && !site.ids("offset").is_empty()) {
        return None;
    }
    let scales = blocks(data.shape(), scale.shape())?;
    let offsets = match &offset {
        Some(offset) => blocks(data.shape(), offset.shape())?,
        None => Vec::new(),
    };
    let value = |index: usize| {
        let at = |blocks: &[Block]| blocks.iter().map(|block| block.of(index)).sum::<usize>();
        let shift = offset.as_ref().map_or(0.0, |offset| offset.get_f64(at(&offsets)));
        (data.get_f64(index) - shift) * scale.get_f64(at(&scales))
    };
    let values = (0..data.count()).map(value);
    Tensor::from_f64(DataType::F32, data.shape().to_vec(), values).ok()
}

/// One axis: how an element's index leads to the block that it lies in.
struct Block {
    stride: usize,
    size: usize,
    length: usize,
    step: usize,
}

impl Block {
    fn of(&self, index: usize) -> usize {
        index / self.stride % self.size / self.length * self.step
    }
}

fn blocks(data: &[usize], parameter: &[usize]) -> Option<Vec<Block>> {
    if data.len() != parameter.len() || data.contains(&0) || parameter.contains(&0) {
        return None;
    }
    let axis = |axis: usize| Block {
        stride: data[axis + 1..].iter().product(),
        size: data[axis],
        length: data[axis].div_ceil(parameter[axis]),
        step: parameter[axis + 1..].iter().product(),
    };
    Some((0..data.len()).map(axis).filter(|block| block.length < block.size).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_finds_the_parameter_of_its_block() {
        let of = |data: &[usize], parameter: &[usize]| -> Vec<usize> {
            let blocks = blocks(data, parameter).unwrap();
            let index = |i| blocks.iter().map(|block| block.of(i)).sum();
            (0..data.iter().product()).map(index).collect()
        };
        assert_eq!(of(&[2, 4], &[2, 1]), [0, 0, 0, 0, 1, 1, 1, 1]);
        assert_eq!(of(&[2, 4], &[2, 2]), [0, 0, 1, 1, 2, 2, 3, 3]);
        assert_eq!(of(&[2, 4], &[1, 4]), [0, 1, 2, 3, 0, 1, 2, 3]);
        assert_eq!(of(&[2, 2], &[1, 1]), [0, 0, 0, 0]);
        assert!(blocks(&[2, 4], &[4]).is_none());
    }
}
