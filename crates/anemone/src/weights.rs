//! Weights of a program by the form in which the file stores them.

use std::collections::{BTreeMap, BTreeSet};

use anemone_ir::program::{Binding, Block, DimDecl, ElementType, Operation, Program, TypeDecl};
use anemone_ir::{Elements, Literal, LiteralData};
use anemone_tensor::DataType;

use crate::inspect::{WeightForm, WeightGroup};

/// Immediate values with fewer elements are parameters of ops, not weights.
const FEW: u64 = 16;
/// Compressed weights are made of each other this deep; in a broken program, of themselves.
const MAX_NESTED: usize = 4;

/// The groups of a program's weights, by form.
pub(crate) fn groups(program: &Program) -> Vec<WeightGroup> {
    let mut found = Found::default();
    for function in program.functions.values() {
        if let Some(block) = function.body() {
            found.block(block);
        }
    }
    found.groups.into_values().collect()
}

#[derive(Default)]
struct Found<'a> {
    groups: BTreeMap<WeightForm, WeightGroup>,
    /// Blobs that were counted: functions share them.
    blobs: BTreeSet<(&'a str, u64)>,
}

impl<'a> Found<'a> {
    fn block(&mut self, block: &'a Block) {
        let mut values: BTreeMap<&str, &'a Operation> = BTreeMap::new();
        for operation in &block.operations {
            for output in &operation.outputs {
                values.insert(&output.name, operation);
            }
            operation.blocks.iter().for_each(|nested| self.block(nested));
        }
        let mut packed = BTreeSet::new();
        for operation in block.operations.iter().rev().filter(|o| is_compressed(o)) {
            let outer = operation.outputs.iter().any(|o| packed.contains(o.name.as_str()));
            packed.extend(bound_names(operation));
            if !outer {
                self.compressed(operation, &values);
            }
        }
        for operation in block.operations.iter().filter(|operation| operation.op == "const") {
            let is_packed = operation.outputs.iter().any(|o| packed.contains(o.name.as_str()));
            if let (false, Some(literal)) = (is_packed, operation.attributes.get("val")) {
                self.dense(literal);
            }
        }
    }

    fn dense(&mut self, literal: &'a Literal) {
        let Some((dtype, count)) = tensor(&literal.ty) else { return };
        let is_blob = matches!(literal.data, LiteralData::Blob(_));
        if dtype == DataType::String || !(is_blob || dtype.is_float() && count >= FEW) {
            return;
        }
        if let Some(stored) = self.stored(literal) {
            let form = WeightForm::Dense { dtype: dtype.to_string() };
            self.add(form, stored, bytes(dtype, count));
        }
    }

    fn compressed(&mut self, operation: &'a Operation, values: &BTreeMap<&str, &'a Operation>) {
        let mut literals = Vec::new();
        collect(operation, values, MAX_NESTED, &mut literals);
        let stored: Vec<u64> = literals.iter().filter_map(|(_, l)| self.stored(l)).collect();
        if stored.is_empty() {
            return;
        }
        let decoded = operation.outputs.iter().rev().find_map(|output| tensor(&output.ty));
        let decoded = decoded.map_or(0, |(dtype, count)| bytes(dtype, count));
        self.add(form(operation, values), stored.into_iter().sum(), decoded);
    }

    /// The bytes that a literal takes in its file; none where they were counted before.
    fn stored(&mut self, literal: &'a Literal) -> Option<u64> {
        let elements = match &literal.data {
            LiteralData::Blob(blob) => {
                let is_new = self.blobs.insert((blob.file.as_str(), blob.offset));
                return is_new.then_some(blob.data.len() as u64);
            }
            LiteralData::Elements(elements) => elements,
            _ => return None,
        };
        Some(match elements {
            Elements::Floats(list) => 4 * list.len() as u64,
            Elements::Ints(list) => 4 * list.len() as u64,
            Elements::Bools(list) => list.len() as u64,
            Elements::Strings(list) => list.iter().map(|text| text.len() as u64).sum(),
            Elements::LongInts(list) => 8 * list.len() as u64,
            Elements::Doubles(list) => 8 * list.len() as u64,
            Elements::Bytes(data) => data.len() as u64,
        })
    }

    fn add(&mut self, form: WeightForm, stored: u64, decoded: u64) {
        let group = self.groups.entry(form.clone()).or_insert(WeightGroup {
            form,
            tensors: 0,
            stored_bytes: 0,
            decoded_bytes: 0,
        });
        group.tensors += 1;
        group.stored_bytes = group.stored_bytes.saturating_add(stored);
        group.decoded_bytes = group.decoded_bytes.saturating_add(decoded);
    }
}

fn is_compressed(operation: &Operation) -> bool {
    operation.op.starts_with("constexpr_")
}

fn bound_names(operation: &Operation) -> impl Iterator<Item = &str> {
    operation.inputs.values().flat_map(|argument| &argument.bindings).filter_map(|binding| {
        match binding {
            Binding::Name(name) => Some(name.as_str()),
            Binding::Literal(_) | Binding::Opaque(_) => None,
        }
    })
}

/// Every literal that a compressed weight is made of, with the input that it is bound to.
fn collect<'a>(
    operation: &'a Operation,
    values: &BTreeMap<&str, &'a Operation>,
    depth: usize,
    found: &mut Vec<(&'a str, &'a Literal)>,
) {
    found.extend(
        operation.attributes.iter().filter(|(n, _)| *n != "name").map(|(n, l)| (n.as_str(), l)),
    );
    for (input, argument) in &operation.inputs {
        for binding in &argument.bindings {
            match binding {
                Binding::Literal(literal) => found.push((input, literal)),
                Binding::Opaque(_) => {}
                Binding::Name(name) => match values.get(name.as_str()) {
                    Some(source) if source.op == "const" => {
                        found.extend(source.attributes.get("val").map(|l| (input.as_str(), l)));
                    }
                    Some(source) if is_compressed(source) && depth > 0 => {
                        collect(source, values, depth - 1, found);
                    }
                    _ => {}
                },
            }
        }
    }
}

fn form(operation: &Operation, values: &BTreeMap<&str, &Operation>) -> WeightForm {
    let literal = |input: &str| literal_of(operation, input, values);
    let kind = |input: &str| literal(input).and_then(|l| tensor(&l.ty));
    let bits = |input: &str| kind(input).map_or(0, |(dtype, _)| dtype.bits() as u32);
    match operation.op.as_str() {
        "constexpr_lut_to_dense" | "constexpr_lut_to_sparse" => {
            let indices = ["indices", "indices_nonzero_data"].map(bits).into_iter().max();
            let entries = kind("lut").map_or(0, |(_, count)| count);
            // The older form keeps its indices as packed bytes: the table's length tells.
            let bits = match indices {
                Some(bits) if bits > 0 && bits < 8 => bits,
                _ if !operation.inputs.contains_key("indices") && entries > 0 => entries.ilog2(),
                other => other.unwrap_or(8),
            };
            match operation.op.as_str() {
                "constexpr_lut_to_dense" => WeightForm::Palettised { bits },
                _ => WeightForm::Sparse { elements: format!("palettised, {bits} bits") },
            }
        }
        "constexpr_affine_dequantize" => {
            let per = match kind("scale") {
                Some((_, count)) if count > 1 => "channel",
                _ => "tensor",
            };
            WeightForm::LinearQuantised { bits: bits("quantized_data"), per }
        }
        "constexpr_blockwise_shift_scale" => WeightForm::LinearQuantised {
            bits: bits("data"),
            per: granularity(
                literal("data").map(|l| dims(&l.ty)),
                literal("scale").map(|l| dims(&l.ty)),
            ),
        },
        "constexpr_sparse_blockwise_shift_scale" => {
            let bits = bits("nonzero_data");
            WeightForm::Sparse { elements: format!("linear quantised, {bits} bits") }
        }
        "constexpr_sparse_to_dense" => {
            let inner = operation.inputs.get("nonzero_data").and_then(|a| a.bindings.first());
            let source = match inner {
                Some(Binding::Name(name)) => values.get(name.as_str()).copied(),
                _ => None,
            };
            match (source, kind("nonzero_data")) {
                (Some(source), _) if source.op != operation.op && is_compressed(source) => {
                    match form(source, values) {
                        WeightForm::Sparse { elements } => WeightForm::Sparse { elements },
                        _ => WeightForm::Sparse { elements: "compressed".to_owned() },
                    }
                }
                (_, Some((dtype, _))) => WeightForm::Sparse { elements: dtype.to_string() },
                (_, None) => WeightForm::Sparse { elements: "unknown".to_owned() },
            }
        }
        _ => {
            let dtype = ["source_val", "data"].into_iter().find_map(kind);
            let dtype = dtype.map_or("unknown".to_owned(), |(dtype, _)| dtype.to_string());
            WeightForm::Cast { dtype }
        }
    }
}

fn literal_of<'a>(
    operation: &'a Operation,
    input: &str,
    values: &BTreeMap<&str, &'a Operation>,
) -> Option<&'a Literal> {
    match operation.inputs.get(input).and_then(|argument| argument.bindings.first()) {
        Some(Binding::Literal(literal)) => Some(literal),
        Some(Binding::Name(name)) => values.get(name.as_str())?.attributes.get("val"),
        Some(Binding::Opaque(_)) => None,
        None => operation.attributes.get(input),
    }
}

/// What shares a scale, from the shapes of the data and of the scales.
fn granularity(data: Option<Vec<u64>>, scale: Option<Vec<u64>>) -> &'static str {
    let (Some(data), Some(scale)) = (data, scale) else { return "tensor" };
    let several = scale.iter().zip(&data).filter(|(scales, _)| **scales > 1);
    let several: Vec<bool> = several.map(|(scales, size)| scales == size).collect();
    match several.as_slice() {
        [] => "tensor",
        [true] => "channel",
        _ => "block",
    }
}

fn dims(ty: &TypeDecl) -> Vec<u64> {
    let TypeDecl::Tensor(tensor) = ty else { return Vec::new() };
    let size = |dim: &DimDecl| match dim {
        DimDecl::Known(size) => Some(*size),
        DimDecl::Unknown { .. } | DimDecl::Opaque(_) => None,
    };
    tensor.dims.iter().filter_map(size).collect()
}

fn tensor(ty: &TypeDecl) -> Option<(DataType, u64)> {
    match ty {
        TypeDecl::Tensor(tensor) => match tensor.dtype {
            ElementType::Known(dtype) => {
                Some((dtype, dims(ty).iter().fold(1u64, |n, &size| n.saturating_mul(size))))
            }
            ElementType::Unknown(_) => None,
        },
        _ => None,
    }
}

fn bytes(dtype: DataType, count: u64) -> u64 {
    count.saturating_mul(dtype.bits() as u64).div_ceil(8)
}
