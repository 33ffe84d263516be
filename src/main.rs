//! Parse, run, exit: the program is [`ons_audit::command`].

use std::process::ExitCode;

use ons_audit::command::{World, main as program};

fn main() -> ExitCode {
    program(&World::of_process())
}
