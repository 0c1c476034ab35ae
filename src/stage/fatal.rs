//! Why a call has ended its actor: what an access to memory led to, by the last look at its mappings, or what a library
//! does there.

use super::member::Member;
use super::scan::Scene;
use crate::facility;
use crate::facility::look::HandleKind;
use crate::facility::perform::Bound;
use crate::facility::show;
use crate::model::Death;
use crate::script::{ArgKind, IntType};

/// In a sentence; `None` if it did not die of what its call does.
pub(super) fn why(member: &Member, scene: &Scene, death: &Death) -> Option<String> {
    let Death::Killed(signal) = death else { return None };
    let record = member.reader.in_flight()?;
    let spec = facility::registry().call_by_id(record.verb)?;
    if !matches!(signal.as_str(), "SIGSEGV" | "SIGBUS") {
        return facility::of_verb(spec.name)?.killed_in(spec.name, signal).map(str::to_owned);
    }
    if !matches!(spec.name, "load" | "store") && !spec.name.starts_with("atomic_") {
        let by_address = spec.args.first().is_some_and(|arg| arg.kind == ArgKind::Address);
        return by_address.then(|| given(member, scene, record.args[0] as u64))?;
    }
    let [index, kind, _, n0, n1, n2] = record.args;
    // What stands above the lower half is no part of the type.
    let kind = kind & 0xffff_ffff;
    let name = show::unpack([n0, n1, n2]);
    let Some(Bound::Memory(base, length)) = member.names.bound.get(&name) else { return None };
    let size = IntType::ALL.get(kind as usize).map_or(1, |(ty, _)| ty.size());
    let address = base.wrapping_add((index as u64).wrapping_mul(size));
    let length_of_access = if kind >= SLICE { (kind - SLICE) as u64 } else { size };
    // A slice may begin well and lead further than it may.
    let letter = if spec.name == "load" { 'r' } else { 'w' };
    let mut address = address;
    let until = address.saturating_add(length_of_access);
    while let Some((end, perms, _)) = there(member, scene, address)
        && signal == "SIGSEGV"
        && perms.contains(letter)
        && end < until
    {
        address = end;
    }
    let offset = address.wrapping_sub(*base) as i64;
    let place = if offset < 0 { format!("{name}{offset}") } else { format!("{name}+{offset}") };
    let at = there(member, scene, address).map(|(_, perms, object)| (perms, object));
    Some(match at {
        Some((_, object)) if signal == "SIGBUS" => {
            format!("{place} is mapped, and lies on a page beyond the end of {}", object.unwrap_or("the object"))
        }
        Some((perms, _)) => {
            let may = match perms.get(..2) {
                Some("r-") => "be loaded from and not stored to",
                Some("--") => "not be touched at all",
                _ => "not be used in this way",
            };
            format!("the mapping at {place} may {may}")
        }
        None if offset >= *length as i64 || offset < 0 => {
            format!("nothing is mapped at {place}: {name} has {length} bytes")
        }
        None => format!("nothing is mapped at {place} any more"),
    })
}

/// How a slice is told from an integer in an access' record; see the facility of memory.
const SLICE: i64 = 8;

/// The mapping at an address: where it ends, its letters, and the name of its object.
fn there<'a>(member: &Member, scene: &'a Scene, address: u64) -> Option<(u64, &'a str, Option<&'a str>)> {
    scene.handles(member.pid).iter().find_map(|claimed| match &claimed.handle.kind {
        HandleKind::Mapping { start, end, perms, .. } if (*start..*end).contains(&address) => {
            Some((*end, perms.as_str(), claimed.key.as_ref().and_then(|key| scene.name_of(key))))
        }
        _ => None,
    })
}

/// What is wrong with an address that a library call was given, and went to.
fn given(member: &Member, scene: &Scene, address: u64) -> Option<String> {
    let page = facility::page_size() as u64;
    let before = member.names.bound.iter().filter_map(|(name, bound)| match bound {
        // A mapping begins with a page; what lies in one, mostly elsewhere.
        Bound::Memory(start, length) if *start <= address && *start % page == 0 => Some((*start, *length, name)),
        _ => None,
    });
    // The whole mapping rather than what lies at its beginning.
    let (base, length, name) = before.max_by_key(|(start, length, _)| (*start, *length))?;
    let offset = address - base;
    match there(member, scene, address) {
        None if offset >= length => Some(format!("nothing is mapped at {name}+{offset}: {name} has {length} bytes")),
        None => Some(format!("nothing is mapped at {name}+{offset} any more")),
        Some((_, perms, _)) if !perms.starts_with("rw") => {
            Some(format!("the library stores at {name}+{offset}, and the mapping there is {}", perms.get(..3)?))
        }
        Some(_) => None,
    }
}
