//! The same program in other forms: without declared types, with free dimensions.

use std::collections::BTreeMap;

use anemone_ir::program::{Block, TypeDecl};
use anemone_ir::{
    Bindings, Checked, CheckedBlock, CheckedFunction, Dim, Program, SymbolOrigin, Type,
};
use anemone_tensor::Tensor;

use crate::values::pattern;

/// The program without the declared type of any op's output.
pub(crate) fn stripped(program: &Program) -> Program {
    let mut program = program.clone();
    for function in program.functions.values_mut() {
        function.blocks.values_mut().for_each(strip);
    }
    program
}

fn strip(block: &mut Block) {
    for operation in &mut block.operations {
        operation.outputs.iter_mut().for_each(|o| o.ty = TypeDecl::Opaque(Vec::new()));
        operation.blocks.iter_mut().for_each(strip);
    }
}

/// The program with other types of inputs, and without declared types of outputs.
pub(crate) fn with_inputs(program: &Program, types: &BTreeMap<String, TypeDecl>) -> Program {
    let mut program = stripped(program);
    for input in program.functions.values_mut().flat_map(|f| &mut f.inputs) {
        if let Some(ty) = types.get(&input.name) {
            input.ty = ty.clone();
        }
    }
    program
}

/// Where two checks of one program differ in the type of a value.
pub(crate) fn same_types(first: &Checked, second: &Checked) -> Result<(), String> {
    for (a, b) in first.functions().values().zip(second.functions().values()) {
        let (mut left, mut right) = (Vec::new(), Vec::new());
        outputs(a, a.nodes(), &mut left);
        outputs(b, b.nodes(), &mut right);
        if let Some(((name, a), (_, b))) = left.iter().zip(&right).find(|(a, b)| a != b) {
            return Err(format!("`{name}` is {b} where {a} is declared"));
        }
    }
    Ok(())
}

fn outputs(
    function: &CheckedFunction,
    nodes: &[anemone_ir::Node],
    found: &mut Vec<(String, String)>,
) {
    for node in nodes {
        for id in &node.outputs {
            let value = function.value(*id);
            found.push((value.name.clone(), value.ty().to_string()));
        }
        for CheckedBlock { nodes, .. } in &node.blocks {
            outputs(function, nodes, found);
        }
    }
}

/// Whether the inferred types of outputs agree with those that coremltools infers, and with the
/// goldens' shapes where the inputs are of these.
pub(crate) fn symbolic_types(
    function: &CheckedFunction,
    theirs: &BTreeMap<String, TypeDecl>,
    inputs: &BTreeMap<String, Tensor>,
    goldens: &BTreeMap<String, Tensor>,
) -> Vec<String> {
    let mut faults = Vec::new();
    let bindings = bindings(function, inputs);
    for id in function.outputs() {
        let value = function.value(*id);
        let Type::Tensor(ours) = value.ty() else { continue };
        if let Some((dtype, dims)) = theirs.get(&value.name).and_then(pattern) {
            let agrees = |(ours, theirs): (&Dim, &Option<i64>)| {
                theirs.is_none_or(|theirs| ours.number() == Some(theirs))
            };
            let same = ours.dtype == dtype
                && ours.shape.len() == dims.len()
                && ours.shape.iter().zip(&dims).all(agrees);
            if !same {
                faults.push(format!("`{}` is {ours}, not {dtype}{dims:?}", value.name));
            }
        }
        let sizes: Vec<Option<i64>> = ours.shape.iter().map(|d| d.eval(&bindings)).collect();
        let told = |(size, golden): (&Option<i64>, &usize)| {
            size.is_none_or(|size| i64::try_from(*golden) == Ok(size))
        };
        if let Some(golden) = goldens.get(&value.name)
            && !sizes.iter().zip(golden.shape()).all(told)
        {
            let shape = golden.shape();
            faults.push(format!("`{}` {ours} gives {sizes:?}, not {shape:?}", value.name));
        }
    }
    faults
}

fn bindings(function: &CheckedFunction, inputs: &BTreeMap<String, Tensor>) -> Bindings {
    let mut bindings = Bindings::default();
    for id in function.inputs() {
        let value = function.value(*id);
        let Type::Tensor(ty) = value.ty() else { continue };
        for (axis, dim) in ty.shape.iter().enumerate() {
            let origin = dim.as_symbol().and_then(|s| Some((s, function.symbol(s)?)));
            let size = inputs.get(&value.name).and_then(|t| t.shape().get(axis));
            if let (Some((symbol, SymbolOrigin::Input { .. })), Some(size)) = (origin, size) {
                bindings.insert(symbol, i64::try_from(*size).unwrap_or(i64::MAX));
            }
        }
    }
    bindings
}
