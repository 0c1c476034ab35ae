//! Typing into an object on stage: a terminal.

use super::{Asks, Desk, Focus, Notice, Out, parse};
use crate::tui::panes::typed_into;

impl Desk {
    /// Asks for what shall be typed into the object that has the focus, or into the only one that takes it.
    pub(super) fn type_into(&mut self, out: &mut Out) {
        let takes = |name: &&String| {
            let object = self.session.now.object(name);
            object.is_some_and(|object| typed_into(object, &self.session.now, "").is_some())
        };
        let focused = match &self.stage.focus {
            Some(Focus::Object(name)) => Some(name),
            _ => None,
        };
        let mut all = self.session.now.objects.iter().map(|object| &object.name).filter(takes);
        let name = focused.filter(takes).or_else(|| all.next().filter(|_| all.next().is_none())).cloned();
        match name {
            Some(name) => self.ask(Asks::Keys(name), ""),
            None => out.notice(Notice::warning("choose the pane of a terminal first: there is nothing to type into")),
        }
    }

    /// Types a line: an order to an actor, as if it had been typed at the prompt.
    pub(super) fn send_keys(&mut self, name: &str, text: &str, out: &mut Out) {
        let now = &self.session.now;
        let statement = now.object(name).and_then(|object| typed_into(object, now, text));
        match statement {
            Some(Ok(statement)) => {
                for statement in parse(&statement, out.registry).0 {
                    self.say(statement, out);
                }
            }
            Some(Err(why)) => out.notice(Notice::warning(why)),
            None => out.notice(Notice::warning(format!("{name} is no longer there to type into"))),
        }
    }
}
