//! Two pipes, one for each direction.

use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use super::ends::{Ends, through_ends};
use super::{On, Setup, Transport, Trouble};

pub(super) struct Pipe(Ends);

impl Transport for Pipe {
    fn open(_setup: &Setup) -> Result<Self, Trouble> {
        let pipe = || pipe2(OFlag::O_CLOEXEC).on("pipe");
        Ok(Self(Ends::lines(pipe()?, pipe()?)))
    }

    through_ends!(write_all);
}
