use proptest::prelude::*;

use super::*;
use crate::source::FailureKind;
use crate::source::operation::DEAD_LETTERS;

fn parsed(status: u16, body: &str) -> Result<Trace, Failure> {
    parse(status, body.as_bytes(), &Redactor::default())
}

/// Formats every track as `GROUP=WORD`.
fn tracks(trace: &Trace) -> String {
    let pairs: Vec<String> = trace
        .tracks
        .iter()
        .map(|track| format!("{}={}", track.group, track.track_type))
        .collect();
    pairs.join(" ")
}

#[test]
fn every_shape_of_success_is_read() {
    let a = r#"{"ConsumerGroup":"GID_a","TrackType":"CONSUMED","InstanceId":"MQ_INST_1"}"#;
    for (body, expected) in [
        (r#"{"RequestId":"r"}"#.into(), ""),
        (r#"{"RequestId":"r","Data":null}"#.into(), ""),
        (r#"{"Data":""}"#.into(), ""),
        (r#"{"Data":[]}"#.into(), ""),
        (r#"{"Data":{}}"#.into(), ""),
        (r#"{"Data":{"MessageTrack":null}}"#.into(), ""),
        (r#"{"Data":{"MessageTrack":[]}}"#.into(), ""),
        (r#"{"Data":{"MessageTrack":""}}"#.into(), ""),
        (r#"{"Data":{"MessageTrack":{}}}"#.into(), ""),
        (format!(r#"{{"Data":{{"MessageTrack":[{a}]}}}}"#), "GID_a=CONSUMED"),
        (format!(r#"{{"Data":{{"MessageTrack":{a}}}}}"#), "GID_a=CONSUMED"),
        (format!(r#"{{"Data":[{a}]}}"#), "GID_a=CONSUMED"),
        (format!(r#"{{"Data":{a}}}"#), "GID_a=CONSUMED"),
        (format!(r#"{{"Code":"200","Success":true,"Data":[{a}]}}"#), "GID_a=CONSUMED"),
        (r#"{"Code":200,"Data":[]}"#.into(), ""),
        (r#"{"Code":"200","Message":"OK","Success":true,"RequestId":"r"}"#.into(), ""),
        (r#"{"RequestId":"r","Code":0,"Message":"done","Data":{"MessageTrack":[]}}"#.into(), ""),
        (r#"{"requestId":"r","Data":{"RegionId":1,"MessageTrack":[]}}"#.into(), ""),
        (format!("\u{feff} \n{{\"HelpUrl\":{{\"x\":[1]}},\"Data\":[{a}]}}"), "GID_a=CONSUMED"),
        (
            r#"{"Data":[{"ConsumerGroup":"GID_\u0061","TrackType":"SubscribedButFilterd","ExceptionDesc":null}]}"#
                .into(),
            "GID_a=SubscribedButFilterd",
        ),
        (r#"{"Data":[{"ConsumerGroup":"g"},{"ConsumerGroup":"h","TrackType":null}]}"#.into(), "g=UNKNOWN h=UNKNOWN"),
    ] {
        let trace = parsed(200, &body).unwrap_or_else(|failure| panic!("{body}: {failure:?}"));
        assert_eq!(tracks(&trace), expected, "{body}");
    }
}

#[test]
fn xml_says_the_same_as_json() {
    let body = "<?xml version='1.0' encoding='UTF-8'?>\n<OnsMessageTraceResponse>\n <RequestId>r-1</RequestId>\n\
        <HelpUrl/><Data>\n <!-- two --><MessageTrack><ConsumerGroup>GID_a&amp;b</ConsumerGroup>\
        <TrackType>CONSUMED</TrackType><InstanceId>i</InstanceId></MessageTrack>\
        <MessageTrack><ConsumerGroup><![CDATA[GID_c]]>&#33;</ConsumerGroup></MessageTrack>\
        <MessageTrack/></Data></OnsMessageTraceResponse>";
    let trace = parsed(200, body).unwrap();
    assert_eq!(tracks(&trace), "GID_a&b=CONSUMED GID_c!=UNKNOWN");
    assert_eq!(trace.request_id.as_deref(), Some("r-1"));
    for empty in [
        "<OnsMessageTraceResponse><RequestId>r</RequestId></OnsMessageTraceResponse>",
        "<OnsMessageTraceResponse><Data/></OnsMessageTraceResponse>",
        "<OnsMessageTraceResponse><RequestId>r</RequestId><Data></Data></OnsMessageTraceResponse>",
    ] {
        assert_eq!(tracks(&parsed(200, empty).unwrap()), "");
    }
}

#[test]
fn identical_tracks_collapse_and_contradicting_ones_stay() {
    let body = r#"{"Data":[{"ConsumerGroup":"g","TrackType":"CONSUMED"},{"ConsumerGroup":"g","TrackType":"CONSUMED"},
        {"ConsumerGroup":"g","TrackType":"NOT_ONLINE"}]}"#;
    assert_eq!(
        tracks(&parsed(200, body).unwrap()),
        "g=CONSUMED g=NOT_ONLINE"
    );
}

#[test]
fn codes_decide_in_json_and_xml_whatever_the_status() {
    for (status, body, kind) in [
        (
            400,
            r#"{"Code":"Throttling.User","Message":"m","RequestId":"r"}"#,
            FailureKind::Throttled,
        ),
        (
            404,
            r#"{"code":"BIZ_NO_MESSAGE","message":"m","requestId":"r"}"#,
            FailureKind::NotFound,
        ),
        (
            200,
            r#"{"Code":"BIZ_NO_MESSAGE","Message":"m","RequestId":"r","Data":null}"#,
            FailureKind::NotFound,
        ),
        (
            500,
            r#"{"Code":"BIZ_FIELD_CHECK_INVALID","Message":"m","RequestId":"r","Data":"x"}"#,
            FailureKind::Refused,
        ),
        (
            503,
            r#"{"Code":"ServiceUnavailable","Message":"m","RequestId":"r"}"#,
            FailureKind::Server,
        ),
        (
            403,
            "<?xml version='1.0'?><Error><RequestId>r</RequestId><HostId>h</HostId><Code>Forbidden.RAM</Code>\
             <Message>m</Message></Error>",
            FailureKind::Forbidden,
        ),
        (
            200,
            "<Error><RequestId>r</RequestId><Code>Throttling</Code><Message>m</Message></Error>",
            FailureKind::Throttled,
        ),
    ] {
        let failure = parsed(status, body).unwrap_err();
        assert_eq!(failure.kind, kind, "{body}");
        assert_eq!(failure.message, "m");
        assert_eq!(failure.request_id.as_deref(), Some("r"));
        assert_eq!(failure.http_status, Some(status));
    }
}

/// Status, body, and a part of the expected message.
const NO_ANSWERS: &[(u16, &str, &str)] = &[
    (200, "", "an empty body"),
    (200, "  \n", "an empty body"),
    (200, "{}", "neither RequestId nor Data"),
    (200, r#"{"status":"ok"}"#, "neither RequestId nor Data"),
    (
        200,
        r#"{"RequestId":null,"HelpUrl":""}"#,
        "neither RequestId nor Data",
    ),
    (
        200,
        "<OnsMessageTraceResponse/>",
        "neither RequestId nor Data",
    ),
    (
        200,
        "<OnsMessageTraceResponse><HelpUrl/></OnsMessageTraceResponse>",
        "neither RequestId nor Data",
    ),
    (204, "", "an empty body"),
    (
        200,
        r#"{"RequestId":"r","Data":{"MessageTr"#,
        "EOF while parsing",
    ),
    (200, r#"{"RequestId":"r"} trailing"#, "trailing characters"),
    (200, "[]", "expected an object"),
    (200, "null", "neither JSON nor XML"),
    (
        200,
        r#"{"error":"please log in"}"#,
        "neither RequestId nor Data",
    ),
    (200, r#"{"Data":"free text"}"#, "a text instead of a list"),
    (200, r#"{"Data":7}"#, "expected a list of message tracks"),
    (
        200,
        r#"{"Data":[{"TrackType":"CONSUMED"}]}"#,
        "without ConsumerGroup",
    ),
    (
        200,
        r#"{"Data":[{"ConsumerGroup":" ","TrackType":"CONSUMED"}]}"#,
        "without ConsumerGroup",
    ),
    (200, r#"{"Data":[null]}"#, "expected a message track"),
    // Responses of another server, or of a failed call.
    (
        200,
        r#"{"data":{"loginUrl":"https://sso.example/login"},"msg":"login required"}"#,
        "a field data instead of Data",
    ),
    (
        200,
        r#"{"RequestId":"R","data":{"MessageTrack":[]}}"#,
        "a field data instead of Data",
    ),
    (
        200,
        r#"{"RequestId":"R","Data":{"loginUrl":"https://sso.example/login"}}"#,
        "an object without MessageTrack",
    ),
    (
        200,
        r#"{"RequestId":"R","Data":{"MessageTrack":{"GroupId":"GID_a"}}}"#,
        "an object without MessageTrack",
    ),
    (
        200,
        r#"{"RequestId":"R","Success":false,"Message":"backend timed out"}"#,
        "Success is false",
    ),
    (
        200,
        r#"{"RequestId":"R","success":"False","Data":{"MessageTrack":[]}}"#,
        "Success is false",
    ),
    (
        200,
        r#"{"RequestId":"R","Message":"backend timed out","Data":null}"#,
        "a message instead of groups",
    ),
    (
        200,
        r#"{"RequestId":"R","errorCode":"Throttling.User","errorMessage":"flow control"}"#,
        "an errorCode",
    ),
    (200, r#"{"requestId":"R"}"#, "neither RequestId nor Data"),
    (
        200,
        r#"{"RequestId":"R","Code":0}"#,
        "Code 0 without groups",
    ),
    // Duplicate fields.
    (
        200,
        r#"{"Data":{"MessageTrack":[{"ConsumerGroup":"g"}]},"Data":{"MessageTrack":[]}}"#,
        "duplicate field `Data`",
    ),
    (
        200,
        r#"{"Data":{"MessageTrack":[{"ConsumerGroup":"g"}],"MessageTrack":[]}}"#,
        "duplicate field `MessageTrack`",
    ),
    (
        200,
        r#"{"Data":[{"ConsumerGroup":"g","TrackType":"NOT_CONSUME_YET","TrackType":"CONSUMED"}]}"#,
        "duplicate field `TrackType`",
    ),
    (
        200,
        r#"{"Data":[{"ConsumerGroup":"g","ConsumerGroup":"h"}]}"#,
        "duplicate field `ConsumerGroup`",
    ),
    (
        200,
        r#"{"Data":{"MessageTrack":{"TrackType":"CONSUMED"}}}"#,
        "without ConsumerGroup",
    ),
    (
        200,
        "<html><body>Log in</body></html>",
        "a document of type html",
    ),
    (
        200,
        "<Error><RequestId>r</RequestId></Error>",
        "neither RequestId nor Data",
    ),
    (200, "<OnsMessageTraceResponse><Data>", "ends inside Data"),
    (
        200,
        "<OnsMessageTraceResponse><Data></OnsMessageTraceResponse>",
        "not an answer",
    ),
    (
        200,
        "<OnsMessageTraceResponse><Data><MessageTrack><TrackType>CONSUMED</TrackType></MessageTrack></Data>\
         </OnsMessageTraceResponse>",
        "without ConsumerGroup",
    ),
    (
        200,
        "<LoginResponse><x/></LoginResponse>",
        "a document of type LoginResponse",
    ),
    (
        200,
        "<OnsMessageTraceResponse><Success>false</Success></OnsMessageTraceResponse>",
        "Success is false",
    ),
    (
        200,
        "<OnsMessageTraceResponse><Data><Url>x</Url></Data></OnsMessageTraceResponse>",
        "something other than MessageTrack",
    ),
    (
        200,
        "<OnsMessageTraceResponse><Data>log in</Data></OnsMessageTraceResponse>",
        "a text instead of MessageTrack",
    ),
    (
        200,
        "<OnsMessageTraceResponse><Data/><Data/></OnsMessageTraceResponse>",
        "Data twice",
    ),
    (
        200,
        "<OnsMessageTraceResponse><Data><MessageTrack><ConsumerGroup>g</ConsumerGroup><TrackType>A</TrackType>\
         <TrackType>B</TrackType></MessageTrack></Data></OnsMessageTraceResponse>",
        "TrackType twice",
    ),
    (
        200,
        "<OnsMessageTraceResponse><Data><MessageTrack><MessageTrack><ConsumerGroup>g</ConsumerGroup></MessageTrack>\
         </MessageTrack></Data></OnsMessageTraceResponse>",
        "a MessageTrack inside another",
    ),
    (
        502,
        "<html>\r\n<title>502 Bad Gateway</title>",
        "<title>502 Bad Gateway</title>",
    ),
    (500, "upstream reset", "upstream reset"),
    (
        503,
        r#"{"message":"no healthy upstream"}"#,
        "no healthy upstream",
    ),
    (404, "{}", "HTTP 404"),
];

#[test]
fn what_is_no_answer_is_the_servers_failure() {
    for &(status, body, said) in NO_ANSWERS {
        let failure = parsed(status, body).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Server, "{body}");
        assert!(
            failure.message.contains(said),
            "{body}: {}",
            failure.message
        );
        assert_eq!(failure.http_status, Some(status));
    }
}

#[test]
fn too_many_requests_without_a_code_throttles() {
    for body in ["", "<html>slow down</html>", "{}"] {
        assert_eq!(parsed(429, body).unwrap_err().kind, FailureKind::Throttled);
    }
}

#[test]
fn echoes_of_the_request_are_hidden() {
    let redactor = Redactor::new(["LTAI5tExampleKey", "CAISsecrettoken"]);
    for (status, body) in [
        (
            400,
            r#"{"Code":"SignatureDoesNotMatch","Message":"server string to sign is:POST&%2F&AccessKeyId%3DLTAI5tExampleKey%26SecurityToken%3DCAISsecrettoken"}"#,
        ),
        (
            400,
            r#"{"Code":"X.LTAI5tExampleKey","Message":"key LTAI5tExampleKey","RequestId":"CAISsecrettoken"}"#,
        ),
        (
            502,
            "<html>no such page: /?AccessKeyId=LTAI5tExampleKey&SecurityToken=CAISsecrettoken",
        ),
        (502, "<CAISsecrettoken>"),
        (500, r#"{"message":"CAISsecrettoken"}"#),
    ] {
        let failure = parse(status, body.as_bytes(), &redactor).unwrap_err();
        let shown = format!("{failure:?}");
        assert!(
            !shown.contains("ExampleKey") && !shown.contains("secrettoken"),
            "{shown}"
        );
    }
}

/// Only `SignatureDoesNotMatch` means that; for other problems of a signature the message is shown.
#[test]
fn another_signature_is_spoken_of_where_there_is_one() {
    let redactor = Redactor::new(["LTAI5tExampleKey"]);
    for (code, says) in [
        (
            "SignatureDoesNotMatch",
            "the gateway computed another signature",
        ),
        (
            "SignatureDoesNotMatch.V3",
            "the gateway computed another signature",
        ),
        ("IncompleteSignature", "the header of *** lacks a date"),
        (
            "AUTH_SIGNATURE_CHECK_ERROR",
            "the header of *** lacks a date",
        ),
    ] {
        let body = format!(
            r#"{{"Code":"{code}","Message":"the header of LTAI5tExampleKey lacks a date"}}"#
        );
        let failure = parse(400, body.as_bytes(), &redactor).unwrap_err();
        assert!(failure.message.starts_with(says), "{}", failure.message);
    }
}

#[test]
fn the_request_id_of_an_answer_is_one_short_line() {
    let redactor = Redactor::new(["LTAI5tExampleKey"]);
    let long = "x".repeat(5000);
    let body =
        serde_json::json!({"RequestId": format!("a\n\u{1b}LTAI5tExampleKey {long}"), "Data": []});
    let trace = parse(200, body.to_string().as_bytes(), &redactor).unwrap();
    let id = trace.request_id.unwrap();
    assert!(
        id.starts_with("a *** x") && id.chars().count() <= EXCERPT + 1,
        "{id}"
    );
}

#[test]
fn excerpts_stay_short() {
    let page = format!("<html>{}\u{1b}[2J", "x".repeat(100_000));
    let failure = parsed(502, &page).unwrap_err();
    assert!(failure.message.chars().count() < 350);
    assert!(!failure.message.contains('\u{1b}'));
}

#[test]
fn groups_keep_their_names_whatever_the_key_is() {
    let redactor = Redactor::new(["LTAI5tExampleKey", "payments", "ops"]);
    let body = r#"{"RequestId":"r","Data":{"MessageTrack":[{"ConsumerGroup":"GID-ops-payments","TrackType":"CONSUMED"}]}}"#;
    let trace = parse(200, body.as_bytes(), &redactor).unwrap();
    assert_eq!(&*trace.tracks[0].group, "GID-ops-payments");
    let body = body.replace("CONSUMED", "WORD_LTAI5tExampleKey");
    let trace = parse(200, body.as_bytes(), &redactor).unwrap();
    assert_eq!(trace.tracks[0].track_type.as_str(), "WORD_***");
}

const PAGES: (&Operation, &str) = (DEAD_LETTERS, "Found");

#[test]
fn the_field_of_another_operation_is_read_from_json_and_xml() {
    let xml = |inside: &str| {
        format!(
            "<OnsDLQMessagePageQueryByGroupIdResponse>{inside}</OnsDLQMessagePageQueryByGroupIdResponse>"
        )
    };
    for (body, value) in [
        (
            r#"{"RequestId":"r","Found":{"List":{"Do":[{"Id":"A"}]},"N":7}}"#.to_owned(),
            Ok(Some(
                serde_json::json!({"List": {"Do": [{"Id": "A"}]}, "N": 7}),
            )),
        ),
        (r#"{"Found":"x"}"#.to_owned(), Ok(Some("x".into()))),
        (r#"{"RequestId":"r"}"#.to_owned(), Ok(None)),
        (
            r#"{"RequestId":"r","Code":"200","Found":null}"#.to_owned(),
            Ok(None),
        ),
        (
            xml(
                "<RequestId>r</RequestId><Found><List><Do><Id>A &amp; &#66;</Id></Do><Do/></List><N>7</N></Found>",
            ),
            Ok(Some(
                serde_json::json!({"List": {"Do": [{"Id": "A & B"}, ""]}, "N": "7"}),
            )),
        ),
        (xml("<RequestId>r</RequestId>"), Ok(None)),
        ("{}".to_owned(), Err("neither RequestId nor Found in it")),
        (
            r#"{"RequestId":"r","Success":false,"Found":{}}"#.to_owned(),
            Err("Success is false"),
        ),
        (
            "<Other><RequestId>r</RequestId></Other>".to_owned(),
            Err("a document of type Other"),
        ),
        ("<html>".to_owned(), Err("a document of type html")),
        (xml(&"<a>".repeat(40)), Err("nested more than 32 deep")),
        (
            "[]".to_owned(),
            Err("not an answer of OnsDLQMessagePageQueryByGroupId"),
        ),
        (String::new(), Err("an empty body")),
    ] {
        let found = parse_field(PAGES, 200, body.as_bytes(), &Redactor::default());
        match value {
            Ok(value) => assert_eq!(found.unwrap(), value, "{body}"),
            Err(says) => {
                let failure = found.unwrap_err();
                assert_eq!(failure.kind, FailureKind::Server);
                assert!(failure.message.contains(says), "{}", failure.message);
            }
        }
    }
}

#[test]
fn errors_of_another_operation_are_classified_by_their_code() {
    for (status, body, kind) in [
        (
            200,
            r#"{"RequestId":"r","Code":"Throttling.User","Found":{}}"#,
            FailureKind::Throttled,
        ),
        (
            404,
            r#"{"RequestId":"r","Code":"BIZ_NO_MESSAGE"}"#,
            FailureKind::NotFound,
        ),
        (
            400,
            "<Error><Code>NoPermission</Code></Error>",
            FailureKind::Forbidden,
        ),
        (500, r#"{"RequestId":"r","Found":{}}"#, FailureKind::Server),
        (502, "<html>", FailureKind::Server),
    ] {
        let failure = parse_field(PAGES, status, body.as_bytes(), &Redactor::default());
        let failure = failure.unwrap_err();
        assert_eq!(
            (failure.kind, failure.http_status),
            (kind, Some(status)),
            "{body}"
        );
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(status in 100u16..600, body in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(status, &body, &Redactor::default());
        let _ = parse_field(PAGES, status, &body, &Redactor::default());
    }

    #[test]
    fn no_text_that_looks_like_an_answer_does_either(
        status in prop::sample::select(vec![200u16, 400, 500]),
        words in prop::collection::vec(prop::sample::select(vec![
            "{", "}", "[", "]", ":", ",", "\"Data\"", "\"MessageTrack\"", "\"ConsumerGroup\"", "\"Code\"", "null",
            "\"\"", "1", "\"x\"", "<Data>", "</Data>", "<Error>", "</Error>", "<MessageTrack>", "</MessageTrack>",
            "<ConsumerGroup>", "</ConsumerGroup>", "<OnsMessageTraceResponse>", "</OnsMessageTraceResponse>", "&amp;", "&#x0;", "<![CDATA[", "]]>",
        ]), 0..40),
    ) {
        let _ = parse(status, words.concat().as_bytes(), &Redactor::default());
        let _ = parse_field((MESSAGE_TRACE, "Data"), status, words.concat().as_bytes(), &Redactor::default());
    }
}
