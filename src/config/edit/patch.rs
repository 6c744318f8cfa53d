//! Fields set and taken out in a file's text: what they do not touch stays to the byte, and no comment is lost.
//!
//! The parser says where things stand; the text itself is cut and pasted, since the parser's own printer knows one kind of line end
//! alone, and takes the comments above a field for a part of it. After each step the text is parsed anew: such files are small.

use std::ops::Range;

use serde_json::{Map, Value as Json};
use toml_edit::{Array, Document, DocumentMut, InlineTable, Item, Key, Table, TableLike, TomlError, Value};

use super::Fields;

/// The mark that some editors put before a text.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// A file's text with these fields in it. What else is there stays as it is, to the byte; the comments at a field that is taken out,
/// and those inside a value that is replaced, stay as lines of their own.
///
/// # Errors
/// Where the text is no TOML: it is to be mended by hand first.
pub fn edited(text: &str, fields: &Fields) -> Result<String, TomlError> {
    let plain = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    Document::parse(plain)?;
    let newline =
        if plain.split_inclusive('\n').next().is_some_and(|line| line.ends_with("\r\n")) { "\r\n" } else { "\n" };
    let mut sheet = Sheet { text: plain.to_owned(), newline };
    sheet.patch(&mut Vec::new(), &fields.0)?;
    let mark = if plain.len() == text.len() { "" } else { BYTE_ORDER_MARK };
    Ok(format!("{mark}{}", sheet.text))
}

/// A text that is being changed.
struct Sheet {
    text: String,
    /// How its lines end.
    newline: &'static str,
}

/// What stands where a path of names leads.
enum Found<'d> {
    Nothing,
    /// A field of a table that is written out: where its key begins, and its value.
    Field(usize, Range<usize>),
    /// A table that is written out, or each of several with one name.
    Tables(Vec<&'d Table>),
    /// It leads into an inline table, which is the value of the field at the first names of the path.
    Inside {
        names: usize,
        key: usize,
        value: Range<usize>,
    },
}

impl Sheet {
    fn patch(&mut self, path: &mut Vec<String>, fields: &Map<String, Json>) -> Result<(), TomlError> {
        for (name, value) in fields {
            path.push(name.clone());
            match value {
                Json::Null => self.remove(path)?,
                Json::Object(inner) => {
                    let document = Document::parse(self.text.as_str())?;
                    if !item_at(document.as_item(), path).is_some_and(Item::is_table_like) {
                        self.remove(path)?;
                    }
                    self.patch(path, inner)?;
                }
                plain => self.set(path, value_of(plain))?,
            }
            path.pop();
        }
        Ok(())
    }

    fn remove(&mut self, path: &[String]) -> Result<(), TomlError> {
        let document = Document::parse(self.text.as_str())?;
        if item_at(document.as_item(), path).is_none() {
            return Ok(());
        }
        let mut parts = Vec::new();
        match find(document.as_table(), path) {
            Found::Nothing => {}
            Found::Field(key, value) => parts.push(key..value.end),
            Found::Tables(tables) => tables.into_iter().for_each(|table| collect_parts(table, &mut parts)),
            Found::Inside { names, key, value } => {
                return self.rewrite(path, names, key, value, |table, name| drop(table.remove(name)));
            }
        }
        parts.sort_by_key(|part| part.start);
        // From the end, so that what is still to be cut stays where it was found.
        parts.into_iter().rev().for_each(|part| self.cut(part));
        Ok(())
    }

    fn set(&mut self, path: &[String], value: Value) -> Result<(), TomlError> {
        let document = Document::parse(self.text.as_str())?;
        match find(document.as_table(), path) {
            Found::Nothing => self.insert(path, &value),
            Found::Field(key, present) => {
                self.replace(key, present, &value.to_string());
                Ok(())
            }
            Found::Tables(_) => {
                self.remove(path)?;
                self.insert(path, &value)
            }
            Found::Inside { names, key, value: present } => {
                self.rewrite(path, names, key, present, |table, name| put(table, name, value))
            }
        }
    }

    /// Writes a field that is not there: below the others of its table.
    fn insert(&mut self, path: &[String], value: &Value) -> Result<(), TomlError> {
        let document = Document::parse(self.text.as_str())?;
        let (mut home, mut depth, mut named_above) = (document.as_table(), 0, 0);
        let parents = path.len().saturating_sub(1);
        for name in path.iter().take(parents) {
            let Some(Item::Table(table)) = home.get(name) else { break };
            (home, depth) = (table, depth + 1);
            if !table.is_dotted() {
                named_above = depth;
            }
        }
        let is_written_out = depth == parents && (depth == 0 || !home.is_implicit());
        if !home.is_dotted() && !is_written_out {
            let (table, field) = path.split_at(parents);
            let lines = format!("[{}]{}{}", dotted(table), self.newline, assignment(field, value));
            self.append_section(&lines);
            return Ok(());
        }
        // In a table of dotted names the whole name stands in each line.
        let line = assignment(path.get(named_above..).unwrap_or_default(), value);
        let ends = home.get_values().into_iter().filter_map(|(_, value)| Some(value.span()?.end));
        let last = ends.max().or_else(|| home.span().filter(|_| depth > 0).map(|header| header.end));
        match last {
            Some(last) => self.insert_below(last, &line),
            None => {
                let mut parts = Vec::new();
                document.iter().for_each(|(_, item)| collect_parts_of(item, &mut parts));
                self.insert_above_tables(parts.iter().map(|part| part.start).min(), &line);
            }
        }
        Ok(())
    }

    fn insert_below(&mut self, offset: usize, line: &str) {
        let Range { start, end } = self.lines_of(offset..offset);
        let indent = self.indent_at(start).to_owned();
        let break_before =
            if self.text.get(..end).is_some_and(|before| before.ends_with('\n')) { "" } else { self.newline };
        self.text.insert_str(end, &format!("{break_before}{indent}{line}{}", self.newline));
    }

    /// Above the first table, and the comments that stand right above that.
    fn insert_above_tables(&mut self, first_table: Option<usize>, line: &str) {
        let Some(first) = first_table else {
            let end = self.text.len();
            return if end == 0 { self.text = format!("{line}{}", self.newline) } else { self.insert_below(end, line) };
        };
        let mut start = self.lines_of(first..first).start;
        while let Some(above) = start.checked_sub(1).map(|end| self.lines_of(end..end))
            && self.text.get(above.clone()).is_some_and(|line| line.trim_start().starts_with('#'))
        {
            start = above.start;
        }
        self.text.insert_str(start, &format!("{line}{newline}{newline}", newline = self.newline));
    }

    fn append_section(&mut self, lines: &str) {
        if !self.text.is_empty() {
            let is_line = self.text.ends_with('\n');
            self.text.push_str(if is_line { "" } else { self.newline });
            self.text.push_str(self.newline);
        }
        self.text.push_str(lines);
        self.text.push_str(self.newline);
    }

    /// Takes out the lines of a field, or of a table's name.
    fn cut(&mut self, part: Range<usize>) {
        let lines = self.lines_of(part);
        let start = lines.start;
        let comments = self.comments_in(lines.clone(), start, "");
        self.text.replace_range(lines, &comments);
        // Of two blank lines that have met, one is enough.
        let (before, behind) = self.text.split_at(start);
        let is_below_blank = before.is_empty() || before.ends_with("\n\n") || before.ends_with("\n\r\n");
        if !comments.is_empty() || !is_below_blank {
            return;
        }
        if let Some(blank) = ["\n", "\r\n"].into_iter().find(|blank| behind.starts_with(blank)) {
            self.text.replace_range(start..start + blank.len(), "");
        } else if behind.is_empty() && !before.is_empty() {
            self.text.truncate(start - if before.ends_with("\r\n") { 2 } else { 1 });
        }
    }

    /// Puts another value in the place of one.
    fn replace(&mut self, key: usize, present: Range<usize>, value: &str) {
        let line = self.lines_of(key..key).start;
        let comments = self.comments_in(present.clone(), line, value);
        self.text.replace_range(present, value);
        self.text.insert_str(line, &comments);
    }

    /// Changes an inline table, the value of the field at the first `names` of the path. The parser prints it.
    fn rewrite(
        &mut self,
        path: &[String],
        names: usize,
        key: usize,
        present: Range<usize>,
        change: impl FnOnce(&mut dyn TableLike, &str),
    ) -> Result<(), TomlError> {
        let mut document: DocumentMut = self.text.parse()?;
        let Some((name, parents)) = path.split_last() else { return Ok(()) };
        let mut table: &mut dyn TableLike = document.as_table_mut();
        for parent in parents {
            let inline = || Item::Value(InlineTable::new().into());
            let Some(inner) = table.entry(parent).or_insert_with(inline).as_table_like_mut() else { return Ok(()) };
            table = inner;
        }
        change(table, name);
        let outer = item_at(document.as_item(), path.get(..names).unwrap_or_default());
        if let Some(mut value) = outer.and_then(Item::as_value).cloned() {
            value.decor_mut().clear();
            self.replace(key, present, &value.to_string().replace('\n', self.newline));
        }
        Ok(())
    }

    /// The whole lines in which a part of the text lies.
    fn lines_of(&self, part: Range<usize>) -> Range<usize> {
        let before = self.text.get(..part.start).unwrap_or_default();
        let behind = self.text.get(part.end..).unwrap_or_default();
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        start..behind.find('\n').map_or(self.text.len(), |newline| part.end + newline + 1)
    }

    fn indent_at(&self, line: usize) -> &str {
        let rest = self.text.get(line..).unwrap_or_default();
        rest.get(..rest.len() - rest.trim_start_matches([' ', '\t']).len()).unwrap_or_default()
    }

    /// The comments in a part of the text that are not in what comes instead, as lines for the place `line`.
    fn comments_in(&self, part: Range<usize>, line: usize, instead: &str) -> String {
        let indent = self.indent_at(line);
        let mut kept = comments(instead);
        let mut lines = String::new();
        for comment in comments(self.text.get(part).unwrap_or_default()) {
            match kept.iter().position(|kept| *kept == comment) {
                Some(index) => drop(kept.swap_remove(index)),
                None => lines.extend([indent, comment, self.newline]),
            }
        }
        lines
    }
}

fn item_at<'d>(root: &'d Item, path: &[String]) -> Option<&'d Item> {
    path.iter().try_fold(root, |item, name| item.as_table_like()?.get(name))
}

fn find<'d>(root: &'d Table, path: &[String]) -> Found<'d> {
    let mut table = root;
    for (index, name) in path.iter().enumerate() {
        let is_end = index + 1 == path.len();
        let place = || Some((table.key(name)?.span()?.start, table.get(name)?.span()?));
        match table.get(name) {
            Some(Item::Table(inner)) if is_end => return Found::Tables(vec![inner]),
            Some(Item::Table(inner)) => table = inner,
            Some(Item::ArrayOfTables(tables)) if is_end => return Found::Tables(tables.iter().collect()),
            Some(Item::Value(value)) if is_end || value.is_inline_table() => {
                return match place() {
                    Some((key, value)) if is_end => Found::Field(key, value),
                    Some((key, value)) => Found::Inside { names: index + 1, key, value },
                    None => Found::Nothing,
                };
            }
            _ => break,
        }
    }
    Found::Nothing
}

/// Where the lines of a table begin and end: its name's, and those of its fields.
fn collect_parts(table: &Table, parts: &mut Vec<Range<usize>>) {
    if !table.is_dotted() && !table.is_implicit() {
        parts.extend(table.span());
    }
    for (name, item) in table {
        match (item, table.key(name).and_then(Key::span), item.span()) {
            (Item::Value(_), Some(key), Some(value)) => parts.push(key.start..value.end),
            _ => collect_parts_of(item, parts),
        }
    }
}

fn collect_parts_of(item: &Item, parts: &mut Vec<Range<usize>>) {
    match item {
        Item::Table(table) => collect_parts(table, parts),
        Item::ArrayOfTables(tables) => tables.iter().for_each(|table| collect_parts(table, parts)),
        Item::Value(_) | Item::None => {}
    }
}

/// Puts a value in the place of another one in an inline table.
fn put(table: &mut dyn TableLike, name: &str, mut value: Value) {
    match table.get_mut(name).and_then(Item::as_value_mut) {
        Some(present) => {
            *value.decor_mut() = present.decor().clone();
            *present = value;
        }
        None => drop(table.insert(name, Item::Value(value))),
    }
}

fn assignment(path: &[String], value: &Value) -> String {
    format!("{} = {value}", dotted(path))
}

fn dotted(path: &[String]) -> String {
    let names: Vec<_> = path.iter().map(|name| Key::new(name).display_repr().into_owned()).collect();
    names.join(".")
}

/// Each comment of a text that is TOML, without its line's end.
fn comments(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(['#', '"', '\'']) {
        rest = rest.get(start..).unwrap_or_default();
        let length = if rest.starts_with('#') {
            let length = rest.find(['\r', '\n']).unwrap_or(rest.len());
            found.extend(rest.get(..length).map(str::trim_end));
            length
        } else {
            length_of_string(rest)
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    found
}

/// How long the string is with whose quotes a text begins.
fn length_of_string(text: &str) -> usize {
    let quotes = ["\"\"\"", "'''", "\"", "'"];
    let quote = quotes.into_iter().find(|quote| text.starts_with(quote)).unwrap_or_default();
    let mut length = quote.len();
    while let Some(rest) = text.get(length..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with(quote) {
            // Up to two quotes may stand before the three that end it.
            let behind = rest.strip_prefix(quote).unwrap_or_default();
            let one = if quote.len() == 3 { quote.get(..1).unwrap_or_default() } else { return length + quote.len() };
            let more = behind.len() - behind.trim_start_matches(one).len();
            return length + quote.len() + more;
        }
        let is_escape = quote.starts_with('"') && rest.starts_with('\\');
        length += rest.chars().take(if is_escape { 2 } else { 1 }).map(char::len_utf8).sum::<usize>();
    }
    length
}

fn value_of(json: &Json) -> Value {
    match json {
        Json::Bool(is) => (*is).into(),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => whole.into(),
            None => number.as_f64().unwrap_or_default().into(),
        },
        Json::String(text) => text.as_str().into(),
        Json::Array(items) => items.iter().map(value_of).collect::<Array>().into(),
        // Within a list; TOML has no null.
        Json::Object(fields) => {
            let pairs = fields.iter().filter(|(_, value)| !value.is_null());
            pairs.map(|(name, value)| (name.as_str(), value_of(value))).collect::<InlineTable>().into()
        }
        Json::Null => "".into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn edit(text: &str, patch: &Json) -> String {
        edited(text, &serde_json::from_value(patch.clone()).unwrap()).unwrap()
    }

    #[test]
    fn what_a_person_wrote_stays() {
        let text = "# tonight\nplatform = 'twitch'   # the main one\n\nkey=\"old\" # from the dashboard\n\
                    [backpressure]\n# our uplink is poor\nmax_lag = \"3s\"\n";
        let edit = |json| edit(text, &json);
        assert_eq!(edit(json!({})), text);
        assert_eq!(edit(json!({"key": "new"})), text.replace("\"old\"", "\"new\""));
        assert_eq!(edit(json!({"platform": "kick"})), text.replace("'twitch'", "\"kick\""));
        let off = edit(json!({"enabled": false}));
        assert!(off.contains("# from the dashboard\nenabled = false\n[backpressure]"), "before the table: {off}");
        assert_eq!(edit(json!({"backpressure": {"max_lag": "9s"}})), text.replace("3s", "9s"));
        assert!(!edit(json!({"backpressure": {"max_lag": null}})).contains("max_lag"));
        assert!(!edit(json!({"key": null})).contains("key"));
        let more = edit(json!({"reconnect": {"max": "20s"}, "codecs": ["h264", "aac"], "multitrack": true}));
        assert!(more.contains("codecs = [\"h264\", \"aac\"]") && more.contains("[reconnect]\nmax = \"20s\""), "{more}");
        let wrong = edited("key = \"half", &Fields::one("key", "new"));
        assert!(wrong.is_err() && edited("key = \"half", &Fields::default()).is_err());
    }

    #[test]
    fn no_comment_is_lost() {
        let table = [
            ("the head of a file", "# head\nkey = 1\nurl = 2\n", json!({"key": null}), "# head\nurl = 2\n"),
            ("all there is", "# head\nkey = 1 # of May\n", json!({"key": null}), "# head\n# of May\n"),
            (
                "before a table",
                "url = 2\n# why\n  key = 1\n\n[a]\nb = 1\n",
                json!({"key": null}),
                "url = 2\n# why\n\n[a]\nb = 1\n",
            ),
            ("no line's end", "url = 2\n# why\nkey = 1", json!({"key": null}), "url = 2\n# why\n"),
            (
                "a list that is replaced",
                "a = 1\n  # all\n  list = [ # these\n  1, # one\n  \"#\",\n] # end\n",
                json!({"list": [2]}),
                "a = 1\n  # all\n  # these\n  # one\n  list = [2] # end\n",
            ),
            ("a list that goes", "list = [\n  1, # one\n]\nb = 1\n", json!({"list": null}), "# one\nb = 1\n"),
            (
                "a table that goes",
                "a = 1\n\n# poor\n[t] # name\n# lag\nx = '#' # three\n\n[t.u]\ny = 1\n\n[v]\nz = 1\n",
                json!({"t": null}),
                "a = 1\n\n# poor\n# name\n# lag\n# three\n\n[v]\nz = 1\n",
            ),
            ("the last table", "a = 1\n\n[t]\nx = 1\n", json!({"t": null}), "a = 1\n"),
            (
                "an inline table",
                "t = { # in\n  x = 1, # one\n  y = 2,\n}\n",
                json!({"t": {"x": null}}),
                "# in\nt = { # one\n  y = 2,\n}\n",
            ),
        ];
        for (what, text, patch, expected) in table {
            assert_eq!(edit(text, &patch), expected, "{what}");
            let crlf = |text: &str| text.replace('\n', "\r\n");
            assert_eq!(edit(&crlf(text), &patch), crlf(expected), "{what}, with the line ends of Windows");
        }
    }

    #[test]
    fn line_ends_and_the_mark_of_an_editor_stay() {
        let text = "\u{feff}key = \"old\"\r\n# why\r\nurl = '''\r\na'''\r\n";
        let expected = "\u{feff}key = \"new\"\r\n# why\r\nurl = '''\r\na'''\r\nenabled = false\r\n\r\n[t]\r\nx = 1\r\n";
        assert_eq!(edit(text, &json!({"key": "new", "enabled": false, "t": {"x": 1}})), expected);
        let mixed = "a = 1\nb = 2\r\nc = 3\n";
        assert_eq!(edit(mixed, &json!({"c": null})), "a = 1\nb = 2\r\n");
    }

    #[test]
    fn a_new_field_stands_where_it_belongs() {
        let table = [
            ("", json!({"key": "k"}), "key = \"k\"\n"),
            ("# made", json!({"key": "k"}), "# made\nkey = \"k\"\n"),
            ("# head\n\n# why\n[t]\nx = 1\n", json!({"a": 1}), "# head\n\na = 1\n\n# why\n[t]\nx = 1\n"),
            ("[t]\n  x = 1\n\n[u]\n", json!({"t": {"y": 2}}), "[t]\n  x = 1\n  y = 2\n\n[u]\n"),
            ("[t] # name\n[u]\n", json!({"t": {"y": 2}}), "[t] # name\ny = 2\n[u]\n"),
            ("t.x = 1\na = 1\n", json!({"t": {"y": 2}}), "t.x = 1\nt.y = 2\na = 1\n"),
            ("[s]\nt.x = 1\n", json!({"s": {"t": {"y": {"z": 2}}}}), "[s]\nt.x = 1\nt.y.z = 2\n"),
            ("t = { x = 1 }\n", json!({"t": {"y": 2}}), "t = { x = 1 , y = 2 }\n"),
            ("[k.a]\nx = 1\n", json!({"k": {"b": {"x": 2}}}), "[k.a]\nx = 1\n\n[k.b]\nx = 2\n"),
            ("[k.a]\nx = 1", json!({"k": {"x": 2}}), "[k.a]\nx = 1\n\n[k]\nx = 2\n"),
            ("[k.a]\nx = 1\n", json!({"k": {"a": 2}}), "[k]\na = 2\n"),
            ("k = 1\n", json!({"k": {"a b": 2}}), "[k]\n\"a b\" = 2\n"),
        ];
        for (text, patch, expected) in table {
            assert_eq!(edit(text, &patch), expected, "{text:?} {patch}");
        }
    }

    /// RFC 7396.
    fn merged(mut whole: Json, patch: &Json) -> Json {
        let Json::Object(fields) = patch else { return patch.clone() };
        if !whole.is_object() {
            whole = json!({});
        }
        for (name, value) in fields {
            match value {
                Json::Null => drop(whole.as_object_mut().unwrap().remove(name)),
                value => whole[name] = merged(whole[name].take(), value),
            }
        }
        whole
    }

    /// A table without fields is as good as none.
    fn without_empty(value: Json) -> Json {
        let Json::Object(fields) = value else { return value };
        let fields = fields.into_iter().map(|(name, value)| (name, without_empty(value)));
        fields.filter(|(_, value)| *value != json!({})).collect::<Map<_, _>>().into()
    }

    #[test]
    fn however_a_file_is_written_it_says_what_was_meant() {
        let texts = [
            "",
            "# head\n",
            "a = 1\n",
            "t = 1\nu = [1, [2, '#']]\n",
            "t.x = 1 # c\nt.v.w = \"\"\"#\"\"\"\"\"\n",
            "t = { x = 1, v = { w = 2 } } # c\n",
            "t = {\n  x = 1, # c\n  v = { w = 2 }\n}\n",
            "# head\n[t]\nx = 1\n[t.v]\nw = \"\\\"#\"\n",
            "[t.v]\nw = '''\n#''' # c\n[u]\na = 1",
            "a = 1\n[[t]]\nx = 1\n[[t]]\nx = 2\n[u]\n",
            "[t.v]\n[u]\n[t]\ny = 1\n",
            "\"t\".\"x\" = 1\n[ 'u' ]\n",
        ];
        let values = [
            json!(null),
            json!(7),
            json!("#"),
            json!(["a", {"b": 1}]),
            json!({"w": 8}),
            json!({"w": null, "q": {"r": 9}}),
        ];
        let value_of = |text: &str| -> Json { toml::from_str(text).unwrap_or_else(|error| panic!("{text}\n{error}")) };
        for text in texts {
            for name in ["a", "t", "u", "t.x", "t.v", "t.y"] {
                for value in &values {
                    let patch = name.rsplit('.').fold(value.clone(), |inner, name| json!({name: inner}));
                    let after = edit(text, &patch);
                    let expected = without_empty(merged(value_of(text), &patch));
                    assert_eq!(without_empty(value_of(&after)), expected, "{text:?} {patch}: {after:?}");
                    for comment in comments(text) {
                        assert!(comments(&after).contains(&comment), "{comment} is lost: {text:?} {patch}: {after:?}");
                    }
                }
            }
        }
    }
}
