//! Inputs against what a model takes: faults before anything is spent, and the sizes that admission
//! and batching count.

use anemone_engine::{Array, Port, Signature, Value};
use anemone_ir::Dim;

use crate::config::PadRule;
use crate::{Error, Shapes};

/// What a model takes, and how its requests may be put together.
pub(crate) struct Interface {
    signature: Signature,
    shapes: Vec<Shapes>,
    /// For each input the axes that may be filled up, with what.
    pads: Vec<Vec<(usize, f64)>>,
    /// For each axis of each output the input and the axis of it that are as long, if there are such.
    same: Vec<Vec<Option<(usize, usize)>>>,
    is_batched: bool,
}

/// What one request is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Demanded {
    pub(crate) key: Key,
    pub(crate) size: Size,
}

/// Sizes that bounds count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) rows: usize,
    /// Elements of the first input, filled up.
    pub(crate) tokens: usize,
    /// Bytes of all inputs.
    pub(crate) bytes: usize,
}

/// Requests of one key can share a run: their inputs differ in rows only.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    /// Whether others may share the run; then `dims` lacks the rows.
    pub(crate) is_batched: bool,
    /// The engine that must run it, by its place among the model's.
    pub(crate) engine: Option<usize>,
    /// The shapes of all inputs, one after another.
    dims: Vec<usize>,
}

impl Interface {
    /// The interface of a plan. `batched` are the rules of filling up; none where requests run alone.
    pub(crate) fn new(
        signature: &Signature,
        shapes: &[Shapes],
        batched: Option<&[PadRule]>,
    ) -> Result<Interface, Error> {
        let mut pads = vec![Vec::new(); signature.inputs.len()];
        for rule in batched.unwrap_or_default() {
            let place = signature.inputs.iter().position(|port| port.name == rule.input);
            let fits =
                place.filter(|&at| (1..signature.inputs[at].ty.shape.len()).contains(&rule.axis));
            let Some(place) = fits else {
                let what = format!("`{}` has no axis {} to be filled up", rule.input, rule.axis);
                return Err(Error::Input { what });
            };
            pads[place].push((rule.axis, rule.value));
        }
        let has_rows =
            |port: &Port| port.ty.shape.first().is_some_and(|size| size.known().is_none());
        let is_listed = |index: usize| matches!(shapes.get(index), Some(Shapes::Listed(list)) if list.len() > 1);
        let inputs = signature.inputs.iter().enumerate();
        let can_stack = !signature.inputs.is_empty()
            && inputs.clone().all(|(index, port)| has_rows(port) || is_listed(index))
            && signature.outputs.iter().all(|port| !port.ty.shape.is_empty())
            && signature.states.is_empty();
        let mut shapes = shapes.to_vec();
        shapes.resize(signature.inputs.len(), Shapes::Any);
        let is_batched = batched.is_some() && can_stack;
        let same = signature.outputs.iter().map(|port| same_axes(signature, port)).collect();
        Ok(Interface { signature: signature.clone(), shapes, pads, same, is_batched })
    }

    /// The shapes of inputs, if they are as many and of the kinds that the model takes.
    pub(crate) fn shapes_of<'a>(&self, inputs: &'a [Value]) -> Result<Vec<&'a [usize]>, Error> {
        let ports = &self.signature.inputs;
        self.check_count(inputs.len())?;
        ports.iter().zip(inputs).map(|(port, value)| Ok(array(port, value)?.shape())).collect()
    }

    /// What inputs of these shapes need.
    pub(crate) fn demanded(
        &self,
        shapes: &[&[usize]],
        alone: bool,
        engine: Option<usize>,
    ) -> Result<Demanded, Error> {
        self.check_count(shapes.len())?;
        let ports = &self.signature.inputs;
        let is_batched = self.is_batched && !alone;
        let mut size = Size { rows: 1, ..Size::default() };
        let mut dims = Vec::new();
        for (index, (port, given)) in ports.iter().zip(shapes).enumerate() {
            let shape = if is_batched { self.filled_up(index, given) } else { given.to_vec() };
            self.check(index, &shape, given, is_batched)?;
            let elements = shape.iter().fold(1, |all: usize, &size| all.saturating_mul(size));
            if index == 0 {
                size.tokens = elements;
                size.rows = if self.is_batched { shape[0] } else { 1 };
            } else if is_batched && shape[0] != size.rows {
                let expected = format!("{} rows as `{}` has", size.rows, ports[0].name);
                return Err(wrong_shape(port, given, expected));
            }
            size.bytes =
                size.bytes.saturating_add(elements.saturating_mul(port.ty.dtype.bits() / 8));
            dims.extend(shape.iter().skip(usize::from(is_batched)));
        }
        if size.rows == 0 {
            return Err(wrong_shape(&ports[0], shapes[0], "at least one row".to_owned()));
        }
        Ok(Demanded { key: Key { is_batched, engine, dims }, size })
    }

    fn check_count(&self, given: usize) -> Result<(), Error> {
        let needed = self.signature.inputs.len();
        if needed == given {
            return Ok(());
        }
        Err(Error::Input { what: format!("{needed} inputs are needed, {given} were given") })
    }

    /// The shapes of a run of `rows` rows of requests with this key.
    pub(crate) fn run_shapes(&self, key: &Key, rows: usize) -> Vec<Vec<usize>> {
        let (is_batched, mut rest) = (key.is_batched, &key.dims[..]);
        let ports = self.signature.inputs.iter();
        ports
            .map(|port| {
                let own = port.ty.shape.len() - usize::from(is_batched);
                let (mine, others) = rest.split_at(own);
                rest = others;
                is_batched.then_some(rows).into_iter().chain(mine.iter().copied()).collect()
            })
            .collect()
    }

    /// Whether the output `index` of a run with inputs of these shapes may have this one.
    pub(crate) fn fits(&self, index: usize, shape: &[usize], inputs: &[Vec<usize>]) -> bool {
        let sizes = &self.signature.outputs[index].ty.shape;
        let axes = sizes.iter().zip(&self.same[index]);
        let known = axes.map(|(size, same)| {
            size.known().or_else(|| same.map(|(input, axis)| inputs[input][axis]))
        });
        let mut known = known.zip(shape);
        shape.len() == sizes.len() && known.all(|(known, &given)| known.is_none_or(|n| n == given))
    }

    /// The numbers of rows that a run with this key may have, in order; none where any will do.
    pub(crate) fn row_sizes(&self, key: &Key) -> Option<Vec<usize>> {
        let shapes = self.run_shapes(key, 0);
        let mut sizes: Option<Vec<usize>> = None;
        for (limits, shape) in self.shapes.iter().zip(&shapes) {
            let Shapes::Listed(list) = limits else { continue };
            let same = list.iter().filter(|listed| listed.get(1..) == shape.get(1..));
            let mut own: Vec<usize> = same.filter_map(|listed| listed.first().copied()).collect();
            own.sort_unstable();
            own.dedup();
            match &mut sizes {
                Some(sizes) => sizes.retain(|size| own.contains(size)),
                none => *none = Some(own),
            }
        }
        sizes
    }

    /// What an input is filled up with along `axis`.
    pub(crate) fn filler(&self, input: usize, axis: usize) -> f64 {
        self.pads[input].iter().find(|(own, _)| *own == axis).map_or(0.0, |(_, value)| *value)
    }

    pub(crate) fn signature(&self) -> &Signature {
        &self.signature
    }

    /// The shape with the axes that may be filled up as long as the next that the model takes.
    fn filled_up(&self, input: usize, shape: &[usize]) -> Vec<usize> {
        let mut filled = shape.to_vec();
        let Shapes::Listed(list) = &self.shapes[input] else { return filled };
        for &(axis, _) in &self.pads[input] {
            let Some(&size) = shape.get(axis) else { continue };
            let lengths = list.iter().filter_map(|listed| listed.get(axis));
            filled[axis] = lengths.copied().filter(|&length| length >= size).min().unwrap_or(size);
        }
        filled
    }

    fn check(
        &self,
        input: usize,
        shape: &[usize],
        given: &[usize],
        is_batched: bool,
    ) -> Result<(), Error> {
        let port = &self.signature.inputs[input];
        let declared = &port.ty.shape;
        let known = declared.iter().zip(shape).enumerate();
        let fits = declared.len() == shape.len()
            && known
                .skip(usize::from(is_batched))
                .all(|(_, (dim, &size))| dim.known().is_none_or(|n| n == size));
        if !fits {
            let sizes: Vec<String> = declared
                .iter()
                .map(|dim| dim.known().map_or("any".to_owned(), |n| n.to_string()))
                .collect();
            return Err(wrong_shape(port, given, format!("[{}]", sizes.join(", "))));
        }
        let from = usize::from(is_batched);
        match &self.shapes[input] {
            Shapes::Any => Ok(()),
            Shapes::Listed(list) => {
                let most =
                    list.iter().filter(|listed| listed[from.min(listed.len())..] == shape[from..]);
                match most.filter_map(|listed| listed.first()).max() {
                    Some(&most) if !is_batched || shape[0] <= most => Ok(()),
                    _ => Err(wrong_shape(port, given, format!("one of {}", some(list)))),
                }
            }
            Shapes::Ranges(ranges) => {
                let outside =
                    ranges.iter().zip(shape).position(|(range, size)| !range.contains(size));
                match outside {
                    None => Ok(()),
                    Some(axis) => {
                        let range = &ranges[axis];
                        let expected =
                            format!("{} to {} along axis {axis}", range.start(), range.end());
                        Err(wrong_shape(port, given, expected))
                    }
                }
            }
        }
    }
}

impl Key {
    /// Whether both are for the same shapes, on whatever engine.
    pub(crate) fn has_shapes_of(&self, other: &Key) -> bool {
        (self.is_batched, &self.dims) == (other.is_batched, &other.dims)
    }

    #[cfg(test)]
    pub(crate) fn for_tests(length: usize) -> Key {
        Key { is_batched: true, engine: None, dims: vec![length] }
    }

    /// The key and a number of rows as text, for costs that are remembered.
    pub(crate) fn with_rows(&self, rows: usize) -> String {
        let sizes: Vec<String> = self.dims.iter().map(usize::to_string).collect();
        let kind = if self.is_batched { "rows of" } else { "rows in" };
        format!("{rows} {kind} {}", sizes.join(" "))
    }
}

fn same_axes(signature: &Signature, output: &Port) -> Vec<Option<(usize, usize)>> {
    let place = |size: &Dim| {
        let mut inputs = signature.inputs.iter().enumerate();
        inputs.find_map(|(input, port)| {
            let axis = port.ty.shape.iter().position(|other| other == size)?;
            Some((input, axis))
        })
    };
    output.ty.shape.iter().map(place).collect()
}

fn array<'a>(port: &Port, value: &'a Value) -> Result<&'a Array, Error> {
    let kind = match value {
        Value::Tensor(array) if array.dtype() == port.ty.dtype => return Ok(array),
        Value::Tensor(array) => format!("a tensor of {}", array.dtype()),
        Value::String(_) => "a string".to_owned(),
        Value::Dictionary(_) => "a dictionary".to_owned(),
        Value::Image(_) => "an image".to_owned(),
        Value::Sequence(_) => "a sequence".to_owned(),
    };
    let what = format!("input `{}` is {kind}, not a tensor of {}", port.name, port.ty.dtype);
    Err(Error::Input { what })
}

fn wrong_shape(port: &Port, found: &[usize], expected: String) -> Error {
    Error::Shape { input: port.name.clone(), found: found.to_vec(), expected }
}

fn some(list: &[Vec<usize>]) -> String {
    let mut told: Vec<String> = list.iter().take(8).map(|shape| format!("{shape:?}")).collect();
    if list.len() > told.len() {
        told.push(format!("and {} more", list.len() - told.len()));
    }
    told.join(", ")
}
