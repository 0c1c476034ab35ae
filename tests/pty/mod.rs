//! Drives the program in a real pseudoterminal: feeds keys, waits for what the screen shows, asks in which modes the
//! terminal was left.
//!
//! Waiting is always for a condition, with a deadline; nothing sleeps.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{LocalFlags, OutputFlags, tcgetattr};
use nix::unistd::Pid;

/// How long anything may take; a machine under load is slow, and a test that fails has waited this long once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
const TTY: &str = "IPCLAB_TEST_TTY";
const COMMAND: &str = "IPCLAB_TEST_COMMAND";

/// Not a test: what the child process runs between fork and exec, so that the terminal controls its session. Threads
/// of this process could not do it safely between the two.
#[test]
#[ignore = "the harness starts it"]
fn child() {
    let (Ok(tty), Ok(command)) = (std::env::var(TTY), std::env::var(COMMAND)) else { return };
    nix::unistd::setsid().unwrap();
    // The first terminal that a leader of a session opens controls the session.
    let tty = File::options().read(true).write(true).open(tty).unwrap();
    nix::unistd::dup2_stdin(&tty).unwrap();
    nix::unistd::dup2_stdout(&tty).unwrap();
    nix::unistd::dup2_stderr(&tty).unwrap();
    drop(tty);
    let mut words = command.split('\x1f');
    let error = Command::new(words.next().unwrap()).args(words).env_remove(TTY).env_remove(COMMAND).exec();
    panic!("{error}");
}

/// A program in a pseudoterminal.
pub(crate) struct Pty {
    master: File,
    output: Receiver<Vec<u8>>,
    exit: Receiver<ExitStatus>,
    status: Option<ExitStatus>,
    pid: Pid,
    parser: vt100::Parser,
    /// All that was ever written to the terminal.
    pub(crate) bytes: Vec<u8>,
    home: PathBuf,
}

/// How to start it.
pub(crate) struct Setup {
    /// The words of the command.
    pub(crate) command: Vec<String>,
    /// Columns and rows.
    pub(crate) size: (u16, u16),
    /// Variables beside the few that every program gets.
    pub(crate) env: BTreeMap<&'static str, String>,
    /// Files in the directory of settings, with their text.
    pub(crate) settings: Vec<(&'static str, &'static str)>,
    /// Files in the directory of state, with their text.
    pub(crate) state: Vec<(&'static str, &'static str)>,
}

/// The program itself with these words.
pub(crate) fn ipclab(words: &[&str]) -> Setup {
    let command = std::iter::once(env!("CARGO_BIN_EXE_ipclab")).chain(words.iter().copied());
    Setup {
        command: command.map(str::to_owned).collect(),
        size: (120, 40),
        env: BTreeMap::new(),
        settings: Vec::new(),
        state: Vec::new(),
    }
}

impl Setup {
    /// The same in another size.
    pub(crate) fn size(mut self, columns: u16, rows: u16) -> Self {
        self.size = (columns, rows);
        self
    }

    /// The same with a variable.
    pub(crate) fn env(mut self, name: &'static str, value: &str) -> Self {
        self.env.insert(name, value.to_owned());
        self
    }

    /// The same with a file of settings.
    pub(crate) fn settings(mut self, name: &'static str, text: &'static str) -> Self {
        self.settings.push((name, text));
        self
    }

    /// The same with a file that an earlier run has left.
    pub(crate) fn state(mut self, name: &'static str, text: &'static str) -> Self {
        self.state.push((name, text));
        self
    }

    /// Starts it.
    pub(crate) fn start(self) -> Pty {
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let home = std::env::temp_dir().join(format!("ipclab-pty-{}-{number}", std::process::id()));
        std::fs::create_dir_all(home.join(".config/ipclab")).unwrap();
        for (name, text) in &self.settings {
            std::fs::write(home.join(".config/ipclab").join(name), text).unwrap();
        }
        std::fs::create_dir_all(home.join(".local/state/ipclab")).unwrap();
        for (name, text) in &self.state {
            std::fs::write(home.join(".local/state/ipclab").join(name), text).unwrap();
        }
        let (columns, rows) = self.size;
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).unwrap();
        // Else other programs that tests start would hold the terminal open.
        for end in [&pty.master, &pty.slave] {
            fcntl(end, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).unwrap();
        }
        let tty = nix::unistd::ttyname(&pty.slave).unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "pty::child", "--ignored", "--nocapture", "--test-threads=1"])
            .current_dir(&home)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &home)
            .env("TMPDIR", std::env::temp_dir())
            .env("TERM", "xterm-256color")
            .env("LANG", "C.UTF-8")
            .env(TTY, tty)
            .env(COMMAND, self.command.join("\x1f"))
            .envs(self.env)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let pid = Pid::from_raw(child.id() as i32);
        let master = File::from(pty.master);
        let (sender, exit) = channel();
        std::thread::Builder::new().spawn(move || sender.send(child.wait().unwrap())).unwrap();
        let output = read(master.try_clone().unwrap(), pty.slave);
        Pty {
            master,
            output,
            exit,
            status: None,
            pid,
            parser: vt100::Parser::new(rows, columns, 0),
            bytes: Vec::new(),
            home,
        }
    }
}

/// Reads the terminal in a thread. The slave is held open meanwhile, so that the modes can be asked for when the
/// program is gone.
fn read(mut master: File, slave: OwnedFd) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::Builder::new()
        .spawn(move || {
            let _open = slave;
            let mut buffer = vec![0; 65536];
            while let Ok(n @ 1..) = master.read(&mut buffer) {
                if sender.send(buffer[..n].to_vec()).is_err() {
                    return;
                }
            }
        })
        .unwrap();
    receiver
}

impl Pty {
    /// Types.
    pub(crate) fn keys(&mut self, keys: impl AsRef<[u8]>) {
        self.master.write_all(keys.as_ref()).unwrap();
    }

    /// Types from a thread, where there is more than the terminal takes at once.
    pub(crate) fn keys_later(&self, keys: Vec<u8>) {
        let mut master = self.master.try_clone().unwrap();
        std::thread::Builder::new().spawn(move || master.write_all(&keys)).unwrap();
    }

    /// The process.
    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// Sends the process a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid, signal).unwrap();
    }

    /// Gives the terminal another size, as a window does that is dragged.
    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        // There is no safe wrapper for TIOCSWINSZ; the program that everybody has for it sets it through its stdin.
        let terminal = self.master.try_clone().unwrap();
        let words = [format!("{rows}"), format!("{columns}")];
        let status =
            Command::new("stty").args(["rows", &words[0], "cols", &words[1]]).stdin(terminal).status().unwrap();
        assert!(status.success());
        // The emulator can't wrap a line where there is only one, nor hold a wide character in one column: it panics.
        self.parser.screen_mut().set_size(rows.max(2), columns.max(2));
    }

    /// The screen as text, a line a row.
    pub(crate) fn text(&self) -> String {
        self.parser.screen().contents()
    }

    /// The screen.
    pub(crate) fn screen(&self) -> &vt100::Screen {
        self.parser.screen()
    }

    fn take(&mut self, bytes: &[u8]) {
        self.parser.process(bytes);
        self.bytes.extend_from_slice(bytes);
    }

    /// Waits until the condition holds.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !condition(self) {
            match self.output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.take(&bytes),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("waited in vain for {what}; on the screen:\n{}", self.text())
                }
            }
        }
    }

    /// Waits until the screen shows the words.
    #[track_caller]
    pub(crate) fn shows(&mut self, words: &str) {
        self.until(&format!("{words:?}"), |pty| pty.text().contains(words));
    }

    /// Waits until the screen, or a window on it, says the words, wherever its lines break: a message that names a path
    /// of this machine is broken elsewhere on the next.
    #[track_caller]
    pub(crate) fn says(&mut self, words: &str) {
        let bare = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        let wanted = bare(words);
        self.until(&format!("{words:?}, broken anywhere"), |pty| {
            let text = pty.text();
            let column =
                |n: usize| text.lines().filter_map(|line| line.split('│').nth(n)).map(bare).collect::<String>();
            bare(&text).contains(&wanted) || (0..4).any(|n| column(n).contains(&wanted))
        });
    }

    /// Takes in what comes until nothing has come for so long.
    pub(crate) fn quiet(&mut self, time: Duration) {
        while let Ok(bytes) = self.output.recv_timeout(time) {
            self.take(&bytes);
        }
    }

    /// Waits until the process has ended, and takes in all that it wrote.
    #[track_caller]
    pub(crate) fn ended(&mut self) -> ExitStatus {
        if let Some(status) = self.status {
            return status;
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            // The terminal must be read meanwhile, or a process that writes would never end.
            while let Ok(bytes) = self.output.try_recv() {
                self.take(&bytes);
            }
            match self.exit.recv_timeout(Duration::from_millis(20)) {
                Ok(status) => {
                    self.status = Some(status);
                    self.quiet(Duration::from_millis(50));
                    return status;
                }
                Err(RecvTimeoutError::Timeout) if Instant::now() < deadline => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("the program did not end; on the screen:\n{}", self.text())
                }
            }
        }
    }

    /// Whether the terminal is as a shell wants it: every mode that the program may set is unset.
    #[track_caller]
    pub(crate) fn is_whole(&self) {
        let screen = self.parser.screen();
        let modes = tcgetattr(self.master.as_fd()).unwrap();
        let cooked = LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG | LocalFlags::IEXTEN;
        assert!(modes.local_flags.contains(cooked), "the terminal is raw: {:?}", modes.local_flags);
        assert!(modes.output_flags.contains(OutputFlags::OPOST), "output is raw");
        assert!(!screen.alternate_screen(), "still on the alternate screen");
        assert!(!screen.hide_cursor(), "the cursor is hidden");
        assert!(!screen.bracketed_paste(), "pastes are bracketed");
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None, "the mouse is held");
        assert!(!screen.application_cursor() && !screen.application_keypad(), "keys are in application mode");
        let (opened, closed) = (self.count(b"\x1b[?2026h"), self.count(b"\x1b[?2026l"));
        assert!(closed >= opened, "a synchronized update is open");
    }

    /// Whether the program holds the terminal.
    pub(crate) fn is_held(&self) -> bool {
        let raw = tcgetattr(self.master.as_fd()).is_ok_and(|m| !m.local_flags.contains(LocalFlags::ICANON));
        raw && self.parser.screen().alternate_screen()
    }

    /// How often the bytes were written.
    pub(crate) fn count(&self, needle: &[u8]) -> usize {
        self.bytes.windows(needle.len()).filter(|w| *w == needle).count()
    }

    /// The letter by which the kernel tells the state of the process: `S`, `T`.
    pub(crate) fn state(&self) -> Option<char> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).ok()?;
        stat.rsplit_once(") ")?.1.chars().next()
    }
}

impl Pty {
    /// Closes the terminal as a window does that is shut, and waits for the end of the program.
    pub(crate) fn hang_up(mut self) -> ExitStatus {
        // Both ends are held by the thread that reads, too: it must go. It goes when nobody takes what it reads.
        let (_, nothing) = channel();
        self.output = nothing;
        self.keys("x");
        let void = File::options().read(true).write(true).open("/dev/null").unwrap();
        self.master = void;
        self.status = Some(self.exit.recv_timeout(PATIENCE).unwrap());
        self.status.unwrap()
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        if self.status.is_none() && self.exit.try_recv().is_err() {
            // Stopped or not, this ends it; it has not been waited for, so the number is still its own.
            let _ = kill(self.pid, Signal::SIGKILL);
        }
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

/// Which signal killed it.
pub(crate) fn killer(status: ExitStatus) -> Option<Signal> {
    status.signal().and_then(|n| Signal::try_from(n).ok())
}
