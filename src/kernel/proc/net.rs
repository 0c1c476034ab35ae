//! What procfs tells of the network namespace that we are in.

use std::net::Ipv4Addr;

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

/// The groups that sockets have joined, each with the number of memberships, one entry an interface; see ip(7).
pub fn multicast_members() -> Vec<(Ipv4Addr, u64)> {
    std::fs::read_to_string("/proc/self/net/igmp").map(|text| members(&text)).unwrap_or_default()
}

fn members(text: &str) -> Vec<(Ipv4Addr, u64)> {
    let groups = text.lines().filter(|line| line.starts_with('\t'));
    groups
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            // The kernel prints the four bytes as a number of the machine.
            let group = u32::from_str_radix(words.next()?, 16).ok()?;
            Some((Ipv4Addr::from(group.to_ne_bytes()), words.next()?.parse().ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_prints() {
        let idle = "0001bbcd 00000000 00000004 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 \
                    00000000 00000000 00000000 00000000\n";
        assert!(!queued(idle) && queued(&idle.replace("00000000 00000000 00000000 00000000\n", "00000002 0 0 0\n")));
        let igmp = "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n1\tlo        :     2      V3\n\
                    \t\t\t\t030201EF     2 0:00000000\t\t0\n\t\t\t\t010000E0     1 0:00000000\t\t0\n";
        let found = members(igmp);
        assert_eq!(found, [(Ipv4Addr::new(239, 1, 2, 3), 2), (Ipv4Addr::new(224, 0, 0, 1), 1)]);
    }
}
