//! The normal form of a snapshot: what must be the same whenever the same statements run.

use std::fmt::Write;

use super::{ActorState, Call, CallState, Snapshot, Value};

/// Where mappings lie: above all that a call counts, below all that stands for a negative number.
const fn is_address(number: u64) -> bool {
    number >= 1 << 32 && number < 1 << 56
}

/// The first port that the kernel chooses, unless it is told otherwise; those below are chosen by people.
const FIRST_PORT: u64 = 32_768;

/// Where terminals are named.
const SLAVES: &str = "/dev/pts/";

/// Gives the differing numbers of a run small ones, in order of appearance.
#[derive(Debug, Default)]
struct Numbers {
    /// Pages seen so far: an address keeps its place within its page.
    pages: Vec<u64>,
    /// Ports of the kernel's choice seen so far.
    ports: Vec<u64>,
}

impl Numbers {
    fn address(&mut self, address: u64) -> u64 {
        let page = address >> 12;
        let index = self.pages.iter().position(|p| *p == page).unwrap_or_else(|| {
            self.pages.push(page);
            self.pages.len() - 1
        });
        ((index as u64 + 1) << 20) | (address & 0xfff)
    }

    fn port(&mut self, port: u64) -> u64 {
        let index = self.ports.iter().position(|p| *p == port).unwrap_or_else(|| {
            self.ports.push(port);
            self.ports.len() - 1
        });
        FIRST_PORT + index as u64
    }

    /// A value with its texts renumbered.
    fn value(&mut self, value: &mut Value) {
        match value {
            Value::Text(text) => *text = self.text(text),
            Value::List(list) => list.iter_mut().for_each(|v| self.value(v)),
            Value::Record(parts) => parts.iter_mut().for_each(|(_, v)| self.value(v)),
            Value::Nothing | Value::Int(_) | Value::Bytes { .. } => {}
        }
    }

    /// A text with its addresses and ports renumbered, and without the pids that stand before names: `7<bob>` is `<bob>`.
    fn text(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
            out.push_str(&rest[..start]);
            rest = &rest[start..];
            let hex = rest.strip_prefix("0x");
            let (digits, radix) = hex.map_or((rest, 10), |digits| (digits, 16));
            let length = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
            let whole = rest.len() - digits.len() + length;
            match u64::from_str_radix(&digits[..length], radix) {
                _ if rest[whole..].starts_with('<') => {}
                Ok(n) if hex.is_some() && is_address(n) => {
                    let _ = write!(out, "{:#x}", self.address(n));
                }
                Ok(n @ FIRST_PORT..=65_535)
                    if hex.is_none() && [":", "]:"].iter().any(|end| ends_address(&out, end)) =>
                {
                    let _ = write!(out, "{}", self.port(n));
                }
                Ok(_) | Err(_) => out.push_str(&rest[..whole]),
            }
            rest = &rest[whole..];
        }
        out.push_str(rest);
        without_terminal(&out)
    }

    fn call(&mut self, call: &mut Call) {
        call.entered_ns = 0;
        call.args = self.text(&call.args);
        if let CallState::Returned { ret, shown, data, at_ns, .. } = &mut call.state {
            *at_ns = 0;
            if let Some((bytes, total)) = data
                && let Ok(text) = std::str::from_utf8(bytes)
                && text.starts_with(SLAVES)
            {
                *bytes = without_terminal(text).into_bytes();
                *total = bytes.len() as u64;
                *ret = 0;
            }
            if shown.ends_with('>') {
                *ret = 0;
            } else if is_address(*ret as u64) {
                *ret = self.address(*ret as u64) as i64;
            }
            *shown = self.text(shown);
        }
    }
}

/// A text without the number of a terminal of the machine, which is whichever is free.
fn without_terminal(text: &str) -> String {
    let mut parts = text.split(SLAVES);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(SLAVES);
        out.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    out
}

/// Whether a text ends in an IP address and this, behind which a port stands.
fn ends_address(text: &str, end: &str) -> bool {
    text.strip_suffix(end)
        .is_some_and(|ip| if end == ":" { ip.ends_with(|c: char| c.is_ascii_digit()) } else { ip.contains('[') })
}

impl Call {
    /// The same call without what differs from run to run.
    #[must_use]
    pub fn normal(&self) -> Self {
        let mut normal = self.clone();
        Numbers::default().call(&mut normal);
        normal
    }
}

impl Snapshot {
    /// The same snapshot without what differs from run to run: pids and inodes are counted from 1 in order of
    /// appearance, so are the pages of addresses; times are 0.
    #[must_use]
    pub fn normal(&self) -> Self {
        let mut normal = self.clone();
        let mut numbers = Numbers::default();
        normal.at_ns = 0;
        normal.vouched_since_mark = 0;
        normal.woken_since_mark = None;
        // They follow from what ran, and what ran freely may have lost records.
        normal.facts.clear();
        for (index, actor) in normal.actors.iter_mut().enumerate() {
            actor.pid = index as i32 + 2;
            actor.tid = actor.pid;
            if let Some(scheduling) = &mut actor.scheduling {
                (scheduling.cpu_ns, scheduling.voluntary, scheduling.involuntary) = (0, 0, 0);
            }
            if let ActorState::Asleep(sleep) = &mut actor.state {
                sleep.since_ns = 0;
                sleep.deadline_ns = sleep.deadline_ns.map(|_| 0);
                sleep.args = numbers.text(&sleep.args);
            }
            if let Some(last) = &mut actor.last {
                numbers.call(last);
            }
            for mapping in &mut actor.mappings {
                mapping.start = numbers.address(mapping.start);
            }
            // `$ret` says again what the last call says, pid or not.
            actor.variables.retain(|(name, _)| name != "ret");
            for (_, value) in &mut actor.variables {
                if let Ok(address) = value.parse::<u64>()
                    && is_address(address)
                {
                    *value = numbers.address(address).to_string();
                }
                *value = without_terminal(value);
            }
        }
        for (index, object) in normal.objects.iter_mut().enumerate() {
            // A key and an id of System V differ, and when something happened does too; that it did must not.
            if object.identifier.starts_with("key ") {
                object.identifier = "key".to_owned();
            }
            object.identifier = without_terminal(&object.identifier);
            for field in object.fields.iter_mut().filter(|f| f.name.ends_with("time")) {
                if let Value::Int(seconds @ 1..) = &mut field.value {
                    *seconds = 1;
                }
            }
            object.identifier = numbers.text(&object.identifier);
            object.fields.iter_mut().for_each(|f| numbers.value(&mut f.value));
            object.key.dev = 1;
            object.key.ino = index as u64 + 1;
            for holder in &mut object.holders {
                holder.handle = numbers.text(&holder.handle);
            }
            for waiter in &mut object.waiters {
                waiter.since_ns = 0;
            }
        }
        // A variable may hold a port that the kernel has chosen.
        let ports = numbers.ports.clone();
        for (_, value) in normal.actors.iter_mut().flat_map(|a| &mut a.variables) {
            if let Some(index) = value.parse().ok().and_then(|n: u64| ports.iter().position(|p| *p == n)) {
                *value = (FIRST_PORT + index as u64).to_string();
            }
        }
        normal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_lose_their_addresses_and_pids_and_nothing_else() {
        let mut numbers = Numbers::default();
        let rows = [
            ("3, \"hello\", 100", "3, \"hello\", 100"),
            ("0x7f1523af3000, 4096", "0x100000, 4096"),
            ("0x7f1523af3010", "0x100010"),
            ("0x3d00000000", "0x200000"),
            ("\"139728769724416\"", "\"139728769724416\""),
            ("3, F_GETFL, 0x801 (O_WRONLY)", "3, F_GETFL, 0x801 (O_WRONLY)"),
            ("0xffffffffffffffff", "0xffffffffffffffff"),
            ("15631<bob>, SIGKILL", "<bob>, SIGKILL"),
            ("0x2a, 0", "0x2a, 0"),
            ("\"/dev/pts/12\", O_RDWR, 7", "\"/dev/pts/\", O_RDWR, 7"),
            ("3, 127.0.0.1:41234", "3, 127.0.0.1:32768"),
            ("[::1]:41234 127.0.0.1:50000", "[::1]:32768 127.0.0.1:32769"),
            ("127.0.0.1:5000, 41234", "127.0.0.1:5000, 41234"),
            ("", ""),
            ("x\u{e9}9\u{e9}", "x\u{e9}9\u{e9}"),
        ];
        for (before, after) in rows {
            assert_eq!(numbers.text(before), after);
        }
    }
}
