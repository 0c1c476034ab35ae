//! Statements: lines and blocks.

use super::{Parsed, Parser};
use crate::script::limits::STATEMENT_MAX;
use crate::script::suggest::nearest;
use crate::script::token::{TokenKind, tokenize};
use crate::script::words::{STAGE_WORDS, stage_word};
use crate::script::{ArgKind, Body, CallExpr, Diagnostic, Expr, Span, Statement};

/// Whether a block is open at the end of `text`: a `program`, or a `repeat` without colon, whose `end` is to come.
pub fn incomplete(text: &str) -> bool {
    open_block(text).is_some()
}

/// The actor whose block is open at the end of `text`.
pub(in crate::script) fn open_block(text: &str) -> Option<String> {
    let (tokens, _) = tokenize(text);
    let mut open = None;
    for line in tokens.split(|t| matches!(t.kind, TokenKind::Newline | TokenKind::End)) {
        let Some(TokenKind::Name(first)) = line.first().map(|t| &t.kind) else { continue };
        let header = |words: usize| match line.last().map(|t| &t.kind) {
            Some(TokenKind::Name(_)) if line.len() >= words && !line.iter().any(|t| t.kind == TokenKind::Mark(":")) => {
                // An actor may be a thread: `alice.t1`.
                let mut name = line.iter().rev().take_while(|t| t.kind == TokenKind::Mark(".") || is_name(&t.kind));
                let (last, dot, base) = (name.next(), name.next(), name.next());
                match (last, dot, base) {
                    (Some(last), Some(dot), Some(base)) if dot.kind == TokenKind::Mark(".") => {
                        Some(text[base.span.start..last.span.end].to_owned())
                    }
                    (Some(last), ..) => Some(text[last.span.start..last.span.end].to_owned()),
                    _ => None,
                }
            }
            _ => None,
        };
        open = match first.as_str() {
            "program" => header(2),
            "repeat" => header(3),
            "end" => None,
            // An order to the stage can't stand in a block: it is an error now, not something that `end` would mend.
            word if stage_word(word).is_some() => None,
            _ => open,
        };
    }
    open
}

const fn is_name(kind: &TokenKind) -> bool {
    matches!(kind, TokenKind::Name(_))
}

impl Parser<'_> {
    pub(super) fn statements(&mut self) -> Vec<Statement> {
        let mut statements = Vec::new();
        loop {
            self.skip_newlines();
            if self.at_end() || self.has_enough() {
                return statements;
            }
            let before = self.errors;
            let start = self.span().start;
            let body = self.fits_statement().and_then(|()| self.statement());
            let body = match body {
                Ok(body) => body,
                Err(e) => {
                    self.report(e);
                    None
                }
            };
            if body.is_some()
                && self.errors == before
                && let Err(e) = self.nothing_more()
            {
                self.report(e);
            }
            self.skip_line();
            let span = self.span_from(start);
            if span.end - span.start > STATEMENT_MAX {
                if self.errors == before {
                    let message = format!("this block is longer than STATEMENT_MAX, {STATEMENT_MAX} bytes");
                    self.report(Diagnostic::error(span, message));
                }
                continue;
            }
            let block = matches!(&body, Some(Body::Program { .. } | Body::Repeat { block: true, .. }));
            let sound = self.errors == before && !self.mistaken(span);
            if let Some(body) = body.filter(|_| sound || block) {
                statements.push(Statement { span, body });
            }
        }
    }

    /// That the line here is not too long to be a statement.
    pub(super) fn fits_statement(&self) -> Parsed<()> {
        let start = self.span().start;
        let line = &self.text[start..];
        let length = line.find('\n').unwrap_or(line.len());
        if length <= STATEMENT_MAX {
            return Ok(());
        }
        let message = format!("this statement is longer than STATEMENT_MAX, {STATEMENT_MAX} bytes");
        Err(Diagnostic::error(Span::new(start, start + length), message))
    }

    /// One statement. `Ok(None)`: its errors have been reported.
    fn statement(&mut self) -> Parsed<Option<Body>> {
        let TokenKind::Name(word) = self.peek().clone() else {
            return Err(self.expected("a statement: `ACTOR: CALL`, or a word of the stage such as `spawn`"));
        };
        if stage_word(&word).is_some() {
            self.bump();
            return self.stage_statement(&word);
        }
        let start = self.pos;
        let actor = self.dotted("the name of an actor");
        if self.at_mark(":") {
            let actor = actor?;
            self.bump();
            return Ok(self.call().map(|call| Body::Order { actor, call }));
        }
        self.pos = start;
        Err(self.unknown_statement(&word))
    }

    fn unknown_statement(&self, word: &str) -> Diagnostic {
        let span = self.span();
        if word == "end" {
            return Diagnostic::error(span, "`end` closes no block")
                .help("a block begins with `program ACTOR` or `repeat N ACTOR`");
        }
        if self.registry.call(word).is_some() {
            return Diagnostic::error(span, format!("`{word}` is a call, and no actor is named to make it"))
                .help(format!("write `ACTOR: {word} …`"));
        }
        let error = Diagnostic::error(span, format!("unknown statement `{word}`"));
        match nearest(word, STAGE_WORDS.iter().map(|w| w.word)) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None => error.help("an order to an actor is written `ACTOR: CALL`"),
        }
    }

    fn stage_statement(&mut self, word: &str) -> Parsed<Option<Body>> {
        let actor = "the name of an actor";
        Ok(Some(match word {
            "spawn" => return self.spawn().map(Some),
            "host" => return self.host().map(Some),
            "link" => return self.link().map(Some),
            "program" => {
                let start = self.span_before();
                let actor = self.dotted(actor)?;
                let body = self.block(&format!("program {actor}"), start)?;
                return Ok(body.map(|body| Body::Program { actor, body }));
            }
            "step" => Body::Step { actor: self.dotted(actor)? },
            "go" => return self.go().map(Some),
            "repeat" => return self.repeat(),
            "await" => {
                let actor = self.dotted(actor)?;
                let limit = self.option("limit", ArgKind::Duration, "`limit`, a duration such as 2s")?;
                Body::Await { actor, limit }
            }
            "cancel" => Body::Cancel { actor: self.dotted(actor)? },
            "mark" => Body::Mark,
            _ => return self.expectation().map(|e| Some(Body::Expect(e))),
        }))
    }

    /// The span of the token before this one.
    fn span_before(&self) -> Span {
        self.tokens[self.pos.saturating_sub(1)].span
    }

    fn spawn(&mut self) -> Parsed<Body> {
        let name = self.name("a name for the new actor")?;
        let host = if self.eat_mark("@") { Some(self.name("the name of a host right behind `@`")?) } else { None };
        let start = self.span();
        let uid = match self.option("uid", ArgKind::Count, "`uid`, the number of a user")? {
            None => None,
            Some(Expr::Int(n, _)) if u32::try_from(n).is_ok_and(|n| n != u32::MAX) => Some(n as u32),
            Some(_) => {
                let span = self.span_from(start.start);
                return Err(Diagnostic::error(span, "`uid` is a number from 0 to 4294967294, and no computation"));
            }
        };
        Ok(Body::Spawn { name, host, uid })
    }

    fn host(&mut self) -> Parsed<Body> {
        let span = self.span();
        let name = self.name("a name for the new host")?;
        if name == "unix" {
            return Err(Diagnostic::error(span, "no host can be called `unix`")
                .help("`unix:NAME` is the address of a UNIX socket, and `HOST:PORT` that of a host"));
        }
        Ok(Body::Host { name })
    }

    fn link(&mut self) -> Parsed<Body> {
        let first = self.name("the names of two hosts")?;
        let span = self.span();
        let second = self.name("the name of another host")?;
        if first == second {
            return Err(Diagnostic::error(span, format!("`{second}` has no line to itself")));
        }
        let up = if self.eat_word("up") {
            true
        } else if self.eat_word("down") {
            false
        } else {
            return Err(self.expected("`up` or `down`"));
        };
        Ok(Body::Link { first, second, up })
    }

    fn go(&mut self) -> Parsed<Body> {
        let mut actors = vec![self.dotted("the names of actors")?];
        while matches!(self.peek(), TokenKind::Name(_)) && !self.next_is_mark("=") {
            let span = self.span();
            let actor = self.dotted("the name of an actor")?;
            if actors.contains(&actor) {
                return Err(Diagnostic::error(span, format!("`{actor}` is named twice")));
            }
            actors.push(actor);
        }
        let times = self.option("times", ArgKind::Count, "`times`, a number of rounds")?;
        Ok(Body::Go { actors, times })
    }

    /// `key=VALUE` at the end of an order to the stage, if there is one.
    fn option(&mut self, key: &str, kind: ArgKind, what: &str) -> Parsed<Option<Expr>> {
        if self.at_line_end() {
            return Ok(None);
        }
        let TokenKind::Name(name) = self.peek() else {
            return Err(self.expected(format!("`{key}=` or the line's end")));
        };
        if name != key {
            let error = self.expected(format!("`{key}=` or the line's end"));
            let near = nearest(name, [key]).is_some();
            return Err(if near { error.help(format!("did you mean `{key}=`?")) } else { error });
        }
        self.bump();
        if !self.eat_mark("=") {
            return Err(self.expected(format!("`=`, as in `{key}=VALUE`")));
        }
        self.typed(kind, what).map(Some)
    }

    fn repeat(&mut self) -> Parsed<Option<Body>> {
        let start = self.span_before();
        let times = if self.eat_word("forever") {
            None
        } else {
            if let TokenKind::Name(name) = self.peek()
                && self.registry.quantity(name).is_none()
            {
                let error = self.expected("a number of rounds, or `forever`");
                let near = nearest(name, ["forever"]).is_some();
                return Err(if near { error.help("did you mean `forever`?") } else { error });
            }
            Some(self.typed(ArgKind::Count, "a number of rounds, or `forever`")?)
        };
        let actor = self.dotted("the name of an actor")?;
        if self.eat_mark(":") {
            return Ok(self.call().map(|call| Body::Repeat { times, actor, body: vec![call], block: false }));
        }
        if !self.at_line_end() {
            return Err(self.expected("`:` and a call, or the line's end and a block"));
        }
        let body = self.block(&format!("repeat … {actor}"), start)?;
        Ok(body.map(|body| Body::Repeat { times, actor, body, block: true }))
    }

    /// The calls of a block, up to its `end`; `None` if the line that opened it can't be used.
    fn block(&mut self, title: &str, opened: Span) -> Parsed<Option<Vec<CallExpr>>> {
        self.nothing_more()?;
        let opened = self.span_from(opened.start);
        let mut body = Vec::new();
        let sound = !self.mistaken(opened);
        loop {
            self.skip_newlines();
            let TokenKind::Name(word) = self.peek().clone() else {
                if self.at_end() {
                    self.report(unclosed(title, opened));
                    return Ok(sound.then_some(body));
                }
                let error = self.expected("a call or `end`");
                self.report(error);
                self.skip_line();
                continue;
            };
            if word == "end" {
                self.bump();
                return Ok(sound.then_some(body));
            }
            if stage_word(&word).is_some() && !self.next_is_mark(":") && self.registry.call(&word).is_none() {
                // Most likely `end` was forgotten: the line is read as the statement that it is.
                self.report(unclosed(title, opened));
                self.step_back_to_line_end();
                return Ok(sound.then_some(body));
            }
            if self.next_is_mark(":") {
                let span = self.span();
                let error = Diagnostic::error(span, format!("inside `{title}` the actor is already named"));
                self.report(error.help("write the call alone, or close the block with `end`"));
                self.bump();
                self.bump();
            }
            if let Err(e) = self.fits_statement() {
                self.report(e);
                self.skip_line();
                continue;
            }
            if let Some(call) = self.call() {
                body.push(call);
            }
        }
    }

    /// Back to the line end before this token, so that the statement here is read next.
    fn step_back_to_line_end(&mut self) {
        self.pos = self.pos.saturating_sub(1);
    }
}

fn unclosed(title: &str, opened: Span) -> Diagnostic {
    Diagnostic::error(opened, format!("`{title}` is not closed")).help("add a line `end` behind its calls")
}
