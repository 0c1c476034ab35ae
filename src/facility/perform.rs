//! The actor's side: its names and variables, and the one way in which every call is made and recorded.

use std::ffi::CString;
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

pub use super::body::{Body, HostAddress, Peer, Thread};
pub use super::handover::{Handover, keep_over_exec};
pub use super::names::{Bound, NAMES_MAX, Names, Shared, VARIABLES_MAX};
use crate::kernel::arena::Record;
use crate::kernel::process::{self, Fork};
use crate::kernel::socket::Address;
use crate::kernel::{clock, fd, signal, thread, trap};
use crate::script::{
    Arg, ArgKind, ArgSpec, ArgValue, CallExpr, CallSpec, Data, Env, Expr, Form, IntType, Interest, MemoryWord, Place,
    Registry, Tuple, Wants,
};

/// Most bytes that one call may move or one expression may make.
pub const DATA_MAX: u64 = 16 << 20;

/// A record's flag: its data came out of the call, rather than went into it.
pub const DELIVERED: u16 = 1;
/// Descriptors with this number or a higher one are the stage's own.
pub const OURS_FROM: i64 = 1000;

/// Why an order was not carried out. No call was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The reason: lower case, no full stop.
    pub why: String,
    /// The nearest right thing.
    pub help: Option<String>,
}

impl Refusal {
    /// A refusal without help.
    pub fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), help: None }
    }

    /// The same with help.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// What a call made, for the stage to lay a name over it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// The object's name on stage: `p` for both ends of a pipe.
    pub object: String,
    /// A handle on it.
    pub handle: Bound,
    /// The id of the call that made it.
    pub verb: u16,
}

/// An argument, evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// A number, a constant's value, flags, a mode, a duration in ns, a descriptor, an address, a signal's number, an
    /// actor's pid.
    Int(i64),
    /// Data, or a path.
    Bytes(Vec<u8>),
    /// A name as written.
    Name(String),
    /// Descriptors, each with the constants that were written behind it.
    Interests(Vec<(i32, i64)>),
    /// From and up to; `None` has no end.
    Range(i64, Option<i64>),
    /// Tuples of numbers, each with flags.
    Tuples(Vec<(Vec<i64>, i64)>),
    /// Words of memory: address, value, flags.
    Words(Vec<(u64, i64, i64)>),
    /// The address of a socket.
    Socket(Address),
    /// Any address of the socket's own family, with this port.
    AnyAddress(u16),
    /// A host's address of the socket's own family, with this port.
    HostAddress(HostAddress, u16),
    /// Typed memory.
    Place {
        /// Address of the element.
        address: u64,
        /// Its type.
        ty: IntType,
        /// For a slice, its length in bytes.
        slice: Option<u64>,
    },
}

/// The evaluated arguments of one call, by the names that its specification gives them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arguments(Vec<(&'static str, Given)>);

impl Arguments {
    /// Evaluates what was written against the actor's names.
    pub fn evaluate(
        expr: &CallExpr,
        spec: &'static CallSpec,
        body: &Body,
        registry: &Registry,
    ) -> Result<Self, Refusal> {
        let scope = Scope { body, registry };
        let mut entries = Vec::with_capacity(expr.args.len());
        for arg in &expr.args {
            let Some(wanted) = spec.args.iter().find(|a| a.name == arg.name) else {
                return Err(Refusal::new(format!("{} has no argument {}", spec.name, arg.name)));
            };
            entries.push((wanted.name, scope.argument(spec, wanted, arg)?));
        }
        for wanted in spec.args.iter().filter(|a| a.form == Form::Required) {
            if !entries.iter().any(|(name, _)| *name == wanted.name) {
                return Err(Refusal::new(format!("{} needs {}: {}", spec.name, wanted.name, wanted.doc)));
            }
        }
        Ok(Self(entries))
    }

    fn get(&self, name: &str) -> Option<&Given> {
        self.0.iter().find(|(n, _)| *n == name).map(|(_, v)| v)
    }
}

/// Whether evaluating the call again can only give the same arguments, as long as no name is bound anew.
pub fn is_constant(expr: &CallExpr) -> bool {
    fn constant(expr: &Expr) -> bool {
        match expr {
            Expr::Var(_) => false,
            Expr::Binary(_, a, b) => constant(a) && constant(b),
            Expr::Paren(e) => constant(e),
            _ => true,
        }
    }
    expr.args.iter().all(|arg| match &arg.value {
        ArgValue::Expr(e) | ArgValue::Fd(e) | ArgValue::Address(_, e) => constant(e),
        ArgValue::Range(a, b) => constant(a) && b.as_ref().is_none_or(constant),
        ArgValue::Socket(address) => address.port().is_none_or(constant),
        ArgValue::Place(p) => constant(&p.index) && p.until.as_ref().is_none_or(constant),
        ArgValue::Interests(all) => all.iter().all(|one| match &one.descriptor {
            ArgValue::Fd(e) => constant(e),
            _ => true,
        }),
        ArgValue::Words(words) => words.iter().all(|word| {
            constant(&word.value) && if let ArgValue::Address(_, plus) = &word.address { constant(plus) } else { true }
        }),
        ArgValue::Tuples(tuples) => tuples.iter().flat_map(|t| &t.numbers).all(constant),
        ArgValue::Name(_) | ArgValue::Flags(_) | ArgValue::By(_) => true,
    })
}

struct Scope<'a> {
    body: &'a Body,
    registry: &'a Registry,
}

impl Env for Scope<'_> {
    fn var(&self, name: &str) -> Option<Data> {
        self.body.names.variables.get(name).cloned()
    }

    fn quantity(&self, name: &str) -> Option<i64> {
        self.registry.quantity(name)
    }
}

impl Scope<'_> {
    fn argument(&self, call: &CallSpec, spec: &ArgSpec, arg: &Arg) -> Result<Given, Refusal> {
        let wrong = |what: &str| Refusal::new(format!("{} is {what}", spec.name));
        Ok(match (spec.kind, &arg.value) {
            (ArgKind::Descriptor(wants), ArgValue::Name(name)) => Given::Int(self.descriptor(name, wants)?.into()),
            (ArgKind::Descriptor(_), ArgValue::Fd(number) | ArgValue::Expr(number)) => {
                Given::Int(self.number(number)?.into())
            }
            (ArgKind::Actor, ArgValue::Name(name)) if name == "any" && spec.form == Form::Optional => Given::Int(-1),
            (ArgKind::Actor, ArgValue::Name(name)) => {
                let pid = self.body.peers.iter().find(|peer| peer.name == *name).map(|peer| peer.pid);
                Given::Int(pid.ok_or_else(|| Refusal::new(format!("nobody on stage is called {name}")))?.into())
            }
            (ArgKind::Path, ArgValue::Name(name)) => Given::Bytes(name.clone().into_bytes()),
            (ArgKind::Signal, ArgValue::Name(name)) => Given::Int(crate::facility::signal_number(name)?.into()),
            (ArgKind::Signal, ArgValue::Address(name, plus)) => {
                Given::Int(i64::from(crate::facility::signal_number(name)?) + self.int(plus)?)
            }
            // One that is no int is no signal either, and must not become another by losing its upper bits.
            (ArgKind::Signal, ArgValue::Expr(number)) => Given::Int(super::table::saturated(self.int(number)?).into()),
            (ArgKind::Flags(table) | ArgKind::Constant(table), ArgValue::Flags(names)) => {
                Given::Int(flags(table, names)?)
            }
            (ArgKind::Signals, ArgValue::Flags(names)) => {
                let mut set = 0;
                for name in names {
                    set |= 1 << (crate::facility::signal_number(name)? - 1);
                }
                Given::Int(set)
            }
            (ArgKind::Interests(table), ArgValue::Interests(all)) => {
                let one = |interest: &Interest| {
                    let fd = match &interest.descriptor {
                        ArgValue::Name(name) => self.descriptor(name, Wants::Any)?,
                        ArgValue::Fd(number) => self.number(number)?,
                        other => return Err(wrong(&format!("not something that {other:?} can stand for"))),
                    };
                    Ok((fd, flags(table, &interest.events)?))
                };
                Given::Interests(all.iter().map(one).collect::<Result<_, Refusal>>()?)
            }
            (ArgKind::Flags(table) | ArgKind::Constant(table), ArgValue::Name(name)) => {
                Given::Int(lookup(table, name)?)
            }
            (ArgKind::Address, value @ (ArgValue::Name(_) | ArgValue::Address(..))) => Given::Int(self.address(value)?),
            (ArgKind::Words(table), ArgValue::Words(words)) => {
                let word = |word: &MemoryWord| {
                    let address = self.address(&word.address)? as u64;
                    Ok((address, self.int(&word.value)?, flags(table, &word.flags)?))
                };
                Given::Words(words.iter().map(word).collect::<Result<_, Refusal>>()?)
            }
            (ArgKind::Id, ArgValue::Name(name)) => Given::Int(self.id(name, call)?.into()),
            (ArgKind::Tuples(_, table), ArgValue::Tuples(tuples)) => {
                let tuple = |tuple: &Tuple| {
                    let numbers = tuple.numbers.iter().map(|e| self.int(e)).collect::<Result<_, _>>()?;
                    let flags = tuple.flags.iter().try_fold(0, |all, name| Ok(all | lookup(table, name)?))?;
                    Ok((numbers, flags))
                };
                Given::Tuples(tuples.iter().map(tuple).collect::<Result<_, Refusal>>()?)
            }
            (ArgKind::Variable, ArgValue::Expr(Expr::Var(name))) => Given::Name(name.clone()),
            (ArgKind::Place, ArgValue::Place(place)) => self.place(place)?,
            (_, ArgValue::Socket(address)) => {
                super::socket::given(address, self.body, || address.port().map_or(Ok(0), |e| self.int(e)))?
            }
            (_, ArgValue::Range(from, to)) => {
                let to = to.as_ref().map(|e| self.int(e)).transpose()?;
                Given::Range(self.int(from)?, to)
            }
            (_, ArgValue::Name(name)) => Given::Name(name.clone()),
            (ArgKind::Count, ArgValue::Expr(e)) => {
                let n = self.int(e)?;
                if n < 0 {
                    return Err(wrong(&format!("a number of things and can't be {n}")));
                }
                Given::Int(n)
            }
            (ArgKind::Data, ArgValue::Expr(e)) => match self.eval(e)? {
                Data::Bytes(bytes) => Given::Bytes(bytes),
                Data::Int(n) => {
                    return Err(wrong("data, and this is a number").help(format!("as text it is written \"{n}\"")));
                }
            },
            (ArgKind::Value | ArgKind::Path, ArgValue::Expr(e)) => match self.eval(e)? {
                Data::Bytes(bytes) => Given::Bytes(bytes),
                Data::Int(n) => Given::Int(n),
            },
            (_, ArgValue::Expr(e)) => Given::Int(self.int(e)?),
            (_, other) => return Err(wrong(&format!("not something that {other:?} can stand for"))),
        })
    }

    fn address(&self, value: &ArgValue) -> Result<i64, Refusal> {
        match value {
            ArgValue::Name(name) => Ok(self.memory(name)?.0 as i64),
            ArgValue::Address(name, plus) => Ok((self.memory(name)?.0 as i64).wrapping_add(self.int(plus)?)),
            other => Err(Refusal::new(format!("{other} is no address"))),
        }
    }

    fn eval(&self, expr: &Expr) -> Result<Data, Refusal> {
        expr.eval(self).map_err(|e| Refusal::new(e.to_string()))
    }

    fn int(&self, expr: &Expr) -> Result<i64, Refusal> {
        match self.eval(expr)? {
            Data::Int(n) => Ok(n),
            Data::Bytes(_) => Err(Refusal::new(format!("{expr} is data, and a number is needed"))),
        }
    }

    /// A descriptor by its number, as the kernel would take it: an int.
    fn number(&self, number: &Expr) -> Result<i32, Refusal> {
        // C passes an int: what does not fit is cut off, and must not lead to ours by that.
        let fd = self.int(number)? as i32;
        if i64::from(fd) >= OURS_FROM {
            return Err(Refusal::new(format!("descriptor {fd} is not the learner's"))
                .help(format!("numbers from {OURS_FROM} on belong to the stage")));
        }
        Ok(fd)
    }

    /// A bare `p` means the one end that fits; two that fit are an error which names both.
    fn descriptor(&self, name: &str, wants: Wants) -> Result<i32, Refusal> {
        let bound = &self.body.names.bound;
        match bound.get(name) {
            Some(Bound::Descriptor(fd)) => return Ok(*fd),
            Some(Bound::Memory(..)) => {
                return Err(Refusal::new(format!("{name} is memory, and a descriptor is needed")));
            }
            Some(Bound::Id(place, _)) => {
                return Err(Refusal::new(format!("{name} is {}, and a descriptor is needed", an_id(*place))));
            }
            None => {}
        }
        let prefix = format!("{name}.");
        let ends: Vec<(&String, i32)> = bound
            .range(prefix.clone()..)
            .take_while(|(n, _)| n.starts_with(&prefix))
            .filter_map(|(n, b)| if let Bound::Descriptor(fd) = b { Some((n, *fd)) } else { None })
            .collect();
        let fits = |n: &str| match wants {
            Wants::Read => n.rsplit('.').next() != Some("w"),
            Wants::Write => n.rsplit('.').next() != Some("r"),
            Wants::Any => true,
        };
        let fitting: Vec<_> = ends.iter().filter(|(n, _)| fits(n)).collect();
        match fitting[..] {
            [(_, fd)] => Ok(*fd),
            [] if ends.is_empty() => {
                let have: Vec<&str> = bound.keys().map(String::as_str).collect();
                let refusal = Refusal::new(format!("this actor has no descriptor called {name}"));
                Err(match crate::script::nearest(name, have.iter().copied()) {
                    Some(near) => refusal.help(format!("it has {near}")),
                    None if have.is_empty() => refusal.help("it has none with a name"),
                    None => refusal.help(format!("it has {}", have.join(", "))),
                })
            }
            [] => Err(Refusal::new(format!("no end of {name} can be used for this"))),
            _ => {
                let names: Vec<&str> = fitting.iter().map(|(n, _)| n.as_str()).collect();
                Err(Refusal::new(format!("{name} could be {}", names.join(" or "))).help("say which"))
            }
        }
    }

    fn memory(&self, name: &str) -> Result<(u64, u64), Refusal> {
        match self.body.names.bound.get(name) {
            Some(Bound::Memory(address, length)) => Ok((*address, *length)),
            Some(Bound::Descriptor(_)) => Err(Refusal::new(format!("{name} is a descriptor, and memory is needed"))
                .help(format!("map it first: mmap {name} …"))),
            Some(Bound::Id(place, _)) => {
                Err(Refusal::new(format!("{name} is {}, and memory is needed", an_id(*place))))
            }
            None => Err(Refusal::new(format!("this actor has no memory called {name}"))),
        }
    }

    /// An id of the facility that the call belongs to.
    fn id(&self, name: &str, call: &CallSpec) -> Result<i32, Refusal> {
        let wanted = super::place_of_verb(call.name).unwrap_or(u8::MAX);
        let fits = |bound: &Bound| matches!(bound, Bound::Id(place, _) if *place == wanted);
        match self.body.names.bound.get(name) {
            Some(Bound::Id(place, id)) if *place == wanted => Ok(*id),
            Some(Bound::Id(place, _)) => {
                Err(Refusal::new(format!("{name} is {}; {} needs {}", an_id(*place), call.name, an_id(wanted))))
            }
            Some(Bound::Descriptor(_) | Bound::Memory(..)) => {
                Err(Refusal::new(format!("{name} is no id; {} needs {}", call.name, an_id(wanted))))
            }
            None => {
                let have = self.body.names.bound.iter().filter(|(_, bound)| fits(bound)).map(|(name, _)| name.as_str());
                let refusal =
                    Refusal::new(format!("this actor has {} called {name}", an_id(wanted).replacen("an", "no", 1)));
                Err(match crate::script::nearest(name, have) {
                    Some(near) => refusal.help(format!("it has {near}")),
                    None => {
                        refusal.help("an id is got by the name of its key, by each process for itself or before a fork")
                    }
                })
            }
        }
    }

    fn place(&self, place: &Place) -> Result<Given, Refusal> {
        let (base, _) = self.memory(&place.base)?;
        let index = self.int(&place.index)?;
        Ok(match &place.until {
            None => Given::Place {
                address: base.wrapping_add((index as u64).wrapping_mul(place.ty.size())),
                ty: place.ty,
                slice: None,
            },
            Some(until) => {
                let length = self.int(until)? - index;
                if length < 0 || length as u64 > DATA_MAX {
                    return Err(Refusal::new(format!("a slice of {length} bytes; it may have 0 to {DATA_MAX}")));
                }
                Given::Place { address: base.wrapping_add(index as u64), ty: IntType::U8, slice: Some(length as u64) }
            }
        })
    }
}

fn flags(table: &[(&str, i64)], names: &[String]) -> Result<i64, Refusal> {
    names.iter().try_fold(0, |value, name| Ok(value | lookup(table, name)?))
}

/// An id in words, by the place of its facility.
fn an_id(place: u8) -> String {
    let title = super::ALL.get(usize::from(place)).map_or("another facility", |f| f.card().title);
    format!("an id of {title}")
}

fn lookup(table: &[(&str, i64)], name: &str) -> Result<i64, Refusal> {
    table.iter().find(|(n, _)| *n == name).map(|(_, v)| *v).ok_or_else(|| {
        let names: Vec<&str> = table.iter().map(|(n, _)| *n).collect();
        Refusal::new(format!("{name} does not belong here")).help(format!("expected {}", names.join(", ")))
    })
}

/// What is recorded of a call beside its result.
#[derive(Debug, Clone, Copy)]
pub struct Making<'a> {
    /// The arguments in the order of the C prototype; pointers as 0 or as the address where that tells something.
    pub args: [i64; 6],
    /// The data that goes in: what is written, a path, a name. Its head is kept.
    pub data: &'a [u8],
    /// When a timed call gives up, CLOCK_MONOTONIC in ns; 0 for never.
    pub deadline_ns: u64,
}

impl<'a> Making<'a> {
    /// A call with these arguments.
    pub const fn new(args: [i64; 6]) -> Self {
        Self { args, data: &[], deadline_ns: 0 }
    }

    /// The same with data that goes in.
    #[must_use]
    pub const fn data(mut self, data: &'a [u8]) -> Self {
        self.data = data;
        self
    }

    /// The same with a deadline, in ns from now.
    #[must_use]
    pub fn within(mut self, ns: i64) -> Self {
        self.deadline_ns = clock::monotonic_ns().saturating_add_signed(ns.max(0));
        self
    }
}

/// One call about to be made: its arguments, and the actor that makes it.
#[derive(Debug)]
pub struct Performer<'a> {
    /// The actor.
    pub body: &'a mut Body,
    /// The call as written.
    pub expr: &'a CallExpr,
    /// Its specification.
    pub spec: &'static CallSpec,
    /// Its id in the registry.
    pub verb: u16,
    /// Its arguments.
    pub arguments: &'a Arguments,
}

impl<'a> Performer<'a> {
    /// Whether an optional argument was given.
    pub fn has(&self, name: &str) -> bool {
        self.arguments.get(name).is_some()
    }

    /// An argument that is a number in C: number, constant, flags, mode, duration, descriptor, address, pid, signal.
    /// The specification says that it is required, or `or` says what stands for it.
    pub fn int(&self, name: &str, or: i64) -> i64 {
        if let Some(Given::Int(n)) = self.arguments.get(name) { *n } else { or }
    }

    /// A descriptor.
    pub fn fd(&self, name: &str) -> i32 {
        self.int(name, -1) as i32
    }

    /// Data; empty if not given.
    pub fn bytes(&self, name: &str) -> &'a [u8] {
        if let Some(Given::Bytes(bytes)) = self.arguments.get(name) { bytes } else { &[] }
    }

    /// A name as written; empty if not given.
    pub fn name(&self, name: &str) -> &'a str {
        if let Some(Given::Name(text)) = self.arguments.get(name) { text } else { "" }
    }

    /// The evaluated argument itself.
    pub fn given(&self, name: &str) -> Option<&'a Given> {
        self.arguments.get(name)
    }

    /// Tuples of numbers, each with its flags; none if not given.
    pub fn tuples(&self, name: &str) -> &'a [(Vec<i64>, i64)] {
        if let Some(Given::Tuples(tuples)) = self.arguments.get(name) { tuples } else { &[] }
    }

    /// A path beneath the stage's directory. Refused where it could lead outside.
    pub fn path(&self, name: &str) -> Result<CString, Refusal> {
        beneath(self.bytes(name))
    }

    /// A number of bytes that a buffer must hold, at most [`DATA_MAX`].
    pub fn size(&self, name: &str) -> Result<usize, Refusal> {
        let n = self.int(name, 0);
        if n < 0 || n as u64 > DATA_MAX {
            return Err(Refusal::new(format!("{name} is {n}; a call here moves at most {DATA_MAX} bytes (DATA_MAX)")));
        }
        if let Some(variable) = &self.expr.into {
            self.body.names.room(variable, n as usize)?;
        }
        Ok(n as usize)
    }

    /// Makes the call and records it: entered before, returned after. Sets `$ret` and `$errno`.
    pub fn call(&mut self, making: Making<'_>, call: impl FnOnce() -> Result<i64, Errno>) -> Result<i64, Errno> {
        let (record, result) = self.run(making, call);
        self.finish(record);
        result
    }

    /// The same for a call that fills `buffer`: as many bytes of it as the call returns are recorded, and delivered to
    /// `-> $VAR`.
    pub fn call_into(
        &mut self,
        making: Making<'_>,
        buffer: &mut Vec<u8>,
        call: impl FnOnce(&mut [u8]) -> Result<i64, Errno>,
    ) -> Result<i64, Errno> {
        self.call_into_then(making, buffer, call, |_| {})
    }

    /// Both: a call that fills `buffer`, and whose record is completed after it has returned.
    pub fn call_into_then(
        &mut self,
        making: Making<'_>,
        buffer: &mut Vec<u8>,
        call: impl FnOnce(&mut [u8]) -> Result<i64, Errno>,
        complete: impl FnOnce(&mut Record),
    ) -> Result<i64, Errno> {
        let (mut record, result) = self.run(making, || call(buffer));
        if let Ok(n) = result {
            buffer.truncate(n as usize);
            record.set_data(buffer);
            record.flags |= DELIVERED;
            self.deliver(Data::Bytes(std::mem::take(buffer)));
        }
        complete(&mut record);
        self.finish(record);
        result
    }

    /// The same for a call whose record is completed after it has returned: what it wrote into its arguments.
    pub fn call_then(
        &mut self,
        making: Making<'_>,
        call: impl FnOnce() -> Result<i64, Errno>,
        complete: impl FnOnce(&mut Record),
    ) -> Result<i64, Errno> {
        let (mut record, result) = self.run(making, call);
        complete(&mut record);
        self.finish(record);
        result
    }

    pub(super) fn run(
        &mut self,
        making: Making<'_>,
        call: impl FnOnce() -> Result<i64, Errno>,
    ) -> (Record, Result<i64, Errno>) {
        let mut record = Record {
            order: self.body.order,
            verb: self.verb,
            seq: self.body.calls,
            args: making.args,
            deadline_ns: making.deadline_ns,
            entered_ns: clock::monotonic_ns(),
            ..Record::default()
        };
        self.body.calls += 1;
        self.entered(self.spec.syscall.into(), None);
        record.set_data(making.data);
        self.body.writer.enter(&record);
        let result = call();
        record.returned_ns = clock::monotonic_ns();
        match result {
            Ok(ret) => record.ret = ret,
            Err(errno) => {
                record.ret = -1;
                record.errno = errno as i32;
            }
        }
        (record, result)
    }

    /// Says that the actor's mask or dispositions may be other than those of a fresh process from here on.
    pub fn uses_signals(&self) {
        self.body.writer.slot().use_signals();
    }

    /// Publishes a call that will not return.
    pub(super) fn enter(&mut self, making: Making<'_>) {
        let _ = self.run(making, || Ok(0));
    }

    /// The actor that an argument names.
    pub fn peer(&self, argument: &str) -> Option<Peer> {
        let arg = self.expr.args.iter().find(|arg| arg.name == argument)?;
        let ArgValue::Name(name) = &arg.value else { return None };
        self.body.peers.iter().find(|peer| peer.name == *name).cloned()
    }

    pub(super) fn finish(&mut self, record: Record) {
        if !self.spec.syscall {
            self.entered(0, Some(trap::Vouched::Unavailable));
        }
        self.body.writer.finish(&record);
        self.body.result = Some((record.ret, record.errno));
    }

    /// fork(2). Both go on from here: the parent with the child's pid, the child as another actor, with the control
    /// socket and the slot that the stage has prepared for it. `forked` tells the loop which one it is.
    pub fn fork(&mut self) -> Result<(), Refusal> {
        let Some((socket, slot)) = self.body.seat.take() else {
            return Err(Refusal::new("a fork needs a seat for the child").help("give it a name: fork bob"));
        };
        let (mut record, result) = self.run(Making::new([0; 6]), || match process::fork() {
            Ok(Fork::Parent(child)) => Ok(i64::from(child)),
            Ok(Fork::Child) => Ok(0),
            Err(errno) => Err(errno),
        });
        if result == Ok(0) {
            let Some(seat) = self.body.arena.slot(slot as usize) else {
                return Err(Refusal::new("the child's slot does not exist"));
            };
            signal::note_in(&seat);
            if self.body.writer.slot().uses_signals() {
                seat.use_signals();
                if self.body.writer.slot().wants_sigsys() {
                    seat.want_sigsys();
                }
            }
            trap::forked();
            thread::alone();
            // Those of other threads too, which are not here any more.
            let keep = [socket, self.body.directory, self.body.arena.fd().as_raw_fd()];
            let _ = fd::close_from_except(OURS_FROM as i32, &keep);
            self.body.socket = socket;
            self.body.slot = slot;
            self.body.writer = seat.writer();
            self.body.forked = true;
            self.body.detached = false;
            // The child's sequence begins with the fork that it returns from.
            record.seq = 0;
            self.body.calls = 1;
        } else {
            let _ = fd::close(socket);
        }
        self.finish(record);
        Ok(())
    }

    /// execve(2) of our own binary as this very actor: close-on-exec descriptors close, mappings and handlers go, and
    /// control is handed over by number. Returns only if it fails.
    pub fn exec(&mut self) -> Result<(), Refusal> {
        let handover = Handover {
            socket: self.body.socket,
            arena: self.body.arena.fd().as_raw_fd(),
            directory: self.body.directory,
            slot: self.body.slot,
            order: self.body.order,
            verb: self.verb,
            seq: self.body.calls,
            entered_ns: clock::monotonic_ns(),
            ignores_pipe: signal::is_ignored(libc::SIGPIPE),
            tag: self.body.tag.clone(),
            names: self.body.names.clone(),
        };
        let argv: Vec<CString> =
            [c"ipclab".to_owned(), c"__actor".to_owned()].into_iter().chain(handover.pack()).collect();
        let ours = [handover.socket, handover.arena, handover.directory];
        let (record, _) = self.run(Making::new([0; 6]), || {
            for fd in ours {
                keep_over_exec(fd, true)?;
            }
            let Err(errno) = process::exec_self(&argv, &[]);
            for fd in ours {
                keep_over_exec(fd, false)?;
            }
            Err(errno)
        });
        self.finish(record);
        Ok(())
    }

    /// Gives data or a result to `-> $VAR`, if one was written.
    pub fn deliver(&mut self, data: Data) {
        if let Some(name) = &self.expr.into {
            self.body.names.variables.insert(name.clone(), data);
        }
    }

    /// Binds a descriptor to `as NAME`, or to `name` if none was written. `object` is the object's name on stage.
    pub fn bind(&mut self, name: &str, object: &str, handle: Bound) {
        let name = self.expr.bind.clone().unwrap_or_else(|| name.to_owned());
        if name.is_empty() {
            return;
        }
        self.body.names.bound.insert(name, handle);
        if !object.is_empty() {
            self.body.made(Made { object: object.to_owned(), handle, verb: self.verb });
        }
    }

    /// Tells the stage of an object that lies in memory where nothing but the call tells of it, and binds `as NAME`.
    pub fn made_inside(&mut self, object: &str, handle: Bound) {
        if let Some(name) = &self.expr.bind {
            self.body.names.bound.insert(name.clone(), handle);
        }
        self.body.made(Made { object: object.to_owned(), handle, verb: self.verb });
    }

    /// A POSIX name as the kernel gets it: the learner's, with the stage's tag in shared mode.
    pub fn posix_name(&self, name: &str) -> Result<CString, Refusal> {
        let plain = name.strip_prefix('/').unwrap_or(name);
        if plain.contains('/') {
            return Err(Refusal::new(format!("a POSIX name has no slash but the first: {name}")));
        }
        CString::new(format!("/{}{plain}", self.body.tag)).map_err(|_nul| Refusal::new("a name can't hold a NUL byte"))
    }
}

/// Checks that a path stays beneath the directory it is resolved in. The open itself is held there by the kernel too
/// (openat2, RESOLVE_BENEATH); this gives the clearer words.
pub fn beneath(path: &[u8]) -> Result<CString, Refusal> {
    let shown = String::from_utf8_lossy(path).into_owned();
    if path.is_empty() {
        return Err(Refusal::new("a path can't be empty"));
    }
    if path.starts_with(b"/") || path.split(|b| *b == b'/').any(|part| part == b"..") {
        return Err(Refusal::new(format!("{shown} leads outside the stage"))
            .help("paths are relative to the stage's directory: \"notes\""));
    }
    if path.split(|b| *b == b'/').all(|part| matches!(part, b"" | b".")) {
        return Err(Refusal::new("the stage's directory itself is no file of the stage")
            .help("name one in it, such as \"notes\""));
    }
    CString::new(path).map_err(|_nul| Refusal::new("a path can't hold a NUL byte"))
}
