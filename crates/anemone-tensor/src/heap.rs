//! The allocator's own store of memory that was freed.

/// Gives the system back what the allocator keeps of memory that was freed. To be called after much
/// was, since it looks at the whole heap; it does nothing where the allocator has no such call.
pub fn return_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: glibc's `malloc_trim` takes any number, may be called from any thread at any time,
    // and touches only what nobody has allocated.
    unsafe {
        libc::malloc_trim(0);
    }
}
