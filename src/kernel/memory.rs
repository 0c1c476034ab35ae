//! Memory as an actor uses it on a learner's behalf: mappings by number, and plain machine accesses.
//!
//! Loads and stores are one machine instruction each, written in assembler: the compiler can't leave one out, split
//! or move it, and an address that leads nowhere gives the machine's SIGSEGV, not undefined behaviour. Only actors
//! call them, on addresses that their learner gave; what they overwrite there is that actor's own memory.

use std::arch::asm;
use std::ffi::CStr;

use nix::errno::Errno;

/// An integer in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// One byte.
    W8,
    /// Two bytes.
    W16,
    /// Four bytes.
    W32,
    /// Eight bytes.
    W64,
}

impl Width {
    /// That of so many bytes, if there is one.
    pub const fn from_bytes(bytes: u8) -> Option<Self> {
        match bytes {
            1 => Some(Self::W8),
            2 => Some(Self::W16),
            4 => Some(Self::W32),
            8 => Some(Self::W64),
            _ => None,
        }
    }

    /// The value in the low bits of `word`, extended to 64 bits.
    pub(super) const fn extend(self, word: u64, signed: bool) -> i64 {
        match (self, signed) {
            (Self::W8, false) => word as u8 as i64,
            (Self::W8, true) => word as i8 as i64,
            (Self::W16, false) => word as u16 as i64,
            (Self::W16, true) => word as i16 as i64,
            (Self::W32, false) => word as u32 as i64,
            (Self::W32, true) => word as i32 as i64,
            (Self::W64, _) => word as i64,
        }
    }
}

/// Loads an integer. May end the process by SIGSEGV or SIGBUS.
#[inline]
pub fn load(address: u64, width: Width, signed: bool) -> i64 {
    let word: u64;
    macro_rules! load {
        ($template:literal) => {
            // SAFETY: one load and nothing else; a bad address raises a signal, which is what is asked for.
            unsafe { asm!($template, address = in(reg) address, word = out(reg) word, options(nostack, preserves_flags)) }
        };
    }
    #[cfg(target_arch = "x86_64")]
    match width {
        Width::W8 => load!("movzx {word:e}, byte ptr [{address}]"),
        Width::W16 => load!("movzx {word:e}, word ptr [{address}]"),
        Width::W32 => load!("mov {word:e}, dword ptr [{address}]"),
        Width::W64 => load!("mov {word}, qword ptr [{address}]"),
    }
    #[cfg(target_arch = "aarch64")]
    match width {
        Width::W8 => load!("ldrb {word:w}, [{address}]"),
        Width::W16 => load!("ldrh {word:w}, [{address}]"),
        Width::W32 => load!("ldr {word:w}, [{address}]"),
        Width::W64 => load!("ldr {word:x}, [{address}]"),
    }
    width.extend(word, signed)
}

/// Stores the low bits of `value`. May end the process by SIGSEGV or SIGBUS.
#[inline]
pub fn store(address: u64, width: Width, value: i64) {
    macro_rules! store {
        ($template:literal) => {
            // SAFETY: one store and nothing else, into memory that the actor's learner chose.
            unsafe { asm!($template, address = in(reg) address, word = in(reg) value, options(nostack, preserves_flags)) }
        };
    }
    #[cfg(target_arch = "x86_64")]
    macro_rules! store_byte {
        ($template:literal) => {
            // SAFETY: as above.
            unsafe {
                asm!($template, address = in(reg) address, word = in(reg_byte) value as u8, options(nostack, preserves_flags));
            }
        };
    }
    #[cfg(target_arch = "x86_64")]
    match width {
        Width::W8 => store_byte!("mov byte ptr [{address}], {word}"),
        Width::W16 => store!("mov word ptr [{address}], {word:x}"),
        Width::W32 => store!("mov dword ptr [{address}], {word:e}"),
        Width::W64 => store!("mov qword ptr [{address}], {word}"),
    }
    #[cfg(target_arch = "aarch64")]
    match width {
        Width::W8 => store!("strb {word:w}, [{address}]"),
        Width::W16 => store!("strh {word:w}, [{address}]"),
        Width::W32 => store!("str {word:w}, [{address}]"),
        Width::W64 => store!("str {word:x}, [{address}]"),
    }
}

/// Adds to an integer in one indivisible step (sequentially consistent) and gives what it held before. May end the
/// process by SIGSEGV or SIGBUS; on aarch64 also where the address is no multiple of the width.
#[inline]
pub fn atomic_add(address: u64, width: Width, value: i64, signed: bool) -> i64 {
    let before: u64;
    #[cfg(target_arch = "x86_64")]
    {
        macro_rules! add {
            ($template:literal) => {{
                let word: u64;
                // SAFETY: one locked instruction on memory that the actor's learner chose.
                unsafe { asm!($template, address = in(reg) address, word = inout(reg) value as u64 => word, options(nostack)) }
                word
            }};
        }
        before = match width {
            Width::W8 => {
                let byte: u8;
                // SAFETY: as above.
                unsafe {
                    asm!(
                        "lock xadd byte ptr [{address}], {word}",
                        address = in(reg) address,
                        word = inout(reg_byte) value as u8 => byte,
                        options(nostack)
                    );
                }
                u64::from(byte)
            }
            Width::W16 => add!("lock xadd word ptr [{address}], {word:x}"),
            Width::W32 => add!("lock xadd dword ptr [{address}], {word:e}"),
            Width::W64 => add!("lock xadd qword ptr [{address}], {word}"),
        };
    }
    #[cfg(target_arch = "aarch64")]
    {
        macro_rules! add {
            ($load:literal, $add:literal, $store:literal) => {{
                let word: u64;
                // SAFETY: an exclusive load and store on memory that the actor's learner chose.
                unsafe {
                    asm!(
                        "2:", $load, $add, $store, "cbnz {failed:w}, 2b",
                        address = in(reg) address,
                        value = in(reg) value,
                        word = out(reg) word,
                        sum = out(reg) _,
                        failed = out(reg) _,
                        options(nostack, preserves_flags)
                    );
                }
                word
            }};
        }
        before = match width {
            Width::W8 => add!(
                "ldaxrb {word:w}, [{address}]",
                "add {sum:w}, {word:w}, {value:w}",
                "stlxrb {failed:w}, {sum:w}, [{address}]"
            ),
            Width::W16 => add!(
                "ldaxrh {word:w}, [{address}]",
                "add {sum:w}, {word:w}, {value:w}",
                "stlxrh {failed:w}, {sum:w}, [{address}]"
            ),
            Width::W32 => add!(
                "ldaxr {word:w}, [{address}]",
                "add {sum:w}, {word:w}, {value:w}",
                "stlxr {failed:w}, {sum:w}, [{address}]"
            ),
            Width::W64 => add!(
                "ldaxr {word:x}, [{address}]",
                "add {sum:x}, {word:x}, {value:x}",
                "stlxr {failed:w}, {sum:x}, [{address}]"
            ),
        };
    }
    width.extend(before, signed)
}

/// Loads as many bytes as `to` has, one after the other. May end the process by SIGSEGV or SIGBUS.
pub fn copy_out(address: u64, to: &mut [u8]) {
    for (index, byte) in to.iter_mut().enumerate() {
        *byte = load(address.wrapping_add(index as u64), Width::W8, false) as u8;
    }
}

/// Stores bytes, one after the other. May end the process by SIGSEGV or SIGBUS.
pub fn copy_in(address: u64, bytes: &[u8]) {
    for (index, &byte) in bytes.iter().enumerate() {
        store(address.wrapping_add(index as u64), Width::W8, byte.into());
    }
}

/// A mapping by numbers, see mmap(2). `address` 0 leaves the place to the kernel.
pub fn mmap(address: u64, length: u64, prot: i32, flags: i32, fd: i32, offset: i64) -> Result<u64, Errno> {
    // SAFETY: without MAP_FIXED the mapping takes no memory that is in use; with it, the learner's actor replaces
    // memory of its own.
    let start = unsafe { libc::mmap(address as *mut libc::c_void, length as usize, prot, flags, fd, offset) };
    if start == libc::MAP_FAILED { Err(Errno::last()) } else { Ok(start as u64) }
}

/// Removes what is mapped there, see munmap(2). No error where nothing is.
pub fn munmap(address: u64, length: u64) -> Result<(), Errno> {
    // SAFETY: the actor gives up memory that its learner chose.
    Errno::result(unsafe { libc::munmap(address as *mut libc::c_void, length as usize) }).map(drop)
}

/// Changes the protection of pages, see mprotect(2).
pub fn mprotect(address: u64, length: u64, prot: i32) -> Result<(), Errno> {
    // SAFETY: the actor changes memory that its learner chose.
    Errno::result(unsafe { libc::mprotect(address as *mut libc::c_void, length as usize, prot) }).map(drop)
}

/// Writes a mapping back to its file, see msync(2).
pub fn msync(address: u64, length: u64, flags: i32) -> Result<(), Errno> {
    // SAFETY: reads the mapping only, and fails where there is none.
    Errno::result(unsafe { libc::msync(address as *mut libc::c_void, length as usize, flags) }).map(drop)
}

/// Opens a shared memory object, see shm_open(3), and gives the descriptor's number.
pub fn shm_open(name: &CStr, flags: i32, mode: u32) -> Result<i32, Errno> {
    // SAFETY: the name is a C string.
    Errno::result(unsafe { libc::shm_open(name.as_ptr(), flags, mode) })
}

/// Removes the name of a shared memory object, see shm_unlink(3).
pub fn shm_unlink(name: &CStr) -> Result<(), Errno> {
    // SAFETY: the name is a C string.
    Errno::result(unsafe { libc::shm_unlink(name.as_ptr()) }).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::process::{How, reset_signals};
    use crate::kernel::testing::in_child;

    const RW: i32 = libc::PROT_READ | libc::PROT_WRITE;

    #[test]
    fn integers_of_each_width_and_sign() {
        let page = mmap(0, 4096, RW, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0).unwrap();
        for (width, unsigned) in [(Width::W8, 0xff), (Width::W16, 0xffff), (Width::W32, 0xffff_ffff), (Width::W64, -1)]
        {
            for at in [page, page + 65] {
                store(at, Width::W64, 0);
                store(at, width, -1);
                assert_eq!(load(at, width, true), -1, "{width:?}");
                assert_eq!(load(at, width, false), unsigned, "{width:?}");
                assert_eq!(load(at, Width::W64, false), unsigned, "{width:?} stored beyond its width");
            }
            store(page, width, 5);
            assert_eq!(atomic_add(page, width, -7, true), 5);
            assert_eq!(atomic_add(page, width, 1, true), -2);
            assert_eq!(load(page, width, true), -1);
        }
        copy_in(page + 3, b"bytes");
        let mut seen = [0; 7];
        copy_out(page + 2, &mut seen);
        assert_eq!(&seen, b"\xffbytes\0");
        munmap(page, 4096).unwrap();
        assert_eq!(mmap(0, 0, RW, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0), Err(Errno::EINVAL));
        assert_eq!(mmap(0, 4096, RW, libc::MAP_SHARED, -1, 0), Err(Errno::EBADF));
    }

    #[test]
    fn a_bad_address_is_the_machines_signal() {
        let acts: [fn() -> i64; 4] = [
            || load(0, Width::W32, false),
            || atomic_add(8, Width::W64, 1, false),
            || {
                store(0x10, Width::W8, 1);
                0
            },
            || {
                copy_in(1, b"x");
                0
            },
        ];
        for act in acts {
            let how = in_child(|| {
                reset_signals();
                act() as i32
            });
            assert_eq!(how, How::Killed(libc::SIGSEGV));
        }
    }

    #[test]
    fn adds_of_two_threads_are_never_lost() {
        let page = mmap(0, 4096, RW, libc::MAP_SHARED | libc::MAP_ANONYMOUS, -1, 0).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        atomic_add(page, Width::W16, 3, false);
                    }
                });
            }
        });
        assert_eq!(load(page, Width::W16, false), 60_000);
        munmap(page, 4096).unwrap();
    }

    #[test]
    fn shared_memory_by_name() {
        let name = std::ffi::CString::new(format!("/ipclab-test-memory-{}", std::process::id())).unwrap();
        assert_eq!(shm_open(&name, libc::O_RDWR, 0), Err(Errno::ENOENT));
        let fd = shm_open(&name, libc::O_RDWR | libc::O_CREAT | libc::O_EXCL, 0o600).unwrap();
        let again = shm_open(&name, libc::O_RDWR | libc::O_CREAT | libc::O_EXCL, 0o600);
        shm_unlink(&name).unwrap();
        assert_eq!(again, Err(Errno::EEXIST));
        assert_eq!(shm_unlink(&name), Err(Errno::ENOENT));
        crate::kernel::fd::ftruncate(fd, 4096).unwrap();
        let address = mmap(0, 4096, RW, libc::MAP_SHARED, fd, 0).unwrap();
        store(address, Width::W32, 7);
        assert_eq!(msync(address, 4096, libc::MS_SYNC), Ok(()));
        mprotect(address, 4096, libc::PROT_READ).unwrap();
        assert_eq!(load(address, Width::W32, false), 7);
        munmap(address, 4096).unwrap();
        assert_eq!(msync(address, 4096, libc::MS_SYNC), Err(Errno::ENOMEM));
        crate::kernel::fd::close(fd).unwrap();
    }
}
