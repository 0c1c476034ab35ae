//! What is measured on: the kernel, the processors, and what else they did.

use std::time::{SystemTime, UNIX_EPOCH};

use nix::sched::{CpuSet, sched_getaffinity};
use nix::sys::resource::{UsageWho, getrusage};
use nix::unistd::{Pid, SysconfVar, sysconf};
use serde::{Deserialize, Serialize};

use super::figures::Load;

/// The machine that figures belong to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The kernel's release.
    pub kernel: String,
    /// The processor's name, as the kernel tells it.
    pub processor: String,
    /// How many processors there are.
    pub processors: usize,
    /// Whether it says that it is a virtual one; waking an idle processor costs more there.
    pub is_virtual: bool,
    /// The processors on which the two processes run: the first serves for both on the same core. The second is `None`
    /// where only one may be used.
    pub cpus: (usize, Option<usize>),
    /// Whether the two are hardware threads of one core, since there is no second core to use.
    pub siblings: bool,
    /// When, in seconds since the epoch.
    pub when: u64,
    /// Which ipclab.
    pub ipclab: String,
}

impl Machine {
    /// This one.
    pub fn here() -> Self {
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let allowed = allowed();
        let first = allowed.first().copied().unwrap_or(0);
        let others = || allowed.iter().copied().filter(|cpu| *cpu != first);
        let own = siblings(first);
        let far = others().find(|cpu| !own.contains(cpu));
        let second = far.or_else(|| others().next());
        Self {
            kernel: nix::sys::utsname::uname()
                .map_or_else(|_| "unknown".to_owned(), |name| name.release().to_string_lossy().into_owned()),
            processor: processor(&info),
            processors: sysconf(SysconfVar::_NPROCESSORS_ONLN).ok().flatten().map_or(1, |n| n as usize),
            is_virtual: info.lines().any(|l| l.starts_with("flags") && l.split_whitespace().any(|f| f == "hypervisor")),
            cpus: (first, second),
            siblings: second.is_some() && far.is_none(),
            when: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            ipclab: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// In one line.
    pub fn words(&self) -> String {
        let kind = if self.is_virtual { ", virtual" } else { "" };
        let s = if self.processors == 1 { "" } else { "s" };
        format!("Linux {}, {}, {} processor{s}{kind}", self.kernel, self.processor, self.processors)
    }
}

/// The processors that this process may use.
fn allowed() -> Vec<usize> {
    let set = sched_getaffinity(Pid::from_raw(0)).unwrap_or_default();
    (0..CpuSet::count()).filter(|cpu| set.is_set(*cpu).unwrap_or(false)).collect()
}

/// The processors that are hardware threads of the same core, itself included.
fn siblings(cpu: usize) -> Vec<usize> {
    let path = format!("/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list");
    std::fs::read_to_string(path).map_or_else(|_| vec![cpu], |text| list(&text))
}

/// A list of processors as the kernel writes it: `0-2,5`.
fn list(text: &str) -> Vec<usize> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse::<usize>().ok()?..=last.parse::<usize>().ok()?)
    };
    text.trim().split(',').filter_map(range).flatten().collect()
}

/// The processor's name in /proc/cpuinfo: x86 has one, others tell who designed it, by number.
fn processor(info: &str) -> String {
    let value = |name: &str| {
        let line = info.lines().find(|line| line.split(':').next().is_some_and(|key| key.trim() == name))?;
        line.split_once(':').map(|(_, value)| value.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    value("model name")
        .or_else(|| Some(format!("processor {} part {}", value("CPU implementer")?, value("CPU part")?)))
        .unwrap_or_else(|| "unknown processor".to_owned())
}

/// A moment from which on load is counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Since {
    times: Option<Times>,
    own: f64,
}

/// Ticks since the machine was started, all processors together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Times {
    busy: u64,
    stolen: u64,
    all: u64,
}

impl Since {
    pub(super) fn now() -> Self {
        let times = std::fs::read_to_string("/proc/stat").ok().and_then(|text| times(&text));
        Self { times, own: own_ticks() }
    }

    /// What others did until now. Coarse: the kernel counts in ticks of mostly 10 ms.
    pub(super) fn load(&self) -> Load {
        let now = Self::now();
        match (self.times, now.times) {
            (Some(before), Some(after)) => load(before, after, now.own - self.own),
            _ => Load::default(),
        }
    }
}

/// Processor time of this process and of those that it has reaped, in ticks.
fn own_ticks() -> f64 {
    let a_second = sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100) as f64;
    let seconds = |who| {
        getrusage(who).map_or(0.0, |usage| {
            let (user, system) = (usage.user_time(), usage.system_time());
            (user.tv_sec() + system.tv_sec()) as f64 + (user.tv_usec() + system.tv_usec()) as f64 / 1e6
        })
    };
    (seconds(UsageWho::RUSAGE_SELF) + seconds(UsageWho::RUSAGE_CHILDREN)) * a_second
}

/// The first line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal, and what is in these already.
fn times(stat: &str) -> Option<Times> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<u64> = line.split_whitespace().take(8).map_while(|word| word.parse().ok()).collect();
    let [user, nice, system, idle, iowait, irq, softirq, steal] = ticks[..] else { return None };
    let busy = user + nice + system + irq + softirq;
    Some(Times { busy, stolen: steal, all: busy + idle + iowait + steal })
}

fn load(before: Times, after: Times, own: f64) -> Load {
    let all = after.all.saturating_sub(before.all);
    if all == 0 {
        return Load::default();
    }
    let share = |ticks: f64| Some((ticks / all as f64).clamp(0.0, 1.0));
    let busy = after.busy.saturating_sub(before.busy) as f64;
    Load { foreign: share(busy - own), steal: share(after.stolen.saturating_sub(before.stolen) as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_processors_are_read() {
        for (text, expected) in
            [("0\n", vec![0]), ("0-2,5\n", vec![0, 1, 2, 5]), ("", vec![]), ("x,3", vec![3]), ("4,4-5", vec![4, 4, 5])]
        {
            assert_eq!(list(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_processor_has_a_name_or_a_number() {
        let x86 = "processor\t: 0\nmodel\t\t: 85\nmodel name\t: Some  Processor @ 2.0GHz\n";
        let arm = "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n";
        for (info, expected) in
            [(x86, "Some Processor @ 2.0GHz"), (arm, "processor 0x41 part 0xd0c"), ("", "unknown processor")]
        {
            assert_eq!(processor(info), expected);
        }
    }

    #[test]
    fn load_is_what_others_used() {
        let before = times("cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 1\n").unwrap();
        assert_eq!(before, Times { busy: 200, stolen: 0, all: 1000 });
        let after = times("cpu  150 10 120 850 10 5 5 50 0 0\n").unwrap();
        let load = load(before, after, 40.0);
        // 200 more ticks, 90 of them busy and 40 of these ours; 50 stolen.
        assert!((load.foreign.unwrap() - 0.25).abs() < 1e-9, "{load:?}");
        assert!((load.steal.unwrap() - 0.25).abs() < 1e-9, "{load:?}");
        assert_eq!(times("cpu 1 2 3"), None);
        assert_eq!(super::load(before, before, 1.0), Load::default());
    }

    #[test]
    fn this_machine_has_a_processor() {
        let here = Machine::here();
        assert!(here.processors > 0 && !here.kernel.is_empty());
        assert_ne!(Some(here.cpus.0), here.cpus.1);
        assert!(here.words().starts_with("Linux "));
    }
}
