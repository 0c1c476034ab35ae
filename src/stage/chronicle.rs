//! From records to calls: what stands in the arena, in the words of the transcript.

use crate::facility::perform::{Bound, DELIVERED, Names};
use crate::facility::{self, show};
use crate::kernel::arena::Record;
use crate::model::{Call, CallState};
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
        on: on(names, record, spec),
        entered_ns: record.entered_ns.saturating_sub(opened_ns),
        state,
        syscall: spec.syscall,
    }
}

/// The name of what the call's first argument is, if that is a descriptor or an address.
fn on(names: &Names, record: &Record, spec: &CallSpec) -> Option<String> {
    let first = spec.args.first()?;
    let wanted = record.args[0];
    let fits = |bound: &Bound| match (first.kind, bound) {
        (ArgKind::Descriptor(_), Bound::Descriptor(fd)) => i64::from(*fd) == wanted,
        (ArgKind::Address | ArgKind::Place, Bound::Memory(start, length)) => {
            *start <= wanted as u64 && (wanted as u64) < start + (*length).max(1)
        }
        _ => false,
    };
    names.bound.iter().find(|(_, bound)| fits(bound)).map(|(name, _)| name.clone())
}
