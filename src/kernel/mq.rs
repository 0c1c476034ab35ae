//! POSIX message queues by number, as an actor uses them, see mq_overview(7). On Linux a queue's descriptor is a file
//! descriptor: close it with [`super::fd::close`].

use std::ffi::CStr;

use nix::errno::Errno;

use super::clock::{realtime_ns, timespec};

/// A queue's attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MqAttr {
    /// O_NONBLOCK or 0.
    pub flags: i64,
    /// How many messages it can hold.
    pub maxmsg: i64,
    /// How long a message may be, in bytes.
    pub msgsize: i64,
    /// How many messages it holds.
    pub curmsgs: i64,
}

impl MqAttr {
    fn raw(self) -> libc::mq_attr {
        // SAFETY: all zero is an mq_attr; it has padding that can't be named.
        let mut raw: libc::mq_attr = unsafe { std::mem::zeroed() };
        raw.mq_flags = self.flags;
        raw.mq_maxmsg = self.maxmsg;
        raw.mq_msgsize = self.msgsize;
        raw.mq_curmsgs = self.curmsgs;
        raw
    }

    const fn from_raw(raw: &libc::mq_attr) -> Self {
        Self { flags: raw.mq_flags, maxmsg: raw.mq_maxmsg, msgsize: raw.mq_msgsize, curmsgs: raw.mq_curmsgs }
    }
}

/// Opens a queue, see mq_open(3). `attr` counts only where it is created: size and number of messages.
pub fn mq_open(name: &CStr, flags: i32, mode: u32, attr: Option<MqAttr>) -> Result<i32, Errno> {
    let attr = attr.map(MqAttr::raw);
    let attr = attr.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the name is a C string; the attributes are null or live in this frame.
    Errno::result(unsafe { libc::mq_open(name.as_ptr(), flags, mode, attr) })
}

/// Removes a queue's name, see mq_unlink(3).
pub fn mq_unlink(name: &CStr) -> Result<(), Errno> {
    // SAFETY: the name is a C string.
    Errno::result(unsafe { libc::mq_unlink(name.as_ptr()) }).map(drop)
}

/// Sends a message; with a limit it is mq_timedsend(3), and waits at most that many ns.
pub fn mq_send(mqd: i32, message: &[u8], priority: u32, limit_ns: Option<u64>) -> Result<(), Errno> {
    let pointer = message.as_ptr().cast();
    let ret = match limit_ns {
        // SAFETY: the message is `len` bytes long.
        None => unsafe { libc::mq_send(mqd, pointer, message.len(), priority) },
        Some(limit) => {
            let until = timespec(realtime_ns().saturating_add(limit));
            // SAFETY: as above; the time is ours.
            unsafe { libc::mq_timedsend(mqd, pointer, message.len(), priority, &raw const until) }
        }
    };
    Errno::result(ret).map(drop)
}

/// Receives the oldest message of the highest priority: its length and priority. With a limit it is
/// mq_timedreceive(3), and waits at most that many ns.
///
/// # Errors
/// EMSGSIZE if the buffer is smaller than the queue's `msgsize`.
pub fn mq_receive(mqd: i32, buffer: &mut [u8], limit_ns: Option<u64>) -> Result<(usize, u32), Errno> {
    let mut priority = 0;
    let (pointer, length) = (buffer.as_mut_ptr().cast(), buffer.len());
    let ret = match limit_ns {
        // SAFETY: the kernel writes at most `length` bytes into the buffer, and a priority.
        None => unsafe { libc::mq_receive(mqd, pointer, length, &raw mut priority) },
        Some(limit) => {
            let until = timespec(realtime_ns().saturating_add(limit));
            // SAFETY: as above; the time is ours.
            unsafe { libc::mq_timedreceive(mqd, pointer, length, &raw mut priority, &raw const until) }
        }
    };
    Errno::result(ret).map(|count| (count as usize, priority))
}

/// A queue's attributes and how many messages it holds, see mq_getattr(3).
pub fn mq_getattr(mqd: i32) -> Result<MqAttr, Errno> {
    let mut raw = MqAttr::default().raw();
    // SAFETY: the attributes are ours.
    Errno::result(unsafe { libc::mq_getattr(mqd, &raw mut raw) })?;
    Ok(MqAttr::from_raw(&raw))
}

/// Sets O_NONBLOCK or clears it (nothing else can be changed), and gives what was before, see mq_setattr(3).
pub fn mq_setattr(mqd: i32, flags: i64) -> Result<MqAttr, Errno> {
    let new = MqAttr { flags, ..MqAttr::default() }.raw();
    let mut old = MqAttr::default().raw();
    // SAFETY: both attributes are ours.
    Errno::result(unsafe { libc::mq_setattr(mqd, &raw const new, &raw mut old) })?;
    Ok(MqAttr::from_raw(&old))
}

/// How a process wants to be told of a message that comes into an empty queue, see mq_notify(3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notify {
    /// SIGEV_NONE: it keeps others from registering, and is told nothing.
    Nothing,
    /// SIGEV_SIGNAL: by this signal, with this value.
    Signal(i32, i64),
    /// SIGEV_THREAD: by a new thread, which notes its value in the slot that [`super::signal::note_in`] named.
    Thread(i64),
}

/// `struct sigevent` with the part that libc's has no names for.
#[repr(C)]
struct SigEvent {
    value: i64,
    signal: i32,
    notify: i32,
    function: Option<extern "C" fn(libc::sigval)>,
    attributes: *const libc::c_void,
    rest: [u64; 4],
}

const _: () = assert!(size_of::<SigEvent>() == size_of::<libc::sigevent>());

/// Registers this process, or with `None` takes its registration back; see mq_notify(3). A thread is the C library's
/// doing: it makes a helper thread and a netlink socket for it, which stay.
///
/// # Errors
/// EBUSY if a process is registered already, EBADF, EINVAL.
pub fn mq_notify(mqd: i32, how: Option<Notify>) -> Result<(), Errno> {
    let event = |notify, signal, value, function| SigEvent {
        value,
        signal,
        notify,
        function,
        attributes: std::ptr::null(),
        rest: [0; 4],
    };
    let event = how.map(|how| match how {
        Notify::Nothing => event(libc::SIGEV_NONE, 0, 0, None),
        Notify::Signal(signal, value) => event(libc::SIGEV_SIGNAL, signal, value, None),
        Notify::Thread(value) => {
            event(libc::SIGEV_THREAD, 0, value, Some(super::signal::notified as extern "C" fn(libc::sigval)))
        }
    });
    let event = event.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the event is null or lives in this frame, and has the layout of a sigevent; the function touches only
    // atomics.
    Errno::result(unsafe { libc::mq_notify(mqd, event.cast()) }).map(drop)
}

/// What a queue's descriptor reads as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueState {
    /// How many bytes all messages have together.
    pub bytes: u64,
    /// SIGEV_SIGNAL, SIGEV_NONE or SIGEV_THREAD; means something only if somebody is registered.
    pub notify: i32,
    /// The signal of SIGEV_SIGNAL.
    pub signal: i32,
    /// Who is registered, in the pid namespace of the reader; 0 if nobody is.
    pub pid: i32,
}

/// Reads a queue's state through a descriptor that can read; takes nothing out.
///
/// # Errors
/// EBADF, and EINVAL if it is no queue.
pub fn queue_state(mqd: i32) -> Result<QueueState, Errno> {
    let mut text = [0_u8; 128];
    // SAFETY: the kernel writes at most the buffer's length.
    let count = Errno::result(unsafe { libc::pread(mqd, text.as_mut_ptr().cast(), text.len(), 0) })?;
    parse_queue_state(&String::from_utf8_lossy(&text[..count as usize])).ok_or(Errno::EINVAL)
}

fn parse_queue_state(text: &str) -> Option<QueueState> {
    let word = |key: &str| text.split_ascii_whitespace().find_map(|word| word.strip_prefix(key));
    let number = |key: &str| word(key).and_then(|digits| digits.parse().ok()).unwrap_or(0);
    let bytes = word("QSIZE:")?.parse().ok()?;
    Some(QueueState { bytes, notify: number("NOTIFY:"), signal: number("SIGNO:"), pid: number("NOTIFY_PID:") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fd::close;

    #[test]
    fn reads_the_state_of_a_queue() {
        assert_eq!(
            parse_queue_state("QSIZE:11         NOTIFY:0     SIGNO:10    NOTIFY_PID:687   \n"),
            Some(QueueState { bytes: 11, notify: 0, signal: 10, pid: 687 })
        );
        assert_eq!(parse_queue_state("hello"), None);
        assert_eq!(queue_state(-1), Err(Errno::EBADF));
    }

    #[test]
    fn messages_by_priority_and_the_kernels_errors() {
        let name = std::ffi::CString::new(format!("/ipclab-test-mq-{}", std::process::id())).unwrap();
        let create = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL;
        let attr = MqAttr { maxmsg: 2, msgsize: 8, ..MqAttr::default() };
        let mqd = match mq_open(&name, create, 0o600, Some(attr)) {
            Ok(mqd) => mqd,
            // A kernel without queues has nothing to test.
            Err(Errno::ENOSYS) => return,
            Err(errno) => panic!("{errno}"),
        };
        let again = mq_open(&name, create, 0o600, None);
        mq_unlink(&name).unwrap();
        assert_eq!(again, Err(Errno::EEXIST));
        assert_eq!(mq_unlink(&name), Err(Errno::ENOENT));
        let short = 2_000_000;
        let mut buffer = [0; 8];
        assert_eq!(mq_receive(mqd, &mut buffer, Some(short)), Err(Errno::ETIMEDOUT));
        mq_send(mqd, b"low", 1, None).unwrap();
        mq_send(mqd, b"high", 9, Some(short)).unwrap();
        assert_eq!(mq_send(mqd, b"more", 0, Some(short)), Err(Errno::ETIMEDOUT));
        assert_eq!(mq_send(mqd, b"too long!", 0, None), Err(Errno::EMSGSIZE));
        assert_eq!(mq_getattr(mqd), Ok(MqAttr { curmsgs: 2, ..attr }));
        let us = std::process::id() as i32;
        let state = |notify, signal, pid| QueueState { bytes: 7, notify, signal, pid };
        assert_eq!(queue_state(mqd), Ok(state(0, 0, 0)));
        mq_notify(mqd, Some(Notify::Signal(libc::SIGUSR1, 5))).unwrap();
        assert_eq!(mq_notify(mqd, Some(Notify::Nothing)), Err(Errno::EBUSY));
        assert_eq!(queue_state(mqd), Ok(state(libc::SIGEV_SIGNAL, libc::SIGUSR1, us)));
        mq_notify(mqd, None).unwrap();
        assert_eq!(queue_state(mqd).map(|state| state.pid), Ok(0));
        assert_eq!(mq_setattr(mqd, i64::from(libc::O_NONBLOCK)).unwrap().flags, 0);
        assert_eq!(mq_send(mqd, b"more", 0, None), Err(Errno::EAGAIN));
        assert_eq!(mq_receive(mqd, &mut buffer[..7], None), Err(Errno::EMSGSIZE));
        assert_eq!((mq_receive(mqd, &mut buffer, None), &buffer[..4]), (Ok((4, 9)), b"high".as_slice()));
        assert_eq!(mq_receive(mqd, &mut buffer, None), Ok((3, 1)));
        assert_eq!(mq_receive(mqd, &mut buffer, None), Err(Errno::EAGAIN));
        close(mqd).unwrap();
        assert_eq!(mq_getattr(-1), Err(Errno::EBADF));
        assert_eq!(mq_open(c"/", create, 0o600, None).unwrap_err(), Errno::ENOENT);
        assert_eq!(mq_open(&name, create, 0o600, Some(MqAttr::default())), Err(Errno::EINVAL));
    }
}
