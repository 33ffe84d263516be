//! One binary for all that is tested from outside: one file a behaviour.

#[cfg(test)]
mod sample_answers;
#[cfg(test)]
mod samples;
