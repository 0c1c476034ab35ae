//! Whether a call is a way of doing something: it is laid over the statement of the way, and what stands in its places is
//! what it does it with.

use crate::facility::dialect::{Dialect, Fill};
use crate::facility::registry;
use crate::script::{self, Arg, ArgValue, Body, CallExpr, Expr, Place, Radix};

/// What stood in the places of a way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Captured {
    /// `{o}`
    pub(super) object: Option<String>,
    /// `{h}`
    pub(super) handle: Option<String>,
    /// `{data}`
    pub(super) data: Option<Expr>,
    /// `{n}`
    pub(super) count: Option<Expr>,
    /// What the call says beyond the way, as it was written.
    pub(super) lost: Vec<String>,
    /// Whether the object was first met here.
    pub(super) first: bool,
}

/// What the places are filled with to be found again.
pub(super) const OBJECT: &str = "place";
const DATA: &[u8] = b"what is sent";
const COUNT: i64 = 7_654_321;

/// A statement of a way, with what is found again in its places.
pub(super) fn filled(line: &str, handle: &str) -> String {
    let count = COUNT.to_string();
    line.replace("{h}", handle)
        .replace("{a}", "anybody")
        .replace("{o}", OBJECT)
        .replace("{data}", "\"what is sent\"")
        .replace("{len}", &count)
        .replace("{n}", &count)
        .replace("{port}", &Fill::default().port.to_string())
}

/// Lays a call over one statement of a way; `None` if it does not fit. Of a strict way nothing may be said otherwise.
pub(super) fn fit(dialect: &Dialect, line: &str, call: &CallExpr, strict: bool) -> Option<Captured> {
    let handle = dialect.handle(OBJECT);
    let (statements, _) = script::parse(&filled(line, &handle), registry());
    let Body::Order { call: way, .. } = &statements.first()?.body else { return None };
    if way.verb != call.verb {
        return None;
    }
    let mut captured = Captured::default();
    for arg in &way.args {
        let given = call.args.iter().find(|given| given.name == arg.name);
        let Some(given) = given else {
            // A place must be filled; what else the way says may be left out.
            if is_place(arg, &handle) || strict {
                return None;
            }
            continue;
        };
        match lay(arg, given, &handle, &mut captured) {
            Laid::Fits => {}
            Laid::Differs if strict => return None,
            Laid::Differs => captured.lost.push(written(given)),
            Laid::Never => return None,
        }
    }
    for given in call.args.iter().filter(|given| !way.args.iter().any(|arg| arg.name == given.name)) {
        captured.lost.push(written(given));
    }
    // What the way calls its result is what the call must call it.
    if way.bind.as_deref() == Some(handle.as_str()) {
        captured.handle = Some(call.bind.clone()?);
    } else if way.bind.as_deref() == Some(OBJECT) {
        captured.object = Some(call.bind.clone()?);
    }
    (captured.handle.is_some() || captured.object.is_some()).then_some(captured)
}

pub(super) enum Laid {
    Fits,
    /// Something else is said there.
    Differs,
    /// It is another thing altogether.
    Never,
}

fn is_place(arg: &Arg, handle: &str) -> bool {
    match &arg.value {
        ArgValue::Name(name) | ArgValue::Address(name, _) => base(name) == handle || base(name) == OBJECT,
        ArgValue::Expr(Expr::Text(text)) => text == DATA || text == OBJECT.as_bytes(),
        ArgValue::Expr(Expr::Int(number, _)) => *number == COUNT,
        ArgValue::Place(_) | ArgValue::Interests(_) => true,
        _ => false,
    }
}

pub(super) fn base(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

fn suffix(name: &str) -> &str {
    name.split_once('.').map_or("", |(_, rest)| rest)
}

/// A name over one: its object or handle, and the same end of it, or none named.
fn name(way: &str, given: &str, handle: &str, captured: &mut Captured) -> Laid {
    if !suffix(given).is_empty() && suffix(way) != suffix(given) {
        return Laid::Never;
    }
    // Where both are called the same it is what an actor has that is meant.
    if base(way) == handle {
        captured.handle = Some(base(given).to_owned());
        Laid::Fits
    } else if base(way) == OBJECT {
        captured.object = Some(base(given).to_owned());
        Laid::Fits
    } else if way == given {
        Laid::Fits
    } else {
        Laid::Differs
    }
}

pub(super) fn lay(way: &Arg, given: &Arg, handle: &str, captured: &mut Captured) -> Laid {
    match (&way.value, &given.value) {
        (ArgValue::Name(way), ArgValue::Name(given)) => name(way, given, handle, captured),
        // A path is written as a word or as a text.
        (ArgValue::Expr(Expr::Text(text)), ArgValue::Name(given)) if text == OBJECT.as_bytes() => {
            captured.object = Some(given.clone());
            Laid::Fits
        }
        (ArgValue::Expr(Expr::Text(text)), ArgValue::Expr(Expr::Text(given))) if text == OBJECT.as_bytes() => {
            captured.object = String::from_utf8(given.clone()).ok();
            Laid::Fits
        }
        (ArgValue::Name(way), ArgValue::Expr(Expr::Text(given))) if base(way) == OBJECT => {
            captured.object = String::from_utf8(given.clone()).ok();
            Laid::Fits
        }
        (ArgValue::Expr(Expr::Text(text)), ArgValue::Expr(given)) if text == DATA => {
            captured.data = Some(given.clone());
            Laid::Fits
        }
        (ArgValue::Expr(Expr::Int(number, Radix::Decimal)), ArgValue::Expr(given)) if *number == COUNT => {
            captured.count = Some(given.clone());
            Laid::Fits
        }
        (ArgValue::Place(way), ArgValue::Place(given)) => place(way, given, handle, captured),
        (ArgValue::Interests(way), ArgValue::Interests(given)) => match (&way[..], &given[..]) {
            ([way], [given]) if way.events == given.events => match (&way.descriptor, &given.descriptor) {
                (ArgValue::Name(way), ArgValue::Name(given)) => name(way, given, handle, captured),
                _ => Laid::Never,
            },
            _ => Laid::Never,
        },
        (ArgValue::Expr(Expr::Var(_)), ArgValue::Expr(Expr::Var(_))) => Laid::Fits,
        (way, given) if way == given => Laid::Fits,
        _ => Laid::Differs,
    }
}

fn place(way: &Place, given: &Place, handle: &str, captured: &mut Captured) -> Laid {
    let (Some(_), Some(until)) = (&way.until, &given.until) else { return Laid::Never };
    if way.base != handle || given.index != way.index {
        return Laid::Never;
    }
    captured.handle = Some(given.base.clone());
    captured.count = Some(until.clone());
    Laid::Fits
}

/// An argument as it was written.
pub(super) fn written(arg: &Arg) -> String {
    let value = match &arg.value {
        ArgValue::Expr(expr) => expr.to_string(),
        ArgValue::Name(name) => name.clone(),
        ArgValue::Flags(flags) => flags.join("|"),
        _ => return arg.name.clone(),
    };
    if arg.keyed { format!("{}={value}", arg.name) } else { value }
}
