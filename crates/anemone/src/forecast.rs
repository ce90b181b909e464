//! What is expected of a model on the Neural Engine of a chip: a package made ready once for forecasts on
//! any number of chips. Sizes that nobody gives are those of the model's description.

use std::collections::BTreeMap;

use anemone_ane::{Assumed, Report, Shapes, Target};
use anemone_ir::{
    Bindings, Checked, CheckedFunction, Feature, FeatureKind, Node, Package, Type, ValueId, check,
};

use crate::expected::describe;
use crate::load::alone;
use crate::{Error, FeatureError, sizes};

/// One function of a model, checked, with the sizes of its inputs.
#[derive(Debug)]
pub struct Forecast {
    checked: Checked,
    shapes: Shapes,
    assumed: Vec<Assumed>,
}

/// How the ops of a [`Report`] hang together. Ops are counted as the report counts them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    /// From an op to one that takes a result of it; from an op with blocks to those that begin them.
    pub edges: Vec<[usize; 2]>,
    /// The names of each op's results.
    pub outputs: Vec<Vec<String>>,
}

impl Forecast {
    /// Checks the function, the model's default one where none is named, and binds the sizes of its inputs.
    pub fn new(
        package: &Package,
        function: Option<&str>,
        given: &BTreeMap<String, Vec<usize>>,
    ) -> Result<Forecast, Error> {
        let (name, features, program) = alone(package, function)?;
        let checked = check(&program)?;
        let mut forecast = Forecast {
            checked,
            shapes: Shapes { function: Some(name), inputs: BTreeMap::new() },
            assumed: Vec::new(),
        };
        if let Some(function) = forecast.checked.functions().values().next() {
            (forecast.shapes.inputs, forecast.assumed) = shapes(function, features.inputs, given)?;
        }
        Ok(forecast)
    }

    /// Says where each op would run on the target, why, and at what cost. It runs nothing.
    pub fn on(&self, target: &Target) -> Result<Report, Error> {
        let mut report = anemone_ane::forecast(&self.checked, target, &self.shapes)?;
        if !self.assumed.is_empty() {
            report.assumed.extend(self.assumed.iter().cloned());
            let note = "sizes that were not given are those of the model's description, or 1 where it has none";
            report.notes.push(note.to_owned());
        }
        Ok(report)
    }

    /// How the ops hang together.
    pub fn graph(&self) -> Graph {
        let mut graph = Graph::default();
        if let Some(function) = self.checked.functions().values().next() {
            let mut producers = vec![None; function.values().len()];
            link(function, function.nodes(), None, &mut producers, &mut graph);
        }
        graph
    }
}

/// Shapes by the names of their inputs.
pub(crate) type NamedShapes = BTreeMap<String, Vec<usize>>;

/// The shapes of all inputs, given or those of the description, and the sizes among them that nobody gave.
pub(crate) fn shapes(
    function: &CheckedFunction,
    features: &[Feature],
    given: &NamedShapes,
) -> Result<(NamedShapes, Vec<Assumed>), FeatureError> {
    for (input, shape) in given {
        fits(function, features, input, shape)?;
    }
    Ok(bound(function, features, given))
}

/// Whether an input takes the shape that somebody gives it.
fn fits(
    function: &CheckedFunction,
    features: &[Feature],
    input: &str,
    shape: &[usize],
) -> Result<(), FeatureError> {
    let id = function.inputs().iter().find(|id| function.value(**id).name == input);
    let Some(Type::Tensor(ty)) = id.map(|id| function.value(*id).ty()) else {
        let told = |f: &Feature| format!("`{}` ({})", f.name, describe(&f.kind));
        return Err(FeatureError::Names {
            what: "input",
            missing: Vec::new(),
            unknown: vec![input.to_owned()],
            expected: features.iter().map(told).collect(),
        });
    };
    let feature = features.iter().find(|feature| feature.name == input);
    let is_taken = match feature.map(|feature| &feature.kind) {
        Some(FeatureKind::MultiArray(array)) => array.allows(shape),
        Some(FeatureKind::Image(image)) => match shape {
            [.., height, width] => image.allows(*width, *height),
            _ => false,
        },
        _ => true,
    };
    let is_one = |(dim, size): (&anemone_ir::Dim, &usize)| {
        let fixed = dim.eval(&Bindings::default());
        *size > 0 && fixed.is_none_or(|fixed| i64::try_from(*size) == Ok(fixed))
    };
    let is_typed = ty.shape.len() == shape.len() && ty.shape.iter().zip(shape).all(is_one);
    if is_taken && is_typed {
        return Ok(());
    }
    Err(FeatureError::Shape {
        feature: input.to_owned(),
        found: format!("shape {shape:?}"),
        allowed: feature.map_or_else(|| format!("{:?}", ty.shape), |f| describe(&f.kind)),
    })
}

fn bound(
    function: &CheckedFunction,
    features: &[Feature],
    given: &NamedShapes,
) -> (NamedShapes, Vec<Assumed>) {
    let (mut bindings, mut assumed) = (Bindings::default(), Vec::new());
    for free in sizes::free(function, features) {
        let asked = given.get(free.input).and_then(|shape| shape.get(free.axis));
        let size = asked.and_then(|size| i64::try_from(*size).ok()).unwrap_or_else(|| {
            let size = free.default.unwrap_or(1);
            assumed.push(Assumed { input: free.input.to_owned(), axis: free.axis, size });
            size
        });
        bindings.insert(free.symbol, size);
    }
    let mut shapes = BTreeMap::new();
    for id in function.inputs() {
        let value = function.value(*id);
        let Type::Tensor(ty) = value.ty() else { continue };
        let sizes = ty.shape.iter().map(|dim| usize::try_from(dim.eval(&bindings)?).ok());
        if let Some(shape) = sizes.collect() {
            shapes.insert(value.name.clone(), shape);
        }
    }
    (shapes, assumed)
}

/// Ops in the order of a report: those of nested blocks follow the op that holds them.
fn link(
    function: &CheckedFunction,
    nodes: &[Node],
    holder: Option<usize>,
    producers: &mut [Option<usize>],
    graph: &mut Graph,
) {
    for node in nodes {
        let at = graph.outputs.len();
        let taken = node.inputs.iter().flat_map(|(_, ids)| ids);
        let mut from: Vec<usize> = taken.filter_map(|id: &ValueId| producers[id.index()]).collect();
        from.sort_unstable();
        from.dedup();
        match holder {
            Some(holder) if from.iter().all(|from| *from < holder) => {
                graph.edges.push([holder, at]);
            }
            _ => {}
        }
        graph.edges.extend(from.into_iter().map(|from| [from, at]));
        let name = |id: &ValueId| function.value(*id).name.clone();
        graph.outputs.push(node.outputs.iter().map(name).collect());
        for block in &node.blocks {
            link(function, &block.nodes, Some(at), producers, graph);
        }
        for id in &node.outputs {
            producers[id.index()] = Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anemone_ir::program::ElementType;
    use anemone_ir::{ArrayFeature, Description, ShapeFlexibility, SizeRange, text};
    use anemone_tensor::DataType;

    /// A package of one input `x` and one output `y`.
    fn package(flexibility: ShapeFlexibility, ty: &str, body: &str) -> Package {
        let array = ArrayFeature {
            flexibility,
            ..ArrayFeature::fixed(ElementType::Known(DataType::F16), Vec::new())
        };
        let feature = |name: &str| Feature::new(name, FeatureKind::MultiArray(array.clone()));
        let description = Description {
            inputs: vec![feature("x")],
            outputs: vec![feature("y")],
            ..Description::default()
        };
        let source = format!(
            "program(1.0)\n{{ func main<ios17>(tensor<fp16, {ty}> x) {{ {body} }} -> (y);\n}}\n"
        );
        let program = text::parse(&source, &mut |_, _, _| Err("no weights".to_owned())).unwrap();
        Package::new(8, description, program)
    }

    fn ranges(sizes: &[(u64, i64)]) -> ShapeFlexibility {
        let range = |(lower, upper): &(u64, i64)| SizeRange { lower: *lower, upper: *upper };
        ShapeFlexibility::Ranges(sizes.iter().map(range).collect())
    }

    const RELU: &str = "tensor<fp16, [?, 8]> y = relu(x = x)[name = string(\"y\")];";

    fn report(package: &Package, given: &[(&str, &[usize])]) -> Result<Report, Error> {
        let given = given.iter().map(|(name, shape)| ((*name).to_owned(), shape.to_vec()));
        Forecast::new(package, None, &given.collect())?.on(&Target::new("m4").unwrap())
    }

    #[test]
    fn sizes_are_given_or_those_of_the_description() {
        for (flexibility, size) in [
            (ranges(&[(3, 9), (8, 8)]), 3),
            (ShapeFlexibility::Enumerated(vec![vec![5, 8], vec![6, 8]]), 5),
        ] {
            let package = package(flexibility, "[?, 8]", RELU);
            let found = report(&package, &[]).unwrap();
            assert_eq!(found.assumed, [Assumed { input: "x".to_owned(), axis: 0, size }]);
            assert!(found.notes.iter().any(|note| note.contains("the model's description")));
            let found = report(&package, &[("x", &[6, 8])]).unwrap();
            assert_eq!(found.assumed, []);
        }
    }

    #[test]
    fn a_shape_that_the_model_does_not_take_is_an_error() {
        let package = package(ranges(&[(3, 9), (8, 8)]), "[?, 8]", RELU);
        for (input, shape, part) in [
            ("x", &[2, 8][..], "`x` has shape [2, 8]"),
            ("x", &[4, 7], "[3..9, 8]"),
            ("x", &[4], "`x` has shape [4]"),
            ("z", &[4, 8], "`x` (float16 [3..9, 8])"),
        ] {
            let error = report(&package, &[(input, shape)]).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn edges_join_the_ops_of_the_report_in_its_order() {
        let body = "tensor<fp16, [2, 8]> a = relu(x = x)[name = string(\"a\")];
            tensor<fp16, [2, 8]> b = sigmoid(x = a)[name = string(\"b\")];
            tensor<fp16, [2, 8]> y = add(x = a, y = b)[name = string(\"y\")];";
        let package = package(ranges(&[(2, 2), (8, 8)]), "[2, 8]", body);
        let forecast = Forecast::new(&package, None, &BTreeMap::new()).unwrap();
        let graph = forecast.graph();
        assert_eq!(graph.edges, [[0, 1], [0, 2], [1, 2]]);
        assert_eq!(graph.outputs, [["a"], ["b"], ["y"]]);
        let ops = forecast.on(&Target::new("m1").unwrap()).unwrap().ops;
        assert_eq!(ops.iter().map(|op| op.op).collect::<Vec<_>>(), ["relu", "sigmoid", "add"]);
    }
}
