# The steps of .ci/run by name: `just lints`. .ci/run does not need just.

# lists the steps
default:
    @.ci/run --list

# everything that has to hold before a change lands
ci:
    .ci/run

# the README's test command
test:
    .ci/run test

format:
    .ci/run format

lints:
    .ci/run lints

docs:
    .ci/run docs

# no OpenSSL in the tree
openssl:
    .ci/run openssl

# crates have the same features with and without dev-dependencies
features:
    .ci/run features

# each parser for FUZZ_SECONDS (15)
fuzz:
    .ci/run fuzz

# serve answers clients that we did not write
clients:
    .ci/run clients

# bash, zsh and fish complete; groff and mandoc read the manual pages
shells:
    .ci/run shells

# Prometheus reads the metrics
metrics:
    .ci/run metrics

# LibreOffice opens the workbook
office:
    .ci/run office

# Java reads bundles
bundles:
    .ci/run bundles

# runs on several machines share a quota by a real Redis server
redis:
    .ci/run redis

# I/O errors at every system call, a process that is stopped for a minute, and the memory that a lying broker can fill
faults:
    .ci/run faults

# DuckDB and PyArrow read Parquet reports, and we read their files
parquet:
    .ci/run parquet

# Chromium opens the page
browser:
    .ci/run browser

# a release build, for what is measured
release:
    .ci/run release

# real Apache RocketMQ clusters
rocketmq:
    .ci/run rocketmq

# rows through several processes with one quota; Kubernetes samples
engines:
    .ci/run engines

# ratios against a yardstick
bench:
    .ci/run bench

# the picture in the README
picture:
    cargo build
    docs/images/make
