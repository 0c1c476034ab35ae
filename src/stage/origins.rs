//! Where private memory comes from. Of two processes that have the same pages the kernel tells nobody: anonymous private
//! memory has no inode. What is known is which call made it and who was forked since, and each mapping that descends from
//! one such call gets the same number of ours. Where and how it lies in each process the kernel tells all the same.

use crate::facility::look::{Handle, HandleKind};
use crate::facility::{self, Mapped};
use crate::kernel::arena::Record;
use crate::model::Value;
use crate::script::{CallSpec, Makes};

/// All private memory on stage.
#[derive(Debug, Default)]
pub(super) struct Origins {
    last: u64,
    pieces: Vec<Piece>,
}

/// What one process has of one mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    pid: i32,
    start: u64,
    end: u64,
    /// The number of the mapping that was made once, and the address at which that began.
    number: u64,
    origin: u64,
    /// The actor that made it; empty if the call was not seen.
    maker: String,
    /// The actor whose fork brought it here.
    inherited: Option<String>,
}

/// Whether a handle is a mapping of anonymous private memory.
pub(super) fn is_private(handle: &Handle) -> bool {
    let HandleKind::Mapping { perms, .. } = &handle.kind else { return false };
    handle.dev == 0 && handle.link.is_empty() && perms.ends_with('p')
}

impl Origins {
    /// Takes in what a finished call of a process did to its memory, or to whom it gave that.
    pub(super) fn learn(&mut self, pid: i32, actor: &str, record: &Record, spec: &CallSpec) {
        if spec.makes == Makes::Actor && record.ret > 0 && record.errno == 0 {
            return self.forked(pid, actor, record.ret as i32);
        }
        let Some(mapped) = facility::mapped(spec.name, record) else { return };
        self.cut(pid, mapped.start, mapped.end);
        let Mapped { start, end, private: true } = mapped else { return };
        self.last += 1;
        let maker = actor.to_owned();
        self.pieces.push(Piece { pid, start, end, number: self.last, origin: start, maker, inherited: None });
    }

    /// A child has what its parent has. A thread that was made is no process, and has it already.
    fn forked(&mut self, parent: i32, actor: &str, child: i32) {
        if parent == child || self.pieces.iter().any(|piece| piece.pid == child) {
            return;
        }
        let of_parent: Vec<Piece> = self.pieces.iter().filter(|piece| piece.pid == parent).cloned().collect();
        let inherited = Some(actor.to_owned());
        self.pieces.extend(of_parent.into_iter().map(|p| Piece { pid: child, inherited: inherited.clone(), ..p }));
    }

    /// A process has ended, or has begun another program, or it is not known what it did.
    pub(super) fn leave(&mut self, pid: i32) {
        self.pieces.retain(|piece| piece.pid != pid);
    }

    /// Takes a range out of what a process has.
    fn cut(&mut self, pid: i32, start: u64, end: u64) {
        let pieces = std::mem::take(&mut self.pieces);
        for piece in pieces {
            if piece.pid != pid || piece.end <= start || piece.start >= end {
                self.pieces.push(piece);
                continue;
            }
            let (low, high) = (piece.start..start.min(piece.end), end.max(piece.start)..piece.end);
            for part in [low, high].into_iter().filter(|part| !part.is_empty()) {
                self.pieces.push(Piece { start: part.start, end: part.end, ..piece.clone() });
            }
        }
    }

    /// From where to where a process has private memory.
    pub(super) fn ranges(&self, pid: i32) -> impl Iterator<Item = (u64, u64)> {
        self.pieces.iter().filter(move |piece| piece.pid == pid).map(|piece| (piece.start, piece.end))
    }

    /// Gives a handle on private memory a number in the place of an inode, and an offset. Of what nobody was seen to map
    /// it is a new one.
    pub(super) fn number(&mut self, handle: &mut Handle) {
        let HandleKind::Mapping { start, end, offset, .. } = &mut handle.kind else { return };
        let (pid, start, end) = (handle.pid, *start, *end);
        let place = self.pieces.iter().position(|piece| piece.pid == pid && (piece.start..piece.end).contains(&start));
        let place = place.unwrap_or_else(|| {
            self.last += 1;
            let (number, maker) = (self.last, String::new());
            self.pieces.push(Piece { pid, start, end, number, origin: start, maker, inherited: None });
            self.pieces.len() - 1
        });
        handle.ino = self.pieces[place].number;
        *offset = start - self.pieces[place].origin;
    }

    /// What is known of a number: who made it, and into which processes a fork of whom brought it.
    pub(super) fn told(&self, number: u64) -> Value {
        let of_it = || self.pieces.iter().filter(move |piece| piece.number == number);
        let maker = of_it().map(|piece| piece.maker.clone()).next().unwrap_or_default();
        let fork = |piece: &Piece| {
            let from = Value::Text(piece.inherited.clone()?);
            Some(Value::Record(vec![("pid".into(), Value::Int(piece.pid.into())), ("from".into(), from)]))
        };
        let forks = of_it().filter_map(fork).collect();
        Value::Record(vec![("maker".into(), Value::Text(maker)), ("forks".into(), Value::List(forks))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(verb: &str, args: [i64; 6], ret: i64) -> (Record, &'static CallSpec) {
        let (_, spec) = facility::registry().call(verb).unwrap();
        (Record { args, ret, returned_ns: 1, ..Record::default() }, spec)
    }

    fn map(origins: &mut Origins, pid: i32, start: i64, length: i64, flags: i32) {
        let (record, spec) = call("mmap", [0, length, 3, flags.into(), -1, 0], start);
        origins.learn(pid, &format!("p{pid}"), &record, spec);
    }

    fn number(origins: &mut Origins, pid: i32, start: u64) -> (u64, u64) {
        let kind = HandleKind::Mapping { start, end: start + 0x1000, offset: 0, perms: "rw-p".to_owned() };
        let mut handle = Handle { pid, dev: 0, ino: 0, link: String::new(), kind };
        assert!(is_private(&handle));
        origins.number(&mut handle);
        let HandleKind::Mapping { offset, .. } = handle.kind else { unreachable!() };
        (handle.ino, offset)
    }

    const PRIVATE: i32 = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;

    #[test]
    fn a_fork_hands_on_what_is_there_and_no_more() {
        let mut origins = Origins::default();
        map(&mut origins, 5, 0x10000, 0x3000, PRIVATE);
        let (fork, spec) = call("fork", [0; 6], 6);
        origins.learn(5, "p5", &fork, spec);
        let first = number(&mut origins, 5, 0x10000);
        assert_eq!(number(&mut origins, 6, 0x10000), first);
        assert_eq!(number(&mut origins, 6, 0x12000), (first.0, 0x2000), "mprotect has split it");
        // What comes to lie at the same place later is another thing.
        let (unmap, spec) = call("munmap", [0x10000, 0x1000, 0, 0, 0, 0], 0);
        origins.learn(5, "p5", &unmap, spec);
        map(&mut origins, 5, 0x10000, 0x1000, PRIVATE);
        assert_ne!(number(&mut origins, 5, 0x10000).0, first.0);
        assert_eq!(number(&mut origins, 5, 0x11000), (first.0, 0x1000));
        assert_eq!(number(&mut origins, 6, 0x10000), first);
        let told = origins.told(first.0);
        assert_eq!(told.part("maker").and_then(Value::as_text), Some("p5"));
        let forks = told.part("forks").unwrap().as_list();
        assert_eq!((forks.len(), forks[0].part("from").and_then(Value::as_text)), (1, Some("p5")));
        origins.leave(6);
        assert_ne!(number(&mut origins, 6, 0x10000).0, first.0, "the number is another process' now");
    }

    #[test]
    fn shared_memory_has_an_inode_and_a_failed_call_makes_none() {
        let mut origins = Origins::default();
        map(&mut origins, 5, 0x10000, 0x1000, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
        let (mut record, spec) = call("mmap", [0, 0, 3, PRIVATE.into(), -1, 0], -1);
        record.errno = libc::EINVAL;
        origins.learn(5, "p5", &record, spec);
        assert_eq!(origins.pieces, []);
        number(&mut origins, 5, 0x10000);
        assert_eq!(origins.told(1).part("maker").and_then(Value::as_text), Some(""));
    }
}
