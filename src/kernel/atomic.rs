//! Atomic accesses to memory at an address, each one instruction of the machine on x86-64, and one instruction or a loop
//! of exclusive ones on aarch64. Like those of [`memory`] they are written as assembly, so that an address
//! that leads nowhere gives the machine's SIGSEGV. On aarch64 those that read and write are acquire and release whatever
//! order is asked for: stronger than asked is allowed.

use std::arch::asm;

use super::memory::{self, Width};

/// A memory order of C, by the number that gcc and clang give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// memory_order_relaxed
    Relaxed,
    /// memory_order_consume, which compilers take as acquire
    Consume,
    /// memory_order_acquire
    Acquire,
    /// memory_order_release
    Release,
    /// memory_order_acq_rel
    AcqRel,
    /// memory_order_seq_cst
    SeqCst,
}

impl Order {
    /// All of them with their names, in the order of their numbers.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Relaxed, "memory_order_relaxed"),
        (Self::Consume, "memory_order_consume"),
        (Self::Acquire, "memory_order_acquire"),
        (Self::Release, "memory_order_release"),
        (Self::AcqRel, "memory_order_acq_rel"),
        (Self::SeqCst, "memory_order_seq_cst"),
    ];
}

/// Loads an integer. May end the process by SIGSEGV or SIGBUS; on aarch64 also where the address is no multiple of the
/// width.
#[inline]
pub fn load(address: u64, width: Width, signed: bool, order: Order) -> i64 {
    #[cfg(target_arch = "aarch64")]
    if order != Order::Relaxed {
        let word: u64;
        macro_rules! acquire {
            ($template:literal) => {
                // SAFETY: one load and nothing else; a bad address raises a signal, which is what is asked for.
                unsafe { asm!($template, address = in(reg) address, word = out(reg) word, options(nostack, preserves_flags)) }
            };
        }
        match width {
            Width::W8 => acquire!("ldarb {word:w}, [{address}]"),
            Width::W16 => acquire!("ldarh {word:w}, [{address}]"),
            Width::W32 => acquire!("ldar {word:w}, [{address}]"),
            Width::W64 => acquire!("ldar {word:x}, [{address}]"),
        }
        return width.extend(word, signed);
    }
    // x86-64 orders each load so that it acquires.
    let _ = order;
    memory::load(address, width, signed)
}

/// Stores the low bits of `value`. May end the process as [`load`] may.
#[inline]
pub fn store(address: u64, width: Width, value: i64, order: Order) {
    #[cfg(target_arch = "aarch64")]
    if order != Order::Relaxed {
        macro_rules! release {
            ($template:literal) => {
                // SAFETY: one store and nothing else, into memory that the actor's learner chose.
                unsafe { asm!($template, address = in(reg) address, word = in(reg) value, options(nostack, preserves_flags)) }
            };
        }
        match width {
            Width::W8 => release!("stlrb {word:w}, [{address}]"),
            Width::W16 => release!("stlrh {word:w}, [{address}]"),
            Width::W32 => release!("stlr {word:w}, [{address}]"),
            Width::W64 => release!("stlr {word:x}, [{address}]"),
        }
        return;
    }
    // x86-64 orders each store so that it releases; only later loads may pass it, unless it is an exchange.
    if cfg!(target_arch = "x86_64") && order == Order::SeqCst {
        exchange(address, width, value, false);
    } else {
        memory::store(address, width, value);
    }
}

/// Stores an integer and gives what was there, in one indivisible step. May end the process as [`load`] may.
#[inline]
pub fn exchange(address: u64, width: Width, value: i64, signed: bool) -> i64 {
    let before: u64;
    #[cfg(target_arch = "x86_64")]
    {
        macro_rules! exchange {
            ($template:literal) => {{
                let word: u64;
                // SAFETY: one instruction, locked by its nature, on memory that the actor's learner chose.
                unsafe {
                    asm!($template, address = in(reg) address, word = inout(reg) value as u64 => word,
                        options(nostack, preserves_flags));
                }
                word
            }};
        }
        before = match width {
            Width::W8 => {
                let byte: u8;
                // SAFETY: as above.
                unsafe {
                    asm!("xchg byte ptr [{address}], {word}", address = in(reg) address,
                        word = inout(reg_byte) value as u8 => byte, options(nostack, preserves_flags));
                }
                u64::from(byte)
            }
            Width::W16 => exchange!("xchg word ptr [{address}], {word:x}"),
            Width::W32 => exchange!("xchg dword ptr [{address}], {word:e}"),
            Width::W64 => exchange!("xchg qword ptr [{address}], {word}"),
        };
    }
    #[cfg(target_arch = "aarch64")]
    {
        macro_rules! exchange {
            ($load:literal, $store:literal) => {{
                let word: u64;
                // SAFETY: an exclusive load and store on memory that the actor's learner chose.
                unsafe {
                    asm!("2:", $load, $store, "cbnz {failed:w}, 2b", address = in(reg) address, value = in(reg) value,
                        word = out(reg) word, failed = out(reg) _, options(nostack, preserves_flags));
                }
                word
            }};
        }
        before = match width {
            Width::W8 => exchange!("ldaxrb {word:w}, [{address}]", "stlxrb {failed:w}, {value:w}, [{address}]"),
            Width::W16 => exchange!("ldaxrh {word:w}, [{address}]", "stlxrh {failed:w}, {value:w}, [{address}]"),
            Width::W32 => exchange!("ldaxr {word:w}, [{address}]", "stlxr {failed:w}, {value:w}, [{address}]"),
            Width::W64 => exchange!("ldaxr {word:x}, [{address}]", "stlxr {failed:w}, {value:x}, [{address}]"),
        };
    }
    width.extend(before, signed)
}

/// Stores `desired` where `expected` is, in one indivisible step, and gives what was there: it was stored if that is
/// `expected`. May end the process as [`load`] may.
#[inline]
pub fn compare_exchange(address: u64, width: Width, expected: i64, desired: i64, signed: bool) -> i64 {
    let before: u64;
    #[cfg(target_arch = "x86_64")]
    {
        macro_rules! compare {
            ($template:literal) => {{
                let word: u64;
                // SAFETY: one locked instruction on memory that the actor's learner chose.
                unsafe {
                    asm!($template, address = in(reg) address, desired = in(reg) desired,
                        inout("rax") expected => word, options(nostack));
                }
                word
            }};
        }
        before = match width {
            Width::W8 => {
                let word: u64;
                // SAFETY: as above.
                unsafe {
                    asm!("lock cmpxchg byte ptr [{address}], {desired}", address = in(reg) address,
                        desired = in(reg_byte) desired as u8, inout("rax") expected => word, options(nostack));
                }
                word
            }
            Width::W16 => compare!("lock cmpxchg word ptr [{address}], {desired:x}"),
            Width::W32 => compare!("lock cmpxchg dword ptr [{address}], {desired:e}"),
            Width::W64 => compare!("lock cmpxchg qword ptr [{address}], {desired}"),
        };
    }
    #[cfg(target_arch = "aarch64")]
    {
        macro_rules! compare {
            ($load:literal, $store:literal) => {{
                let word: u64;
                // What is loaded is extended by zeros, so what it is compared with must be.
                let wanted = width.extend(expected as u64, false);
                // SAFETY: an exclusive load and store on memory that the actor's learner chose.
                unsafe {
                    asm!("2:", $load, "cmp {word:x}, {wanted:x}", "b.ne 3f", $store, "cbnz {failed:w}, 2b", "3:",
                        address = in(reg) address, wanted = in(reg) wanted, desired = in(reg) desired,
                        word = out(reg) word, failed = out(reg) _, options(nostack));
                }
                word
            }};
        }
        before = match width {
            Width::W8 => compare!("ldaxrb {word:w}, [{address}]", "stlxrb {failed:w}, {desired:w}, [{address}]"),
            Width::W16 => compare!("ldaxrh {word:w}, [{address}]", "stlxrh {failed:w}, {desired:w}, [{address}]"),
            Width::W32 => compare!("ldaxr {word:w}, [{address}]", "stlxr {failed:w}, {desired:w}, [{address}]"),
            Width::W64 => compare!("ldaxr {word:x}, [{address}]", "stlxr {failed:w}, {desired:x}, [{address}]"),
        };
    }
    width.extend(before, signed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::memory::{mmap, munmap};
    use crate::kernel::process::{How, reset_signals};
    use crate::kernel::testing::in_child;

    fn page() -> u64 {
        mmap(0, 4096, libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS, -1, 0).unwrap()
    }

    #[test]
    fn each_width_keeps_to_its_bytes() {
        let page = page();
        for (width, unsigned) in [(Width::W8, 0xff), (Width::W16, 0xffff), (Width::W32, 0xffff_ffff), (Width::W64, -1)]
        {
            memory::store(page, Width::W64, 0);
            for (order, _) in Order::ALL {
                store(page, width, -1, order);
                assert_eq!(load(page, width, true, order), -1, "{width:?} {order:?}");
                assert_eq!(load(page, Width::W64, false, order), unsigned, "{width:?} {order:?}");
            }
            assert_eq!(exchange(page, width, 5, true), -1);
            assert_eq!(compare_exchange(page, width, 4, 9, true), 5, "not what is there");
            assert_eq!(compare_exchange(page, width, 5, -2, true), 5);
            assert_eq!(compare_exchange(page, width, -2, 7, true), -2, "{width:?}");
            assert_eq!(load(page, Width::W64, false, Order::SeqCst), 7, "{width:?}");
        }
        munmap(page, 4096).unwrap();
    }

    #[test]
    fn exchanges_of_two_threads_lose_nothing() {
        let page = page();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..5000 {
                        let mut seen = load(page, Width::W32, false, Order::Relaxed);
                        loop {
                            match compare_exchange(page, Width::W32, seen, seen + 1, false) {
                                before if before == seen => break,
                                before => seen = before,
                            }
                        }
                    }
                });
            }
        });
        assert_eq!(load(page, Width::W32, false, Order::Acquire), 10_000);
        munmap(page, 4096).unwrap();
    }

    #[test]
    fn a_bad_address_is_the_machines_signal() {
        let acts: [fn() -> i64; 3] = [
            || load(0, Width::W32, false, Order::SeqCst),
            || exchange(8, Width::W64, 1, false),
            || compare_exchange(8, Width::W8, 0, 1, false),
        ];
        for act in acts {
            let how = in_child(|| {
                reset_signals();
                act() as i32
            });
            assert_eq!(how, How::Killed(libc::SIGSEGV));
        }
    }
}
