//! Snapshots as stages give them, for tests that must not open one.

use crate::model::*;

pub(super) fn actor(name: &str, pid: i32) -> Actor {
    Actor {
        name: name.to_owned(),
        pid,
        tid: pid,
        thread_of: None,
        scheduling: None,
        uid: 1000,
        parent: None,
        host: None,
        state: ActorState::Idle,
        descriptors: Vec::new(),
        mappings: Vec::new(),
        variables: Vec::new(),
        stdout: None,
        job: Job { group: name.to_owned(), session: name.to_owned() },
        signals: None,
        program: None,
        last: None,
        finished: 0,
        dropped: 0,
    }
}

pub(super) fn descriptor(fd: i32, name: &str, object: &str, access: Access) -> Descriptor {
    Descriptor {
        fd,
        names: vec![name.to_owned()],
        object: Some(object.to_owned()),
        access,
        flags: Vec::new(),
        offset: 0,
    }
}

pub(super) fn asleep(verb: &'static str, args: &str, object: &str, direction: &'static str) -> ActorState {
    ActorState::Asleep(Sleep {
        verb: verb.into(),
        args: args.to_owned(),
        object: Some(object.to_owned()),
        also: Vec::new(),
        direction: direction.into(),
        since_ns: 290_000_000,
        deadline_ns: None,
        syscall: 0,
        restarts: 0,
    })
}

pub(super) fn object(facility: &'static str, name: &str, identifier: &str, ino: u64, fields: Vec<Field>) -> Object {
    Object {
        name: name.to_owned(),
        key: ObjectKey { facility: facility.into(), dev: 1, ino, offset: 0 },
        identifier: identifier.to_owned(),
        fields,
        holders: Vec::new(),
        waiters: Vec::new(),
    }
}

pub(super) fn holder(actor: &str, role: &'static str) -> Holder {
    Holder { actor: actor.to_owned(), role: role.into(), handle: "3".to_owned() }
}

pub(super) fn waiter(actor: &str, verb: &'static str, direction: &'static str) -> Waiter {
    Waiter { actor: actor.to_owned(), verb: verb.into(), direction: direction.into(), since_ns: 290_000_000 }
}

fn bytes(data: &[u8], total: u64) -> Value {
    Value::Bytes { bytes: data.to_vec(), total }
}

pub(super) fn pipe(data: &[u8]) -> Object {
    let used = i64::from(!data.is_empty());
    let mut pipe = object(
        "pipe",
        "p",
        "none",
        10,
        vec![
            Field::kernel_int("bytes", data.len() as i64),
            Field::kernel_int("capacity", 65536),
            Field::kernel_int("slots", 16),
            Field::kernel_int("slots used", used),
            Field::new("slot bytes", Value::List(vec![Value::Int(data.len() as i64); used as usize]), Evidence::Kernel),
            Field::new("holds", bytes(data, data.len() as u64), Evidence::Kernel),
            Field::kernel_int("readers", 1),
            Field::kernel_int("writers", 1),
        ],
    );
    pipe.holders = vec![holder("alice", "write"), holder("bob", "read")];
    pipe
}

/// Alice may write, bob sleeps in a read of the empty pipe.
pub(super) fn pipe_with_sleeper() -> Snapshot {
    let mut alice = actor("alice", 2);
    alice.descriptors = vec![descriptor(4, "p.w", "p", Access::Write)];
    alice.last = Some(Call {
        actor: "alice".to_owned(),
        order: 4,
        seq: 2,
        verb: "close".to_owned(),
        args: "3".to_owned(),
        on: Some("p.r".to_owned()),
        entered_ns: 112_000_000,
        state: CallState::Returned { ret: 0, errno: None, shown: "0".to_owned(), data: None, at_ns: 112_050_000 },
        syscall: true,
        meaning: None,
    });
    let mut bob = actor("bob", 3);
    bob.parent = Some("alice".to_owned());
    bob.descriptors = vec![descriptor(3, "p.r", "p", Access::Read)];
    bob.state = asleep("read", "3, …, 100", "p", "read");
    let mut p = pipe(b"");
    p.waiters = vec![waiter("bob", "read", "read")];
    Snapshot {
        at_ns: 310_000_000,
        settled: true,
        actors: vec![alice, bob],
        objects: vec![p],
        hosts: Vec::new(),
        facts: Vec::new(),
        syscalls_since_mark: None,
        vouched_since_mark: 0,
        woken_since_mark: None,
    }
}

/// The same a moment later: alice has written, bob is idle.
pub(super) fn pipe_with_bytes() -> Snapshot {
    let mut snapshot = pipe_with_sleeper();
    snapshot.at_ns = 900_000_000;
    snapshot.actors[1].state = ActorState::Idle;
    snapshot.objects = vec![pipe(b"hello\n")];
    snapshot
}

/// Every facility at once, with waiters, changes and long names.
pub(super) fn everything() -> Snapshot {
    let mut snapshot = pipe_with_bytes();
    let lock = |kind: &str, mode: &str, range: (i64, Option<i64>), owner: &str, waits: Vec<Value>| {
        Value::Record(vec![
            ("kind".into(), Value::Text(kind.to_owned())),
            ("mode".into(), Value::Text(mode.to_owned())),
            ("start".into(), Value::Int(range.0)),
            ("end".into(), range.1.map_or(Value::Nothing, Value::Int)),
            ("owner".into(), Value::Text(owner.to_owned())),
            ("waits".into(), Value::List(waits)),
        ])
    };
    let message = |priority: i64, data: &[u8], from: &str| {
        Value::Record(vec![
            ("priority".into(), Value::Int(priority)),
            ("data".into(), bytes(data, data.len() as u64)),
            ("from".into(), Value::Text(from.to_owned())),
        ])
    };
    let mut fifo = pipe(b"\x01\xffabc");
    fifo.key.facility = "fifo".into();
    fifo.key.ino = 11;
    fifo.name = "ff".to_owned();
    fifo.identifier = "ff".to_owned();
    fifo.holders = vec![holder("carol", "read+write")];
    let mut q = object(
        "mq",
        "q",
        "/q",
        12,
        vec![
            Field::kernel_int("messages", 2),
            Field::kernel_int("maxmsg", 10),
            Field::kernel_int("msgsize", 8192),
            Field::kernel_int("bytes", 11),
            Field::new(
                "queue",
                Value::List(vec![message(9, b"urgent", "alice"), message(0, b"later", "bob")]),
                Evidence::Mirror,
            ),
        ],
    );
    q.holders = vec![holder("alice", "read+write"), holder("bob", "write")];
    let mut memory = vec![0; 4096];
    memory[..4].copy_from_slice(&7i32.to_ne_bytes());
    memory[16..21].copy_from_slice(b"hello");
    let mut board = object(
        "shm",
        "board",
        "/board",
        13,
        vec![
            Field::kernel_int("size", 4096),
            Field::new("memory", bytes(&memory, 4096), Evidence::Kernel),
            Field::new("kind", Value::Text("POSIX".to_owned()), Evidence::Kernel),
        ],
    );
    board.holders = vec![holder("alice", "map"), holder("bob", "map")];
    let mut s = object("semaphore", "s", "/s", 14, vec![Field::kernel_int("value", 0)]);
    s.holders = vec![holder("alice", "map"), holder("carol", "map")];
    s.waiters = vec![waiter("carol", "sem_wait", "decrease")];
    let waits = vec![
        Value::Record(vec![
            ("owner".into(), Value::Text("dave".to_owned())),
            ("mode".into(), Value::Text("write".to_owned())),
            ("start".into(), Value::Int(50)),
            ("end".into(), Value::Int(150)),
        ]),
        Value::Text("carol".to_owned()),
    ];
    let mut f = object(
        "file",
        "f",
        "notes",
        15,
        vec![
            Field::kernel_int("size", 12),
            Field::new("holds", bytes(b"hello world\n", 12), Evidence::Kernel),
            Field::new(
                "locks",
                Value::List(vec![
                    lock("posix", "write", (0, Some(100)), "alice", waits),
                    lock("ofd", "read", (200, None), "bob", Vec::new()),
                    lock("flock", "write", (0, None), "carol", Vec::new()),
                ]),
                Evidence::Kernel,
            ),
        ],
    );
    f.holders = vec![holder("alice", "lock"), holder("dave", "read+write")];
    f.waiters = vec![waiter("dave", "fcntl", "lock")];
    let strange = object(
        "tarot",
        "t",
        "none",
        16,
        vec![
            Field::kernel_int("cards", 78),
            Field::hidden("fate", "nobody can know it without changing it"),
            Field::new("list", Value::List(vec![message(1, b"x", "y"); 12]), Evidence::Reported),
        ],
    );
    let mut terminal = object(
        "pty",
        "tty",
        "/dev/pts/0",
        17,
        vec![
            Field::kernel_int("input", 4),
            Field::new("holds", bytes(b"one\n", 4), Evidence::Mirror),
            Field::new("editing", bytes(b"hel", 3), Evidence::Mirror),
            Field::kernel_int("output", 9000),
            Field::new("shows", bytes(b"> one\r\nhel and more than fits into a line", 9000), Evidence::Mirror),
            Field::new("iflag", Value::Text("ICRNL|IXON".to_owned()), Evidence::Kernel),
            Field::new("oflag", Value::Text("OPOST|ONLCR".to_owned()), Evidence::Kernel),
            Field::new("lflag", Value::Text("ICANON|ECHO".to_owned()), Evidence::Kernel),
            Field::new("characters", Value::Text("VEOF ^Z, VERASE ^?".to_owned()), Evidence::Kernel),
            Field::kernel_int("rows", 24),
            Field::kernel_int("columns", 80),
            Field::new("session", Value::Text("bob".to_owned()), Evidence::Kernel),
            Field::new("foreground", Value::List(vec![Value::Text("carol".to_owned())]), Evidence::Kernel),
            Field::new("state", Value::Text("open".to_owned()), Evidence::Kernel),
            Field::kernel_int("masters", 1),
            Field::kernel_int("slaves", 1),
        ],
    );
    terminal.holders = vec![holder("alice", "master"), holder("bob", "slave")];
    snapshot.objects.extend([fifo, q, board, s, f, terminal, strange]);
    let mut carol = actor("carol", 4);
    carol.state = asleep("sem_wait", "s", "s", "decrease");
    let mut dave = actor("dave-with-a-long-name", 5);
    dave.uid = 65533;
    dave.state = ActorState::Running { progress: Some((120, Some(1000))) };
    dave.program = Some(Program {
        lines: vec!["load $x m[0]".to_owned(), "add $x 1".to_owned(), "store m[0] $x".to_owned()],
        next: 1,
    });
    dave.variables = vec![("x".to_owned(), "7".to_owned()), ("buf".to_owned(), "\"hello\"".to_owned())];
    let mut eve = actor("eve", 6);
    eve.state = ActorState::Dead(Death::Killed("SIGPIPE".to_owned()));
    let mut zoe = actor("zoe", 7);
    zoe.state = ActorState::Zombie(Death::Exited(3));
    let mut stan = actor("stan", 8);
    stan.state = ActorState::Stopped { signal: "SIGSTOP".to_owned() };
    stan.mappings = vec![Mapping {
        names: vec!["m".to_owned()],
        start: 0x7f00_0000_0000,
        length: 4096,
        offset: 0,
        protection: "rw-".to_owned(),
        shared: true,
        object: Some("board".to_owned()),
        contents: None,
        copies: None,
    }];
    snapshot.actors.extend([carol, dave, eve, zoe, stan]);
    snapshot
}
