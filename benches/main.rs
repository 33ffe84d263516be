//! Ratios, each to a yardstick that runs in the same minute. `cargo bench` runs all, `cargo bench -- http snapshot`
//! some of `start`, `pace`, `input`, `http`, `snapshot`, `stream`, `report`, `serve`. Absolute times on shared machines prove nothing.

#![expect(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a benchmark prints its figures, and its files hold no answers"
)]

mod http;
mod input;
mod pace;
mod report;
mod serve;
mod snapshot;
mod start;
mod stream;
mod yardstick;

fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let benches: [(&str, fn()); 8] = [
        ("start", start::bench),
        ("pace", pace::bench),
        ("input", input::bench),
        ("http", http::bench),
        ("snapshot", snapshot::bench),
        ("stream", stream::bench),
        ("report", report::bench),
        ("serve", serve::bench),
    ];
    for (name, bench) in benches {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            println!("== {name}");
            bench();
        }
    }
}
