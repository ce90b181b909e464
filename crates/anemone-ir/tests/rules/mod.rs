//! Programs in MIL text, without output types, and what `check` makes of them.

use anemone_ir::{Checked, check, text};

/// `body` with types left out, checked in a function with these inputs.
pub(crate) fn checked(
    opset: &str,
    inputs: &str,
    body: &str,
    output: &str,
) -> Result<Checked, String> {
    let typed: Vec<String> = body
        .split_terminator(';')
        .map(str::trim)
        .map(|line| match line.split_once(" = ") {
            Some((names, call)) if !names.contains('(') => {
                let outputs = names.split(", ").map(|name| format!("@type(\"\") {name}"));
                format!("{} = {call};", outputs.collect::<Vec<_>>().join(", "))
            }
            _ => format!("{line};"),
        })
        .collect();
    let typed = typed.join("\n");
    let text =
        format!("program(1.0) {{ func main<{opset}>({inputs}) {{ {typed} }} -> ({output}); }}");
    let program = text::parse(&text, &mut |_, _, _| Err("no weights".to_owned()))
        .map_err(|e| format!("{text}: {e}"))?;
    check(&program).map_err(|faults| faults.to_string())
}

pub(crate) fn types(opset: &str, inputs: &str, body: &str, output: &str) -> Result<String, String> {
    let checked = checked(opset, inputs, body, output)?;
    let main = &checked.functions()["main"];
    let types = main.outputs().iter().map(|id| main.value(*id).ty().to_string());
    Ok(types.collect::<Vec<_>>().join(" "))
}

/// `name(x, …)` on one input `x`.
pub(crate) fn one(opset: &str, x: &str, call: &str) -> Result<String, String> {
    types(opset, &format!("{x} x"), &format!("y = {call};"), "y")
}

pub(crate) fn ints(values: &[i64]) -> String {
    format!("tensor<int32, [{}]>({values:?})", values.len())
}
