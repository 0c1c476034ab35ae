//! What procfs tells of the network namespace that we are in.

/// Whether packets wait in the machine's queues for received ones, where everything passes that is sent over a
/// loopback. Usually a sender hands its packet over before its call returns, but a busy machine puts it off.
/// `false` where the kernel does not tell (before 5.10).
pub fn packets_queued() -> bool {
    std::fs::read_to_string("/proc/self/net/softnet_stat").is_ok_and(|text| queued(&text))
}

fn queued(text: &str) -> bool {
    // The twelfth column is how many packets wait.
    text.lines()
        .any(|line| line.split(' ').nth(11).and_then(|n| u32::from_str_radix(n, 16).ok()).is_some_and(|n| n > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_prints() {
        let idle = "0001bbcd 00000000 00000004 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 \
                    00000000 00000000 00000000 00000000\n";
        assert!(!queued(idle) && queued(&idle.replace("00000000 00000000 00000000 00000000\n", "00000002 0 0 0\n")));
    }
}
