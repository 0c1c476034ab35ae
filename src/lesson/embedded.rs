//! The pack that the binary carries.

/// `lessons/pack.toml`.
pub(super) const PACK: &str = include_str!("../../lessons/pack.toml");

/// The lesson files by name; a test holds the list against the folder.
pub(super) const FILES: &[(&str, &str)] = &[
    ("three-families.md", include_str!("../../lessons/three-families.md")),
    ("pipe-eof.md", include_str!("../../lessons/pipe-eof.md")),
    ("sigpipe.md", include_str!("../../lessons/sigpipe.md")),
    ("pipe-capacity.md", include_str!("../../lessons/pipe-capacity.md")),
    ("pipe-buf.md", include_str!("../../lessons/pipe-buf.md")),
    ("two-pipes.md", include_str!("../../lessons/two-pipes.md")),
    ("fifo-rendezvous.md", include_str!("../../lessons/fifo-rendezvous.md")),
    ("socket-boundaries.md", include_str!("../../lessons/socket-boundaries.md")),
    ("socket-names.md", include_str!("../../lessons/socket-names.md")),
    ("tcp-close.md", include_str!("../../lessons/tcp-close.md")),
    ("udp-loss.md", include_str!("../../lessons/udp-loss.md")),
    ("two-machines.md", include_str!("../../lessons/two-machines.md")),
    ("sysv-types.md", include_str!("../../lessons/sysv-types.md")),
    ("posix-notify.md", include_str!("../../lessons/posix-notify.md")),
    ("mmap-views.md", include_str!("../../lessons/mmap-views.md")),
    ("shm-lifetime.md", include_str!("../../lessons/shm-lifetime.md")),
    ("lost-update.md", include_str!("../../lessons/lost-update.md")),
    ("semaphores.md", include_str!("../../lessons/semaphores.md")),
    ("file-lock-owner.md", include_str!("../../lessons/file-lock-owner.md")),
    ("lock-you-lose.md", include_str!("../../lessons/lock-you-lose.md")),
    ("mutex-owner.md", include_str!("../../lessons/mutex-owner.md")),
    ("condition-variables.md", include_str!("../../lessons/condition-variables.md")),
    ("signal-queues.md", include_str!("../../lessons/signal-queues.md")),
    ("interrupted-calls.md", include_str!("../../lessons/interrupted-calls.md")),
    ("terminal-bytes.md", include_str!("../../lessons/terminal-bytes.md")),
    ("many-descriptors.md", include_str!("../../lessons/many-descriptors.md")),
    ("signal-driven-io.md", include_str!("../../lessons/signal-driven-io.md")),
    ("passing-descriptors.md", include_str!("../../lessons/passing-descriptors.md")),
    ("who-survives.md", include_str!("../../lessons/who-survives.md")),
    ("performance.md", include_str!("../../lessons/performance.md")),
    ("choosing.md", include_str!("../../lessons/choosing.md")),
    ("bounded-buffer.md", include_str!("../../lessons/bounded-buffer.md")),
    ("readers-writers.md", include_str!("../../lessons/readers-writers.md")),
    ("philosophers.md", include_str!("../../lessons/philosophers.md")),
    ("thundering-herd.md", include_str!("../../lessons/thundering-herd.md")),
    ("priority-inversion.md", include_str!("../../lessons/priority-inversion.md")),
    ("lock-and-pipe.md", include_str!("../../lessons/lock-and-pipe.md")),
    ("crash-drill.md", include_str!("../../lessons/crash-drill.md")),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn the_list_names_every_file_of_the_folder() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/lessons");
        let on_disk: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "md"))
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        let listed: BTreeSet<String> = super::FILES.iter().map(|(n, _)| (*n).to_owned()).collect();
        assert_eq!(on_disk, listed);
    }
}
