//! Maps columns to their roles. The names of `header` are matched, or flags name the columns.

use std::sync::Arc;

use super::header::{Role, Unmapped, find, is_same, unique_names};
use super::kept_cells::KeptCellsWriter;
use super::log_rows::SENT_COLUMNS;
use super::options::InputOptions;

/// The role of each column of a file, or of each key of an NDJSON object.
#[derive(Debug)]
pub(super) struct Columns {
    /// All names as a reject shows them: those of the header, or numbers.
    pub names: Vec<Arc<str>>,
    /// Column of the message ID, which every query needs.
    pub msg_id: Option<usize>,
    /// Column of the topic. Without it `--topic` is needed.
    pub topic: Option<usize>,
    /// Column of the instance.
    pub instance: Option<usize>,
    /// Columns of the position, if all three are present.
    pub position: Option<PositionColumns>,
    /// Columns that are kept.
    pub kept: KeptCellsWriter,
    /// Whether all unused columns are kept, because no flag names the kept ones.
    pub keeps_all: bool,
    /// The columns that `--keep` names.
    kept_names: Option<Vec<String>>,
    unique: Vec<Box<str>>,
}

/// The columns of a message's position. They are used, hence not kept unless `--keep` names them. The tag is kept,
/// since expectations may depend on it and are judged from the results file. A column that an alias names is kept, too,
/// because it may mean something else.
#[derive(Debug, Clone, Copy)]
pub(super) struct PositionColumns {
    pub broker: usize,
    pub queue_id: usize,
    pub queue_offset: usize,
    /// Column of the tag. Without the other columns it is an ordinary column.
    pub tag: Option<usize>,
    /// Column of the status of the send, which is kept. Without the other columns it is an ordinary column.
    pub send_status: Option<usize>,
}

impl Columns {
    /// Maps the names of a header, or of an object's keys.
    pub(super) fn named(names: &[&str], options: &InputOptions) -> Result<Self, Unmapped> {
        let shown = unique_names(names)
            .iter()
            .map(|name| Arc::from(&**name))
            .collect();
        Self::map(names, shown, options)
    }

    /// Maps columns that have no names.
    pub(super) fn numbered(count: usize, options: &InputOptions) -> Result<Self, Unmapped> {
        let nameless = vec![""; count];
        let shown = (1..=count)
            .map(|number| number.to_string().into())
            .collect();
        Self::map(&nameless, shown, options)
    }

    fn map(names: &[&str], shown: Vec<Arc<str>>, options: &InputOptions) -> Result<Self, Unmapped> {
        let unique = unique_names(names);
        let find = |role| find(names, role, options.column(role));
        let msg_id = find(Role::MsgId)?;
        let topic = find(Role::Topic)?;
        let instance = find(Role::Instance)?;
        let position = PositionColumns::find(names);

        // A log line says more than its ID, so it is kept.
        let only_id = msg_id.filter(|_| options.log_column.is_none());
        let mut used: Vec<usize> = [only_id, topic, instance].into_iter().flatten().collect();
        used.extend(position.iter().flat_map(|position| position.used_up(names)));
        let is_kept = |column: &usize| match &options.keep {
            Some(keep) => keep
                .iter()
                .any(|name| is_same(name, names[*column], &unique[*column])),
            None => !used.contains(column),
        };
        let kept = (0..names.len()).filter(is_kept);
        Ok(Self {
            names: shown,
            msg_id,
            topic,
            instance,
            position,
            kept: KeptCellsWriter::new(kept.map(|column| (column, unique[column].clone()))),
            keeps_all: options.keep.is_none(),
            kept_names: options.keep.clone(),
            unique,
        })
    }

    /// Checks that all columns are present that a table needs or that flags name. (An NDJSON object may lack keys.)
    pub(super) fn require(&self, names: &[&str], options: &InputOptions) -> Result<(), Unmapped> {
        // A log line names its topic.
        let has_topic = options.topic.is_some() || options.log_column.is_some();
        for (role, given) in [
            (Role::MsgId, false),
            (Role::Topic, has_topic),
            (Role::Instance, true),
        ] {
            match options.column(role) {
                _ if self.index(role).is_some() => {}
                Some(wanted) => {
                    return Err(Unmapped::Unknown {
                        role,
                        wanted: wanted.clone(),
                        flag: options.flag(role),
                    });
                }
                None if given => {}
                None => return Err(Unmapped::Missing(role)),
            }
        }
        let is_there = |wanted: &&String| {
            let is_sent = options.log_column.is_some() && SENT_COLUMNS.contains(&wanted.as_str());
            let mut columns = names.iter().zip(&self.unique);
            is_sent || columns.any(|(name, unique)| is_same(wanted, name, unique))
        };
        match options
            .keep
            .iter()
            .flatten()
            .find(|wanted| !is_there(wanted))
        {
            Some(missing) => Err(Unmapped::Keep(missing.clone())),
            None => Ok(()),
        }
    }

    /// Returns the name of a role's column, or the default name of the role if the file has no such column.
    pub(super) fn name(&self, role: Role) -> Arc<str> {
        self.index(role)
            .map_or_else(|| role.as_str().into(), |column| self.names[column].clone())
    }

    /// Returns the name of a column, also of one beyond the header.
    pub(super) fn shown(&self, column: usize) -> Arc<str> {
        self.names
            .get(column)
            .cloned()
            .unwrap_or_else(|| format!("column_{}", column + 1).into())
    }

    /// Returns the kept columns of a row of `width` cells, more than the header has.
    pub(super) fn widened(&self, width: usize) -> KeptCellsWriter {
        let mut names: Vec<&str> = self.unique.iter().map(|name| &**name).collect();
        names.resize(width, "");
        let all = unique_names(&names);
        let travelling = self.kept.columns().chain(self.names.len()..width);
        KeptCellsWriter::new(travelling.map(|column| (column, all[column].clone())))
    }

    /// Returns the kept columns and those of `more` that are kept, whose indices continue those of the file's columns.
    pub(super) fn kept_with(&self, more: &[&'static str]) -> KeptCellsWriter {
        let mut names: Vec<&str> = self.unique.iter().map(|name| &**name).collect();
        names.extend(more);
        let all = unique_names(&names);
        let is_kept = |column: &usize| {
            let name = &*all[*column];
            let keep = self.kept_names.as_ref();
            keep.is_none_or(|keep| keep.iter().any(|kept| kept == name))
        };
        let more = (self.names.len()..names.len()).filter(is_kept);
        let kept = self.kept.columns().chain(more);
        KeptCellsWriter::new(kept.map(|column| (column, all[column].clone())))
    }

    /// Returns the roles that columns have, with the names of the columns.
    pub(super) fn taken(&self) -> impl Iterator<Item = (Role, &str)> {
        let name = |role| self.index(role).map(|column| (role, &*self.names[column]));
        Role::ALL.into_iter().filter_map(name)
    }

    /// Returns the column of a role.
    pub(super) fn index(&self, role: Role) -> Option<usize> {
        let position = |pick: fn(PositionColumns) -> usize| self.position.map(pick);
        match role {
            Role::MsgId => self.msg_id,
            Role::Topic => self.topic,
            Role::Instance => self.instance,
            Role::Broker => position(|columns| columns.broker),
            Role::QueueId => position(|columns| columns.queue_id),
            Role::QueueOffset => position(|columns| columns.queue_offset),
            Role::Tag => self.position.and_then(|columns| columns.tag),
            Role::SendStatus => self.position.and_then(|columns| columns.send_status),
        }
    }

    /// Returns whether a column is needed for the query or kept.
    pub(super) fn is_read(&self, column: usize) -> bool {
        let used = [self.msg_id, self.topic, self.instance];
        used.contains(&Some(column))
            || self
                .position
                .is_some_and(|position| position.all().any(|used| used == column))
            || self.kept.columns().any(|kept| kept == column)
    }
}

impl PositionColumns {
    /// Returns the three columns, or `None` if one is missing. A name that two columns have is not used.
    fn find(names: &[&str]) -> Option<Self> {
        let one = |role| find(names, role, None).ok().flatten();
        Some(Self {
            broker: one(Role::Broker)?,
            queue_id: one(Role::QueueId)?,
            queue_offset: one(Role::QueueOffset)?,
            tag: one(Role::Tag),
            send_status: one(Role::SendStatus),
        })
    }

    /// Returns the columns with canonical names, which are not kept.
    fn used_up(self, names: &[&str]) -> impl Iterator<Item = usize> {
        let columns = [
            (Role::Broker, self.broker),
            (Role::QueueId, self.queue_id),
            (Role::QueueOffset, self.queue_offset),
        ];
        let canonical = columns
            .into_iter()
            .filter(|(role, column)| !role.is_alias(names[*column]));
        canonical.map(|(_, column)| column)
    }

    fn all(self) -> impl Iterator<Item = usize> {
        let place = [self.broker, self.queue_id, self.queue_offset];
        place.into_iter().chain(self.tag).chain(self.send_status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(options: impl FnOnce(&mut InputOptions)) -> InputOptions {
        let mut all = InputOptions::default();
        options(&mut all);
        all
    }

    #[test]
    fn names_match_without_case_spaces_and_joiners() {
        for msg_id in [
            "msg_id",
            "MsgId",
            "message-id",
            "Message ID",
            " MSGID",
            "MESSAGE_ID",
        ] {
            let columns = Columns::named(
                &["a", msg_id, "Topic", "Instance Id"],
                &InputOptions::default(),
            )
            .unwrap();
            assert_eq!(
                (columns.msg_id, columns.topic, columns.instance),
                (Some(1), Some(2), Some(3)),
                "{msg_id}"
            );
            assert_eq!(*columns.kept.names, [Box::from("a")]);
        }
    }

    #[test]
    fn a_position_needs_all_three_columns() {
        let map = |names: &[&str]| Columns::named(names, &InputOptions::default()).unwrap();
        let all = map(&[
            "msg_id",
            "topic",
            "tag",
            "Broker",
            "queueId",
            "QUEUE-OFFSET",
            "order",
        ]);
        assert_eq!(all.index(Role::QueueOffset), Some(5));
        assert_eq!(*all.kept.names, ["tag", "order"].map(Box::from));
        let two = map(&["msg_id", "topic", "tag", "broker", "queue_id"]);
        assert!(two.position.is_none());
        assert_eq!(
            *two.kept.names,
            ["tag", "broker", "queue_id"].map(Box::from)
        );
    }

    #[test]
    fn aliases_count_only_without_a_canonical_name() {
        let map = |names: &[&str]| Columns::named(names, &InputOptions::default()).unwrap();
        let chinese = map(&["订单", "消息 ID", "主题", "实例ＩＤ", "标签"]);
        assert_eq!(
            (chinese.msg_id, chinese.topic, chinese.instance),
            (Some(1), Some(2), Some(3))
        );
        assert_eq!(*chinese.kept.names, ["订单", "标签"].map(Box::from));
        let both = map(&["UNIQ_KEY", "msgId", "消息ID", "topic", "主题"]);
        assert_eq!((both.msg_id, both.topic), (Some(1), Some(3)));
        let business = map(&["id", "keys", "order_id", "instance", "namespace"]);
        assert!(business.taken().next().is_none());
    }

    #[test]
    fn position_columns_of_aliases_stay_kept() {
        let names = ["msg_id", "topic", "brokerName", "queue_id", "位点", "标签"];
        let map = |options: &InputOptions| Columns::named(&names, options).unwrap();
        let all = map(&InputOptions::default());
        let place = [Role::Broker, Role::QueueId, Role::QueueOffset, Role::Tag];
        assert_eq!(
            place.map(|role| all.index(role)),
            [Some(2), Some(3), Some(4), Some(5)]
        );
        let kept = ["brokerName", "位点", "标签"];
        assert_eq!(*all.kept.names, kept.map(Box::from));
        let none = map(&options(|o| o.keep = Some(Vec::new())));
        assert!(none.position.is_some() && none.kept.names.is_empty());
        let twice = ["msg_id", "topic", "broker", "queue", "队列", "offset"];
        let twice = Columns::named(&twice, &InputOptions::default()).unwrap();
        assert!(twice.position.is_none());
    }

    #[test]
    fn the_person_s_word_goes_first() {
        let options = options(|o| {
            o.msg_id_column = Some("2".into());
            o.topic_column = Some("THEMA".into());
            o.keep = Some(vec!["b".to_owned(), "msg_id".to_owned(), "a".to_owned()]);
        });
        let columns = Columns::named(&["msg_id", "key", "a", "Thema", "b"], &options).unwrap();
        assert_eq!((columns.msg_id, columns.topic), (Some(1), Some(3)));
        assert_eq!(*columns.kept.names, ["msg_id", "a", "b"].map(Box::from));
    }

    #[test]
    fn nothing_is_guessed() {
        let fault = |names: &[&str], options: &InputOptions| {
            let columns = Columns::named(names, options);
            columns
                .and_then(|columns| columns.require(names, options))
                .unwrap_err()
                .to_string()
        };
        let none = InputOptions::default();
        assert_eq!(
            fault(&["id", "topic"], &none),
            "no column is named `msg_id`"
        );
        assert_eq!(fault(&["msg_id"], &none), "no column is named `topic`");
        assert_eq!(
            fault(&["msg_id", "Message ID", "topic"], &none),
            "the columns `msg_id` and `Message ID` could both be the msg_id"
        );
        assert_eq!(
            fault(&["UNIQ_KEY", "消息ID", "topic"], &none),
            "the columns `UNIQ_KEY` and `消息ID` could both be the msg_id"
        );
        let elsewhere = options(|o| o.topic_column = Some("9".into()));
        assert_eq!(
            fault(&["msg_id"], &elsewhere),
            "--topic-column is 9, but there is no such column"
        );
        let kept = options(|o| o.keep = Some(vec!["c".to_owned()]));
        assert_eq!(
            fault(&["msg_id", "topic"], &kept),
            "there is no column `c` to keep"
        );
    }
}
