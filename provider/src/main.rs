//! `wattseal-provider`: the provider's commands.

mod cli;

fn main() -> std::process::ExitCode {
    cli::run()
}
