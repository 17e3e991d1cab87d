//! `wattseal-meter`: the file meter on the command line.

use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    let code = meter_emulator::cli::main(std::env::args_os(), &mut io::stdout().lock(), &mut io::stderr());
    ExitCode::from(code)
}
