//! The registry of calls: what parser, completion, help, the reference and the linter know of each verb.

use super::Expr;

/// One call that an actor can make.
#[derive(Debug)]
pub struct CallSpec {
    /// The manual's name, the verb of the language.
    pub name: &'static str,
    /// Its arguments, positional ones first, in order; keyed and optional ones behind them.
    pub args: &'static [ArgSpec],
    /// One line: what it does. A fragment with a capital and no full stop.
    pub doc: &'static str,
    /// The manual page: `read(2)`.
    pub man: &'static str,
    /// How it reads in C, with `{name}` for the argument of that name: `read({fd}, buf, {count})`. What else a
    /// template can say (lengths, defaults, what depends on whether an argument is given) is told at
    /// [`c_line`](super::c_line).
    pub c: &'static str,
    /// What `as NAME` or the first new name stands for afterwards, if it makes something.
    pub makes: Makes,
    /// Whether `-> $VAR` may take its data or result.
    pub gives: bool,
    /// How it shows in the kernel while it is asleep; empty if it never sleeps.
    pub sleeps: &'static [Sleeps],
    /// Whether it enters the kernel: a plain load or store does not.
    pub syscall: bool,
    /// Whether it keeps a processor busy: its statement ends while it runs, and `cancel` ends it.
    pub spins: bool,
    /// When it is undefined what the call does, by POSIX or by the C standard: what stands behind "if". Empty if it never
    /// is.
    pub undefined: &'static str,
    /// An example, a whole statement with actor: `alice: write p "hello\n"`.
    pub example: &'static str,
}

/// What a call's result can be called by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Makes {
    /// Nothing that could be named.
    Nothing,
    /// A descriptor.
    Descriptor,
    /// Two descriptors with these ends: `("r", "w")` for a pipe.
    Ends(&'static str, &'static str),
    /// An address: a mapping or a semaphore.
    Memory,
    /// An actor.
    Actor,
    /// An actor in the same process, whose name stands before its own.
    Thread,
    /// An id, which means something to the calls of the same facility only.
    Id,
}

/// One way in which a call shows while it is asleep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sleeps {
    /// The number of the system call (`libc::SYS_*`).
    pub syscall: i64,
    /// Which of its arguments tells the object.
    pub on: WaitsOn,
    /// What it waits to do: `read`, `write`, `open`, `lock`, `decrease`, `time`, `child`.
    pub direction: &'static str,
}

/// Which argument of a system call tells the object that it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitsOn {
    /// Argument number N is a descriptor.
    Descriptor(usize),
    /// Argument number N is the address of a futex word.
    Futex(usize),
    /// Argument number N is the id of an object of the call's own facility.
    Id(usize),
    /// A path, told by the actor's record: the kernel has only the pointer.
    Path,
    /// Any of several descriptors: argument 0 is the address of an array of struct pollfd, argument 1 its length.
    Polled,
    /// Any of several descriptors: argument 0 bounds their numbers, arguments 1 to 3 are addresses of sets of them or 0.
    Selected,
    /// Any of several futex words: argument 0 is the address of an array of struct futex_waitv, argument 1 its length.
    Words,
    /// No object: a time or a child.
    Nothing,
}

/// One argument of a call.
#[derive(Debug)]
pub struct ArgSpec {
    /// Its name, as in the manual page: `fd`, `buf`, `count`. A keyed one is written `name=VALUE`.
    pub name: &'static str,
    /// What it may be.
    pub kind: ArgKind,
    /// Whether it must, may or must not be named.
    pub form: Form,
    /// One line of doc.
    pub doc: &'static str,
}

/// How an argument is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// By position, and must be given.
    Required,
    /// By position, and may be left out (from the right, or where its kind tells it apart).
    Optional,
    /// As `name=VALUE`, and may be left out.
    Keyed,
}

/// What an argument may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgKind {
    /// A new name on stage for what the call makes: `pipe p`.
    NewName,
    /// A descriptor: a variable, an object's bare name, or `fd N`. The access picks among several ends.
    Descriptor(Wants),
    /// A name that stands for an id of the call's own facility.
    Id,
    /// The name of an object that may exist already: `mq_open q`, `sem_open s`. It also becomes the variable.
    ObjectName,
    /// A path, relative to the stage's directory: `"notes"` or a bare word.
    Path,
    /// An actor's name.
    Actor,
    /// A new actor's name.
    NewActor,
    /// A signal by its C name, or 0.
    Signal,
    /// C constants joined by `|`, or `0`. Each with its value.
    Flags(&'static [(&'static str, i64)]),
    /// One C constant of these.
    Constant(&'static [(&'static str, i64)]),
    /// A mode, written in octal.
    Mode,
    /// An integer.
    Int,
    /// A number of bytes, messages or the like: an integer that is not negative.
    Count,
    /// Data: a text, byte, repetition or variable.
    Data,
    /// An integer or data.
    Value,
    /// A length of time: `500ms`.
    Duration,
    /// `0..100` or `100..`.
    Range,
    /// Typed memory: `m[3]`.
    Place,
    /// The name of a mapping or semaphore: an address, with `+N`.
    Address,
    /// A variable, with `$`.
    Variable,
    /// The address of a socket: `unix:srv`, `127.0.0.1:5000`.
    SocketAddress,
    /// One or more descriptors, each with constants of these or `0` behind a colon: `p.r:POLLIN q:POLLIN|POLLPRI`.
    /// Keyed arguments alone may follow.
    Interests(&'static [(&'static str, i64)]),
    /// A set of signals joined by `|`, or `0` for the empty one.
    Signals,
    /// One or more tuples of so many numbers, joined by colons and, where there are such, with flags behind the last:
    /// `1 2 3`; `0:-1 1:2:SEM_UNDO`.
    Tuples(usize, &'static [(&'static str, i64)]),
    /// One or more words of memory, each with the value that it should hold and, where there are such, flags behind that:
    /// `m+64:0 w:7:FUTEX2_PRIVATE`.
    Words(&'static [(&'static str, i64)]),
}

/// Which end of a two-ended object a bare name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    /// One that can be read.
    Read,
    /// One that can be written.
    Write,
    /// Any; two that fit are an error.
    Any,
}

/// One predicate that a facility gives to `expect`.
#[derive(Debug)]
pub struct PredicateSpec {
    /// The word: `holds`, `bytes`, `write-locked`.
    pub word: &'static str,
    /// What follows it, in order; each is an argument kind and whether it may be left out.
    pub args: &'static [PredicateArg],
    /// One line of doc.
    pub doc: &'static str,
    /// An example, a whole statement: `expect p holds "hello"`.
    pub example: &'static str,
}

/// What may follow a predicate's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PredicateArg {
    /// A number; a comparison may stand before it.
    Number,
    /// Data.
    Data,
    /// One or more actors.
    Actors,
    /// A range, which may be left out.
    Range,
    /// The word `by` and an actor, which may be left out.
    By,
    /// The name of an object.
    Object,
    /// A word.
    Word,
}

/// A facility's name with what it brings to the language.
#[derive(Debug)]
pub struct Chapter {
    /// The facility's id: `pipe`.
    pub id: &'static str,
    /// Its title: `Pipes`.
    pub title: &'static str,
    /// Its calls.
    pub calls: &'static [CallSpec],
    /// Its predicates.
    pub predicates: &'static [PredicateSpec],
}

/// All that the language knows of calls. `facility::registry` builds it.
#[derive(Debug)]
pub struct Registry {
    /// One chapter a facility, in the order of the reference.
    pub chapters: Vec<Chapter>,
    /// What a quantity of the machine is: `PIPE_BUF`, `pagesize`; a pure table made at start-up.
    pub quantities: Vec<(&'static str, i64)>,
    /// Names of the manual that are left out, and why: what stands behind a colon.
    pub left_out: Vec<(&'static str, &'static str)>,
}

impl CallSpec {
    /// Whether a call as written asks for an object that no name leads to, but only the id that it gets.
    pub fn makes_nameless(&self, call: &super::CallExpr) -> bool {
        self.makes == Makes::Id && call.args.iter().any(|arg| arg.name == "key")
    }
}

impl Registry {
    /// The call of that name, with its id: its place among all calls, the same in every process of one binary.
    pub fn call(&self, name: &str) -> Option<(u16, &CallSpec)> {
        self.calls().enumerate().find(|(_, c)| c.name == name).map(|(i, c)| (i as u16, c))
    }

    /// The call with that id.
    pub fn call_by_id(&self, id: u16) -> Option<&CallSpec> {
        self.calls().nth(usize::from(id))
    }

    /// All calls in order.
    pub fn calls(&self) -> impl Iterator<Item = &CallSpec> {
        self.chapters.iter().flat_map(|c| c.calls)
    }

    /// The value of a quantity.
    pub fn quantity(&self, name: &str) -> Option<i64> {
        self.quantities.iter().find(|(n, _)| *n == name).map(|(_, v)| *v)
    }
}

impl Expr {
    /// A decimal number.
    pub const fn int(n: i64) -> Self {
        Self::Int(n, super::Radix::Decimal)
    }
}
