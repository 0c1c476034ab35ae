//! Leaving the program: at once where nothing is lost, else after asking once.

use ratatui::crossterm::event::{KeyCode, KeyModifiers};

use super::{Action, App, Chord, Ending, Notice};

/// What was asked of one who wants to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaving {
    /// Nothing.
    No,
    /// Whether they mean it: by the same key once more.
    Meant,
    /// Whether what is not saved may go: by the same key once more, or by Enter.
    Lost,
}

impl App {
    /// Leaves the program. What would be lost is said first, and `ask` asks even if nothing would: for a key that
    /// usually leads back.
    pub(super) fn leave(&mut self, ask: bool) {
        let lost = self.play.as_ref().map_or_else(Vec::new, |desk| desk.unsaved(self.out.registry));
        if self.leaving != Leaving::No || lost.is_empty() && !ask {
            self.ending = Some(Ending::Left);
            return;
        }
        self.leaving = if lost.is_empty() || ask { Leaving::Meant } else { Leaving::Lost };
        let key = if ask { "once more" } else { "once more, or Enter," };
        self.out.notice(Notice::warning(match lost.as_slice() {
            [] => "once more leaves ipclab".to_owned(),
            lost => {
                let save = self.keys.label(Action::SaveFile, self.ascii);
                format!("not saved: {}; {key} leaves all the same, {save} in Play saves", lost.join(" and "))
            }
        }));
    }

    /// Takes a key as the answer to whether to leave; true if it was one, and the program ends. Any other key takes the
    /// question back.
    pub(super) fn answered_leaving(&mut self, chord: Chord, action: Option<Action>) -> bool {
        let enter = Chord { code: KeyCode::Enter, modifiers: KeyModifiers::NONE };
        if self.leaving == Leaving::Lost && chord == enter {
            self.ending = Some(Ending::Left);
            return true;
        }
        if !matches!(action, Some(Action::Quit | Action::QuitNow | Action::Cancel)) {
            self.leaving = Leaving::No;
        }
        false
    }

    /// Ctrl-C clears what was typed; twice it leaves.
    pub(super) fn interrupt(&mut self) {
        if self.interrupted {
            self.ending = Some(Ending::Left);
            return;
        }
        self.interrupted = true;
        if let Some(desk) = self.desk() {
            desk.prompt.clear();
        }
        let lost = self.play.as_ref().map_or_else(Vec::new, |desk| desk.unsaved(self.out.registry));
        self.out.notice(Notice::warning(match lost.as_slice() {
            [] => "once more leaves ipclab".to_owned(),
            lost => format!("once more leaves ipclab, and these are not saved: {}", lost.join(" and ")),
        }));
    }
}
