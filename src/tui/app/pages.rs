//! Pages that lie over a screen: help, all that is known of something, who waits for whom, messages.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{App, Page};
use crate::tui::desk::Look;
use crate::tui::keys::Action;
use crate::tui::layout;
use crate::tui::text;
use crate::tui::theme::Role;

impl App {
    pub(super) fn act_on_page(&mut self, action: Action) {
        let rows = i32::from(self.area.height.saturating_sub(6));
        let by = match action {
            Action::Up => -1,
            Action::Down => 1,
            Action::PageUp => -rows,
            Action::PageDown => rows,
            Action::Top => -10_000,
            Action::Bottom => 10_000,
            _ => 0,
        };
        match self.page.as_mut() {
            Some(Page::Help(help)) => match action {
                Action::Accept => help.typing = false,
                Action::Cancel if help.typing => {
                    help.typing = false;
                    help.word.set("");
                }
                Action::Find => {
                    help.reference = true;
                    help.typing = true;
                    help.scroll = 0;
                }
                Action::HelpKey | Action::PageTurn => {
                    help.reference = !help.reference;
                    help.scroll = 0;
                }
                Action::Cancel | Action::Help | Action::Choose => self.page = None,
                _ => {
                    let most = help.most(self.out.registry, &self.keys, &self.theme, self.area);
                    help.scroll = moved(help.scroll.min(most), by).min(most);
                }
            },
            Some(Page::Detail(scroll)) if by != 0 => *scroll = moved(*scroll, by),
            Some(Page::Waits(_)) if by != 0 => self.scroll_waits(by),
            Some(Page::Waits(_)) if action == Action::Waits => self.page = None,
            Some(_) if matches!(action, Action::Cancel | Action::Choose | Action::Help) => self.page = None,
            _ => {}
        }
    }

    /// Scrolls the view of who waits for whom, not beyond its last page.
    fn scroll_waits(&mut self, by: i32) {
        let look = Look { theme: &self.theme, registry: self.out.registry, timeless: self.timeless, keys: None };
        let lines = self.shown_desk().map_or(0, |desk| desk.waits(look, waits_width(self.area)).len() as u16);
        let most = lines.saturating_sub(layout::parts(self.area).body.height.saturating_sub(2));
        if let Some(Page::Waits(scroll)) = &mut self.page {
            *scroll = moved((*scroll).min(most), by).min(most);
        }
    }

    pub(super) fn render_page(&self, page: &Page, area: Rect, buffer: &mut Buffer, look: Look<'_>) {
        let theme = look.theme;
        let (title, lines, scroll) = match page {
            Page::Help(help) => {
                crate::tui::help::render(area, buffer, help, &self.keys, self.out.registry, theme, self.ascii);
                return;
            }
            Page::Detail(scroll) => {
                let width = usize::from(area.width.min(100).saturating_sub(4));
                let detail = self.shown_desk().and_then(|d| d.detail(look, width));
                let (title, lines) = detail.unwrap_or_else(|| ("it is gone".to_owned(), Vec::new()));
                (title, lines, *scroll)
            }
            Page::Waits(scroll) => {
                let desk = self.shown_desk();
                let lines = desk.map(|desk| desk.waits(look, waits_width(self.area))).unwrap_or_default();
                let below = lines.len().saturating_sub(usize::from(*scroll) + usize::from(area.height - 2));
                let more = match (*scroll, below) {
                    (0, 0) => String::new(),
                    (0, below) => format!(" ({below} lines below)"),
                    (above, 0) => format!(" ({above} lines above)"),
                    (above, below) => format!(" ({above} lines above, {below} below)"),
                };
                (format!("Who waits for whom{more}"), lines, *scroll)
            }
            Page::Messages(messages) => {
                let width = usize::from(area.width.min(100).saturating_sub(4));
                let mut lines = Vec::new();
                for message in messages {
                    for line in text::wrap(message, width) {
                        lines.push(Line::from(Span::styled(line, theme.style(Role::Warning))));
                    }
                }
                let words = "All else is as it was set. Esc goes on.";
                lines.push(Line::default());
                lines.push(Line::from(Span::styled(words, theme.style(Role::Dim))));
                ("Wrong in your settings".to_owned(), lines, 0)
            }
        };
        let height = (lines.len() as u16 + 2).clamp(4, area.height.max(4));
        let wide = if matches!(page, Page::Waits(_)) { WAITS_WIDTH } else { 100 };
        let inner = layout::window(layout::centered(area, wide, height), buffer, theme, &title);
        let top = usize::from(scroll).min(lines.len().saturating_sub(usize::from(inner.height)));
        for (y, line) in lines.iter().skip(top).take(usize::from(inner.height)).enumerate() {
            layout::line_at(inner, y as u16, buffer, line);
        }
    }
}

/// How wide the view of who waits for whom may get.
const WAITS_WIDTH: u16 = 120;

/// How wide its lines are on such a screen.
fn waits_width(area: Rect) -> usize {
    usize::from(area.width.min(WAITS_WIDTH).saturating_sub(4))
}

fn moved(scroll: u16, by: i32) -> u16 {
    (i32::from(scroll) + by).clamp(0, 10_000) as u16
}
