//! Compressed constants that stay as they lie in the file: whole numbers of 8 bits, with one scale
//! for all or one for each place on one axis.

use anemone_tensor::{DataType, Tensor};

use crate::array::{Owned, OwnedData, Storage, zeros};

/// `scale * (number - offset)`.
pub(crate) struct Quantised {
    numbers: Tensor,
    axis: usize,
    /// One, or one for each place on the axis.
    scale: Vec<f32>,
    /// None for zeros, one, or one for each place on the axis.
    offset: Vec<f32>,
}

impl Quantised {
    /// `None` where the numbers have another type, or the scales are not for one axis.
    pub(crate) fn new(
        numbers: Tensor,
        axis: usize,
        scale: Vec<f32>,
        offset: Vec<f32>,
    ) -> Option<Quantised> {
        let fits =
            |values: &[f32]| values.len() == 1 || numbers.shape().get(axis) == Some(&values.len());
        let typed = matches!(numbers.dtype(), DataType::I8 | DataType::U8);
        (typed
            && axis < numbers.shape().len()
            && fits(&scale)
            && (offset.is_empty() || fits(&offset)))
        .then_some(Quantised { numbers, axis, scale, offset })
    }

    pub(crate) fn shape(&self) -> &[usize] {
        self.numbers.shape()
    }

    /// All elements as floats.
    pub(crate) fn decode(&self) -> Result<Owned, String> {
        self.verify()?;
        let mut owned = zeros(Storage::F32, self.shape().to_vec())?;
        if let OwnedData::F32(values) = &mut owned.data {
            self.read(0, values);
        }
        Ok(owned)
    }

    /// Fails where the file has become too short to be read.
    pub(crate) fn verify(&self) -> Result<(), String> {
        self.numbers.data().verify().map_err(|e| e.to_string())
    }

    /// The elements from `start` on, as many as `values` holds.
    pub(crate) fn read(&self, start: usize, values: &mut [f32]) {
        self.numbers.read_f32(start, values);
        let inner: usize = self.shape()[self.axis + 1..].iter().product();
        let places = self.shape()[self.axis];
        let at = |values: &[f32], place: usize| values[if values.len() == 1 { 0 } else { place }];
        let (mut rest, mut from) = (values, start);
        while !rest.is_empty() {
            let length = rest.len().min(inner - from % inner);
            let (run, left) = rest.split_at_mut(length);
            let place = from / inner % places;
            let scale = at(&self.scale, place);
            if self.offset.is_empty() {
                run.iter_mut().for_each(|v| *v *= scale);
            } else {
                let offset = at(&self.offset, place);
                run.iter_mut().for_each(|v| *v = scale * (*v - offset));
            }
            (rest, from) = (left, from + length);
        }
    }

    /// The numbers less their offset, if all are whole numbers of 8 bits with a sign.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn whole_numbers(&self) -> Option<std::borrow::Cow<'_, [i8]>> {
        use std::borrow::Cow;

        self.verify().ok()?;
        let bytes: &[u8] = self.numbers.data();
        let signed = self.numbers.dtype() == DataType::I8;
        let all = |offset: f32| self.offset.iter().all(|&o| o == offset);
        if signed && all(0.0) {
            // SAFETY: every byte is a number with a sign, too.
            let numbers = unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len()) };
            return Some(Cow::Borrowed(numbers));
        }
        // From 0..=255 to -128..=127.
        (!signed && !self.offset.is_empty() && all(128.0))
            .then(|| Cow::Owned(bytes.iter().map(|&b| (b ^ 0x80) as i8).collect()))
    }

    /// The scale for each place on `axis`; `None` where scales are for places on another one.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn scales(&self, axis: usize) -> Option<Vec<f32>> {
        match self.scale.as_slice() {
            [scale] => Some(vec![*scale; *self.shape().get(axis)?]),
            scales => (axis == self.axis).then(|| scales.to_vec()),
        }
    }
}
