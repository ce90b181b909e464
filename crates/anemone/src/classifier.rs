//! The last op of a classifier, `classify`, is taken off the program and done here: engines work
//! on tensors, and its results are text and a dictionary.

use anemone_engine::{Dictionary, Keys, Value};
use anemone_ir::program::{Argument, Binding, Block, Function};
use anemone_ir::{Elements, Literal, LiteralData};
use anemone_tensor::Tensor;

/// What `classify` would have done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Classifier {
    /// The output of the program that holds the probabilities.
    pub(crate) probabilities: String,
    /// The output for the likeliest class.
    pub(crate) label: String,
    /// The output for the probability of every class.
    pub(crate) dictionary: String,
    classes: Keys,
}

/// Takes `classify` off the body of `function`, so that the body yields the probabilities.
pub(crate) fn split_off(function: &mut Function) -> Result<Option<Classifier>, String> {
    let Some(block) = function.blocks.get_mut(&function.opset) else { return Ok(None) };
    let Some(at) = block.operations.iter().position(|op| op.op == "classify") else {
        return Ok(None);
    };
    let wrong = |what: &str| Err(format!("`classify` {what}"));
    let op = block.operations.remove(at);
    let [label, dictionary] = op.outputs.as_slice() else { return wrong("has not two outputs") };
    let bound = |input: &str| op.inputs.get(input).and_then(only);
    let Some(Binding::Name(probabilities)) = bound("probabilities") else {
        return wrong("has no `probabilities`");
    };
    let classes = match bound("classes") {
        Some(Binding::Name(name)) => match take_constant(block, name) {
            Some(literal) => keys(&literal),
            None => return wrong("has classes that are no constant"),
        },
        Some(Binding::Literal(literal)) => keys(literal),
        _ => return wrong("has no `classes`"),
    };
    let Some(classes) = classes else { return wrong("has classes that are no list of labels") };
    block.outputs.retain(|name| *name != label.name && *name != dictionary.name);
    if !block.outputs.contains(probabilities) {
        block.outputs.push(probabilities.clone());
    }
    Ok(Some(Classifier {
        probabilities: probabilities.clone(),
        label: label.name.clone(),
        dictionary: dictionary.name.clone(),
        classes,
    }))
}

fn only(argument: &Argument) -> Option<&Binding> {
    match argument.bindings.as_slice() {
        [binding] => Some(binding),
        _ => None,
    }
}

/// The value of the constant `name`, which leaves the block: nothing else can use a list of labels.
fn take_constant(block: &mut Block, name: &str) -> Option<Literal> {
    let defines = |output: &anemone_ir::program::Param| output.name == name;
    let at =
        block.operations.iter().position(|o| o.op == "const" && o.outputs.iter().any(defines))?;
    block.operations.remove(at).attributes.remove("val")
}

/// Labels of a list literal, or of a tensor of rank 1.
fn keys(literal: &Literal) -> Option<Keys> {
    if let LiteralData::List(items) = &literal.data {
        if items.iter().all(|item| item.as_str().is_some()) {
            let text = items.iter().filter_map(Literal::as_str).map(str::to_owned);
            return Some(Keys::Strings(text.collect()));
        }
        let numbers = items.iter().map(|item| match elements(item)? {
            Keys::Ints(one) if one.len() == 1 => one.first().copied(),
            _ => None,
        });
        return numbers.collect::<Option<Vec<i64>>>().map(Keys::Ints);
    }
    elements(literal)
}

fn elements(literal: &Literal) -> Option<Keys> {
    match &literal.data {
        LiteralData::Elements(Elements::Strings(text)) => Some(Keys::Strings(text.clone())),
        LiteralData::Elements(Elements::LongInts(numbers)) => Some(Keys::Ints(numbers.clone())),
        LiteralData::Elements(Elements::Ints(numbers)) => {
            Some(Keys::Ints(numbers.iter().map(|&n| n.into()).collect()))
        }
        _ => {
            let constant = literal.to_const().ok()?;
            let tensor = constant.tensor().filter(|tensor| tensor.dtype().is_int())?;
            Some(Keys::Ints(tensor.to_i64()))
        }
    }
}

impl Classifier {
    /// How many classes there are.
    pub(crate) fn class_count(&self) -> usize {
        match &self.classes {
            Keys::Strings(text) => text.len(),
            Keys::Ints(numbers) => numbers.len(),
        }
    }

    /// The likeliest class, and every class with its probability.
    pub(crate) fn outputs(&self, probabilities: &Tensor) -> Result<(Value, Value), String> {
        let count = self.class_count();
        if probabilities.count() != count || count == 0 {
            return Err(format!("{count} classes have {} probabilities", probabilities.count()));
        }
        let values: Vec<f64> = (0..count).map(|i| probabilities.get_f64(i)).collect();
        let mut best = 0;
        for (i, value) in values.iter().enumerate() {
            if *value > values[best] {
                best = i;
            }
        }
        let label = match &self.classes {
            Keys::Strings(text) => Value::String(text[best].clone()),
            Keys::Ints(numbers) => crate::features::int64(numbers[best]),
        };
        Ok((label, Value::Dictionary(Dictionary { keys: self.classes.clone(), values })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anemone_ir::program::{DimDecl, Operation, Param, TypeDecl};
    use anemone_tensor::DataType;

    fn param(name: &str) -> Param {
        Param { name: name.into(), ty: TypeDecl::Opaque(vec![]), extra: vec![] }
    }

    fn classifier_function() -> Function {
        let list = TypeDecl::List {
            element: Some(Box::new(TypeDecl::scalar(DataType::String))),
            length: Some(DimDecl::Known(2)),
        };
        let labels = vec![Literal::string("cat"), Literal::string("dog")];
        let classes = Operation {
            op: "const".into(),
            outputs: vec![param("classes")],
            attributes: [("val".into(), Literal::new(list, LiteralData::List(labels)))].into(),
            ..Operation::default()
        };
        let classify = Operation {
            op: "classify".into(),
            inputs: [
                ("probabilities".into(), Argument::name("p")),
                ("classes".into(), Argument::name("classes")),
            ]
            .into(),
            outputs: vec![param("label"), param("all")],
            ..Operation::default()
        };
        let block = Block {
            outputs: vec!["label".into(), "all".into()],
            operations: vec![classes, classify],
            ..Block::default()
        };
        Function {
            opset: "CoreML7".into(),
            blocks: [("CoreML7".into(), block)].into(),
            ..Function::default()
        }
    }

    #[test]
    fn classify_leaves_the_probabilities_behind() {
        let mut function = classifier_function();
        let classifier = split_off(&mut function).unwrap().unwrap();
        let block = function.body().unwrap();
        assert_eq!(
            (block.outputs.as_slice(), block.operations.len()),
            (["p".to_owned()].as_slice(), 0)
        );
        let tensor = Tensor::from_f64(DataType::F32, vec![1, 2], [0.25, 0.75]).unwrap();
        let (label, all) = classifier.outputs(&tensor).unwrap();
        assert_eq!(label, Value::String("dog".into()));
        let keys = Keys::Strings(vec!["cat".into(), "dog".into()]);
        assert_eq!(all, Value::Dictionary(Dictionary { keys, values: vec![0.25, 0.75] }));
        let short = Tensor::from_f64(DataType::F32, vec![1], [1.0]).unwrap();
        assert!(classifier.outputs(&short).is_err());
    }

    #[test]
    fn a_classifier_without_constant_classes_is_refused() {
        let mut function = classifier_function();
        let block = function.blocks.get_mut("CoreML7").unwrap();
        block.operations.remove(0);
        assert!(split_off(&mut function).unwrap_err().contains("no constant"));
    }
}
