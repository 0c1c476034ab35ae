//! What stands behind `expect`.

use super::value::one_of;
use super::{Parsed, Parser};
use crate::model::KINDS;
use crate::script::suggest::nearest;
use crate::script::token::TokenKind;
use crate::script::words::{ACTOR_CLAIMS, HOST_CLAIMS, OBJECT_CLAIMS, WHOLE_CLAIMS};
use crate::script::{
    ActorClaim, ArgKind, ArgValue, Claim, Cmp, Diagnostic, Expectation, FindingClaim, PredicateArg, PredicateSpec,
    SignalClaim, Span,
};

const ACTOR: &str = "the name of an actor";

impl<'a> Parser<'a> {
    pub(super) fn expectation(&mut self) -> Parsed<Expectation> {
        let start = self.span().start;
        let claim = if self.eat_word("not") { Claim::Not(Box::new(self.claim()?)) } else { self.claim()? };
        Ok(Expectation { span: self.span_from(start), claim })
    }

    fn claim(&mut self) -> Parsed<Claim> {
        let TokenKind::Name(first) = self.peek().clone() else {
            return Err(self.expected("a claim, such as `bob blocked in read on p`"));
        };
        match first.as_str() {
            "not" => {
                return Err(
                    Diagnostic::error(self.span(), "a second `not`").help("two of them say nothing: leave both out")
                );
            }
            "deadlock" => {
                self.bump();
                return self.actors().map(Claim::Deadlock);
            }
            "certain" => {
                self.bump();
                return self.finding(FindingClaim::Certain);
            }
            "suspicious" => {
                self.bump();
                return self.finding(FindingClaim::Suspicious);
            }
            "syscalls" | "woken" => {
                self.bump();
                let calls = first == "syscalls";
                let what = if calls { "a number of system calls" } else { "a number of actors" };
                let count = self.typed(ArgKind::Count, what)?;
                if !self.eat_word("since") {
                    return Err(self.expected("`since mark`"));
                }
                if !self.eat_word("mark") {
                    return Err(self.expected("`mark`"));
                }
                return Ok(if calls { Claim::Syscalls(count) } else { Claim::Woken(count) });
            }
            "gone" => {
                self.bump();
                return self.dotted("the name of an object").map(Claim::Gone);
            }
            _ => {}
        }
        let subject = self.dotted("the name of an actor or object")?;
        if self.at_mark("[") || self.at_mark(":") {
            return self.memory(None, subject);
        }
        match self.peek().clone() {
            TokenKind::Variable(_) => {
                let name = self.variable()?;
                let (cmp, value) = self.compared()?;
                Ok(Claim::Variable { actor: subject, name, cmp, value })
            }
            TokenKind::Name(base) if self.next_is_mark("[") || self.next_is_mark(":") => {
                self.bump();
                self.memory(Some(subject), base)
            }
            TokenKind::Name(word) if ACTOR_CLAIMS.iter().any(|w| w.word == word) && !self.is_of_object(&word) => {
                self.bump();
                self.actor_claim(&word).map(|claim| Claim::Actor(subject, claim))
            }
            TokenKind::Name(word) => self.predicate(&subject, &word),
            _ => Err(self.expected(format!("what `{subject}` should be or do"))),
        }
    }

    /// A kind of finding, and whom it is about.
    fn finding(&mut self, certainty: FindingClaim) -> Parsed<Claim> {
        let words = || KINDS.iter().map(|kind| kind.word);
        let TokenKind::Name(word) = self.peek().clone() else {
            return Err(self.expected(format!("a kind of finding, {}", one_of(words()))));
        };
        if crate::model::kind(&word).is_none() {
            let help = match nearest(&word, words()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", one_of(words())),
            };
            return Err(Diagnostic::error(self.span(), format!("`{word}` is no kind of finding")).help(help));
        }
        self.bump();
        let actors = if self.at_line_end() { Vec::new() } else { self.actors()? };
        Ok(Claim::Finding { certainty, kind: word, actors })
    }

    /// Whether a word that claims a signal of an actor claims something of an object here: `l pending 1`.
    fn is_of_object(&self, word: &str) -> bool {
        SignalClaim::ALL.iter().any(|(_, name)| *name == word)
            && !matches!(self.peek_next(), TokenKind::Name(_) | TokenKind::Newline | TokenKind::End)
    }

    fn memory(&mut self, actor: Option<String>, base: String) -> Parsed<Claim> {
        let place = self.place(base)?;
        let (cmp, value) = self.compared()?;
        Ok(Claim::Memory { actor, place, cmp, value })
    }

    /// A comparison and the value behind it.
    fn compared(&mut self) -> Parsed<(Cmp, crate::script::Expr)> {
        let Some(cmp) = self.comparison()? else { return Err(self.expected("a comparison: == != < <= > >=")) };
        Ok((cmp, self.typed(ArgKind::Value, "a value to compare with")?))
    }

    fn actors(&mut self) -> Parsed<Vec<String>> {
        let mut actors = vec![self.dotted(ACTOR)?];
        while matches!(self.peek(), TokenKind::Name(word) if word != "by") {
            let span = self.span();
            let actor = self.dotted(ACTOR)?;
            if actors.contains(&actor) {
                return Err(Diagnostic::error(span, format!("`{actor}` is named twice")));
            }
            actors.push(actor);
        }
        Ok(actors)
    }

    fn actor_claim(&mut self, word: &str) -> Parsed<ActorClaim> {
        Ok(match word {
            "returned" => {
                let value = self.typed(ArgKind::Value, "the result, a number")?;
                ActorClaim::Returned(value, self.call_after("from")?)
            }
            "failed" => {
                let errno = self.errno()?;
                ActorClaim::Failed(errno, self.call_after("from")?)
            }
            "got" => ActorClaim::Got(self.typed(ArgKind::Data, "the data: \"text\"")?),
            "blocked" => {
                let call = self.call_after("in")?;
                let object = if self.eat_word("on") { Some(self.dotted("the name of an object")?) } else { None };
                ActorClaim::Blocked(call, object)
            }
            "handled" => {
                let signal = self.a_signal()?;
                let times = if self.at_line_end() { None } else { Some(self.typed(ArgKind::Count, "how often")?) };
                ActorClaim::Handled(signal, times)
            }
            "lost" => {
                let signal = self.a_signal()?;
                ActorClaim::Lost(signal, self.typed(ArgKind::Count, "how many left no trace")?)
            }
            "pgid" => ActorClaim::Group(self.dotted("who leads the process group")?),
            "sid" => ActorClaim::Session(self.dotted("who leads the session")?),
            "policy" => {
                let what = "a policy such as SCHED_FIFO";
                let TokenKind::Name(policy) = self.peek().clone() else { return Err(self.expected(what)) };
                if !policy.starts_with("SCHED_") {
                    return Err(self.expected(what));
                }
                self.bump();
                let priority =
                    if self.at_line_end() { None } else { Some(self.typed(ArgKind::Int, "the realtime priority")?) };
                ActorClaim::Policy(policy, priority)
            }
            "affinity" => {
                let mut cpus = vec![self.typed(ArgKind::Count, "the numbers of processors")?];
                while !self.at_line_end() {
                    cpus.push(self.typed(ArgKind::Count, "the number of a processor")?);
                }
                ActorClaim::Affinity(cpus)
            }
            "idle" => ActorClaim::Idle,
            "running" => ActorClaim::Running,
            "stopped" => ActorClaim::Stopped,
            "killed" => {
                if !self.eat_word("by") {
                    return Err(self.expected("`by` and a signal, such as `killed by SIGPIPE`"));
                }
                ActorClaim::KilledBy(self.a_signal()?)
            }
            _ => match SignalClaim::ALL.iter().find(|(_, name)| *name == word) {
                Some((of, _)) => {
                    let signal = self.a_signal()?;
                    let counted = *of == SignalClaim::Pending && !self.at_line_end();
                    let held = if counted { Some(self.typed(ArgKind::Count, "how many are held")?) } else { None };
                    ActorClaim::Signal(*of, signal, held)
                }
                None => ActorClaim::Exited(self.typed(ArgKind::Int, "the status, a number")?),
            },
        })
    }

    fn a_signal(&mut self) -> Parsed<String> {
        let missing = Diagnostic::error(self.span(), "no signal has the number 0");
        self.signal("a signal such as SIGPIPE")?.ok_or(missing)
    }

    /// The name of a call behind `word`, if that stands here.
    fn call_after(&mut self, word: &str) -> Parsed<Option<String>> {
        if !self.eat_word(word) {
            return Ok(None);
        }
        self.verb().map(|call| Some(call.name.to_owned()))
    }

    fn errno(&mut self) -> Parsed<String> {
        let what = "the name of an error, such as EAGAIN";
        let TokenKind::Name(name) = self.peek().clone() else { return Err(self.expected(what)) };
        let is_errno = |n: &str| n.starts_with('E') && n.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        let mut known = self.registry.quantities.iter().map(|(n, _)| *n).filter(|n| is_errno(n));
        if known.clone().next().is_some() && !known.any(|n| n == name) {
            let known = self.registry.quantities.iter().map(|(n, _)| *n).filter(|n| is_errno(n));
            let error = Diagnostic::error(self.span(), format!("unknown error `{name}`"));
            return Err(match nearest(&name, known) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error.help(format!("expected {what}")),
            });
        }
        self.bump();
        Ok(name)
    }

    fn predicate(&mut self, object: &str, word: &str) -> Parsed<Claim> {
        let registry = self.registry;
        let all = || registry.chapters.iter().flat_map(|c| c.predicates);
        let start = self.span();
        let mut first_error = None;
        for spec in all().filter(|p| p.word == word) {
            let claim = self.attempt(|p| {
                p.bump();
                let (cmp, args) = p.predicate_args(spec)?;
                p.nothing_more()?;
                Ok(Claim::Object { object: object.to_owned(), word: word.to_owned(), args, cmp })
            });
            match claim {
                Ok(claim) => return Ok(claim),
                Err(e) => {
                    first_error.get_or_insert_with(|| e.help(format!("as in `{}`", spec.example)));
                }
            }
        }
        if let Some(e) = first_error {
            return Err(e);
        }
        if word == "waiters" {
            self.bump();
            let args = match self.peek() {
                TokenKind::Name(name) if self.registry.quantity(name).is_none() => {
                    self.actors()?.into_iter().map(ArgValue::Name).collect()
                }
                _ => vec![ArgValue::Expr(self.typed(ArgKind::Count, "the names of actors, or a number")?)],
            };
            return Ok(Claim::Object { object: object.to_owned(), word: word.to_owned(), args, cmp: None });
        }
        if HOST_CLAIMS.iter().any(|w| w.word == word)
            && let Ok(args) = self.attempt(|p| p.of_host(word))
        {
            return Ok(Claim::Object { object: object.to_owned(), word: word.to_owned(), args, cmp: None });
        }
        // A word that is nearly one that is known is a slip, not a field.
        let known =
            || all().map(|p| p.word).chain(ACTOR_CLAIMS.iter().chain(OBJECT_CLAIMS).chain(HOST_CLAIMS).map(|w| w.word));
        if word != "is"
            && nearest(word, known()).is_none()
            && let Ok((cmp, value)) = self.attempt(Self::field_value)
        {
            return Ok(Claim::Object { object: object.to_owned(), word: word.to_owned(), args: vec![value], cmp });
        }
        Err(self.unknown_predicate(object, word, start))
    }

    /// What a claim on a host compares with: hosts that its lines lead to, or an address.
    fn of_host(&mut self, word: &str) -> Parsed<Vec<ArgValue>> {
        self.bump();
        let args = if word == "addresses" {
            vec![ArgValue::Expr(self.typed(ArgKind::Data, "an address: \"10.0.0.1\"")?)]
        } else {
            self.actors()?.into_iter().map(ArgValue::Name).collect()
        };
        self.nothing_more()?;
        Ok(args)
    }

    /// The value of a field, which the registry does not list: a number, data or one word, to the line's end.
    fn field_value(&mut self) -> Parsed<(Option<Cmp>, ArgValue)> {
        self.bump();
        let cmp = self.comparison()?;
        let value = match self.peek() {
            TokenKind::Name(name) if self.registry.quantity(name).is_none() => ArgValue::Name(self.name("a word")?),
            _ => ArgValue::Expr(self.typed(ArgKind::Value, "a value")?),
        };
        self.nothing_more()?;
        Ok((cmp, value))
    }

    fn unknown_predicate(&self, subject: &str, word: &str, span: Span) -> Diagnostic {
        let predicates = self.registry.chapters.iter().flat_map(|c| c.predicates).map(|p| p.word);
        let actor_words = ACTOR_CLAIMS.iter().map(|w| w.word);
        let message = format!("nothing called `{word}` can be expected of `{subject}`");
        let help =
            match nearest(word, actor_words.clone().chain(predicates).chain(OBJECT_CLAIMS.iter().map(|w| w.word))) {
                Some(near) => format!("did you mean `{near}`?"),
                None if HOST_CLAIMS.iter().any(|w| w.word == word) => {
                    let claim = HOST_CLAIMS.iter().find(|w| w.word == word).map_or("", |w| w.example);
                    format!("of a host: `{claim}`")
                }
                None if word == "is" => "leave `is` out: `expect bob idle`".to_owned(),
                None if WHOLE_CLAIMS.iter().any(|w| w.word == word) => {
                    format!("`{word}` stands first: `expect {word} …`")
                }
                None => format!("of an actor: {}; of an object: the predicates of its facility", one_of(actor_words)),
            };
        Diagnostic::error(span, message).help(help)
    }

    fn predicate_args(&mut self, spec: &'a PredicateSpec) -> Parsed<(Option<Cmp>, Vec<ArgValue>)> {
        let mut args = Vec::new();
        let cmp = if let [PredicateArg::Number] = spec.args { self.comparison()? } else { None };
        for arg in spec.args {
            match arg {
                PredicateArg::Number => args.push(ArgValue::Expr(self.typed(ArgKind::Int, "a number")?)),
                PredicateArg::Data => args.push(ArgValue::Expr(self.typed(ArgKind::Data, "data: \"text\"")?)),
                PredicateArg::Actors => args.extend(self.actors()?.into_iter().map(ArgValue::Name)),
                PredicateArg::Word => args.push(ArgValue::Name(self.name("a word")?)),
                PredicateArg::Object => args.push(ArgValue::Name(self.dotted("the name of an object")?)),
                PredicateArg::Range => {
                    if !self.at_line_end() && !self.at_word("by") {
                        args.push(self.range("a range such as 0..100")?);
                    }
                }
                PredicateArg::By => {
                    if self.eat_word("by") {
                        args.push(ArgValue::By(self.dotted(ACTOR)?));
                    }
                }
            }
        }
        Ok((cmp, args))
    }
}
