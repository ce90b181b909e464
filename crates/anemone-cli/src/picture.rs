//! PNG and JPEG files as the values of image inputs, and image outputs as PNG files.

use std::io::Cursor;
use std::path::Path;

use anemone::engine::{Image, PixelLayout};
use anemone::ir::{ColorSpace, ImageFeature};
use image::imageops::FilterType;
use image::{DynamicImage, ImageFormat};

use crate::exit::Failure;
use crate::files;

/// The picture in a file as an image that the model takes, and its own size if it was scaled.
pub(crate) fn read(
    path: &Path,
    feature: &ImageFeature,
) -> Result<(Image, Option<(u32, u32)>), Failure> {
    let mut picture = files::read_image(path)?;
    let own = (picture.width(), picture.height());
    let fits = feature.allows(own.0 as usize, own.1 as usize);
    if let (false, Ok(width), Ok(height)) =
        (fits, u32::try_from(feature.width), u32::try_from(feature.height))
    {
        picture = picture.resize_exact(width, height, FilterType::Triangle);
    }
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let (layout, pixels) = match feature.color {
        ColorSpace::Grayscale => (PixelLayout::Gray8, picture.into_luma8().into_raw()),
        ColorSpace::GrayscaleF16 => {
            let gray = picture.into_luma8().into_raw();
            let quads = gray.iter().flat_map(|&byte| f32::from(byte).to_le_bytes());
            (PixelLayout::GrayF32, quads.collect())
        }
        ColorSpace::Rgb | ColorSpace::Bgr | ColorSpace::Unknown(_) => {
            (PixelLayout::Rgb8, picture.into_rgb8().into_raw())
        }
    };
    Ok((Image { layout, width, height, pixels }, (!fits).then_some(own)))
}

/// The bytes of a PNG file; none for samples that a PNG file cannot hold.
pub(crate) fn png(image: &Image) -> Option<Vec<u8>> {
    let (width, height) = (u32::try_from(image.width).ok()?, u32::try_from(image.height).ok()?);
    let pixels = image.pixels.clone();
    let picture = match image.layout {
        PixelLayout::Gray8 => {
            DynamicImage::ImageLuma8(image::GrayImage::from_raw(width, height, pixels)?)
        }
        PixelLayout::Rgb8 => {
            DynamicImage::ImageRgb8(image::RgbImage::from_raw(width, height, pixels)?)
        }
        PixelLayout::GrayF32 => return None,
    };
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).ok()?;
    Some(bytes.into_inner())
}
