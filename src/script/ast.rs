//! Statements as trees. `print` and `parse` are inverse on them.

use serde::{Deserialize, Serialize};

use super::{SocketAddress, Span};

/// One statement: a line, or a block up to its `end`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Where it stands, without the comment.
    pub span: Span,
    /// What it says.
    pub body: Body,
}

/// What a statement says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// `host NAME`: makes a machine within the machine.
    Host {
        /// Its name.
        name: String,
    },
    /// `link HOST HOST up|down`: mends or cuts the line between two hosts.
    Link {
        /// One end of the line.
        first: String,
        /// The other, never the same.
        second: String,
        /// Whether it carries anything from now on.
        up: bool,
    },
    /// `spawn NAME [@HOST] [uid=N]`: the director forks a new actor.
    Spawn {
        /// Its name.
        name: String,
        /// Where it lives; `None`: on the stage's own ground.
        host: Option<String>,
        /// Its user id, where the stage can give it another than the default.
        uid: Option<u32>,
    },
    /// `ACTOR: CALL`: an order to an actor.
    Order {
        /// Who.
        actor: String,
        /// What.
        call: CallExpr,
    },
    /// `program ACTOR ... end`: orders held back, given by `step` or `go`.
    Program {
        /// Who.
        actor: String,
        /// The orders, each without the actor's name.
        body: Vec<CallExpr>,
    },
    /// `step ACTOR`: gives the next order of its program.
    Step {
        /// Who.
        actor: String,
    },
    /// `go ACTOR... [times=N]`: releases held programs together, at full speed.
    Go {
        /// Who, each once.
        actors: Vec<String>,
        /// How many times each runs its program.
        times: Option<Expr>,
    },
    /// `repeat N ACTOR: CALL`, or a block `repeat N ACTOR ... end`; `forever` instead of N. Runs inside the actor.
    Repeat {
        /// How often; `None` is `forever`.
        times: Option<Expr>,
        /// Who.
        actor: String,
        /// The orders of one round.
        body: Vec<CallExpr>,
        /// Whether it was written as a block.
        block: bool,
    },
    /// `await ACTOR [limit=DURATION]`: until its call has returned.
    Await {
        /// Who.
        actor: String,
        /// At most so long; 5 s if not given.
        limit: Option<Expr>,
    },
    /// `cancel ACTOR`: stops a free run before its next call.
    Cancel {
        /// Who.
        actor: String,
    },
    /// `mark`: counts from here on for `expect syscalls N since mark` and `expect woken N since mark`.
    Mark,
    /// `expect CLAIM`.
    Expect(Expectation),
}

/// One call with its arguments: `write p "hello"`, `dup p.w as q`, `read p 100 -> $buf`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallExpr {
    /// Where it stands.
    pub span: Span,
    /// The manual's name.
    pub verb: String,
    /// In the order of the [`CallSpec`](super::CallSpec)'s arguments, each with the name of its argument there.
    pub args: Vec<Arg>,
    /// `as NAME`: names the result.
    pub bind: Option<String>,
    /// `-> $NAME`: the variable, without `$`, that takes the data or the result.
    pub into: Option<String>,
}

/// One given argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arg {
    /// Where it stands.
    pub span: Span,
    /// The argument of the [`CallSpec`](super::CallSpec) that it fills.
    pub name: String,
    /// Its value.
    pub value: ArgValue,
    /// Whether it was written as `name=VALUE`: keyed ones always, optional ones where the position would not tell.
    pub keyed: bool,
}

/// The value of an argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ArgValue {
    /// A number, data, variable or computation.
    Expr(Expr),
    /// A name: of a descriptor variable (`p`, `p.r`), a mapping, an object, an actor; or a word of a closed list.
    Name(String),
    /// `fd 7`.
    Fd(Expr),
    /// C constants joined by `|`, without repeats, in the order given: `O_RDWR|O_CREAT`. Bare `0` is an [`Expr`].
    Flags(Vec<String>),
    /// `0..100`, half-open; `100..` has no end.
    Range(Expr, Option<Expr>),
    /// `m[3]`, `m:u8[0]`.
    Place(Place),
    /// `m+12`, an address in a mapping; `m` alone is a name.
    Address(String, Expr),
    /// `unix:srv`, `127.0.0.1:5000`: the address of a socket.
    Socket(SocketAddress),
    /// `p.r:POLLIN q:POLLIN|POLLPRI`: one or more descriptors, each with what is asked of it.
    Interests(Vec<Interest>),
    /// `0:-1 1:2:SEM_UNDO`: one or more.
    Tuples(Vec<Tuple>),
    /// `m+64:0 w:7`: one or more words of memory, each with what it should hold.
    Words(Vec<MemoryWord>),
    /// `by alice`, behind a predicate: [`PredicateArg::By`](super::PredicateArg::By).
    By(String),
}

/// A descriptor and what is asked of it: `p.r:POLLIN`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interest {
    /// [`ArgValue::Name`] or [`ArgValue::Fd`].
    pub descriptor: ArgValue,
    /// C constants joined by `|`, without repeats; none is written `0`.
    pub events: Vec<String>,
}

/// Some numbers that belong together: `0:-1:SEM_UNDO`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tuple {
    /// The numbers, each one operand.
    pub numbers: Vec<Expr>,
    /// C constants joined by `|` behind them, without repeats.
    pub flags: Vec<String>,
}

/// A word of memory and what it should hold: `m+64:0`, `w:7:FUTEX2_PRIVATE`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryWord {
    /// [`ArgValue::Name`] or [`ArgValue::Address`].
    pub address: ArgValue,
    /// The value, one operand.
    pub value: Expr,
    /// C constants joined by `|` behind it, without repeats.
    pub flags: Vec<String>,
}

/// Typed memory in a mapping or object: `m[3]` is the 4-byte int at offset 12, `m:u8[0]` a byte, `m[0..5]` bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The mapping's variable, or in `expect` also an object's name.
    pub base: String,
    /// The type of an element.
    pub ty: IntType,
    /// The index in elements; for a slice, the first byte.
    pub index: Expr,
    /// One past the last byte, if it is a slice of bytes.
    pub until: Option<Expr>,
}

/// The integer types that a single machine access can read or write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum IntType {
    /// int8_t
    I8,
    /// uint8_t
    U8,
    /// int16_t
    I16,
    /// uint16_t
    U16,
    /// int32_t, what C calls int
    #[default]
    I32,
    /// uint32_t
    U32,
    /// int64_t
    I64,
    /// uint64_t
    U64,
}

impl IntType {
    /// All of them with their names in the language.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::I8, "i8"),
        (Self::U8, "u8"),
        (Self::I16, "i16"),
        (Self::U16, "u16"),
        (Self::I32, "i32"),
        (Self::U32, "u32"),
        (Self::I64, "i64"),
        (Self::U64, "u64"),
    ];

    /// Its size in bytes.
    pub const fn size(self) -> u64 {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 => 4,
            Self::I64 | Self::U64 => 8,
        }
    }
}

/// A computation. Integers are 64 bits wide and wrap; `*` of data and a number repeats the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expr {
    /// A number. It prints as decimal; `hex` ones as `0x41`, octal ones as `0644`.
    Int(i64, Radix),
    /// `"text\n"`.
    Text(Vec<u8>),
    /// `'x'`: one byte of data.
    Byte(u8),
    /// `500ms`, `2s`, `10us`: nanoseconds.
    Duration(i64),
    /// `$x`, without `$`.
    Var(String),
    /// A quantity of the machine: `PIPE_BUF`, `pagesize`; or an errno or other constant where a number may stand.
    Quantity(String),
    /// Two operands.
    Binary(Op, Box<Self>, Box<Self>),
    /// `(…)`, kept so that printing gives back what was written.
    Paren(Box<Self>),
}

/// How a number was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Radix {
    /// `42`
    #[default]
    Decimal,
    /// `0x2a`
    Hex,
    /// `052`
    Octal,
}

/// An operator. `*`, `/` and `%` bind tighter than `+` and `-`; all associate to the left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Rem,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cmp {
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
}

/// What `expect` claims.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    /// Where it stands.
    pub span: Span,
    /// The claim.
    pub claim: Claim,
}

/// A claim about actors, objects or the whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Claim {
    /// `not CLAIM`.
    Not(Box<Self>),
    /// `ACTOR …`.
    Actor(String, ActorClaim),
    /// `OBJECT WORD …`: a predicate of its facility, or the name of one of its fields.
    Object {
        /// The object's name.
        object: String,
        /// The predicate: `holds`, `bytes`, `write-locked`.
        word: String,
        /// What follows, in order.
        args: Vec<ArgValue>,
        /// The comparison before the only argument, if one was written; without one, equality is meant.
        cmp: Option<Cmp>,
    },
    /// `board[0] == 2`: memory of an object, or of an actor's mapping as `alice m[0] == 2`.
    Memory {
        /// Whose mapping; `None` if the place names an object.
        actor: Option<String>,
        /// Where.
        place: Place,
        /// The comparison.
        cmp: Cmp,
        /// Against what.
        value: Expr,
    },
    /// `alice $x == 1`.
    Variable {
        /// Whose.
        actor: String,
        /// Its name without `$`.
        name: String,
        /// The comparison.
        cmp: Cmp,
        /// Against what.
        value: Expr,
    },
    /// `deadlock alice bob`: each waits for another of them.
    Deadlock(Vec<String>),
    /// `certain KIND ACTOR…`, `suspicious KIND ACTOR…`: there is a finding of that kind about these actors.
    Finding {
        /// Whether it is certain, or only suspicious.
        certainty: FindingClaim,
        /// The word of its [`Kind`](crate::model::Kind).
        kind: String,
        /// The actors that it must be about, each once; none: whomever.
        actors: Vec<String>,
    },
    /// `syscalls N since mark`.
    Syscalls(Expr),
    /// `woken N since mark`: so many who were asleep at the mark have run since.
    Woken(Expr),
    /// `gone OBJECT`: nothing of that name is on stage.
    Gone(String),
}

/// How sure a finding is, as a claim has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FindingClaim {
    /// `suspicious`.
    Suspicious,
    /// `certain`.
    Certain,
}

impl FindingClaim {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Suspicious => "suspicious",
            Self::Certain => "certain",
        }
    }
}

/// A set of an actor's signals, by the word that claims a signal to be in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignalClaim {
    /// `pending`.
    Pending,
    /// `blocks`.
    Blocks,
    /// `ignores`.
    Ignores,
    /// `catches`.
    Catches,
}

impl SignalClaim {
    /// All of them with their words.
    pub const ALL: [(Self, &'static str); 4] =
        [(Self::Pending, "pending"), (Self::Blocks, "blocks"), (Self::Ignores, "ignores"), (Self::Catches, "catches")];
}

/// A claim about one actor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ActorClaim {
    /// `returned VALUE [from CALL]`: its last finished call succeeded with this result.
    Returned(Expr, Option<String>),
    /// `failed ERRNO [from CALL]`.
    Failed(String, Option<String>),
    /// `got DATA`: the data that its last finished call delivered.
    Got(Expr),
    /// `blocked [in CALL] [on OBJECT]`.
    Blocked(Option<String>, Option<String>),
    /// `pending SIGUSR1 [N]`, `blocks SIGUSR1`, `ignores SIGUSR1`, `catches SIGUSR1`.
    Signal(SignalClaim, String, Option<Expr>),
    /// `lost SIGUSR1 N`: so many were sent while one was pending already, and left no trace.
    Lost(String, Expr),
    /// `pgid NAME`: who leads its process group.
    Group(String),
    /// `sid NAME`: who leads its session.
    Session(String),
    /// `handled SIGUSR1 [N]`: how often its handler has run for that signal; at least once if no number is given.
    Handled(String, Option<Expr>),
    /// `policy SCHED_FIFO [N]`: its scheduling policy, and its realtime priority.
    Policy(String, Option<Expr>),
    /// `affinity N…`: the processors that it may run on.
    Affinity(Vec<Expr>),
    /// `idle`.
    Idle,
    /// `running`.
    Running,
    /// `stopped`.
    Stopped,
    /// `killed by SIGNAL`.
    KilledBy(String),
    /// `exited N`.
    Exited(Expr),
}
