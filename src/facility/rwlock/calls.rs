//! The calls on read-write locks and on their attributes.

use crate::facility::pthread::{ATTR, NO_ATTR, PSHARED};
use crate::facility::table::{CALL, required};
use crate::kernel::pthread;
use crate::script::{ArgKind, ArgSpec, CallSpec, Makes, Sleeps, WaitsOn};

const LOCK: ArgSpec = required("rwlock", ArgKind::Address, "the lock: its name, or m+64");
const LIMIT: ArgSpec = required("limit", ArgKind::Duration, "how long from now; C wants the time of day when it ends");

const KINDS: &[(&str, i64)] = &[
    ("PTHREAD_RWLOCK_PREFER_READER_NP", pthread::PTHREAD_RWLOCK_PREFER_READER_NP as i64),
    ("PTHREAD_RWLOCK_PREFER_WRITER_NP", pthread::PTHREAD_RWLOCK_PREFER_WRITER_NP as i64),
    ("PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP", pthread::PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP as i64),
];

/// glibc has several words to sleep on, all of them in the lock.
const TO_READ: &[Sleeps] = &[Sleeps { syscall: libc::SYS_futex, on: WaitsOn::Futex(0), direction: "lock for reading" }];
const TO_WRITE: &[Sleeps] =
    &[Sleeps { syscall: libc::SYS_futex, on: WaitsOn::Futex(0), direction: "lock for writing" }];

const NONE: &str = "it was not made or is destroyed, or is private to another process";

pub(super) const CALLS: &[CallSpec] = &[
    CallSpec {
        name: "pthread_rwlockattr_init",
        args: &[ATTR],
        doc: "Makes attributes in memory: those of a read-write lock for one process",
        man: "pthread_rwlockattr_init(3p)",
        c: "pthread_rwlockattr_init({?as {as} = ?}{attr})",
        makes: Makes::Memory,
        example: "alice: pthread_rwlockattr_init m+528 as rattr",
        ..CALL
    },
    CallSpec {
        name: "pthread_rwlockattr_setkind_np",
        args: &[
            ATTR,
            required("pref", ArgKind::Constant(KINDS), "who goes first; the second is as the first in glibc"),
        ],
        doc: "Sets whether readers pass a writer that waits",
        man: "pthread_rwlockattr_setkind_np(3)",
        c: "pthread_rwlockattr_setkind_np({attr}, {pref})",
        example: "alice: pthread_rwlockattr_setkind_np rattr PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP",
        ..CALL
    },
    CallSpec {
        name: "pthread_rwlockattr_setpshared",
        args: &[ATTR, required("pshared", ArgKind::Constant(PSHARED), "who may use it")],
        doc: "Has several processes share the locks that are made with these attributes",
        man: "pthread_rwlockattr_setpshared(3p)",
        c: "pthread_rwlockattr_setpshared({attr}, {pshared})",
        example: "alice: pthread_rwlockattr_setpshared rattr PTHREAD_PROCESS_SHARED",
        ..CALL
    },
    CallSpec {
        name: "pthread_rwlockattr_destroy",
        args: &[ATTR],
        doc: "Ends the use of attributes",
        man: "pthread_rwlockattr_destroy(3p)",
        c: "pthread_rwlockattr_destroy({attr})",
        example: "alice: pthread_rwlockattr_destroy rattr",
        ..CALL
    },
    CallSpec {
        name: "pthread_rwlock_init",
        args: &[required("rwlock", ArgKind::Address, "where it shall lie, a multiple of 8"), NO_ATTR],
        doc: "Makes a read-write lock in memory",
        man: "pthread_rwlock_init(3p)",
        c: "pthread_rwlock_init({?as {as} = ?}{rwlock}, {attr=NULL})",
        makes: Makes::Memory,
        undefined: "there is one already that was not destroyed",
        example: "alice: pthread_rwlock_init m+192 rattr as r",
        ..CALL
    },
    CallSpec {
        name: "pthread_rwlock_rdlock",
        args: &[LOCK],
        doc: "Locks for reading, and waits while a writer has it, or goes first",
        man: "pthread_rwlock_rdlock(3p)",
        c: "pthread_rwlock_rdlock({rwlock})",
        sleeps: TO_READ,
        undefined: NONE,
        example: "alice: pthread_rwlock_rdlock r",
        ..CALL
    },
    CallSpec {
        name: "pthread_rwlock_tryrdlock",
        args: &[LOCK],
        doc: "Locks for reading, or fails with EBUSY",
        man: "pthread_rwlock_tryrdlock(3p)",
        c: "pthread_rwlock_tryrdlock({rwlock})",
        undefined: NONE,
        example: "alice: pthread_rwlock_tryrdlock r",
        ..CALL
    },
    CallSpec {
        name: "pthread_rwlock_timedrdlock",
        args: &[LOCK, LIMIT],
        doc: "Locks for reading, and waits at most for so long",
        man: "pthread_rwlock_timedrdlock(3p)",
        c: "pthread_rwlock_timedrdlock({rwlock}, &deadline /* now + {limit} */)",
        sleeps: TO_READ,
        undefined: NONE,
        example: "alice: pthread_rwlock_timedrdlock r 500ms",
        ..CALL
    },
    CallSpec {
        name: "pthread_rwlock_wrlock",
        args: &[LOCK],
        doc: "Locks for writing, and waits while anybody has it",
        man: "pthread_rwlock_wrlock(3p)",
        c: "pthread_rwlock_wrlock({rwlock})",
        sleeps: TO_WRITE,
        undefined: NONE,
        example: "bob: pthread_rwlock_wrlock r",
        ..CALL
    },
    CallSpec {
        name: "pthread_rwlock_trywrlock",
        args: &[LOCK],
        doc: "Locks for writing, or fails with EBUSY",
        man: "pthread_rwlock_trywrlock(3p)",
        c: "pthread_rwlock_trywrlock({rwlock})",
        undefined: NONE,
        example: "bob: pthread_rwlock_trywrlock r",
        ..CALL
    },
    CallSpec {
        name: "pthread_rwlock_timedwrlock",
        args: &[LOCK, LIMIT],
        doc: "Locks for writing, and waits at most for so long",
        man: "pthread_rwlock_timedwrlock(3p)",
        c: "pthread_rwlock_timedwrlock({rwlock}, &deadline /* now + {limit} */)",
        sleeps: TO_WRITE,
        undefined: NONE,
        example: "bob: pthread_rwlock_timedwrlock r 500ms",
        ..CALL
    },
    CallSpec {
        name: "pthread_rwlock_unlock",
        args: &[LOCK],
        doc: "Lets the lock go that the caller has, for reading or for writing",
        man: "pthread_rwlock_unlock(3p)",
        c: "pthread_rwlock_unlock({rwlock})",
        undefined: "the caller does not have it locked",
        example: "alice: pthread_rwlock_unlock r",
        ..CALL
    },
    CallSpec {
        name: "pthread_rwlock_destroy",
        args: &[LOCK],
        doc: "Ends the use of a read-write lock",
        man: "pthread_rwlock_destroy(3p)",
        c: "pthread_rwlock_destroy({rwlock})",
        undefined: "somebody has it locked",
        example: "alice: pthread_rwlock_destroy r",
        ..CALL
    },
];
