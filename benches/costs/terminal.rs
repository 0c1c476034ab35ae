//! From the start of the program in a pseudoterminal to its first frame, and to the first that shows the live stage;
//! beside it a program that draws one frame with the same library and does nothing else.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{Winsize, openpty};
use ratatui::widgets::{Block, Paragraph};

use super::measure::{RUNS, bar, line, ratios, spread};

/// The word that makes this program draw one frame.
pub(super) const MINIMAL: &str = "minimal";
/// The word that makes this program start another in the terminal that it names.
pub(super) const INSIDE: &str = "inside";
/// What the minimal program shows.
const SHOWN: &str = "one frame";
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn run() -> anyhow::Result<()> {
    let home = std::env::temp_dir().join(format!("ipclab-bench-{}", std::process::id()));
    std::fs::create_dir_all(&home)?;
    let measured = frames(&home);
    std::fs::remove_dir_all(&home)?;
    let [first, live, minimal] = measured?;
    line("start to first frame", spread(&first, " ms"));
    line("start to the first frame with the live stage", spread(&live, " ms"));
    line("start to frame of a minimal program", spread(&minimal, " ms"));
    bar("first frame to minimal", &ratios(&first, &minimal), 2.0);
    bar("live stage to minimal", &ratios(&live, &minimal), 2.0);
    Ok(())
}

fn frames(home: &Path) -> anyhow::Result<[Vec<f64>; 3]> {
    let ours = env!("CARGO_BIN_EXE_ipclab");
    let own = std::env::current_exe()?;
    let own = own.to_str().context("a path that is no text")?;
    let mut rows: [Vec<f64>; 3] = Default::default();
    for _ in 0..RUNS {
        let [first, live] = start(home, &[ours], |text| text.contains("asleep"))?;
        let [minimal, _] = start(home, &[own, MINIMAL], |text| text.contains(SHOWN))?;
        for (row, took) in rows.iter_mut().zip([first, live, minimal]) {
            row.push(took);
        }
    }
    Ok(rows)
}

/// Milliseconds until the screen shows something, and until it shows what is wanted.
fn start(home: &Path, words: &[&str], wanted: impl Fn(&str) -> bool) -> anyhow::Result<[f64; 2]> {
    let (rows, columns) = (40, 120);
    let pty = openpty(Some(&Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }), None)?;
    for end in [&pty.master, &pty.slave] {
        fcntl(end, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    }
    let begin = Instant::now();
    let mut child = Command::new(std::env::current_exe()?)
        .arg(INSIDE)
        .arg(nix::unistd::ttyname(&pty.slave)?)
        .args(words)
        .env_clear()
        .envs([("HOME", home.as_os_str()), ("TERM", "xterm-256color".as_ref()), ("LANG", "C.UTF-8".as_ref())])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let mut master = File::from(pty.master);
    let mut screen = vt100::Parser::new(rows, columns, 0);
    let mut buffer = vec![0; 65536];
    let (mut first, mut last) = (None, None);
    while last.is_none() {
        let left = PollTimeout::try_from(PATIENCE.saturating_sub(begin.elapsed()))?;
        if poll(&mut [PollFd::new(master.as_fd(), PollFlags::POLLIN)], left)? == 0 {
            break;
        }
        let n = master.read(&mut buffer)?;
        let at = begin.elapsed().as_nanos() as f64 / 1e6;
        screen.process(&buffer[..n]);
        let text = screen.screen().contents();
        if first.is_none() && text.lines().filter(|line| !line.trim().is_empty()).count() > 2 {
            first = Some(at);
        }
        if wanted(&text) {
            last = Some(at);
        }
    }
    let _ = child.kill();
    child.wait()?;
    match (first, last) {
        (Some(first), Some(last)) => Ok([first, last]),
        _ => bail!("within {PATIENCE:?} this was all that came:\n{}", screen.screen().contents()),
    }
}

/// The life of the process that starts another in a terminal of its own.
pub(super) fn inside(words: &[String]) -> ExitCode {
    let [tty, program, rest @ ..] = words else { return ExitCode::from(2) };
    let start = || {
        nix::unistd::setsid()?;
        // The first terminal that a leader of a session opens controls the session.
        let tty = File::options().read(true).write(true).open(tty)?;
        nix::unistd::dup2_stdin(&tty)?;
        nix::unistd::dup2_stdout(&tty)?;
        nix::unistd::dup2_stderr(&tty)?;
        Err::<(), anyhow::Error>(Command::new(program).args(rest).exec().into())
    };
    drop(start());
    ExitCode::FAILURE
}

/// The least that draws a frame.
pub(super) fn minimal() -> ExitCode {
    let mut terminal = ratatui::init();
    let text = Paragraph::new([SHOWN; 30].join("\n")).block(Block::bordered());
    let drawn = terminal.draw(|frame| frame.render_widget(text, frame.area())).is_ok();
    // Until it is killed.
    let waited = std::io::stdin().read(&mut [0; 1]).is_ok();
    ratatui::restore();
    if drawn && waited && std::io::stdout().flush().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
