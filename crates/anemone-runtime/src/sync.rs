//! Locks, atomics and threads: the standard library's, or with the feature `shuttle` those of a tool
//! that tries many interleavings, so that what is tried is the source that is shipped.

#[cfg(not(feature = "shuttle"))]
pub(crate) use std::{sync, thread};

#[cfg(feature = "shuttle")]
pub(crate) use shuttle::{sync, thread};

pub(crate) use sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak, atomic};

/// Waits on the calling thread.
#[cfg(not(feature = "shuttle"))]
pub(crate) use pollster::block_on;
#[cfg(feature = "shuttle")]
pub(crate) use shuttle::future::block_on;

/// The lock, whether a panic happened under it or not: what it guards is whole between statements.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
