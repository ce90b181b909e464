//! Outputs of every type, in memory of either kind, against the conversion of constants.

use std::sync::Mutex;

use anemone_engine::OutputBuffer;

use super::*;

/// Memory at an odd address, full of old bytes.
#[derive(Default)]
struct Lent(Mutex<Vec<usize>>);

struct Piece(Vec<u8>);

impl OutputMemory for Lent {
    fn take(&self, bytes: usize) -> Option<Box<dyn OutputBuffer>> {
        self.0.lock().unwrap().push(bytes);
        (bytes < 100_000).then(|| Box::new(Piece(vec![0xa5; bytes + 1])) as _)
    }
}

impl OutputBuffer for Piece {
    fn as_mut_bytes(&mut self) -> &mut [u8] {
        &mut self.0[1..]
    }

    fn into_memory(self: Box<Self>) -> Memory {
        Memory::Foreign(std::sync::Arc::new(*self))
    }
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.0[1..]
    }
}

fn floats() -> Vec<f32> {
    let special = [0.0, -0.0, 1.0, -2.5, 65504.0, 65520.0, 1e-7, 6e-8, 3.4e38, f32::INFINITY];
    let many = (0..1500).map(|i| (i as f32 - 700.0) * 0.37);
    special.into_iter().chain(many).collect()
}

fn check(dtype: DataType, data: Data<'_>) {
    let values = (0..data.len()).map(|i| data.get_f64(i));
    let expected = Array::from(Tensor::from_f64(dtype, vec![data.len()], values).unwrap());
    let lent = Lent::default();
    for memory in [None, Some(&lent as &dyn OutputMemory)] {
        let found = store(dtype, &[data.len()], data, memory).unwrap();
        assert_eq!(found.dtype(), expected.dtype(), "{dtype}");
        assert_eq!(found.dense_bytes(), expected.dense_bytes(), "{dtype}");
    }
    assert_eq!(*lent.0.lock().unwrap(), [expected.dense_bytes().unwrap().len()], "{dtype}");
}

#[test]
fn every_type_is_written_as_constants_are() {
    let floats = floats();
    let ints: Vec<i32> = (-700..800).chain([i32::MIN, i32::MAX]).collect();
    let bools: Vec<u8> = (0..77).map(|i| u8::from(i % 3 == 0)).collect();
    for &dtype in DataType::ALL {
        match dtype {
            DataType::String => {}
            DataType::Bool => check(dtype, Data::Bool(&bools)),
            dtype if dtype.is_float() => check(dtype, Data::F32(&floats)),
            dtype => check(dtype, Data::I32(&ints)),
        }
    }
    check(DataType::F32, Data::F32(&[]));
    check(DataType::F16, Data::F32(&[1.5]));
}

#[test]
fn not_a_number_keeps_its_bits() {
    let bits = [0x7fc0_0000, 0xffc0_1234, 0x7f80_0001];
    let values = bits.map(f32::from_bits);
    let found = store(DataType::F32, &[3], Data::F32(&values), None).unwrap();
    let expected: Vec<u8> = bits.iter().flat_map(|b: &u32| b.to_le_bytes()).collect();
    assert_eq!(found.dense_bytes(), Some(&expected[..]));
}

#[test]
fn where_the_memory_has_no_room_the_engine_allocates() {
    let values = vec![1.0; 30_000];
    let lent = Lent::default();
    let found = store(DataType::F32, &[30_000], Data::F32(&values), Some(&lent)).unwrap();
    assert_eq!(*lent.0.lock().unwrap(), [120_000]);
    assert_eq!(found.to_tensor().to_f32(), values);
}

#[test]
fn what_is_not_dense_is_copied_twice() {
    let data = Array::from_f32(vec![2, 2], &[1.0, 2.0, 3.0, 4.0]).unwrap();
    assert_eq!(copies(&data), 1);
    let memory = Memory::from(data.to_tensor().data().clone());
    let turned = Array::strided(DataType::F32, vec![2, 2], vec![1, 2], 0, memory).unwrap();
    assert_eq!(copies(&turned), 2);
}
