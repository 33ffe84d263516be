//! Keys from a command: mode `External` of the CLI's profiles (`facts/ons-api.md` §7.2). A file that can be written by
//! another makes us run a program, so it runs only with `--allow-external-credentials`.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use super::recipe::Issued;
use super::{FetchError, issued};

/// Long enough for one that asks a person for a second factor.
const TIMEOUT: Duration = Duration::from_mins(1);
const LARGEST_OUTPUT: u64 = 64 * 1024;

/// Splits a command as a POSIX shell would, without its substitutions.
#[must_use]
pub(super) fn split(command: &str) -> Option<Vec<String>> {
    shlex::split(command).filter(|words| !words.is_empty())
}

/// Runs the command and reads the key that it prints. Its stderr is dropped: it may hold anything.
pub(super) async fn key(words: &[String], provider: &str) -> Result<Issued, FetchError> {
    key_within(TIMEOUT, words, provider).await
}

async fn key_within(
    time: Duration,
    words: &[String],
    provider: &str,
) -> Result<Issued, FetchError> {
    let who = "the command of the profile";
    let output = tokio::time::timeout(time, output(words)).await;
    let output = output.map_err(|_| {
        FetchError::transient(format!("{who} did not end within {} s", time.as_secs()))
    })??;
    let said = issued::json(who, &output)?;
    let issued = issued::key(who, &said, &issued::CLI, provider)?;
    let mode = said.get("mode").and_then(serde_json::Value::as_str);
    match (mode, &issued.credentials.security_token) {
        (Some(mode), None) if mode.eq_ignore_ascii_case("StsToken") => Err(FetchError::permanent(
            format!("{who}: no sts_token in the answer"),
            None,
        )),
        _ => Ok(issued),
    }
}

async fn output(words: &[String]) -> Result<Vec<u8>, FetchError> {
    let cant_run = |error: std::io::Error| {
        let hint = "process_command of the profile names it: run it by hand";
        FetchError::permanent(
            format!("can't run the command of the profile: {error}"),
            hint,
        )
    };
    let (program, arguments) = words
        .split_first()
        .ok_or_else(|| cant_run(std::io::ErrorKind::NotFound.into()))?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(cant_run)?;
    let mut printed = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        let mut stdout = stdout.take(LARGEST_OUTPUT);
        stdout.read_to_end(&mut printed).await.map_err(cant_run)?;
    }
    let status = child.wait().await.map_err(cant_run)?;
    if status.success() {
        return Ok(printed);
    }
    let hint = "run process_command of the profile by hand: what it says is not shown here, it may hold secrets";
    Err(FetchError::permanent(
        format!("the command of the profile ended with {status}"),
        hint,
    ))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn sh(script: &str) -> Vec<String> {
        ["sh", "-c", script].map(str::to_owned).into()
    }

    #[test]
    fn commands_are_split_as_by_a_shell() {
        for (command, words) in [
            ("tool get  key", Some(vec!["tool", "get", "key"])),
            (
                "'/opt/my tool' \"a b\" c\\ d",
                Some(vec!["/opt/my tool", "a b", "c d"]),
            ),
            ("tool $(x) `y`", Some(vec!["tool", "$(x)", "`y`"])),
            ("tool 'open", None),
            ("  ", None),
        ] {
            let words = words.map(|words| words.into_iter().map(str::to_owned).collect());
            assert_eq!(split(command), words, "{command}");
        }
    }

    #[tokio::test]
    async fn a_command_prints_a_key() {
        let script = r#"echo noise >&2; echo '{"mode":"StsToken","access_key_id":"id","access_key_secret":"s3cret",
            "sts_token":"t0ken","expiration":"2026-11-22T13:00:00Z"}'"#;
        let issued = key(&sh(script), "p").await.unwrap();
        assert_eq!(issued.credentials.access_key_id, "id");
        assert_eq!(
            issued.credentials.access_key_secret.expose_secret(),
            "s3cret"
        );
        assert_eq!(
            issued.credentials.security_token.unwrap().expose_secret(),
            "t0ken"
        );
        assert_eq!(
            issued.expires,
            Some("2026-11-22T13:00:00Z".parse().unwrap())
        );
        let script = r#"echo '{"mode":"AK","access_key_id":"id","access_key_secret":"s3cret"}'"#;
        let issued = key(&sh(script), "p").await.unwrap();
        assert!(issued.expires.is_none() && issued.credentials.security_token.is_none());
    }

    #[tokio::test]
    async fn what_a_command_says_is_never_shown() {
        for (words, says) in [
            (
                sh("echo s3cret; echo s3cret >&2; exit 3"),
                "ended with exit status: 3",
            ),
            (sh("echo s3cret"), "no JSON object"),
            (
                sh(
                    r#"echo '{"access_key_id":"id","access_key_secret":"s3cret","mode":"StsToken"}'"#,
                ),
                "no sts_token",
            ),
            (
                vec!["/nowhere/s3cret".to_owned()],
                "can't run the command of the profile: No such file",
            ),
        ] {
            let error = key(&words, "p").await.unwrap_err();
            assert!(error.what.contains(says), "{error}");
            assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        }
    }

    #[tokio::test]
    async fn a_command_that_hangs_is_ended() {
        let hung = key_within(Duration::from_millis(20), &sh("exec sleep 600"), "p").await;
        let error = hung.unwrap_err();
        assert!(error.what.contains("did not end") && error.is_transient);
    }
}
