//! The binary: everything is in the library.

use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    // The processes of a stage and of the measuring room are this program too; they are told apart before anything else happens.
    match ipclab::stage::hidden(&args).or_else(|| ipclab::bench::hidden(&args)) {
        Some(code) => code,
        None => ipclab::cli::main(&args),
    }
}
