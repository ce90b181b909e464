//! Recycling, alignment, bounds, and that no caller sees what another wrote.

use anemone_engine::Value;

use super::*;

fn pool(idle_bytes: usize, idle_blocks: usize) -> BufferPool {
    BufferPool::new(BufferLimits { idle_bytes, idle_blocks })
}

fn address(array: &Array) -> usize {
    array.dense_bytes().unwrap().as_ptr() as usize
}

#[test]
fn memory_comes_back_when_the_last_array_is_dropped() {
    let pool = pool(1 << 20, 4);
    let mut buffer = pool.allocate(DataType::F32, &[3, 5]).unwrap();
    buffer.as_mut_slice::<f32>().unwrap().fill(1.5);
    let array = buffer.into_array();
    let (first, other) = (address(&array), array.clone());
    assert_eq!(array.to_tensor().to_f32(), [1.5; 15]);
    drop(array);
    let found = pool.statistics();
    assert_eq!((found.used_bytes, found.idle_bytes, found.hits, found.misses), (64, 0, 0, 1));
    drop(Value::Tensor(other));
    let found = pool.statistics();
    assert_eq!((found.used_bytes, found.idle_bytes), (0, 64));
    let again = pool.allocate(DataType::U8, &[50]).unwrap().into_array();
    assert_eq!(address(&again), first);
    assert_eq!((pool.statistics().hits, pool.statistics().idle_bytes), (1, 0));
}

#[test]
fn a_buffer_that_was_never_an_array_comes_back_too() {
    let pool = pool(1 << 20, 4);
    drop(pool.allocate(DataType::I64, &[100]).unwrap());
    drop(OutputMemory::take(&pool, 800).unwrap());
    let found = pool.statistics();
    assert_eq!((found.used_bytes, found.hits, found.misses), (0, 1, 1));
}

#[test]
fn nobody_sees_what_another_wrote() {
    let pool = pool(1 << 20, 4);
    for count in [640, 1, 639, 600, 577] {
        let mut buffer = pool.allocate(DataType::U8, &[count]).unwrap();
        assert!(buffer.as_mut_bytes().iter().all(|&b| b == 0), "{count}");
        buffer.as_mut_bytes().fill(0xff);
    }
    let mut output = OutputMemory::take(&pool, 640).unwrap();
    output.as_mut_bytes().fill(0xee);
    drop(output.into_memory());
    let all = pool.allocate(DataType::U8, &[640]).unwrap().into_array();
    assert_eq!(all.dense_bytes().unwrap(), [0; 640]);
    assert!(pool.statistics().hits >= 4);
}

#[test]
fn every_size_is_aligned_exact_and_little_larger_in_truth() {
    let pool = pool(1 << 30, 4);
    for bytes in (0..600).chain([4095, 4096, 4097, 1 << 20, (1 << 20) + 1]) {
        let mut output = OutputMemory::take(&pool, bytes).unwrap();
        assert_eq!(output.as_mut_bytes().len(), bytes);
        assert_eq!(output.as_mut_bytes().as_ptr() as usize % 64, 0);
        let size = rounded(bytes).unwrap();
        assert!(size.is_multiple_of(64) && (bytes..=bytes + (bytes / 4).max(63)).contains(&size));
        assert_eq!(rounded(size), Some(size));
    }
}

#[test]
fn nothing_and_a_scalar_are_tensors_too() {
    let pool = pool(1 << 20, 4);
    let empty = pool.allocate(DataType::F32, &[0, 3]).unwrap().into_array();
    assert_eq!(empty.dense_bytes().unwrap().len(), 0);
    drop(empty);
    assert_eq!(pool.statistics(), BufferStatistics::default());
    let mut scalar = pool.allocate(DataType::I32, &[]).unwrap();
    scalar.as_mut_slice::<i32>().unwrap()[0] = -7;
    assert_eq!(scalar.into_array().to_tensor().to_i64(), [-7]);
}

#[test]
fn what_no_memory_holds_is_an_error() {
    let pool = pool(1 << 20, 4);
    for shape in [[usize::MAX, usize::MAX], [usize::MAX / 2, 2]] {
        let found = pool.allocate(DataType::F32, &shape).unwrap_err();
        assert!(matches!(found, BufferError::TooLarge { .. }), "{found}");
    }
    let bytes = 1 << 60;
    let found = pool.allocate(DataType::U8, &[bytes]).unwrap_err();
    assert_eq!(found, BufferError::Memory(MemoryError { bytes }));
    for bytes in [bytes, usize::MAX, isize::MAX as usize, isize::MAX as usize / 2] {
        assert!(OutputMemory::take(&pool, bytes).is_none());
    }
    for dtype in [DataType::I4, DataType::String] {
        assert_eq!(pool.allocate(dtype, &[1]).unwrap_err(), BufferError::DataType(dtype));
    }
    assert_eq!(pool.statistics(), BufferStatistics::default());
}

#[test]
fn another_element_type_is_no_slice() {
    let pool = pool(1 << 20, 4);
    let mut buffer = pool.allocate(DataType::F16, &[3]).unwrap();
    assert!(buffer.as_mut_slice::<f32>().is_none());
    assert!(buffer.as_mut_slice::<u16>().is_none());
    assert_eq!(buffer.as_mut_bytes().len(), 6);
    assert_eq!((buffer.dtype(), buffer.shape()), (DataType::F16, &[3][..]));
}

#[test]
fn idle_memory_is_bounded_and_old_sizes_make_room() {
    let pool = pool(1024, 2);
    let take = |bytes| OutputMemory::take(&pool, bytes).unwrap();
    let several: Vec<_> = (0..3).map(|_| take(64)).collect();
    drop(several);
    assert_eq!(pool.statistics().idle_bytes, 128, "two blocks of one size");
    drop(take(256));
    drop(take(768));
    assert_eq!(pool.statistics().idle_bytes, 1024, "those of 64 bytes made room");
    drop(take(256));
    drop(take(128));
    assert_eq!(pool.statistics().idle_bytes, 384, "that of 768 bytes was used before that of 256");
    drop(take(2048));
    assert_eq!(pool.statistics().idle_bytes, 384, "more than the bound is not kept");
    assert_eq!(pool.statistics().used_bytes, 0);
}

#[test]
fn trimming_frees_what_was_not_used_for_longest() {
    let pool = pool(1 << 20, 4);
    for bytes in [64, 128, 192] {
        drop(OutputMemory::take(&pool, bytes).unwrap());
    }
    assert_eq!(pool.trim(400), 0);
    assert_eq!(pool.trim(200), 64 + 128);
    assert_eq!(pool.statistics().idle_bytes, 192);
    assert_eq!(pool.trim(0), 192);
    assert_eq!(pool.trim(0), 0);
}

#[test]
fn arrays_outlive_their_pool() {
    let pool = pool(1 << 20, 4);
    let mut buffer = pool.allocate(DataType::U8, &[2]).unwrap();
    drop(pool);
    buffer.as_mut_bytes().copy_from_slice(&[1, 2]);
    assert_eq!(buffer.into_array().to_tensor().to_i64(), [1, 2]);
}

#[test]
fn many_threads_share_a_pool_and_never_a_block() {
    let pool = pool(1 << 20, 8);
    std::thread::scope(|scope| {
        for id in 1..=8u8 {
            let pool = pool.clone();
            scope.spawn(move || {
                for round in 0..200 {
                    let count = 1 + (round * 37 + usize::from(id)) % 1000;
                    let mut buffer = pool.allocate(DataType::U8, &[count]).unwrap();
                    assert!(buffer.as_mut_bytes().iter().all(|&b| b == 0));
                    buffer.as_mut_bytes().fill(id);
                    let array = buffer.into_array();
                    assert!(array.dense_bytes().unwrap().iter().all(|&b| b == id));
                }
            });
        }
    });
    let found = pool.statistics();
    assert_eq!((found.used_bytes, found.hits + found.misses), (0, 1600));
    assert!(found.idle_bytes <= 1 << 20);
}
