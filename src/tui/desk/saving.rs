//! Saving the script, or what was played; and what would be lost without.

use super::{Asks, Desk, Notice, Out, parse};
use crate::script::{Registry, Statement};

impl Desk {
    /// Begins again with statements that are not the learner's own: nothing is lost with them.
    pub(in crate::tui) fn restart_with(&mut self, statements: Vec<Statement>, out: &mut Out) {
        self.saved = printed(&statements);
        self.restart(statements, out);
    }

    /// What of this desk is in no file and would be lost with it, in words.
    pub(in crate::tui) fn unsaved(&self, registry: &Registry) -> Vec<String> {
        let mut lost = Vec::new();
        let written = !self.editor.is_blank();
        if written && self.editor.changed {
            lost.push("the script".to_owned());
        }
        let played = self.session.script();
        // What was run from a script that is in a file, or is named already, is not lost once more.
        let in_script = || written && printed(&parse(&self.editor.text(), registry).0) == played;
        if !played.is_empty() && played != self.saved && !in_script() {
            let count = self.session.done();
            lost.push(format!("{count} statement{} in Play", if count == 1 { "" } else { "s" }));
        }
        lost
    }

    /// Asks under which name the script shall be saved, or the session where there is no script.
    pub(super) fn ask_where_to_save(&mut self) {
        let path = self.editor.path.as_ref().map(|p| p.display().to_string()).unwrap_or_default();
        self.ask(Asks::Save, &path);
    }

    /// Saves the script under that name, or the session where there is no script; as a lesson if the name is one's.
    pub(super) fn save_as(&mut self, name: &str, out: &mut Out) {
        if name.is_empty() {
            out.notice(Notice::warning("not saved: it needs a name, such as play.ipc"));
            return;
        }
        if crate::lesson::is_lesson_file(name.as_ref()) {
            out.notice(match self.session.save_lesson(name.as_ref()) {
                Ok(()) => {
                    self.saved = self.session.script();
                    Notice::good(format!("recorded as the lesson {name}; write what is marked TODO in it, a goal too"))
                }
                Err(why) => Notice::error(why),
            });
            return;
        }
        // Without a script of their own, those who save mean what they did; also when they go on, and save again.
        let played = self.editor.is_blank() || self.editor.text() == self.saved;
        if played {
            self.editor.hold(&self.session.script());
        }
        out.notice(match self.editor.save(name.into()) {
            Ok(()) => {
                if played {
                    self.saved = self.session.script();
                }
                Notice::good(format!("saved as {name}"))
            }
            Err(why) => Notice::error(why),
        });
    }
}

fn printed(statements: &[Statement]) -> String {
    statements.iter().fold(String::new(), |text, statement| text + &statement.to_string() + "\n")
}
