//! A call with its arguments, as its [`CallSpec`] describes them.

use super::value::{describe, table_of};
use super::{Parsed, Parser};
use crate::script::suggest::did_you_mean;
use crate::script::token::TokenKind;
use crate::script::words::stage_word;
use crate::script::{Arg, ArgKind, ArgSpec, CallExpr, CallSpec, Diagnostic, Form, Makes, Span};

/// How far the arguments of a call have come. Completion reads it to tell what may follow.
#[derive(Debug, Default)]
pub(in crate::script) struct Progress {
    /// The arguments given, in the order written, each with its place in the spec.
    pub(in crate::script) given: Vec<(usize, Arg)>,
    /// Positional arguments before this place in the spec are given or were passed over.
    pub(in crate::script) next: usize,
    pub(in crate::script) bind: Option<String>,
    pub(in crate::script) into: Option<String>,
}

/// How a call is written: `msgsnd fd data [flags] [type=N]`.
pub(in crate::script) fn usage(call: &CallSpec) -> String {
    let mut text = call.name.to_owned();
    for arg in call.args {
        text.push(' ');
        text.push_str(&usage_arg(arg));
    }
    if call.gives {
        text.push_str(" [-> $VAR]");
    }
    if names_by_as(call) {
        text.push_str(" [as NAME]");
    }
    text
}

/// How an argument stands in a [`usage`].
pub(in crate::script) fn usage_arg(arg: &ArgSpec) -> String {
    let dollar = if arg.kind == ArgKind::Variable { "$" } else { "" };
    match arg.form {
        Form::Required => format!("{dollar}{}", arg.name),
        Form::Optional => format!("[{dollar}{}]", arg.name),
        Form::Keyed => format!("[{}=…]", arg.name),
    }
}

/// Whether `as NAME` may follow: the call makes something, and has no argument that names it.
pub(in crate::script) fn names_by_as(call: &CallSpec) -> bool {
    call.makes != Makes::Nothing && !call.args.iter().any(|a| matches!(a.kind, ArgKind::NewName | ArgKind::NewActor))
}

impl<'a> Parser<'a> {
    /// A call up to the line's end. Its errors are reported; `None` if there were any.
    pub(super) fn call(&mut self) -> Option<CallExpr> {
        let (start, before) = (self.span().start, self.errors);
        let spec = match self.verb() {
            Ok(spec) => spec,
            Err(e) => {
                self.report(e);
                self.skip_line();
                return None;
            }
        };
        let mut progress = Progress::default();
        self.arguments(spec, &mut progress);
        let span = self.span_from(start);
        if self.errors == before {
            self.all_given(spec, &progress);
        }
        if self.errors > before || self.mistaken(span) {
            return None;
        }
        progress.given.sort_by_key(|(place, _)| *place);
        let args = progress.given.into_iter().map(|(_, arg)| arg).collect();
        Some(CallExpr { span, verb: spec.name.to_owned(), args, bind: progress.bind, into: progress.into })
    }

    /// The call of the name here.
    pub(in crate::script) fn verb(&mut self) -> Parsed<&'a CallSpec> {
        let TokenKind::Name(name) = self.peek() else { return Err(self.expected("a call such as `read p 100`")) };
        if let Some((_, spec)) = self.registry.call(name) {
            self.bump();
            return Ok(spec);
        }
        let error = Diagnostic::error(self.span(), format!("unknown call `{name}`"));
        if let Some(word) = stage_word(name) {
            return Err(
                error.help(format!("`{name}` is an order to the stage and stands without actor: {}", word.usage))
            );
        }
        Err(match did_you_mean(name, self.registry.calls().map(|c| c.name)) {
            Some(help) => error.help(help),
            None => error.help("calls have the names of the manual pages: read, write, mq_open"),
        })
    }

    /// All that follows a verb, up to the line's end.
    pub(in crate::script) fn arguments(&mut self, spec: &'a CallSpec, progress: &mut Progress) {
        while !self.at_line_end() {
            let at = self.pos;
            if let Err(e) = self.argument(spec, progress) {
                self.report(e);
                self.skip_word(at);
            }
        }
    }

    /// Goes behind the word that began at token `at`.
    fn skip_word(&mut self, at: usize) {
        if self.pos == at && !self.at_line_end() {
            self.bump();
        }
        while !self.at_line_end() && self.adjacent() {
            self.bump();
        }
    }

    fn argument(&mut self, spec: &'a CallSpec, progress: &mut Progress) -> Parsed<()> {
        let start = self.span();
        if self.eat_word("as") {
            let name = self.name("a name behind `as`")?;
            if !names_by_as(spec) {
                let span = self.span_from(start.start);
                let (message, help) = if spec.makes == Makes::Nothing {
                    (format!("`{}` makes nothing that could be named", spec.name), "leave `as` out")
                } else {
                    (format!("`{}` is told the name by its first argument", spec.name), "leave `as` out")
                };
                return Err(Diagnostic::error(span, message).help(help));
            }
            return self.once("as", &mut progress.bind, name, start);
        }
        if self.eat_mark("->") {
            let name = self.variable()?;
            if !spec.gives {
                let message = format!("`{}` gives nothing that a variable could take", spec.name);
                return Err(Diagnostic::error(self.span_from(start.start), message).help("leave `->` out"));
            }
            return self.once("->", &mut progress.into, name, start);
        }
        if matches!(self.peek(), TokenKind::Name(_)) && self.next_is_mark("=") {
            return self.keyed(spec, progress);
        }
        self.positional(spec, progress)
    }

    fn once(&self, what: &str, slot: &mut Option<String>, name: String, start: Span) -> Parsed<()> {
        if slot.replace(name).is_some() {
            return Err(Diagnostic::error(self.span_from(start.start), format!("`{what}` is given twice")));
        }
        Ok(())
    }

    fn keyed(&mut self, spec: &'a CallSpec, progress: &mut Progress) -> Parsed<()> {
        let start = self.span();
        let TokenKind::Name(key) = self.peek().clone() else { return Err(self.expected("a name")) };
        let Some((place, arg)) = spec.args.iter().enumerate().find(|(_, a)| a.name == key) else {
            let error = Diagnostic::error(start, format!("`{}` has no argument `{key}=`", spec.name));
            let keys = || spec.args.iter().filter(|a| a.form != Form::Required).map(|a| a.name);
            let help = did_you_mean(&key, keys()).unwrap_or_else(|| format!("it is written `{}`", usage(spec)));
            return Err(error.help(help));
        };
        if arg.form == Form::Required {
            let message = format!("`{key}` of `{}` is given by its place, without `{key}=`", spec.name);
            return Err(Diagnostic::error(start, message).help(format!("it is written `{}`", usage(spec))));
        }
        self.bump();
        self.bump();
        let value = self.value(spec, arg, false)?;
        let span = self.span_from(start.start);
        if progress.given.iter().any(|(p, _)| *p == place) {
            return Err(Diagnostic::error(span, format!("`{key}` is given twice")));
        }
        progress.given.push((place, Arg { span, name: key, value, keyed: true }));
        Ok(())
    }

    fn positional(&mut self, spec: &'a CallSpec, progress: &mut Progress) -> Parsed<()> {
        let start = self.span().start;
        let open = open_places(spec, progress);
        for &place in &open {
            let arg = &spec.args[place];
            let value = if arg.form == Form::Required {
                // Passed over even if it is wrong: what follows is then matched with what follows in the spec.
                progress.next = place + 1;
                match self.value(spec, arg, false) {
                    // It was left out, and what stands here is the argument behind it.
                    Err(error) if self.span().start == start && self.is_of(spec, place + 1) => {
                        self.report(error);
                        return self.positional(spec, progress);
                    }
                    value => value?,
                }
            } else {
                let fitting = self.attempt(|p| {
                    let value = p.value(spec, arg, true)?;
                    if p.adjacent() && !p.at_line_end() { Err(p.expected("a blank")) } else { Ok(value) }
                });
                let Ok(value) = fitting else { continue };
                progress.next = place + 1;
                value
            };
            let name = arg.name.to_owned();
            progress.given.push((place, Arg { span: self.span_from(start), name, value, keyed: false }));
            return Ok(());
        }
        match open.iter().find(|place| self.looks_like(spec.args[**place].kind)).or(open.first()) {
            Some(place) => {
                progress.next = place + 1;
                self.value(spec, &spec.args[*place], false)?;
                Err(self.expected("a blank or the line's end"))
            }
            None => Err(self.one_too_many(spec, progress)),
        }
    }

    /// Whether the word here is a constant of the argument at that place of the spec.
    fn is_of(&self, spec: &CallSpec, place: usize) -> bool {
        let TokenKind::Name(name) = self.peek() else { return false };
        spec.args.get(place).is_some_and(|arg| table_of(arg.kind).iter().any(|(known, _)| known == name))
    }

    /// Whether a mistaken word here has the looks of such an argument.
    fn looks_like(&self, kind: ArgKind) -> bool {
        match self.peek() {
            TokenKind::Name(n) if n.starts_with(|c: char| c.is_ascii_uppercase()) => {
                matches!(kind, ArgKind::Flags(_) | ArgKind::Constant(_) | ArgKind::Signal)
            }
            TokenKind::Int(..) => matches!(kind, ArgKind::Int | ArgKind::Count | ArgKind::Mode | ArgKind::Value),
            TokenKind::Text(_) | TokenKind::Byte(_) => matches!(kind, ArgKind::Data | ArgKind::Path | ArgKind::Value),
            _ => false,
        }
    }

    fn one_too_many(&self, spec: &CallSpec, progress: &Progress) -> Diagnostic {
        const ORDINALS: [&str; 8] = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth"];
        let count = spec.args.iter().filter(|a| a.form != Form::Keyed).count();
        let takes = match count {
            0 => "no arguments".to_owned(),
            1 => "1 argument".to_owned(),
            n => format!("{n} arguments"),
        };
        let ordinal = ORDINALS.get(count).map_or("one more".to_owned(), |o| format!("a {o}"));
        let by_place = if spec.args.iter().any(|a| a.form == Form::Keyed) { " by place" } else { "" };
        let span = self.span();
        let error = Diagnostic::error(span, format!("`{}` takes {takes}{by_place}, this is {ordinal}", spec.name));
        let mut keyed = spec.args.iter().enumerate().filter(|(_, arg)| arg.form == Form::Keyed);
        match (keyed.next(), keyed.next()) {
            // As C has it, where it stands in a row with the others.
            (Some((place, only)), None) if progress.given.iter().all(|(given, _)| *given != place) => {
                let here = &self.text[span.start..span.end];
                error.help(format!("did you mean `{}={here}`? it is written `{}`", only.name, usage(spec)))
            }
            _ => error.help(format!("it is written `{}`", usage(spec))),
        }
    }

    fn all_given(&mut self, spec: &CallSpec, progress: &Progress) {
        let given = |place: usize| progress.given.iter().any(|(p, _)| *p == place);
        let missing = spec.args.iter().enumerate().find(|(i, a)| a.form == Form::Required && !given(*i));
        if let Some((_, arg)) = missing {
            let message = format!("`{}` needs `{}`: {}", spec.name, arg.name, arg.doc);
            let help = format!("{}; it is written `{}`", describe(arg.kind), usage(spec));
            self.report(Diagnostic::error(Span::new(self.end(), self.end()), message).help(help));
        }
    }
}

/// The places in the spec that a positional argument may take now: optional ones up to the next required one.
pub(in crate::script) fn open_places(spec: &CallSpec, progress: &Progress) -> Vec<usize> {
    let mut open = Vec::new();
    for (place, arg) in spec.args.iter().enumerate().skip(progress.next) {
        if arg.form == Form::Keyed || progress.given.iter().any(|(p, _)| *p == place) {
            continue;
        }
        open.push(place);
        if arg.form == Form::Required {
            break;
        }
    }
    open
}
