//! Small models that tests write for themselves.

use std::path::PathBuf;

use anemone::formats::{self, WriteOptions};
use anemone::ir::program::ElementType;
use anemone::ir::{
    ArrayFeature, Description, Feature, FeatureKind, Package, ShapeFlexibility, SizeRange, text,
};
use anemone::tensor::DataType;

use crate::program::Folder;

/// One fully connected layer: y = x * w, for 1 to 4 rows of 3; w = [[1, 2, 3], [4, 5, 6]].
const LINEAR: &str = "program(1.0)
{
    func main<ios17>(tensor<fp32, [?, 3]> x) {
            tensor<fp32, [2, 3]> w = const()[name = string(\"w\"), \
    val = tensor<fp32, [2, 3]>([1, 2, 3, 4, 5, 6])];
            tensor<fp32, [?, 2]> y = linear(x = x, weight = w)[name = string(\"y\")];
        } -> (y);
}
";

/// An op that no engine knows.
const STRANGE: &str = "program(1.0)
{
    func main<ios17>(tensor<fp32, [?, 3]> x) {
            tensor<fp32, [?, 3]> y = strange(x = x)[name = string(\"y\")];
        } -> (y);
}
";

fn write(folder: &Folder, name: &str, program: &str) -> PathBuf {
    let array = |flexibility| {
        FeatureKind::MultiArray(ArrayFeature {
            flexibility,
            ..ArrayFeature::fixed(ElementType::Known(DataType::F32), Vec::new())
        })
    };
    let rows = vec![SizeRange { lower: 1, upper: 4 }, SizeRange { lower: 3, upper: 3 }];
    let description = Description {
        inputs: vec![Feature::new("x", array(ShapeFlexibility::Ranges(rows)))],
        outputs: vec![Feature::new("y", array(ShapeFlexibility::Fixed))],
        ..Description::default()
    };
    let program = text::parse(program, &mut |_, _, _| Err("no weights".to_owned())).unwrap();
    let path = folder.file(name);
    formats::write(&Package::new(8, description, program), &path, &WriteOptions::default())
        .unwrap();
    path
}

/// A package with the model of one layer.
pub(crate) fn linear(folder: &Folder) -> PathBuf {
    write(folder, "linear.mlpackage", LINEAR)
}

/// A package with an op that nothing here can run.
pub(crate) fn strange(folder: &Folder) -> PathBuf {
    write(folder, "strange.mlpackage", STRANGE)
}
