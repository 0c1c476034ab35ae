//! Where in a statement the cursor is, told from what stands before its word.

use super::offer::Offer;
use super::{CandidateKind, Parser, Signature, all_given, progress};
use crate::script::parse::names_by_as;
use crate::script::token::{Token, TokenKind, tokenize};
use crate::script::words::{ACTOR_CLAIMS, HOST_CLAIMS, OBJECT_CLAIMS, STAGE_WORDS, WHOLE_CLAIMS, stage_word};
use crate::script::{ArgKind, CallSpec, Form, PredicateArg, SceneActor};

/// Looks at the line before the word, and fills the offer. `block` is the actor whose block the line is in.
pub(super) fn look(before: &str, block: Option<&str>, offer: &mut Offer<'_>) {
    let (mut tokens, _) = tokenize(before);
    tokens.pop();
    if let Some(actor) = block {
        if tokens.is_empty() {
            offer.calls(false);
            offer.add("end", "", "Closes the block", CandidateKind::Word);
            return;
        }
        return in_call(before, 0, actor, offer);
    }
    let Some(first) = tokens.first() else {
        offer.actors(": ", &[]);
        return offer.words(STAGE_WORDS, CandidateKind::Word);
    };
    if let Some(colon) = order_colon(&tokens) {
        return in_call(before, tokens[colon].span.end, before[..tokens[colon].span.start].trim(), offer);
    }
    if let TokenKind::Name(word) = &first.kind
        && let Some(word) = stage_word(word)
    {
        offer.signature = Some(Signature::of_word(word));
        in_stage_statement(word.word, before, &tokens, offer);
    }
}

/// The colon behind the actor of an order, if the line is one.
fn order_colon(tokens: &[Token]) -> Option<usize> {
    let colon = tokens.iter().position(|t| t.kind == TokenKind::Mark(":"))?;
    (colon <= 3 && matches!(&tokens[0].kind, TokenKind::Name(w) if stage_word(w).is_none())).then_some(colon)
}

/// The names among some tokens: `alice`, and `alice.t1` as one.
fn names(before: &str, tokens: &[Token]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut dotted = false;
    for token in tokens {
        match &token.kind {
            TokenKind::Mark(".") => dotted = true,
            TokenKind::Name(_) | TokenKind::Int(..) => {
                let text = &before[token.span.start..token.span.end];
                match names.last_mut() {
                    Some(last) if dotted => {
                        last.push('.');
                        last.push_str(text);
                    }
                    _ => names.push(text.to_owned()),
                }
                dotted = false;
            }
            _ => dotted = false,
        }
    }
    names
}

fn in_stage_statement(word: &str, before: &str, tokens: &[Token], offer: &mut Offer<'_>) {
    let rest = &tokens[1..];
    let given = names(before, rest);
    let after_equals = rest.last().is_some_and(|t| t.kind == TokenKind::Mark("="));
    if after_equals {
        if word != "spawn" {
            offer.quantities();
        }
        return;
    }
    match (word, given.as_slice()) {
        ("spawn", [_]) if rest.last().is_some_and(|t| t.kind == TokenKind::Mark("@")) => offer.hosts("", "", &[]),
        ("spawn", [_]) => {
            offer.hosts("@", "", &[]);
            offer.add("uid=", "", "As this user, where the stage has others", CandidateKind::Key);
        }
        ("spawn", [_, _]) => offer.add("uid=", "", "As this user, where the stage has others", CandidateKind::Key),
        ("link", []) => offer.hosts("", " ", &[]),
        ("link", [first]) => offer.hosts("", " ", &[first]),
        ("link", [_, _]) => {
            offer.word("down", "Nothing passes any more");
            offer.word("up", "It carries again");
        }
        ("program" | "step" | "cancel" | "await", []) => offer.actors("", &[]),
        ("await", [_]) => offer.add("limit=", "", "Wait at most so long", CandidateKind::Key),
        ("go", given) => {
            let given: Vec<&str> = given.iter().map(String::as_str).collect();
            offer.actors(" ", &given);
            if !given.is_empty() {
                offer.add("times=", "", "How many rounds", CandidateKind::Key);
            }
        }
        ("repeat", _) => {
            if let Some(colon) = rest.iter().position(|t| t.kind == TokenKind::Mark(":")) {
                let names = names(before, &rest[..colon]);
                let actor = names.last().map_or("", String::as_str);
                return in_call(before, rest[colon].span.end, actor, offer);
            }
            if rest.is_empty() {
                offer.word("forever", "Until `cancel`");
                offer.quantities();
            } else {
                offer.actors(": ", &[]);
            }
        }
        ("expect", _) => in_claim(before, rest, offer),
        _ => {}
    }
}

/// In the call that begins at byte `from`.
fn in_call(before: &str, from: usize, actor: &str, offer: &mut Offer<'_>) {
    let text = &before[from..];
    let registry = offer.registry;
    let mut parser = Parser::new(text, registry);
    if parser.at_line_end() {
        return offer.calls(false);
    }
    let Ok(call) = parser.verb() else { return };
    let (mut tokens, _) = tokenize(text);
    tokens.pop();
    let actor = offer.scene.actor(actor);
    let (done, open) = progress(&mut parser, call);
    let active = |open: &[usize]| open.first().copied();
    let mark = match tokens.last().map(|t| &t.kind) {
        Some(TokenKind::Mark(mark)) => *mark,
        Some(TokenKind::Name(word)) if word == "as" && tokens.len() > 1 => "as",
        Some(TokenKind::Name(word)) if word == "fd" && tokens.len() > 1 => "fd",
        _ => "",
    };
    let before_last = tokens.len().checked_sub(2).map(|i| &tokens[i]);
    let place = match mark {
        "as" | "fd" => {
            offer.signature = Some(Signature::of_call(call, None));
            return;
        }
        "->" => {
            offer.variables(actor);
            None
        }
        "=" => {
            let key = before_last.map_or("", |t| &text[t.span.start..t.span.end]);
            let place = call.args.iter().position(|a| a.name == key);
            if let Some(place) = place {
                offer.argument(call, &call.args[place], actor);
            }
            place
        }
        "|" => flag_place(text, &tokens, call, offer),
        ":" => match interests_of(call) {
            Some((place, table)) => {
                offer.constants(table, &[]);
                Some(place)
            }
            None => {
                let tuples = call.args.iter().position(|a| matches!(a.kind, ArgKind::Tuples(..)));
                if let Some(place) = tuples {
                    offer.argument(call, &call.args[place], actor);
                } else if let Some(place) = words_of(call) {
                    // Behind the address comes a value, behind that may come flags.
                    offer.variables(actor);
                    if let ArgKind::Words(table) = call.args[place].kind {
                        offer.constants(table, &[]);
                    }
                    return offer.signature = Some(Signature::of_call(call, Some(place)));
                } else {
                    offer.types();
                }
                tuples.or(active(&open))
            }
        },
        "+" | "-" | "*" | "/" | "%" | "(" | "[" | ".." => {
            offer.variables(actor);
            offer.quantities();
            done.given.last().map(|(place, _)| *place).or(active(&open))
        }
        _ => {
            next_argument(call, &open, actor, &done, offer);
            active(&open)
        }
    };
    offer.signature = Some(Signature::of_call(call, place));
}

/// A new argument: what its place may take, then what is given by name, then what ends a call.
fn next_argument(
    call: &CallSpec,
    open: &[usize],
    actor: Option<&SceneActor>,
    done: &crate::script::parse::Progress,
    offer: &mut Offer<'_>,
) {
    for place in open {
        offer.argument(call, &call.args[*place], actor);
    }
    if !all_given(call, done) {
        return;
    }
    // Another descriptor may follow those that are given, as long as nothing else has.
    if let Some(place) = interests_of(call).map(|(place, _)| place).or_else(|| words_of(call))
        && done.given.last().is_some_and(|(last, _)| *last == place)
    {
        offer.argument(call, &call.args[place], actor);
    }
    for (place, arg) in call.args.iter().enumerate() {
        if arg.form == Form::Keyed && !done.given.iter().any(|(p, _)| *p == place) {
            offer.add(&format!("{}=", arg.name), "", arg.doc, CandidateKind::Key);
        }
    }
    if names_by_as(call) && done.bind.is_none() {
        offer.word("as", "Gives the result a name");
    }
    if call.gives && done.into.is_none() {
        offer.add("->", " $", "Puts the data or result into a variable", CandidateKind::Word);
    }
}

/// The place of the argument that takes descriptors with events, and the events.
fn interests_of(call: &CallSpec) -> Option<(usize, &'static [(&'static str, i64)])> {
    call.args.iter().enumerate().find_map(|(place, arg)| match arg.kind {
        ArgKind::Interests(table) => Some((place, table)),
        _ => None,
    })
}

/// The place of the argument that takes words of memory with values.
fn words_of(call: &CallSpec) -> Option<usize> {
    call.args.iter().position(|arg| matches!(arg.kind, ArgKind::Words(_)))
}

/// Behind `O_RDWR|`: the place of the argument whose flags are being joined.
fn flag_place(text: &str, tokens: &[Token], call: &CallSpec, offer: &mut Offer<'_>) -> Option<usize> {
    let mut given: Vec<&str> = Vec::new();
    for pair in tokens.rchunks(2) {
        let [name, bar] = pair else { break };
        let (TokenKind::Name(_), TokenKind::Mark("|")) = (&name.kind, &bar.kind) else { break };
        given.push(&text[name.span.start..name.span.end]);
    }
    let of = |kind: ArgKind| match kind {
        ArgKind::Flags(table) | ArgKind::Interests(table) | ArgKind::Tuples(_, table) | ArgKind::Words(table)
            if given.iter().any(|g| table.iter().any(|(n, _)| n == g)) =>
        {
            Some(table)
        }
        _ => None,
    };
    let (place, table) = call.args.iter().enumerate().find_map(|(place, arg)| Some((place, of(arg.kind)?)))?;
    offer.constants(table, &given);
    Some(place)
}

fn in_claim(before: &str, rest: &[Token], offer: &mut Offer<'_>) {
    let words: Vec<&str> = rest.iter().map(|t| &before[t.span.start..t.span.end]).collect();
    let negated = words.first() == Some(&"not");
    let (rest, words) = if negated { (&rest[1..], &words[1..]) } else { (rest, &words[..]) };
    let Some(first) = words.first() else {
        offer.actors(" ", &[]);
        offer.objects(" ");
        return offer.words(&WHOLE_CLAIMS[usize::from(negated)..], CandidateKind::Word);
    };
    if let Some(claim) = WHOLE_CLAIMS.iter().find(|w| w.word == *first) {
        offer.signature = Some(Signature::of_word(claim));
        let given = names(before, &rest[1..]);
        match *first {
            "deadlock" => offer.actors(" ", &given.iter().map(String::as_str).collect::<Vec<_>>()),
            "certain" | "suspicious" if given.is_empty() => {
                for kind in crate::model::KINDS {
                    offer.word(kind.word, kind.doc);
                }
            }
            "certain" | "suspicious" => {
                offer.actors(" ", &given.iter().map(String::as_str).collect::<Vec<_>>());
            }
            "gone" if given.is_empty() => offer.objects(""),
            "syscalls" | "woken" if words.len() == 2 => offer.word("since mark", "Counted from the last `mark`"),
            _ => {}
        }
        return;
    }
    // The subject may have a dot in it, and a number behind.
    let dotted = if words.get(1) == Some(&".") { 3 } else { 1 };
    let subject_tokens = if words.get(dotted) == Some(&"#") { dotted + 2 } else { dotted };
    let subject = words.iter().take(subject_tokens).copied().collect::<String>();
    let Some(word) = words.get(subject_tokens) else {
        if offer.scene.hosts.iter().any(|(name, _)| *name == subject) {
            offer.words(HOST_CLAIMS, CandidateKind::Claim);
            return;
        }
        let (actor, object) = (offer.scene.actor(&subject), offer.scene.object(&subject));
        if actor.is_some() || object.is_none() {
            offer.words(ACTOR_CLAIMS, CandidateKind::Claim);
            offer.variables(actor);
        }
        if object.is_some() || actor.is_none() {
            offer.predicates(&subject);
        }
        return;
    };
    let object = offer.scene.object(&subject).is_some();
    if let Some(claim) = ACTOR_CLAIMS.iter().find(|w| w.word == *word && !object) {
        offer.signature = Some(Signature::of_word(claim));
        return actor_claim(word, &words[subject_tokens + 1..], offer);
    }
    let registry = offer.registry;
    let predicate = registry.chapters.iter().flat_map(|c| c.predicates).find(|p| p.word == *word);
    if let Some(predicate) = predicate {
        offer.signature = Some(Signature {
            name: predicate.word.to_owned(),
            usage: predicate.example.to_owned(),
            args: Vec::new(),
            active_arg: None,
            doc: predicate.doc.to_owned(),
            man: String::new(),
            example: predicate.example.to_owned(),
        });
    } else if let Some(claim) = OBJECT_CLAIMS.iter().chain(HOST_CLAIMS).find(|w| w.word == *word) {
        offer.signature = Some(Signature::of_word(claim));
        if matches!(claim.word, "up" | "down") {
            offer.hosts("", "", &[&subject]);
        }
    }
    let takes = |arg: &PredicateArg| predicate.is_some_and(|p| p.args.contains(arg));
    if words.last() == Some(&"by") || *word == "waiters" || takes(&PredicateArg::Actors) {
        offer.actors(" ", &words[subject_tokens + 1..]);
    } else if takes(&PredicateArg::Object) {
        offer.objects("");
    } else if takes(&PredicateArg::By) && !words.contains(&"by") {
        offer.word("by", "Who holds it");
    }
}

fn actor_claim(word: &str, given: &[&str], offer: &mut Offer<'_>) {
    match (word, given) {
        (_, [.., "from"]) => offer.calls(false),
        ("returned", [_, ..]) | ("failed", [_]) => offer.word("from", "The last finished call was this one"),
        ("returned" | "exited", []) => offer.quantities(),
        ("failed", []) => offer.errors(),
        ("blocked", [.., "in"]) => offer.calls(true),
        ("blocked", [.., "on"]) => offer.objects(""),
        ("blocked", given) if !given.contains(&"on") => {
            if given.is_empty() {
                offer.word("in", "In this call");
            }
            offer.word("on", "On this object");
        }
        ("killed", []) => offer.word("by", "By this signal"),
        ("killed", ["by"]) | ("pending" | "blocks" | "ignores" | "catches" | "handled" | "lost", []) => offer.signals(),
        ("pgid" | "sid", []) => offer.actors("", &[]),
        _ => {}
    }
}
