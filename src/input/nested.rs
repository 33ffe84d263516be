//! Values of nested objects, for flags such as `--msg-id-column payload.msg_id`.

use std::sync::Arc;

use super::column_ref::ColumnRef;
use super::columns::Columns;
use super::error::listed;
use super::header::{Role, Unmapped, find};
use super::object::Object;
use super::options::InputOptions;

/// A role whose value is in an object that is the value of a key.
#[derive(Debug)]
pub(super) struct NestedField {
    pub role: Role,
    /// The path as the flag names it: keys with dots between them.
    pub path: Arc<str>,
    column: usize,
    /// Where the path of the inner object begins.
    inner: usize,
}

/// What is at a path.
pub(super) enum Nested<'a> {
    /// The raw value.
    Found(&'a str),
    /// No value. The text lists the fields of the innermost object.
    Missing(String),
    /// A value without fields, where the path needs some, or a key that is there twice; and the reason.
    Fault(&'a str, String),
}

impl NestedField {
    /// Finds the keys where the paths of flags begin. A name that is a key of the object itself is no path.
    pub(super) fn all(
        names: &[&str],
        columns: &Columns,
        options: &InputOptions,
    ) -> Result<Vec<Self>, Unmapped> {
        let mut all = Vec::new();
        for role in Role::ALL {
            if let Some(ColumnRef::Name(path)) = options.column(role)
                && columns.index(role).is_none()
                && let Some((column, inner)) = step(names, role, path)?
            {
                all.push(Self {
                    role,
                    path: path.as_str().into(),
                    column,
                    inner,
                });
            }
        }
        Ok(all)
    }

    /// Reads the value of an object's field.
    pub(super) fn raw<'a>(&self, object: &Object<'a>) -> Nested<'a> {
        let (mut raw, mut at) = (object.raw(self.column), self.inner);
        while let Some(path) = self.path.get(at..) {
            let parent = self.path[..at].trim_end_matches('.');
            if raw == "null" {
                return Nested::Missing(format!("`{parent}` is null"));
            }
            let Ok(inner) = Object::read(raw) else {
                return Nested::Fault(raw, format!("is no object with the field `{path}`"));
            };
            let keys: Vec<&str> = inner.keys().collect();
            match step(&keys, self.role, path) {
                Ok(Some((column, next))) => (raw, at) = (inner.raw(column), at + next),
                Ok(None) if keys.is_empty() => {
                    return Nested::Missing(format!("`{parent}` has no fields"));
                }
                Ok(None) => {
                    let fields = listed(keys.iter());
                    return Nested::Missing(format!("the fields of `{parent}` are {fields}"));
                }
                Err(unmapped) => return Nested::Fault(raw, format!("is ambiguous: {unmapped}")),
            }
        }
        Nested::Found(raw)
    }
}

/// Finds the key where a path begins, and where the rest of the path begins: behind its end if nothing is left. The
/// longest key wins, because keys may have dots.
fn step(names: &[&str], role: Role, path: &str) -> Result<Option<(usize, usize)>, Unmapped> {
    let dots = path.match_indices('.').map(|(at, _)| at);
    let ends: Vec<usize> = dots.chain([path.len()]).collect();
    for end in ends.into_iter().rev() {
        let name = ColumnRef::Name(path[..end].to_owned());
        if let Some(column) = find(names, role, Some(&name))? {
            return Ok(Some((column, end + 1)));
        }
    }
    Ok(None)
}
