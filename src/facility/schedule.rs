//! Scheduling: on which processors a task may run, and who goes first.

use nix::errno::Errno;
use nix::sched::CpuSet;
use nix::unistd::Pid;

use super::perform::{Making, Performer, Refusal};
use super::process::duration;
use super::show::{self, Shown, constant, returned};
use super::table::{CALL, optional, required, saturated};
use super::{Card, Facility};
use crate::kernel::arena::Record;
use crate::kernel::sched;
use crate::script::{ArgKind, ArgSpec, CallSpec, Data};

/// The chapter of scheduling.
#[derive(Debug)]
pub(super) struct Scheduling;

static CARD: Card = Card {
    id: "scheduling",
    title: "Scheduling",
    family: "what all facilities stand on",
    what: "The kernel gives tasks turns on the processors: by policy and priority, and only where their affinity lets them.",
    identifier: "tid",
    handle: "tid",
    persistence: "process: a policy, a niceness and an affinity go to children and new threads",
    access: "the same user; realtime priorities up to RLIMIT_RTPRIO",
    blocking: "never: a task that waits for its turn is ready to run",
    boundaries: "none",
    manual: &["sched(7)", "sched_setscheduler(2)", "sched_setaffinity(2)", "setpriority(2)", "sched_yield(2)"],
};

/// The policies that have a name here.
pub(crate) const POLICIES: &[(&str, i64)] = &[
    ("SCHED_OTHER", libc::SCHED_OTHER as i64),
    ("SCHED_FIFO", libc::SCHED_FIFO as i64),
    ("SCHED_RR", libc::SCHED_RR as i64),
    ("SCHED_BATCH", libc::SCHED_BATCH as i64),
    ("SCHED_IDLE", libc::SCHED_IDLE as i64),
];

/// The longest that one `spin` keeps a processor busy, in ns.
const SPIN_MAX: i64 = 10_000_000_000;

const WHO: ArgSpec = required("pid", ArgKind::Actor, "which task: a process' first thread, or another one");

static CALLS: &[CallSpec] = &[
    CallSpec {
        name: "sched_setaffinity",
        args: &[WHO, required("mask", ArgKind::Tuples(1, &[]), "the numbers of the processors that it may run on")],
        doc: "Says on which processors a task may run",
        man: "sched_setaffinity(2)",
        c: "sched_setaffinity({pid}, sizeof mask, &mask /* {mask} */)",
        example: "alice: sched_setaffinity alice 0",
        ..CALL
    },
    CallSpec {
        name: "sched_getaffinity",
        args: &[WHO],
        doc: "Tells on which processors a task may run; their number goes to a variable",
        man: "sched_setaffinity(2)",
        c: "sched_getaffinity({pid}, sizeof mask, &mask)",
        gives: true,
        example: "alice: sched_getaffinity alice -> $count",
        ..CALL
    },
    CallSpec {
        name: "sched_setscheduler",
        args: &[
            WHO,
            required("policy", ArgKind::Constant(POLICIES), "by which rule its turn comes"),
            optional("priority", ArgKind::Int, "for SCHED_FIFO and SCHED_RR from 1 to 99, for the others 0"),
        ],
        doc: "Sets policy and realtime priority of a task; SCHED_FIFO and SCHED_RR run before all others",
        man: "sched_setscheduler(2)",
        c: "sched_setscheduler({pid}, {policy}, &(struct sched_param){ {priority=0} })",
        example: "alice: sched_setscheduler alice SCHED_FIFO 10",
        ..CALL
    },
    CallSpec {
        name: "sched_getscheduler",
        args: &[WHO],
        doc: "Tells the policy of a task",
        man: "sched_setscheduler(2)",
        c: "sched_getscheduler({pid})",
        gives: true,
        example: "alice: sched_getscheduler alice",
        ..CALL
    },
    CallSpec {
        name: "setpriority",
        args: &[WHO, required("prio", ArgKind::Int, "from 19, whose turns are shortest, down to -20")],
        doc: "Sets the niceness of a task, on Linux each thread's own; to lower it takes a right",
        man: "setpriority(2)",
        c: "setpriority(PRIO_PROCESS, {pid}, {prio})",
        example: "alice: setpriority alice 10",
        ..CALL
    },
    CallSpec {
        name: "sched_getcpu",
        doc: "Tells on which processor it runs just now",
        man: "sched_getcpu(3)",
        c: "sched_getcpu()",
        gives: true,
        example: "alice: sched_getcpu -> $cpu",
        ..CALL
    },
    CallSpec {
        name: "spin",
        args: &[required("time", ArgKind::Duration, "how much processor time to use, at most 10s")],
        doc: "Keeps a processor busy until it has used so much time of it; `cancel` ends it; no call",
        man: "clock_gettime(2)",
        c: "while (thread_cpu_time() < {time}) ;",
        syscall: false,
        spins: true,
        example: "alice: spin 500ms",
        ..CALL
    },
];

/// The task whose scheduling a finished call has touched, if it has: 0 for the caller.
pub(crate) fn touched(verb: &str, record: &Record) -> Option<i32> {
    match verb {
        "spin" | "sched_getcpu" => Some(0),
        _ if CALLS.iter().any(|call| call.name == verb) => Some(record.args[0] as i32),
        _ => None,
    }
}

impl Facility for Scheduling {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn calls(&self) -> &'static [CallSpec] {
        CALLS
    }

    fn perform(&self, verb: &str, performer: &mut Performer<'_>) -> Result<(), Refusal> {
        if verb == "spin" {
            return spin(performer);
        }
        if verb == "sched_getcpu" {
            let cpu = performer.call(Making::new([0; 6]), || sched::current_cpu().map(i64::from));
            performer.deliver(Data::Int(cpu.unwrap_or(-1)));
            return Ok(());
        }
        let peer = performer.peer("pid").ok_or_else(|| Refusal::new("this names no task"))?;
        let (tid, pid) = (peer.thread.tid, Pid::from_raw(peer.thread.tid));
        let args = |second: i64, third: i64| Making::new([tid.into(), second, third, 0, 0, 0]);
        match verb {
            "sched_setaffinity" => {
                let cpus = performer.tuples("mask").iter().filter_map(|(numbers, _)| numbers.first().copied());
                let mut mask = 0_u64;
                let mut set = CpuSet::new();
                for cpu in cpus {
                    if !(0..64).contains(&cpu) || set.set(cpu as usize).is_err() {
                        return Err(Refusal::new(format!("processor {cpu} can't be named here; 0 to 63 can")));
                    }
                    mask |= 1 << cpu;
                }
                let _ = performer.call(args(mask as i64, 0), || nix::sched::sched_setaffinity(pid, &set).map(|()| 0));
            }
            "sched_getaffinity" => {
                let mask = std::cell::Cell::new(0_u64);
                let ask = || {
                    let set = nix::sched::sched_getaffinity(pid)?;
                    mask.set((0..64).filter(|n| set.is_set(*n) == Ok(true)).fold(0, |mask, n| mask | 1 << n));
                    Ok(0)
                };
                let asked = performer.call_then(args(0, 0), ask, |record| record.args[1] = mask.get() as i64);
                if asked.is_ok() {
                    performer.deliver(Data::Int(mask.get().count_ones().into()));
                }
            }
            "sched_setscheduler" => {
                let (policy, priority) = (performer.int("policy", 0), performer.int("priority", 0));
                let set = || sched::set_scheduler(tid, policy as i32, saturated(priority)).map(|()| 0);
                let _ = performer.call(args(policy, priority), set);
            }
            "sched_getscheduler" => {
                if let Ok(policy) = performer.call(args(0, 0), || sched::scheduler(tid).map(i64::from)) {
                    performer.deliver(Data::Int(policy));
                }
            }
            _ => {
                let nice = performer.int("prio", 0);
                let _ = performer.call(args(nice, 0), || sched::set_priority(tid, saturated(nice)).map(|()| 0));
            }
        }
        Ok(())
    }

    fn show(&self, verb: &str, record: &Record) -> Shown {
        let [a, b, c, ..] = record.args;
        let done = returned(record) && record.errno == 0;
        match verb {
            "spin" => Shown { args: duration(a), result: done.then(|| format!("{} used", duration(record.ret))) },
            "sched_getcpu" => Shown::args(String::new()),
            "sched_setaffinity" => Shown::args(format!("{}, {}", show::pid(a), cpus(b as u64))),
            "sched_getaffinity" if done => Shown::args(format!("{}, {}", show::pid(a), cpus(b as u64))),
            "sched_getaffinity" => Shown::args(format!("{}, …", show::pid(a))),
            "sched_setscheduler" => Shown::args(format!("{}, {}, [{c}]", show::pid(a), constant(b, POLICIES))),
            "sched_getscheduler" => {
                let result = done.then(|| format!("{} ({})", record.ret, constant(record.ret, POLICIES)));
                Shown { args: show::pid(a), result }
            }
            _ => Shown::args(format!("PRIO_PROCESS, {}, {b}", show::pid(a))),
        }
    }

    fn means(&self, verb: &str, record: &Record) -> Option<String> {
        let [_, policy, priority, ..] = record.args;
        let limit = sched::realtime_limit();
        let words = match (verb, Errno::from_raw(record.errno)) {
            ("sched_setscheduler", Errno::EPERM) if limit == 0 => {
                "who has not the right CAP_SYS_NICE may have no realtime priority where RLIMIT_RTPRIO is 0".to_owned()
            }
            ("sched_setscheduler", Errno::EPERM) => {
                format!("without the right CAP_SYS_NICE a realtime priority may be at most RLIMIT_RTPRIO, {limit} here")
            }
            ("sched_setscheduler", Errno::EINVAL) => {
                let realtime = matches!(policy as i32, libc::SCHED_FIFO | libc::SCHED_RR);
                let range = if realtime { "from 1 to 99" } else { "0 and no other" };
                format!("{} has priority {range}, not {priority}", constant(policy, POLICIES))
            }
            ("setpriority", Errno::EACCES) => "to be less nice again takes the right CAP_SYS_NICE".to_owned(),
            ("sched_setaffinity", Errno::EINVAL) => "none of these processors is there for this task".to_owned(),
            _ => return None,
        };
        Some(words)
    }
}

/// A set of processors as strace writes it.
fn cpus(mask: u64) -> String {
    let all: Vec<String> = (0..64).filter(|n| mask & 1 << n != 0).map(|n: u32| n.to_string()).collect();
    format!("[{}]", all.join(" "))
}

fn spin(performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let ns = performer.int("time", 0);
    if !(0..=SPIN_MAX).contains(&ns) {
        return Err(Refusal::new(format!("one spin may use at most {} (SPIN_MAX)", duration(SPIN_MAX))));
    }
    let slot = performer.body.writer.slot().clone();
    let _ = performer.call(Making::new([ns, 0, 0, 0, 0, 0]), || Ok(sched::spin(ns as u64, || slot.cancelled()) as i64));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_calls_as_strace_does() {
        let shown = |verb: &str, args: [i64; 6], ret: i64| {
            let record = Record { args, ret, entered_ns: 1, returned_ns: 2, ..Record::default() };
            let Shown { args, result } = Scheduling.show(verb, &record);
            format!("{verb}({args}) = {}", result.unwrap_or_else(|| show::result(&record)))
        };
        assert_eq!(shown("sched_setaffinity", [7, 0b101, 0, 0, 0, 0], 0), "sched_setaffinity(7<>, [0 2]) = 0");
        assert_eq!(
            shown("sched_setscheduler", [7, 1, 10, 0, 0, 0], 0),
            "sched_setscheduler(7<>, SCHED_FIFO, [10]) = 0"
        );
        assert_eq!(shown("sched_getscheduler", [7, 0, 0, 0, 0, 0], 2), "sched_getscheduler(7<>) = 2 (SCHED_RR)");
        assert_eq!(shown("setpriority", [7, 10, 0, 0, 0, 0], 0), "setpriority(PRIO_PROCESS, 7<>, 10) = 0");
        assert_eq!(shown("spin", [5_000_000, 0, 0, 0, 0, 0], 6_000_000), "spin(5ms) = 6ms used");
    }
}
