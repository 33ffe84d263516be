//! Finds the rows that ask the same as an earlier row.
//!
//! A query is remembered as 96 bits of its SipHash-1-3 and the first row that asks it: 16 bytes, and one byte of the
//! hash table. Two different queries collide with a probability of about n² / 2⁹⁷: under 10⁻¹⁶ for a million, under
//! 10⁻¹⁰ for a billion. A table is at least 7/16 full after it has grown, so a query costs at most 17 · 16/7 ≈ 39
//! bytes. While a table grows, the old one exists beside the new one; of many small tables only one grows at a time.
//! There are never more than 48 bytes per distinct message.

use std::array;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use siphasher::sip128::{Hasher128, SipHasher13};

use crate::message::Query;

/// Number of tables, a power of two.
const SHARDS: usize = 64;

/// The first row of every distinct query.
pub(crate) struct DedupIndex {
    shards: [DedupTable; SHARDS],
}

type DedupTable = HashMap<Fingerprint, u32, BuildHasherDefault<PassThrough>>;

/// A row number that does not fit: the input has more than 4,294,967,295 rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooManyRows;

impl DedupIndex {
    pub(crate) fn new() -> Self {
        Self {
            shards: array::from_fn(|_| DedupTable::default()),
        }
    }

    /// Returns the row that asked this first, or `None` if it is this row.
    pub(crate) fn first(
        &mut self,
        question: Fingerprint,
        row: u64,
    ) -> Result<Option<u64>, TooManyRows> {
        let row = u32::try_from(row).map_err(|_| TooManyRows)?;
        Ok(match self.shards[question.shard()].entry(question) {
            Entry::Occupied(first) => Some(u64::from(*first.get())),
            Entry::Vacant(vacant) => {
                vacant.insert(row);
                None
            }
        })
    }

    /// Returns the row that asked this.
    pub(crate) fn row_of(&self, question: Fingerprint) -> Option<u64> {
        let row = self.shards[question.shard()].get(&question);
        row.map(|&row| u64::from(row))
    }
}

impl fmt::Debug for DedupIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let builder: usize = self.shards.iter().map(HashMap::len).sum();
        f.debug_struct("FirstRows")
            .field("questions", &builder)
            .finish_non_exhaustive()
    }
}

/// 96 bits of a query's hash: two words find its place in a table, the third its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint([u32; 3]);

/// Hashes the parts with line feeds between them. A line feed occurs in neither names nor IDs, so parts cannot run
/// together.
fn hashed(instance_id: &str, topic: &str, msg_id: &str) -> SipHasher13 {
    let mut hasher = SipHasher13::new();
    for part in [instance_id, "\n", topic, "\n", msg_id] {
        hasher.write(part.as_bytes());
    }
    hasher
}

impl Fingerprint {
    /// Returns the fingerprint of a message.
    pub(crate) fn of(query: &Query) -> Self {
        let instance_id = query.instance_id.as_deref().unwrap_or_default();
        Self::of_parts(instance_id, &query.topic, &query.msg_id)
    }

    /// Returns the fingerprint of a query. An ID can name several stored copies (`docs/facts/users.md` §3b, trap 8), so
    /// rows with different positions are different queries.
    pub(super) fn of_query(query: &Query) -> Self {
        let Some(position) = &query.position else {
            return Self::of(query);
        };
        let instance_id = query.instance_id.as_deref().unwrap_or_default();
        let mut hasher = hashed(instance_id, &query.topic, &query.msg_id);
        position.hash(&mut hasher);
        Self::cut(hasher)
    }

    /// Returns the fingerprint of a message given by its parts, as in a results file. A missing instance is an empty
    /// text.
    #[must_use]
    pub fn of_parts(instance_id: &str, topic: &str, msg_id: &str) -> Self {
        Self::cut(hashed(instance_id, topic, msg_id))
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "that is the cut to 96 bits"
    )]
    fn cut(hasher: SipHasher13) -> Self {
        let (low, high) = hasher.finish128().as_u64();
        Self([low as u32, (low >> 32) as u32, high as u32])
    }

    /// Maps the fingerprint evenly to a number from 0 to 1.
    pub(crate) fn share(self) -> f64 {
        f64::from(self.0[0]) / (f64::from(u32::MAX) + 1.0)
    }

    fn shard(self) -> usize {
        self.0[2] as usize % SHARDS
    }
}

impl Hash for Fingerprint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [low, high, _] = self.0;
        state.write_u64(u64::from(high) << 32 | u64::from(low));
    }
}

/// A hasher that returns its input, because a fingerprint is a hash already.
#[derive(Debug, Default, Clone, Copy)]
struct PassThrough(u64);

impl Hasher for PassThrough {
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;
    use crate::message::{Position, Tag};

    fn query(instance_id: Option<&str>, topic: &str, msg_id: &str) -> Query {
        Query {
            instance_id: instance_id.map(Into::into),
            topic: topic.into(),
            msg_id: msg_id.into(),
            position: None,
            born_after: None,
            send_result: None,
        }
    }

    /// Bytes of a table, as hashbrown lays it out: an entry and a control byte for each of its places, of which seven
    /// in eight may be used, and one group of control bytes more.
    fn bytes(shard: &DedupTable) -> usize {
        let places = match shard.capacity() {
            0 => return 0,
            capacity @ ..8 => capacity + 1,
            capacity => capacity / 7 * 8,
        };
        places * (size_of::<(Fingerprint, u32)>() + 1) + 16
    }

    #[test]
    fn an_entry_is_16_bytes() {
        assert_eq!(size_of::<(Fingerprint, u32)>(), 16);
    }

    #[test]
    fn no_more_than_48_bytes_a_message_even_while_growing() {
        const FIXED: usize = SHARDS * (size_of::<DedupTable>() + 8 * 17 + 16);
        let mut dedupe = DedupIndex::new();
        let mut held = 0;
        for n in 1..=100_000_u64 {
            let query = query(None, "orders", &format!("{n:032X}"));
            let shard = Fingerprint::of(&query).shard();
            let before = bytes(&dedupe.shards[shard]);
            assert_eq!(dedupe.first(Fingerprint::of(&query), n), Ok(None));
            let after = bytes(&dedupe.shards[shard]);
            let beside = if after > before { before } else { 0 };
            held = held + after - before;
            let bound = 48 * usize::try_from(n).unwrap() + FIXED;
            assert!(
                held + beside <= bound,
                "{} bytes for {n} messages",
                held + beside
            );
        }
    }

    #[test]
    fn rows_that_do_not_fit_are_an_error() {
        let mut dedupe = DedupIndex::new();
        let last = u64::from(u32::MAX);
        assert_eq!(
            dedupe.first(Fingerprint::of(&query(None, "t", "1")), last),
            Ok(None)
        );
        assert_eq!(
            dedupe.first(Fingerprint::of(&query(None, "t", "2")), last + 1),
            Err(TooManyRows)
        );
    }

    #[test]
    fn every_part_of_the_question_counts() {
        let mut dedupe = DedupIndex::new();
        for (row, query) in (1..).zip([
            query(None, "ab", "c"),
            query(None, "a", "bc"),
            query(Some("a"), "b", "c"),
            query(Some("ab"), "c", "c"),
            query(None, "ab", "C"),
        ]) {
            assert_eq!(
                dedupe.first(Fingerprint::of(&query), row),
                Ok(None),
                "{query:?}"
            );
        }
        assert_eq!(
            dedupe.first(Fingerprint::of(&query(Some("a"), "b", "c")), 6),
            Ok(Some(3))
        );
    }

    #[test]
    fn the_place_counts_where_it_is_given() {
        let placed = |queue_offset, tag| Query {
            position: Some(Position {
                broker: "b".into(),
                queue_id: 0,
                queue_offset,
                tag,
                store: None,
            }),
            ..query(None, "orders", "A")
        };
        let mut dedupe = DedupIndex::new();
        let builder = [
            (query(None, "orders", "A"), None),
            (placed(1, Tag::None), None),
            (placed(2, Tag::None), None),
            (placed(2, Tag::Unknown), None),
            (placed(2, Tag::Named("paid".into())), None),
            (placed(2, Tag::None), Some(3)),
            (query(None, "orders", "A"), Some(1)),
        ];
        for (row, (query, first)) in (1..).zip(builder) {
            let found = dedupe.first(Fingerprint::of_query(&query), row);
            assert_eq!(found, Ok(first), "{query:?}");
        }
    }

    proptest! {
        #[test]
        fn duplicates_are_those_of_a_plain_set(fields in prop::collection::vec(("[ab]?", "[ab]{1,2}", "[AB]{1,3}"), 0..200)) {
            let (mut dedupe, mut seen) = (DedupIndex::new(), HashSet::new());
            for (row, key) in (1..).zip(fields) {
                let (instance, topic, msg_id) = &key;
                let query = query(Some(instance.as_str()).filter(|name| !name.is_empty()), topic, msg_id);
                let is_new = seen.insert(key);
                prop_assert_eq!(dedupe.first(Fingerprint::of(&query), row).unwrap().is_none(), is_new);
            }
        }
    }
}
