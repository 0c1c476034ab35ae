//! What the results of calls on POSIX message queues mean here; see ERRORS of mq_open(3), mq_send(3), mq_receive(3),
//! mq_getattr(3), mq_notify(3) and mq_unlink(3).

use super::limit;
use crate::kernel::arena::Record;

/// Priorities go from 0 to one less; see sysconf(3), `_SC_MQ_PRIO_MAX`.
const PRIO_MAX: i64 = 32_768;

pub(super) fn means(verb: &str, record: &Record) -> Option<String> {
    let [_, _, length, priority, ..] = record.args;
    let words = match (verb, record.errno) {
        ("mq_open", libc::EINVAL) if record.args[3] >= 0 => {
            return Some(format!(
                "here a queue may hold 1 to {} messages of 1 to {} bytes each",
                limit("msg_max", 10),
                limit("msgsize_max", 8192)
            ));
        }
        ("mq_open", errno) => opened(errno)?,
        ("mq_send" | "mq_timedsend", libc::EINVAL) if !(0..PRIO_MAX).contains(&priority) => {
            return Some(format!("a priority is 0 to {}", PRIO_MAX - 1));
        }
        ("mq_send" | "mq_timedsend", libc::EMSGSIZE) => {
            return Some(format!(
                "the message has {length} bytes, more than mq_msgsize of the queue; nothing was sent"
            ));
        }
        ("mq_send" | "mq_timedsend", libc::EAGAIN) => "the queue is full, and with O_NONBLOCK the call does not wait",
        ("mq_timedsend", libc::ETIMEDOUT) => "the time is up, and the queue is as full as before; nothing was sent",
        ("mq_send" | "mq_timedsend", libc::EBADF) => "this is no queue that is open for writing",
        ("mq_receive" | "mq_timedreceive", libc::EAGAIN) => {
            "the queue is empty, and with O_NONBLOCK the call does not wait"
        }
        ("mq_timedreceive", libc::ETIMEDOUT) => "the time is up, and nothing has come",
        ("mq_receive" | "mq_timedreceive", libc::EBADF) => "this is no queue that is open for reading",
        ("mq_receive" | "mq_timedreceive", libc::EMSGSIZE) => {
            return Some(format!(
                "a buffer of {length} bytes is less than mq_msgsize: it must have room for the longest message that the \
                 queue allows, however short the one in it is"
            ));
        }
        ("mq_timedsend" | "mq_timedreceive", libc::EINVAL) => "that is no time to wait until",
        ("mq_setattr", libc::EINVAL) => "only O_NONBLOCK can be changed",
        ("mq_notify", libc::EBUSY) => "somebody is registered already, and a queue tells one process",
        ("mq_notify", libc::EINVAL) => "no signal has this number: they go from 1 to 64",
        ("mq_unlink", libc::ENOENT) => "no queue has this name",
        ("mq_unlink", libc::EACCES | libc::EPERM) => "only the queue's owner may take its name away",
        ("mq_unlink", libc::ENAMETOOLONG) => TOO_LONG,
        (_, libc::EBADF) => "this is no open descriptor of a queue",
        _ => return None,
    };
    Some(words.to_owned())
}

const TOO_LONG: &str = "a queue's name has at most 255 bytes";

const fn opened(errno: i32) -> Option<&'static str> {
    Some(match errno {
        libc::EACCES => "there is such a queue, and its mode does not let the caller open it so",
        libc::EEXIST => "there is such a queue already, and O_EXCL wants a new one",
        libc::EINVAL => "this is no name of a queue",
        libc::EMFILE => {
            "the caller has as many descriptors open as it may, or its user's queues would take more than \
             RLIMIT_MSGQUEUE, which counts what they could hold and not what they do"
        }
        libc::ENAMETOOLONG => TOO_LONG,
        libc::ENOENT => "no queue has this name, and O_CREAT was not asked for",
        libc::ENOSPC => "there are as many queues as /proc/sys/fs/mqueue/queues_max allows",
        _ => return None,
    })
}
