//! The C library's standard output, as a C program uses it, see stdio(3). Rust's own output keeps a buffer apart from
//! it, so this one is the learner's alone.

use std::ffi::CStr;

use nix::errno::Errno;

mod c {
    unsafe extern "C" {
        pub(super) static stdout: *mut libc::FILE;
        pub(super) fn __fpending(stream: *mut libc::FILE) -> libc::size_t;
        pub(super) fn __flbf(stream: *mut libc::FILE) -> libc::c_int;
        pub(super) fn __fbufsize(stream: *mut libc::FILE) -> libc::size_t;
    }
}

fn stream() -> *mut libc::FILE {
    // SAFETY: the C library sets it before main, and nobody of ours sets it anew.
    unsafe { c::stdout }
}

/// Prints a text, in which `%` means nothing, see printf(3). Gives the number of bytes.
pub fn printf(text: &CStr) -> Result<i32, Errno> {
    // SAFETY: the format asks for one string, and gets one.
    let printed = unsafe { libc::printf(c"%s".as_ptr(), text.as_ptr()) };
    if printed < 0 { Err(Errno::last()) } else { Ok(printed) }
}

/// Writes what standard output holds back, see fflush(3).
pub fn fflush() -> Result<(), Errno> {
    // SAFETY: the stream is the C library's own.
    Errno::result(unsafe { libc::fflush(stream()) }).map(drop)
}

/// Sets how standard output buffers (_IONBF, _IOLBF, _IOFBF), in a buffer of the C library's own, see setvbuf(3).
///
/// # Errors
/// EINVAL for another mode, or where the C library refuses and does not say why.
pub fn setvbuf(mode: i32) -> Result<(), Errno> {
    if !matches!(mode, libc::_IONBF | libc::_IOLBF | libc::_IOFBF) {
        return Err(Errno::EINVAL);
    }
    // SAFETY: without a buffer given, the C library sees to one.
    let set = unsafe { libc::setvbuf(stream(), std::ptr::null_mut(), mode, libc::BUFSIZ as usize) };
    if set == 0 { Ok(()) } else { Err(Errno::EINVAL) }
}

/// How many bytes standard output holds back, see stdio_ext(3).
pub fn pending() -> usize {
    // SAFETY: reads the stream, which no other thread uses: an actor makes one call at a time.
    unsafe { c::__fpending(stream()) }
}

/// Whether standard output is written with each line, see stdio_ext(3).
pub fn line_buffered() -> bool {
    // SAFETY: as above.
    unsafe { c::__flbf(stream()) != 0 }
}

/// The size of its buffer in bytes: 0 before the first use, 1 at most if it is unbuffered, see stdio_ext(3).
pub fn buffer_size() -> usize {
    // SAFETY: as above.
    unsafe { c::__fbufsize(stream()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fd;
    use crate::kernel::process::How;
    use crate::kernel::testing::in_child;

    #[test]
    fn a_pipe_gets_blocks_and_fork_copies_what_waits() {
        let (r, w) = fd::pipe2(libc::O_CLOEXEC).unwrap();
        let how = in_child(|| {
            fd::dup2(w, 1).unwrap();
            let first = (printf(c"100%\n"), pending(), line_buffered());
            let inner = in_child(|| i32::from(pending() != 5 || fflush().is_err()));
            let flushed = (fflush(), pending());
            i32::from(first != (Ok(5), 5, false))
                | i32::from(inner != How::Exited(0)) << 1
                | i32::from(flushed != (Ok(()), 0)) << 2
                | i32::from(buffer_size() < 512) << 3
        });
        fd::close(w).unwrap();
        let mut buffer = [0; 32];
        let read = fd::read(r, &mut buffer).unwrap();
        fd::close(r).unwrap();
        assert_eq!((how, &buffer[..read]), (How::Exited(0), b"100%\n100%\n".as_slice()));
    }

    #[test]
    fn it_buffers_as_it_is_told() {
        let (r, w) = fd::pipe2(libc::O_CLOEXEC).unwrap();
        let how = in_child(|| {
            fd::dup2(w, 1).unwrap();
            let line = (setvbuf(libc::_IOLBF), printf(c"a\nb"), pending(), line_buffered());
            let none = (setvbuf(libc::_IONBF), printf(c"c"), pending());
            i32::from(line != (Ok(()), Ok(3), 1, true))
                | i32::from(none != (Ok(()), Ok(1), 0)) << 1
                | i32::from(setvbuf(99) != Err(Errno::EINVAL)) << 2
        });
        fd::close(w).unwrap();
        let mut buffer = [0; 32];
        let read = fd::read(r, &mut buffer).unwrap();
        fd::close(r).unwrap();
        assert_eq!((how, buffer[0]), (How::Exited(0), b'a'));
        assert!(read <= 4);
    }
}
