//! What the results of calls on epoll instances mean here; see ERRORS of epoll_create(2), epoll_ctl(2), epoll_wait(2).

use crate::kernel::arena::Record;

/// What the kernel lets stand beside EPOLLEXCLUSIVE (fs/eventpoll.c, `EPOLLEXCLUSIVE_OK_BITS`).
const WITH_EXCLUSIVE: u32 = (libc::EPOLLIN
    | libc::EPOLLOUT
    | libc::EPOLLERR
    | libc::EPOLLHUP
    | libc::EPOLLWAKEUP
    | libc::EPOLLET
    | libc::EPOLLEXCLUSIVE) as u32;

pub(super) fn means(verb: &str, record: &Record) -> Option<String> {
    let words = match (verb, record.errno) {
        ("epoll_ctl", errno) => changed(errno, record.args)?,
        ("epoll_create1", libc::EMFILE) => {
            "this process has as many descriptors open as it may, or its user as many epoll instances"
        }
        ("epoll_create1", libc::EINVAL) => "EPOLL_CLOEXEC is the only flag",
        ("epoll_wait" | "epoll_pwait", libc::EINVAL) if record.args[2] <= 0 => {
            "maxevents must be at least 1: a wait that may tell nothing is none"
        }
        ("epoll_wait" | "epoll_pwait", libc::EINVAL) => NO_INSTANCE,
        _ => return None,
    };
    Some(words.to_owned())
}

const NO_INSTANCE: &str = "this descriptor leads to no epoll instance";

fn changed(errno: i32, [epfd, op, fd, events, _, given]: [i64; 6]) -> Option<&'static str> {
    let (op, events) = (op as i32, events as u32);
    let exclusive = events & libc::EPOLLEXCLUSIVE as u32 != 0;
    Some(match errno {
        libc::EBADF => "one of the two is no open descriptor",
        libc::EEXIST => "it is in the list already; EPOLL_CTL_MOD changes what is asked of it",
        libc::ENOENT => "it is not in the list; EPOLL_CTL_ADD puts it there",
        libc::EFAULT if given == 0 => "to add or to change takes events",
        libc::EINVAL if epfd == fd => "an instance can't be in its own list",
        libc::EINVAL if exclusive && op == libc::EPOLL_CTL_MOD => {
            "EPOLLEXCLUSIVE can only be given when it is added: take it off and add it anew"
        }
        libc::EINVAL if exclusive && events & !WITH_EXCLUSIVE != 0 => {
            "EPOLLEXCLUSIVE goes with EPOLLIN, EPOLLOUT and EPOLLET only"
        }
        libc::EINVAL if exclusive => {
            "EPOLLEXCLUSIVE does not go with another instance, or the first descriptor leads to no instance"
        }
        libc::EINVAL if op == libc::EPOLL_CTL_MOD => {
            "it was added with EPOLLEXCLUSIVE and can't be changed, or the first descriptor leads to no instance"
        }
        libc::EINVAL => NO_INSTANCE,
        libc::ELOOP => "instances would watch each other in a circle, or more than five deep",
        libc::ENOSPC => "this user watches as many descriptors as /proc/sys/fs/epoll/max_user_watches allows",
        libc::EPERM => "regular files and directories are always ready: there is nothing to wait for in them",
        _ => return None,
    })
}
