use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::message::{Position, Tag};

/// How a group of the simulated service behaves.
#[derive(Debug, Clone)]
enum Kind {
    /// It consumes; a tag of this set is filtered out.
    Consumes { filtered: BTreeSet<u8> },
    /// The service has one word for it, whatever the message.
    Word(&'static str),
}

#[derive(Debug, Clone)]
struct Message {
    topic: u8,
    queue: u32,
    offset: u64,
    /// 0 is a tag that the input does not name.
    tag: Option<u8>,
}

/// A service whose offsets move while it is asked.
#[derive(Debug, Clone)]
struct Service {
    messages: Vec<Message>,
    groups: Vec<Kind>,
    /// By topic, queue and group: the offsets at each time.
    offsets: BTreeMap<(u8, u32, usize), Vec<u64>>,
    /// By topic and queue: messages below this offset are deleted.
    kept_from: BTreeMap<(u8, u32), u64>,
    now: usize,
}

impl Service {
    /// Returns the answer about a message at a time.
    fn answer(&self, message: &Message, time: usize) -> Vec<Track> {
        let groups = self.groups.iter().enumerate();
        let tracks = groups.map(|(nth, kind)| {
            let word = match kind {
                Kind::Word(word) => word,
                Kind::Consumes { filtered } => {
                    let offsets = &self.offsets[&(message.topic, message.queue, nth)];
                    let offset = offsets[time.min(offsets.len() - 1)];
                    let is_filtered = message.tag.is_some_and(|tag| filtered.contains(&tag));
                    match (message.offset < offset, is_filtered) {
                        (false, _) => "NOT_CONSUME_YET",
                        (true, true) => "CONSUMED_BUT_FILTERED",
                        (true, false) => "CONSUMED",
                    }
                }
            };
            Track::new(format!("g{nth}"), word.into())
        });
        tracks.collect()
    }

    fn is_kept(&self, message: &Message) -> bool {
        let from = self.kept_from.get(&(message.topic, message.queue));
        from.is_none_or(|from| message.offset >= *from)
    }

    fn candidates(&self) -> CandidateSet {
        let mut set = CandidateSet::default();
        for (nth, message) in self.messages.iter().enumerate() {
            let place = Position {
                broker: "b".into(),
                queue_id: message.queue,
                queue_offset: message.offset,
                tag: match message.tag {
                    None => Tag::None,
                    Some(0) => Tag::Unknown,
                    Some(tag) => Tag::Named(format!("t{tag}").into()),
                },
                store: None,
            };
            let topic = (None, format!("topic{}", message.topic).into());
            let line = u32::try_from(nth).unwrap();
            set.add(&topic, &place, (nth as u64 + 1, line));
        }
        set
    }

    fn message(&self, row: NonZeroU64) -> &Message {
        &self.messages[usize::try_from(row.get()).unwrap() - 1]
    }
}

fn time(at: usize) -> Timestamp {
    Timestamp::from_second(i64::try_from(at).unwrap()).unwrap()
}

fn at(time: Timestamp) -> usize {
    usize::try_from(time.as_second()).unwrap()
}

/// What a run has come to.
struct Ended {
    inference: Inference,
    asked: BTreeMap<NonZeroU64, Vec<Track>>,
    calls: usize,
}

/// Asks until nothing is left to ask. `order` says which of the calls in flight is answered next.
fn run(service: &mut Service, recheck: f64, order: &[usize]) -> Ended {
    let mut inference = Inference::new(service.candidates(), &|_| false, (recheck, "seed"));
    let (mut in_flight, mut asked, mut calls) = (Vec::new(), BTreeMap::new(), 0);
    loop {
        while in_flight.len() < 8 {
            let Some(ask) = inference.next_ask() else {
                break;
            };
            assert_eq!(u64::from(ask.line) + 1, ask.row.get());
            in_flight.push(ask.row);
        }
        if in_flight.is_empty() {
            break;
        }
        let nth = order.get(calls % order.len().max(1)).copied().unwrap_or(0) % in_flight.len();
        let row = in_flight.remove(nth);
        calls += 1;
        service.now += 1;
        let message = service.message(row);
        let tracks = service.answer(message, service.now);
        let answer = if service.is_kept(message) {
            MessageAnswer::Tracks(&tracks)
        } else {
            MessageAnswer::NotFound
        };
        match inference.answered(row, answer, time(service.now)) {
            Disposition::Keep | Disposition::KeepAfterChecks => {
                assert_eq!(asked.insert(row, tracks), None, "row {row} was asked twice");
            }
            Disposition::Check(because, _) => assert!(asked.contains_key(&because)),
        }
        assert!(inference.was_asked(row));
    }
    assert!(!inference.is_waiting());
    Ended {
        inference,
        asked,
        calls,
    }
}

fn kinds() -> impl Strategy<Value = Kind> {
    // A tag that is unknown to us (0) is never filtered: nothing could tell.
    let filters = prop::collection::btree_set(1..4_u8, 0..3);
    prop_oneof![
        4 => filters.prop_map(|filtered| Kind::Consumes { filtered }),
        1 => prop::sample::select(vec![
            "NOT_ONLINE", "PULL", "CONSUME_BROADCASTING", "UNKNOWN_EXCEPTION",
        ]).prop_map(Kind::Word),
    ]
}

/// Services with holes between the offsets, and with offsets that stand still, or move forward now and then.
fn services() -> impl Strategy<Value = Service> {
    let messages = prop::collection::btree_map(
        (0..2_u8, 0..4_u32, 0..400_u64),
        prop::option::weighted(0.8, 0..4_u8),
        1..250,
    );
    let moves = prop::collection::vec(prop_oneof![6 => Just(0), 1 => 1..60_u64], 0..200);
    let groups = prop::collection::vec(kinds(), 0..5);
    let starts = prop::collection::vec(0..450_u64, 64);
    let kept_from = prop::collection::btree_map((0..2_u8, 0..4_u32), 0..300_u64, 0..4);
    let others = (moves, any::<bool>(), kept_from);
    (messages, groups, starts, others).prop_map(
        |(messages, groups, starts, (moves, moves_at_all, kept_from))| {
            let messages = messages
                .into_iter()
                .map(|((topic, queue, offset), tag)| Message {
                    topic,
                    queue,
                    offset,
                    tag,
                });
            let mut offsets = BTreeMap::new();
            let mut starts = starts.into_iter().cycle();
            let mut moves = moves.into_iter().cycle();
            for topic in 0..2 {
                for queue in 0..4 {
                    for nth in 0..groups.len() {
                        let mut offset = starts.next().unwrap();
                        let mut history = vec![offset];
                        for _ in 0..600 {
                            if moves_at_all {
                                offset += moves.next().unwrap_or(0);
                            }
                            history.push(offset);
                        }
                        offsets.insert((topic, queue, nth), history);
                    }
                }
            }
            Service {
                messages: messages.collect(),
                groups,
                offsets,
                kept_from,
                now: 0,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Each inferred track is what the service would have answered at the time of the answer that it rests on, and the time
    /// of the line is the oldest of these. Offsets that only move forward are no contradiction.
    #[test]
    fn an_inferred_answer_is_that_of_the_time_it_rests_on(
        mut service in services(),
        recheck in prop::sample::select(vec![0.0, 0.02, 0.3, 1.0]),
        order in prop::collection::vec(0..8_usize, 1..40),
    ) {
        let ended = run(&mut service, recheck, &order);
        prop_assert_eq!(ended.inference.section().contradictions, []);
        for (nth, message) in service.messages.iter().enumerate() {
            let row = NonZeroU64::new(nth as u64 + 1).unwrap();
            if ended.asked.contains_key(&row) {
                continue;
            }
            // A row that does not follow is left to be asked.
            let Some(answer) = ended.inference.inferred(row) else { continue };
            prop_assert!(service.is_kept(message), "{:?} is deleted", message);
            let mut times = BTreeSet::new();
            prop_assert_eq!(answer.tracks.len(), service.groups.len());
            for track in &answer.tracks {
                let from = track.inferred_from.expect("an inferred track names its row");
                prop_assert!(ended.asked.contains_key(&from));
                let held = (0..=service.now).any(|time| {
                    let there = service.answer(service.message(from), time);
                    let here = service.answer(message, time);
                    let of = |tracks: &[Track]| {
                        tracks.iter().find(|t| t.group == track.group).map(|t| t.track_type.clone())
                    };
                    let holds = of(&here).as_ref() == Some(&track.track_type);
                    let asked = ended.asked[&from].clone();
                    if holds && of(&there) == of(&asked) {
                        times.insert(time);
                    }
                    holds
                });
                prop_assert!(held, "{:?} {:?}", track, message);
            }
            let then = at(answer.observed_at);
            let all = service.answer(message, then);
            // What a group had passed at the oldest time, it has passed at all later ones.
            for (track, at_oldest) in answer.tracks.iter().zip(&all) {
                if TrackMeaning::of(&track.track_type) == TrackMeaning::Open {
                    prop_assert_eq!(&at_oldest.track_type, &track.track_type);
                }
            }
        }
    }

    /// If nothing moves, every answer is the one that the service gives, whether it was asked or not.
    #[test]
    fn where_nothing_moves_every_answer_is_that_of_the_service(
        mut service in services(),
        order in prop::collection::vec(0..8_usize, 1..40),
    ) {
        for history in service.offsets.values_mut() {
            history.truncate(1);
        }
        let ended = run(&mut service, 0.02, &order);
        prop_assert!(ended.calls <= service.messages.len());
        prop_assert_eq!(ended.inference.section().moved, 0);
        for (nth, message) in service.messages.iter().enumerate() {
            let row = NonZeroU64::new(nth as u64 + 1).unwrap();
            let words = |tracks: &[Track]| -> BTreeMap<Arc<str>, TrackType> {
                tracks.iter().map(|t| (t.group.clone(), t.track_type.clone())).collect()
            };
            let tracks = match ended.asked.get(&row) {
                Some(tracks) => tracks.clone(),
                None => match ended.inference.inferred(row) {
                    Some(answer) => answer.tracks,
                    None => continue,
                },
            };
            prop_assert_eq!(words(&tracks), words(&service.answer(message, 0)));
        }
    }
}

/// Messages of one queue at the offsets 0, 10, 20, …, and two groups.
fn one_queue(count: u64, offsets: [u64; 2]) -> Service {
    let messages = (0..count).map(|nth| Message {
        topic: 0,
        queue: 0,
        offset: nth * 10,
        tag: None,
    });
    let consumes = Kind::Consumes {
        filtered: BTreeSet::new(),
    };
    Service {
        messages: messages.collect(),
        groups: vec![consumes; 2],
        offsets: (0..2)
            .map(|nth| ((0, 0, nth), vec![offsets[nth]]))
            .collect(),
        kept_from: BTreeMap::new(),
        now: 0,
    }
}

#[test]
fn a_queue_takes_two_calls_and_the_halving_of_each_boundary() {
    let calls = |offsets| run(&mut one_queue(1024, offsets), 0.0, &[]).calls;
    assert_eq!(calls([20_000, 20_000]), 2);
    assert_eq!(calls([20_000, 0]), 2);
    assert!(calls([5_000, 5_000]) <= 12);
    assert!(calls([2_000, 9_000]) <= 22);
}

#[test]
fn messages_that_share_a_place_are_left_to_be_asked() {
    let mut service = one_queue(20, [1000, 1000]);
    service.messages[7].offset = service.messages[8].offset;
    let ended = run(&mut service, 0.0, &[]);
    for row in [8, 9] {
        let row = NonZeroU64::new(row).unwrap();
        assert!(!ended.asked.contains_key(&row));
        assert_eq!(ended.inference.inferred(row), None);
    }
}

fn inference(service: &Service, recheck: f64) -> Inference {
    Inference::new(service.candidates(), &|_| false, (recheck, "seed"))
}

fn said(words: [&str; 2]) -> Vec<Track> {
    let tracks = words.iter().enumerate();
    let tracks = tracks.filter(|(_, word)| !word.is_empty());
    tracks
        .map(|(nth, word)| Track::new(format!("g{nth}"), (*word).into()))
        .collect()
}

/// A sample that finds something else is a contradiction if a group had passed the message. If it was open, the message
/// from which that follows is asked again.
#[test]
fn a_sample_that_contradicts_ends_the_inference() {
    const PASSED: [&str; 2] = ["CONSUMED", "CONSUMED"];
    for (highest, sampled, contradicted) in [
        (PASSED, PASSED, false),
        (PASSED, ["CONSUMED", "NOT_CONSUME_YET"], true),
        (PASSED, ["CONSUMED", "NOT_ONLINE"], true),
        (PASSED, ["CONSUMED", "CONSUMED_BUT_FILTERED"], true),
        (PASSED, ["CONSUMED", ""], true),
        (["CONSUMED", "PULL"], PASSED, false),
    ] {
        let service = one_queue(4, [0, 0]);
        let mut inference = inference(&service, 1.0);
        let first = inference.next_ask().unwrap();
        assert_eq!(first.row.get(), 4);
        inference.answered(first.row, MessageAnswer::Tracks(&said(highest)), time(1));
        let lowest = inference.next_ask().unwrap();
        assert_eq!(lowest.row.get(), 1);
        inference.answered(lowest.row, MessageAnswer::Tracks(&said(highest)), time(1));
        let second = inference.next_ask().unwrap();
        inference.answered(second.row, MessageAnswer::Tracks(&said(sampled)), time(2));
        let section = inference.section();
        assert_eq!(
            section.contradictions.len(),
            usize::from(contradicted),
            "{sampled:?}"
        );
        let rest: Vec<_> = std::iter::from_fn(|| inference.next_ask()).collect();
        if contradicted {
            let contradiction = &section.contradictions[0];
            assert_eq!(
                (contradiction.row, contradiction.inferred_from),
                (second.row.get(), 4)
            );
            assert_eq!(contradiction.group, "g1");
            assert_eq!(rest, [], "all others are left to be asked");
            assert!((1..=4).all(|row| inference.inferred(NonZeroU64::new(row).unwrap()).is_none()));
        }
    }
}

#[test]
fn an_offset_that_moved_is_no_contradiction_but_one_that_did_not_is() {
    const OPEN: [&str; 2] = ["CONSUMED", "NOT_CONSUME_YET"];
    const PASSED: [&str; 2] = ["CONSUMED", "CONSUMED"];
    for (again, contradicted) in [(PASSED, false), (OPEN, true)] {
        let service = one_queue(40, [0, 0]);
        let mut inference = inference(&service, 1.0);
        let mut rows = BTreeSet::new();
        // Nothing is passed until the sample begins.
        let sampled = loop {
            let ask = inference.next_ask().unwrap();
            if rows.contains(&1) {
                break ask.row;
            }
            rows.insert(ask.row.get());
            inference.answered(
                ask.row,
                MessageAnswer::Tracks(&said(["NOT_CONSUME_YET", "NOT_CONSUME_YET"])),
                time(4),
            );
        };
        let disposition = inference.answered(
            sampled,
            MessageAnswer::Tracks(&said(["NOT_CONSUME_YET", "CONSUMED"])),
            time(5),
        );
        assert_eq!(disposition, Disposition::KeepAfterChecks);
        assert_eq!(inference.section().moved, 1);
        let check = inference.next_ask().unwrap();
        assert!(rows.contains(&check.row.get()) && check.row < sampled);
        let words = if contradicted {
            ["NOT_CONSUME_YET", "NOT_CONSUME_YET"]
        } else {
            ["NOT_CONSUME_YET", again[1]]
        };
        let disposition =
            inference.answered(check.row, MessageAnswer::Tracks(&said(words)), time(6));
        assert_eq!(disposition, Disposition::Check(sampled, true));
        let section = inference.section();
        assert_eq!(section.contradictions.len(), usize::from(contradicted));
    }
}

#[test]
fn an_offset_that_moves_back_is_seen_without_a_sample() {
    let service = one_queue(8, [0, 0]);
    let mut inference = inference(&service, 0.0);
    let first = inference.next_ask().unwrap();
    inference.answered(
        first.row,
        MessageAnswer::Tracks(&said(["NOT_CONSUME_YET", "CONSUMED"])),
        time(1),
    );
    let second = inference.next_ask().unwrap();
    inference.answered(
        second.row,
        MessageAnswer::Tracks(&said(["NOT_CONSUME_YET", "NOT_CONSUME_YET"])),
        time(2),
    );
    let section = inference.section();
    assert_eq!(section.contradictions.len(), 1);
    assert_eq!(section.contradictions[0].group, "g1");
    assert_eq!(inference.next_ask(), None);
    let follows = |row| inference.inferred(NonZeroU64::new(row).unwrap());
    assert!((1..=8).all(|row| follows(row).is_none()));
}

#[test]
fn topics_that_do_not_fit_are_left_to_be_asked() {
    let service = one_queue(8, [0, 0]);
    let mut inference = Inference::new(service.candidates(), &|_| true, (0.02, "seed"));
    assert_eq!(inference.next_ask(), None);
    assert_eq!(inference.inferred(NonZeroU64::MIN), None);
}

#[test]
fn earlier_answers_are_anchors() {
    let mut service = one_queue(1024, [20_000, 3_000]);
    let whole = run(&mut service, 0.0, &[]);
    let mut inference = inference(&service, 0.0);
    for (row, tracks) in &whole.asked {
        inference.take_earlier(*row, MessageAnswer::Tracks(tracks), time(1));
    }
    assert_eq!(inference.next_ask(), None);
    let row = NonZeroU64::new(17).unwrap();
    let words = |inference: &Inference| inference.inferred(row).map(|answer| answer.tracks);
    assert_eq!(words(&inference), words(&whole.inference));
}

#[test]
fn messages_without_an_answer_do_not_stop_it() {
    let service = one_queue(30, [0, 0]);
    let mut inference = inference(&service, 0.0);
    let mut asked = 0;
    while let Some(ask) = inference.next_ask() {
        inference.answered(ask.row, MessageAnswer::None, time(1));
        asked += 1;
    }
    assert_eq!(asked, 8);
    assert_eq!(inference.inferred(NonZeroU64::MIN), None);
}

/// A sample is asked completely, however many messages a queue has.
#[test]
fn the_sample_of_a_long_queue_is_complete() {
    let mut service = one_queue(4_000, [50_000, 50_000]);
    let ended = run(&mut service, 0.5, &[]);
    let section = ended.inference.section();
    assert!(
        (1_800..2_200).contains(&section.rechecked),
        "{}",
        section.rechecked
    );
    assert_eq!(ended.calls as u64, section.rechecked + 2);
}

/// A group that filters one message and not another with the same tag filters by something else, such as SQL92.
#[test]
fn where_tags_do_not_tell_what_is_filtered_nothing_passed_is_inferred() {
    let service = one_queue(10, [0, 0]);
    let mut inference = inference(&service, 0.0);
    let highest = inference.next_ask().unwrap();
    let words = ["CONSUMED", "CONSUMED_BUT_FILTERED"];
    inference.answered(highest.row, MessageAnswer::Tracks(&said(words)), time(1));
    let lowest = inference.next_ask().unwrap();
    let words = ["CONSUMED", "CONSUMED"];
    inference.answered(lowest.row, MessageAnswer::Tracks(&said(words)), time(2));
    assert_eq!(inference.next_ask(), None);
    let follows = |row| inference.inferred(NonZeroU64::new(row).unwrap());
    assert!((1..=10).all(|row| follows(row).is_none()));
}
