//! One binary for all integration tests, with one file for each behaviour.

#[cfg(test)]
mod architecture;
#[cfg(test)]
mod asks_nothing;
#[cfg(test)]
mod audit_files;
#[cfg(test)]
mod audit_http;
#[cfg(test)]
mod audit_snapshot;
#[cfg(test)]
#[expect(dead_code, reason = "unit tests use more of it")]
mod broker;
#[cfg(test)]
mod bundle;
#[cfg(test)]
mod bundle_structure;
#[cfg(test)]
mod chaos;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod credentials;
#[cfg(test)]
mod csv_dialects;
#[cfg(test)]
mod deadline;
#[cfg(test)]
mod diff;
#[cfg(test)]
mod documentation;
#[cfg(test)]
mod earlier_version;
#[cfg(test)]
mod expect_learn;
#[cfg(test)]
mod expectations;
#[cfg(test)]
mod gateway;
#[cfg(test)]
mod hostile_names;
#[cfg(test)]
mod hostile_text;
mod html;
#[cfg(test)]
mod indexed_job;
#[cfg(test)]
mod inferred;
mod input_files;
#[cfg(test)]
mod input_notes;
#[cfg(test)]
mod interrupted;
#[cfg(test)]
mod large_run;
mod log_json;
#[cfg(test)]
mod lost_terminal;
#[cfg(test)]
mod manual;
#[cfg(test)]
mod message_ids;
#[cfg(test)]
mod nightly;
#[cfg(test)]
mod no_room;
#[cfg(test)]
mod operations;
#[cfg(test)]
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(test)]
mod previous;
#[cfg(test)]
mod processed;
#[cfg(test)]
mod quota_shared;
#[cfg(test)]
mod read_only;
#[cfg(test)]
mod refused_input;
#[cfg(test)]
mod resume;
#[cfg(test)]
mod rmq;
#[cfg(test)]
mod rocketmq;
#[cfg(test)]
mod running;
#[cfg(test)]
mod sample_answers;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod serve;
#[cfg(test)]
mod shards;
#[cfg(test)]
#[cfg(feature = "redis")]
mod shared_quota;
#[cfg(test)]
mod shells;
#[cfg(test)]
mod stream;
#[cfg(test)]
mod telemetry;
#[cfg(test)]
mod tool;
#[cfg(test)]
mod totals;
#[cfg(test)]
mod trouble;
#[cfg(test)]
mod unfit_source;
#[cfg(test)]
mod worklists;
#[cfg(test)]
mod xlsx;
