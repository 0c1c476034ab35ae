//! The closed lists of words that belong to the language itself, with what help and the reference say of them.

/// One word of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    /// The word.
    pub word: &'static str,
    /// How it is used, in capitals what stands for something else.
    pub usage: &'static str,
    /// One line: what it does or claims. A fragment with a capital and no full stop.
    pub doc: &'static str,
    /// An example, a whole statement or block.
    pub example: &'static str,
}

const fn word(word: &'static str, usage: &'static str, doc: &'static str, example: &'static str) -> Word {
    Word { word, usage, doc, example }
}

/// The words of the stage: a statement that starts with one has no colon behind it.
pub const STAGE_WORDS: &[Word] = &[
    word(
        "spawn",
        "spawn NAME [@HOST] [uid=N]",
        "Makes a new actor: a process that waits for orders, on a host if one is named",
        "spawn alice",
    ),
    word(
        "host",
        "host NAME",
        "Makes a machine within the machine: network, IPC objects, files and shared memory of its own",
        "host east",
    ),
    word(
        "link",
        "link HOST HOST up|down",
        "Cuts the line between two hosts, or mends it: nothing else tells them",
        "link east west down",
    ),
    word(
        "program",
        "program ACTOR … end",
        "Gives an actor orders that it holds back, one a line, until `step` or `go` releases them",
        "program alice\n  load $x m[0]\n  add $x 1\n  store m[0] $x\nend",
    ),
    word("step", "step ACTOR", "Releases the next order of the actor's program", "step alice"),
    word(
        "go",
        "go ACTOR… [times=N]",
        "Releases the programs of several actors together, at full speed, N times over; ends when each is done or asleep",
        "go alice bob times=1000",
    ),
    word(
        "repeat",
        "repeat N|forever ACTOR: CALL, or repeat N|forever ACTOR … end",
        "Has the actor make a call, or a block of them, again and again by itself",
        "repeat 1000 alice: write p \"x\"",
    ),
    word(
        "await",
        "await ACTOR [limit=DURATION]",
        "Waits until the actor's call has returned, at most 5 s or as long as the limit says",
        "await bob limit=2s",
    ),
    word(
        "cancel",
        "cancel ACTOR",
        "Stops what the actor repeats, before its next call and never inside one",
        "cancel alice",
    ),
    word("mark", "mark", "Starts the count of `expect syscalls N since mark` and `expect woken N since mark`", "mark"),
    word(
        "expect",
        "expect [not] CLAIM",
        "Checks a claim against what the kernel says",
        "expect bob blocked in read on p",
    ),
];

/// What `expect ACTOR …` can claim.
pub const ACTOR_CLAIMS: &[Word] = &[
    word(
        "returned",
        "expect ACTOR returned N [from CALL]",
        "Its last finished call succeeded with this result",
        "expect bob returned 0 from read",
    ),
    word(
        "failed",
        "expect ACTOR failed ERRNO [from CALL]",
        "Its last finished call failed with this error",
        "expect bob failed EAGAIN",
    ),
    word("got", "expect ACTOR got DATA", "Its last finished call delivered these bytes", "expect bob got \"hello\""),
    word(
        "blocked",
        "expect ACTOR blocked [in CALL] [on OBJECT]",
        "It is asleep in a call, and the kernel confirms it",
        "expect bob blocked in read on p",
    ),
    word(
        "pending",
        "expect ACTOR pending SIGNAL [N]",
        "This signal has come to it and is blocked; N of them are held for it",
        "expect bob pending SIGUSR1",
    ),
    word(
        "lost",
        "expect ACTOR lost SIGNAL N",
        "So many of these were sent to it while one was pending already, and left no trace",
        "expect bob lost SIGUSR1 4",
    ),
    word("blocks", "expect ACTOR blocks SIGNAL", "It has this signal blocked", "expect bob blocks SIGUSR1"),
    word("ignores", "expect ACTOR ignores SIGNAL", "It ignores this signal", "expect alice ignores SIGPIPE"),
    word("catches", "expect ACTOR catches SIGNAL", "It has a handler for this signal", "expect bob catches SIGUSR1"),
    word(
        "handled",
        "expect ACTOR handled SIGNAL [N]",
        "Its handler has run for this signal: at least once, or N times in all",
        "expect bob handled SIGUSR1 2",
    ),
    word(
        "pgid",
        "expect ACTOR pgid NAME",
        "It is in the process group that this actor leads, or has led",
        "expect bob pgid alice",
    ),
    word(
        "sid",
        "expect ACTOR sid NAME",
        "It is in the session that this actor leads, or has led",
        "expect bob sid alice",
    ),
    word(
        "policy",
        "expect ACTOR policy POLICY [PRIORITY]",
        "It is scheduled by this policy, and has this realtime priority",
        "expect bob policy SCHED_FIFO 10",
    ),
    word(
        "affinity",
        "expect ACTOR affinity N…",
        "It may run on these processors and no others",
        "expect bob affinity 0",
    ),
    word("idle", "expect ACTOR idle", "It waits for an order", "expect bob idle"),
    word(
        "running",
        "expect ACTOR running",
        "It runs: freely, or in a call that was not seen asleep",
        "expect bob running",
    ),
    word("stopped", "expect ACTOR stopped", "A signal has stopped it", "expect bob stopped"),
    word("killed", "expect ACTOR killed by SIGNAL", "This signal has killed it", "expect alice killed by SIGPIPE"),
    word(
        "exited",
        "expect ACTOR exited N",
        "It has ended by itself with this status, or as a thread and left this value",
        "expect bob exited 0",
    ),
];

/// What `expect OBJECT …` can claim of an object of any facility, beside what its facility brings and its fields.
pub const OBJECT_CLAIMS: &[Word] = &[word(
    "waiters",
    "expect OBJECT waiters ACTOR…, or waiters N",
    "These actors sleep on it, in the kernel's order; or so many",
    "expect s waiters bob carol",
)];

/// What `expect HOST …` can claim.
pub const HOST_CLAIMS: &[Word] = &[
    word("up", "expect HOST up HOST…", "The lines between it and these hosts carry", "expect east up west"),
    word("down", "expect HOST down HOST…", "The lines between it and these hosts are cut", "expect east down west"),
    word(
        "addresses",
        "expect HOST addresses DATA",
        "One of its addresses is this one; what is behind the `/` may be left out",
        "expect east addresses \"10.0.0.1\"",
    ),
];

/// What `expect` can claim of several actors or the whole, told by the first word.
pub const WHOLE_CLAIMS: &[Word] = &[
    word("not", "expect not CLAIM", "The claim does not hold", "expect not bob blocked"),
    word(
        "deadlock",
        "expect deadlock ACTOR…",
        "Each of them waits for another of them, seen twice in a row",
        "expect deadlock alice bob",
    ),
    word(
        "certain",
        "expect certain KIND [ACTOR…]",
        "There is a finding of this kind, about these actors, that two looks agree on and that leaves no doubt",
        "expect certain own-write-end bob",
    ),
    word(
        "suspicious",
        "expect suspicious KIND [ACTOR…]",
        "There is a finding of this kind, about these actors, that something unseen may still refute",
        "expect suspicious lock-order alice bob",
    ),
    word(
        "syscalls",
        "expect syscalls N since mark",
        "So many system calls were made by actors since `mark`",
        "expect syscalls 0 since mark",
    ),
    word(
        "woken",
        "expect woken N since mark",
        "So many of those who were asleep in a call at `mark` have run since, if only to fall asleep again",
        "expect woken 1 since mark",
    ),
    word("gone", "expect gone OBJECT", "No object of that name is on stage", "expect gone q"),
];

/// The words that no actor or object may be called, besides those of the stage.
const SYNTAX_WORDS: [&str; 16] = [
    "as",
    "end",
    "fd",
    "forever",
    "not",
    "by",
    "from",
    "in",
    "on",
    "since",
    "deadlock",
    "certain",
    "suspicious",
    "syscalls",
    "woken",
    "gone",
];

/// Whether a word belongs to the language, so that nothing can have it as its name.
pub fn is_reserved(word: &str) -> bool {
    SYNTAX_WORDS.contains(&word) || stage_word(word).is_some()
}

/// What the stage's word `word` means.
pub fn stage_word(word: &str) -> Option<&'static Word> {
    STAGE_WORDS.iter().find(|w| w.word == word)
}

/// The signals that have a name of their own on Linux; `SIGRTMIN+N` and `SIGRTMAX-N` come beside them.
pub const SIGNALS: [&str; 33] = [
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGILL",
    "SIGTRAP",
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGKILL",
    "SIGUSR1",
    "SIGSEGV",
    "SIGUSR2",
    "SIGPIPE",
    "SIGALRM",
    "SIGTERM",
    "SIGSTKFLT",
    "SIGCHLD",
    "SIGCONT",
    "SIGSTOP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGVTALRM",
    "SIGPROF",
    "SIGWINCH",
    "SIGIO",
    "SIGPWR",
    "SIGSYS",
    "SIGRTMIN",
    "SIGRTMAX",
];
