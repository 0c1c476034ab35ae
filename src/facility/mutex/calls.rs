//! The calls on mutexes and on their attributes.

use crate::facility::pthread::{ATTR, NO_ATTR, PSHARED};
use crate::facility::table::{CALL, required};
use crate::kernel::pthread;
use crate::script::{ArgKind, ArgSpec, CallSpec, Makes, Sleeps, WaitsOn};

const MUTEX: ArgSpec = required("mutex", ArgKind::Address, "the mutex: its name, or m+64");

const TYPES: &[(&str, i64)] = &[
    ("PTHREAD_MUTEX_NORMAL", libc::PTHREAD_MUTEX_NORMAL as i64),
    ("PTHREAD_MUTEX_ERRORCHECK", libc::PTHREAD_MUTEX_ERRORCHECK as i64),
    ("PTHREAD_MUTEX_RECURSIVE", libc::PTHREAD_MUTEX_RECURSIVE as i64),
    ("PTHREAD_MUTEX_DEFAULT", libc::PTHREAD_MUTEX_DEFAULT as i64),
];

const ROBUST: &[(&str, i64)] = &[
    ("PTHREAD_MUTEX_STALLED", pthread::PTHREAD_MUTEX_STALLED as i64),
    ("PTHREAD_MUTEX_ROBUST", pthread::PTHREAD_MUTEX_ROBUST as i64),
];

const PROTOCOLS: &[(&str, i64)] = &[
    ("PTHREAD_PRIO_NONE", pthread::PTHREAD_PRIO_NONE as i64),
    ("PTHREAD_PRIO_INHERIT", pthread::PTHREAD_PRIO_INHERIT as i64),
    ("PTHREAD_PRIO_PROTECT", pthread::PTHREAD_PRIO_PROTECT as i64),
];

const CEILING: ArgSpec = required("prioceiling", ArgKind::Int, "a realtime priority, 1 to 99");

/// glibc sleeps on the first word; so does the kernel where it lends priorities.
const SLEEPS: &[Sleeps] = &[Sleeps { syscall: libc::SYS_futex, on: WaitsOn::Futex(0), direction: super::LOCK }];

pub(super) const CALLS: &[CallSpec] = &[
    CallSpec {
        name: "pthread_mutexattr_init",
        args: &[ATTR],
        doc: "Makes attributes in memory: those of a normal mutex for one process",
        man: "pthread_mutexattr_init(3p)",
        c: "pthread_mutexattr_init({?as {as} = ?}{attr})",
        makes: Makes::Memory,
        example: "alice: pthread_mutexattr_init m+512 as attr",
        ..CALL
    },
    CallSpec {
        name: "pthread_mutexattr_settype",
        args: &[ATTR, required("type", ArgKind::Constant(TYPES), "what it does when its owner locks it again")],
        doc: "Sets the type of mutexes that are made with these attributes",
        man: "pthread_mutexattr_settype(3p)",
        c: "pthread_mutexattr_settype({attr}, {type})",
        example: "alice: pthread_mutexattr_settype attr PTHREAD_MUTEX_ERRORCHECK",
        ..CALL
    },
    CallSpec {
        name: "pthread_mutexattr_setrobust",
        args: &[ATTR, required("robustness", ArgKind::Constant(ROBUST), "what the death of its owner means")],
        doc: "Has the next owner be told that the one before has died",
        man: "pthread_mutexattr_setrobust(3)",
        c: "pthread_mutexattr_setrobust({attr}, {robustness})",
        example: "alice: pthread_mutexattr_setrobust attr PTHREAD_MUTEX_ROBUST",
        ..CALL
    },
    CallSpec {
        name: "pthread_mutexattr_setprotocol",
        args: &[
            ATTR,
            required(
                "protocol",
                ArgKind::Constant(PROTOCOLS),
                "whether the owner gets the priority of waiters, or a ceiling",
            ),
        ],
        doc: "Has the owner run with the highest priority of those who wait, or with that of the mutex itself",
        man: "pthread_mutexattr_setprotocol(3p)",
        c: "pthread_mutexattr_setprotocol({attr}, {protocol})",
        example: "alice: pthread_mutexattr_setprotocol attr PTHREAD_PRIO_INHERIT",
        ..CALL
    },
    CallSpec {
        name: "pthread_mutexattr_setprioceiling",
        args: &[ATTR, CEILING],
        doc: "Sets the priority with which owners run, if the protocol is PTHREAD_PRIO_PROTECT",
        man: "pthread_mutexattr_setprioceiling(3p)",
        c: "pthread_mutexattr_setprioceiling({attr}, {prioceiling})",
        example: "alice: pthread_mutexattr_setprioceiling attr 20",
        ..CALL
    },
    CallSpec {
        name: "pthread_mutexattr_setpshared",
        args: &[ATTR, required("pshared", ArgKind::Constant(PSHARED), "who may use it")],
        doc: "Has several processes share the mutexes that are made with these attributes",
        man: "pthread_mutexattr_setpshared(3)",
        c: "pthread_mutexattr_setpshared({attr}, {pshared})",
        example: "alice: pthread_mutexattr_setpshared attr PTHREAD_PROCESS_SHARED",
        ..CALL
    },
    CallSpec {
        name: "pthread_mutexattr_destroy",
        args: &[ATTR],
        doc: "Ends the use of attributes; mutexes that were made with them stay",
        man: "pthread_mutexattr_destroy(3p)",
        c: "pthread_mutexattr_destroy({attr})",
        example: "alice: pthread_mutexattr_destroy attr",
        ..CALL
    },
    CallSpec {
        name: "pthread_mutex_init",
        args: &[required("mutex", ArgKind::Address, "where it shall lie, a multiple of 8"), NO_ATTR],
        doc: "Makes a mutex in memory",
        man: "pthread_mutex_init(3p)",
        c: "pthread_mutex_init({?as {as} = ?}{mutex}, {attr=NULL})",
        makes: Makes::Memory,
        undefined: "there is one already that was not destroyed",
        example: "alice: pthread_mutex_init m+64 attr as l",
        ..CALL
    },
    CallSpec {
        name: "pthread_mutex_lock",
        args: &[MUTEX],
        doc: "Locks a mutex, and waits while another owns it",
        man: "pthread_mutex_lock(3p)",
        c: "pthread_mutex_lock({mutex})",
        sleeps: SLEEPS,
        undefined: "it was not made or is destroyed, or is private to another process",
        example: "alice: pthread_mutex_lock l",
        ..CALL
    },
    CallSpec {
        name: "pthread_mutex_trylock",
        args: &[MUTEX],
        doc: "Locks a mutex, or fails with EBUSY while another owns it",
        man: "pthread_mutex_trylock(3p)",
        c: "pthread_mutex_trylock({mutex})",
        undefined: "it was not made or is destroyed, or is private to another process",
        example: "bob: pthread_mutex_trylock l",
        ..CALL
    },
    CallSpec {
        name: "pthread_mutex_timedlock",
        args: &[MUTEX, required("limit", ArgKind::Duration, "how long from now; C wants the time of day when it ends")],
        doc: "Locks a mutex, and waits at most for so long while another owns it",
        man: "pthread_mutex_timedlock(3p)",
        c: "pthread_mutex_timedlock({mutex}, &deadline /* now + {limit} */)",
        sleeps: SLEEPS,
        undefined: "it was not made or is destroyed, or is private to another process",
        example: "bob: pthread_mutex_timedlock l 500ms",
        ..CALL
    },
    CallSpec {
        name: "pthread_mutex_unlock",
        args: &[MUTEX],
        doc: "Lets a mutex go, and wakes one who waits",
        man: "pthread_mutex_unlock(3p)",
        c: "pthread_mutex_unlock({mutex})",
        undefined: "the mutex is normal and not robust, and the caller does not own it",
        example: "alice: pthread_mutex_unlock l",
        ..CALL
    },
    CallSpec {
        name: "pthread_mutex_consistent",
        args: &[MUTEX],
        doc: "Says that what a dead owner has left behind is in order again",
        man: "pthread_mutex_consistent(3)",
        c: "pthread_mutex_consistent({mutex})",
        undefined: "it was not made or is destroyed",
        example: "bob: pthread_mutex_consistent l",
        ..CALL
    },
    CallSpec {
        name: "pthread_mutex_getprioceiling",
        args: &[MUTEX],
        doc: "Tells the priority ceiling of a mutex with the protocol PTHREAD_PRIO_PROTECT",
        man: "pthread_mutex_getprioceiling(3p)",
        c: "pthread_mutex_getprioceiling({mutex}, &prioceiling)",
        gives: true,
        undefined: "it was not made or is destroyed",
        example: "alice: pthread_mutex_getprioceiling l -> $ceiling",
        ..CALL
    },
    CallSpec {
        name: "pthread_mutex_setprioceiling",
        args: &[MUTEX, CEILING],
        doc: "Locks a mutex, sets its priority ceiling and lets it go; gives what the ceiling was",
        man: "pthread_mutex_setprioceiling(3p)",
        c: "pthread_mutex_setprioceiling({mutex}, {prioceiling}, &old_ceiling)",
        gives: true,
        sleeps: SLEEPS,
        undefined: "it was not made or is destroyed",
        example: "alice: pthread_mutex_setprioceiling l 30",
        ..CALL
    },
    CallSpec {
        name: "pthread_mutex_destroy",
        args: &[MUTEX],
        doc: "Ends the use of a mutex",
        man: "pthread_mutex_destroy(3p)",
        c: "pthread_mutex_destroy({mutex})",
        undefined: "it is locked, or somebody waits for it",
        example: "alice: pthread_mutex_destroy l",
        ..CALL
    },
];
