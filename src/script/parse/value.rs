//! The value of an argument, by the kind that the registry asks for.

use super::expr::Kind;
use super::{Parsed, Parser};
use crate::script::suggest::nearest;
use crate::script::token::TokenKind;
use crate::script::words::SIGNALS;
use crate::script::{
    ArgKind, ArgSpec, ArgValue, CallSpec, Diagnostic, Expr, Form, IntType, Interest, MemoryWord, Place, Radix,
    SocketAddress, Tuple,
};

/// What an argument of this kind is, for messages and help: "a number that is not negative".
pub(in crate::script) fn describe(kind: ArgKind) -> String {
    match kind {
        ArgKind::NewName => "a new name".to_owned(),
        ArgKind::Descriptor(_) => "a descriptor: a name such as `p`, or `fd 7`".to_owned(),
        ArgKind::ObjectName => "the name of an object".to_owned(),
        ArgKind::Path => "a path in the stage's directory".to_owned(),
        ArgKind::Actor => "the name of an actor".to_owned(),
        ArgKind::NewActor => "a name for the new actor".to_owned(),
        ArgKind::Signal => "a signal such as SIGUSR1, or a number".to_owned(),
        ArgKind::Flags(flags) => format!("0 or flags out of {}", list(flags)),
        ArgKind::Constant(constants) => format!("one of {}", list(constants)),
        ArgKind::Mode => "a mode in octal, such as 0644".to_owned(),
        ArgKind::Int => "a number".to_owned(),
        ArgKind::Count => "a number that is not negative".to_owned(),
        ArgKind::Data => "data: \"text\", 'x' * 100 or a variable".to_owned(),
        ArgKind::Value => "a number or data".to_owned(),
        ArgKind::Duration => "a duration such as 500ms".to_owned(),
        ArgKind::Range => "a range such as 0..100 or 100..".to_owned(),
        ArgKind::Place => "a place in memory such as m[0]".to_owned(),
        ArgKind::Address => "a mapping or semaphore, or an address such as m+12".to_owned(),
        ArgKind::Variable => "a variable such as $x".to_owned(),
        ArgKind::SocketAddress => {
            "an address: unix:srv, unix:@srv, 127.0.0.1:5000, [::1]:5000, east:5000 or *:5000".to_owned()
        }
        ArgKind::Interests(events) => {
            format!(
                "descriptors with 0 or events such as p.r:{}, out of {}",
                events.first().map_or("", |e| e.0),
                list(events)
            )
        }
        ArgKind::Signals => "0 or signals such as SIGUSR1|SIGRTMIN+1".to_owned(),
        ArgKind::Id => "the name of an id, such as `q` after `q` was got".to_owned(),
        ArgKind::Tuples(1, _) => "one number or several: 1 2 3".to_owned(),
        ArgKind::Words(_) => "words of memory, each with what it should hold: m+64:0 w:7".to_owned(),
        ArgKind::Tuples(..) => "numbers joined by colons, once or several times: 0:-1 1:2:SEM_UNDO".to_owned(),
    }
}

/// The constants that an argument may be.
pub(super) const fn table_of(kind: ArgKind) -> &'static [(&'static str, i64)] {
    match kind {
        ArgKind::Flags(table)
        | ArgKind::Constant(table)
        | ArgKind::Interests(table)
        | ArgKind::Tuples(_, table)
        | ArgKind::Words(table) => table,
        _ => &[],
    }
}

/// The first names of a table, for a message.
fn list(constants: &[(&str, i64)]) -> String {
    one_of(constants.iter().map(|(name, _)| *name))
}

/// Some words with commas, at most twelve of them.
pub(in crate::script) fn one_of<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<&str> = words.collect();
    let shown = words.iter().take(12).copied().collect::<Vec<_>>().join(", ");
    if words.len() > 12 { format!("{shown}, …") } else { shown }
}

impl Parser<'_> {
    /// The value of `arg` here. `telling`: names that are constants or quantities are not taken for names of objects,
    /// so that an optional argument can be told from the one behind it.
    pub(super) fn value(&mut self, call: &CallSpec, arg: &ArgSpec, telling: bool) -> Parsed<ArgValue> {
        let what = || format!("`{}` of `{}`, {}", arg.name, call.name, describe(arg.kind));
        let is_name = !matches!(
            arg.kind,
            ArgKind::Flags(_)
                | ArgKind::Constant(_)
                | ArgKind::Mode
                | ArgKind::Int
                | ArgKind::Count
                | ArgKind::Data
                | ArgKind::Value
                | ArgKind::Duration
                | ArgKind::Range
                | ArgKind::SocketAddress
                | ArgKind::Signals
                | ArgKind::Tuples(..)
        );
        if telling && is_name && self.is_constant(call) {
            return Err(self.expected(what()));
        }
        match arg.kind {
            ArgKind::NewName | ArgKind::NewActor | ArgKind::ObjectName => self.name(&what()).map(ArgValue::Name),
            ArgKind::Actor | ArgKind::Id => self.dotted(&what()).map(ArgValue::Name),
            ArgKind::Descriptor(_) => {
                if self.eat_word("fd") {
                    return self.primary().map(|(e, _)| ArgValue::Fd(e));
                }
                if let TokenKind::Int(n, _) = *self.peek() {
                    return Err(self.expected(what()).help(format!("a descriptor by number is written `fd {n}`")));
                }
                self.dotted(&what()).map(ArgValue::Name)
            }
            ArgKind::Path => self.path(&what()),
            // A number may be one that no signal has; where an argument may be left out, it could be that of another.
            ArgKind::Signal
                if arg.form == Form::Required
                    && matches!(self.peek(), TokenKind::Variable(_) | TokenKind::Int(1.., _)) =>
            {
                self.primary().map(|(e, _)| ArgValue::Expr(e))
            }
            ArgKind::Signal => self.signal(&what()).map(|s| s.map_or_else(zero, ArgValue::Name)),
            ArgKind::Flags(flags) => self.flags(call, arg, flags),
            ArgKind::Constant(constants) => self.constant(call, arg, constants).map(ArgValue::Name),
            ArgKind::Mode => self.mode(&what()),
            ArgKind::Int | ArgKind::Count | ArgKind::Data | ArgKind::Value | ArgKind::Duration => {
                self.typed(arg.kind, &what()).map(ArgValue::Expr)
            }
            ArgKind::Range => self.range(&what()),
            ArgKind::Place => {
                let base = self.name(&what())?;
                self.place(base).map(ArgValue::Place)
            }
            ArgKind::Address => self.address(&what(), |parser, what| parser.typed(ArgKind::Int, what)),
            ArgKind::Words(flags) => self.words(call, arg, flags),
            ArgKind::Tuples(count, flags) => self.tuples(call, arg, count, flags),
            ArgKind::Variable => self.variable().map(|name| ArgValue::Expr(Expr::Var(name))),
            ArgKind::SocketAddress => self.socket_address(&what()).map(ArgValue::Socket),
            ArgKind::Interests(events) => self.interests(call, arg, events),
            ArgKind::Signals => self.signals(&what()),
        }
    }

    /// `p.r:POLLIN fd 7:0`, as many as stand here.
    fn interests(&mut self, call: &CallSpec, arg: &ArgSpec, known: &[(&'static str, i64)]) -> Parsed<ArgValue> {
        let what = format!("`{}` of `{}`, {}", arg.name, call.name, describe(arg.kind));
        let mut interests = Vec::new();
        loop {
            let descriptor = if self.eat_word("fd") {
                self.primary().map(|(e, _)| ArgValue::Fd(e))?
            } else {
                self.dotted(&what).map(ArgValue::Name)?
            };
            if !self.eat_mark(":") {
                let shown = known.first().map_or("0", |(name, _)| name);
                return Err(self.expected(format!("`:` and what is asked, as in `{descriptor}:{shown}`")));
            }
            let events = match self.flags(call, arg, known)? {
                ArgValue::Flags(events) => events,
                _ => Vec::new(),
            };
            interests.push(Interest { descriptor, events });
            let another = self.at_word("fd")
                || matches!(self.peek(), TokenKind::Name(_)) && (self.next_is_mark(":") || self.next_is_mark("."));
            if !another || self.adjacent() {
                return Ok(ArgValue::Interests(interests));
            }
        }
    }

    fn signals(&mut self, what: &str) -> Parsed<ArgValue> {
        let Some(first) = self.signal(what)? else { return Ok(zero()) };
        let mut signals = vec![first];
        while self.eat_mark("|") {
            match self.signal(what)? {
                Some(signal) if !signals.contains(&signal) => signals.push(signal),
                Some(_) => {}
                None => return Err(self.expected("another signal")),
            }
        }
        Ok(ArgValue::Flags(signals))
    }

    /// Whether the name here is a constant of one of the call's arguments, or a quantity.
    fn is_constant(&self, call: &CallSpec) -> bool {
        let TokenKind::Name(name) = self.peek() else { return false };
        let of = |kind: &ArgKind| match kind {
            ArgKind::Flags(table) | ArgKind::Constant(table) => table.iter().any(|(n, _)| n == name),
            _ => false,
        };
        self.registry.quantity(name).is_some() || call.args.iter().any(|a| of(&a.kind))
    }

    /// An expression that comes to what the kind asks for, as far as the text tells.
    pub(super) fn typed(&mut self, kind: ArgKind, what: &str) -> Parsed<Expr> {
        let start = self.span().start;
        if self.at_line_end() {
            return Err(self.expected(what));
        }
        let e = self.expr()?;
        let known = e.kind();
        let wrong = |found: &str, help: &str| {
            let error = Diagnostic::error(self.span_from(start), format!("expected {what}, found {found}"));
            Err(if help.is_empty() { error } else { error.help(help) })
        };
        match (kind, known) {
            (_, Kind::Open) | (ArgKind::Value, _) => Ok(e),
            (ArgKind::Data, Kind::Number | Kind::Duration) => {
                wrong(name_of(known), "a byte is written 'x' or '\\x41', text \"text\"")
            }
            (ArgKind::Int | ArgKind::Count | ArgKind::Duration, Kind::Data) => wrong("data", ""),
            (ArgKind::Int | ArgKind::Count, Kind::Duration) => wrong("a duration", ""),
            (ArgKind::Duration, Kind::Number) if e != Expr::int(0) => {
                wrong("a number", "give it a unit: 2s, 500ms, 10us, 5ns")
            }
            (ArgKind::Count, _) if matches!(e, Expr::Int(n, _) if n < 0) => wrong("a negative one", ""),
            _ => Ok(e),
        }
    }

    fn mode(&mut self, what: &str) -> Parsed<ArgValue> {
        let span = self.span();
        let e = self.typed(ArgKind::Int, what)?;
        if let Expr::Int(n, Radix::Decimal) = e
            && n != 0
        {
            let message = format!("expected {what}, and {n} is decimal");
            return Err(Diagnostic::error(span, message).help(format!("write `0{n}`")));
        }
        Ok(ArgValue::Expr(e))
    }

    fn path(&mut self, what: &str) -> Parsed<ArgValue> {
        match self.peek() {
            TokenKind::Text(_) | TokenKind::Byte(_) | TokenKind::Variable(_) | TokenKind::Mark("(") => {
                self.typed(ArgKind::Data, what).map(ArgValue::Expr)
            }
            TokenKind::Name(_) | TokenKind::Mark("." | ".." | "/") => {
                let start = self.span().start;
                self.bump();
                let plain = |kind: &TokenKind| {
                    matches!(
                        kind,
                        TokenKind::Name(_)
                            | TokenKind::Int(..)
                            | TokenKind::Duration(_)
                            | TokenKind::Mark("." | ".." | "/" | "-")
                    )
                };
                while self.adjacent() && plain(self.peek()) {
                    self.bump();
                }
                Ok(ArgValue::Name(self.text[start..self.end()].to_owned()))
            }
            _ => Err(self.expected(what)),
        }
    }

    fn socket_address(&mut self, what: &str) -> Parsed<SocketAddress> {
        match self.peek().clone() {
            TokenKind::Name(name) if name == "unix" && self.next_is_mark(":") => {
                self.bump();
                self.bump();
                let is_abstract = self.adjacent() && self.eat_mark("@");
                let name = self.socket_name()?;
                Ok(if is_abstract { SocketAddress::Abstract(name) } else { SocketAddress::Path(name) })
            }
            TokenKind::Ipv4(ip) => {
                self.bump();
                self.port().map(|port| SocketAddress::V4(ip, port))
            }
            TokenKind::Ipv6(ip) => {
                self.bump();
                self.port().map(|port| SocketAddress::V6(ip, port))
            }
            TokenKind::Mark("*:") => {
                self.bump();
                self.port_number().map(SocketAddress::Any)
            }
            TokenKind::Name(_) if self.next_is_mark(":") => {
                let host = self.name("the name of a host")?;
                self.port().map(|port| SocketAddress::Host(host, port))
            }
            TokenKind::Mark("[") => {
                Err(self.expected(what).help("an IPv6 address is written [::1]:5000, and no zone stands behind it"))
            }
            TokenKind::Name(_) => {
                let span = self.span();
                let text = self.text[span.start..span.end].to_owned();
                Err(self.expected(what).help(format!("the name of a UNIX socket is written `unix:{text}`")))
            }
            _ => Err(self.expected(what)),
        }
    }

    fn socket_name(&mut self) -> Parsed<String> {
        let what = "the name of a socket right behind, as in `unix:srv`";
        if !self.adjacent() || self.at_line_end() {
            return Err(self.expected(what));
        }
        let ArgValue::Name(name) = (match self.peek().clone() {
            TokenKind::Text(bytes) => {
                let name = String::from_utf8(bytes).ok().filter(|name| !name.is_empty() && !name.contains('\0'));
                let name = name.ok_or_else(|| self.expected("a name of UTF-8 text"))?;
                self.bump();
                ArgValue::Name(name)
            }
            _ => self.path(what)?,
        }) else {
            return Err(self.expected(what));
        };
        Ok(name)
    }

    fn port(&mut self) -> Parsed<Expr> {
        if !self.adjacent() || !self.eat_mark(":") {
            return Err(self.expected("`:` and a port, as in `127.0.0.1:5000`"));
        }
        self.port_number()
    }

    fn port_number(&mut self) -> Parsed<Expr> {
        if !self.adjacent() || self.at_line_end() {
            return Err(self.expected("a port, a number"));
        }
        let start = self.span().start;
        let (port, _) = self.primary()?;
        match (&port, port.kind()) {
            (Expr::Int(n, _), _) if u16::try_from(*n).is_err() => {
                Err(Diagnostic::error(self.span_from(start), format!("a port is a number from 0 to 65535, not {n}")))
            }
            (_, Kind::Data | Kind::Duration) => {
                Err(Diagnostic::error(self.span_from(start), "a port is a number from 0 to 65535"))
            }
            _ => Ok(port),
        }
    }

    /// A signal's name; `None` is 0.
    pub(super) fn signal(&mut self, what: &str) -> Parsed<Option<String>> {
        if matches!(self.peek(), TokenKind::Int(0, Radix::Decimal)) {
            self.bump();
            return Ok(None);
        }
        let TokenKind::Name(name) = self.peek() else { return Err(self.expected(what)) };
        let mut name = name.clone();
        let span = self.span();
        let (plain, offset) = name.split_once('-').map_or((name.as_str(), None), |(p, n)| (p, Some(n)));
        let known = match offset {
            None => SIGNALS.contains(&plain),
            Some(n) => plain == "SIGRTMAX" && n.parse::<u8>().is_ok_and(|n| n <= 30 && !name.ends_with("-0")),
        };
        if !known {
            let near = nearest(&name, SIGNALS).or_else(|| nearest(&format!("SIG{name}"), SIGNALS));
            let error = Diagnostic::error(span, format!("unknown signal `{name}`"));
            return Err(match near {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error.help(format!("expected {what}")),
            });
        }
        self.bump();
        if name == "SIGRTMIN" && self.at_mark("+") && self.adjacent() {
            let TokenKind::Int(n @ 1..=30, Radix::Decimal) = *self.peek_next() else {
                return Err(self.expected("SIGRTMIN+1 to SIGRTMIN+30"));
            };
            self.bump();
            self.bump();
            name = format!("SIGRTMIN+{n}");
        }
        Ok(Some(name))
    }

    fn flags(&mut self, call: &CallSpec, arg: &ArgSpec, known: &[(&'static str, i64)]) -> Parsed<ArgValue> {
        if matches!(self.peek(), TokenKind::Int(0, _)) {
            self.bump();
            return Ok(zero());
        }
        let mut flags: Vec<String> = Vec::new();
        let mut failed = None;
        loop {
            match self.constant(call, arg, known) {
                Ok(flag) if flags.contains(&flag) => {}
                Ok(flag) => flags.push(flag),
                // A name that is no flag was understood as far as it goes: the ones behind it are still looked at.
                Err(e) if matches!(self.peek(), TokenKind::Name(_)) => {
                    failed.replace(e).into_iter().for_each(|e| self.report(e));
                    self.bump();
                }
                Err(e) => return Err(e),
            }
            if !self.eat_mark("|") {
                return failed.map_or(Ok(ArgValue::Flags(flags)), Err);
            }
        }
    }

    /// `0:-1 1:2:SEM_UNDO`, up to what does not begin a tuple.
    fn tuples(
        &mut self,
        call: &CallSpec,
        arg: &ArgSpec,
        count: usize,
        known: &[(&'static str, i64)],
    ) -> Parsed<ArgValue> {
        let mut tuples = Vec::new();
        while tuples.is_empty() || self.at_tuple(count) {
            let mut numbers = Vec::new();
            for place in 0..count {
                if place > 0 && !self.eat_mark(":") {
                    let error = self.expected(format!("`:` and another number, for {}", describe(arg.kind)));
                    return Err(error);
                }
                let start = self.span();
                let (number, _) = self.primary()?;
                if !matches!(number.kind(), Kind::Number | Kind::Open) {
                    return Err(Diagnostic::error(
                        start,
                        format!("expected a number, found {}", name_of(number.kind())),
                    ));
                }
                numbers.push(number);
            }
            let flags = self.flags_behind(call, arg, known)?;
            tuples.push(Tuple { numbers, flags });
        }
        Ok(ArgValue::Tuples(tuples))
    }

    /// `m` or `m+64`, whose number `offset` reads.
    fn address(&mut self, what: &str, offset: impl FnOnce(&mut Self, &str) -> Parsed<Expr>) -> Parsed<ArgValue> {
        let base = self.dotted(what)?;
        if !self.eat_mark("+") {
            return Ok(ArgValue::Name(base));
        }
        offset(self, what).map(|offset| ArgValue::Address(base, offset))
    }

    /// `m+64:0 w:7:FUTEX2_PRIVATE`, as many as stand here.
    fn words(&mut self, call: &CallSpec, arg: &ArgSpec, known: &[(&'static str, i64)]) -> Parsed<ArgValue> {
        let what = format!("`{}` of `{}`, {}", arg.name, call.name, describe(arg.kind));
        let mut words = Vec::new();
        loop {
            let address = self.address(&what, |parser, _| parser.primary().map(|(offset, _)| offset))?;
            if !self.eat_mark(":") {
                return Err(self.expected(format!("`:` and what the word should hold, as in `{address}:0`")));
            }
            let start = self.span();
            let (value, _) = self.primary()?;
            if !matches!(value.kind(), Kind::Number | Kind::Open) {
                return Err(Diagnostic::error(start, format!("expected a number, found {}", name_of(value.kind()))));
            }
            let flags = self.flags_behind(call, arg, known)?;
            words.push(MemoryWord { address, value, flags });
            let another = matches!(self.peek(), TokenKind::Name(_))
                && (self.next_is_mark(":") || self.next_is_mark("+") || self.next_is_mark("."));
            if !another || self.adjacent() {
                return Ok(ArgValue::Words(words));
            }
        }
    }

    /// The flags behind another colon, where there are such.
    fn flags_behind(&mut self, call: &CallSpec, arg: &ArgSpec, known: &[(&'static str, i64)]) -> Parsed<Vec<String>> {
        if known.is_empty() || !self.eat_mark(":") {
            return Ok(Vec::new());
        }
        Ok(match self.flags(call, arg, known)? {
            ArgValue::Flags(flags) => flags,
            _ => Vec::new(),
        })
    }

    /// Whether another tuple begins here: a number, and behind it a colon where tuples have several.
    fn at_tuple(&mut self, count: usize) -> bool {
        if self.adjacent() || self.at_line_end() {
            return false;
        }
        let before = self.pos;
        let number = self.attempt(|p| {
            let (number, _) = p.primary()?;
            let more = count == 1 || (p.at_mark(":") && p.adjacent());
            if more && matches!(number.kind(), Kind::Number | Kind::Open) { Ok(()) } else { Err(p.expected("a tuple")) }
        });
        self.pos = before;
        number.is_ok()
    }

    fn constant(&mut self, call: &CallSpec, arg: &ArgSpec, known: &[(&'static str, i64)]) -> Parsed<String> {
        let what = format!("`{}` of `{}`, {}", arg.name, call.name, describe(arg.kind));
        let TokenKind::Name(name) = self.peek() else { return Err(self.expected(what)) };
        if known.iter().any(|(n, _)| n == name) {
            let name = name.clone();
            self.bump();
            return Ok(name);
        }
        let error = self.expected(what);
        if let Some((_, why)) = self.registry.left_out.iter().find(|(n, _)| n == name) {
            return Err(error.help(format!("`{name}` is left out: {why}")));
        }
        let other = call.args.iter().find(|a| table_of(a.kind).iter().any(|(n, _)| n == name));
        Err(match (nearest(name, known.iter().map(|(n, _)| *n)), other) {
            (_, Some(other)) => {
                let usage = super::usage(call);
                error.help(format!("`{name}` is for `{}`; it is written `{usage}`", other.name))
            }
            (Some(near), None) => error.help(format!("did you mean `{near}`?")),
            (None, None) => error,
        })
    }

    pub(super) fn range(&mut self, what: &str) -> Parsed<ArgValue> {
        let from = self.typed(ArgKind::Int, what)?;
        if !self.at_mark("..") {
            return Err(self.expected(format!("`..`, for {what}")));
        }
        let spaced = !self.adjacent();
        self.bump();
        // `100.. x`: what follows a blank is the next argument, unless the dots stand free on both sides.
        if self.at_line_end() || self.at_mark(")") || (!spaced && !self.adjacent()) {
            return Ok(ArgValue::Range(from, None));
        }
        let until = self.typed(ArgKind::Int, what)?;
        Ok(ArgValue::Range(from, Some(until)))
    }

    /// What follows the base of a place: `[3]`, `:u8[0]`, `[0..5]`.
    pub(super) fn place(&mut self, base: String) -> Parsed<Place> {
        let mut ty = IntType::default();
        let start = self.span().start;
        let typed = self.eat_mark(":");
        if typed {
            let names = IntType::ALL.map(|(_, name)| name);
            let TokenKind::Name(name) = self.peek() else {
                return Err(self.expected(format!("a type, one of {}", names.join(", "))));
            };
            let Some((found, _)) = IntType::ALL.iter().find(|(_, n)| n == name) else {
                let error = self.expected(format!("a type, one of {}", names.join(", ")));
                return Err(match nearest(name, names) {
                    Some(near) => error.help(format!("did you mean `{near}`?")),
                    None => error,
                });
            };
            ty = *found;
            self.bump();
        }
        if !self.eat_mark("[") {
            return Err(self.expected(format!("`[`, as in `{base}[0]`")));
        }
        let (index, until) = self.nested(|p| {
            let index = p.typed(ArgKind::Int, "an index, a number")?;
            let until =
                if p.eat_mark("..") { Some(p.typed(ArgKind::Int, "the end of a slice, a number")?) } else { None };
            Ok((index, until))
        })?;
        if !self.eat_mark("]") {
            return Err(self.expected("`]`"));
        }
        if typed && until.is_some() {
            let error = Diagnostic::error(self.span_from(start), "a slice is made of bytes and has no type");
            return Err(error.help(format!("write `{base}[0..5]`")));
        }
        Ok(Place { base, ty, index, until })
    }
}

fn zero() -> ArgValue {
    ArgValue::Expr(Expr::int(0))
}

const fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Number => "a number",
        Kind::Duration => "a duration",
        Kind::Data => "data",
        Kind::Open => "a variable",
    }
}
