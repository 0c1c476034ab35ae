//! Why an access to memory has ended its actor: what the address led to, by the last look at its mappings.

use super::member::Member;
use super::scan::Scene;
use crate::facility;
use crate::facility::look::HandleKind;
use crate::facility::perform::Bound;
use crate::facility::show;
use crate::model::Death;
use crate::script::IntType;

/// In a sentence; `None` if it did not die of an access that is known.
pub(super) fn why(member: &Member, scene: &Scene, death: &Death) -> Option<String> {
    let Death::Killed(signal) = death else { return None };
    let record = member.reader.in_flight()?;
    let spec = facility::registry().call_by_id(record.verb)?;
    let accesses = matches!(spec.name, "load" | "store") || spec.name.starts_with("atomic_");
    if !accesses || !matches!(signal.as_str(), "SIGSEGV" | "SIGBUS") {
        return None;
    }
    let [index, kind, _, n0, n1, n2] = record.args;
    let name = show::unpack([n0, n1, n2]);
    let Some(Bound::Memory(base, length)) = member.names.bound.get(&name) else { return None };
    let size = IntType::ALL.get(kind as usize).map_or(1, |(ty, _)| ty.size());
    let address = base.wrapping_add((index as u64).wrapping_mul(size));
    let offset = address.wrapping_sub(*base) as i64;
    let at = scene.handles(member.pid).iter().find_map(|claimed| match &claimed.handle.kind {
        HandleKind::Mapping { start, end, perms, .. } if (*start..*end).contains(&address) => {
            Some((perms.as_str(), claimed.key.as_ref().and_then(|key| scene.name_of(key))))
        }
        _ => None,
    });
    Some(match at {
        Some((_, object)) if signal == "SIGBUS" => {
            format!(
                "{name}+{offset} is mapped, and lies on a page beyond the end of {}",
                object.unwrap_or("the object")
            )
        }
        Some((perms, _)) => {
            let may = match perms.get(..2) {
                Some("r-") => "be loaded from and not stored to",
                Some("--") => "not be touched at all",
                _ => "not be used in this way",
            };
            format!("the mapping at {name}+{offset} may {may}")
        }
        None if offset >= *length as i64 || offset < 0 => {
            format!("nothing is mapped at {name}+{offset}: {name} has {length} bytes")
        }
        None => format!("nothing is mapped at {name}+{offset} any more"),
    })
}
