//! The line discipline of [`super::line`] against the kernel's own, on whatever may be typed, printed and set.

use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use proptest::prelude::*;

use super::line::{Byte, Line};
use super::settings;
use crate::kernel::{fd, pty};

/// What is done to a terminal.
#[derive(Debug, Clone)]
enum Deed {
    Type(Vec<u8>),
    Print(Vec<u8>),
    Read(usize),
    ReadMaster(usize),
    Set { iflag: u32, oflag: u32, lflag: u32 },
    Flush,
}

const LOCAL: [u32; 10] = [
    libc::ICANON,
    libc::ECHO,
    libc::ISIG,
    libc::IEXTEN,
    libc::ECHOE,
    libc::ECHOK,
    libc::ECHONL,
    libc::ECHOCTL,
    libc::ECHOKE,
    libc::NOFLSH,
];
const INPUT: [u32; 7] = [libc::ICRNL, libc::INLCR, libc::IGNCR, libc::ISTRIP, libc::IXON, libc::IXANY, libc::IUTF8];
const OUTPUT: [u32; 6] = [libc::OPOST, libc::ONLCR, libc::OCRNL, libc::ONOCR, libc::ONLRET, libc::XTABS];

fn of(bits: &'static [u32], often: f64) -> impl Strategy<Value = u32> {
    prop::collection::vec(prop::bool::weighted(often), bits.len())
        .prop_map(move |on| bits.iter().zip(on).filter(|(_, on)| *on).fold(0, |all, (bit, _)| all | bit))
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let keys = b"ab _\t\n\r\x03\x04\x7f\x15\x17\x16\x12\x11\x13\x1a\x1c\x08\x00\x01".to_vec();
    let key = prop_oneof![
        6 => prop::sample::select(keys),
        2 => prop::sample::select(vec![0xc3, 0xa4, 0x80, 0xff, 0xd7]),
        1 => any::<u8>(),
    ];
    let typed = prop::collection::vec(key, 1..12);
    let printed = prop::collection::vec(
        prop_oneof![4 => prop::sample::select(b"ab\t\n\r\x08\x01".to_vec()), 1 => any::<u8>()],
        1..8,
    );
    let deed = prop_oneof![
        8 => typed.prop_map(Deed::Type),
        3 => printed.prop_map(Deed::Print),
        4 => (0_usize..14).prop_map(Deed::Read),
        2 => (0_usize..20).prop_map(Deed::ReadMaster),
        2 => (of(&INPUT, 0.3), of(&OUTPUT, 0.4), of(&LOCAL, 0.6))
            .prop_map(|(iflag, oflag, lflag)| Deed::Set { iflag, oflag, lflag }),
        1 => Just(Deed::Flush),
    ];
    prop::collection::vec(deed, 1..14)
}

struct Terminal {
    master: OwnedFd,
    slave: OwnedFd,
    line: Line,
}

impl Terminal {
    fn open() -> Self {
        let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC | libc::O_NONBLOCK;
        let master = pty::posix_openpt(flags).unwrap();
        pty::unlockpt(master).unwrap();
        let slave = pty::ioctl_value(master, libc::TIOCGPTPEER, flags).unwrap();
        let mut line = Line::default();
        line.set(settings(&pty::tcgetattr(slave).unwrap()));
        Self { master: fd::adopt_fd(master).unwrap(), slave: fd::adopt_fd(slave).unwrap(), line }
    }

    /// Waits until the kernel counts what the line says.
    fn agrees(&self) -> Result<(), TestCaseError> {
        let until = Instant::now() + Duration::from_secs(5);
        loop {
            let ready = pty::ready(&self.slave).unwrap().contains(nix::poll::PollFlags::POLLIN);
            pty::ready(&self.master).unwrap();
            let there = (pty::readable(&self.slave).unwrap(), pty::readable(&self.master).unwrap());
            let here = (self.line.readable().len(), self.line.shown().len());
            if here == there && (there.0 > 0 || ready == self.line.at_end()) {
                return Ok(());
            }
            if Instant::now() > until {
                let shown = text(self.line.shown());
                let mut rest = vec![0; 9000];
                let got = fd::read(self.master.as_raw_fd(), &mut rest).unwrap_or(0);
                let why = format!(
                    "here {here:?}, there {there:?}, ready {ready}, at end {}; {:?} in the buffer; shown {:?} is {:?}",
                    self.line.at_end(),
                    text(&self.line.readable()),
                    shown,
                    String::from_utf8_lossy(&rest[..got])
                );
                return Err(TestCaseError::fail(why));
            }
            std::thread::yield_now();
        }
    }

    fn read(&mut self, count: usize) -> Result<(), TestCaseError> {
        let before = self.line.readable();
        let mut bytes = vec![0; count];
        match fd::read(self.slave.as_raw_fd(), &mut bytes) {
            Err(Errno::EAGAIN) => prop_assert!(before.is_empty() && !self.line.at_end()),
            Err(errno) => return Err(TestCaseError::fail(errno.desc())),
            Ok(read) => {
                if count > 0 {
                    self.line.slave_read(read);
                }
                let wanted = known(&before[..read.min(before.len())]);
                prop_assert_eq!(String::from_utf8_lossy(&bytes[..read]), String::from_utf8_lossy(&wanted));
                prop_assert_eq!(self.line.readable().len(), before.len() - read);
            }
        }
        Ok(())
    }

    fn read_master(&mut self, count: usize) -> Result<(), TestCaseError> {
        let before = self.line.shown().to_vec();
        let mut bytes = vec![0; count];
        match fd::read(self.master.as_raw_fd(), &mut bytes) {
            Err(Errno::EAGAIN) => prop_assert!(before.is_empty()),
            Err(errno) => return Err(TestCaseError::fail(errno.desc())),
            Ok(read) => {
                self.line.master_read(read);
                let wanted = known(&before[..read.min(before.len())]);
                prop_assert_eq!(String::from_utf8_lossy(&bytes[..read]), String::from_utf8_lossy(&wanted));
            }
        }
        Ok(())
    }

    fn does(&mut self, deed: &Deed) -> Result<(), TestCaseError> {
        match deed {
            Deed::Type(bytes) => {
                // Whether a signal takes off an echo that VSTART has just let go is a race of the kernel with itself.
                let lets_go = bytes.contains(&0x11) || self.line.settings().iflag & libc::IXANY != 0;
                let raced = |byte: &u8| lets_go && [3, 0x1a, 0x1c].contains(byte);
                let bytes: Vec<u8> = bytes.iter().copied().filter(|byte| !raced(byte)).collect();
                let bytes_typed = || bytes.iter().copied().map(Some);
                let counts = |line: &Line| (line.readable().len(), line.at_end(), line.shown().len());
                let mut after = self.line.clone();
                after.typed(bytes_typed());
                // Where no count will change, nobody can tell when the kernel has brought in what was typed, unless
                // nothing can be read: then polling brings it in.
                if counts(&after) == counts(&self.line) {
                    while self.line.at_end() || !self.line.readable().is_empty() {
                        self.read(64)?;
                    }
                    self.agrees()?;
                }
                prop_assert_eq!(fd::write(self.master.as_raw_fd(), &bytes), Ok(bytes.len()));
                self.line.typed(bytes_typed());
            }
            Deed::Print(bytes) => match fd::write(self.slave.as_raw_fd(), bytes) {
                Ok(count) => self.line.printed(bytes[..count].iter().copied().map(Some)),
                Err(errno) => prop_assert_eq!(errno, Errno::EAGAIN),
            },
            Deed::Read(count) => self.read(*count)?,
            Deed::ReadMaster(count) => self.read_master(*count)?,
            Deed::Set { iflag, oflag, lflag } => {
                let mut new = pty::tcgetattr(self.slave.as_raw_fd()).unwrap();
                (new.iflag, new.oflag, new.lflag) = (*iflag, *oflag, *lflag);
                pty::tcsetattr(self.slave.as_raw_fd(), libc::TCSANOW, &new).unwrap();
                self.line.set(settings(&new));
            }
            Deed::Flush => {
                pty::tcflush(self.slave.as_raw_fd(), libc::TCIFLUSH).unwrap();
                self.line.forget_input();
            }
        }
        self.agrees()
    }
}

fn known(bytes: &[Byte]) -> Vec<u8> {
    bytes.iter().map(|b| b.unwrap_or(b'?')).collect()
}

fn text(bytes: &[Byte]) -> String {
    String::from_utf8_lossy(&known(bytes)).into_owned()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_line_does_what_the_kernels_does(deeds in deeds()) {
        let mut terminal = Terminal::open();
        for deed in &deeds {
            terminal.does(deed)?;
        }
        for _ in 0..40 {
            terminal.read(64)?;
            terminal.read_master(64)?;
            terminal.agrees()?;
        }
    }
}

/// Of a line that fills the buffer, the kernel keeps the first 4095 bytes, and its end.
#[test]
fn a_line_that_is_too_long_is_cut_as_the_kernel_cuts_it() {
    for count in (4090..4100).chain([6000]) {
        let mut terminal = Terminal::open();
        let silent = Deed::Set { iflag: 0, oflag: 0, lflag: libc::ICANON };
        for deed in [silent, Deed::Type(vec![b'x'; count]), Deed::Type(b"\n".to_vec())] {
            terminal.does(&deed).unwrap();
        }
        assert_eq!(terminal.line.readable().len(), count.min(4095) + 1);
        terminal.read(3000).unwrap();
        terminal.read(3000).unwrap();
        terminal.agrees().unwrap();
        assert!(terminal.line.readable().is_empty());
    }
}
