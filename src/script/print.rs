//! Trees to text. `parse` gives the same tree back.

use std::fmt::{self, Display, Formatter, Write};

use super::token::UNITS;
use super::{
    ActorClaim, Arg, ArgValue, Body, CallExpr, Claim, Cmp, Expectation, Expr, IntType, Interest, MemoryWord, Op, Place,
    Radix, SignalClaim, Statement, Tuple,
};

impl Display for Statement {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.body.fmt(f)
    }
}

impl Display for Body {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host { name } => write!(f, "host {name}"),
            Self::Link { first, second, up } => {
                write!(f, "link {first} {second} {}", if *up { "up" } else { "down" })
            }
            Self::Spawn { name, host, uid } => {
                write!(f, "spawn {name}")?;
                if let Some(host) = host {
                    write!(f, " @{host}")?;
                }
                uid.map_or(Ok(()), |uid| write!(f, " uid={uid}"))
            }
            Self::Order { actor, call } => write!(f, "{actor}: {call}"),
            Self::Program { actor, body } => {
                write!(f, "program {actor}")?;
                block(f, body)
            }
            Self::Step { actor } => write!(f, "step {actor}"),
            Self::Go { actors, times } => {
                f.write_str("go")?;
                words(f, actors)?;
                times.as_ref().map_or(Ok(()), |n| write!(f, " times={n}"))
            }
            Self::Repeat { times, actor, body, block: in_block } => {
                match times {
                    Some(n) => write!(f, "repeat {n} {actor}")?,
                    None => write!(f, "repeat forever {actor}")?,
                }
                match body.as_slice() {
                    [call] if !in_block => write!(f, ": {call}"),
                    _ => block(f, body),
                }
            }
            Self::Await { actor, limit: None } => write!(f, "await {actor}"),
            Self::Await { actor, limit: Some(limit) } => write!(f, "await {actor} limit={limit}"),
            Self::Cancel { actor } => write!(f, "cancel {actor}"),
            Self::Mark => f.write_str("mark"),
            Self::Expect(expectation) => write!(f, "expect {expectation}"),
        }
    }
}

fn block(f: &mut Formatter<'_>, body: &[CallExpr]) -> fmt::Result {
    body.iter().try_for_each(|call| write!(f, "\n  {call}"))?;
    f.write_str("\nend")
}

fn words(f: &mut Formatter<'_>, words: &[String]) -> fmt::Result {
    words.iter().try_for_each(|word| write!(f, " {word}"))
}

impl Display for CallExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.verb)?;
        self.args.iter().try_for_each(|arg| write!(f, " {arg}"))?;
        if let Some(name) = &self.bind {
            write!(f, " as {name}")?;
        }
        self.into.as_ref().map_or(Ok(()), |name| write!(f, " -> ${name}"))
    }
}

impl Display for Arg {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.keyed {
            write!(f, "{}=", self.name)?;
        }
        self.value.fmt(f)
    }
}

impl Display for ArgValue {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expr(e) => e.fmt(f),
            Self::Name(name) => f.write_str(name),
            Self::Fd(e @ Expr::Binary(..)) => write!(f, "fd ({e})"),
            Self::Fd(e) => write!(f, "fd {e}"),
            Self::Flags(flags) if flags.is_empty() => f.write_char('0'),
            Self::Flags(flags) => f.write_str(&flags.join("|")),
            Self::Range(from, None) => write!(f, "{from}.."),
            Self::Range(from, Some(until)) => write!(f, "{from}..{until}"),
            Self::Place(place) => place.fmt(f),
            Self::Address(base, offset) => write!(f, "{base}+{offset}"),
            Self::Socket(address) => address.fmt(f),
            Self::Interests(interests) => separated(f, interests, " "),
            Self::Tuples(tuples) => separated(f, tuples, " "),
            Self::Words(words) => separated(f, words, " "),
            Self::By(actor) => write!(f, "by {actor}"),
        }
    }
}

impl Display for Interest {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let events = if self.events.is_empty() { "0".to_owned() } else { self.events.join("|") };
        write!(f, "{}:{events}", self.descriptor)
    }
}

impl Display for Tuple {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        separated(f, &self.numbers, ":")?;
        if self.flags.is_empty() { Ok(()) } else { write!(f, ":{}", self.flags.join("|")) }
    }
}

impl Display for MemoryWord {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.address, self.value)?;
        if self.flags.is_empty() { Ok(()) } else { write!(f, ":{}", self.flags.join("|")) }
    }
}

fn separated(f: &mut Formatter<'_>, items: &[impl Display], by: &str) -> fmt::Result {
    items.iter().enumerate().try_for_each(|(i, item)| write!(f, "{}{item}", if i == 0 { "" } else { by }))
}

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)?;
        if self.ty != IntType::default() {
            write!(f, ":{}", self.ty)?;
        }
        match &self.until {
            None => write!(f, "[{}]", self.index),
            Some(until) => write!(f, "[{}..{until}]", self.index),
        }
    }
}

impl Display for IntType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(ty, _)| ty == self).map_or("i32", |(_, name)| name);
        f.write_str(name)
    }
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(n, radix) => {
                if *n < 0 {
                    f.write_char('-')?;
                }
                let n = n.unsigned_abs();
                match radix {
                    Radix::Decimal => write!(f, "{n}"),
                    Radix::Hex => write!(f, "{n:#x}"),
                    Radix::Octal => write!(f, "0{n:o}"),
                }
            }
            Self::Text(bytes) => quote(f, bytes),
            Self::Byte(byte) => {
                f.write_char('\'')?;
                escape_ascii(f, *byte, b'\'')?;
                f.write_char('\'')
            }
            Self::Duration(ns) => {
                let mut units = UNITS;
                units.sort_by_key(|(_, factor)| -factor);
                let (unit, factor) = units.into_iter().find(|(_, factor)| ns % factor == 0).unwrap_or(("ns", 1));
                write!(f, "{}{unit}", ns / factor)
            }
            Self::Var(name) => write!(f, "${name}"),
            Self::Quantity(name) => f.write_str(name),
            Self::Binary(op, left, right) => {
                operand(f, left, op.binds())?;
                write!(f, " {op} ")?;
                operand(f, right, op.binds() + 1)
            }
            Self::Paren(inner) => write!(f, "({inner})"),
        }
    }
}

/// An operand, in parentheses if it binds looser than its place asks for. The parser never makes such trees.
fn operand(f: &mut Formatter<'_>, e: &Expr, binds: u8) -> fmt::Result {
    match e {
        Expr::Binary(op, ..) if op.binds() < binds => write!(f, "({e})"),
        _ => e.fmt(f),
    }
}

impl Op {
    /// How tightly it binds: more is tighter.
    pub(super) const fn binds(self) -> u8 {
        match self {
            Self::Add | Self::Sub => 1,
            Self::Mul | Self::Div | Self::Rem => 2,
        }
    }
}

impl Display for Op {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Rem => "%",
        })
    }
}

impl Display for Cmp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Eq => "==",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
        })
    }
}

impl Display for Expectation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.claim.fmt(f)
    }
}

impl Display for Claim {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Not(claim) => write!(f, "not {claim}"),
            Self::Actor(actor, claim) => write!(f, "{actor} {claim}"),
            Self::Object { object, word, args, cmp } => {
                write!(f, "{object} {word}")?;
                if let Some(cmp) = cmp {
                    write!(f, " {cmp}")?;
                }
                args.iter().try_for_each(|arg| write!(f, " {arg}"))
            }
            Self::Memory { actor, place, cmp, value } => {
                if let Some(actor) = actor {
                    write!(f, "{actor} ")?;
                }
                write!(f, "{place} {cmp} {value}")
            }
            Self::Variable { actor, name, cmp, value } => write!(f, "{actor} ${name} {cmp} {value}"),
            Self::Deadlock(actors) => {
                f.write_str("deadlock")?;
                words(f, actors)
            }
            Self::Finding { certainty, kind, actors } => {
                write!(f, "{} {kind}", certainty.word())?;
                words(f, actors)
            }
            Self::Syscalls(n) => write!(f, "syscalls {n} since mark"),
            Self::Woken(n) => write!(f, "woken {n} since mark"),
            Self::Gone(object) => write!(f, "gone {object}"),
        }
    }
}

impl Display for ActorClaim {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let from = |f: &mut Formatter<'_>, call: &Option<String>| {
            call.as_ref().map_or(Ok(()), |call| write!(f, " from {call}"))
        };
        match self {
            Self::Returned(value, call) => {
                write!(f, "returned {value}")?;
                from(f, call)
            }
            Self::Failed(errno, call) => {
                write!(f, "failed {errno}")?;
                from(f, call)
            }
            Self::Got(data) => write!(f, "got {data}"),
            Self::Blocked(call, object) => {
                f.write_str("blocked")?;
                if let Some(call) = call {
                    write!(f, " in {call}")?;
                }
                object.as_ref().map_or(Ok(()), |object| write!(f, " on {object}"))
            }
            Self::Lost(signal, count) => write!(f, "lost {signal} {count}"),
            Self::Group(leader) => write!(f, "pgid {leader}"),
            Self::Session(leader) => write!(f, "sid {leader}"),
            Self::Signal(of, signal, count) => {
                let word = SignalClaim::ALL.iter().find(|(claim, _)| claim == of).map_or("", |(_, word)| word);
                write!(f, "{word} {signal}")?;
                count.as_ref().map_or(Ok(()), |count| write!(f, " {count}"))
            }
            Self::Handled(signal, times) => {
                write!(f, "handled {signal}")?;
                times.as_ref().map_or(Ok(()), |times| write!(f, " {times}"))
            }
            Self::Policy(policy, priority) => {
                write!(f, "policy {policy}")?;
                priority.as_ref().map_or(Ok(()), |priority| write!(f, " {priority}"))
            }
            Self::Affinity(cpus) => {
                f.write_str("affinity")?;
                cpus.iter().try_for_each(|cpu| write!(f, " {cpu}"))
            }
            Self::Idle => f.write_str("idle"),
            Self::Running => f.write_str("running"),
            Self::Stopped => f.write_str("stopped"),
            Self::KilledBy(signal) => write!(f, "killed by {signal}"),
            Self::Exited(status) => write!(f, "exited {status}"),
        }
    }
}

/// Data in double quotes, as the language reads it: valid UTF-8 as it is, the rest and control characters escaped.
pub(super) fn quote(f: &mut Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_char('"')?;
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_ascii() {
                escape_ascii(f, c as u8, b'"')?;
            } else if c.is_control() || c.is_whitespace() || ('\u{200b}'..='\u{206f}').contains(&c) {
                // What can't be seen, or would turn the line's direction, is shown as bytes.
                let mut buffer = [0; 4];
                c.encode_utf8(&mut buffer).bytes().try_for_each(|b| write!(f, "\\x{b:02x}"))?;
            } else {
                f.write_char(c)?;
            }
        }
        chunk.invalid().iter().try_for_each(|b| write!(f, "\\x{b:02x}"))?;
    }
    f.write_char('"')
}

fn escape_ascii(f: &mut Formatter<'_>, byte: u8, quote: u8) -> fmt::Result {
    match byte {
        b'\n' => f.write_str("\\n"),
        b'\t' => f.write_str("\\t"),
        b'\r' => f.write_str("\\r"),
        0 => f.write_str("\\0"),
        b'\\' => f.write_str("\\\\"),
        _ if byte == quote => write!(f, "\\{}", char::from(byte)),
        b' '..=b'~' => f.write_char(char::from(byte)),
        _ => write!(f, "\\x{byte:02x}"),
    }
}
