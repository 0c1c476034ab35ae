//! System V message queues, semaphores and shared memory, see sysvipc(7).
//!
//! The calls by id are those of an actor: they give the kernel's own answer. The readers at the end look without a
//! trace: none of them changes a counter, a time or a pid that the kernel keeps.

use std::ffi::CStr;

use nix::errno::Errno;

use super::clock::timespec;

/// What kind of object an id belongs to: each kind counts its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Message queues.
    Queues,
    /// Sets of semaphores.
    Semaphores,
    /// Segments of shared memory.
    Segments,
}

/// Whose an object is, and who may use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Permissions {
    /// The key by which it is found; 0 is IPC_PRIVATE.
    pub key: i32,
    /// The owner's user id.
    pub uid: u32,
    /// The owner's group id.
    pub gid: u32,
    /// The creator's user id.
    pub cuid: u32,
    /// The permissions, and beyond them the flags that shmctl(2) tells of.
    pub mode: u32,
}

/// What msgctl(2) tells of a queue. Times are seconds since 1970, 0 for never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Queue {
    /// Its id.
    pub id: i32,
    /// Its permissions.
    pub permissions: Permissions,
    /// When something was sent last.
    pub stime: i64,
    /// When something was received last.
    pub rtime: i64,
    /// When it was made or changed.
    pub ctime: i64,
    /// Bytes of all messages in it.
    pub cbytes: u64,
    /// How many messages are in it.
    pub qnum: u64,
    /// How many bytes it may hold.
    pub qbytes: u64,
    /// Who sent last.
    pub lspid: i32,
    /// Who received last.
    pub lrpid: i32,
}

/// What semctl(2) tells of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Set {
    /// Its id.
    pub id: i32,
    /// Its permissions.
    pub permissions: Permissions,
    /// When semop(2) succeeded last; 0 for never.
    pub otime: i64,
    /// When it was made or changed.
    pub ctime: i64,
    /// How many semaphores it has.
    pub nsems: u64,
}

/// What shmctl(2) tells of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Segment {
    /// Its id.
    pub id: i32,
    /// Its permissions.
    pub permissions: Permissions,
    /// When it was attached last.
    pub atime: i64,
    /// When it was detached last.
    pub dtime: i64,
    /// When it was made or changed.
    pub ctime: i64,
    /// Its size in bytes, as it was asked for.
    pub size: u64,
    /// Who made it.
    pub cpid: i32,
    /// Who attached or detached it last.
    pub lpid: i32,
    /// How many times it is attached.
    pub nattch: u64,
}

/// The flag of [`Permissions::mode`] that says: the segment goes when its last attachment does.
pub const SHM_DEST: u32 = 0o1000;
/// The flag that says: its pages are not swapped out.
pub const SHM_LOCKED: u32 = 0o2000;

/// What IPC_SET sets; what is `None` stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Change {
    /// The owner's user id.
    pub uid: Option<u32>,
    /// The owner's group id.
    pub gid: Option<u32>,
    /// The permissions.
    pub mode: Option<u32>,
    /// How many bytes a queue may hold.
    pub qbytes: Option<u64>,
}

const MSG_STAT_ANY: i32 = 13;
const SEM_STAT_ANY: i32 = 20;
const SHM_STAT: i32 = 13;
const SHM_INFO: i32 = 14;
const SHM_STAT_ANY: i32 = 15;

fn permissions(raw: &libc::ipc_perm) -> Permissions {
    Permissions { key: raw.__key, uid: raw.uid, gid: raw.gid, cuid: raw.cuid, mode: raw.mode as u32 }
}

impl Change {
    fn apply(self, raw: &mut libc::ipc_perm) {
        raw.uid = self.uid.unwrap_or(raw.uid);
        raw.gid = self.gid.unwrap_or(raw.gid);
        raw.mode = self.mode.map_or(raw.mode, |mode| (mode & 0o777) as _);
    }
}

/// The key that belongs to a file and a number, see ftok(3).
pub fn ftok(path: &CStr, project: i32) -> Result<i32, Errno> {
    // SAFETY: the path is a C string.
    Errno::result(unsafe { libc::ftok(path.as_ptr(), project) })
}

/// The id of an object by its key, without making one.
pub fn find(kind: Kind, key: i32) -> Result<i32, Errno> {
    match kind {
        Kind::Queues => msgget(key, 0),
        Kind::Semaphores => semget(key, 0, 0),
        Kind::Segments => shmget(key, 0, 0),
    }
}

/// Removes an object: IPC_RMID.
pub fn remove(kind: Kind, id: i32) -> Result<(), Errno> {
    let ret = match kind {
        // SAFETY: IPC_RMID looks at no buffer.
        Kind::Queues => unsafe { libc::msgctl(id, libc::IPC_RMID, std::ptr::null_mut()) },
        // SAFETY: as above.
        Kind::Semaphores => unsafe { libc::semctl(id, 0, libc::IPC_RMID, 0_usize) },
        // SAFETY: as above.
        Kind::Segments => unsafe { libc::shmctl(id, libc::IPC_RMID, std::ptr::null_mut()) },
    };
    Errno::result(ret).map(drop)
}

/// The id of a message queue, see msgget(2).
pub fn msgget(key: i32, flags: i32) -> Result<i32, Errno> {
    // SAFETY: only numbers.
    Errno::result(unsafe { libc::msgget(key, flags) })
}

/// A buffer for messages: the type, and behind it the text.
fn message_buffer(length: usize) -> Vec<i64> {
    vec![0; 1 + length.div_ceil(8)]
}

/// Sends a message, see msgsnd(2).
pub fn msgsnd(id: i32, kind: i64, text: &[u8], flags: i32) -> Result<(), Errno> {
    let mut buffer = message_buffer(text.len());
    buffer[0] = kind;
    for (word, bytes) in buffer[1..].iter_mut().zip(text.chunks(8)) {
        let mut eight = [0; 8];
        eight[..bytes.len()].copy_from_slice(bytes);
        *word = i64::from_ne_bytes(eight);
    }
    // SAFETY: behind the type are at least as many bytes as the text has.
    Errno::result(unsafe { libc::msgsnd(id, buffer.as_ptr().cast(), text.len(), flags) }).map(drop)
}

/// Receives a message, see msgrcv(2): its length and type.
pub fn msgrcv(id: i32, text: &mut [u8], kind: i64, flags: i32) -> Result<(usize, i64), Errno> {
    let mut buffer = message_buffer(text.len());
    // SAFETY: behind the type are at least as many bytes as the text may have.
    let ret = unsafe { libc::msgrcv(id, buffer.as_mut_ptr().cast(), text.len(), kind, flags) };
    let length = Errno::result(ret)? as usize;
    for (bytes, word) in text[..length].chunks_mut(8).zip(&buffer[1..]) {
        bytes.copy_from_slice(&word.to_ne_bytes()[..bytes.len()]);
    }
    Ok((length, buffer[0]))
}

fn queue(id: i32, raw: &libc::msqid_ds) -> Queue {
    Queue {
        id,
        permissions: permissions(&raw.msg_perm),
        stime: raw.msg_stime,
        rtime: raw.msg_rtime,
        ctime: raw.msg_ctime,
        cbytes: raw.__msg_cbytes,
        qnum: raw.msg_qnum,
        qbytes: raw.msg_qbytes,
        lspid: raw.msg_lspid,
        lrpid: raw.msg_lrpid,
    }
}

fn msgctl(id: i32, command: i32, raw: &mut libc::msqid_ds) -> Result<i32, Errno> {
    // SAFETY: the commands of this room fill at most an msqid_ds, or take what is in it.
    Errno::result(unsafe { libc::msgctl(id, command, raw) })
}

fn no_queue() -> libc::msqid_ds {
    // SAFETY: all zero is an msqid_ds.
    unsafe { std::mem::zeroed() }
}

/// What a queue is like: IPC_STAT.
pub fn queue_stat(id: i32) -> Result<Queue, Errno> {
    let mut raw = no_queue();
    msgctl(id, libc::IPC_STAT, &mut raw).map(|_zero| queue(id, &raw))
}

/// Changes a queue: IPC_SET.
pub fn queue_set(id: i32, change: Change) -> Result<(), Errno> {
    let mut raw = no_queue();
    // Who may not read it can own it all the same.
    if msgctl(id, libc::IPC_STAT, &mut raw).is_err() {
        let _ = msgctl(id, MSG_STAT_ANY, &mut raw);
    }
    change.apply(&mut raw.msg_perm);
    raw.msg_qbytes = change.qbytes.unwrap_or(raw.msg_qbytes);
    msgctl(id, libc::IPC_SET, &mut raw).map(drop)
}

/// The id of a set of semaphores, see semget(2).
pub fn semget(key: i32, count: i32, flags: i32) -> Result<i32, Errno> {
    // SAFETY: only numbers.
    Errno::result(unsafe { libc::semget(key, count, flags) })
}

/// One of the operations that semop(2) carries out together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Operation {
    /// Which semaphore of the set.
    pub number: u16,
    /// What to add; negative to take, 0 to wait for zero.
    pub amount: i16,
    /// IPC_NOWAIT, SEM_UNDO.
    pub flags: i16,
}

impl Operation {
    /// The size of a `struct sembuf` in bytes.
    pub const SIZE: usize = 6;

    /// From the bytes of a `struct sembuf`.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let half = |at: usize| Some([*bytes.get(at)?, *bytes.get(at + 1)?]);
        Some(Self {
            number: u16::from_ne_bytes(half(0)?),
            amount: i16::from_ne_bytes(half(2)?),
            flags: i16::from_ne_bytes(half(4)?),
        })
    }

    /// As the bytes of a `struct sembuf`.
    pub fn to_bytes(self) -> [u8; Self::SIZE] {
        let halves = [self.number.to_ne_bytes(), self.amount.to_ne_bytes(), self.flags.to_ne_bytes()];
        let mut bytes = [0; Self::SIZE];
        bytes.copy_from_slice(halves.as_flattened());
        bytes
    }
}

fn raw_operations(operations: &[Operation]) -> Vec<libc::sembuf> {
    let raw = |o: &Operation| libc::sembuf { sem_num: o.number, sem_op: o.amount, sem_flg: o.flags };
    operations.iter().map(raw).collect()
}

/// Carries out all operations or none, see semop(2).
pub fn semop(id: i32, operations: &[Operation]) -> Result<(), Errno> {
    let mut raw = raw_operations(operations);
    // SAFETY: the count is that of the array.
    Errno::result(unsafe { libc::semop(id, raw.as_mut_ptr(), raw.len()) }).map(drop)
}

/// The same of one operation, without memory of its own: for measuring.
#[inline]
pub fn semop_one(id: i32, operation: Operation) -> Result<(), Errno> {
    let mut raw = libc::sembuf { sem_num: operation.number, sem_op: operation.amount, sem_flg: operation.flags };
    // SAFETY: one operation, which is ours.
    Errno::result(unsafe { libc::semop(id, &raw mut raw, 1) }).map(drop)
}

/// The same within so many ns, see semtimedop(2).
pub fn semtimedop(id: i32, operations: &[Operation], limit_ns: u64) -> Result<(), Errno> {
    let mut raw = raw_operations(operations);
    let limit = timespec(limit_ns);
    // SAFETY: the count is that of the array; the time is ours.
    let ret = unsafe { libc::syscall(libc::SYS_semtimedop, id, raw.as_mut_ptr(), raw.len(), &raw const limit) };
    Errno::result(ret).map(drop)
}

fn set(id: i32, raw: &libc::semid_ds) -> Set {
    Set {
        id,
        permissions: permissions(&raw.sem_perm),
        otime: raw.sem_otime,
        ctime: raw.sem_ctime,
        nsems: raw.sem_nsems,
    }
}

fn semctl_set(id: i32, command: i32, raw: &mut libc::semid_ds) -> Result<i32, Errno> {
    // SAFETY: the commands that use this fill at most a semid_ds, or take what is in it.
    Errno::result(unsafe { libc::semctl(id, 0, command, std::ptr::from_mut(raw)) })
}

fn no_set() -> libc::semid_ds {
    // SAFETY: all zero is a semid_ds.
    unsafe { std::mem::zeroed() }
}

/// What a set is like: IPC_STAT.
pub fn set_stat(id: i32) -> Result<Set, Errno> {
    let mut raw = no_set();
    semctl_set(id, libc::IPC_STAT, &mut raw).map(|_zero| set(id, &raw))
}

/// Changes a set: IPC_SET.
pub fn set_set(id: i32, change: Change) -> Result<(), Errno> {
    let mut raw = no_set();
    if semctl_set(id, libc::IPC_STAT, &mut raw).is_err() {
        let _ = semctl_set(id, SEM_STAT_ANY, &mut raw);
    }
    change.apply(&mut raw.sem_perm);
    semctl_set(id, libc::IPC_SET, &mut raw).map(drop)
}

/// One number of one semaphore: GETVAL, GETPID, GETNCNT or GETZCNT.
pub fn semaphore(id: i32, number: i32, command: i32) -> Result<i32, Errno> {
    if !matches!(command, libc::GETVAL | libc::GETPID | libc::GETNCNT | libc::GETZCNT) {
        return Err(Errno::EINVAL);
    }
    // SAFETY: these commands take no buffer.
    Errno::result(unsafe { libc::semctl(id, number, command, 0_usize) })
}

/// Sets the value of one semaphore: SETVAL.
pub fn semaphore_set(id: i32, number: i32, value: i32) -> Result<(), Errno> {
    // SAFETY: the command takes a number.
    Errno::result(unsafe { libc::semctl(id, number, libc::SETVAL, value as libc::c_long) }).map(drop)
}

/// No set has more: semaphores are numbered with 16 bits.
const SEMAPHORES_MAX: usize = 1 << 16;

/// The values of all semaphores: GETALL.
pub fn values(id: i32) -> Result<Vec<u16>, Errno> {
    let mut raw = no_set();
    semctl_set(id, libc::IPC_STAT, &mut raw)?;
    let mut values = vec![0_u16; raw.sem_nsems as usize];
    // SAFETY: there is room for as many values as the set has, which never changes.
    Errno::result(unsafe { libc::semctl(id, 0, libc::GETALL, values.as_mut_ptr()) })?;
    Ok(values)
}

/// Sets the values of all semaphores: SETALL. Where fewer are given than the set has, the others become 0.
pub fn values_set(id: i32, values: &[u16]) -> Result<(), Errno> {
    let mut padded = values.to_vec();
    padded.resize(SEMAPHORES_MAX.max(values.len()), 0);
    // SAFETY: the kernel reads as many values as the set has, and so many are there.
    Errno::result(unsafe { libc::semctl(id, 0, libc::SETALL, padded.as_mut_ptr()) }).map(drop)
}

/// The id of a segment of shared memory, see shmget(2).
pub fn shmget(key: i32, size: usize, flags: i32) -> Result<i32, Errno> {
    // SAFETY: only numbers.
    Errno::result(unsafe { libc::shmget(key, size, flags) })
}

/// Attaches a segment, see shmat(2), and gives its address. `address` 0 leaves the place to the kernel.
///
/// # Errors
/// EINVAL also where the place is taken: SHM_REMAP is masked out, it would tear out what the actor stands on.
pub fn shmat(id: i32, address: u64, flags: i32) -> Result<u64, Errno> {
    // SAFETY: without SHM_REMAP the kernel takes no memory that is in use.
    let start = unsafe { libc::shmat(id, address as *const libc::c_void, flags & !libc::SHM_REMAP) };
    if start as isize == -1 { Err(Errno::last()) } else { Ok(start as u64) }
}

/// Detaches the segment that begins at an address, see shmdt(2).
pub fn shmdt(address: u64) -> Result<(), Errno> {
    // SAFETY: it only takes away attachments, which the actor's learner has made.
    Errno::result(unsafe { libc::shmdt(address as *const libc::c_void) }).map(drop)
}

fn segment(id: i32, raw: &libc::shmid_ds) -> Segment {
    Segment {
        id,
        permissions: permissions(&raw.shm_perm),
        atime: raw.shm_atime,
        dtime: raw.shm_dtime,
        ctime: raw.shm_ctime,
        size: raw.shm_segsz as u64,
        cpid: raw.shm_cpid,
        lpid: raw.shm_lpid,
        nattch: raw.shm_nattch,
    }
}

fn shmctl(id: i32, command: i32, raw: &mut libc::shmid_ds) -> Result<i32, Errno> {
    // SAFETY: the commands of this room fill at most a shmid_ds, or take what is in it.
    Errno::result(unsafe { libc::shmctl(id, command, raw) })
}

fn no_segment() -> libc::shmid_ds {
    // SAFETY: all zero is a shmid_ds.
    unsafe { std::mem::zeroed() }
}

/// What a segment is like: IPC_STAT.
pub fn segment_stat(id: i32) -> Result<Segment, Errno> {
    let mut raw = no_segment();
    shmctl(id, libc::IPC_STAT, &mut raw).map(|_zero| segment(id, &raw))
}

/// Changes a segment: IPC_SET.
pub fn segment_set(id: i32, change: Change) -> Result<(), Errno> {
    let mut raw = no_segment();
    if shmctl(id, libc::IPC_STAT, &mut raw).is_err() {
        let _ = shmctl(id, SHM_STAT_ANY, &mut raw);
    }
    change.apply(&mut raw.shm_perm);
    shmctl(id, libc::IPC_SET, &mut raw).map(drop)
}

/// Keeps the pages of a segment in memory, or no longer: SHM_LOCK and SHM_UNLOCK.
pub fn segment_lock(id: i32, lock: bool) -> Result<(), Errno> {
    let command = if lock { libc::SHM_LOCK } else { libc::SHM_UNLOCK };
    shmctl(id, command, &mut no_segment()).map(drop)
}

/// What a look finds out about an object by its place in the kernel's table, whoever may read the object.
trait Listed: Sized {
    /// The highest place in use, if any object exists.
    fn last() -> Result<i32, Errno>;
    /// The object at a place.
    fn at(place: i32) -> Result<Self, Errno>;
}

/// The commands that look past permissions came with Linux 4.17; before it we see what we may read.
fn either<T>(any: Result<T, Errno>, own: impl FnOnce() -> Result<T, Errno>) -> Result<T, Errno> {
    if matches!(any, Err(Errno::EINVAL)) { own() } else { any }
}

impl Listed for Queue {
    fn last() -> Result<i32, Errno> {
        msgctl(0, libc::MSG_INFO, &mut no_queue())
    }

    fn at(place: i32) -> Result<Self, Errno> {
        let mut raw = no_queue();
        let id = msgctl(place, MSG_STAT_ANY, &mut raw);
        let id = either(id, || msgctl(place, libc::MSG_STAT, &mut raw))?;
        Ok(queue(id, &raw))
    }
}

impl Listed for Set {
    fn last() -> Result<i32, Errno> {
        // The command fills a seminfo, which is the smaller one.
        semctl_set(0, libc::SEM_INFO, &mut no_set())
    }

    fn at(place: i32) -> Result<Self, Errno> {
        let mut raw = no_set();
        let id = semctl_set(place, SEM_STAT_ANY, &mut raw);
        let id = either(id, || semctl_set(place, libc::SEM_STAT, &mut raw))?;
        Ok(set(id, &raw))
    }
}

impl Listed for Segment {
    fn last() -> Result<i32, Errno> {
        // The command fills a shm_info, which is the smaller one.
        shmctl(0, SHM_INFO, &mut no_segment())
    }

    fn at(place: i32) -> Result<Self, Errno> {
        let mut raw = no_segment();
        let id = shmctl(place, SHM_STAT_ANY, &mut raw);
        let id = either(id, || shmctl(place, SHM_STAT, &mut raw))?;
        Ok(segment(id, &raw))
    }
}

fn all<T: Listed>() -> Vec<T> {
    let last = T::last().unwrap_or(-1);
    (0..=last).filter_map(|place| T::at(place).ok()).collect()
}

/// The object of an id, whoever may read it. The kernel finds a place by the low bits of any number.
fn of_id<T: Listed>(id: i32, id_of: impl Fn(&T) -> i32) -> Option<T> {
    T::at(id).ok().filter(|found| id_of(found) == id)
}

/// All queues of this IPC namespace, by their places.
pub fn queues() -> Vec<Queue> {
    all()
}

/// All sets of semaphores.
pub fn sets() -> Vec<Set> {
    all()
}

/// All segments.
pub fn segments() -> Vec<Segment> {
    all()
}

/// A queue by its id, also one that only others may read.
pub fn queue_of(id: i32) -> Option<Queue> {
    of_id(id, |found: &Queue| found.id)
}

/// A set by its id, also one that only others may read.
pub fn set_of(id: i32) -> Option<Set> {
    of_id(id, |found: &Set| found.id)
}

/// A segment by its id, also one that only others may read.
pub fn segment_of(id: i32) -> Option<Segment> {
    of_id(id, |found: &Segment| found.id)
}

/// A copy of the message at a place of a queue, counted from 0, and its type: MSG_COPY. The queue stays as it is.
/// `room` must be as large as the message at least.
///
/// # Errors
/// ENOMSG if there is none; E2BIG if it is larger than the room; EACCES if the queue may not be read; ENOSYS where the
/// kernel was built without CONFIG_CHECKPOINT_RESTORE.
pub fn copy_message(id: i32, place: usize, room: &mut [u8]) -> Result<(usize, i64), Errno> {
    msgrcv(id, room, place as i64, libc::MSG_COPY | libc::IPC_NOWAIT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::process::How;
    use crate::kernel::testing::{in_child, start};

    /// An object that goes when the test does.
    struct Own(Kind, i32);

    impl Drop for Own {
        fn drop(&mut self) {
            let _ = remove(self.0, self.1);
        }
    }

    const MODE: i32 = libc::IPC_CREAT | 0o600;

    #[test]
    fn messages_by_type_and_their_copies() {
        let q = Own(Kind::Queues, msgget(libc::IPC_PRIVATE, MODE).unwrap());
        for (kind, text) in [(3, "three"), (5, "five"), (1, "one"), (4, ""), (1, "one again, and longer")] {
            msgsnd(q.1, kind, text.as_bytes(), 0).unwrap();
        }
        assert_eq!(msgsnd(q.1, 0, b"x", 0), Err(Errno::EINVAL));
        let stat = queue_stat(q.1).unwrap();
        assert_eq!((stat.qnum, stat.cbytes, stat.permissions.mode, stat.lrpid, stat.rtime), (5, 33, 0o600, 0, 0));
        assert_eq!(stat.lspid, std::process::id() as i32);
        assert_eq!(queue_of(q.1), Some(stat));
        assert!(queues().contains(&stat));
        let mut room = [0; 64];
        match copy_message(q.1, 4, &mut room) {
            Ok(found) => {
                assert_eq!((found, &room[..21]), ((21, 1), b"one again, and longer".as_slice()));
                assert_eq!(copy_message(q.1, 3, &mut room), Ok((0, 4)));
                assert_eq!(copy_message(q.1, 5, &mut room), Err(Errno::ENOMSG));
                assert_eq!(copy_message(q.1, 0, &mut room[..4]), Err(Errno::E2BIG));
            }
            Err(errno) => assert_eq!(errno, Errno::ENOSYS),
        }
        assert_eq!(queue_stat(q.1), Ok(stat), "copying has left no trace");
        let mut take = |size: usize, kind, flags| {
            msgrcv(q.1, &mut room[..size], kind, flags | libc::IPC_NOWAIT).map(|(n, of)| (room[..n].to_vec(), of))
        };
        assert_eq!(take(64, -4, 0), Ok((b"one".to_vec(), 1)), "the lowest type up to 4");
        assert_eq!(take(3, 3, 0), Err(Errno::E2BIG));
        assert_eq!(take(3, 3, libc::MSG_NOERROR), Ok((b"thr".to_vec(), 3)));
        assert_eq!(take(64, 5, libc::MSG_EXCEPT), Ok((b"".to_vec(), 4)));
        assert_eq!(take(64, 7, 0), Err(Errno::ENOMSG));
        let change = Change { mode: Some(0o640), qbytes: Some(100), ..Change::default() };
        queue_set(q.1, change).unwrap();
        let stat = queue_stat(q.1).unwrap();
        assert_eq!((stat.qbytes, stat.permissions.mode, stat.qnum), (100, 0o640, 2));
        remove(q.0, q.1).unwrap();
        assert_eq!((queue_stat(q.1), queue_of(q.1)), (Err(Errno::EINVAL), None));
        assert_eq!(msgsnd(q.1, 1, b"x", 0), Err(Errno::EINVAL));
    }

    #[test]
    fn operations_on_sets_are_all_or_nothing() {
        let s = Own(Kind::Semaphores, semget(libc::IPC_PRIVATE, 2, MODE).unwrap());
        assert_eq!((set_stat(s.1).unwrap().nsems, set_stat(s.1).unwrap().otime), (2, 0));
        values_set(s.1, &[2, 0]).unwrap();
        let op = |number, amount, flags: i32| Operation { number, amount, flags: flags as i16 };
        assert_eq!(semop(s.1, &[op(0, -1, 0), op(1, -1, libc::IPC_NOWAIT)]), Err(Errno::EAGAIN));
        assert_eq!(semtimedop(s.1, &[op(0, -1, 0), op(1, -1, 0)], 1_000_000), Err(Errno::EAGAIN));
        assert_eq!(values(s.1), Ok(vec![2, 0]));
        semop(s.1, &[op(0, -2, 0), op(1, 3, 0)]).unwrap();
        assert_eq!(values(s.1), Ok(vec![0, 3]));
        assert!(set_stat(s.1).unwrap().otime > 0);
        assert_eq!(set_of(s.1), set_stat(s.1).ok());
        assert!(sets().iter().any(|set| set.id == s.1));
        assert_eq!(semaphore(s.1, 1, libc::GETVAL), Ok(3));
        assert_eq!(semaphore(s.1, 1, libc::GETPID), Ok(std::process::id() as i32));
        assert_eq!(semaphore(s.1, 1, libc::GETALL), Err(Errno::EINVAL));
        assert_eq!(semaphore(s.1, 2, libc::GETVAL), Err(Errno::EINVAL));
        semaphore_set(s.1, 0, 1).unwrap();
        assert_eq!(semaphore_set(s.1, 0, -1), Err(Errno::ERANGE));
        assert_eq!(semop(s.1, &[op(9, -1, 0)]), Err(Errno::EFBIG));
        assert_eq!(semop_one(s.1, op(9, -1, 0)), Err(Errno::EFBIG));
        semop_one(s.1, op(1, 1, 0)).and_then(|()| semop_one(s.1, op(1, -1, 0))).unwrap();
        let how = in_child(|| i32::from(semop(s.1, &[op(0, -1, libc::SEM_UNDO)]).is_err()));
        assert_eq!((how, values(s.1)), (How::Exited(0), Ok(vec![1, 3])), "a death undoes");
        assert_eq!(Operation::from_bytes(&op(1, -2, 0x1000).to_bytes()), Some(op(1, -2, 0x1000)));
        set_set(s.1, Change { mode: Some(0o400), ..Change::default() }).unwrap();
        assert_eq!(set_stat(s.1).unwrap().permissions.mode, 0o400);
    }

    #[test]
    fn a_segment_lives_until_its_last_attachment_goes() {
        let m = Own(Kind::Segments, shmget(libc::IPC_PRIVATE, 5000, MODE).unwrap());
        let first = shmat(m.1, 0, 0).unwrap();
        let second = shmat(m.1, 0, libc::SHM_RDONLY).unwrap();
        assert_ne!(first, second);
        assert_eq!(shmat(m.1, first, 0), Err(Errno::EINVAL), "the place is taken");
        assert_eq!(shmat(m.1, first, libc::SHM_REMAP), Err(Errno::EINVAL), "and nobody is torn out of it");
        crate::kernel::memory::store(first, crate::kernel::memory::Width::W32, 7);
        assert_eq!(crate::kernel::memory::load(second, crate::kernel::memory::Width::W32, false), 7);
        let stat = segment_stat(m.1).unwrap();
        assert_eq!((stat.size, stat.nattch, stat.permissions.mode & SHM_DEST), (5000, 2, 0));
        assert_eq!((stat.cpid, stat.lpid), (std::process::id() as i32, std::process::id() as i32));
        assert_eq!(segment_of(m.1), Some(stat));
        remove(m.0, m.1).unwrap();
        let marked = segment_of(m.1).unwrap();
        assert_eq!((marked.permissions.mode & SHM_DEST, marked.permissions.key), (SHM_DEST, 0));
        assert!(segments().contains(&marked));
        shmdt(first).unwrap();
        assert_eq!(shmdt(first), Err(Errno::EINVAL));
        shmdt(second).unwrap();
        assert_eq!(segment_of(m.1), None);
    }

    #[test]
    fn keys_lead_to_ids() {
        // A key of this process, that no program would choose.
        let key = 0x1bc1_0000 | (std::process::id() as i32 & 0xffff);
        for kind in [Kind::Queues, Kind::Semaphores, Kind::Segments] {
            assert_eq!(find(kind, key), Err(Errno::ENOENT), "{kind:?}");
            let id = match kind {
                Kind::Queues => msgget(key, MODE),
                Kind::Semaphores => semget(key, 1, MODE),
                Kind::Segments => shmget(key, 1, MODE),
            };
            let own = Own(kind, id.unwrap());
            assert_eq!(find(kind, key), Ok(own.1), "{kind:?}");
        }
        let a = ftok(c"/proc", 65).unwrap();
        assert_eq!((ftok(c"/proc", 65), ftok(c"/proc", 65 + 256)), (Ok(a), Ok(a)), "8 bits of the number count");
        assert_ne!(ftok(c"/proc", 66), Ok(a));
        assert_eq!(ftok(c"/nonesuch", 65), Err(Errno::ENOENT));
    }

    #[test]
    fn removal_wakes_who_waits() {
        let q = Own(Kind::Queues, msgget(libc::IPC_PRIVATE, MODE).unwrap());
        let id = q.1;
        let child = start(move || i32::from(msgrcv(id, &mut [0; 8], 0, 0) != Err(Errno::EIDRM)));
        let task = crate::kernel::proc::Task::open(child).unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        let asleep = |task: &crate::kernel::proc::Task| {
            matches!(task.syscall(), crate::kernel::proc::Syscall::Blocked { nr: libc::SYS_msgrcv, .. })
        };
        while !asleep(&task) && std::time::Instant::now() < deadline {
            std::thread::yield_now();
        }
        remove(q.0, q.1).unwrap();
        assert_eq!(crate::kernel::process::waitpid(child, 0).unwrap().unwrap().1, How::Exited(0));
    }
}
