//! What is put together is taken apart again, filled up or not.

use anemone_engine::{Array, Port, Signature, Value};
use anemone_ir::{Dim, Symbol, SymbolOrigin, TensorType};
use anemone_tensor::{Buffer, DataType};

use super::*;
use crate::config::PadRule;
use crate::{BufferLimits, Shapes};

fn interface(pads: &[PadRule]) -> Interface {
    let dims = vec![Dim::symbol(Symbol(0)), Dim::symbol(Symbol(1))];
    let port = |name: &str, dtype| Port {
        name: name.to_owned(),
        ty: TensorType { dtype, shape: dims.clone() },
    };
    let origin = |axis| SymbolOrigin::Input { name: "ids".to_owned(), axis };
    let signature = Signature {
        inputs: vec![port("ids", DataType::I32)],
        outputs: vec![port("same", DataType::I32)],
        states: Vec::new(),
        symbols: vec![origin(0), origin(1)],
    };
    let listed = [1, 4].iter().flat_map(|&rows| [4, 8].map(|length| vec![rows, length])).collect();
    Interface::new(&signature, &[Shapes::Listed(listed)], Some(pads)).unwrap()
}

fn ids(shape: [usize; 2], values: &[i32]) -> Value {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let array = Array::dense(DataType::I32, shape.to_vec(), Buffer::from_bytes(&bytes));
    Value::Tensor(array.unwrap())
}

fn numbers(value: &Value) -> Vec<i64> {
    let Value::Tensor(array) = value else { panic!("no tensor") };
    array.to_tensor().to_i64()
}

fn key(interface: &Interface, inputs: &[Value]) -> Key {
    let shapes = interface.shapes_of(inputs).unwrap();
    interface.demanded(&shapes, false, None).unwrap().key
}

#[test]
fn rows_are_put_together_and_what_is_left_repeats_the_first() {
    let interface = interface(&[]);
    let one = [ids([1, 4], &[1, 2, 3, 4])];
    let two = [ids([2, 4], &[5, 6, 7, 8, 9, 10, 11, 12])];
    let key = key(&interface, &one);
    assert_eq!(interface.row_sizes(&key), Some(vec![1, 4]));
    let buffers = BufferPool::new(BufferLimits::default());
    let (stacked, copies) = stack(&interface, &key, 4, &[&one, &two], &buffers).unwrap();
    assert_eq!(copies, 2);
    assert_eq!(numbers(&stacked[0]), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 1, 2, 3, 4]);
    let parts = split(&interface, &key, 4, &[(1, &one), (2, &two)], &stacked).unwrap();
    assert_eq!(numbers(&parts[0][0]), numbers(&one[0]));
    assert_eq!(numbers(&parts[1][0]), numbers(&two[0]));
}

#[test]
fn a_request_as_large_as_its_run_is_not_copied() {
    let interface = interface(&[]);
    let one = [ids([4, 4], &[7; 16])];
    let key = key(&interface, &one);
    let buffers = BufferPool::new(BufferLimits::default());
    let (stacked, copies) = stack(&interface, &key, 4, &[&one], &buffers).unwrap();
    assert_eq!((numbers(&stacked[0]), copies), (vec![7; 16], 0));
    assert_eq!(buffers.statistics().misses, 0);
}

#[test]
fn short_rows_are_filled_up_and_their_outputs_cut_again() {
    let rule = PadRule { input: "ids".to_owned(), axis: 1, value: -1.0 };
    let interface = interface(&[rule]);
    let (short, long) = ([ids([1, 2], &[1, 2])], [ids([1, 4], &[3, 4, 5, 6])]);
    let key = key(&interface, &short);
    assert_eq!(key, self::key(&interface, &long));
    let buffers = BufferPool::new(BufferLimits::default());
    let (stacked, _) = stack(&interface, &key, 4, &[&short, &long], &buffers).unwrap();
    assert_eq!(numbers(&stacked[0])[..8], [1, 2, -1, -1, 3, 4, 5, 6]);
    let parts = split(&interface, &key, 4, &[(1, &short), (1, &long)], &stacked).unwrap();
    assert_eq!(numbers(&parts[0][0]), [1, 2]);
    assert_eq!(numbers(&parts[1][0]), [3, 4, 5, 6]);
}

#[test]
fn outputs_of_another_number_of_rows_are_not_taken_apart() {
    let interface = interface(&[]);
    let one = [ids([1, 4], &[0; 4])];
    let key = key(&interface, &one);
    assert!(split(&interface, &key, 4, &[(1, &one)], &[ids([3, 4], &[0; 12])]).is_none());
    assert!(split(&interface, &key, 4, &[(1, &one)], &[Value::String(String::new())]).is_none());
}

#[test]
fn shapes_that_no_run_can_have_are_refused() {
    let interface = interface(&[]);
    for shape in [[1, 5], [5, 4], [0, 4]] {
        let inputs = [ids(shape, &vec![0; shape[0] * shape[1]])];
        let shapes = interface.shapes_of(&inputs).unwrap();
        assert!(interface.demanded(&shapes, false, None).is_err(), "{shape:?}");
    }
    let inputs = [ids([3, 4], &[0; 12])];
    let shapes = interface.shapes_of(&inputs).unwrap();
    assert!(interface.demanded(&shapes, false, None).is_ok());
    assert!(interface.demanded(&shapes, true, None).is_err(), "alone it must be listed");
}
