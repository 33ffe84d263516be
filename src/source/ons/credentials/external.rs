//! Keys from outside of any file: printed by a command (mode `External`) or returned by an HTTP address
//! (`ALIBABA_CLOUD_CREDENTIALS_URI`, mode `CredentialsURI`). See `docs/facts/ons-api.md` §§7.1, 7.2.
//!
//! Whoever can write the CLI's file could run a command through it, so commands run only with
//! `--allow-external-credentials`.

use std::process::Stdio;
use std::time::Duration;

use reqwest::Client;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use super::super::http::body_of;
use super::super::redact::Redactor;
use super::provider::{Issued, KeyUri};
use super::{FetchError, issued};

/// Long enough for a command that asks the user for a second factor.
const TIMEOUT: Duration = Duration::from_mins(1);
const LARGEST_OUTPUT: u64 = 64 * 1024;

/// Splits a command like a POSIX shell, without substitutions.
#[must_use]
pub(super) fn split(command: &str) -> Option<Vec<String>> {
    shlex::split(command).filter(|words| !words.is_empty())
}

/// Runs the command and parses the key that it prints. Drops its stderr, which may contain anything.
pub(super) async fn key_printed(words: &[String], provider: &str) -> Result<Issued, FetchError> {
    key_within(TIMEOUT, words, provider).await
}

async fn key_within(
    time: Duration,
    words: &[String],
    provider: &str,
) -> Result<Issued, FetchError> {
    let origin = "the command of the profile";
    let output = tokio::time::timeout(time, output(words)).await;
    let output = output.map_err(|_| {
        FetchError::transient(format!("{origin} did not end within {} s", time.as_secs()))
    })??;
    let answer = issued::json(origin, &output)?;
    let issued = issued::key(origin, &answer, &issued::CLI_FIELDS, provider)?;
    let mode = answer.get("mode").and_then(serde_json::Value::as_str);
    match (mode, &issued.credentials.security_token) {
        (Some(mode), None) if mode.eq_ignore_ascii_case("StsToken") => Err(FetchError::permanent(
            format!("{origin}: no sts_token in the answer"),
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

const LARGEST_ANSWER: usize = 64 * 1024;
/// Fetches the key from the address.
pub(super) async fn key_at(
    client: &Client,
    uri: &KeyUri,
    provider: &str,
) -> Result<Issued, FetchError> {
    let origin = uri.to_string();
    let nothing = Redactor::default();
    let failed = |error| FetchError::transport(&origin, error, &nothing);
    let mut response = client.get(uri.0.clone()).send().await.map_err(failed)?;
    let status = response.status();
    let body = body_of(&mut response, LARGEST_ANSWER)
        .await
        .map_err(failed)?
        .ok_or_else(|| FetchError::transient(format!("{origin}: an answer of more than 64 KiB")))?;
    if !status.is_success() {
        return Err(FetchError::refused(&origin, status.as_u16(), &[], &nothing));
    }
    let answer = issued::json(&origin, &body)?;
    issued::is_success(&origin, &answer)?;
    issued::temporary_key(&origin, &answer, provider)
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
        let issued = key_printed(&sh(script), "p").await.unwrap();
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
        let issued = key_printed(&sh(script), "p").await.unwrap();
        assert!(issued.expires.is_none() && issued.credentials.security_token.is_none());
    }

    #[tokio::test]
    async fn what_a_command_says_is_never_shown() {
        for (words, says) in [
            (
                sh("echo s3cret; echo s3cret >&2; exit 3"),
                "ended with exit status: 3",
            ),
            (sh("echo s3cret"), "not a JSON object"),
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
            let error = key_printed(&words, "p").await.unwrap_err();
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

    #[test]
    fn a_key_takes_no_open_road() {
        for (text, allow_http, fits) in [
            ("https://keys.example/a?b=s3cret", false, true),
            ("http://127.0.0.1:8080/", false, true),
            ("http://localhost/key", false, true),
            ("http://169.254.1.2/key", false, true),
            ("http://100.100.100.200/key", false, true),
            ("http://10.0.0.1/key", false, false),
            ("http://keys.example/", false, false),
            ("http://keys.example/", true, true),
            ("file:///etc/passwd", true, false),
            ("s3cret", true, false),
        ] {
            assert_eq!(KeyUri::parse(text, allow_http).is_ok(), fits, "{text}");
        }
        let uri =
            KeyUri::parse("https://u:s3cret@keys.example:8443/s3cret?t=s3cret", false).unwrap();
        assert_eq!(uri.to_string(), "https://keys.example:8443");
        assert_eq!(format!("{uri:?}"), "KeyUri(https://keys.example:8443)");
    }
}
