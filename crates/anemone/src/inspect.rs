//! What a model takes, gives, holds and costs, found without running it.

use std::collections::BTreeMap;

use anemone_ane::flops;
use anemone_engine::{CompileOptions, Engine};
use anemone_ir::program::{Block, Program};
use anemone_ir::{CheckedBlock, CheckedFunction, Feature, Package};
use serde::Serialize;

use crate::expected::describe;
use crate::load::Prepared;
use crate::{Engines, sizes, weights};

/// What a model takes, gives, holds and costs.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// The kind of model, such as `mlProgram`.
    pub kind: &'static str,
    /// The version of the specification that the file follows.
    pub spec_version: i32,
    /// Author, licence and the like.
    pub metadata: BTreeMap<String, String>,
    /// The function that runs when none is named.
    pub default_function: String,
    /// The functions; for a model that is no program, its description alone.
    pub functions: Vec<FunctionReport>,
    /// Weights by storage form; what functions share counts once.
    pub weights: Vec<WeightGroup>,
}

/// One function.
#[derive(Clone, Debug, Serialize)]
pub struct FunctionReport {
    /// The name.
    pub name: String,
    /// The opset, such as `CoreML7`; empty for a model that is no program.
    pub opset: String,
    /// What it takes.
    pub inputs: Vec<PortReport>,
    /// What it gives.
    pub outputs: Vec<PortReport>,
    /// What lives from one run to the next.
    pub states: Vec<PortReport>,
    /// Classes, if it is a classifier.
    pub classes: Option<usize>,
    /// How often each op occurs, constants apart, the most frequent first.
    pub ops: Vec<OpCount>,
    /// What the engines of this machine cannot run, and faults of the program.
    pub refused: Vec<Refused>,
    /// Bytes at the default shapes; absent where the function does not compile.
    pub memory: Option<MemoryReport>,
    /// Floating-point operations at the default shapes; a loop's body counts once. Absent where
    /// the function cannot be checked.
    pub flops: Option<u64>,
    /// Ops whose operations are not counted in `flops`.
    pub flops_uncounted: Vec<String>,
}

/// An input, output or state.
#[derive(Clone, Debug, Serialize)]
pub struct PortReport {
    /// The name.
    pub name: String,
    /// What it takes, such as `float32 [1, 3, 64, 64]`.
    pub takes: String,
    /// Whether it may be left out.
    pub optional: bool,
    /// What the author says of it.
    pub doc: String,
}

/// How often an op occurs.
#[derive(Clone, Debug, Serialize)]
pub struct OpCount {
    /// The op.
    pub op: String,
    /// How often.
    pub count: usize,
}

/// An op that cannot run.
#[derive(Clone, Debug, Serialize)]
pub struct Refused {
    /// The op's place.
    pub origin: String,
    /// Its type.
    pub op: String,
    /// Why.
    pub reason: String,
}

/// Bytes at the default shapes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct MemoryReport {
    /// Constants as the engine holds them.
    pub constants: usize,
    /// Weights packed for kernels.
    pub packed: usize,
    /// One session's arena.
    pub arena: usize,
    /// One conversation's states.
    pub state: usize,
}

/// Weights of one storage form.
#[derive(Clone, Debug, Serialize)]
pub struct WeightGroup {
    /// The form.
    pub form: WeightForm,
    /// How many tensors.
    pub tensors: usize,
    /// Bytes as they are stored.
    pub stored_bytes: u64,
    /// Bytes once they are decoded to their declared type.
    pub decoded_bytes: u64,
}

/// How weights are stored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "storage", rename_all = "snake_case")]
pub enum WeightForm {
    /// As they are used.
    Dense {
        /// The element type.
        dtype: String,
    },
    /// As indices into a table.
    Palettised {
        /// Bits of an index.
        bits: u32,
    },
    /// As integers with scales.
    LinearQuantised {
        /// Bits of an integer.
        bits: u32,
        /// What shares a scale: the tensor, a channel or a block.
        per: &'static str,
    },
    /// As a mask and the elements that are not zero.
    Sparse {
        /// How those elements are stored.
        elements: String,
    },
    /// As another element type.
    Cast {
        /// That type.
        dtype: String,
    },
}

impl Inspection {
    /// Looks at every function of a model that was read.
    pub fn new(engines: &Engines, package: &Package) -> Inspection {
        let description = &package.description;
        let functions = match package.program() {
            Some(program) => program
                .functions
                .keys()
                .map(|name| function_report(engines, package, program, name))
                .collect(),
            None => vec![no_program(package)],
        };
        Inspection {
            kind: package.body.kind(),
            spec_version: package.spec_version,
            metadata: metadata(package),
            default_function: description.default_function_name().to_owned(),
            functions,
            weights: package.program().map(weights::groups).unwrap_or_default(),
        }
    }
}

fn metadata(package: &Package) -> BTreeMap<String, String> {
    let metadata = &package.description.metadata;
    let own = [
        ("description", &metadata.doc),
        ("version", &metadata.version),
        ("author", &metadata.author),
        ("licence", &metadata.license),
    ];
    let own = own.into_iter().filter(|(_, text)| !text.is_empty());
    let mut all = metadata.user_defined.clone();
    all.extend(own.map(|(name, text)| (name.to_owned(), text.clone())));
    all
}

fn no_program(package: &Package) -> FunctionReport {
    let mut report = described(package);
    let refused = Prepared::new(package, None).err().map(|error| Refused {
        origin: report.name.clone(),
        op: package.body.kind().to_owned(),
        reason: error.to_string(),
    });
    report.refused.extend(refused);
    report
}

/// What the description alone tells.
fn described(package: &Package) -> FunctionReport {
    let features = package.description.features(None);
    let ports = |list: Option<&[Feature]>| list.unwrap_or_default().iter().map(port).collect();
    FunctionReport {
        name: package.description.default_function_name().to_owned(),
        opset: String::new(),
        inputs: ports(features.map(|f| f.inputs)),
        outputs: ports(features.map(|f| f.outputs)),
        states: ports(features.map(|f| f.states)),
        classes: None,
        ops: Vec::new(),
        refused: Vec::new(),
        memory: None,
        flops: None,
        flops_uncounted: Vec::new(),
    }
}

fn port(feature: &Feature) -> PortReport {
    PortReport {
        name: feature.name.clone(),
        takes: describe(&feature.kind),
        optional: feature.optional,
        doc: feature.doc.clone(),
    }
}

fn function_report(
    engines: &Engines,
    package: &Package,
    program: &Program,
    name: &str,
) -> FunctionReport {
    let mut report = described(package);
    report.name = name.to_owned();
    if let Some(function) = program.functions.get(name) {
        report.opset = function.opset.clone();
        report.ops = function.body().map(histogram).unwrap_or_default();
    }
    let refused =
        |op: &str, reason: String| Refused { origin: name.to_owned(), op: op.to_owned(), reason };
    let prepared = match Prepared::new(package, Some(name)) {
        Ok(prepared) => prepared,
        Err(error) => {
            report.refused.push(refused("func", error.to_string()));
            return report;
        }
    };
    let ports = |features: &[Feature]| features.iter().map(port).collect();
    report.inputs = ports(prepared.features.inputs);
    report.outputs = ports(prepared.features.outputs);
    report.states = ports(prepared.features.states);
    report.classes = prepared.classifier.as_ref().map(|c| c.class_count());
    let checked = match prepared.check() {
        Ok(checked) => checked,
        Err(diagnostics) => {
            report.refused.extend(diagnostics.faults.iter().map(|fault| Refused {
                origin: fault.origin.to_string(),
                op: fault.op.clone(),
                reason: fault.fault.to_string(),
            }));
            return report;
        }
    };
    let Some(function) = checked.functions().get(name) else { return report };
    let engine = engines.cpu();
    unsupported(
        engine,
        function,
        &function.nodes().iter().collect::<Vec<_>>(),
        &mut report.refused,
    );
    let bindings = sizes::defaults(function, prepared.features.inputs);
    let (flops, uncounted) = flops::count(function, &bindings);
    report.flops = Some(flops);
    report.flops_uncounted = uncounted;
    if report.refused.is_empty() {
        let options =
            CompileOptions { function: Some(name.to_owned()), ..CompileOptions::default() };
        match engine.compile(&checked, &options) {
            Ok(plan) => {
                let sizes = |port: &anemone_engine::Port| {
                    let size = |dim: &anemone_ir::Dim| {
                        dim.eval(&bindings).and_then(|n| usize::try_from(n).ok())
                    };
                    port.ty.shape.iter().map(size).collect::<Option<Vec<usize>>>()
                };
                let shapes: Option<Vec<_>> = plan.signature().inputs.iter().map(sizes).collect();
                let memory = shapes.and_then(|shapes| plan.memory(&shapes).ok());
                report.memory = memory.map(|m| MemoryReport {
                    constants: m.constants,
                    packed: m.packed,
                    arena: m.arena,
                    state: m.state,
                });
            }
            Err(error) => report.refused.push(refused("func", error.to_string())),
        }
    }
    report
}

fn unsupported(
    engine: &dyn Engine,
    function: &CheckedFunction,
    nodes: &[&anemone_ir::Node],
    refused: &mut Vec<Refused>,
) {
    for node in nodes {
        if let Err(reason) = engine.support(function, node) {
            refused.push(Refused {
                origin: node.origin.to_string(),
                op: node.op.name().to_owned(),
                reason: reason.0,
            });
        }
        for block in &node.blocks {
            let CheckedBlock { nodes, .. } = block;
            unsupported(engine, function, &nodes.iter().collect::<Vec<_>>(), refused);
        }
    }
}

fn histogram(block: &Block) -> Vec<OpCount> {
    let mut counts = BTreeMap::new();
    tally(block, &mut counts);
    let mut list: Vec<OpCount> =
        counts.into_iter().map(|(op, count)| OpCount { op: op.to_owned(), count }).collect();
    list.sort_by_key(|op| std::cmp::Reverse(op.count));
    list
}

fn tally<'a>(block: &'a Block, counts: &mut BTreeMap<&'a str, usize>) {
    for operation in block.operations.iter().filter(|operation| operation.op != "const") {
        *counts.entry(operation.op.as_str()).or_default() += 1;
        operation.blocks.iter().for_each(|nested| tally(nested, counts));
    }
}
