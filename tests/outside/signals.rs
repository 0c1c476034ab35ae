//! An actor's signals, against what /proc says of its task.

use ipclab::model::Actor;

/// The sets that the kernel keeps, of an actor that says anything of its signals.
pub(crate) fn compare(actor: &Actor, pid: i32) {
    let Some(signals) = &actor.signals else { return };
    let who = &actor.name;
    let set = |key: &str| {
        let word = crate::outside::status(pid, key).unwrap_or_else(|| panic!("{who}: no {key}"));
        let set = u64::from_str_radix(word.trim(), 16).unwrap() & !(0b11 << 31);
        (1..=64).filter(|n| set & 1 << (n - 1) != 0).map(ipclab::facility::signal_name).collect::<Vec<_>>()
    };
    let pending = |thread: bool| {
        let of = signals.pending.iter().filter(|p| p.thread == thread);
        of.map(|p| p.signal.clone()).collect::<Vec<_>>()
    };
    assert_eq!((pending(true), pending(false)), (set("SigPnd"), set("ShdPnd")), "{who}");
    assert_eq!(signals.blocked, set("SigBlk"), "{who}");
    assert_eq!(signals.ignored, set("SigIgn"), "{who}");
    assert_eq!(signals.caught, set("SigCgt"), "{who}");
    assert!(signals.flags.iter().all(|(name, _)| signals.caught.contains(name)), "{who}: {:?}", signals.flags);
    for one in &signals.pending {
        assert_eq!(one.queues, one.signal.starts_with("SIGRT"), "{who}");
        assert!(one.held == 1 || one.queues, "{who}: {one:?}");
    }
}
