//! What the three facilities of System V share: keys and ids, permissions, and how they are found and removed.

use std::ffi::CString;
use std::os::fd::AsRawFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;

use super::Left;
use super::look::Look;
use super::perform::{Bound, Making, Performer, Refusal};
use super::show::{self, Shown};
use super::table::{self, c, keyed, optional, required};
use crate::kernel::arena::Record;
use crate::kernel::sysv::{self, Change, Kind, Permissions};
use crate::kernel::{fd, path};
use crate::model::{Evidence, Field, Object, ObjectKey, Value};
use crate::script::{ArgKind, ArgSpec, ArgValue, Data, Expr};

/// The flags that all three calls which give an id heed.
pub(super) const GET_FLAGS: &[(&str, i64)] = &[("IPC_CREAT", c(libc::IPC_CREAT)), ("IPC_EXCL", c(libc::IPC_EXCL))];

pub(super) const NAME: ArgSpec =
    required("name", ArgKind::ObjectName, "its name on stage, of which the key is made; the variable is called so too");
pub(super) const MODE: ArgSpec =
    optional("mode", ArgKind::Mode, "permissions, with no umask taken off; left out, 0600 where flags are given");
pub(super) const KEY: ArgSpec = keyed(
    "key",
    ArgKind::Int,
    "another key than that of the name: IPC_PRIVATE, or on an isolated stage any number, such as ftok gives",
);
pub(super) const SET_MODE: ArgSpec = keyed("mode", ArgKind::Mode, "with IPC_SET: new permissions");
pub(super) const SET_UID: ArgSpec = keyed("uid", ArgKind::Count, "with IPC_SET: the new owner");
pub(super) const SET_GID: ArgSpec = keyed("gid", ArgKind::Count, "with IPC_SET: the new group");

/// The key that a stage makes of a name: the same for all its actors, and for nobody else in shared mode, where the tag
/// tells sessions apart. Never 0, which is IPC_PRIVATE, and never negative, for the eye.
pub fn key_of(tag: &str, name: &str) -> i32 {
    // FNV-1a, folded to 31 bits.
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = tag.bytes().chain([0]).chain(name.bytes()).fold(0xcbf2_9ce4_8422_2325, step);
    let folded = (hash ^ (hash >> 32)) as u32 & 0x7fff_ffff;
    folded.max(1) as i32
}

/// Carries out msgget, semget or shmget: gets the id of a key, and binds it to the name. `size` is what stands between
/// key and flags, if anything does.
pub(super) fn get(
    performer: &mut Performer<'_>,
    flag: &str,
    size: i64,
    call: impl FnOnce(i32, i32) -> Result<i32, Errno>,
) -> Result<(), Refusal> {
    // In C the key stands first, and its name is a number: here it would be taken for flags or a mode of 0.
    let private = |value: &ArgValue| matches!(value, ArgValue::Expr(Expr::Quantity(name)) if name == "IPC_PRIVATE");
    if performer.expr.args.iter().any(|arg| arg.name != "key" && private(&arg.value)) {
        return Err(Refusal::new("IPC_PRIVATE is a key, and stands behind key=").help("key=IPC_PRIVATE"));
    }
    let name = performer.name("name");
    let tag = &performer.body.tag;
    let key = if performer.has("key") { key_given(performer.int("key", 0))? } else { key_of(tag, name) };
    if performer.has("key") && key != libc::IPC_PRIVATE && !tag.is_empty() {
        return Err(Refusal::new("a number of your own can be a key on an isolated stage only")
            .help("here the key would reach objects of other programs: leave key= out, or make it IPC_PRIVATE"));
    }
    let flags = performer.int(flag, 0);
    let mode = performer.int("mode", if performer.has(flag) { 0o600 } else { 0 }) & 0o777;
    let making = Making::new([key.into(), size, flags, mode, 0, 0]).data(name.as_bytes());
    let got = performer.call(making, || call(key, (flags | mode) as i32).map(i64::from));
    if let (Ok(id), Some(place)) = (got, super::place_of_verb(performer.spec.name)) {
        performer.bind(name, name, Bound::Id(place, id as i32));
    }
    Ok(())
}

/// A key as it was given: an int of 32 bits, of which hexadecimal may set any.
fn key_given(key: i64) -> Result<i32, Refusal> {
    let unsigned = || u32::try_from(key).ok().map(u32::cast_signed);
    i32::try_from(key)
        .ok()
        .or_else(unsigned)
        .ok_or_else(|| Refusal::new(format!("a key has 32 bits, and {key} has more")))
}

/// How such a call reads.
pub(super) fn show_get(record: &Record, sized: bool) -> Shown {
    let [key, size, flags, mode, ..] = record.args;
    let name = String::from_utf8_lossy(record.bytes()).into_owned();
    let size = if sized { format!("{size}, ") } else { String::new() };
    let shown = match (flags, mode) {
        (0, 0) => "0".to_owned(),
        (0, mode) => table::mode(mode),
        (flags, 0) => show::flags(flags, GET_FLAGS, None),
        (flags, mode) => format!("{}|{}", show::flags(flags, GET_FLAGS, None), table::mode(mode)),
    };
    Shown {
        args: format!(
            "{}, {size}{shown}",
            if key == 0 { "IPC_PRIVATE".to_owned() } else { format!("{key:#x}<{name}>") }
        ),
        result: (show::returned(record) && record.errno == 0).then(|| format!("{}<{name}>", record.ret)),
    }
}

/// The id in a record as it reads: with the actor's own name for it.
pub(super) fn shown_id(id: i64) -> String {
    format!("{id}{}", show::OWN_NAME)
}

/// What IPC_SET shall set.
pub(super) fn change(performer: &Performer<'_>) -> Change {
    let given = |name| performer.has(name).then(|| performer.int(name, 0));
    // What does not fit becomes -1, which nobody has, and not what its lower bits are.
    let unsigned = |name| given(name).map(|n| u32::try_from(n).unwrap_or(u32::MAX));
    Change {
        uid: unsigned("uid"),
        gid: unsigned("gid"),
        mode: unsigned("mode"),
        qbytes: given("qbytes").map(|n| n as u64),
    }
}

/// The numbers of a change as a record keeps them, -1 for what stays: bytes, mode, uid, gid.
pub(super) fn recorded(change: Change) -> [i64; 4] {
    let or = |n: Option<u32>| n.map_or(-1, i64::from);
    [change.qbytes.map_or(-1, |n| n as i64), or(change.mode), or(change.uid), or(change.gid)]
}

/// Such numbers in words: `{msg_qbytes=4096, mode=0640}`.
pub(super) fn show_change([qbytes, mode, uid, gid]: [i64; 4]) -> String {
    let number = |name: &str, n: i64| (n >= 0).then(|| format!("{name}={n}"));
    let parts = [
        number("msg_qbytes", qbytes),
        (mode >= 0).then(|| format!("mode={}", table::mode(mode))),
        number("uid", uid),
        number("gid", gid),
    ];
    format!("{{{}}}", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

/// Carries out ftok: the path leads to a file of the stage.
pub(super) fn ftok(performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let name = performer.path("pathname")?;
    let project = performer.int("proj_id", 0);
    let making = Making::new([0, project, 0, 0, 0, 0]).data(name.to_bytes());
    let made = performer.call(making, || {
        let opened = path::open_beneath(AT_FDCWD, as_path(&name), libc::O_PATH | libc::O_CLOEXEC, 0)?;
        let file = fd::adopt_fd(opened)?;
        // The way through procfs leads to the file that was found beneath the stage's directory, and to no other.
        let way = CString::new(format!("/proc/self/fd/{}", file.as_raw_fd())).map_err(|_nul| Errno::EINVAL)?;
        sysv::ftok(&way, project as i32).map(i64::from)
    });
    if let Ok(key) = made {
        performer.deliver(Data::Int(key));
    }
    Ok(())
}

fn as_path(name: &CString) -> &Path {
    use std::os::unix::ffi::OsStrExt;
    Path::new(std::ffi::OsStr::from_bytes(name.to_bytes()))
}

/// How it reads.
pub(super) fn show_ftok(record: &Record) -> Shown {
    let done = show::returned(record) && record.errno == 0;
    Shown {
        args: format!("{}, {}", show::data(record), record.args[1]),
        result: done.then(|| format!("{:#x}<key>", record.ret)),
    }
}

/// Key and id in words: what leads to an object, and what a process holds of it.
pub(super) fn identifier(permissions: &Permissions, id: i32) -> String {
    if permissions.key == libc::IPC_PRIVATE {
        format!("key IPC_PRIVATE, id {id}")
    } else {
        format!("key {:#x}, id {id}", permissions.key)
    }
}

/// Who may use it, as fields.
pub(super) fn permission_fields(permissions: &Permissions) -> [Field; 2] {
    [
        Field::new("mode", Value::Text(table::mode((permissions.mode & 0o777).into())), Evidence::Kernel),
        Field::kernel_int("uid", permissions.uid.into()),
    ]
}

/// The id in an object's key.
pub(super) const fn id_of(key: &ObjectKey) -> i32 {
    key.ino as i32
}

/// The objects of a facility: all of the namespace if it is the stage's own, else those that were made on stage and are
/// still there.
pub(super) fn numbered(
    facility: &'static str,
    look: &Look<'_>,
    all: impl FnOnce() -> Vec<i32>,
    exists: impl Fn(i32) -> bool,
) -> Vec<ObjectKey> {
    if look.tag.is_empty() {
        return all().into_iter().map(|id| ObjectKey::of_id(facility, id)).collect();
    }
    look.ids.iter().filter(|key| key.facility == facility && exists(id_of(key))).cloned().collect()
}

/// Who could wake a waiter: all that know the id, for anybody can use it who does.
pub(super) fn knowers(object: &Object, waiter: &str) -> Vec<String> {
    object.holding("id").into_iter().filter(|name| *name != waiter).map(str::to_owned).collect()
}

fn permissions(kind: Kind, id: i32) -> Option<Permissions> {
    match kind {
        Kind::Queues => sysv::queue_of(id).map(|o| o.permissions),
        Kind::Semaphores => sysv::set_of(id).map(|o| o.permissions),
        Kind::Segments => sysv::segment_of(id).map(|o| o.permissions),
    }
}

/// Removes what a session in shared mode has left: what its names lead to, and what it made without a name. The number
/// of an object that is gone does not come again for a long time, and what has another key is another's all the same.
pub(super) fn remove_left(kind: Kind, facility: &str, left: &Left) -> usize {
    let keys: Vec<i32> = left.names.iter().map(|name| key_of(&left.tag, name)).collect();
    let named = keys.iter().filter_map(|key| sysv::find(kind, *key).ok());
    let of_facility = left.ids.iter().filter(|(of, _)| of == facility).map(|(_, id)| *id);
    let ours = |id: &i32| permissions(kind, *id).is_some_and(|p| p.key == libc::IPC_PRIVATE || keys.contains(&p.key));
    let mut ids: Vec<i32> = named.chain(of_facility.filter(ours)).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.into_iter().filter(|id| sysv::remove(kind, *id).is_ok()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_of_tag_and_name() {
        let key = key_of("", "q");
        assert_eq!(key, key_of("", "q"));
        let others = [key_of("", "r"), key_of("ipclab-1-", "q"), key_of("ipclab-2-", "q"), key_of("q", "")];
        for (i, other) in others.iter().enumerate() {
            assert!(*other > 0 && *other != key && !others[..i].contains(other), "{i}");
        }
    }

    #[test]
    fn gets_read_as_strace_shows_them() {
        let shown = |args: [i64; 6], sized, ret| {
            let mut record = Record { args, ret, returned_ns: 1, ..Record::default() };
            record.set_data(b"q");
            let shown = show_get(&record, sized);
            (shown.args, shown.result.unwrap_or_default())
        };
        let create = c(libc::IPC_CREAT);
        assert_eq!(shown([0x5eed, 0, create, 0o600, 0, 0], false, 5).0, "0x5eed<q>, IPC_CREAT|0600");
        assert_eq!(
            shown([0x5eed, 4096, create | c(libc::IPC_EXCL), 0o666, 0, 0], true, 5).0,
            "0x5eed<q>, 4096, IPC_CREAT|IPC_EXCL|0666"
        );
        assert_eq!(shown([0, 0, 0, 0o600, 0, 0], false, 0), ("IPC_PRIVATE, 0600".to_owned(), "0<q>".to_owned()));
        assert_eq!(shown([7, 0, 0, 0, 0, 0], false, 32768), ("0x7<q>, 0".to_owned(), "32768<q>".to_owned()));
    }

    #[test]
    fn changes_are_told_as_far_as_they_go() {
        let change = Change { mode: Some(0o640), qbytes: Some(4096), ..Change::default() };
        assert_eq!(show_change(recorded(change)), "{msg_qbytes=4096, mode=0640}");
        assert_eq!(show_change(recorded(Change { uid: Some(0), gid: Some(5), ..Change::default() })), "{uid=0, gid=5}");
        assert_eq!(show_change([-1; 4]), "{}");
    }

    #[test]
    fn what_is_left_is_removed_and_nothing_else() {
        let left = Left {
            tag: format!("ipclab-test-{}-", std::process::id()),
            names: vec!["q".to_owned(), "never".to_owned()],
            ids: Vec::new(),
        };
        let named = sysv::msgget(key_of(&left.tag, "q"), libc::IPC_CREAT | 0o600).unwrap();
        let private = sysv::msgget(libc::IPC_PRIVATE, libc::IPC_CREAT | 0o600).unwrap();
        let other = sysv::msgget(key_of(&left.tag, "other"), libc::IPC_CREAT | 0o600).unwrap();
        let ids = ["queues", "sets"].map(|of| (of.to_owned(), private));
        let left = Left { ids: [ids.to_vec(), vec![("queues".to_owned(), other)]].concat(), ..left };
        let removed = remove_left(Kind::Queues, "queues", &left);
        let there = [named, private, other].map(|id| sysv::queue_of(id).is_some());
        let _ = sysv::remove(Kind::Queues, other);
        assert_eq!((removed, there), (2, [false, false, true]), "what has a key that no name of ours has is not ours");
        assert_eq!(remove_left(Kind::Queues, "queues", &left), 0);
    }
}
