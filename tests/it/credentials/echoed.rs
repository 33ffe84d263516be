//! Servers that quote the request, or know more than they should: no output repeats it.

use serde_json::json;

use super::small::Small;
use super::{tells_nothing, tool};
use crate::gateway::{SECRET, TOKEN};

/// What a server answers to a request, which it quotes.
type Reply = fn(&str) -> (u16, String);

const REPLIES: [Reply; 6] = [
    |request| (400, refusal("InvalidParameter", request)),
    |request| (500, refusal("InternalError", request)),
    |request| (400, refusal(request, "no")),
    |request| (502, format!("<html>{request} {SECRET}</html>")),
    |request| (200, format!("{request} {SECRET}")),
    |request| {
        (
            403,
            format!("{{\"Message\": {:?}}}", quoted(request).replace('/', "\\/")),
        )
    },
];

fn quoted(request: &str) -> String {
    format!("{SECRET} of {request}")
}

fn refusal(code: &str, request: &str) -> String {
    json!({"Code": code, "Message": quoted(request), "RequestId": quoted(request)}).to_string()
}

/// Returns the signature of a request, as it was sent and decoded.
fn signatures(request: &str) -> Vec<String> {
    let words = request.split([' ', '&', ',', '?', '\r']);
    let signatures = words.filter_map(|word| word.strip_prefix("Signature="));
    signatures
        .flat_map(|text| {
            [
                text.to_owned(),
                text.replace("%2B", "+")
                    .replace("%2F", "/")
                    .replace("%3D", "="),
            ]
        })
        .collect()
}

#[test]
fn a_gateway_that_quotes_the_request_gives_nothing_away() {
    for (nth, reply) in REPLIES.into_iter().enumerate() {
        for signature in ["v3", "v1"] {
            let (tool, gateway) = (tool(), Small::plain(reply));
            let source = format!("http://{}", gateway.address);
            let call = tool
                .call(
                    "audit in.csv -o out.csv -o out.html -o out.json --max-attempts 2 --signature",
                )
                .arg(signature)
                .args("--source")
                .arg(&source);
            let said = call
                .key()
                .env("ALIBABA_CLOUD_SECURITY_TOKEN", TOKEN)
                .under("\"$@\"; exit 0")
                .ends(0);
            tells_nothing(&tool, &said);
            let asked = gateway.asked();
            let signatures = asked.iter().flat_map(|request| signatures(request));
            let signatures: Vec<String> = signatures.collect();
            assert!(!signatures.is_empty(), "reply {nth}, {signature}");
            for text in tool
                .names()
                .iter()
                .map(|name| tool.read(name))
                .chain([said.stderr])
            {
                for signature in &signatures {
                    assert!(
                        !text.contains(&**signature),
                        "reply {nth}: {signature} in {text}"
                    );
                }
            }
        }
    }
}
