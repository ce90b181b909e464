//! Programs, values and types of a case, from their MIL text.

use std::collections::BTreeMap;

use anemone_ir::program::{DimDecl, ElementType, TypeDecl};
use anemone_ir::{Const, Program, text};
use anemone_tensor::{DataType, Tensor};

pub(crate) fn program(mil: &str) -> Result<Program, String> {
    let mut none = |file: &str, _: u64, _: &TypeDecl| Err(format!("no file `{file}` in a case"));
    text::parse(mil, &mut none).map_err(|e| e.to_string())
}

/// Tensors by name, from literals by name.
pub(crate) fn tensors(
    literals: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, Tensor>, String> {
    let mut tensors = BTreeMap::new();
    for (name, literal) in literals {
        let fault = |why: String| format!("value of `{name}`: {why}");
        let program = program(&format!("program(1) [v = {literal}] {{}}")).map_err(fault)?;
        let constant = program.attributes["v"].to_const().map_err(fault)?;
        let Const::Tensor(tensor) = constant else {
            return Err(format!("value of `{name}`: text"));
        };
        tensors.insert(name.clone(), tensor);
    }
    Ok(tensors)
}

/// Declared types by name.
pub(crate) fn types(
    texts: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, TypeDecl>, String> {
    let mut types = BTreeMap::new();
    for (name, ty) in texts {
        let text = format!("program(1) {{ func f<ios15>({ty} v) {{}} -> (); }}");
        let mut program = program(&text).map_err(|why| format!("type of `{name}`: {why}"))?;
        let param = program.functions.get_mut("f").and_then(|f| f.inputs.pop());
        types.extend(param.map(|p| (name.clone(), p.ty)));
    }
    Ok(types)
}

/// Element type and dimensions, `None` for a free one.
pub(crate) fn pattern(ty: &TypeDecl) -> Option<(DataType, Vec<Option<i64>>)> {
    let TypeDecl::Tensor(tensor) = ty else { return None };
    let ElementType::Known(dtype) = tensor.dtype else { return None };
    let dim = |dim: &DimDecl| match dim {
        DimDecl::Known(size) => i64::try_from(*size).ok(),
        _ => None,
    };
    Some((dtype, tensor.dims.iter().map(dim).collect()))
}
