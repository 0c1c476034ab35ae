//! The binary: everything is in the library.

use std::process::ExitCode;

use ipclab::tui;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    if let Some(code) = ipclab::stage::hidden(&args) {
        return code;
    }
    let start = match args.first() {
        None => tui::Start::FirstMinute,
        Some(_) => tui::Start::Play(args.get(1).map(Into::into)),
    };
    let options = tui::Options { launcher: "/proc/self/exe".into(), shared: false, start, palette: None, ascii: false };
    tui::run(options).map_or_else(|error| tui::tell(&error), tui::Ending::leave)
}
