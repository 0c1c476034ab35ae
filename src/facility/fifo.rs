//! FIFOs: pipes with a name in the file system.
//!
//! They are read as pipes are, through borrowed descriptors only: opening one by its path would be a rendezvous, and
//! release whoever waits in open(2). See fifo(7).

use std::os::unix::fs::{FileTypeExt, MetadataExt};

use nix::fcntl::AT_FDCWD;

use super::descriptor::as_path;
use super::dialect::{Dialect, Op};
use super::look::{Found, Ground, Handle, HandleKind, Look};
use super::perform::{Making, Performer, Refusal};
use super::show::{self, Shown};
use super::table::{self, CALL, required};
use super::{Card, ChangedBy, Facility, Judged, Reading, pipe};
use crate::kernel::arena::Record;
use crate::kernel::path;
use crate::model::{Evidence, Field, Object, ObjectKey, OtherEnd, Snapshot, Value};
use crate::script::{ArgKind, ArgValue, CallSpec, Cmp, PredicateSpec};

/// The FIFO.
#[derive(Debug)]
pub(super) struct Fifo;

static CARD: Card = Card {
    id: "fifo",
    title: "FIFOs",
    family: "communication / data transfer / byte stream",
    what: "A pipe that processes find by a path: the name stays, what it holds goes with the last descriptor.",
    identifier: "path",
    handle: "descriptor",
    persistence: "process",
    access: "permissions of the file",
    blocking: "as a pipe; and open while nobody has the other end open",
    boundaries: "none",
    manual: &["mkfifo(3)", "fifo(7)", "pipe(7)", "open(2)"],
};

static CALLS: &[CallSpec] = &[CallSpec {
    name: "mkfifo",
    args: &[
        required("pathname", ArgKind::Path, "relative to the stage's directory; the FIFO is called so on stage too"),
        required("mode", ArgKind::Mode, "its permissions, less the umask"),
    ],
    doc: "Makes a FIFO; its ends come with open",
    man: "mkfifo(3)",
    c: "mkfifo({pathname}, {mode})",
    example: "alice: mkfifo \"box\" 0600",
    ..CALL
}];

/// What a scenario on another facility becomes here.
static DIALECTS: &[Dialect] = &[Dialect {
    kind: "fifo",
    handle: "{o}f",
    ways: &[
        (Op::Make, &["{a}: mkfifo {o} 0600", "{a}: open {h} \"{o}\" O_RDWR"]),
        (Op::Join, &["{a}: open {h} \"{o}\" O_RDWR"]),
        (Op::Send, &["{a}: write {h} {data}"]),
        (Op::Receive, &["{a}: read {h} {n}"]),
        (Op::TryReceive, &["{a}: fcntl {h} F_SETFL O_NONBLOCK", "{a}: read {h} {n}"]),
        (Op::Watch, &["{a}: poll {h}:POLLIN"]),
        (Op::Notify, &["{a}: fcntl {h} F_SETOWN {a}", "{a}: fcntl {h} F_SETFL O_ASYNC"]),
        (Op::EndSend, &["{a}: close {h}"]),
        (Op::EndReceive, &["{a}: close {h}"]),
        (Op::Remove, &["{a}: unlink \"{o}\""]),
    ],
}];

impl Facility for Fifo {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn dialects(&self) -> &'static [Dialect] {
        DIALECTS
    }

    fn calls(&self) -> &'static [CallSpec] {
        CALLS
    }

    fn predicates(&self) -> &'static [PredicateSpec] {
        pipe::PREDICATES
    }

    fn perform(&self, _verb: &str, performer: &mut Performer<'_>) -> Result<(), Refusal> {
        let (name, mode) = (performer.path("pathname")?, performer.int("mode", 0));
        let making = Making::new([0, mode, 0, 0, 0, 0]).data(name.to_bytes());
        let _ = performer.call(making, || path::mkfifo_beneath(AT_FDCWD, as_path(&name), mode as u32).map(|()| 0));
        Ok(())
    }

    fn show(&self, _verb: &str, record: &Record) -> Shown {
        Shown::args(format!("{}, {}", show::data(record), table::mode(record.args[1])))
    }

    fn claim(&self, handle: &Handle, _ground: &Ground<'_>) -> Option<ObjectKey> {
        (pipe::is_fifo(handle) && handle.link.starts_with('/')).then(|| pipe::key(CARD.id, handle))
    }

    fn named(&self, look: &mut Look<'_>) -> Vec<Found<'_>> {
        let Ok(entries) = std::fs::read_dir(look.directory) else { return Vec::new() };
        let mut found: Vec<Found<'_>> = entries
            .flatten()
            .filter_map(|entry| {
                let meta = entry.metadata().ok().filter(|meta| meta.file_type().is_fifo())?;
                let file = entry.file_name().to_string_lossy().into_owned();
                Some(Found {
                    key: ObjectKey { facility: CARD.id.into(), dev: meta.dev(), ino: meta.ino(), offset: 0 },
                    name: stage_name(file.as_bytes()),
                    path: Some(entry.path().to_string_lossy().into_owned()),
                    handles: Vec::new(),
                })
            })
            .collect();
        // A directory has no order of its own, and a snapshot must come out the same each time.
        found.sort_by(|a, b| a.path.cmp(&b.path));
        found
    }

    fn changed_by(&self) -> ChangedBy {
        ChangedBy::Holders
    }

    fn means_on(&self, verb: &str, record: &Record, _handle: &Handle) -> Option<&'static str> {
        pipe::moved(verb, record)
    }

    fn read(&self, found: &Found<'_>, look: &mut Look<'_>) -> Reading {
        let ground = Ground { directory: look.directory, shm_dev: look.shm_dev };
        let links = found.handles.iter().map(|h| h.link.as_str());
        let identifier = found.path.as_deref().into_iter().chain(links).find_map(|link| ground.within(link));
        let identifier = identifier.unwrap_or_default().to_owned();
        let mut fields = pipe::fields(found, look);
        let held = found.handles.iter().find_map(|h| match h.kind {
            HandleKind::Descriptor { mode, .. } => Some(mode),
            HandleKind::Mapping { .. } => None,
        });
        let mode = held.or_else(|| look.directory.join(&identifier).symlink_metadata().ok().map(|meta| meta.mode()));
        fields.push(match mode {
            Some(mode) => Field::new("mode", Value::Text(table::mode(mode.into())), Evidence::Kernel),
            None => Field::hidden("mode", "its name is gone"),
        });
        pipe::reading(identifier, fields)
    }

    fn check(&self, word: &str, args: &[ArgValue], _cmp: Option<Cmp>, object: &Object) -> Option<Judged> {
        pipe::check(word, args, object)
    }

    fn other_end(&self, object: &Object, _waiter: &str, direction: &str, _snapshot: &Snapshot) -> Option<OtherEnd> {
        pipe::other_end(object, direction)
    }

    fn wakers(&self, object: &Object, _waiter: &str, direction: &str, _snapshot: &Snapshot) -> Vec<String> {
        pipe::wakers(object, direction)
    }
}

/// What a file is called on stage: its path, with `_` for what a name of the language can't hold.
pub(super) fn stage_name(path: &[u8]) -> String {
    let plain = |b: &u8| if b.is_ascii_alphanumeric() || *b == b'_' { char::from(*b) } else { '_' };
    let name: String = path.iter().map(plain).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_of_the_language() {
        for (path, name) in [("box", "box"), ("my box", "my_box"), ("2nd", "_2nd"), ("a/b.c", "a_b_c"), ("ö", "__")] {
            assert_eq!(stage_name(path.as_bytes()), name);
        }
    }

    #[test]
    fn claims_fifos_by_path_and_no_pipes() {
        let ground = Ground { directory: std::path::Path::new("/stage"), shm_dev: 0 };
        let handle = |link: &str, kind: u32| Handle {
            pid: 2,
            dev: 40,
            ino: 2,
            link: link.to_owned(),
            kind: HandleKind::Descriptor { fd: 3, mode: kind | 0o600, flags: 0, offset: 0 },
        };
        let key = Fifo.claim(&handle("/stage/box", libc::S_IFIFO), &ground).unwrap();
        assert_eq!((key.facility.as_ref(), key.dev, key.ino), ("fifo", 40, 2));
        assert!(Fifo.claim(&handle("/stage/box (deleted)", libc::S_IFIFO), &ground).is_some());
        assert_eq!(Fifo.claim(&handle("pipe:[2]", libc::S_IFIFO), &ground), None);
        assert_eq!(Fifo.claim(&handle("/stage/box", libc::S_IFREG), &ground), None);
    }

    #[test]
    fn shows_path_and_mode() {
        let mut record = Record { args: [0, 0o600, 0, 0, 0, 0], entered_ns: 1, ..Record::default() };
        record.set_data(b"box");
        assert_eq!(Fifo.show("mkfifo", &record).args, "\"box\", 0600");
    }
}
