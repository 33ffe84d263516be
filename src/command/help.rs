//! What help and manual pages say about a command beside its options: usage, exit statuses, files, variables, examples.

use std::fmt::Write as _;

use clap::Command;

use crate::exit::MEANINGS;
use crate::settings;

/// The texts of one command.
#[derive(Debug)]
pub(super) struct CommandHelp {
    /// The name without that of the program: `expect learn`.
    name: &'static str,
    /// The usage after the name; none is that of clap.
    usage: Option<&'static str>,
    /// The meaning of the exit statuses 0 to 3 if it differs from the general one; an empty text if there is none.
    statuses: [Option<&'static str>; 4],
    /// The files that it reads or leaves beside those that its options name, with what they are.
    files: &'static [(&'static str, &'static str)],
    /// Commands to type.
    pub(super) examples: &'static [&'static str],
}

/// The program itself and all its commands.
const HELP: [CommandHelp; 13] = [
    CommandHelp {
        name: "",
        usage: None,
        statuses: [None; 4],
        files: RUN_FILES,
        examples: &[
            "ons-audit plan incident.csv --source ons://cn-hangzhou",
            "ons-audit audit incident.csv --source ons://cn-hangzhou --expect GID_billing -o report.csv",
        ],
    },
    CommandHelp {
        name: "audit",
        usage: Some("[INPUT]... --source SOURCE [OPTIONS]"),
        statuses: [None; 4],
        files: RUN_FILES,
        examples: &[
            "ons-audit audit incident.csv --source ons://cn-hangzhou --expect GID_billing -o report.csv",
            "ons-audit audit incident.csv --source rmq://cn-hangzhou/rmq-cn-abc123 -o report.csv",
            "ons-audit audit ids.txt --topic orders --source rocketmq://127.0.0.1:9876 -o page.html",
            "ons-audit audit incident.csv --source samples/cluster.json --expect-file expected.csv -o a.xlsx",
            "ons-audit audit incident.csv --source ons://cn-hangzhou -o report.csv --resume",
        ],
    },
    CommandHelp {
        name: "plan",
        usage: Some("[INPUT]... --source SOURCE [OPTIONS]"),
        statuses: [
            Some("the plan is printed, whatever it says"),
            Some(""),
            Some("refused as audit would be, except for its credentials"),
            Some(NO_STDOUT),
        ],
        files: &[],
        examples: &[
            "ons-audit plan incident.csv --source ons://cn-hangzhou",
            "ons-audit plan incident.csv --source ons://cn-hangzhou --rate 5/s --format json",
            "ons-audit plan incident.csv --source ons://cn-hangzhou -o report.csv --finish-by 06:00",
        ],
    },
    CommandHelp {
        name: "report",
        usage: Some("RESULTS... [OPTIONS]"),
        statuses: [None; 4],
        files: &[],
        examples: &[
            "ons-audit report day.results.ndjson -o report.xlsx -o ticket.md",
            "ons-audit report day-0.ndjson day-1.ndjson day-2.ndjson --results day.ndjson -o all.csv",
        ],
    },
    CommandHelp {
        name: "diff",
        usage: Some("OLD NEW [OPTIONS]"),
        statuses: [
            Some("nothing regressed or is new, even if much is still open"),
            Some("something regressed or is new"),
            Some("a results file cannot be read or was changed, or the order is wrong"),
            Some("NEW has messages without an answer, or a report could not be written"),
        ],
        files: &[],
        examples: &[
            "ons-audit diff yesterday.results.ndjson today.results.ndjson -o changes.csv -o ticket.md",
        ],
    },
    CommandHelp {
        name: "expect",
        usage: None,
        statuses: LEARN_STATUSES,
        files: &[],
        examples: &[LEARN_EXAMPLE],
    },
    CommandHelp {
        name: "expect learn",
        usage: Some("RESULTS... [OPTIONS]"),
        statuses: LEARN_STATUSES,
        files: &[],
        examples: &[LEARN_EXAMPLE],
    },
    CommandHelp {
        name: "serve",
        usage: Some("--source SOURCE [OPTIONS]"),
        statuses: [
            Some("it was stopped"),
            Some(""),
            Some("the settings, the keys, the address or the source are refused"),
            Some("a second signal cut the requests in flight off, or the listener failed"),
        ],
        files: &[],
        examples: &[
            "ons-audit serve --source samples/cluster.json",
            "ons-audit serve --source samples/cluster.json --latency 200ms --fault-rate 20% --quota 10/s",
        ],
    },
    CommandHelp {
        name: "snapshot",
        usage: Some("--source rocketmq://HOST:9876 -o FILE [OPTIONS]"),
        statuses: [
            Some("complete"),
            Some("complete, but some messages were not found or rows are rejected"),
            None,
            Some("a look-up has no answer, or the file could not be written"),
        ],
        files: &[(
            "FILE.located",
            "messages of an unfinished snapshot; --resume continues it",
        )],
        examples: &[
            "ons-audit snapshot --source rocketmq://127.0.0.1:9876 --messages incident.csv -o cluster.json.gz",
        ],
    },
    CommandHelp {
        name: "inspect",
        usage: Some("MSG_ID... [OPTIONS]"),
        statuses: [
            Some("every ID is decoded"),
            Some("some IDs are not message IDs"),
            Some("none is"),
            Some(NO_STDOUT),
        ],
        files: &[],
        examples: &[
            "ons-audit inspect 1E0578FE110F18B4AAC235C0C8460BA2 --producer-zone Asia/Shanghai",
        ],
    },
    CommandHelp {
        name: "verify",
        usage: Some("RESULTS"),
        statuses: [
            Some("everything holds"),
            Some(""),
            Some("something does not hold, or the file cannot be read"),
            Some(NO_STDOUT),
        ],
        files: &[],
        examples: &[
            "ons-audit verify day.results.ndjson",
            "ons-audit verify evidence.zip",
            "ons-audit verify report.parts.json",
        ],
    },
    CommandHelp {
        name: "completions",
        usage: Some("SHELL"),
        statuses: PRINTED,
        files: &[
            (
                "~/.local/share/bash-completion/completions/ons-audit",
                "where bash looks for the script",
            ),
            (
                "~/.config/fish/completions/ons-audit.fish",
                "where fish looks for the script",
            ),
            (
                "_ons-audit",
                "the name of the script for zsh, in a folder of $fpath",
            ),
        ],
        examples: &[
            "ons-audit completions bash >~/.local/share/bash-completion/completions/ons-audit",
            "ons-audit completions fish >~/.config/fish/completions/ons-audit.fish",
        ],
    },
    CommandHelp {
        name: "man",
        usage: Some("[COMMAND] [--dir FOLDER]"),
        statuses: PRINTED,
        files: &[("~/.local/share/man/man1", "where man looks for the pages")],
        examples: &[
            "ons-audit man audit | man -l -",
            "ons-audit man --dir ~/.local/share/man/man1",
        ],
    },
];

const NO_STDOUT: &str = "standard output cannot be written";

const LEARN_STATUSES: [Option<&str>; 4] = [
    Some("the draft is written"),
    Some(""),
    Some(
        "a results file cannot be read, the draft exists already, or its folder cannot be written",
    ),
    Some("the draft could not be written"),
];

const LEARN_EXAMPLE: &str = "ons-audit expect learn report.results.ndjson -o expected.csv";

const PRINTED: [Option<&str>; 4] = [
    Some("it is written"),
    Some(""),
    Some("there is no such shell or command, or its folder cannot be written"),
    Some(NO_STDOUT),
];

const RUN_FILES: &[(&str, &str)] = &[
    (
        "RESULTS.partial",
        "answers of an unfinished run; --resume continues it",
    ),
    (
        "RESULTS.located",
        "messages of a cluster that are looked up and not yet judged",
    ),
];

/// Variables of the credential chain of the official SDKs.
const CREDENTIALS: [(&str, &str); 17] = [
    ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ID of the access key"),
    (
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
        "secret of the access key",
    ),
    (
        "ALIBABA_CLOUD_SECURITY_TOKEN",
        "token of temporary keys (STS)",
    ),
    (
        "ALIBABA_CLOUD_OIDC_TOKEN_FILE",
        "token of a pod (RRSA); also needs the next two",
    ),
    ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "its identity provider"),
    ("ALIBABA_CLOUD_ROLE_ARN", "role that the pod assumes"),
    (
        "ALIBABA_CLOUD_ROLE_SESSION_NAME",
        "name of the session of an assumed role",
    ),
    (
        "ALIBABA_CLOUD_STS_REGION",
        "region whose STS is asked for an assumed role",
    ),
    (
        "ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED",
        "true asks STS through the VPC",
    ),
    (
        "ALIBABA_CLOUD_PROFILE",
        "profile in the two files, as --profile",
    ),
    (
        "ALIBABA_CLOUD_CLI_PROFILE_DISABLED",
        "true skips ~/.aliyun/config.json",
    ),
    (
        "ALIBABA_CLOUD_CREDENTIALS_FILE",
        "file instead of ~/.alibabacloud/credentials",
    ),
    (
        "ALIBABA_CLOUD_ECS_METADATA",
        "name of the RAM role of the ECS instance",
    ),
    (
        "ALIBABA_CLOUD_ECS_METADATA_DISABLED",
        "true skips the RAM role of the ECS instance",
    ),
    (
        "ALIBABA_CLOUD_IMDSV1_DISABLED",
        "true asks for that role by IMDSv2 only",
    ),
    (
        "ALIBABA_CLOUD_CREDENTIALS_URI",
        "address that answers with temporary keys",
    ),
    (
        "ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS",
        "true refuses profiles of the modes External and CredentialsURI",
    ),
];

/// Variables that are no settings, with the option whose commands read them.
const VARIABLES: [(&str, &[(&str, &str)]); 7] = [
    (
        "shared_quota",
        &[(
            "ONS_AUDIT_REDIS_PASSWORD",
            "password of the Redis server of --shared-quota",
        )],
    ),
    (
        "notify_template",
        &[(
            "ONS_AUDIT_NOTIFY_SECRET",
            "signs notices to DingTalk and Feishu",
        )],
    ),
    (
        "keys",
        &[(
            "ONS_AUDIT_SERVE_KEYS",
            "access keys, id:secret,…, if there is no --keys",
        )],
    ),
    ("profile", &CREDENTIALS),
    (
        "source",
        &[
            ("ROCKETMQ_ACCESS_KEY", "account of a cluster with ACL"),
            ("ROCKETMQ_SECRET_KEY", "its secret"),
            ("ROCKETMQ_SECURITY_TOKEN", "its token, if it has one"),
        ],
    ),
    (
        "proxy",
        &[
            (
                "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY",
                "proxies, in either case",
            ),
            ("NO_PROXY", "hosts that are asked directly"),
        ],
    ),
    (
        "finish_by",
        &[("TZ", "the time zone of --finish-by, if it names none")],
    ),
];

/// Where keys are looked for.
const KEY_FILES: [(&str, &str); 2] = [
    (
        "~/.aliyun/config.json",
        "profiles of the command line tool aliyun",
    ),
    ("~/.alibabacloud/credentials", "profiles of the SDKs"),
];

/// Returns the texts of a command. `name` is without that of the program.
pub(super) fn of(name: &str) -> &'static CommandHelp {
    let found = HELP.iter().find(|help| help.name == name);
    found.expect("a test asks every command for its help")
}

/// Adds usage, examples and exit statuses to the help of every command.
pub(super) fn complete(program: Command) -> Command {
    program.mut_subcommands(|command| {
        let outer = command.get_name().to_owned();
        let command = command.mut_subcommands(|inner| {
            let name = format!("{outer} {}", inner.get_name());
            with_help(inner, &name)
        });
        with_help(command, &outer)
    })
}

fn with_help(command: Command, name: &str) -> Command {
    if command.is_hide_set() {
        return command;
    }
    let help = of(name);
    let mut statuses = "Exit status:".to_owned();
    for (status, meaning) in help.statuses() {
        write!(statuses, "\n  {status}  {meaning}").expect("memory takes all text");
    }
    let examples = format!("Examples:\n  {}", help.examples.join("\n  "));
    let command = match help.usage {
        Some(usage) => command.override_usage(format!("ons-audit {name} {usage}")),
        None => command,
    };
    command
        .after_long_help(format!("{examples}\n\n{statuses}"))
        .after_help(statuses)
}

impl CommandHelp {
    /// Returns the exit statuses that the command has, with their meaning.
    pub(super) fn statuses(&self) -> impl Iterator<Item = (usize, &'static str)> {
        let meanings = self.statuses.iter().zip(MEANINGS);
        let meanings = meanings.map(|(own, general)| own.unwrap_or(general));
        meanings.enumerate().filter(|(_, text)| !text.is_empty())
    }

    /// Returns the files that the command uses beside those that options name. `command` is built.
    pub(super) fn files(&self, command: &Command) -> Vec<(String, String)> {
        let mut files = entries(self.files);
        if self.name.is_empty() || has(command, "profile") {
            files.extend(entries(&KEY_FILES));
        }
        if self.name.is_empty() || has(command, "config") {
            let what = "settings file; none is read unless it is named";
            files.push((
                "FILE of --config or ONS_AUDIT_CONFIG".to_owned(),
                what.to_owned(),
            ));
        }
        if files.is_empty() {
            let what = "are read and written, and no others";
            files.push(("the files in the synopsis".to_owned(), what.to_owned()));
        }
        files
    }

    /// Returns the environment variables that the command reads. The page of the program has all.
    pub(super) fn environment(&self, command: &Command) -> Vec<(String, String)> {
        let uses = |option: &str| self.name.is_empty() || has(command, option);
        let mut variables = Vec::new();
        if uses("config") {
            variables.extend(entries(&[(
                "ONS_AUDIT_CONFIG",
                "the settings file, unless --config names one",
            )]));
            for (key, variable) in settings::variables() {
                if key == "notify_url" && uses("notify_template") {
                    let what = "address of the webhook for notices of how a run ended; a secret, so it has no option";
                    variables.push((variable, what.to_owned()));
                } else if key != "notify_url" && uses(key) {
                    variables.push((variable, format!("the same as --{}", key.replace('_', "-"))));
                }
            }
        }
        for (option, table) in VARIABLES {
            if uses(option) {
                variables.extend(entries(table));
            }
        }
        let colours = "set, or TERM=dumb: no colours on the terminal and in the log";
        variables.extend(entries(&[("NO_COLOR", colours)]));
        variables
    }
}

/// Returns whether a command has an option of this ID.
fn has(command: &Command, option: &str) -> bool {
    command.get_arguments().any(|arg| arg.get_id() == option)
}

fn entries(table: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, what): &(&str, &str)| ((*name).to_owned(), (*what).to_owned());
    table.iter().map(owned).collect()
}
