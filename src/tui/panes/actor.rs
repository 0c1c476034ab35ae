//! The card of an actor: what it does, what it holds, what it was told to do.

use ratatui::text::{Line, Span};

use super::{Sight, mark};
use crate::model::{Access, Actor, ActorState, CallState, Copies, Death, Evidence};
use crate::tui::text::{self, clip, clip_spans, spread};
use crate::tui::theme::Role;

/// The title of the card: name, and what the kernel calls it.
pub(in crate::tui) fn title(actor: &Actor, sight: Sight<'_>) -> Vec<Span<'static>> {
    let dash = sight.theme.glyphs.dash;
    let task = match &actor.thread_of {
        Some(_) => format!("tid {}", actor.tid),
        None => format!("pid {}", actor.pid),
    };
    let mut spans = vec![
        Span::styled(actor.name.clone(), sight.hue(&actor.name)),
        Span::styled(format!(" {dash}{dash} {task}"), sight.style(Role::Dim)),
    ];
    if let Some(host) = &actor.host {
        spans.insert(1, Span::styled(format!(" @{host}"), sight.style(Role::Accent)));
    }
    // A uid is told where it is not everybody's.
    if sight.now.actors.first().is_some_and(|first| first.uid != actor.uid) {
        spans.push(Span::styled(format!(" uid {}", actor.uid), sight.style(Role::Warning)));
    }
    spans
}

/// The lines of the card, each at most `width` columns wide.
pub(in crate::tui) fn card(actor: &Actor, sight: Sight<'_>, width: usize, compact: bool) -> Vec<Line<'static>> {
    let mut lines = state(actor, sight, width);
    if let Some(of) = &actor.thread_of
        && (!compact || !actor.alive())
    {
        let spans = vec![Span::styled("thread of ", sight.style(Role::Dim)), Span::styled(of.clone(), sight.hue(of))];
        lines.push(Line::from(clip_spans(spans, width, sight.theme.glyphs.more)));
    }
    if !actor.alive() && actor.descriptors.is_empty() {
        return lines;
    }
    if compact {
        lines.extend(signals(actor, sight, width, true));
        return lines;
    }
    let more = sight.theme.glyphs.more;
    let dim = sight.style(Role::Dim);
    if actor.sleep().is_none()
        && let Some(last) = &actor.last
    {
        let (shown, failed) = match &last.state {
            CallState::Returned { shown, errno, .. } => (format!(" = {shown}"), errno.is_some()),
            CallState::Entered => (String::new(), false),
        };
        let role = if failed { Role::Error } else { Role::Dim };
        let short = shown.split(" (").next().unwrap_or_default().to_owned();
        let room = width.saturating_sub(text::width(&short));
        let call = clip(&format!("{}({})", last.verb, last.args), room, more);
        lines.push(Line::from(clip_spans(
            vec![Span::styled(call, dim), Span::styled(short, sight.style(role))],
            width,
            more,
        )));
    }
    flow(&mut lines, descriptors(actor, sight), width, more);
    flow(&mut lines, mappings(actor, sight), width, more);
    // What the last call returned stands there already.
    let variables = actor.variables.iter().filter(|(name, _)| !matches!(name.as_str(), "ret" | "errno"));
    let variables = variables.map(|(name, value)| {
        vec![Span::styled(format!("${name} "), dim), Span::styled(clip(value, 16, more), sight.style(Role::Value))]
    });
    flow(&mut lines, variables.collect(), width, more);
    if let Some(stdout) = &actor.stdout {
        let mut spans = vec![Span::styled("stdout ", dim)];
        if stdout.holds.is_empty() {
            spans.push(Span::styled("holds nothing back", dim));
        } else {
            let room = width.saturating_sub(text::width(stdout.words()) + 14);
            let (bytes, shown) = text::bytes(&stdout.holds, room.max(8), sight.style(Role::Value), sight.theme);
            spans.push(Span::styled("\"", dim));
            spans.extend(bytes);
            spans.push(Span::styled(if shown < stdout.holds.len() { more } else { "\"" }, dim));
        }
        spans.push(Span::styled(format!(" {}", stdout.words()), dim));
        lines.push(spread(spans, vec![mark(Evidence::Reported, sight.theme)], width, more));
    }
    lines.extend(signals(actor, sight, width, false));
    if sight.now.has_jobs(actor) {
        let mut spans =
            vec![Span::styled("group ", dim), Span::styled(actor.job.group.clone(), sight.hue(&actor.job.group))];
        if actor.job.session != actor.job.group {
            spans.push(Span::styled("  session ", dim));
            spans.push(Span::styled(actor.job.session.clone(), sight.hue(&actor.job.session)));
        }
        lines.push(spread(spans, vec![mark(Evidence::Kernel, sight.theme)], width, more));
    }
    if let Some(scheduling) = &actor.scheduling {
        let parts = scheduling.parts().into_iter().map(|part| vec![Span::styled(part, sight.style(Role::Value))]);
        flow(&mut lines, parts.chain([vec![mark(Evidence::Kernel, sight.theme)]]).collect(), width, more);
    }
    if let Some(program) = &actor.program {
        for (i, line) in program.lines.iter().enumerate() {
            let next = i == program.next;
            let glyph = if next { sight.theme.glyphs.chosen } else { " " };
            let role = if i < program.next { Role::Dim } else { Role::Code };
            let spans = vec![
                Span::styled(format!("{glyph} "), sight.style(Role::Accent)),
                Span::styled(line.clone(), sight.style(role)),
            ];
            lines.push(Line::from(clip_spans(spans, width, more)));
        }
    }
    lines
}

/// Its signals: what is pending, what the kernel holds of what was sent, and, unless only what waits is asked for, what
/// it does with those that come.
fn signals(actor: &Actor, sight: Sight<'_>, width: usize, waiting: bool) -> Vec<Line<'static>> {
    let before = sight.before.and_then(|b| b.actor(&actor.name)).and_then(|was| was.signals.as_ref());
    let was: Vec<_> = before.map(crate::model::Signals::lines).unwrap_or_default();
    let told = actor.signals.iter().flat_map(crate::model::Signals::lines);
    let mut lines = Vec::new();
    for line in told.filter(|line| !waiting || line.waits()) {
        let new = sight.before.is_some() && !was.contains(&line);
        let style = sight.style(if new { Role::Changed } else { Role::Value });
        let mut rows = folded(&line.text, width.saturating_sub(2), text::width(line.word) + 1).into_iter();
        let first = rows.next().unwrap_or_default();
        let spans = vec![Span::styled(format!("{} ", line.word), sight.style(Role::Dim)), Span::styled(first, style)];
        let more = sight.theme.glyphs.more;
        lines.push(spread(spans, vec![mark(line.evidence, sight.theme)], width, more));
        let rest = rows.map(|row| vec![Span::raw("  "), Span::styled(row, style)]);
        lines.extend(rest.map(|spans| Line::from(clip_spans(spans, width, more))));
    }
    lines
}

/// A text in rows of at most `width` columns less two, broken behind blanks and bars; `taken` of the first row are taken.
fn folded(words: &str, width: usize, taken: usize) -> Vec<String> {
    let mut rows = vec![String::new()];
    let mut left = width.saturating_sub(taken);
    for word in words.split_inclusive([' ', '|']) {
        let wide = text::width(word.trim_end());
        if wide > left && (rows.len() > 1 || taken > 0) && rows.last().is_some_and(|row| !row.is_empty() || taken > 2) {
            rows.push(String::new());
            left = width.saturating_sub(2);
        }
        left = left.saturating_sub(text::width(word));
        if let Some(row) = rows.last_mut() {
            row.push_str(word);
        }
    }
    rows
}

/// Lays pieces side by side, as many as fit a line.
fn flow(lines: &mut Vec<Line<'static>>, pieces: Vec<Vec<Span<'static>>>, width: usize, more: &'static str) {
    let mut line: Vec<Span<'static>> = Vec::new();
    for piece in pieces {
        if !line.is_empty() && text::line_width(&line) + 2 + text::line_width(&piece) > width {
            lines.push(Line::from(clip_spans(std::mem::take(&mut line), width, more)));
        }
        if !line.is_empty() {
            line.push(Span::raw("  "));
        }
        line.extend(piece);
    }
    if !line.is_empty() {
        lines.push(Line::from(clip_spans(line, width, more)));
    }
}

fn death(death: &Death) -> String {
    match death {
        Death::Exited(status) => format!("exited {status}"),
        Death::Killed(signal) => format!("killed by {signal}"),
        Death::Left(value) => format!("ended, left {value}"),
        Death::Replaced => "ended by execve".to_owned(),
    }
}

fn state(actor: &Actor, sight: Sight<'_>, width: usize) -> Vec<Line<'static>> {
    let glyphs = sight.theme.glyphs;
    let more = glyphs.more;
    let changed = sight.before.is_some_and(|b| {
        b.actor(&actor.name)
            .is_some_and(|was| std::mem::discriminant(&was.state) != std::mem::discriminant(&actor.state))
    });
    let one = |glyph: &str, role: Role, words: String| {
        let style = sight.style(role);
        let words_style = if changed { sight.style(Role::Changed) } else { style };
        let spans = vec![Span::styled(format!("{glyph} "), style), Span::styled(words, words_style)];
        spread(spans, vec![mark(Evidence::Kernel, sight.theme)], width, more)
    };
    match &actor.state {
        ActorState::Idle => vec![one(glyphs.idle, Role::Idle, "idle".to_owned())],
        ActorState::Asleep(sleep) => {
            let args = format!("({})", given(&sleep.args));
            let whole = format!("asleep in {}{args}", sleep.verb);
            let mut words = String::from(" ");
            let mut lines = if text::width(&whole) + 4 <= width {
                vec![one(glyphs.asleep, Role::Asleep, whole)]
            } else {
                words = format!("  {args}");
                // A long name rather than the word, which the sign beside it says as well.
                let said = format!("asleep in {}", sleep.verb);
                let said = if text::width(&said) + 4 <= width { said } else { sleep.verb.to_string() };
                vec![one(glyphs.asleep, Role::Asleep, said)]
            };
            if text::width(&words) + 4 > width {
                lines.push(Line::from(Span::styled(clip(&words, width, more), sight.style(Role::Dim))));
                words = String::from(" ");
            }
            if let Some(object) = sleep.on() {
                words.extend([" on ", &object]);
            } else if sleep.direction == "time" || sleep.direction == "child" {
                words.extend([" for a ", &sleep.direction]);
            }
            if sleep.restarts > 0 {
                words.push_str(", restarted");
            }
            if !sight.timeless {
                let since = format!(" since {} s", text::moment(sleep.since_ns));
                // The arguments on a line of their own, rather than half a time.
                if text::width(&words) + text::width(&since) > width && words.contains(&args) {
                    lines.push(Line::from(Span::styled(format!("  {args}"), sight.style(Role::Dim))));
                    words = words.replacen(&format!("  {args}"), " ", 1);
                }
                words.push_str(&since);
                let mut rest = String::new();
                if let Some(deadline) = sleep.deadline_ns {
                    rest = format!(" until {} s", text::moment(deadline));
                } else if sight.now.at_ns > sleep.since_ns {
                    // An age would read as if it went on: nothing is drawn at rest, so what stands here is a moment.
                    rest = format!(", seen at {} s", text::moment(sight.now.at_ns));
                }
                if text::width(&words) + text::width(&rest) <= width || sleep.deadline_ns.is_some() {
                    words.push_str(&rest);
                }
            }
            if words.len() > 1 {
                lines.push(Line::from(Span::styled(clip(&words, width, more), sight.style(Role::Dim))));
            }
            lines
        }
        ActorState::Running { progress } => {
            let words = match progress {
                Some((done, Some(all))) => format!("running, {done} of {all}"),
                Some((done, None)) => format!("running, {done} rounds"),
                None => "running".to_owned(),
            };
            vec![one(glyphs.running, Role::Running, words)]
        }
        ActorState::Stopped { signal } => vec![one(glyphs.stopped, Role::Stopped, format!("stopped by {signal}"))],
        ActorState::Zombie(how @ Death::Left(_)) => {
            let word = if actor.thread_of.is_some() { "not joined" } else { "others go on" };
            vec![one(glyphs.zombie, Role::Dead, format!("{}, {word}", death(how)))]
        }
        ActorState::Zombie(how) => vec![one(glyphs.zombie, Role::Dead, format!("{}, not waited for", death(how)))],
        ActorState::Dead(how) => vec![one(glyphs.dead, Role::Dead, death(how))],
    }
}

/// The arguments without those that the call has yet to fill.
fn given(args: &str) -> String {
    args.split(", ").filter(|a| *a != "…").collect::<Vec<_>>().join(", ")
}

fn descriptors(actor: &Actor, sight: Sight<'_>) -> Vec<Vec<Span<'static>>> {
    let arrow = sight.theme.glyphs.right;
    let dim = sight.style(Role::Dim);
    let before = sight.before.and_then(|b| b.actor(&actor.name));
    let piece = |d: &crate::model::Descriptor| {
        let new = before.is_some_and(|b| !b.descriptors.iter().any(|was| was.fd == d.fd && was.object == d.object));
        let to = match (d.names.as_slice(), &d.object) {
            ([], Some(object)) => format!("{object} {}", access(d.access)),
            ([], None) => "?".to_owned(),
            (names, _) => names.join("="),
        };
        let role = if new { Role::Changed } else { Role::Value };
        let mut spans = vec![Span::styled(format!("{}{arrow}", d.fd), dim), Span::styled(to, sight.style(role))];
        if d.offset > 0 {
            spans.push(Span::styled(format!("@{}", d.offset), dim));
        }
        for flag in &d.flags {
            let short = match flag.as_str() {
                "O_NONBLOCK" => "nonblock",
                "FD_CLOEXEC" => "cloexec",
                "O_APPEND" => "append",
                other => other,
            };
            spans.push(Span::styled(format!(" {short}"), dim));
        }
        spans
    };
    actor.descriptors.iter().map(piece).collect()
}

const fn access(access: Access) -> &'static str {
    match access {
        Access::Read => "read",
        Access::Write => "write",
        Access::Both => "read+write",
    }
}

fn mappings(actor: &Actor, sight: Sight<'_>) -> Vec<Vec<Span<'static>>> {
    let arrow = sight.theme.glyphs.right;
    let dim = sight.style(Role::Dim);
    let piece = |m: &crate::model::Mapping| {
        // Further names stand for places in it, mostly.
        let name = m.names.first().cloned().unwrap_or_else(|| format!("{:#x}", m.start));
        let within = match m.names.len() {
            0 | 1 => String::new(),
            2 => " +1 name".to_owned(),
            n => format!(" +{} names", n - 1),
        };
        let to = m.object.clone().unwrap_or_else(|| "own memory".to_owned());
        let pages = |count: u64| if count == 1 { "1 page".to_owned() } else { format!("{count} pages") };
        let mut parted = String::new();
        match &m.copies {
            Some(Copies::Counted { own, inherited, of_first }) => {
                if *own > 0 {
                    parted += &format!(", {} of its own", pages(*own));
                }
                if *inherited > 0 {
                    parted += &format!(", {} with relatives", pages(*inherited));
                }
                if let Some(of) = of_first {
                    parted += &format!(" (its first {of} were looked at)");
                }
            }
            Some(Copies::Hidden(why)) => parted += &format!(", its own pages are hidden: {why}"),
            None => {}
        }
        vec![
            Span::styled(name, sight.style(Role::Value)),
            Span::styled(format!("{arrow}{to} {}", m.protection), dim),
            Span::styled(format!("{}{parted}{within}", if m.shared { " shared" } else { " private" }), dim),
        ]
    };
    actor.mappings.iter().map(piece).collect()
}
