//! What the results of calls on System V queues mean here; see ERRORS of msgget(2), msgop(2), msgctl(2) and ftok(3).

use super::c;
use crate::facility::show;
use crate::kernel::arena::Record;

pub(super) fn means(verb: &str, record: &Record) -> Option<String> {
    let [_, second, third, flags, ..] = record.args;
    let asks = |flag: i32| flags & c(flag) != 0;
    let words = match (verb, record.errno) {
        ("msgget", libc::EACCES) => "a queue has this key, and its mode does not give the caller what was asked for",
        ("msgget", libc::EEXIST) => "a queue has this key already, and IPC_EXCL wants a new one",
        ("msgget", libc::ENOENT) => "no queue has this key, and IPC_CREAT was not asked for",
        ("msgget", libc::ENOSPC) => "there are as many queues as /proc/sys/kernel/msgmni allows",
        ("msgsnd", libc::EACCES) => "the queue's mode does not let the caller write",
        ("msgsnd", libc::EAGAIN) => "the queue is full up to msg_qbytes, and with IPC_NOWAIT the call does not wait",
        ("msgsnd", libc::EINVAL) if third < 1 => {
            "a type is at least 1: what is less means something to msgrcv, and no message has it"
        }
        ("msgsnd", libc::EINVAL) if second > msgmax() => {
            return Some(format!("the message has {second} bytes, and MSGMAX is {}", msgmax()));
        }
        ("msgrcv", libc::E2BIG) => {
            "the message is longer than msgsz, and stays in the queue; MSG_NOERROR would cut it off"
        }
        // What was longer leaves no other trace.
        ("msgrcv", 0) if asks(libc::MSG_NOERROR) && second >= 0 && show::returned(record) && record.ret == second => {
            "no more than msgsz was asked for: if the message was longer, its end is lost"
        }
        ("msgrcv", libc::EACCES) => "the queue's mode does not let the caller read",
        ("msgrcv", libc::EINVAL) if asks(libc::MSG_COPY) && !asks(libc::IPC_NOWAIT) => {
            "MSG_COPY goes with IPC_NOWAIT only"
        }
        ("msgrcv", libc::EINVAL) if asks(libc::MSG_COPY) && asks(libc::MSG_EXCEPT) => {
            "MSG_COPY takes a place in the queue where MSG_EXCEPT takes a type: both at once mean nothing"
        }
        ("msgrcv", libc::ENOMSG) if asks(libc::MSG_COPY) => "the queue has no message at this place",
        ("msgrcv", libc::ENOMSG) => "no message of this type is there, and with IPC_NOWAIT the call does not wait",
        ("msgrcv", libc::ENOSYS) => "this kernel was built without CONFIG_CHECKPOINT_RESTORE, and so without MSG_COPY",
        ("msgctl", libc::EACCES) => "the queue's mode does not let the caller read",
        ("msgctl", libc::EPERM) if second == c(libc::IPC_SET) && third > 0 => {
            "only the queue's owner or creator may change it, and more bytes than /proc/sys/kernel/msgmnb take a \
             privilege, which no actor has"
        }
        ("msgctl", libc::EPERM) => "only the queue's owner or creator may change or remove it",
        ("msgsnd" | "msgrcv", libc::EIDRM) => "the queue was removed while the call waited",
        ("msgctl", libc::EIDRM) => REMOVED,
        ("msgsnd" | "msgrcv" | "msgctl", libc::EINVAL) => REMOVED,
        ("ftok", libc::ENOENT) => "no file has this name, and a key is made of its inode number",
        ("ftok", errno) => path(errno)?,
        _ => return None,
    };
    Some(words.to_owned())
}

const REMOVED: &str = "no queue has this id, or not any more";

/// The errors of stat(2), whose call ftok(3) makes.
const fn path(errno: i32) -> Option<&'static str> {
    Some(match errno {
        libc::EACCES => "a directory on the way may not be searched",
        libc::ELOOP => "symbolic links lead in a circle",
        libc::ENAMETOOLONG => "the path is longer than a path may be",
        libc::ENOTDIR => "a part of the path is no directory",
        _ => return None,
    })
}

/// The longest message that may be sent, in bytes; 8192 if the kernel does not tell.
fn msgmax() -> i64 {
    let told = std::fs::read_to_string("/proc/sys/kernel/msgmax");
    told.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(8192)
}
