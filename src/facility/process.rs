//! Calls on processes, which every other facility needs: fork, wait, signals, sleep; and an actor's computations.

use std::cell::Cell;

use nix::errno::Errno;
use nix::sys::stat::Mode;
use nix::unistd::Pid;

use super::perform::{Given, Making, Performer, Refusal};
use super::show::{self, Shown, returned};
use super::table::{CALL, mode, optional, required};
use super::{Card, Facility, SignalDeed, Target, signal_name, stdio};
use crate::kernel::arena::Record;
use crate::kernel::process::{self, How};
use crate::model::{Actor, Sleep, Snapshot};
use crate::script::{ArgKind, CallSpec, Data, Makes, Sleeps, WaitsOn, process_of};

/// The chapter of processes.
#[derive(Debug)]
pub(super) struct Process;

static CARD: Card = Card {
    id: "process",
    title: "Processes",
    family: "what all facilities stand on",
    what: "A process has memory and descriptors of its own; a fork copies both, and what they lead to is shared.",
    identifier: "pid",
    handle: "pid",
    persistence: "process",
    access: "signals: the same user",
    blocking: "waitpid until a child changes its state, nanosleep and pause for a time or a signal",
    boundaries: "none",
    manual: &[
        "fork(2)",
        "execve(2)",
        "exit(3)",
        "waitpid(2)",
        "kill(2)",
        "setsid(2)",
        "setpgid(2)",
        "signal(7)",
        "credentials(7)",
    ],
};

const WAIT_FLAGS: &[(&str, i64)] = &[
    ("WNOHANG", libc::WNOHANG as i64),
    ("WUNTRACED", libc::WUNTRACED as i64),
    ("WCONTINUED", libc::WCONTINUED as i64),
];

const fn sleeps(syscall: libc::c_long, direction: &'static str) -> Sleeps {
    Sleeps { syscall, on: WaitsOn::Nothing, direction }
}

static CALLS: &[CallSpec] = &[
    CallSpec {
        name: "fork",
        args: &[required("child", ArgKind::NewActor, "what the child shall be called")],
        doc: "Makes a child with copies of all memory, names, variables and descriptors",
        man: "fork(2)",
        c: "fork()",
        makes: Makes::Actor,
        example: "alice: fork bob",
        ..CALL
    },
    CallSpec {
        name: "execve",
        args: &[required("program", ArgKind::Constant(&[("self", 0)]), "self: the actors' own program, the only one")],
        doc: "Starts the actor's program afresh: mappings and close-on-exec descriptors go, the rest stays open",
        man: "execve(2)",
        c: "execve(\"/proc/self/exe\", argv, envp)",
        example: "alice: execve self",
        ..CALL
    },
    CallSpec {
        name: "exit",
        args: &[required("status", ArgKind::Int, "the low 8 bits go to the parent")],
        doc: "Ends the process, after what stdout still holds back has been written",
        man: "exit(3)",
        c: "exit({status})",
        example: "alice: exit 0",
        ..CALL
    },
    CallSpec {
        name: "_exit",
        args: &[required("status", ArgKind::Int, "the low 8 bits go to the parent")],
        doc: "Ends the process at once; what stdout holds back is lost",
        man: "_exit(2)",
        c: "_exit({status})",
        example: "alice: _exit 0",
        ..CALL
    },
    CallSpec {
        name: "exit_group",
        args: &[required("status", ArgKind::Int, "the low 8 bits go to the parent")],
        doc: "Ends all threads of the process",
        man: "exit_group(2)",
        c: "exit_group({status})",
        example: "alice: exit_group 1",
        ..CALL
    },
    CallSpec {
        name: "waitpid",
        args: &[
            optional("pid", ArgKind::Actor, "a child, or any for whichever changes its state first"),
            optional("options", ArgKind::Flags(WAIT_FLAGS), "WNOHANG returns 0 at once if none has"),
        ],
        doc: "Waits until a child has ended, and takes its status",
        man: "waitpid(2)",
        c: "waitpid({pid=-1}, &status, {options=0})",
        gives: true,
        sleeps: &[sleeps(libc::SYS_wait4, "child")],
        example: "alice: waitpid bob",
        ..CALL
    },
    CallSpec {
        name: "kill",
        args: &[
            required("pid", ArgKind::Actor, "whom"),
            required("sig", ArgKind::Signal, "which; 0 only asks whether the target exists"),
        ],
        doc: "Sends a signal to a process",
        man: "kill(2)",
        c: "kill({pid}, {sig})",
        example: "alice: kill bob SIGUSR1",
        ..CALL
    },
    CallSpec {
        name: "killpg",
        args: &[
            required("pgrp", ArgKind::Actor, "whose process group: its leader's, of which the group has its number"),
            required("sig", ArgKind::Signal, "which; 0 only asks whether there is such a group"),
        ],
        doc: "Sends a signal to all processes of a process group",
        man: "killpg(3)",
        c: "killpg({pgrp}, {sig})",
        example: "alice: killpg bob SIGINT",
        ..CALL
    },
    CallSpec {
        name: "setsid",
        doc: "Makes a new session without a terminal, and a process group in it; the caller leads both",
        man: "setsid(2)",
        c: "setsid()",
        gives: true,
        example: "alice: setsid",
        ..CALL
    },
    CallSpec {
        name: "setpgid",
        args: &[
            required("pid", ArgKind::Actor, "the actor itself, or a child of its that has not called execve"),
            required("pgid", ArgKind::Actor, "who leads the group; the same one for a group of its own"),
        ],
        doc: "Puts a process into a process group of the same session, or makes a new one",
        man: "setpgid(2)",
        c: "setpgid({pid}, {pgid})",
        example: "alice: setpgid bob bob",
        ..CALL
    },
    CallSpec {
        name: "getpgid",
        args: &[required("pid", ArgKind::Actor, "of whom")],
        doc: "Tells the process group of a process: its leader's pid",
        man: "getpgid(2)",
        c: "getpgid({pid})",
        gives: true,
        example: "alice: getpgid bob",
        ..CALL
    },
    CallSpec {
        name: "getpgrp",
        doc: "Tells its own process group: the leader's pid",
        man: "getpgrp(2)",
        c: "getpgrp()",
        gives: true,
        example: "alice: getpgrp",
        ..CALL
    },
    CallSpec {
        name: "getsid",
        args: &[required("pid", ArgKind::Actor, "of whom")],
        doc: "Tells the session of a process: its leader's pid",
        man: "getsid(2)",
        c: "getsid({pid})",
        gives: true,
        example: "alice: getsid bob",
        ..CALL
    },
    CallSpec {
        name: "getpid",
        doc: "Tells its own process id",
        man: "getpid(2)",
        c: "getpid()",
        gives: true,
        example: "alice: getpid -> $pid",
        ..CALL
    },
    CallSpec {
        name: "getppid",
        doc: "Tells the process id of the parent; another one after the parent has ended",
        man: "getppid(2)",
        c: "getppid()",
        gives: true,
        example: "alice: getppid",
        ..CALL
    },
    CallSpec {
        name: "umask",
        args: &[required("mask", ArgKind::Mode, "permissions that new files shall not get")],
        doc: "Sets the mask that is taken off the mode of new files; gives the old one",
        man: "umask(2)",
        c: "umask({mask})",
        gives: true,
        example: "alice: umask 077",
        ..CALL
    },
    CallSpec {
        name: "nanosleep",
        args: &[required("duration", ArgKind::Duration, "how long, counted from now")],
        doc: "Sleeps for a time, or until a signal handler has run",
        man: "nanosleep(2)",
        c: "nanosleep(&(struct timespec){ {duration.timespec} }, NULL)",
        sleeps: &[sleeps(libc::SYS_nanosleep, "time"), sleeps(libc::SYS_clock_nanosleep, "time")],
        example: "alice: nanosleep 500ms",
        ..CALL
    },
    CallSpec {
        name: "pause",
        doc: "Sleeps until a signal handler has run",
        man: "pause(2)",
        c: "pause()",
        // glibc makes it of ppoll(2) where there is no such system call.
        #[cfg(target_arch = "x86_64")]
        sleeps: &[sleeps(libc::SYS_pause, "signal")],
        #[cfg(not(target_arch = "x86_64"))]
        sleeps: &[sleeps(libc::SYS_ppoll, "signal")],
        example: "alice: pause",
        ..CALL
    },
    CallSpec {
        name: "sched_yield",
        doc: "Lets other tasks run first",
        man: "sched_yield(2)",
        c: "sched_yield()",
        example: "alice: sched_yield",
        ..CALL
    },
    CallSpec {
        name: "set",
        args: &[
            required("variable", ArgKind::Variable, "a variable of this actor's"),
            required("value", ArgKind::Value, "a number or data"),
        ],
        doc: "Gives a variable a value; no call",
        c: "{variable} = {value}",
        syscall: false,
        example: "alice: set $buf 'x' * 4097",
        ..CALL
    },
    CallSpec {
        name: "add",
        args: &[
            required("variable", ArgKind::Variable, "a variable that holds a number"),
            required("value", ArgKind::Int, "what to add; negative to take off"),
        ],
        doc: "Adds to a variable, in 64 bits that wrap; no call",
        c: "{variable} += {value}",
        syscall: false,
        example: "alice: add $x 1",
        ..CALL
    },
];

impl Facility for Process {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn changes_all(&self) -> bool {
        true
    }

    fn calls(&self) -> &'static [CallSpec] {
        CALLS
    }

    fn perform(&self, verb: &str, performer: &mut Performer<'_>) -> Result<(), Refusal> {
        match verb {
            "fork" => return performer.fork(),
            "execve" => return performer.exec(),
            "exit" | "_exit" | "exit_group" => {
                if verb == "exit" {
                    stdio::at_exit(performer);
                }
                let status = performer.int("status", 0);
                let _ = performer.call(Making::new([status, 0, 0, 0, 0, 0]), || process::exit_now(status as i32));
            }
            "waitpid" => waitpid(performer),
            "kill" => return kill(performer),
            "killpg" => killpg(performer),
            "setsid" => {
                group(performer, [0; 6], nix::unistd::setsid);
            }
            "setpgid" => {
                let (pid, pgid) = (performer.int("pid", -1), performer.int("pgid", -1));
                let making = Making::new([pid, pgid, 0, 0, 0, 0]);
                let _ = performer.call(making, || nix::unistd::setpgid(task(pid), task(pgid)).map(|()| 0));
            }
            "getpgid" | "getsid" => {
                let pid = performer.int("pid", -1);
                let args = [pid, 0, 0, 0, 0, 0];
                group(performer, args, || match verb {
                    "getpgid" => nix::unistd::getpgid(Some(task(pid))),
                    _ => nix::unistd::getsid(Some(task(pid))),
                });
            }
            "getpgrp" => number(performer, || i64::from(nix::unistd::getpgrp().as_raw())),
            "getpid" => number(performer, || i64::from(nix::unistd::getpid().as_raw())),
            "getppid" => number(performer, || i64::from(nix::unistd::getppid().as_raw())),
            "umask" => {
                let mask = performer.int("mask", 0);
                let making = Making::new([mask, 0, 0, 0, 0, 0]);
                let old = performer.call(making, || {
                    Ok(nix::sys::stat::umask(Mode::from_bits_truncate(mask as libc::mode_t)).bits().into())
                });
                performer.deliver(Data::Int(old.unwrap_or(0)));
            }
            "nanosleep" => {
                let ns = performer.int("duration", 0);
                if ns < 0 {
                    return Err(Refusal::new("a time to sleep can't be negative"));
                }
                let making = Making::new([ns, 0, 0, 0, 0, 0]).within(ns);
                let _ = performer
                    .call(making, || process::nanosleep(ns as u64).map(|()| 0).map_err(|(errno, _left)| errno));
            }
            "pause" => {
                let _ = performer.call(Making::new([0; 6]), || {
                    nix::unistd::pause();
                    Err(Errno::EINTR)
                });
            }
            "sched_yield" => {
                let _ = performer.call(Making::new([0; 6]), || nix::sched::sched_yield().map(|()| 0));
            }
            "set" => return set(performer),
            "add" => return add(performer),
            _ => return Err(Refusal::new(format!("{verb} is no call on processes"))),
        }
        Ok(())
    }

    fn signal_calls(&self) -> &'static [&'static str] {
        &["kill", "killpg"]
    }

    fn signal_deed(&self, verb: &str, record: &Record) -> Option<SignalDeed> {
        let [a, b, ..] = record.args;
        let to = match verb {
            "kill" => Target::Process(a as i32),
            "killpg" => Target::Group(a as i32),
            _ => return None,
        };
        Some(SignalDeed::Sent { to, signal: b as i32, value: None })
    }

    fn means(&self, verb: &str, record: &Record) -> Option<String> {
        means(verb, record).map(ToOwned::to_owned)
    }

    fn wakers_of_call(&self, sleep: &Sleep, sleeper: &Actor, snapshot: &Snapshot) -> Vec<String> {
        if sleep.direction != "child" {
            return Vec::new();
        }
        // `7<bob>, …, 0` waits for that child; `-1, …, 0` for any.
        let named = sleep.args.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(name, _)| name);
        // Any thread of a process may wait for the children of all.
        let own = process_of(&sleeper.name);
        let of = |actor: &&Actor| actor.alive() && actor.parent.as_deref().map(process_of) == Some(own);
        let fits = |actor: &&Actor| named.is_none_or(|name| actor.name == name);
        snapshot.actors.iter().filter(of).filter(fits).map(|actor| actor.name.clone()).collect()
    }

    fn show(&self, verb: &str, record: &Record) -> Shown {
        let [a, b, c, ..] = record.args;
        match verb {
            "execve" => Shown::args("self".to_owned()),
            "exit" | "_exit" | "exit_group" => Shown { args: a.to_string(), result: Some("?".to_owned()) },
            "waitpid" => {
                let status = if !returned(record) {
                    "…".to_owned()
                } else if record.ret > 0 {
                    wait_status(b as i32)
                } else {
                    "[]".to_owned()
                };
                let args = format!("{}, {status}, {}", show::pid(a), show::flags(c, WAIT_FLAGS, None));
                Shown { args, result: pid_result(record) }
            }
            "setpgid" => Shown::args(format!("{}, {}", show::pid(a), show::pid(b))),
            "getpgid" | "getsid" => Shown { args: show::pid(a), result: pid_result(record) },
            "kill" | "killpg" => {
                let signal = if b == 0 { "0".to_owned() } else { signal_name(b as i32) };
                Shown::args(format!("{}, {signal}", show::pid(a)))
            }
            "umask" => Shown { args: mode(a), result: returned(record).then(|| mode(record.ret)) },
            "nanosleep" => Shown::args(duration(a)),
            "set" | "add" => computed(verb, record),
            _ => Shown { args: String::new(), result: pid_result(record) },
        }
    }
}

fn means(verb: &str, record: &Record) -> Option<&'static str> {
    let options = record.args[2] as i32;
    Some(match (verb, record.errno) {
        ("kill" | "killpg", _) => return super::signal::sent(verb, record.args[1], record.errno),
        ("waitpid", libc::ECHILD) if record.args[0] > 0 => {
            "not a child, or not any more: it was waited for, or left nothing since SIGCHLD was ignored"
        }
        ("waitpid", libc::ECHILD) => {
            "no child is left; those that ended while SIGCHLD was ignored, or with SA_NOCLDWAIT, leave nothing to wait for"
        }
        ("waitpid", 0) if record.ret == 0 && options & libc::WNOHANG != 0 => {
            "there are children, and none has changed its state"
        }
        ("setpgid", libc::EPERM) => "the process leads its session, or the group is of another session",
        ("setpgid", libc::ESRCH) => "it is neither the caller nor a child of its",
        ("setpgid", libc::EACCES) => "the child has called execve: from there on its group is its own business",
        ("setsid", libc::EPERM) => "it leads a process group, whose number the new session would need",
        ("getpgid" | "getsid", libc::ESRCH) => "no process has this pid any more",
        ("pause", libc::EINTR) => "a handler has run: in no other way does it return",
        _ => return None,
    })
}

/// The result of a call that returns a pid.
fn pid_result(record: &Record) -> Option<String> {
    (returned(record) && record.errno == 0).then(|| show::pid(record.ret))
}

/// A call without arguments that can't fail.
fn number(performer: &mut Performer<'_>, call: impl FnOnce() -> i64) {
    let got = performer.call(Making::new([0; 6]), || Ok(call()));
    performer.deliver(Data::Int(got.unwrap_or(0)));
}

fn waitpid(performer: &mut Performer<'_>) {
    let (pid, options) = (performer.int("pid", -1), performer.int("options", 0));
    let status = Cell::new(0);
    let making = Making::new([pid, 0, options, 0, 0, 0]);
    let result = performer.call_then(
        making,
        || {
            let Some((child, how)) = process::waitpid(pid as i32, options as i32)? else { return Ok(0) };
            status.set(status_of(how));
            Ok(child.into())
        },
        |record| record.args[1] = status.get().into(),
    );
    if let Ok(pid) = result {
        performer.deliver(Data::Int(pid));
    }
}

/// Only ever one process that was named: 0 and negative numbers mean groups, or everybody.
fn kill(performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let (pid, signal) = (performer.int("pid", -1), performer.int("sig", 0));
    if pid <= 0 {
        return Err(Refusal::new("a signal goes to one actor at a time"));
    }
    let _ =
        performer.call(Making::new([pid, signal, 0, 0, 0, 0]), || process::kill(pid as i32, signal as i32).map(|()| 0));
    Ok(())
}

/// The group is named by its leader, so the number is never 0, 1 or negative, which would mean other groups.
fn killpg(performer: &mut Performer<'_>) {
    let (pgrp, signal) = (performer.int("pgrp", -1), performer.int("sig", 0));
    let making = Making::new([pgrp, signal, 0, 0, 0, 0]);
    let _ = performer.call(making, || process::killpg(pgrp as i32, signal as i32).map(|()| 0));
}

const fn task(pid: i64) -> Pid {
    Pid::from_raw(pid as i32)
}

/// A call that gives a process group or session.
fn group(performer: &mut Performer<'_>, args: [i64; 6], call: impl FnOnce() -> Result<Pid, Errno>) {
    if let Ok(leader) = performer.call(Making::new(args), || call().map(|pid| pid.as_raw().into())) {
        performer.deliver(Data::Int(leader));
    }
}

/// The record of a computation carries the variable's name, and behind it the value if that is data.
fn record_value(performer: &mut Performer<'_>, name: &str, value: Data) {
    let mut told = name.as_bytes().to_vec();
    let (kind, number) = match &value {
        Data::Int(n) => (0, *n),
        Data::Bytes(bytes) => {
            told.extend_from_slice(bytes);
            (1, bytes.len() as i64)
        }
    };
    let operand = performer.int("value", number);
    performer.body.names.variables.insert(name.to_owned(), value);
    performer.computed(Making::new([name.len() as i64, kind, operand, 0, 0, 0]).data(&told), number);
}

fn set(performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let (value, size) = match performer.given("value") {
        Some(Given::Bytes(bytes)) => (Data::Bytes(bytes.clone()), bytes.len()),
        _ => (Data::Int(performer.int("value", 0)), 0),
    };
    performer.body.names.room(performer.name("variable"), size)?;
    record_value(performer, performer.name("variable"), value);
    Ok(())
}

fn add(performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let name = performer.name("variable");
    let sum = match performer.body.names.variables.get(name) {
        Some(Data::Int(n)) => n.wrapping_add(performer.int("value", 0)),
        Some(Data::Bytes(_)) => return Err(Refusal::new(format!("${name} holds data, and a number is needed"))),
        None => return Err(Refusal::new(format!("${name} was never set")).help(format!("set ${name} 0"))),
    };
    record_value(performer, name, Data::Int(sum));
    Ok(())
}

fn computed(verb: &str, record: &Record) -> Shown {
    let [length, kind, operand, ..] = record.args;
    let told = record.bytes();
    let (name, data) = told.split_at((length as usize).min(told.len()));
    let name = String::from_utf8_lossy(name);
    if kind == 1 {
        let total = record.data_len.saturating_sub(name.len() as u64);
        let result = format!("{total} bytes");
        return Shown { args: format!("${name}, {}", show::text(data, total, 32)), result: Some(result) };
    }
    let value = if verb == "add" { operand } else { record.ret };
    Shown { args: format!("${name}, {value}"), result: Some(record.ret.to_string()) }
}

/// The number that wait(2) tells, so that a record can carry it.
const fn status_of(how: How) -> i32 {
    match how {
        How::Exited(status) => (status & 0xff) << 8,
        How::Killed(signal) => signal,
        How::Stopped(signal) => signal << 8 | 0x7f,
        How::Continued => 0xffff,
    }
}

/// How a child ended, in the words of the macros of wait(2), as strace writes them.
fn wait_status(status: i32) -> String {
    match How::from_status(status) {
        How::Exited(status) => format!("[{{WIFEXITED && WEXITSTATUS == {status}}}]"),
        How::Killed(signal) => format!("[{{WIFSIGNALED && WTERMSIG == {}}}]", signal_name(signal)),
        How::Stopped(signal) => format!("[{{WIFSTOPPED && WSTOPSIG == {}}}]", signal_name(signal)),
        How::Continued => "[{WIFCONTINUED}]".to_owned(),
    }
}

/// A length of time in the unit that leaves no fraction: `500ms`, `2s`.
pub(super) fn duration(ns: i64) -> String {
    let units = [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)];
    let unit = units.iter().find(|(_, size)| ns != 0 && ns % size == 0);
    unit.map_or_else(|| format!("{ns}ns"), |(name, size)| format!("{}{name}", ns / size))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(args: [i64; 6], ret: i64) -> Record {
        Record { args, ret, entered_ns: 1, returned_ns: 2, ..Record::default() }
    }

    #[test]
    fn shows_calls_as_strace_does() {
        let rows: &[(&str, [i64; 6], i64, &str, Option<&str>)] = &[
            ("fork", [0; 6], 7, "", Some("7<>")),
            ("fork", [0; 6], 0, "", Some("0")),
            ("exit", [3, 0, 0, 0, 0, 0], 0, "3", Some("?")),
            ("waitpid", [7, 0x0300, 0, 0, 0, 0], 7, "7<>, [{WIFEXITED && WEXITSTATUS == 3}], 0", Some("7<>")),
            ("waitpid", [-1, 9, 1, 0, 0, 0], 7, "-1, [{WIFSIGNALED && WTERMSIG == SIGKILL}], WNOHANG", Some("7<>")),
            (
                "waitpid",
                [7, 0x137f, 2, 0, 0, 0],
                7,
                "7<>, [{WIFSTOPPED && WSTOPSIG == SIGSTOP}], WUNTRACED",
                Some("7<>"),
            ),
            ("waitpid", [7, 0xffff, 8, 0, 0, 0], 7, "7<>, [{WIFCONTINUED}], WCONTINUED", Some("7<>")),
            ("waitpid", [7, 0, 1, 0, 0, 0], 0, "7<>, [], WNOHANG", Some("0")),
            ("kill", [7, 10, 0, 0, 0, 0], 0, "7<>, SIGUSR1", None),
            ("kill", [7, 0, 0, 0, 0, 0], 0, "7<>, 0", None),
            ("killpg", [7, 2, 0, 0, 0, 0], 0, "7<>, SIGINT", None),
            ("setsid", [0; 6], 7, "", Some("7<>")),
            ("setpgid", [7, 8, 0, 0, 0, 0], 0, "7<>, 8<>", None),
            ("getpgid", [7, 0, 0, 0, 0, 0], 8, "7<>", Some("8<>")),
            ("umask", [0o77, 0, 0, 0, 0, 0], 0o22, "077", Some("022")),
            ("nanosleep", [500_000_000, 0, 0, 0, 0, 0], 0, "500ms", None),
            ("nanosleep", [0; 6], 0, "0ns", None),
        ];
        for (verb, args, ret, shown, result) in rows {
            let got = Process.show(verb, &record(*args, *ret));
            assert_eq!((got.args.as_str(), got.result.as_deref()), (*shown, *result), "{verb} {args:?}");
        }
        let asleep = Record { args: [-1, 0, 0, 0, 0, 0], entered_ns: 1, ..Record::default() };
        assert_eq!(Process.show("waitpid", &asleep).args, "-1, …, 0");
    }

    #[test]
    fn a_status_survives_its_record() {
        for how in [How::Exited(0), How::Exited(255), How::Killed(9), How::Stopped(19), How::Continued] {
            assert_eq!(How::from_status(status_of(how)), how);
        }
    }

    #[test]
    fn shows_computations() {
        let mut set = record([1, 0, 5, 0, 0, 0], 5);
        set.set_data(b"x");
        assert_eq!(Process.show("set", &set), Shown { args: "$x, 5".into(), result: Some("5".into()) });
        let mut add = record([1, 0, -2, 0, 0, 0], 3);
        add.set_data(b"x");
        assert_eq!(Process.show("add", &add), Shown { args: "$x, -2".into(), result: Some("3".into()) });
        let mut data = record([3, 1, 100, 0, 0, 0], 100);
        data.set_data(&[b"buf".as_slice(), &[b'y'; 100]].concat());
        let shown = Process.show("set", &data);
        assert_eq!(shown.args, format!("$buf, \"{}\"…", "y".repeat(32)));
        assert_eq!(shown.result.as_deref(), Some("100 bytes"));
    }
}
