//! A small registry with every kind of argument, for tests of the layers that only need some language.

use super::{ArgKind, ArgSpec, CallSpec, Chapter, Form, Makes, PredicateArg, PredicateSpec, Registry, Wants};

const fn arg(name: &'static str, kind: ArgKind, form: Form, doc: &'static str) -> ArgSpec {
    ArgSpec { name, kind, form, doc }
}

const fn required(name: &'static str, kind: ArgKind, doc: &'static str) -> ArgSpec {
    arg(name, kind, Form::Required, doc)
}

const fn optional(name: &'static str, kind: ArgKind, doc: &'static str) -> ArgSpec {
    arg(name, kind, Form::Optional, doc)
}

const fn keyed(name: &'static str, kind: ArgKind, doc: &'static str) -> ArgSpec {
    arg(name, kind, Form::Keyed, doc)
}

const fn call(name: &'static str, args: &'static [ArgSpec], doc: &'static str, c: &'static str) -> CallSpec {
    CallSpec {
        name,
        args,
        doc,
        man: "read(2)",
        c,
        makes: Makes::Nothing,
        gives: false,
        sleeps: &[],
        syscall: true,
        spins: false,
        undefined: "",
        example: "alice: pipe p",
    }
}

const OPEN_FLAGS: &[(&str, i64)] =
    &[("O_RDONLY", 0), ("O_WRONLY", 1), ("O_RDWR", 2), ("O_CREAT", 0o100), ("O_NONBLOCK", 0o4000)];
const PIPE_FLAGS: &[(&str, i64)] = &[("O_CLOEXEC", 0o2_000_000), ("O_NONBLOCK", 0o4000), ("O_DIRECT", 0o40000)];
const PROT: &[(&str, i64)] = &[("PROT_NONE", 0), ("PROT_READ", 1), ("PROT_WRITE", 2)];
const MAP: &[(&str, i64)] = &[("MAP_SHARED", 1), ("MAP_PRIVATE", 2), ("MAP_ANONYMOUS", 32)];
const LOCK_COMMANDS: &[(&str, i64)] = &[("F_GETLK", 5), ("F_SETLK", 6), ("F_SETLKW", 7)];
const LOCK_TYPES: &[(&str, i64)] = &[("F_RDLCK", 0), ("F_WRLCK", 1), ("F_UNLCK", 2)];
const OPERATION_FLAGS: &[(&str, i64)] = &[("IPC_NOWAIT", 0o4000), ("SEM_UNDO", 0x1000)];
const WORD_FLAGS: &[(&str, i64)] = &[("FUTEX2_PRIVATE", 128)];
const WHENCE: &[(&str, i64)] = &[("SEEK_SET", 0), ("SEEK_CUR", 1), ("SEEK_END", 2)];

const EVENTS: &[(&str, i64)] = &[("POLLIN", 1), ("POLLPRI", 2), ("POLLOUT", 4)];

const DESCRIPTOR: ArgSpec = required("fd", ArgKind::Descriptor(Wants::Any), "descriptor");

const CORE: &[CallSpec] = &[
    CallSpec {
        makes: Makes::Actor,
        ..call("fork", &[required("child", ArgKind::NewActor, "its name")], "Makes a child", "fork()")
    },
    CallSpec {
        gives: true,
        ..call(
            "read",
            &[
                required("fd", ArgKind::Descriptor(Wants::Read), "where from"),
                required("count", ArgKind::Count, "number of bytes"),
            ],
            "Reads bytes",
            "read({fd}, buf, {count})",
        )
    },
    call(
        "write",
        &[
            required("fd", ArgKind::Descriptor(Wants::Write), "where to"),
            required("buf", ArgKind::Data, "the bytes to write"),
        ],
        "Writes bytes",
        "write({fd}, {buf}, {buf.len})",
    ),
    call(
        "connect",
        &[DESCRIPTOR, required("addr", ArgKind::SocketAddress, "to whom")],
        "Connects a socket",
        "connect({fd}, {addr}, {addr.len})",
    ),
    call("close", &[DESCRIPTOR], "Closes a descriptor", "close({fd})"),
    CallSpec { makes: Makes::Descriptor, ..call("dup", &[DESCRIPTOR], "Copies a descriptor", "dup({fd})") },
    CallSpec {
        makes: Makes::Descriptor,
        ..call(
            "open",
            &[
                required("name", ArgKind::NewName, "what to call the descriptor"),
                required("path", ArgKind::Path, "the file"),
                required("flags", ArgKind::Flags(OPEN_FLAGS), "how to open it"),
                optional("mode", ArgKind::Mode, "permissions of a new file"),
            ],
            "Opens a file",
            "open({path}, {flags}, {mode})",
        )
    },
    call(
        "kill",
        &[required("pid", ArgKind::Actor, "whom"), required("sig", ArgKind::Signal, "which signal")],
        "Sends a signal",
        "kill({pid}, {sig})",
    ),
    call(
        "nanosleep",
        &[required("duration", ArgKind::Duration, "how long")],
        "Sleeps",
        "nanosleep(&(struct timespec){ {duration.timespec} }, NULL)",
    ),
    call(
        "fcntl",
        &[
            DESCRIPTOR,
            required("cmd", ArgKind::Constant(LOCK_COMMANDS), "what to do"),
            required("type", ArgKind::Constant(LOCK_TYPES), "kind of lock"),
            required("range", ArgKind::Range, "which bytes"),
        ],
        "Locks a range of a file",
        "fcntl({fd}, {cmd}, &(struct flock){ .l_type = {type}, .l_start = {range.start}, .l_len = {range.len} })",
    ),
    call(
        "poll",
        &[
            required("fds", ArgKind::Interests(EVENTS), "which, and what is asked of each"),
            keyed("timeout", ArgKind::Duration, "how long"),
        ],
        "Waits for one of several descriptors",
        "poll((struct pollfd[]){ {fds} }, {fds.count}, {timeout.ms=-1})",
    ),
    call(
        "sigprocmask",
        &[required("set", ArgKind::Signals, "which signals")],
        "Blocks signals",
        "sigprocmask(&set /* {set} */)",
    ),
    call(
        "lseek",
        &[
            DESCRIPTOR,
            required("offset", ArgKind::Int, "how far"),
            optional("whence", ArgKind::Constant(WHENCE), "from where"),
        ],
        "Moves the offset",
        "lseek({fd}, {offset}, {whence})",
    ),
];

const PIPES: &[CallSpec] = &[
    CallSpec {
        makes: Makes::Ends("r", "w"),
        ..call("pipe", &[required("name", ArgKind::NewName, "its name")], "Makes a pipe", "pipe({name})")
    },
    CallSpec {
        makes: Makes::Ends("r", "w"),
        ..call(
            "pipe2",
            &[
                required("name", ArgKind::NewName, "its name"),
                optional("flags", ArgKind::Flags(PIPE_FLAGS), "how both ends behave"),
            ],
            "Makes a pipe with flags",
            "pipe2({name}, {flags})",
        )
    },
];

const MEMORY: &[CallSpec] = &[
    CallSpec {
        makes: Makes::Descriptor,
        ..call(
            "mq_open",
            &[
                required("name", ArgKind::ObjectName, "the queue"),
                optional("oflag", ArgKind::Flags(OPEN_FLAGS), "how to open it"),
                optional("mode", ArgKind::Mode, "permissions of a new queue"),
                keyed("maxmsg", ArgKind::Count, "how many messages it can hold"),
                keyed("timeout", ArgKind::Duration, "how long to wait"),
            ],
            "Opens a queue",
            "mq_open({name}, {oflag=0}, {mode}, {?maxmsg &(struct mq_attr){ {maxmsg} }?})",
        )
    },
    CallSpec {
        makes: Makes::Memory,
        ..call(
            "mmap",
            &[
                optional("fd", ArgKind::Descriptor(Wants::Any), "what to map; left out, anonymous memory"),
                required("length", ArgKind::Count, "how many bytes"),
                required("prot", ArgKind::Flags(PROT), "what may be done with it"),
                required("flags", ArgKind::Flags(MAP), "shared or private"),
                keyed("offset", ArgKind::Int, "where in the object"),
            ],
            "Maps an object",
            "mmap(NULL, {length}, {prot}, {flags}, {fd=-1}, {offset=0})",
        )
    },
    CallSpec {
        syscall: false,
        ..call(
            "load",
            &[required("var", ArgKind::Variable, "takes the value"), required("place", ArgKind::Place, "where from")],
            "Loads an integer",
            "{var} = {place}",
        )
    },
    CallSpec {
        syscall: false,
        ..call(
            "store",
            &[required("place", ArgKind::Place, "where to"), required("value", ArgKind::Value, "what")],
            "Stores an integer or bytes",
            "{place} = {value}",
        )
    },
    CallSpec {
        syscall: false,
        ..call(
            "set",
            &[required("var", ArgKind::Variable, "which"), required("value", ArgKind::Value, "to what")],
            "Sets a variable",
            "{var} = {value}",
        )
    },
    call(
        "semop",
        &[
            required("semid", ArgKind::Id, "which set"),
            required("sops", ArgKind::Tuples(2, OPERATION_FLAGS), "what to do"),
            optional("timeout", ArgKind::Duration, "how long to wait"),
        ],
        "Changes semaphores",
        "semop({semid}, (struct sembuf[]){ {sops} }, {sops.len})",
    ),
    call(
        "futex_waitv",
        &[
            required("waiters", ArgKind::Words(WORD_FLAGS), "which words"),
            keyed("timeout", ArgKind::Duration, "how long to sleep at most"),
        ],
        "Sleeps on several words",
        "syscall(SYS_futex_waitv, (struct futex_waitv[]){ {waiters} }, {waiters.len})",
    ),
    call(
        "semctl",
        &[
            required("semid", ArgKind::Id, "which set"),
            required("cmd", ArgKind::Constant(&[("GETALL", 13), ("SETALL", 17)]), "what to do"),
            optional("arg", ArgKind::Tuples(1, &[]), "the values"),
        ],
        "Controls semaphores",
        "semctl({semid}, {cmd}, {arg})",
    ),
    call("sem_wait", &[required("sem", ArgKind::Address, "the semaphore")], "Decreases a semaphore", "sem_wait({sem})"),
];

const PIPE_PREDICATES: &[PredicateSpec] = &[
    PredicateSpec {
        word: "holds",
        args: &[PredicateArg::Data],
        doc: "its bytes are exactly these",
        example: "expect p holds \"x\"",
    },
    PredicateSpec {
        word: "bytes",
        args: &[PredicateArg::Number],
        doc: "how many bytes it holds",
        example: "expect p bytes > 5",
    },
];

const OTHER_PREDICATES: &[PredicateSpec] = &[
    PredicateSpec { word: "owner", args: &[PredicateArg::Actors], doc: "who owns it", example: "expect m owner alice" },
    PredicateSpec {
        word: "write-locked",
        args: &[PredicateArg::Range, PredicateArg::By],
        doc: "bytes locked against others",
        example: "expect f write-locked 0..100 by alice",
    },
    PredicateSpec { word: "unlinked", args: &[], doc: "it has no name any more", example: "expect f unlinked" },
];

/// The test registry.
pub(crate) fn registry() -> Registry {
    Registry {
        chapters: vec![
            Chapter { id: "core", title: "Processes and descriptors", calls: CORE, predicates: &[] },
            Chapter { id: "pipe", title: "Pipes", calls: PIPES, predicates: PIPE_PREDICATES },
            Chapter { id: "memory", title: "Memory and locks", calls: MEMORY, predicates: OTHER_PREDICATES },
        ],
        quantities: vec![
            ("PIPE_BUF", 4096),
            ("pagesize", 4096),
            ("EAGAIN", 11),
            ("EBADF", 9),
            ("EPIPE", 32),
            ("EDEADLK", 35),
        ],
        left_out: vec![("O_TMPFILE", "nobody could name the file")],
    }
}
