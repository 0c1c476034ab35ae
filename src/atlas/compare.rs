//! The comparison of all facilities: a table whose every cell has an experiment that shows it.
//!
//! A column is a file of `assets/compare`:
//!
//! ```text
//! title: byte stream or message
//! asks: whether a receive gives what one send has sent
//!
//! @ stream: pipe fifo unix-stream
//! == two sends come out of one receive
//! counter: it is a message facility
//! counter on: unix-seqpacket
//! spawn alice
//! :make alice
//! :send alice "one"
//! :send alice "two"
//! :receive alice 100
//! expect alice got "onetwo"
//!
//! @ -: mutex
//! why: it carries no data
//! ```
//!
//! `@` tells the answer for some rows, which are leaves of the map. What follows is an experiment as claims have them; a
//! line that begins with `:` says what is done, and becomes the statements of the row's
//! [dialect](crate::facility::dialect) for it (of another one's in the counter-run, with `counter on:`). The object is
//! called `it`; `:find` is the first statement of joining. Instead of an experiment there may stand `as: COLUMN`, the one of this row's cell in another column,
//! `claim: ID`, that of a claim, or `why:`, the reason why the question does not arise.

use std::sync::OnceLock;

use super::{Leaf, leaves};
use crate::claim::{self, Experiment};
use crate::facility::dialect::{Dialect, Fill, Op, dialect};
use crate::facility::registry;
use crate::script::{self, Expr};

/// The files of the columns, in the order of the table.
const FILES: [(&str, &str); 12] = [
    ("boundaries", include_str!("../../assets/compare/boundaries.ipc")),
    ("reading", include_str!("../../assets/compare/reading.ipc")),
    ("multiplexing", include_str!("../../assets/compare/multiplexing.ipc")),
    ("order", include_str!("../../assets/compare/order.ipc")),
    ("notification", include_str!("../../assets/compare/notification.ipc")),
    ("descriptors", include_str!("../../assets/compare/descriptors.ipc")),
    ("broadcast", include_str!("../../assets/compare/broadcast.ipc")),
    ("network", include_str!("../../assets/compare/network.ipc")),
    ("identifier", include_str!("../../assets/compare/identifier.ipc")),
    ("handle", include_str!("../../assets/compare/handle.ipc")),
    ("persistence", include_str!("../../assets/compare/persistence.ipc")),
    ("access", include_str!("../../assets/compare/access.ipc")),
];

/// A column: a question that is asked of all.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its id, which never changes.
    pub id: &'static str,
    /// What is asked, in a few words.
    pub title: String,
    /// The question: a clause.
    pub asks: String,
    sections: Vec<Section>,
}

/// One answer, and the rows for which it is the answer.
#[derive(Debug, Clone)]
struct Section {
    answer: String,
    rows: Vec<String>,
    shown_by: ShownBy,
}

/// What shows an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ShownBy {
    /// The text of an experiment, with what is done still to be put into words.
    Own(String),
    /// What shows the answer of the same row in that column.
    Column(String),
    /// The experiment of that claim.
    Claim(String),
    /// Nothing: the question does not arise, and why.
    Nothing(String),
}

/// A cell of the table.
#[derive(Debug, Clone, Copy)]
pub struct Cell {
    /// The row.
    pub row: &'static Leaf,
    /// The column.
    pub column: &'static Column,
    section: &'static Section,
}

/// What is wrong with a column, in words.
type Wrong = String;

impl Cell {
    /// Under which name a learner's proof of it is kept: `unix-datagram/boundaries`.
    pub fn key(&self) -> String {
        format!("{}/{}", self.row.id, self.column.id)
    }

    /// The answer in a word or two; `-` where the question does not arise.
    pub fn answer(&self) -> &'static str {
        &self.section.answer
    }

    /// Why the question does not arise, if it does not.
    pub fn why_not(&self) -> Option<&'static str> {
        if let ShownBy::Nothing(why) = &self.section.shown_by { Some(why) } else { None }
    }

    /// The text of the experiment that shows it; `None` where the question does not arise.
    ///
    /// # Errors
    /// What is wrong with it: it is part of the program, and tests see to it.
    pub fn text(&self) -> Option<Result<String, Wrong>> {
        match &self.section.shown_by {
            ShownBy::Nothing(_) => None,
            ShownBy::Own(text) => Some(in_words(text, self.row).map_err(|wrong| format!("{}: {wrong}", self.key()))),
            ShownBy::Claim(id) => Some(Ok(claim::source(id).unwrap_or_default().to_owned())),
            ShownBy::Column(id) => {
                let other = column(id).filter(|column| column.id != self.column.id);
                let other = other.and_then(|column| cell(self.row, column));
                other.map_or_else(|| Some(Err(format!("{}: no cell in {id}", self.key()))), |cell| cell.text())
            }
        }
    }

    /// The experiment that shows it; `None` where the question does not arise.
    ///
    /// # Errors
    /// What is wrong with its text.
    pub fn experiment(&self) -> Option<Result<Experiment, Wrong>> {
        let text = match self.text()? {
            Ok(text) => text,
            Err(wrong) => return Some(Err(wrong)),
        };
        Some(claim::parse(&text, registry()).map_err(|wrong| {
            let told: Vec<String> =
                wrong.iter().map(|d| format!("{}: {}", &text[d.span.start..d.span.end], d.message)).collect();
            format!("{}: {}", self.key(), told.join("; "))
        }))
    }

    /// What its experiment shows, in sentences; the reason where there is none.
    pub fn shows(&self) -> Vec<String> {
        match self.experiment() {
            None => vec![self.why_not().unwrap_or_default().to_owned()],
            Some(Ok(experiment)) => experiment.parts.into_iter().map(|part| part.shows).collect(),
            Some(Err(wrong)) => vec![wrong],
        }
    }
}

/// The columns, in the order of the table.
pub fn columns() -> &'static [Column] {
    static COLUMNS: OnceLock<Vec<Column>> = OnceLock::new();
    COLUMNS.get_or_init(|| FILES.iter().filter_map(|(id, text)| read(id, text).ok()).collect())
}

/// The column of that id.
pub fn column(id: &str) -> Option<&'static Column> {
    columns().iter().find(|column| column.id == id)
}

/// The rows: all leaves that some column speaks of, in the order of the map.
pub fn table_rows() -> &'static [&'static Leaf] {
    static ROWS: OnceLock<Vec<&'static Leaf>> = OnceLock::new();
    ROWS.get_or_init(|| {
        let spoken = |leaf: &&Leaf| columns().iter().any(|c| c.sections.iter().any(|s| s.rows.contains(&leaf.id)));
        leaves().iter().filter(spoken).collect()
    })
}

/// A cell of the table.
pub fn cell(row: &'static Leaf, column: &'static Column) -> Option<Cell> {
    let section = column.sections.iter().find(|section| section.rows.contains(&row.id))?;
    Some(Cell { row, column, section })
}

/// All cells, row by row.
pub fn cells() -> impl Iterator<Item = Cell> {
    table_rows().iter().flat_map(|row| columns().iter().filter_map(|column| cell(row, column)))
}

/// Reads a column.
fn read(id: &'static str, text: &str) -> Result<Column, Wrong> {
    let mut column = Column { id, title: String::new(), asks: String::new(), sections: Vec::new() };
    for (number, line) in text.lines().enumerate() {
        if let Some(head) = line.strip_prefix("@ ") {
            let (answer, rows) = head.split_once(':').ok_or_else(|| format!("{id}:{}: no rows", number + 1))?;
            let rows: Vec<String> = rows.split_whitespace().map(ToOwned::to_owned).collect();
            column.sections.push(Section {
                answer: answer.trim().to_owned(),
                rows,
                shown_by: ShownBy::Own(String::new()),
            });
            continue;
        }
        match column.sections.last_mut() {
            None => {
                if let Some(title) = line.strip_prefix("title:") {
                    column.title = title.trim().to_owned();
                } else if let Some(asks) = line.strip_prefix("asks:") {
                    column.asks = asks.trim().to_owned();
                } else if !line.trim().is_empty() && !line.starts_with('#') {
                    return Err(format!("{id}:{}: this stands before the first answer", number + 1));
                }
            }
            Some(section) => {
                let word = |name: &str| line.strip_prefix(name).map(|rest| rest.trim().to_owned());
                if let Some(why) = word("why:") {
                    section.shown_by = ShownBy::Nothing(why);
                } else if let Some(other) = word("as:") {
                    section.shown_by = ShownBy::Column(other);
                } else if let Some(claim) = word("claim:") {
                    section.shown_by = ShownBy::Claim(claim);
                } else if let ShownBy::Own(text) = &mut section.shown_by {
                    text.push_str(line);
                    text.push('\n');
                } else if !line.trim().is_empty() {
                    return Err(format!("{id}:{}: the experiment is another's", number + 1));
                }
            }
        }
    }
    Ok(column)
}

/// The text of an experiment with all that is done in the words of the row's dialect.
fn in_words(text: &str, row: &Leaf) -> Result<String, Wrong> {
    let own = dialect(&row.id);
    let mut other: Option<&'static Dialect> = None;
    let mut out = String::new();
    for line in text.lines() {
        if line.starts_with("== ") {
            out.push_str(line);
            other = None;
            if !row.needs.is_empty() {
                out.push_str(&format!("\nrequires: {}", row.needs));
            }
        } else if let Some(kind) = line.strip_prefix("counter on:") {
            other = Some(dialect(kind.trim()).ok_or_else(|| format!("no dialect is {}", kind.trim()))?);
            continue;
        } else {
            let (side, rest) = if let Some(rest) = line.strip_prefix("- ") {
                ("- ", rest)
            } else {
                line.strip_prefix("+ ").map_or(("", line), |rest| ("+ ", rest))
            };
            let Some(deed) = rest.strip_prefix(':') else {
                out.push_str(line);
                out.push('\n');
                continue;
            };
            let own = own.ok_or_else(|| format!("{} has no dialect", row.id))?;
            let sides: &[(&str, &Dialect)] = match (side, other) {
                ("", Some(other)) => &[("- ", own), ("+ ", other)],
                ("+ ", Some(other)) => &[("+ ", other)],
                (side, _) => &[(side, own)],
            };
            let mut lines = Vec::new();
            for (side, dialect) in sides {
                lines.extend(deed_in(dialect, deed)?.into_iter().map(|line| format!("{side}{line}")));
            }
            out.push_str(&lines.join("\n"));
        }
        out.push('\n');
    }
    Ok(out)
}

/// `send alice "one"` in the words of a dialect.
fn deed_in(dialect: &Dialect, deed: &str) -> Result<Vec<String>, Wrong> {
    let mut words = deed.splitn(3, ' ');
    let (word, actor, rest) =
        (words.next().unwrap_or_default(), words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if word == "find" {
        // What leads to it, without what is then made of it.
        let fill = Fill { actor, object: "it", ..Fill::default() };
        let lines = dialect.filled(Op::Join, &fill).ok_or_else(|| format!("{} can't join", dialect.kind))?;
        return Ok(lines.into_iter().take(1).collect());
    }
    let op = Op::named(word).ok_or_else(|| format!("nothing that can be done is called {word}"))?;
    let len = match script::parse_expr(rest, registry()) {
        Ok(Expr::Text(data)) => Some(data.len()),
        _ => None,
    };
    let fill = Fill { actor, object: "it", data: rest, len, count: rest, port: 5000 };
    dialect.filled(op, &fill).ok_or_else(|| format!("{} can't {word}", dialect.kind))
}

#[cfg(test)]
mod tests {
    use super::super::leaf;
    use super::*;
    use crate::script::{Body, Statement};

    #[test]
    fn every_column_can_be_read_and_answers_for_every_row_once() {
        for (id, text) in FILES {
            let column = read(id, text).unwrap();
            assert!(!column.title.is_empty() && !column.asks.is_empty(), "{id}");
            for section in &column.sections {
                assert!(section.answer.chars().count() <= 12, "{id}: {} is long", section.answer);
                for row in &section.rows {
                    assert!(leaf(row).is_some(), "{id}: {row} is not on the map");
                }
            }
            for row in table_rows() {
                let count = column.sections.iter().filter(|s| s.rows.contains(&row.id)).count();
                assert_eq!(count, 1, "{id}: {} has {count} answers", row.id);
            }
        }
        assert_eq!(columns().len(), FILES.len());
    }

    #[test]
    fn every_facility_is_compared() {
        for leaf in leaves().iter().filter(|leaf| leaf.at[0] != "around them") {
            assert!(table_rows().iter().any(|row| row.id == leaf.id), "{} is in no column", leaf.id);
        }
    }

    #[test]
    fn every_cell_has_an_experiment_with_a_counter_run_or_a_reason() {
        let mut wrong = Vec::new();
        for cell in cells() {
            let key = cell.key();
            match cell.experiment() {
                None => {
                    assert!(cell.answer() == "-" && !cell.why_not().unwrap().is_empty(), "{key}");
                }
                Some(Err(why)) => {
                    wrong.push(why);
                }
                Some(Ok(experiment)) => {
                    assert_ne!(cell.answer(), "-", "{key}");
                    for part in &experiment.parts {
                        let text = |of: &[Statement], checks: bool| -> Vec<String> {
                            let all = of.iter().filter(|s| !checks || matches!(s.body, Body::Expect(_)));
                            all.map(ToString::to_string).collect()
                        };
                        assert_eq!(text(&part.run, true), text(&part.counter, true), "{key}");
                        assert!(!text(&part.run, true).is_empty(), "{key}: no expectation");
                        assert_ne!(text(&part.run, false), text(&part.counter, false), "{key}: the same");
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn what_is_done_becomes_statements_of_the_row() {
        let text =
            "== it\ncounter: not\ncounter on: unix-stream\n:make alice\n+ :send alice \"x\"\nexpect alice idle\n";
        let words = in_words(text, leaf("sysv-queue").unwrap()).unwrap();
        let wanted = "== it\ncounter: not\n- alice: msgget it IPC_CREAT\n+ alice: socketpair it AF_UNIX SOCK_STREAM\n\
                      + alice: send it.0 \"x\"\nexpect alice idle\n";
        assert_eq!(words, wanted);
        assert!(in_words(":fly alice\n", leaf("pipe").unwrap()).unwrap_err().contains("fly"));
        assert!(in_words(":join alice\n", leaf("pipe").unwrap()).unwrap_err().contains("can't join"));
    }
}
