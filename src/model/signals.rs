//! What an actor has done about signals, what has come of it, and to whom its group's signals go.

use serde::{Deserialize, Serialize};

use super::Evidence;

/// What an actor has done about signals, and what has come of it. Sets by name, lowest number first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signals {
    /// Those that have come and were not taken yet.
    pub pending: Vec<PendingSignal>,
    /// Those that are held back.
    pub blocked: Vec<String>,
    /// Those that are ignored.
    pub ignored: Vec<String>,
    /// Those that have a handler.
    pub caught: Vec<String>,
    /// The flags with which handlers were set, by signal, as the actor said; those without flags are left out.
    pub flags: Vec<(String, String)>,
    /// How often its handler has run, by signal, as it noted itself.
    pub handled: Vec<(String, u64)>,
}

/// A signal that is pending.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingSignal {
    /// Its name.
    pub signal: String,
    /// Whether only this thread can take it, rather than any of its process.
    pub thread: bool,
    /// How often it was sent since it has been pending, as the senders said; 0 where the kernel itself has sent it.
    pub sent: u64,
    /// Whether it is a realtime signal, held as often as it was sent. A standard one is held once.
    pub queues: bool,
    /// How many of them are held.
    pub held: u64,
    /// What came with those that are held, in order: the value, or who sent it where it has none. At most the first 16.
    pub queue: Vec<String>,
    /// How the number is known. That the signal is pending, the kernel says.
    pub evidence: Evidence,
}

impl PendingSignal {
    /// How many of those that were sent have left no trace, since one was pending already.
    pub const fn lost(&self) -> u64 {
        self.sent.saturating_sub(self.held)
    }
}

/// A line on an actor's signals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignalLine {
    /// What it tells: `pending`, `blocks`.
    pub word: &'static str,
    /// Of which signals.
    pub text: String,
    /// How that is known.
    pub evidence: Evidence,
}

impl SignalLine {
    /// Whether it tells of signals that wait to be taken.
    pub fn waits(&self) -> bool {
        matches!(self.word, "pending" | "pending for this thread" | "sent" | "queue")
    }
}

impl Signals {
    /// What there is to say, a line each.
    pub fn lines(&self) -> Vec<SignalLine> {
        let mut lines = Vec::new();
        let mut line = |word, text: String, evidence| {
            if !text.is_empty() {
                lines.push(SignalLine { word, text, evidence });
            }
        };
        let of = |thread: bool| {
            let names = self.pending.iter().filter(|p| p.thread == thread).map(|p| p.signal.as_str());
            names.collect::<Vec<_>>().join(" ")
        };
        line("pending", of(false), Evidence::Kernel);
        line("pending for this thread", of(true), Evidence::Kernel);
        for pending in &self.pending {
            let name = &pending.signal;
            if pending.lost() > 0 {
                // The value of the first is the one that is kept.
                let value = pending.queue.first().filter(|what| !what.starts_with("from "));
                let value = value.map(|value| format!(": {value}")).unwrap_or_default();
                let text = format!("{name} {} times, held {}{value}", pending.sent, times(pending.held));
                line("sent", text, Evidence::Reported);
            } else if pending.queues && !pending.queue.is_empty() && pending.evidence != Evidence::Hidden {
                let more = pending.held - pending.queue.len() as u64;
                let more = if more > 0 { format!(" … {more} more") } else { String::new() };
                line("queue", format!("{name}: {}{more}", pending.queue.join(" ")), pending.evidence);
            }
        }
        line("blocks", self.blocked.join(" "), Evidence::Kernel);
        line("ignores", self.ignored.join(" "), Evidence::Kernel);
        line("catches", self.caught.join(" "), Evidence::Kernel);
        for (name, flags) in &self.flags {
            line("with", format!("{name} {flags}"), Evidence::Reported);
        }
        let runs = self.handled.iter().map(|(name, count)| match count {
            1 => name.clone(),
            n => format!("{name} {n} times"),
        });
        line("handled", runs.collect::<Vec<_>>().join(", "), Evidence::Reported);
        lines
    }

    /// How often its handler has run for a signal.
    pub fn times(&self, signal: &str) -> u64 {
        self.handled.iter().find(|(name, _)| name == signal).map_or(0, |(_, times)| *times)
    }

    /// The pending ones of that name: for the process, for the thread, or both.
    pub fn pending<'a>(&'a self, signal: &'a str) -> impl Iterator<Item = &'a PendingSignal> {
        self.pending.iter().filter(move |p| p.signal == signal)
    }
}

fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

/// The process group and session of an actor, by the names of their leaders.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Who leads, or led, its process group.
    pub group: String,
    /// Who leads, or led, its session.
    pub session: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_was_sent_and_what_is_held() {
        let pending = |signal: &str, thread, sent, held, queue: &[&str], evidence| PendingSignal {
            signal: signal.to_owned(),
            thread,
            sent,
            queues: signal.starts_with("SIGRT"),
            held,
            queue: queue.iter().map(|q| (*q).to_owned()).collect(),
            evidence,
        };
        let signals = Signals {
            pending: vec![
                pending("SIGUSR1", false, 5, 1, &["from alice"], Evidence::Kernel),
                pending("SIGCHLD", false, 0, 1, &[], Evidence::Kernel),
                pending("SIGRTMIN", false, 20, 20, &["1", "2"], Evidence::Mirror),
                pending("SIGRTMIN+1", true, 1, 1, &["9"], Evidence::Hidden),
            ],
            blocked: vec!["SIGUSR1".to_owned()],
            flags: vec![("SIGUSR2".to_owned(), "SA_RESTART".to_owned())],
            handled: vec![("SIGHUP".to_owned(), 1), ("SIGUSR2".to_owned(), 3)],
            ..Signals::default()
        };
        let said: Vec<String> =
            signals.lines().iter().map(|l| format!("{} {} [{}]", l.word, l.text, l.evidence.word())).collect();
        assert_eq!(
            said,
            [
                "pending SIGUSR1 SIGCHLD SIGRTMIN [kernel]",
                "pending for this thread SIGRTMIN+1 [kernel]",
                "sent SIGUSR1 5 times, held once [reported]",
                "queue SIGRTMIN: 1 2 … 18 more [mirror]",
                "blocks SIGUSR1 [kernel]",
                "with SIGUSR2 SA_RESTART [reported]",
                "handled SIGHUP, SIGUSR2 3 times [reported]",
            ]
        );
        assert_eq!(signals.pending("SIGUSR1").map(PendingSignal::lost).sum::<u64>(), 4);
    }
}
