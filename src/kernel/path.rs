//! Paths of a learner: always relative to the stage's directory, and never out of it.
//!
//! openat2(2) with RESOLVE_BENEATH lets the kernel refuse `..`, absolute paths and symbolic links that lead out (EXDEV).
//! So an open that blocks (a FIFO's) shows as `openat2`. Where a filter forbids that call, paths are walked step by
//! step and no symbolic link is followed at all (ELOOP).

use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd, IntoRawFd, OwnedFd};
use std::path::{Component, Path};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::sys::stat::{FchmodatFlags, Mode, SFlag, fchmodat, fstatat, mknodat};
use nix::unistd::{UnlinkatFlags, unlinkat};

/// Opens a file below `dir` and gives the descriptor's number; `flags` and `mode` as in open(2).
///
/// # Errors
/// EXDEV if the path leads out of `dir`; those of open(2).
pub fn open_beneath(dir: impl AsFd, path: &Path, flags: i32, mode: u32) -> Result<i32, Errno> {
    open(dir, path, OFlag::from_bits_retain(flags), mode).map(IntoRawFd::into_raw_fd)
}

/// Makes a FIFO below `dir`, see mkfifo(3).
pub fn mkfifo_beneath(dir: impl AsFd, path: &Path, mode: u32) -> Result<(), Errno> {
    let (parent, name) = open_parent(dir, path)?;
    mknodat(&parent, name, SFlag::S_IFIFO, Mode::from_bits_truncate(mode), 0)
}

/// Removes a name below `dir`, see unlink(2).
pub fn unlink_beneath(dir: impl AsFd, path: &Path) -> Result<(), Errno> {
    let (parent, name) = open_parent(dir, path)?;
    unlinkat(&parent, name, UnlinkatFlags::NoRemoveDir)
}

/// Changes the permissions of a file below `dir`, see chmod(2).
pub fn chmod_beneath(dir: impl AsFd, path: &Path, mode: u32) -> Result<(), Errno> {
    let file = open(dir, path, OFlag::O_PATH | OFlag::O_CLOEXEC, 0)?;
    // A descriptor of O_PATH can't be changed itself, but the way to it through procfs can.
    let way = format!("/proc/self/fd/{}", file.as_raw_fd());
    fchmodat(nix::fcntl::AT_FDCWD, way.as_str(), Mode::from_bits_truncate(mode), FchmodatFlags::FollowSymlink)
}

/// Device, inode and mode of what a path below `dir` leads to.
pub fn stat_beneath(dir: impl AsFd, path: &Path) -> Result<(u64, u64, u32), Errno> {
    let file = open(dir, path, OFlag::O_PATH | OFlag::O_CLOEXEC, 0)?;
    let stat = fstatat(&file, "", AtFlags::AT_EMPTY_PATH)?;
    Ok((stat.st_dev, stat.st_ino, stat.st_mode))
}

fn open(dir: impl AsFd, path: &Path, flags: OFlag, mode: u32) -> Result<OwnedFd, Errno> {
    let creates = flags.intersects(OFlag::O_CREAT | OFlag::O_TMPFILE.difference(OFlag::O_DIRECTORY));
    let mode = if creates { Mode::from_bits_truncate(mode) } else { Mode::empty() };
    let how = OpenHow::new()
        .flags(flags)
        .mode(mode)
        .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    match openat2(&dir, path, how) {
        Err(Errno::ENOSYS) => walk(dir, path, flags, mode),
        result => result,
    }
}

/// The directory that holds the last part of a path, and that part.
fn open_parent(dir: impl AsFd, path: &Path) -> Result<(OwnedFd, &OsStr), Errno> {
    let name = path.file_name().ok_or(if path.as_os_str().is_empty() { Errno::ENOENT } else { Errno::EXDEV })?;
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    Ok((open(dir, parent, flags, 0)?, name))
}

/// openat2(2) without openat2: one directory after the other, no symbolic links.
fn walk(dir: impl AsFd, path: &Path, flags: OFlag, mode: Mode) -> Result<OwnedFd, Errno> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(name) => names.push(name),
            Component::ParentDir if names.pop().is_some() => {}
            _ => return Err(Errno::EXDEV),
        }
    }
    let last = match names.pop() {
        Some(name) => name,
        None if path.as_os_str().is_empty() => return Err(Errno::ENOENT),
        None => OsStr::new("."),
    };
    let mut at = dir.as_fd().try_clone_to_owned().map_err(|e| Errno::from_raw(e.raw_os_error().unwrap_or(0)))?;
    for name in names {
        let step = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        at = openat(&at, name, step, Mode::empty())?;
    }
    openat(&at, last, flags | OFlag::O_NOFOLLOW, mode)
}

/// Whether the kernel has openat2(2).
pub(super) fn openat2_works() -> Result<(), Errno> {
    let how = OpenHow::new().flags(OFlag::O_PATH | OFlag::O_CLOEXEC).resolve(ResolveFlag::RESOLVE_BENEATH);
    openat2(nix::fcntl::AT_FDCWD, ".", how).map(drop)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
    use std::path::PathBuf;

    use super::*;
    use crate::kernel::fd::close;

    struct Dir(PathBuf);

    impl Dir {
        fn new(name: &str) -> (Self, File) {
            let path = std::env::temp_dir().join(format!("ipclab-test-{name}-{}", std::process::id()));
            fs::create_dir(&path).unwrap();
            let dir = File::open(&path).unwrap();
            (Self(path), dir)
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn nothing_leads_out() {
        let (path, dir) = Dir::new("beneath");
        fs::create_dir(path.0.join("sub")).unwrap();
        symlink("/etc", path.0.join("out")).unwrap();
        symlink("notes", path.0.join("in")).unwrap();
        let create = libc::O_RDWR | libc::O_CREAT | libc::O_CLOEXEC;
        close(open_beneath(&dir, Path::new("notes"), create, 0o640).unwrap()).unwrap();
        close(open_beneath(&dir, Path::new("sub/../notes"), libc::O_RDONLY, 0o777).unwrap()).unwrap();
        close(open_beneath(&dir, Path::new("in"), libc::O_RDONLY, 0).unwrap()).unwrap();
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        for (bad, by_kernel, by_walk) in [
            ("/etc/passwd", Errno::EXDEV, Errno::EXDEV),
            ("../x", Errno::EXDEV, Errno::EXDEV),
            ("sub/../../x", Errno::EXDEV, Errno::EXDEV),
            ("out/passwd", Errno::EXDEV, Errno::ENOTDIR),
            ("none", Errno::ENOENT, Errno::ENOENT),
            ("", Errno::ENOENT, Errno::ENOENT),
        ] {
            assert_eq!(open_beneath(&dir, Path::new(bad), libc::O_RDONLY, 0), Err(by_kernel), "{bad}");
            assert_eq!(walk(&dir, Path::new(bad), flags, Mode::empty()).unwrap_err(), by_walk, "{bad}");
        }
        assert_eq!(walk(&dir, Path::new("in"), flags, Mode::empty()).unwrap_err(), Errno::ELOOP);
        assert!(walk(&dir, Path::new("./sub/../notes"), flags, Mode::empty()).is_ok());
        assert!(walk(&dir, Path::new("."), flags, Mode::empty()).is_ok());
    }

    #[test]
    fn names_are_made_changed_and_removed() {
        let (path, dir) = Dir::new("names");
        fs::create_dir(path.0.join("sub")).unwrap();
        symlink("/etc", path.0.join("out")).unwrap();
        let fifo = Path::new("sub/f");
        mkfifo_beneath(&dir, fifo, 0o600).unwrap();
        assert!(fs::metadata(path.0.join(fifo)).unwrap().file_type().is_fifo());
        assert_eq!(mkfifo_beneath(&dir, fifo, 0o600), Err(Errno::EEXIST));
        chmod_beneath(&dir, fifo, 0o624).unwrap();
        assert_eq!(fs::metadata(path.0.join(fifo)).unwrap().permissions().mode() & 0o777, 0o624);
        assert_eq!(stat_beneath(&dir, fifo).unwrap().2, libc::S_IFIFO | 0o624);
        for bad in ["out/f", "../f", "/f", "..", "sub/.."] {
            let bad = Path::new(bad);
            assert_eq!(mkfifo_beneath(&dir, bad, 0o600), Err(Errno::EXDEV), "{}", bad.display());
            assert_eq!(unlink_beneath(&dir, bad), Err(Errno::EXDEV), "{}", bad.display());
        }
        assert_eq!(chmod_beneath(&dir, Path::new("out"), 0o600), Err(Errno::EXDEV));
        unlink_beneath(&dir, fifo).unwrap();
        assert_eq!(unlink_beneath(&dir, fifo), Err(Errno::ENOENT));
        assert_eq!(unlink_beneath(&dir, Path::new("")), Err(Errno::ENOENT));
        unlink_beneath(&dir, Path::new("out")).unwrap();
    }
}
