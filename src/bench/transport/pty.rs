//! Both sides of a pseudoterminal, raw: bytes pass unchanged, but through the line discipline and a worker of the kernel.

use std::fs::OpenOptions;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;

use super::ends::{Ends, through_ends};
use super::{On, Setup, Transport, Trouble};
use crate::kernel::fd::adopt_fd;
use crate::kernel::pty::{grantpt, posix_openpt, ptsname, tcgetattr, tcsetattr, unlockpt};

pub(super) struct Pty(Ends);

impl Transport for Pty {
    fn open(_setup: &Setup) -> Result<Self, Trouble> {
        let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
        let master = adopt_fd(posix_openpt(flags).on("posix_openpt")?).on("posix_openpt")?;
        let number = master.as_raw_fd();
        grantpt(number).on("grantpt")?;
        unlockpt(number).on("unlockpt")?;
        let path = ptsname(number).on("ptsname")?;
        let slave = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NOCTTY).open(path).on("open")?;
        let settings = tcgetattr(slave.as_raw_fd()).on("tcgetattr")?;
        tcsetattr(slave.as_raw_fd(), libc::TCSANOW, &settings.raw()).on("tcsetattr")?;
        Ok(Self(Ends::both(master, slave.into())))
    }

    through_ends!(write_all);
}
