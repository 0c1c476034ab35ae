//! The front matter of a lesson: TOML between two lines of `+++`.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Front;
use super::text::{Text, is_id};
use crate::script::did_you_mean;

const FENCE: &str = "+++";

/// All keys, in the order in which lessons give them.
const KEYS: [&str; 10] =
    ["id", "title", "unit", "misconception", "objectives", "claims", "requires", "minutes", "par", "read"];

/// Those without which a lesson is none.
const NEEDED: [(&str, &str); 4] = [
    ("id", "id = \"pipe-eof\""),
    ("title", "title = \"End of file is a count of writers\""),
    ("unit", "unit = \"pipes\""),
    ("minutes", "minutes = 6"),
];

/// Reads the front matter and tells where the text behind it begins.
pub(super) fn read(text: &mut Text<'_>) -> (Front, usize) {
    let source = text.source;
    let Some((range, rest)) = bounds(source) else {
        let first = source.find('\n').unwrap_or(source.len());
        let help = "the first line is `+++`, then `id = \"…\"` and the other keys, then `+++`".to_owned();
        text.error(&(0..first), "expected front matter", Some(help));
        return (Front::default(), 0);
    };
    let (table, errors) = DeTable::parse_recoverable(&source[range.clone()]);
    for error in &errors {
        let at = error.span().unwrap_or(0..0);
        text.error(&(at.start + range.start..at.end + range.start), lower(error.message()), None);
    }
    let mut reader = Reader { text, base: range.start };
    let front = reader.front(table.get_ref());
    if errors.is_empty() {
        for (key, example) in NEEDED {
            if !table.get_ref().iter().any(|(k, _)| k.get_ref() == key) {
                reader.text.error(
                    &(0..FENCE.len()),
                    format!("the front matter lacks `{key}`"),
                    Some(format!("such as `{example}`")),
                );
            }
        }
    }
    (front, rest)
}

/// Where the TOML stands, and what follows the closing fence.
fn bounds(source: &str) -> Option<(Range<usize>, usize)> {
    let after = source.strip_prefix(FENCE)?;
    let start = FENCE.len() + after.find('\n')? + 1;
    let mut at = start;
    for line in source[start..].split_inclusive('\n') {
        if line.trim_end() == FENCE {
            return Some((start..at, at + line.len()));
        }
        at += line.len();
    }
    None
}

/// A message of the TOML reader in our manner.
pub(super) fn lower(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default().trim_end_matches('.');
    let mut chars = line.chars();
    chars.next().map_or_else(String::new, |c| c.to_lowercase().chain(chars).collect())
}

struct Reader<'r, 'a> {
    text: &'r mut Text<'a>,
    base: usize,
}

impl Reader<'_, '_> {
    fn front(&mut self, table: &DeTable<'_>) -> Front {
        let mut front = Front::default();
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "id" => front.id = self.id(value),
                "title" => front.title = self.string(value),
                "unit" => front.unit = self.id(value),
                "misconception" => front.misconception = self.string(value),
                "objectives" => front.objectives = self.strings(value),
                "claims" => front.claims = self.strings(value),
                "requires" => front.requires = self.strings(value),
                "read" => front.read = self.strings(value),
                "minutes" => front.minutes = self.number(value, "minutes"),
                "par" => front.par = Some(self.number(value, "statements")),
                other => {
                    let help = did_you_mean(other, KEYS).unwrap_or_else(|| format!("the keys are {}", KEYS.join(", ")));
                    self.error(&key.span(), format!("unknown key `{other}`"), Some(help));
                }
            }
        }
        front
    }

    fn error(&mut self, at: &Range<usize>, message: String, help: Option<String>) {
        self.text.error(&(at.start + self.base..at.end + self.base), message, help);
    }

    fn wrong(&mut self, value: &Spanned<DeValue<'_>>, wanted: &str) {
        let found = value.get_ref().type_str();
        self.error(&value.span(), format!("expected {wanted}, found {found}"), None);
    }

    fn string(&mut self, value: &Spanned<DeValue<'_>>) -> String {
        match value.get_ref().as_str() {
            Some(s) if !s.trim().is_empty() => s.to_owned(),
            Some(_) => {
                self.error(&value.span(), "expected some text, found none".to_owned(), None);
                String::new()
            }
            None => {
                self.wrong(value, "a string");
                String::new()
            }
        }
    }

    fn id(&mut self, value: &Spanned<DeValue<'_>>) -> String {
        let id = self.string(value);
        if !id.is_empty() && !is_id(&id) {
            let help = "small letters, digits and hyphens, a letter first".to_owned();
            self.error(&value.span(), format!("`{id}` can't be an id"), Some(help));
        }
        id
    }

    fn strings(&mut self, value: &Spanned<DeValue<'_>>) -> Vec<String> {
        let Some(array) = value.get_ref().as_array() else {
            self.wrong(value, "an array of strings");
            return Vec::new();
        };
        array.iter().map(|v| self.string(v)).collect()
    }

    fn number(&mut self, value: &Spanned<DeValue<'_>>, of: &str) -> u32 {
        let number = value.get_ref().as_integer().and_then(|i| u32::from_str_radix(i.as_str(), i.radix()).ok());
        match number {
            Some(n @ 1..=60) => n,
            Some(_) => {
                self.error(&value.span(), format!("expected {of} from 1 to 60"), None);
                0
            }
            None => {
                self.wrong(value, "a number of minutes");
                0
            }
        }
    }
}
