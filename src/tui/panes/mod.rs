//! How each kind of object is drawn: one file a facility, and a general manner for all others.
//!
//! A pane is a list of lines; frames and wires are the stage's. A pane draws the fields that it knows by name and the
//! rest follows in the general manner, so that a new facility or field shows before anybody has drawn it.

mod actor;
mod counted;
mod epoll;
mod filelock;
mod host;
mod memory;
mod messages;
mod mq;
mod mutex;
mod pipe;
mod pthread;
mod pty;
mod semaphore;
mod shm;
mod socket;
mod sysv_mq;
mod sysv_sem;
mod sysv_shm;
mod tcp;
mod udp;
mod unix;
mod views;

pub(super) use actor::{card, title as card_title};
pub(super) use host::HOME;

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::text::{self, clip_spans, spread};
use super::theme::{Role, Theme};
use crate::model::{Evidence, Field, Object, Snapshot, Value, Word};

/// A pane of a facility.
#[derive(Debug)]
pub(super) struct Pane {
    /// The facility's id.
    facility: &'static str,
    /// The fields that it draws itself.
    fields: &'static [&'static str],
    /// Draws them.
    draw: fn(&mut Painter<'_>),
    /// The whole in a few words, for when there is no room.
    brief: fn(&Object) -> String,
    /// Roles of holders that are told even if nobody has them.
    roles: &'static [&'static str],
}

/// The panes, one line a facility.
static ALL: &[&Pane] = &[
    &pipe::PIPE,
    &pipe::FIFO,
    &host::PANE,
    &unix::PANE,
    &tcp::PANE,
    &udp::PANE,
    &mq::PANE,
    &shm::PANE,
    &memory::PANE,
    &semaphore::PANE,
    &mutex::PANE,
    &pthread::COND,
    &pthread::RWLOCK,
    &pthread::BARRIER,
    &pthread::SPIN,
    &pthread::FUTEX,
    &filelock::PANE,
    &pty::PANE,
    &sysv_mq::PANE,
    &sysv_sem::PANE,
    &sysv_shm::PANE,
    &epoll::PANE,
    &counted::EVENTFD,
    &counted::TIMERFD,
    &counted::SIGNALFD,
];

/// How something is typed into an object.
pub(super) struct Typed {
    /// The statement that types these bytes, or why nobody can.
    pub statement: fn(&Object, &Snapshot, &[u8]) -> Result<String, String>,
    /// The bytes of a line that ends with Enter.
    pub line: fn(&str) -> Vec<u8>,
    /// Whether it takes each key at once, and no lines.
    pub at_once: fn(&Object) -> bool,
}

/// The facilities into whose objects a learner can type, one line each.
static TYPED: &[(&str, &Typed)] = &[("pty", &pty::TYPED)];

/// How an object is typed into; `None` where nothing can be typed.
pub(super) fn typed_into(object: &Object) -> Option<&'static Typed> {
    TYPED.iter().find(|(facility, _)| *facility == object.facility()).map(|(_, typed)| *typed)
}

static GENERAL: Pane = Pane { facility: "", fields: &[], draw: |_| (), brief, roles: &[] };

fn brief(object: &Object) -> String {
    let named = |f: &Field| plain(&f.value).map(|v| format!("{} {v}", f.name));
    object.fields.iter().filter_map(named).take(2).collect::<Vec<_>>().join(" · ")
}

fn of(facility: &str) -> &'static Pane {
    ALL.iter().copied().find(|p| p.facility == facility).unwrap_or(&GENERAL)
}

/// What a pane may look at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sight<'a> {
    /// Everything now.
    pub(super) now: &'a Snapshot,
    /// Everything at the last settled moment before, for what has changed.
    pub(super) before: Option<&'a Snapshot>,
    /// The styles.
    pub(super) theme: &'a Theme,
    /// Whether times are left out: in pictures and golden files.
    pub(super) timeless: bool,
    /// The actors that only each other could wake.
    pub(super) stuck: &'a [String],
}

impl Sight<'_> {
    /// The style of an actor's name.
    pub(super) fn hue(&self, actor: &str) -> Style {
        let place = self.now.actors.iter().position(|a| a.name == actor);
        place.map_or_else(|| self.theme.style(Role::Dim), |i| self.theme.hue(i))
    }

    fn style(&self, role: Role) -> Style {
        self.theme.style(role)
    }
}

/// The lines of an object's pane, each at most `width` columns wide.
pub(super) fn lines(object: &Object, sight: Sight<'_>, width: usize, compact: bool) -> Vec<Line<'static>> {
    let pane = of(object.facility());
    let before = sight.before.and_then(|s| s.objects.iter().find(|o| o.key == object.key && o.name == object.name));
    let mut painter = Painter { object, before, sight, width, lines: Vec::new() };
    if compact {
        let evidence = object.fields.first().map(|f| f.evidence);
        painter.row(vec![Span::styled((pane.brief)(object), sight.style(Role::Value))], evidence);
        painter.waiters();
        return painter.lines;
    }
    (pane.draw)(&mut painter);
    for field in object.fields.iter().filter(|f| !pane.fields.contains(&f.name.as_ref())) {
        painter.field(field);
    }
    painter.holders(pane.roles);
    painter.waiters();
    painter.lines
}

/// All that is known of an object: its pane, then each field as it was read with its evidence in words.
pub(super) fn detail(object: &Object, sight: Sight<'_>, width: usize) -> Vec<Line<'static>> {
    let mut all = lines(object, sight, width, false);
    let mut painter = Painter { object, before: None, sight, width, lines: Vec::new() };
    painter.line(Vec::new());
    for field in &object.fields {
        let value = plain(&field.value).unwrap_or_else(|| "see above".to_owned());
        let spans = vec![
            painter.dim(format!("{} ", field.name)),
            Span::styled(value, painter.style(Role::Value)),
            painter.dim(format!("  {}", field.evidence.word())),
        ];
        painter.row(spans, Some(field.evidence));
        painter.note(&field.name);
    }
    for holder in &object.holders {
        let spans = vec![
            Span::styled(holder.actor.clone(), sight.hue(&holder.actor)),
            painter.dim(format!(" {} by {}", holder.role, holder.handle)),
        ];
        painter.row(spans, Some(Evidence::Kernel));
    }
    all.append(&mut painter.lines);
    all
}

/// The title of an object's pane: facility, name and what identifies it.
pub(super) fn title(object: &Object, theme: &Theme) -> Vec<Span<'static>> {
    let mut spans = vec![
        Span::styled(format!("{} ", object.facility()), theme.style(Role::Dim)),
        Span::styled(object.name.clone(), theme.style(Role::Title)),
    ];
    if !object.identifier.is_empty() && object.identifier != "none" {
        spans.push(Span::styled(format!(" {}", object.identifier), theme.style(Role::Code)));
    }
    spans
}

/// A value on one line; `None` for one that is not there or that takes several.
pub(super) fn plain(value: &Value) -> Option<String> {
    Some(match value {
        Value::Nothing => return None,
        Value::Int(n) => n.to_string(),
        Value::Text(s) => s.clone(),
        Value::Bytes { bytes, total } => {
            let text: String = bytes.iter().take(64).map(|b| text::escape(*b)).collect();
            if *total > bytes.len().min(64) as u64 {
                format!("\"{text}\"… {total} in all")
            } else {
                format!("\"{text}\"")
            }
        }
        Value::List(list) if list.iter().all(|v| !matches!(v, Value::List(_) | Value::Record(_))) => {
            list.iter().map(|v| plain(v).unwrap_or_else(|| "-".to_owned())).collect::<Vec<_>>().join(" ")
        }
        Value::Record(parts) => {
            let part = |(name, value): &(Word, Value)| plain(value).map(|v| format!("{name} {v}"));
            parts.iter().filter_map(part).collect::<Vec<_>>().join(", ")
        }
        Value::List(_) => return None,
    })
}

/// Draws the lines of one pane.
pub(super) struct Painter<'a> {
    object: &'a Object,
    before: Option<&'a Object>,
    sight: Sight<'a>,
    width: usize,
    lines: Vec<Line<'static>>,
}

impl Painter<'_> {
    fn style(&self, role: Role) -> Style {
        self.sight.theme.style(role)
    }

    fn more(&self) -> &'static str {
        self.sight.theme.glyphs.more
    }

    /// Columns that a row with a mark has for itself.
    const fn room(&self) -> usize {
        self.width.saturating_sub(2)
    }

    /// Whether the field is another than before. An object that was not there before is new as a whole.
    fn changed(&self, field: &str) -> bool {
        self.before.is_some_and(|b| b.value(field) != self.object.value(field))
    }

    /// The style of a field's value.
    fn value_style(&self, field: &str) -> Style {
        self.style(if self.changed(field) { Role::Changed } else { Role::Value })
    }

    /// A field's integer in the style of its value; a mark for what is hidden.
    fn int(&self, field: &str) -> Span<'static> {
        match self.object.int(field) {
            Some(n) => Span::styled(n.to_string(), self.value_style(field)),
            None => Span::styled("?", self.style(Role::Hidden)),
        }
    }

    fn dim(&self, text: impl Into<String>) -> Span<'static> {
        Span::styled(text.into(), self.style(Role::Dim))
    }

    /// The permissions, as a part of a row that says more.
    fn mode(&self) -> Vec<Span<'static>> {
        let Some(mode) = self.object.value("mode").as_text() else { return Vec::new() };
        vec![self.between(), self.dim("mode "), Span::styled(mode.to_owned(), self.value_style("mode"))]
    }

    /// A line that ends with the mode, or two where that is too long.
    fn row_with_mode(&mut self, mut spans: Vec<Span<'static>>, evidence: Evidence) {
        let mut mode = self.mode();
        if text::line_width(&spans) + text::line_width(&mode) <= self.room() {
            spans.append(&mut mode);
        }
        self.row(spans, Some(evidence));
        if !mode.is_empty() {
            self.row(mode.split_off(1), Some(evidence));
        }
    }

    fn between(&self) -> Span<'static> {
        self.dim(format!(" {} ", self.sight.theme.glyphs.dot))
    }

    /// A line with the mark of its evidence at the right edge.
    fn row(&mut self, spans: Vec<Span<'static>>, evidence: Option<Evidence>) {
        let right = evidence.map(|e| vec![mark(e, self.sight.theme)]).unwrap_or_default();
        self.lines.push(spread(spans, right, self.width, self.more()));
    }

    /// A line over the whole width.
    fn line(&mut self, spans: Vec<Span<'static>>) {
        self.lines.push(Line::from(clip_spans(spans, self.width, self.more())));
    }

    /// Why a field is hidden, or what else must be said of it.
    fn note(&mut self, field: &str) {
        let Some(note) = self.object.field(field).and_then(|f| f.note.clone()) else { return };
        for line in text::wrap(&note, self.width) {
            let spans = vec![Span::styled(line, self.style(Role::Hidden))];
            self.line(spans);
        }
    }

    /// Bytes on one line between the edges, the rest of it filled with holes.
    fn tape(&mut self, field: &str, fill: bool) {
        let object = self.object;
        let evidence = object.evidence(field);
        let room = self.room();
        let Some((data, total)) = object.value(field).as_bytes() else {
            if object.field(field).is_some() {
                let spans = vec![Span::styled("contents hidden", self.style(Role::Hidden))];
                self.row(spans, Some(evidence));
                self.note(field);
            }
            return;
        };
        let style = self.value_style(field);
        let tail = |left: u64| format!("{}+{left}", self.more());
        let (mut spans, mut shown) = text::bytes(data, room, style, self.sight.theme);
        if (shown as u64) < total {
            let reserve = text::width(&tail(total));
            (spans, shown) = text::bytes(data, room.saturating_sub(reserve), style, self.sight.theme);
            spans.push(self.dim(tail(total - shown as u64)));
        } else if fill {
            let hole = self.sight.theme.glyphs.hole.repeat(room.saturating_sub(text::line_width(&spans)));
            spans.push(Span::styled(hole, self.style(Role::Hole)));
        }
        self.row(spans, Some(evidence));
        self.note(field);
    }

    /// A field in the general manner.
    fn field(&mut self, field: &Field) {
        let style = self.value_style(&field.name);
        match &field.value {
            Value::Nothing if field.evidence != Evidence::Hidden => return,
            Value::List(list) if plain(&field.value).is_none() => {
                let spans = vec![self.dim(format!("{} ", field.name)), Span::styled(list.len().to_string(), style)];
                self.row(spans, Some(field.evidence));
                for item in list.iter().take(8) {
                    let item = plain(item).unwrap_or_default();
                    self.line(vec![Span::raw("  "), Span::styled(item, style)]);
                }
                if list.len() > 8 {
                    let spans = vec![self.dim(format!("  {} {} more", self.more(), list.len() - 8))];
                    self.line(spans);
                }
            }
            value => {
                let shown = match plain(value) {
                    Some(text) => Span::styled(text, style),
                    None => Span::styled("hidden", self.style(Role::Hidden)),
                };
                let spans = vec![self.dim(format!("{} ", field.name)), shown];
                self.row(spans, Some(field.evidence));
            }
        }
        self.note(&field.name);
    }

    /// Who holds the object, by what for.
    fn holders(&mut self, always: &[&'static str]) {
        // The kernel keeps no list of who knows an id: the actors have said so.
        let knows = |role: &str| role == "id";
        let mut roles: Vec<&str> = always.to_vec();
        // An owner that has a row of its own needs no second one.
        let told = |role: &str| role == "lock" && self.object.field("owner").is_some();
        for holder in self.object.holders.iter().filter(|h| !told(&h.role)) {
            if !roles.contains(&holder.role.as_ref()) {
                roles.push(&holder.role);
            }
        }
        let (known, held): (Vec<&str>, Vec<&str>) = roles.into_iter().partition(|role| knows(role));
        if !held.is_empty() || known.is_empty() {
            self.holders_in(held, Evidence::Kernel);
        }
        if !known.is_empty() {
            self.holders_in(known, Evidence::Reported);
        }
    }

    fn holders_in(&mut self, roles: Vec<&str>, evidence: Evidence) {
        let mut spans: Vec<Span<'static>> = Vec::new();
        for role in roles {
            if !spans.is_empty() {
                spans.push(self.between());
            }
            spans.push(self.dim(match role {
                "read" => "readers",
                "write" => "writers",
                "read+write" => "readers and writers",
                "map" => "mapped by",
                "lock" => "locked by",
                "lease" => "leased by",
                "id" => "known to",
                "slave" => "slave with",
                "master" => "master with",
                other => other,
            }));
            let mut names: Vec<&str> = Vec::new();
            for holder in self.object.holders.iter().filter(|h| h.role == role) {
                if !names.contains(&holder.actor.as_str()) {
                    names.push(&holder.actor);
                }
            }
            if names.is_empty() {
                spans.push(self.dim(" nobody"));
            }
            for name in names {
                spans.push(Span::raw(" "));
                spans.push(Span::styled(name.to_owned(), self.sight.hue(name)));
            }
        }
        if spans.is_empty() {
            spans.push(self.dim("nobody holds it"));
        }
        if text::line_width(&spans) <= self.room() {
            self.row(spans, Some(evidence));
            return;
        }
        // Too long for one line: one a role.
        let separator = self.between();
        for part in spans.split(|s| s.content == separator.content) {
            self.row(part.to_vec(), Some(evidence));
        }
    }

    /// Which side of the object a sleeper sleeps on, where its sides have names: the role of the descriptor that its call
    /// names first.
    fn side(&self, waiter: &str) -> Option<&str> {
        let args = &self.sight.now.actor(waiter)?.sleep()?.args;
        let digits = args.chars().take_while(char::is_ascii_digit).count();
        let holder = self.object.holders.iter().find(|h| h.actor == waiter && h.handle == args[..digits])?;
        Some(holder.role.as_ref()).filter(|role| ["master", "slave"].contains(role))
    }

    /// Who sleeps on the object, first come first.
    fn waiters(&mut self) {
        let glyphs = self.sight.theme.glyphs;
        // In few words where one of them has no room for more, and then all.
        let width =
            |w: &crate::model::Waiter| text::width(&w.actor) + text::width(&w.direction) + text::width("◌  waits to ");
        let fits = self.object.waiters.iter().all(|waiter| width(waiter) <= self.room());
        // Half a time is no time.
        let since = |waiter: &crate::model::Waiter| format!(" since {}", text::moment(waiter.since_ns));
        let side = |waiter: &crate::model::Waiter| self.side(&waiter.actor).map_or(0, |side| text::width(side) + 4);
        let whole = |waiter: &crate::model::Waiter| width(waiter) + side(waiter) + text::width(&since(waiter));
        let timed = !self.sight.timeless && self.object.waiters.iter().all(|waiter| whole(waiter) <= self.room());
        for waiter in &self.object.waiters {
            let mut spans = vec![
                Span::styled(format!("{} ", glyphs.asleep), self.style(Role::Asleep)),
                Span::styled(waiter.actor.clone(), self.sight.hue(&waiter.actor)),
            ];
            let words = format!(" {} {}", if fits { "waits to" } else { "to" }, waiter.direction);
            spans.push(Span::styled(words, self.style(Role::Asleep)));
            if timed {
                spans.push(self.dim(since(waiter)));
            }
            if let Some(side) = self.side(&waiter.actor) {
                spans.push(self.dim(format!(" as {side}")));
            }
            self.row(spans, Some(Evidence::Kernel));
        }
    }
}

/// The letter that says how a value is known.
pub(super) fn mark(evidence: Evidence, theme: &Theme) -> Span<'static> {
    let role = match evidence {
        Evidence::Kernel => Role::Kernel,
        Evidence::Reported => Role::Reported,
        Evidence::Mirror => Role::Mirror,
        Evidence::Hidden => Role::Hidden,
    };
    Span::styled(evidence.mark().to_string(), theme.style(role))
}
