//! The normal form of a snapshot: what must be the same whenever the same statements run.

use super::{ActorState, CallState, Snapshot};

impl Snapshot {
    /// The same snapshot without what differs from run to run: pids, inodes and addresses are counted from 1 in
    /// order of appearance, times are 0.
    #[must_use]
    pub fn normal(&self) -> Self {
        let mut normal = self.clone();
        normal.at_ns = 0;
        let pids: Vec<String> = self.actors.iter().map(|actor| actor.pid.to_string()).collect();
        for (index, actor) in normal.actors.iter_mut().enumerate() {
            actor.pid = index as i32 + 2;
            if let ActorState::Asleep(sleep) = &mut actor.state {
                sleep.since_ns = 0;
                sleep.deadline_ns = sleep.deadline_ns.map(|_| 0);
            }
            if let Some(last) = &mut actor.last {
                last.entered_ns = 0;
                let plain = |text: &str| {
                    let text = without_addresses(text);
                    if TELL_PIDS.contains(&last.verb.as_str()) { with_plain_pids(&text, &pids) } else { text }
                };
                last.args = plain(&last.args);
                if let CallState::Returned { at_ns, ret, shown, .. } = &mut last.state {
                    *at_ns = 0;
                    let told = plain(shown);
                    if told != *shown {
                        *shown = told;
                        *ret = 0;
                    }
                }
            }
            // It outlives the call: plain memory accesses leave it alone.
            for (_, value) in actor.variables.iter_mut().filter(|(name, _)| name == "ret") {
                if value.parse().is_ok_and(is_address) || pids.contains(value) {
                    "0".clone_into(value);
                }
            }
            for (index, mapping) in actor.mappings.iter_mut().enumerate() {
                mapping.start = (index as u64 + 1) << 20;
            }
        }
        for (index, object) in normal.objects.iter_mut().enumerate() {
            object.key.dev = 1;
            object.key.ino = index as u64 + 1;
            for waiter in &mut object.waiters {
                waiter.since_ns = 0;
            }
            for holder in &mut object.holders {
                holder.handle = without_addresses(&holder.handle);
            }
        }
        normal
    }
}

/// The calls that take or give a pid, or tell one.
const TELL_PIDS: [&str; 4] = ["fork", "waitpid", "kill", "fcntl"];

/// The text with each pid of an actor as the normal form has it.
fn with_plain_pids(text: &str, pids: &[String]) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let length = rest[start..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - start);
        let (before, number) = rest[..start + length].split_at(start);
        out.push_str(before);
        match pids.iter().position(|pid| pid == number) {
            Some(index) => out.push_str(&(index + 2).to_string()),
            None => out.push_str(number),
        }
        rest = &rest[start + length..];
    }
    out + rest
}

/// Where mappings lie: above all that a program of small addresses would use, and all that a call counts.
const fn is_address(number: u64) -> bool {
    number >= 1 << 32 && number < 1 << 56
}

/// The text with `0x…` for each address in it.
fn without_addresses(text: &str) -> String {
    let mut parts = text.split("0x");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(part.len());
        let (number, rest) = part.split_at(digits);
        let address = u64::from_str_radix(number, 16).is_ok_and(is_address);
        out.push_str("0x");
        out.push_str(if address { "…" } else { number });
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_left_out_and_nothing_else() {
        let cases = [
            ("0x7fc270a38000", "0x…"),
            ("0x1000000000, 4096, PROT_READ", "0x…, 4096, PROT_READ"),
            ("3, F_GETFL, 0x801 (O_WRONLY)", "3, F_GETFL, 0x801 (O_WRONLY)"),
            ("\"a0x\", 0xffffffffffffffff, 0", "\"a0x\", 0xffffffffffffffff, 0"),
            ("", ""),
        ];
        for (text, plain) in cases {
            assert_eq!(without_addresses(text), plain);
        }
    }

    #[test]
    fn pids_are_counted_as_the_actors_are() {
        let pids = ["11932".to_owned(), "11933".to_owned()];
        let cases = [
            ("11933", "3"),
            ("{l_len=119330, l_pid=11932}", "{l_len=119330, l_pid=2}"),
            ("-1 EAGAIN", "-1 EAGAIN"),
            ("", ""),
        ];
        for (text, plain) in cases {
            assert_eq!(with_plain_pids(text, &pids), plain);
        }
    }
}
