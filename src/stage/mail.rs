//! Which signals were sent to an actor and not taken yet. The kernel tells which are pending, and nobody how many of a
//! realtime one are queued or with what values: that is counted here, from what senders report, and held against what
//! the kernel does tell.

use std::collections::VecDeque;

/// Most letters that are kept of one signal; with more, the count alone goes on.
const KEPT: usize = 4096;

/// What was sent to one thread, or through it to its process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Mail(Vec<Pile>);

/// What was sent of one signal, since it has been pending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pile {
    pub signal: i32,
    /// Whether it was sent to the thread rather than to its process.
    pub thread: bool,
    letters: VecDeque<Letter>,
    sent: u64,
    /// Whether some were taken of which nobody knows how many.
    unsure: bool,
}

/// One that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Letter {
    /// Its value, or who sent it.
    pub what: String,
    /// CLOCK_MONOTONIC before it was sent, in ns.
    pub at_ns: u64,
}

/// Whether a signal is queued as often as it is sent.
pub(super) fn queues(signal: i32) -> bool {
    signal >= libc::SIGRTMIN()
}

impl Pile {
    /// How often it was sent since it has been pending; `None` if that is lost.
    pub(super) fn sent(&self) -> Option<u64> {
        (!self.unsure).then_some(self.sent)
    }

    /// How many are held: a standard signal once, a realtime one as often as it was sent and not taken.
    pub(super) fn held(&self) -> Option<u64> {
        if queues(self.signal) { self.sent() } else { Some(1) }
    }

    /// Those that are held, the next one first; at most so many.
    pub(super) fn queue(&self, most: usize) -> Vec<String> {
        let held = if queues(self.signal) { most } else { 1 };
        self.letters.iter().take(held.min(most)).map(|letter| letter.what.clone()).collect()
    }

    /// Takes off one, or for a standard signal all that were sent before.
    fn take(&mut self, before_ns: u64) {
        let whole = self.sent == self.letters.len() as u64;
        let length = self.letters.len();
        if queues(self.signal) {
            self.letters.pop_front();
        } else {
            self.letters.retain(|letter| letter.at_ns > before_ns);
        }
        self.unsure |= !whole;
        self.sent = self.sent.saturating_sub((length - self.letters.len()) as u64);
    }
}

impl Mail {
    /// Takes in one that was sent; says how many of its kind were there before.
    pub(super) fn post(&mut self, signal: i32, thread: bool, letter: Letter) -> u64 {
        let place = self.0.iter().position(|pile| (pile.signal, pile.thread) == (signal, thread));
        let place = place.unwrap_or_else(|| {
            self.0.push(Pile { signal, thread, letters: VecDeque::new(), sent: 0, unsure: false });
            self.0.len() - 1
        });
        let pile = &mut self.0[place];
        if pile.letters.len() < KEPT {
            pile.letters.push_back(letter);
        }
        pile.sent += 1;
        pile.sent - 1
    }

    /// One of them was taken at that time. The kernel gives what is the thread's own first.
    pub(super) fn took(&mut self, signal: i32, at_ns: u64) {
        let mut piles: Vec<&mut Pile> = self.0.iter_mut().filter(|p| p.signal == signal && p.sent > 0).collect();
        piles.sort_by_key(|pile| !pile.thread);
        if let Some(pile) = piles.into_iter().next() {
            pile.take(at_ns);
        }
    }

    /// Some were taken, and nobody knows which.
    pub(super) fn took_several(&mut self) {
        self.0.iter_mut().for_each(|pile| pile.unsure = true);
    }

    /// What the kernel does not call pending has been taken, or was never kept.
    pub(super) fn settle(&mut self, of_thread: u64, of_process: u64) {
        self.0.retain(|pile| {
            let set = if pile.thread { of_thread } else { of_process };
            set & 1 << (pile.signal - 1) != 0
        });
    }

    /// Whether there is nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is there of a signal.
    pub(super) fn pile(&self, signal: i32, thread: bool) -> Option<&Pile> {
        self.0.iter().find(|pile| (pile.signal, pile.thread) == (signal, thread))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(what: &str, at_ns: u64) -> Letter {
        Letter { what: what.to_owned(), at_ns }
    }

    const fn bit(signal: i32) -> u64 {
        1 << (signal - 1)
    }

    #[test]
    fn a_standard_signal_is_held_once() {
        let mut mail = Mail::default();
        for at in 0..5 {
            assert_eq!(mail.post(libc::SIGUSR1, false, letter("alice", at)), at);
        }
        let pile = mail.pile(libc::SIGUSR1, false).unwrap();
        assert_eq!((pile.sent(), pile.held(), pile.queue(9)), (Some(5), Some(1), vec!["alice".to_owned()]));
        // One run for all that were sent before; what comes later is another.
        mail.post(libc::SIGUSR1, false, letter("bob", 9));
        mail.took(libc::SIGUSR1, 7);
        let pile = mail.pile(libc::SIGUSR1, false).unwrap();
        assert_eq!((pile.sent(), pile.queue(9)), (Some(1), vec!["bob".to_owned()]));
        mail.settle(bit(libc::SIGUSR1), 0);
        assert!(mail.is_empty(), "pending for the thread is not pending for the process");
    }

    #[test]
    fn a_realtime_signal_queues() {
        let rt = libc::SIGRTMIN();
        let mut mail = Mail::default();
        for (at, value) in ["1", "2", "3"].into_iter().enumerate() {
            mail.post(rt, false, letter(value, at as u64));
        }
        mail.post(rt, true, letter("9", 3));
        // The thread's own comes first.
        mail.took(rt, 4);
        assert_eq!(mail.pile(rt, true).unwrap().held(), Some(0));
        mail.took(rt, 5);
        let pile = mail.pile(rt, false).unwrap();
        assert_eq!((pile.held(), pile.queue(1)), (Some(2), vec!["2".to_owned()]));
        mail.settle(0, bit(rt));
        assert_eq!(mail.0.len(), 1);
        mail.took_several();
        assert_eq!(mail.pile(rt, false).unwrap().held(), None);
        mail.settle(0, 0);
        assert!(mail.is_empty());
    }

    #[test]
    fn a_count_that_was_cut_is_not_told() {
        let rt = libc::SIGRTMIN();
        let mut mail = Mail::default();
        for at in 0..KEPT as u64 + 5 {
            mail.post(rt, false, letter("1", at));
        }
        assert_eq!(mail.pile(rt, false).unwrap().held(), Some(KEPT as u64 + 5));
        mail.took(rt, 0);
        assert_eq!(mail.pile(rt, false).unwrap().held(), None);
    }
}
