//! From records to calls: what stands in the arena, in the words of the transcript.

use super::held::Claimed;
use crate::facility::look::HandleKind;
use crate::facility::perform::{Bound, DELIVERED, Names};
use crate::facility::{self, show};
use crate::kernel::arena::{Handled, Record};
use crate::model::{Call, CallState, UNNUMBERED};
use crate::script::{ArgKind, CallSpec};

/// A record in words. `opened_ns` is when the stage opened; `actors` are those whose pids may stand in it.
pub(super) fn call(
    actor: &str,
    names: &Names,
    record: &Record,
    spec: &CallSpec,
    opened_ns: u64,
    actors: &[(i32, String)],
) -> Call {
    let shown = facility::of_verb(spec.name).map(|f| f.show(spec.name, record));
    let (args, result) = shown.map_or_else(|| (String::new(), None), |s| (s.args, s.result));
    let name_of = |pid: i32| actors.iter().find(|(p, _)| *p == pid).map(|(_, name)| name.clone());
    let on = on(names, record, spec);
    let decorated = |text: String| match &on {
        _ if !text.contains(show::OWN_NAME) => text,
        Some(name) => text.replace(show::OWN_NAME, &format!("<{name}>")),
        None => text.replace(show::OWN_NAME, ""),
    };
    let args = decorated(args);
    let named = |text: String| if text.contains("<>") { show::named(&text, name_of) } else { text };
    let (args, result) = (named(args), result.map(named));
    let state = if show::returned(record) {
        CallState::Returned {
            ret: record.ret,
            errno: (record.errno != 0).then_some(record.errno),
            shown: result.unwrap_or_else(|| show::result(record)),
            data: (record.flags & DELIVERED != 0).then(|| (record.bytes().to_vec(), record.data_len)),
            at_ns: record.returned_ns.saturating_sub(opened_ns),
        }
    } else {
        CallState::Entered
    };
    Call {
        actor: actor.to_owned(),
        order: record.order,
        seq: record.seq,
        verb: spec.name.to_owned(),
        args,
        on,
        entered_ns: record.entered_ns.saturating_sub(opened_ns),
        state,
        syscall: spec.syscall,
        meaning: facility::meaning(spec.name, record).map(named),
    }
}

/// What the error of a call on a descriptor means, where that depends on what it leads to: `handles` are the caller's.
pub(super) fn means_on(handles: &[Claimed], record: &Record, spec: &CallSpec) -> Option<&'static str> {
    let of_descriptor = spec.args.first().is_some_and(|arg| matches!(arg.kind, ArgKind::Descriptor(_)));
    if record.errno == 0 || !of_descriptor {
        return None;
    }
    let is =
        |c: &&Claimed| matches!(c.handle.kind, HandleKind::Descriptor { fd, .. } if i64::from(fd) == record.args[0]);
    let claimed = handles.iter().find(is)?;
    facility::meaning_on(&claimed.key.as_ref()?.facility, spec.name, record, &claimed.handle)
}

/// A run of an actor's handler, which stands among its calls without being one.
pub(super) fn handled(actor: &str, run: &Handled, opened_ns: u64, actors: &[(i32, String)]) -> Call {
    let (verb, shown) = facility::handled(run);
    let name_of = |pid: i32| actors.iter().find(|(p, _)| *p == pid).map(|(_, name)| name.clone());
    let at_ns = run.at_ns.saturating_sub(opened_ns);
    Call {
        actor: actor.to_owned(),
        order: 0,
        seq: UNNUMBERED,
        verb: verb.to_owned(),
        args: show::named(&shown.args, name_of),
        on: None,
        entered_ns: at_ns,
        state: CallState::Returned { ret: 0, errno: None, shown: shown.result.unwrap_or_default(), data: None, at_ns },
        syscall: false,
        meaning: None,
    }
}

/// The name of what the call's first argument is, if that is a descriptor, an address or an id.
fn on(names: &Names, record: &Record, spec: &CallSpec) -> Option<String> {
    let first = spec.args.first()?;
    let wanted = record.args[0];
    let fits = |bound: &Bound| match (first.kind, bound) {
        (ArgKind::Descriptor(_), Bound::Descriptor(fd)) => i64::from(*fd) == wanted,
        (ArgKind::Address | ArgKind::Place, Bound::Memory(start, length)) => {
            *start <= wanted as u64 && (wanted as u64) < start + (*length).max(1)
        }
        (ArgKind::Id, Bound::Id(place, id)) => {
            i64::from(*id) == wanted && facility::place_of_verb(spec.name) == Some(*place)
        }
        _ => false,
    };
    // What lies inside a mapping is told by its own name.
    let size = |bound: &Bound| if let Bound::Memory(_, length) = bound { *length } else { 0 };
    names
        .bound
        .iter()
        .filter(|(_, bound)| fits(bound))
        .min_by_key(|(_, bound)| size(bound))
        .map(|(name, _)| name.clone())
}
