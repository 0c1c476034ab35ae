//! Figures in prose: code that begins with `= ` is worked out for this machine, so that no lesson holds a number that
//! is true only elsewhere.

use super::prose::{Block, Inline};
use super::text::Text;
use super::{Item, Lesson};
use crate::script::{self, Data, Env, Registry};

struct Quantities<'a>(&'a Registry);

impl Env for Quantities<'_> {
    fn var(&self, _: &str) -> Option<Data> {
        None
    }

    fn quantity(&self, name: &str) -> Option<i64> {
        self.0.quantity(name)
    }
}

/// Works out all figures of a lesson.
pub(super) fn work_out(lesson: &mut Lesson, text: &mut Text<'_>) {
    let mut figures = Figures { text, from: 0 };
    figures.blocks(&mut lesson.opening);
    for step in &mut lesson.steps {
        for item in &mut step.items {
            match item {
                Item::Prose(blocks) => figures.blocks(blocks),
                Item::Predict(prediction) => {
                    figures.blocks(&mut prediction.question);
                    for choice in &mut prediction.choices {
                        figures.inlines(&mut choice.text);
                        figures.inlines(&mut choice.answer);
                    }
                }
                Item::Run(_) | Item::Refute(_) | Item::Measure(_) => {}
            }
        }
        for hint in &mut step.hints {
            figures.blocks(&mut hint.text);
        }
        figures.blocks(&mut step.explain);
    }
}

struct Figures<'t, 'a> {
    text: &'t mut Text<'a>,
    /// Where in the source the last bad figure stood.
    from: usize,
}

impl Figures<'_, '_> {
    fn blocks(&mut self, blocks: &mut [Block]) {
        for block in blocks {
            match block {
                Block::Paragraph(inlines) | Block::Heading(_, inlines) => self.inlines(inlines),
                Block::List(_, items) => items.iter_mut().for_each(|item| self.blocks(item)),
                Block::Table(table) => {
                    table.head.iter_mut().chain(table.rows.iter_mut().flatten()).for_each(|cell| self.inlines(cell));
                }
                Block::Quote(blocks) => self.blocks(blocks),
                Block::Code(..) | Block::Rule => {}
            }
        }
    }

    fn inlines(&mut self, inlines: &mut [Inline]) {
        for inline in inlines.iter_mut().filter(|i| i.code) {
            let Some(expr) = inline.text.strip_prefix("= ") else { continue };
            let value = script::parse_expr(expr, self.text.registry)
                .map_err(|errors| errors.into_iter().next().map(|e| (e.message, e.help)).unwrap_or_default())
                .and_then(|e| e.eval_int(&Quantities(self.text.registry)).map_err(|e| (e.to_string(), None)));
            match value {
                Ok(number) => *inline = Inline { text: number.to_string(), code: false, ..inline.clone() },
                Err((message, help)) => {
                    let written = format!("`{}`", inline.text);
                    let at = self.text.source[self.from..].find(&written).map_or(0, |n| self.from + n);
                    self.from = at + written.len();
                    let help = help.or_else(|| Some("a figure is an expression: `= 16 * pagesize`".to_owned()));
                    self.text.error(&(at..at + written.len()), message, help);
                }
            }
        }
    }
}
