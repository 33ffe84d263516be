//! The program. It calls [`ons_audit::command`].

use std::process::ExitCode;

use ons_audit::command::{Env, main as program};

/// Saves about a tenth of the processor time (`docs/facts/perf.md`): rows and answers are many small allocations.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    program(&Env::of_process())
}
