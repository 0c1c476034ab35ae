//! The binary: everything is in the library.

use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let Some(code) = ipclab::stage::hidden(&args) {
        return code;
    }
    ExitCode::SUCCESS
}
