//! Results of `ipclab check` as JUnit XML, for machines that collect tests.

use std::fmt::Write as _;
use std::time::Duration;

/// One lesson's result.
#[derive(Debug)]
pub(super) struct Case {
    /// Its unit.
    pub(super) unit: String,
    /// Its id.
    pub(super) name: String,
    /// How long it took.
    pub(super) took: Duration,
    /// How it came out.
    pub(super) result: Result,
}

/// How a lesson came out.
#[derive(Debug)]
pub(super) enum Result {
    /// It passed.
    Passed,
    /// It was skipped; why.
    Skipped(String),
    /// It failed: a line, and all that is known.
    Failed(String, String),
    /// It could not be read: a line, and all that is known.
    Error(String, String),
}

/// The document.
pub(super) fn document(cases: &[Case]) -> String {
    let count = |wanted: fn(&Result) -> bool| cases.iter().filter(|c| wanted(&c.result)).count();
    let total: Duration = cases.iter().map(|c| c.took).sum();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        xml,
        "<testsuite name=\"ipclab check\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.3}\">",
        cases.len(),
        count(|r| matches!(r, Result::Failed(..))),
        count(|r| matches!(r, Result::Error(..))),
        count(|r| matches!(r, Result::Skipped(_))),
        total.as_secs_f64()
    );
    for case in cases {
        let (unit, name) = (escape(&case.unit), escape(&case.name));
        let _ = write!(xml, "  <testcase classname=\"{unit}\" name=\"{name}\" time=\"{:.3}\"", case.took.as_secs_f64());
        let _ = match &case.result {
            Result::Passed => writeln!(xml, "/>"),
            Result::Skipped(why) => writeln!(xml, "><skipped message=\"{}\"/></testcase>", escape(why)),
            Result::Failed(line, all) => {
                writeln!(xml, "><failure message=\"{}\">{}</failure></testcase>", escape(line), escape(all))
            }
            Result::Error(line, all) => {
                writeln!(xml, "><error message=\"{}\">{}</error></testcase>", escape(line), escape(all))
            }
        };
    }
    xml.push_str("</testsuite>\n");
    xml
}

/// Text as XML has it; what XML can't hold becomes U+FFFD.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_result_has_its_element() {
        let case = |name: &str, result| Case {
            unit: "pipes".into(),
            name: name.into(),
            took: Duration::from_millis(1500),
            result,
        };
        let xml = document(&[
            case("a", Result::Passed),
            case("b", Result::Skipped("no <mqueue>".into())),
            case("c", Result::Failed("\"x\" & y".into(), "line\n\u{1b}[1m".into())),
            case("d", Result::Error("e".into(), "f".into())),
        ]);
        assert_eq!(
            xml,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <testsuite name=\"ipclab check\" tests=\"4\" failures=\"1\" errors=\"1\" skipped=\"1\" time=\"6.000\">\n  \
             <testcase classname=\"pipes\" name=\"a\" time=\"1.500\"/>\n  \
             <testcase classname=\"pipes\" name=\"b\" time=\"1.500\"><skipped message=\"no &lt;mqueue&gt;\"/></testcase>\n  \
             <testcase classname=\"pipes\" name=\"c\" time=\"1.500\"><failure message=\"&quot;x&quot; &amp; y\">line\n\u{fffd}[1m</failure></testcase>\n  \
             <testcase classname=\"pipes\" name=\"d\" time=\"1.500\"><error message=\"e\">f</error></testcase>\n\
             </testsuite>\n"
        );
    }
}
