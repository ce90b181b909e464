//! AMX on Linux: whether this machine multiplies tiles of bf16, and that product.
//!
//! A tile is 16 rows of 64 bytes. The left side has rows of 32 numbers; the right side has pairs of
//! rows interleaved, so that each of its lines holds two numbers of 16 columns.

use std::arch::asm;
use std::marker::PhantomData;
use std::sync::OnceLock;

/// Rows and columns of the largest product: two tiles by two.
pub(super) const SIDE: usize = 32;
/// Numbers of the inner axis in one step.
pub(super) const STEP: usize = 32;
/// Pieces of bf16 that make up one `f32`.
pub(super) const PIECES: usize = 3;
/// Elements of a tile of bf16.
pub(super) const TILE: usize = 16 * 32;

/// Whether this process may use the tiles, and has the vector instructions that go with them.
pub(super) fn available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| vectors() && tiles() && permitted())
}

fn vectors() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512bf16")
}

/// The processor's word for tiles and their product in bf16.
fn tiles() -> bool {
    const BF16: u32 = 1 << 22;
    const TILES: u32 = 1 << 24;
    let features = std::arch::x86_64::__cpuid_count(7, 0).edx;
    features & (BF16 | TILES) == BF16 | TILES
}

/// Asks the system to keep the tiles' state for this process.
#[cfg(target_os = "linux")]
fn permitted() -> bool {
    const ARCH_PRCTL: i64 = 158;
    const REQUEST: i64 = 0x1023;
    const TILE_DATA: i64 = 18;
    let result: i64;
    // SAFETY: the call takes two numbers, touches no memory, and fails where it is not known.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") ARCH_PRCTL => result,
            in("rdi") REQUEST,
            in("rsi") TILE_DATA,
            out("rcx") _,
            out("r11") _,
            options(nostack),
        );
    }
    result == 0
}

#[cfg(not(target_os = "linux"))]
fn permitted() -> bool {
    false
}

/// This thread's tiles, configured at their full size until it is dropped.
pub(super) struct Tiles(PhantomData<*const ()>);

/// What `ldtilecfg` reads.
#[repr(C, align(64))]
struct Config([u8; 64]);

impl Tiles {
    /// Configures the tiles; `None` where there are none.
    pub(super) fn configure() -> Option<Tiles> {
        const CONFIG: Config = {
            let mut bytes = [0; 64];
            bytes[0] = 1;
            let mut tile = 0;
            while tile < 8 {
                bytes[16 + 2 * tile] = 64;
                bytes[48 + tile] = 16;
                tile += 1;
            }
            Config(bytes)
        };
        if !available() {
            return None;
        }
        // SAFETY: the tiles are there and permitted, and the configuration is a valid one.
        unsafe { asm!("ldtilecfg [{}]", in(reg) CONFIG.0.as_ptr(), options(nostack, readonly)) };
        Some(Tiles(PhantomData))
    }

    /// Writes the product of `left` and `right` into the rows of 32 in `out`, of which the first
    /// `16 * HEIGHT` are written.
    ///
    /// Each step of `left` holds the pieces of `HEIGHT` tiles, the largest piece first; each step
    /// of `right` holds two tiles. All steps are summed in order, in each the smallest piece first.
    pub(super) fn product<const HEIGHT: usize>(
        &self,
        left: &[u16],
        right: &[u16],
        out: &mut [f32; SIDE * SIDE],
    ) {
        const { assert!(HEIGHT == 1 || HEIGHT == 2) };
        let steps = right.len() / (2 * TILE);
        assert!(steps > 0 && left.len() == steps * PIECES * HEIGHT * TILE);
        assert!(right.len() == steps * 2 * TILE);
        let (left, right, out) = (left.as_ptr(), right.as_ptr(), out.as_mut_ptr());
        // SAFETY: the tiles are configured as long as `self` lives; the lengths just checked are
        // what the loops read, and `out` holds two tiles by two of `f32`.
        unsafe {
            if HEIGHT == 2 {
                asm!(
                    "tilezero tmm0", "tilezero tmm1", "tilezero tmm2", "tilezero tmm3",
                    "2:",
                    "tileloadd tmm6, [{b} + {line}]",
                    "tileloadd tmm7, [{b} + {line} + 1024]",
                    "tileloadd tmm4, [{a} + {line} + 4096]",
                    "tileloadd tmm5, [{a} + {line} + 5120]",
                    "tdpbf16ps tmm0, tmm4, tmm6", "tdpbf16ps tmm1, tmm4, tmm7",
                    "tdpbf16ps tmm2, tmm5, tmm6", "tdpbf16ps tmm3, tmm5, tmm7",
                    "tileloadd tmm4, [{a} + {line} + 2048]",
                    "tileloadd tmm5, [{a} + {line} + 3072]",
                    "tdpbf16ps tmm0, tmm4, tmm6", "tdpbf16ps tmm1, tmm4, tmm7",
                    "tdpbf16ps tmm2, tmm5, tmm6", "tdpbf16ps tmm3, tmm5, tmm7",
                    "tileloadd tmm4, [{a} + {line}]",
                    "tileloadd tmm5, [{a} + {line} + 1024]",
                    "tdpbf16ps tmm0, tmm4, tmm6", "tdpbf16ps tmm1, tmm4, tmm7",
                    "tdpbf16ps tmm2, tmm5, tmm6", "tdpbf16ps tmm3, tmm5, tmm7",
                    "add {a}, 6144", "add {b}, 2048", "dec {steps}", "jnz 2b",
                    "tilestored [{c} + {row}], tmm0", "tilestored [{c} + {row} + 64], tmm1",
                    "tilestored [{c} + {row} + 2048], tmm2", "tilestored [{c} + {row} + 2112], tmm3",
                    a = inout(reg) left => _, b = inout(reg) right => _,
                    steps = inout(reg) steps => _, c = in(reg) out,
                    line = in(reg) 64usize, row = in(reg) 128usize,
                    out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                    out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                    options(nostack),
                );
            } else {
                asm!(
                    "tilezero tmm0", "tilezero tmm1",
                    "2:",
                    "tileloadd tmm6, [{b} + {line}]",
                    "tileloadd tmm7, [{b} + {line} + 1024]",
                    "tileloadd tmm3, [{a} + {line} + 2048]",
                    "tdpbf16ps tmm0, tmm3, tmm6", "tdpbf16ps tmm1, tmm3, tmm7",
                    "tileloadd tmm4, [{a} + {line} + 1024]",
                    "tdpbf16ps tmm0, tmm4, tmm6", "tdpbf16ps tmm1, tmm4, tmm7",
                    "tileloadd tmm5, [{a} + {line}]",
                    "tdpbf16ps tmm0, tmm5, tmm6", "tdpbf16ps tmm1, tmm5, tmm7",
                    "add {a}, 3072", "add {b}, 2048", "dec {steps}", "jnz 2b",
                    "tilestored [{c} + {row}], tmm0", "tilestored [{c} + {row} + 64], tmm1",
                    a = inout(reg) left => _, b = inout(reg) right => _,
                    steps = inout(reg) steps => _, c = in(reg) out,
                    line = in(reg) 64usize, row = in(reg) 128usize,
                    out("tmm0") _, out("tmm1") _, out("tmm3") _, out("tmm4") _,
                    out("tmm5") _, out("tmm6") _, out("tmm7") _,
                    options(nostack),
                );
            }
        }
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: the tiles are there, as they were configured on this thread.
        unsafe { asm!("tilerelease", options(nostack, nomem)) };
    }
}
