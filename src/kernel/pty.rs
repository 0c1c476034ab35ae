//! Pseudoterminals and terminal settings by number, as an actor uses them, see pty(7), termios(3) and ioctl_tty(2).

use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// How many control characters a terminal has.
pub const CHARACTERS: usize = 19;
/// The size of the C structure termios in bytes, as [`Termios::to_bytes`] gives it.
pub const TERMIOS: usize = 60;

/// Terminal settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Termios {
    /// How input is changed: ICRNL, IXON, ...
    pub iflag: u32,
    /// How output is changed: OPOST, ONLCR, ...
    pub oflag: u32,
    /// The line itself, which a pseudoterminal has not.
    pub cflag: u32,
    /// How lines are edited: ICANON, ECHO, ISIG, ...
    pub lflag: u32,
    /// The control characters, by VINTR and the like; 0 is none.
    pub characters: [u8; CHARACTERS],
}

impl Termios {
    fn from_raw(raw: &libc::termios) -> Self {
        let mut characters = [0; CHARACTERS];
        characters.copy_from_slice(&raw.c_cc[..CHARACTERS]);
        Self { iflag: raw.c_iflag, oflag: raw.c_oflag, cflag: raw.c_cflag, lflag: raw.c_lflag, characters }
    }

    fn lay_over(&self, raw: &mut libc::termios) {
        (raw.c_iflag, raw.c_oflag, raw.c_cflag, raw.c_lflag) = (self.iflag, self.oflag, self.cflag, self.lflag);
        raw.c_cc[..CHARACTERS].copy_from_slice(&self.characters);
    }

    /// Its bytes in memory, as a C program has them.
    pub fn to_bytes(&self) -> [u8; TERMIOS] {
        let mut bytes = [0; TERMIOS];
        for (place, flags) in [self.iflag, self.oflag, self.cflag, self.lflag].iter().enumerate() {
            bytes[4 * place..4 * place + 4].copy_from_slice(&flags.to_ne_bytes());
        }
        bytes[17..17 + CHARACTERS].copy_from_slice(&self.characters);
        bytes
    }

    /// From its bytes in memory; `None` if they are not as many.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let flags = |place: usize| Some(u32::from_ne_bytes(bytes.get(4 * place..4 * place + 4)?.try_into().ok()?));
        let characters = bytes.get(17..17 + CHARACTERS)?.try_into().ok()?;
        let whole = bytes.len() == TERMIOS;
        whole.then_some(Self { iflag: flags(0)?, oflag: flags(1)?, cflag: flags(2)?, lflag: flags(3)?, characters })
    }

    /// The settings in which bytes pass unchanged, made of these by cfmakeraw(3).
    #[must_use]
    pub fn raw(&self) -> Self {
        // SAFETY: all zero is a termios.
        let mut raw: libc::termios = unsafe { std::mem::zeroed() };
        self.lay_over(&mut raw);
        // SAFETY: the structure is ours.
        unsafe { libc::cfmakeraw(&raw mut raw) };
        Self::from_raw(&raw)
    }
}

/// Opens a new pseudoterminal's master, see posix_openpt(3).
pub fn posix_openpt(flags: i32) -> Result<i32, Errno> {
    // SAFETY: takes an integer.
    Errno::result(unsafe { libc::posix_openpt(flags) })
}

/// Gives the slave to the caller, see grantpt(3). On Linux it has it already.
pub fn grantpt(fd: i32) -> Result<(), Errno> {
    // SAFETY: takes an integer.
    Errno::result(unsafe { libc::grantpt(fd) }).map(drop)
}

/// Lets the slave be opened, see unlockpt(3).
pub fn unlockpt(fd: i32) -> Result<(), Errno> {
    // SAFETY: takes an integer.
    Errno::result(unsafe { libc::unlockpt(fd) }).map(drop)
}

/// The path of a master's slave, see ptsname(3).
pub fn ptsname(fd: i32) -> Result<String, Errno> {
    let mut name = [0_u8; 64];
    // SAFETY: the C library writes at most that many bytes, the last of them 0.
    let errno = unsafe { libc::ptsname_r(fd, name.as_mut_ptr().cast(), name.len()) };
    if errno != 0 {
        return Err(Errno::from_raw(errno));
    }
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
    Ok(String::from_utf8_lossy(&name[..end]).into_owned())
}

/// The settings of a terminal, see tcgetattr(3). Through a master they are the slave's.
pub fn tcgetattr(fd: i32) -> Result<Termios, Errno> {
    // SAFETY: all zero is a termios.
    let mut raw: libc::termios = unsafe { std::mem::zeroed() };
    // SAFETY: the structure is ours.
    Errno::result(unsafe { libc::tcgetattr(fd, &raw mut raw) })?;
    Ok(Termios::from_raw(&raw))
}

/// Changes the settings of a terminal at the moment that `actions` names, see tcsetattr(3).
pub fn tcsetattr(fd: i32, actions: i32, settings: &Termios) -> Result<(), Errno> {
    // SAFETY: all zero is a termios.
    let mut raw: libc::termios = unsafe { std::mem::zeroed() };
    // SAFETY: the structure is ours. What it has beside these settings, speeds and so on, stays as it is.
    Errno::result(unsafe { libc::tcgetattr(fd, &raw mut raw) })?;
    settings.lay_over(&mut raw);
    // SAFETY: as above.
    Errno::result(unsafe { libc::tcsetattr(fd, actions, &raw const raw) }).map(drop)
}

/// Throws away what was received or not sent yet, see tcflush(3).
pub fn tcflush(fd: i32, queue: i32) -> Result<(), Errno> {
    // SAFETY: takes two integers.
    Errno::result(unsafe { libc::tcflush(fd, queue) }).map(drop)
}

/// The foreground process group, see tcgetpgrp(3). Through a master it is the slave's.
pub fn tcgetpgrp(fd: i32) -> Result<i32, Errno> {
    // SAFETY: takes an integer.
    Errno::result(unsafe { libc::tcgetpgrp(fd) })
}

/// Makes a process group the foreground one, see tcsetpgrp(3).
pub fn tcsetpgrp(fd: i32, group: i32) -> Result<(), Errno> {
    // SAFETY: takes two integers.
    Errno::result(unsafe { libc::tcsetpgrp(fd, group) }).map(drop)
}

/// The session that a terminal controls, by its leader, see tcgetsid(3). Through a master it is the slave's.
pub fn tcgetsid(fd: i32) -> Result<i32, Errno> {
    // SAFETY: takes an integer.
    Errno::result(unsafe { libc::tcgetsid(fd) })
}

/// Rows and columns, see TIOCGWINSZ in ioctl_tty(2).
pub fn window_size(fd: i32) -> Result<(u16, u16), Errno> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the kernel fills the structure, which is ours.
    Errno::result(unsafe { libc::ioctl(fd, libc::TIOCGWINSZ, &raw mut size) })?;
    Ok((size.ws_row, size.ws_col))
}

/// Sets rows and columns, see TIOCSWINSZ in ioctl_tty(2).
pub fn set_window_size(fd: i32, rows: u16, columns: u16) -> Result<(), Errno> {
    let size = libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the kernel reads the structure.
    Errno::result(unsafe { libc::ioctl(fd, libc::TIOCSWINSZ, &raw const size) }).map(drop)
}

/// A request of ioctl(2) that takes a number in place of a pointer, or nothing: TIOCSCTTY, TIOCNOTTY, TIOCEXCL,
/// TIOCNXCL, TIOCGPTPEER. EINVAL for others.
pub fn ioctl_value(fd: i32, request: libc::Ioctl, value: i32) -> Result<i32, Errno> {
    match request {
        libc::TIOCSCTTY | libc::TIOCNOTTY | libc::TIOCEXCL | libc::TIOCNXCL | libc::TIOCGPTPEER => {
            // SAFETY: these requests read no memory.
            Errno::result(unsafe { libc::ioctl(fd, request, value) })
        }
        _ => Err(Errno::EINVAL),
    }
}

/// A request of ioctl(2) that tells one int: TIOCINQ, TIOCOUTQ, TIOCGPTN, TIOCGPKT, TIOCGPTLCK, TIOCGEXCL. EINVAL for
/// others.
pub fn ioctl_get(fd: i32, request: libc::Ioctl) -> Result<i32, Errno> {
    let mut told: libc::c_int = 0;
    match request {
        libc::TIOCINQ | libc::TIOCOUTQ | libc::TIOCGPTN | libc::TIOCGPKT | libc::TIOCGPTLCK | libc::TIOCGEXCL => {
            // SAFETY: these requests write one int.
            Errno::result(unsafe { libc::ioctl(fd, request, &raw mut told) })?;
            Ok(told)
        }
        _ => Err(Errno::EINVAL),
    }
}

/// A request of ioctl(2) that reads one int: TIOCPKT, TIOCSPTLCK. EINVAL for others.
pub fn ioctl_set(fd: i32, request: libc::Ioctl, value: i32) -> Result<(), Errno> {
    match request {
        libc::TIOCPKT | libc::TIOCSPTLCK => {
            // SAFETY: these requests read one int.
            Errno::result(unsafe { libc::ioctl(fd, request, &raw const value) }).map(drop)
        }
        _ => Err(Errno::EINVAL),
    }
}

/// What poll(2) says of one side of a terminal at this moment.
///
/// Where nothing can be read, the kernel first brings in what is on its way to this side (drivers/tty/n_tty.c,
/// n_tty_poll): so this is also a way to wait for it.
pub fn ready(side: impl AsFd) -> Result<PollFlags, Errno> {
    let mut fds = [PollFd::new(side.as_fd(), PollFlags::POLLIN)];
    poll(&mut fds, PollTimeout::ZERO)?;
    Ok(fds[0].revents().unwrap_or(PollFlags::empty()))
}

/// How many bytes one side of a terminal can read, see TIOCINQ in ioctl_tty(2); at most 4095 are counted.
pub fn readable(side: impl AsFd) -> Result<usize, Errno> {
    ioctl_get(side.as_fd().as_raw_fd(), libc::TIOCINQ).map(|count| count.max(0) as usize)
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;

    use super::*;
    use crate::kernel::fd;

    fn open() -> (OwnedFd, OwnedFd) {
        let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
        let master = posix_openpt(flags).unwrap();
        assert_eq!(ioctl_value(master, libc::TIOCGPTPEER, flags), Err(Errno::EIO), "it is locked at first");
        assert_eq!((grantpt(master), unlockpt(master)), (Ok(()), Ok(())));
        let slave = ioctl_value(master, libc::TIOCGPTPEER, flags).unwrap();
        (fd::adopt_fd(master).unwrap(), fd::adopt_fd(slave).unwrap())
    }

    #[test]
    fn a_line_comes_as_a_whole_and_polling_waits_for_it() {
        let (master, slave) = open();
        let name = ptsname(master.as_raw_fd()).unwrap();
        assert_eq!(name, format!("/dev/pts/{}", ioctl_get(master.as_raw_fd(), libc::TIOCGPTN).unwrap()));
        for _ in 0..50 {
            assert_eq!(fd::write(master.as_raw_fd(), b"hi"), Ok(2));
            assert_eq!((ready(&slave).unwrap(), readable(&slave)), (PollFlags::empty(), Ok(0)));
            assert_eq!(fd::write(master.as_raw_fd(), b"\n"), Ok(1));
            assert_eq!((ready(&slave).unwrap(), readable(&slave)), (PollFlags::POLLIN, Ok(3)));
            // The echo of the line's first half is there already, so polling does not wait for the worker to bring the rest.
            let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
            while readable(&master) != Ok(4) && std::time::Instant::now() < deadline {
                std::thread::yield_now();
            }
            assert_eq!((ready(&master).unwrap(), readable(&master)), (PollFlags::POLLIN, Ok(4)), "the echo");
            let mut buffer = [0; 16];
            assert_eq!(fd::read(slave.as_raw_fd(), &mut buffer), Ok(3));
            assert_eq!((fd::read(master.as_raw_fd(), &mut buffer), &buffer[..4]), (Ok(4), b"hi\r\n".as_slice()));
        }
        drop(slave);
        // A child that a test beside this one has just forked may hold the slave for another moment.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while !ready(&master).unwrap().contains(PollFlags::POLLHUP) {
            assert!(std::time::Instant::now() < deadline, "no hang-up without a slave");
            std::thread::yield_now();
        }
    }

    #[test]
    fn settings_are_changed_and_read_back() {
        let (master, slave) = open();
        let before = tcgetattr(slave.as_raw_fd()).unwrap();
        assert_ne!(before.lflag & libc::ICANON, 0);
        assert_eq!(before.characters[libc::VINTR], 3);
        let raw = before.raw();
        assert_eq!(raw.lflag & (libc::ICANON | libc::ECHO | libc::ISIG), 0);
        assert_eq!(tcsetattr(slave.as_raw_fd(), libc::TCSANOW, &raw), Ok(()));
        assert_eq!(tcgetattr(master.as_raw_fd()), Ok(raw), "a master tells the slave's");
        assert_eq!(Termios::from_bytes(&raw.to_bytes()), Some(raw));
        assert_eq!(Termios::from_bytes(b"short"), None);
        assert_eq!(tcgetattr(-1), Err(Errno::EBADF));
        assert_eq!(
            (set_window_size(slave.as_raw_fd(), 24, 80), window_size(master.as_raw_fd())),
            (Ok(()), Ok((24, 80)))
        );
    }

    #[test]
    fn requests_with_pointers_to_elsewhere_are_not_made() {
        let (master, _slave) = open();
        let master = master.as_raw_fd();
        assert_eq!(ioctl_value(master, libc::TIOCSTI, 0), Err(Errno::EINVAL));
        assert_eq!(ioctl_get(master, libc::TIOCGWINSZ), Err(Errno::EINVAL));
        assert_eq!(ioctl_set(master, libc::TIOCSWINSZ, 0), Err(Errno::EINVAL));
        assert_eq!((ioctl_set(master, libc::TIOCPKT, 1), ioctl_get(master, libc::TIOCGPKT)), (Ok(()), Ok(1)));
        assert_eq!(tcgetsid(master), Err(Errno::ENOTTY));
    }
}
