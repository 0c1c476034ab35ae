//! The one error of this room.

use nix::errno::Errno;

/// A system call that failed, with what it was tried on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{call}({object}) failed: {errno:?} ({})", .errno.desc())]
pub struct SysError {
    /// The manual's name of the call: `mount`.
    pub call: &'static str,
    /// What it was tried on: `proc`, a path, a pid. May be empty.
    pub object: String,
    /// Why it failed.
    pub errno: Errno,
}

/// The result of a wrapper whose failure needs a name.
pub type Result<T, E = SysError> = std::result::Result<T, E>;

impl SysError {
    /// An error with its three parts.
    pub fn new(call: &'static str, object: impl Into<String>, errno: Errno) -> Self {
        Self { call, object: object.into(), errno }
    }

    /// The error of a call that went through the standard library.
    pub fn from_io(call: &'static str, object: impl Into<String>, error: &std::io::Error) -> Self {
        Self::new(call, object, Errno::from_raw(error.raw_os_error().unwrap_or(0)))
    }
}

/// Gives a bare errno (nix, this room's hot calls) or an I/O error the call and the object that it lacks.
pub trait SysResultExt<T> {
    /// The same result, its error naming `call` and `object`.
    fn on(self, call: &'static str, object: impl Into<String>) -> Result<T>;
}

impl<T> SysResultExt<T> for std::result::Result<T, Errno> {
    fn on(self, call: &'static str, object: impl Into<String>) -> Result<T> {
        self.map_err(|errno| SysError::new(call, object, errno))
    }
}

impl<T> SysResultExt<T> for std::io::Result<T> {
    fn on(self, call: &'static str, object: impl Into<String>) -> Result<T> {
        self.map_err(|error| SysError::from_io(call, object, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_call_object_and_reason() {
        let error = SysError::new("mount", "proc", Errno::EPERM);
        assert_eq!(error.to_string(), "mount(proc) failed: EPERM (Operation not permitted)");
        let io = std::fs::read("/proc/self/nonesuch").on("open", "nonesuch").unwrap_err();
        assert_eq!(io, SysError::new("open", "nonesuch", Errno::ENOENT));
    }
}
