//! The columns of a file as trees, and how the values of a row become a cell.
//!
//! A column without inner columns is a plain text. All other columns become JSON: structures are objects, lists are arrays,
//! and maps are objects if their keys are plain values.

use std::ops::Range;

use parquet::basic::{ConvertedType, LogicalType, Repetition};
use parquet::schema::types::Type;

use super::fault::ParquetFault;
use super::leaf::{Leaf, Taken};
use crate::input::kept_cells::push_string;

/// A column, or a part of one.
#[derive(Debug)]
pub(super) struct Node {
    name: String,
    /// The definition level from which on it is not null.
    definition: i16,
    /// Its leaves among those of the file.
    leaves: Range<usize>,
    shape: NodeShape,
}

#[derive(Debug)]
enum NodeShape {
    Leaf,
    Struct(Vec<Node>),
    List(Repeated, Box<Node>),
    Map(Repeated, Box<(Node, Node)>),
}

/// The levels of the elements of a list.
#[derive(Debug, Clone, Copy)]
struct Repeated {
    definition: i16,
    repetition: i16,
}

/// The levels at a place in the schema, and the number of leaves before it.
#[derive(Debug, Clone, Copy, Default)]
struct SchemaPlace {
    definition: i16,
    repetition: i16,
    leaf: usize,
}

/// Returns the columns of a schema.
pub(super) fn nodes(schema: &Type) -> Vec<Node> {
    fields(schema, SchemaPlace::default())
}

fn fields(group: &Type, mut place: SchemaPlace) -> Vec<Node> {
    let mut nodes = Vec::new();
    for field in group.get_fields() {
        let node = Node::of(field, place);
        place.leaf = node.leaves.end;
        nodes.push(node);
    }
    nodes
}

impl SchemaPlace {
    /// Returns the place within an optional value.
    const fn optional(self) -> Self {
        Self {
            definition: self.definition.saturating_add(1),
            ..self
        }
    }

    /// Returns the place within the elements of a list.
    const fn repeated(self) -> Self {
        Self {
            definition: self.definition.saturating_add(1),
            repetition: self.repetition.saturating_add(1),
            leaf: self.leaf,
        }
    }
}

impl Node {
    fn of(field: &Type, place: SchemaPlace) -> Self {
        let info = field.get_basic_info();
        match info.has_repetition().then(|| info.repetition()) {
            Some(Repetition::REPEATED) => {
                // A repeated field that no list encloses is a list of its own.
                let inner = place.repeated();
                let element = Self::present(field, inner);
                Self {
                    name: field.name().to_owned(),
                    definition: place.definition,
                    leaves: element.leaves.clone(),
                    shape: NodeShape::List(inner.into(), Box::new(element)),
                }
            }
            Some(Repetition::OPTIONAL) => Self::present(field, place.optional()),
            _ => Self::present(field, place),
        }
    }

    /// Makes the node of a field at the place where it is not null.
    fn present(field: &Type, place: SchemaPlace) -> Self {
        let shape = if field.is_primitive() {
            NodeShape::Leaf
        } else {
            let nested = list(field, place).or_else(|| map(field, place));
            nested.unwrap_or_else(|| NodeShape::Struct(fields(field, place)))
        };
        let start = place.leaf;
        let end = match &shape {
            NodeShape::Leaf => start + 1,
            NodeShape::Struct(fields) => fields.last().map_or(start, |last| last.leaves.end),
            NodeShape::List(_, element) => element.leaves.end,
            NodeShape::Map(_, entry) => entry.1.leaves.end,
        };
        Self {
            name: field.name().to_owned(),
            definition: place.definition,
            leaves: start..end,
            shape,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Returns whether each group has columns.
    pub(super) fn is_whole(&self) -> bool {
        match &self.shape {
            NodeShape::Leaf => true,
            NodeShape::Struct(fields) => !fields.is_empty() && fields.iter().all(Self::is_whole),
            NodeShape::List(_, element) => element.is_whole(),
            NodeShape::Map(_, entry) => entry.0.is_whole() && entry.1.is_whole(),
        }
    }

    pub(super) fn leaves(&self) -> Range<usize> {
        self.leaves.clone()
    }

    /// Appends the cell of the next row: nothing for a null, the text of a plain value, JSON for all else.
    pub(super) fn push_cell(
        &self,
        leaves: &mut [Option<Leaf>],
        scratch: &mut String,
        row: u64,
        cell: &mut String,
    ) -> Result<(), ParquetFault> {
        let mut writer = NodeWriter {
            leaves,
            scratch,
            row,
            out: cell,
        };
        match self.shape {
            NodeShape::Leaf => writer.plain(self),
            _ if writer.is_null(self)? => writer.pass(self),
            _ => writer.json(self),
        }?;
        writer.check_end(self)
    }
}

impl From<SchemaPlace> for Repeated {
    fn from(place: SchemaPlace) -> Self {
        Self {
            definition: place.definition,
            repetition: place.repetition,
        }
    }
}

/// Returns the only field of a group if it is repeated.
fn only_repeated(group: &Type) -> Option<&Type> {
    match group.get_fields() {
        [field] => {
            let info = field.get_basic_info();
            let is_repeated = info.has_repetition() && info.repetition() == Repetition::REPEATED;
            is_repeated.then_some(&**field)
        }
        _ => None,
    }
}

fn is_list(group: &Type) -> bool {
    let info = group.get_basic_info();
    matches!(info.logical_type_ref(), Some(LogicalType::List))
        || info.converted_type() == ConvertedType::LIST
}

/// Returns whether a group is a map whose keys are plain values.
fn is_map(group: &Type) -> bool {
    let info = group.get_basic_info();
    let is_called = matches!(info.logical_type_ref(), Some(LogicalType::Map))
        || matches!(
            info.converted_type(),
            ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE
        );
    let entry = only_repeated(group).filter(|entry| entry.is_group());
    is_called
        && entry.is_some_and(|entry| match entry.get_fields() {
            [key, _] => {
                let info = key.get_basic_info();
                key.is_primitive()
                    && !(info.has_repetition() && info.repetition() == Repetition::REPEATED)
            }
            _ => false,
        })
}

/// Reads a list in one of its forms. In old files the repeated field is the element itself.
fn list(group: &Type, place: SchemaPlace) -> Option<NodeShape> {
    let repeated = only_repeated(group).filter(|_| is_list(group))?;
    let inner = place.repeated();
    let is_element = repeated.is_primitive()
        || repeated.get_fields().len() != 1
        || repeated.name() == "array"
        || repeated.name().strip_suffix("_tuple") == Some(group.name());
    let element = match repeated.is_group().then(|| repeated.get_fields()) {
        Some([only]) if !is_element => Node::of(only, inner),
        _ => Node::present(repeated, inner),
    };
    Some(NodeShape::List(inner.into(), Box::new(element)))
}

fn map(group: &Type, place: SchemaPlace) -> Option<NodeShape> {
    let inner = place.repeated();
    let entry = only_repeated(group).filter(|_| is_map(group))?;
    let entry = fields(entry, inner);
    let [key, value] = <[Node; 2]>::try_from(entry).ok()?;
    Some(NodeShape::Map(inner.into(), Box::new((key, value))))
}

/// Writes the cells of one row.
struct NodeWriter<'w> {
    leaves: &'w mut [Option<Leaf>],
    scratch: &'w mut String,
    row: u64,
    out: &'w mut String,
}

impl NodeWriter<'_> {
    fn leaf(&mut self, at: usize) -> Result<&mut Leaf, ParquetFault> {
        let leaf = self.leaves.get_mut(at).and_then(Option::as_mut);
        leaf.ok_or_else(|| ParquetFault::Damaged("a group has no columns".to_owned()))
    }

    /// Returns whether the next value of a node is null, or one of the values around it.
    fn is_null(&mut self, node: &Node) -> Result<bool, ParquetFault> {
        let next = self.leaf(node.leaves.start)?.next()?;
        Ok(next.definition < node.definition)
    }

    /// Passes the next value of each leaf.
    fn pass(&mut self, node: &Node) -> Result<(), ParquetFault> {
        for at in node.leaves.clone() {
            self.leaf(at)?.take(|_, _| Ok(()))?;
        }
        Ok(())
    }

    fn not_text(&mut self, at: usize) -> Result<(), ParquetFault> {
        let row = self.row;
        Err(ParquetFault::NotText {
            column: self.leaf(at)?.name().to_owned(),
            row,
        })
    }

    /// Writes a value as text.
    fn plain(&mut self, node: &Node) -> Result<(), ParquetFault> {
        let at = node.leaves.start;
        let leaf = self.leaves.get_mut(at).and_then(Option::as_mut);
        let out = &mut *self.out;
        let taken = leaf.map(|leaf| leaf.take(|kind, value| kind.push_text(value, out)));
        match taken.transpose()? {
            Some(Taken::NotText) => self.not_text(at),
            _ => Ok(()),
        }
    }

    /// Writes a value as JSON.
    fn json(&mut self, node: &Node) -> Result<(), ParquetFault> {
        match &node.shape {
            NodeShape::Leaf => return self.json_value(node.leaves.start),
            _ if self.is_null(node)? => {
                self.out.push_str("null");
                return self.pass(node);
            }
            NodeShape::Struct(fields) => {
                let mut opening = '{';
                for field in fields {
                    self.out.push(opening);
                    push_string(self.out, &field.name);
                    self.out.push(':');
                    self.json(field)?;
                    opening = ',';
                }
                self.out.push('}');
            }
            NodeShape::List(repeated, element) => {
                self.elements(node, *repeated, ['[', ']'], |writer| writer.json(element))?;
            }
            NodeShape::Map(repeated, entry) => {
                let (key, value) = &**entry;
                self.elements(node, *repeated, ['{', '}'], |writer| {
                    writer.key(key.leaves.start)?;
                    writer.out.push(':');
                    writer.json(value)
                })?;
            }
        }
        Ok(())
    }

    /// Writes the elements of a list or of a map.
    fn elements(
        &mut self,
        node: &Node,
        repeated: Repeated,
        [opening, closing]: [char; 2],
        mut write: impl FnMut(&mut Self) -> Result<(), ParquetFault>,
    ) -> Result<(), ParquetFault> {
        self.out.push(opening);
        let first = node.leaves.start;
        if self.leaf(first)?.next()?.definition < repeated.definition {
            self.pass(node)?;
            self.out.push(closing);
            return Ok(());
        }
        loop {
            write(self)?;
            let next = self.leaf(first)?.peek();
            if next.is_none_or(|next| next.repetition != repeated.repetition) {
                self.out.push(closing);
                return Ok(());
            }
            self.out.push(',');
        }
    }

    fn json_value(&mut self, at: usize) -> Result<(), ParquetFault> {
        let leaf = self.leaves.get_mut(at).and_then(Option::as_mut);
        let (out, scratch) = (&mut *self.out, &mut *self.scratch);
        let taken = leaf.map(|leaf| leaf.take(|kind, value| kind.push_json(value, scratch, out)));
        match taken.transpose()? {
            Some(Taken::NotText) => self.not_text(at),
            Some(Taken::Value) => Ok(()),
            Some(Taken::Null) | None => {
                self.out.push_str("null");
                Ok(())
            }
        }
    }

    /// Writes the key of a map.
    fn key(&mut self, at: usize) -> Result<(), ParquetFault> {
        self.scratch.clear();
        let leaf = self.leaves.get_mut(at).and_then(Option::as_mut);
        let scratch = &mut *self.scratch;
        let taken = leaf.map(|leaf| leaf.take(|kind, value| kind.push_text(value, scratch)));
        match taken.transpose()? {
            Some(Taken::NotText) => return self.not_text(at),
            Some(Taken::Value) => {}
            Some(Taken::Null) | None => self.scratch.push_str("null"),
        }
        push_string(self.out, self.scratch);
        Ok(())
    }

    /// Checks that all leaves of a column are at the beginning of a row.
    fn check_end(&mut self, node: &Node) -> Result<(), ParquetFault> {
        for at in node.leaves.clone() {
            let leaf = self.leaf(at)?;
            if leaf.peek().is_some_and(|next| next.repetition != 0) {
                let problem = "its values are nested otherwise than those of the columns beside it";
                return Err(ParquetFault::in_column(leaf.name(), problem));
            }
        }
        Ok(())
    }
}
