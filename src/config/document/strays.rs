//! Names that stand where they do not belong, and what was probably meant.

use std::ops::Range;

use super::{Document, last, list, table_of};
use crate::config::{mask::is_showable_name, nearest::nearest};

/// A name that stands where it does not belong.
pub(super) struct Stray {
    pub(super) path: String,
    pub(super) key: Range<usize>,
    pub(super) value: Range<usize>,
    pub(super) is_section: bool,
}

impl Document<'_> {
    /// `homes` are the files where the name would be right.
    pub(super) fn report_stray(&mut self, stray: Stray, homes: Option<String>) {
        let Stray { path, key, is_section, .. } = stray;
        if is_section {
            let inside: Vec<_> =
                self.fields.iter().filter_map(|field| field.name.strip_prefix(&format!("{path}."))).collect();
            let hint = format!("write `[{path}]` on a line of its own, and below it {}", list(&inside));
            self.mean_table(&path);
            return self.mistake(&key, &path, format!("`{path}` is a table, not a value"), hint);
        }
        if !path.split('.').all(is_showable_name) {
            let hint = "a line is `name = \"value\"`; this name is not shown, as it could be a key";
            return self.mistake(&key, "", "unknown field".to_owned(), hint);
        }
        let names: Vec<_> = self.fields.iter().map(|field| field.name).collect();
        let here = self.names_in(table_of(&path));
        let sections: Vec<_> = here.iter().map(String::as_str).filter(|name| name.starts_with('[')).collect();
        let (table, typed) = path.rsplit_once('.').unwrap_or(("", &path));
        let beside: Vec<_> = names.iter().copied().filter(|name| table_of(name) == table).collect();
        // A field one table too high or too low is the likeliest mistake, then one in the wrong file, then a slip of the finger.
        let hint = if let Some(name) = names.iter().find(|name| last(name) == typed) {
            self.meant.insert(name);
            match table_of(name) {
                "" => format!("`{typed}` belongs above every `[…]` line"),
                table => format!("`{typed}` belongs below a line `[{table}]`"),
            }
        } else if let Some(homes) = homes {
            format!("`{typed}` belongs in {homes}")
        } else if let Some(name) = nearest_field(typed, &beside).or_else(|| nearest_field(typed, &names)) {
            self.meant.insert(name);
            format!("did you mean `{}`?", last(name))
        } else if let Some(name) = nearest(&format!("[{typed}]"), &sections) {
            self.mean_table(name.trim_matches(['[', ']']));
            format!("did you mean `{name}`?")
        } else {
            format!("it can be {}", list(&here))
        };
        self.mistake(&key, &path, format!("unknown field `{path}`"), hint);
    }

    /// Whatever stands in a table was probably meant.
    fn mean_table(&mut self, table: &str) {
        self.meant.extend(self.fields.iter().map(|field| field.name).filter(|name| table_of(name) == table));
    }

    /// What can stand in a table, the root being the empty name; tables in brackets.
    fn names_in(&self, table: &str) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for field in self.fields {
            let inside = if table.is_empty() {
                Some(field.name)
            } else {
                field.name.strip_prefix(table).and_then(|rest| rest.strip_prefix('.'))
            };
            let name = match inside.map(|inside| inside.split_once('.').ok_or(inside)) {
                Some(Ok((table, _))) => format!("[{table}]"),
                Some(Err(field_name)) if !field.inside.is_empty() => format!("[{field_name}.NAME]"),
                Some(Err(field)) => field.to_owned(),
                None => continue,
            };
            if !names.contains(&name) {
                names.push(name);
            }
        }
        // Inside a table that does not exist: where it would be.
        if names.is_empty() { self.names_in("") } else { names }
    }
}

/// The field whose own name, without its table's, is the nearest.
fn nearest_field(typed: &str, fields: &[&'static str]) -> Option<&'static str> {
    let names: Vec<_> = fields.iter().copied().map(last).collect();
    let name = nearest(typed, &names)?;
    fields.iter().copied().find(|field| last(field) == name)
}
