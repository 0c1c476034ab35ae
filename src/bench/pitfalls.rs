//! What a measurement can be wrong by, said where a reader would fall into it.

/// Where on a screen or page something is to be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Where {
    /// Beside all figures.
    Everywhere,
    /// Beside latencies.
    Latency,
    /// Beside latencies across cores.
    Across,
    /// Beside a histogram or percentiles beyond the median.
    Tail,
    /// Beside throughputs.
    Throughput,
    /// Beside the limits of the machine.
    Limits,
}

/// A pitfall, and what is done about it here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pitfall {
    /// Where it is said.
    pub at: Where,
    /// A few words.
    pub title: &'static str,
    /// A sentence or two.
    pub words: &'static str,
}

const fn pitfall(at: Where, title: &'static str, words: &'static str) -> Pitfall {
    Pitfall { at, title, words }
}

const ALL: &[Pitfall] = &[
    pitfall(
        Where::Everywhere,
        "Load",
        "What else runs is measured too. Each figure was taken while others used the share of the machine that stands \
         with it; ! marks those above 5 %.",
    ),
    pitfall(
        Where::Everywhere,
        "Warm-up",
        "The first rounds touch pages, fill caches and bring the processor to its pace. They run, and are not counted.",
    ),
    pitfall(
        Where::Latency,
        "Same core or two",
        "On one core a message costs a switch, on two the waking of another core. These are two questions, and rankings \
         differ: never compare a figure of one with a figure of the other.",
    ),
    pitfall(
        Where::Across,
        "Waking an idle core",
        "Who sleeps on an idle core must be woken there, in a virtual machine by way of the hypervisor. Where that takes \
         longer than all else, every facility that sleeps looks alike.",
    ),
    pitfall(
        Where::Latency,
        "Spinning",
        "Who spins never sleeps, and burns a whole core. It wins only while there are no more spinners than cores: on one \
         core two would wait for each other's time slice, so there they yield.",
    ),
    pitfall(
        Where::Tail,
        "Means",
        "A mean is no round that anybody saw: a few that were interrupted outweigh thousands. Read the median, and how \
         far away the tail is.",
    ),
    pitfall(
        Where::Tail,
        "Coordinated omission",
        "The next question waits for the answer, so a stall delays all that would have been asked meanwhile, and counts \
         once. At a fixed pace each of those would have been late too: the tail is worse than it looks.",
    ),
    pitfall(
        Where::Tail,
        "Batches",
        "A thousand rounds timed together and divided give a mean. Here each is timed by itself, and a reading of the \
         clock is part of it.",
    ),
    pitfall(
        Where::Throughput,
        "A buffer is not the other side",
        "A write is done when the kernel has the bytes. Time runs until the receiver has them all: both copies.",
    ),
    pitfall(
        Where::Throughput,
        "A copy that nobody makes",
        "An optimizer removes a copy that nobody looks at. Before and after, messages go through the same code and each \
         byte is compared.",
    ),
    pitfall(
        Where::Throughput,
        "Loss",
        "UDP sends as fast as you like into a full buffer. Only what came counts; what was lost stands beside it.",
    ),
    pitfall(
        Where::Throughput,
        "Sizes",
        "Small messages pay for calls, large ones for copies. A pipe holds 16 pages and keeps writes whole up to \
         PIPE_BUF; queues and datagrams refuse what is too large for them.",
    ),
    pitfall(
        Where::Limits,
        "Batches again",
        "These are shorter than a reading of the clock, so batches are timed and divided: a floor for typical cost, no \
         promise for each time.",
    ),
];

/// What is to be said there.
pub fn pitfalls(at: Where) -> impl Iterator<Item = &'static Pitfall> {
    ALL.iter().filter(move |pitfall| pitfall.at == at)
}
