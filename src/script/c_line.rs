//! How a call reads in C.

use core::net::{Ipv4Addr, Ipv6Addr};

use super::{
    Arg, ArgKind, ArgValue, CallExpr, CallSpec, Expr, IntType, Interest, MemoryWord, Op, Place, SocketAddress, Tuple,
};

/// Stands in a line where an argument was left out, until the line is tidied.
const GAP: char = '\0';

/// The call as a line of C without semicolon, by the template [`CallSpec::c`]: `read(p_r, buf, 100)`.
///
/// In a template, `{name}` is the argument of that name; what stands in braces and is no argument is left as it is.
///
/// | written | reads |
/// | --- | --- |
/// | name `p`, `p.r`; `fd 7` | `p`, `p_r`; `7` |
/// | path `"notes"`, `notes` | `"notes"` |
/// | data `"a\n"`; `'x' * 9`; `$buf` | `"a\n"`; `memset(buf, 'x', 9)`; `buf` |
/// | number, `$n`, constants, flags | `0x41`, `n`, `SEEK_SET`, `O_RDWR\|O_CREAT` |
/// | descriptors with events `p.r:POLLIN fd 7:0` | `{p_r, POLLIN}, {7, 0}` |
/// | place `m[3]`, `m:u8[0]` | `m[3]`, `((uint8_t *)m)[0]` |
/// | tuples `0:-1 1:2:SEM_UNDO`; `5`; `1 2` | `{0, -1, 0}, {1, 2, SEM_UNDO}`; `5`; `(unsigned short[]){ 1, 2 }` |
/// | address `m+12` | `(char *)m + 12` |
/// | duration `500ms` | `500ms` |
/// | address `unix:srv` | `&(struct sockaddr_un){ AF_UNIX, "srv" }` |
///
/// Parts of an argument: `{buf.len}` is the length of data in bytes, `{t.timespec}` a duration as `0, 500000000`,
/// `{t.timeval}` one as `0, 500000`, `{t.ms}` one in milliseconds, `{g.mreq}` a group, `{fds.count}` how many descriptors there are, `{ops.len}` how many
/// tuples,
/// `{fds.readfds}` the address of that set if one is to be in it, else NULL, `{r.start}` and `{r.len}` the two numbers
/// of a range (the length is 0 for `100..`), `{a.len}` the size of a socket's address.
///
/// An argument that was not given reads as its default, `{flags=0}`, or as another argument, `{data=@fd}`; without one it is dropped with its comma.
/// `{as}` is the name behind `as`; without it in the template, that name stands in front: `q = dup(p)`.
/// `{into}` is the variable behind `->`.
/// `{?name …?}` stands only if the argument was given, `{!name …!}` only if not, `{?name:CONSTANT …?}` only if it is that
/// constant. A load or store of a slice is a memcpy.
pub fn c_line(call: &CallExpr, spec: &CallSpec) -> String {
    let line = slice_copy(call, spec).unwrap_or_else(|| tidy(&fill(spec.c, call, spec)));
    let Some(name) = call.bind.as_ref().filter(|_| !spec.c.contains("{as")) else { return line };
    // `as` takes the place of the name that the template gives.
    let is_name = |s: &str| s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let made = line.split_once(" = ").filter(|(left, _)| is_name(left)).map_or(line.as_str(), |(_, right)| right);
    format!("{} = {made}", plain(name))
}

fn fill(template: &str, call: &CallExpr, spec: &CallSpec) -> String {
    let mut line = String::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        line.push_str(&rest[..open]);
        rest = &rest[open..];
        let (text, length) = hole(rest, call, spec).unwrap_or_else(|| ("{".to_owned(), 1));
        line.push_str(&text);
        rest = &rest[length..];
    }
    line.push_str(rest);
    line
}

/// What the hole at the start of `text` reads, and its length in the template; `None` if it is no hole.
fn hole(text: &str, call: &CallExpr, spec: &CallSpec) -> Option<(String, usize)> {
    let arg = |name: &str| call.args.iter().find(|a| a.name == name);
    let given = |name: &str| match name {
        "as" => call.bind.is_some(),
        "into" => call.into.is_some(),
        _ => match name.split_once(':') {
            Some((name, constant)) => arg(name).is_some_and(|arg| is_constant(&arg.value, constant)),
            None => arg(name).is_some(),
        },
    };
    for (mark, close, wanted) in [("{?", "?}", true), ("{!", "!}", false)] {
        if let Some(inner) = text.strip_prefix(mark) {
            let end = inner.find(close)?;
            let (name, body) = inner[..end].split_once(' ')?;
            let shown = given(name) == wanted;
            let text = if shown { fill(body, call, spec) } else { GAP.to_string() };
            return Some((text, mark.len() + end + close.len()));
        }
    }
    let end = text.find('}')?;
    let (path, default) = text[1..end].split_once('=').map_or((&text[1..end], None), |(p, d)| (p, Some(d)));
    let (name, part) = path.split_once('.').unwrap_or((path, ""));
    let read = if name == "as" {
        call.bind.as_deref().map(plain)
    } else if name == "into" {
        call.into.as_deref().map(plain)
    } else {
        let kind = spec.args.iter().find(|a| a.name == name)?.kind;
        arg(name).map(|arg| reads(arg, kind, part))
    };
    let other = |default: &str| match default.strip_prefix('@') {
        Some(name) => fill(&format!("{{{name}}}"), call, spec),
        None => default.to_owned(),
    };
    let text = read.or_else(|| default.map(other)).unwrap_or_else(|| GAP.to_string());
    Some((text, end + 1))
}

fn is_constant(value: &ArgValue, constant: &str) -> bool {
    match value {
        ArgValue::Name(name) => name == constant,
        ArgValue::Flags(names) => matches!(&names[..], [name] if name == constant),
        _ => false,
    }
}

/// Takes out what was left out: `f(a, <gap>)` becomes `f(a)`.
fn tidy(line: &str) -> String {
    let mut tidied = String::new();
    let mut rest = line;
    while let Some(gap) = rest.find(GAP) {
        tidied.push_str(&rest[..gap]);
        rest = rest[gap..].trim_start_matches(GAP);
        let alone_behind = rest.starts_with([',', ')']) || rest.is_empty();
        if alone_behind && tidied.ends_with(", ") {
            tidied.truncate(tidied.len() - 2);
        } else if tidied.ends_with('(') {
            rest = rest.strip_prefix(", ").unwrap_or(rest);
        }
    }
    tidied + rest
}

/// A name of the language as a name of C.
fn plain(name: &str) -> String {
    name.replace(['.', '-'], "_")
}

fn reads(arg: &Arg, kind: ArgKind, part: &str) -> String {
    match &arg.value {
        ArgValue::Name(name) if kind == ArgKind::Path => literal(name.as_bytes()),
        ArgValue::Name(name) if kind == ArgKind::Actor && name == "any" => "-1".to_owned(),
        // Inside its process a thread is known by its own name.
        ArgValue::Name(name) if kind == ArgKind::Actor => plain(name.split_once('.').map_or(name, |(_, own)| own)),
        // `SIGRTMIN+3` is C as it stands.
        ArgValue::Name(name) if kind == ArgKind::Signal => name.clone(),
        ArgValue::Name(name) | ArgValue::By(name) => plain(name),
        ArgValue::Fd(e) => number(e),
        ArgValue::Flags(flags) if flags.is_empty() => "0".to_owned(),
        ArgValue::Flags(flags) => flags.join("|"),
        ArgValue::Range(from, until) => {
            let length = match until {
                None => "0".to_owned(),
                Some(until) => length(from, until),
            };
            match part {
                "start" => number(from),
                "len" => length,
                _ => format!("{}, {length}", number(from)),
            }
        }
        ArgValue::Interests(interests) => watched(interests, part),
        ArgValue::Tuples(tuples) if part == "len" => tuples.len().to_string(),
        ArgValue::Tuples(tuples) => elements(tuples, kind),
        ArgValue::Words(words) if part == "len" => words.len().to_string(),
        ArgValue::Words(words) => words.iter().map(futex_word).collect::<Vec<_>>().join(", "),
        ArgValue::Place(place) => element(place),
        ArgValue::Address(base, offset) => format!("(char *){} + {}", plain(base), number(offset)),
        ArgValue::Socket(address) => {
            if part == "len" {
                socket_length(address)
            } else {
                socket_address(address)
            }
        }
        ArgValue::Expr(e) => match (kind, part) {
            (_, "len") => data_length(e),
            (_, "timespec") => timespec(e, 1),
            (_, "timeval") => timespec(e, 1000),
            (_, "mreq") => membership(e),
            (_, "ms") => milliseconds(e),
            (ArgKind::Data | ArgKind::Path | ArgKind::Value, _) => data(e),
            _ => number(e),
        },
    }
}

/// A group as setsockopt(2) takes it, with its size.
fn membership(e: &Expr) -> String {
    let text = data(e);
    let v6 =
        if let Expr::Text(bytes) = e { core::str::from_utf8(bytes).ok().and_then(|t| t.parse().ok()) } else { None };
    if let Some(v6) = v6 {
        let bytes: Vec<String> = core::net::Ipv6Addr::octets(&v6).iter().map(|b| format!("{b:#x}")).collect();
        let bytes = bytes.join(", ");
        return format!("&(struct ipv6_mreq){{ .ipv6mr_multiaddr.s6_addr = {{ {bytes} }} }}, sizeof(struct ipv6_mreq)");
    }
    format!("&(struct ip_mreq){{ {{ inet_addr({text}) }} }}, sizeof(struct ip_mreq)")
}

/// A number as C writes it: variables lose their dollar sign.
fn number(e: &Expr) -> String {
    match e {
        Expr::Var(name) => name.clone(),
        Expr::Paren(inner) => format!("({})", number(inner)),
        Expr::Binary(op, left, right) => format!("{} {op} {}", number(left), number(right)),
        Expr::Text(bytes) => literal(bytes),
        _ => e.to_string(),
    }
}

/// The length of a range; worked out where both ends are numbers.
fn length(from: &Expr, until: &Expr) -> String {
    match (from, until) {
        (Expr::Int(from, _), Expr::Int(until, _)) => until.wrapping_sub(*from).to_string(),
        _ => format!("{} - {}", number(until), number(&Expr::Paren(Box::new(from.clone())))),
    }
}

fn data(e: &Expr) -> String {
    match e {
        Expr::Text(bytes) => literal(bytes),
        Expr::Byte(byte) => literal(&[*byte]),
        Expr::Paren(inner) => data(inner),
        Expr::Binary(Op::Mul, left, right) => match (&**left, &**right) {
            (Expr::Byte(_), times) => format!("memset(buf, {left}, {})", number(times)),
            (times, Expr::Byte(_)) => format!("memset(buf, {right}, {})", number(times)),
            _ => data_or_number(e),
        },
        _ => data_or_number(e),
    }
}

/// A computation of numbers as C writes it; one of data, which C has no expression for, as the buffer that holds it.
fn data_or_number(e: &Expr) -> String {
    if has_data(e) { "buf".to_owned() } else { number(e) }
}

fn has_data(e: &Expr) -> bool {
    match e {
        Expr::Text(_) | Expr::Byte(_) => true,
        Expr::Paren(inner) => has_data(inner),
        Expr::Binary(_, left, right) => has_data(left) || has_data(right),
        _ => false,
    }
}

fn data_length(e: &Expr) -> String {
    match e {
        Expr::Text(bytes) => bytes.len().to_string(),
        Expr::Byte(_) => "1".to_owned(),
        Expr::Paren(inner) => data_length(inner),
        Expr::Var(name) => format!("{name}_len"),
        Expr::Binary(Op::Mul, left, right) => match (&**left, &**right) {
            (Expr::Byte(_), times) | (times, Expr::Byte(_)) => number(times),
            _ => "buf_len".to_owned(),
        },
        _ => "buf_len".to_owned(),
    }
}

/// Seconds, and the rest in parts of so many ns.
fn timespec(e: &Expr, part: i64) -> String {
    match e {
        Expr::Duration(ns) => format!("{}, {}", ns / 1_000_000_000, ns % 1_000_000_000 / part),
        _ => format!("0, {}", number(e)),
    }
}

/// A pointer to the structure; C has no shorter way to write one.
fn socket_address(address: &SocketAddress) -> String {
    let inet = |ip: Ipv4Addr| match ip {
        Ipv4Addr::LOCALHOST => "htonl(INADDR_LOOPBACK)".to_owned(),
        Ipv4Addr::UNSPECIFIED => "INADDR_ANY".to_owned(),
        ip => format!("inet_addr(\"{ip}\")"),
    };
    match address {
        SocketAddress::Path(name) => format!("&(struct sockaddr_un){{ AF_UNIX, {} }}", literal(name.as_bytes())),
        SocketAddress::Abstract(name) => {
            format!("&(struct sockaddr_un){{ AF_UNIX, {} }}", literal(format!("\0{name}").as_bytes()))
        }
        SocketAddress::V4(ip, port) => {
            format!("&(struct sockaddr_in){{ AF_INET, htons({}), {{ {} }} }}", number(port), inet(*ip))
        }
        SocketAddress::Host(name, port) => {
            format!(
                "&(struct sockaddr_in){{ AF_INET, htons({}), /* {name}, as getaddrinfo finds it */ }}",
                number(port)
            )
        }
        SocketAddress::Any(port) => format!("&(struct sockaddr_in){{ AF_INET, htons({}) }}", number(port)),
        SocketAddress::V6(ip, port) => {
            let ip = match *ip {
                Ipv6Addr::LOCALHOST => "IN6ADDR_LOOPBACK_INIT".to_owned(),
                Ipv6Addr::UNSPECIFIED => "IN6ADDR_ANY_INIT".to_owned(),
                ip => format!("/* {ip} */"),
            };
            format!("&(struct sockaddr_in6){{ AF_INET6, htons({}), 0, {ip} }}", number(port))
        }
    }
}

fn milliseconds(e: &Expr) -> String {
    match e {
        Expr::Duration(ns) => (ns / 1_000_000).to_string(),
        _ => number(e),
    }
}

/// Descriptors with what is asked of them: the entries of an array, their number, or one of the sets of select(2).
fn watched(interests: &[Interest], part: &str) -> String {
    let name = |one: &Interest| match &one.descriptor {
        ArgValue::Fd(e) => number(e),
        ArgValue::Name(name) => plain(name),
        _ => String::new(),
    };
    let entry = |one: &Interest| {
        let events = if one.events.is_empty() { "0".to_owned() } else { one.events.join("|") };
        format!("{{{}, {events}}}", name(one))
    };
    match part {
        "" => interests.iter().map(entry).collect::<Vec<_>>().join(", "),
        "count" => interests.len().to_string(),
        set => {
            let of = |one: &&Interest| one.events.iter().any(|e| e == set);
            let members: Vec<String> = interests.iter().filter(of).map(name).collect();
            if members.is_empty() { "NULL".to_owned() } else { format!("&{set} /* {} */", members.join(", ")) }
        }
    }
}

fn socket_length(address: &SocketAddress) -> String {
    match address {
        SocketAddress::Path(_) => "sizeof(struct sockaddr_un)".to_owned(),
        // Each byte counts in a name that is no file.
        SocketAddress::Abstract(name) => format!("sizeof(sa_family_t) + {}", name.len() + 1),
        SocketAddress::V4(..) | SocketAddress::Host(..) | SocketAddress::Any(_) => {
            "sizeof(struct sockaddr_in)".to_owned()
        }
        SocketAddress::V6(..) => "sizeof(struct sockaddr_in6)".to_owned(),
    }
}

const fn c_type(ty: IntType) -> &'static str {
    match ty {
        IntType::I8 => "int8_t",
        IntType::U8 => "uint8_t",
        IntType::I16 => "int16_t",
        IntType::U16 => "uint16_t",
        IntType::I32 => "int",
        IntType::U32 => "uint32_t",
        IntType::I64 => "int64_t",
        IntType::U64 => "uint64_t",
    }
}

/// The elements of an array of C; one number alone stands as it is.
fn elements(tuples: &[Tuple], kind: ArgKind) -> String {
    let numbers = |tuple: &Tuple| tuple.numbers.iter().map(number).collect::<Vec<_>>().join(", ");
    let structure = |tuple: &Tuple| {
        let flags = if tuple.flags.is_empty() { "0".to_owned() } else { tuple.flags.join("|") };
        format!("{{{}, {flags}}}", numbers(tuple))
    };
    match (kind, tuples) {
        (ArgKind::Tuples(1, _), [one]) => numbers(one),
        (ArgKind::Tuples(1, _), _) => {
            format!("(unsigned short[]){{ {} }}", tuples.iter().map(numbers).collect::<Vec<_>>().join(", "))
        }
        _ => tuples.iter().map(structure).collect::<Vec<_>>().join(", "),
    }
}

/// A struct futex_waitv of the kernel.
fn futex_word(word: &MemoryWord) -> String {
    let flags = [&["FUTEX2_SIZE_U32".to_owned()][..], &word.flags].concat().join("|");
    let address = match &word.address {
        ArgValue::Address(base, offset) => format!("(char *){} + {}", plain(base), number(offset)),
        other => plain(&other.to_string()),
    };
    format!("{{ {}, (uintptr_t)({}), {flags} }}", number(&word.value), address)
}

fn element(place: &Place) -> String {
    let (base, index) = (plain(&place.base), number(&place.index));
    match (&place.until, place.ty) {
        (Some(_), _) => format!("(char *){base} + {index}"),
        (None, IntType::I32) => format!("{base}[{index}]"),
        (None, ty) => format!("(({} *){base})[{index}]", c_type(ty)),
    }
}

/// A load or store of a slice: C can't assign bytes, so it is a memcpy. Told by the template, which is an assignment.
fn slice_copy(call: &CallExpr, spec: &CallSpec) -> Option<String> {
    let (left, right) = spec.c.split_once(" = ")?;
    let slice = call.args.iter().find_map(|arg| match &arg.value {
        ArgValue::Place(place) => place.until.as_ref().map(|until| (arg, length(&place.index, until))),
        _ => None,
    })?;
    let (arg, length) = slice;
    (spec.c.contains(&format!("{{{}}}", arg.name)))
        .then(|| format!("memcpy({}, {}, {length})", fill(left, call, spec), fill(right, call, spec)))
}

/// A string literal of C. A hexadecimal escape of C has no end of its own, so octal ones with three digits are used.
fn literal(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => text.push_str("\\n"),
                '\t' => text.push_str("\\t"),
                '\r' => text.push_str("\\r"),
                '"' | '\\' => text.extend(['\\', c]),
                c if c.is_control() => c.to_string().bytes().for_each(|b| octal(&mut text, b)),
                c => text.push(c),
            }
        }
        chunk.invalid().iter().for_each(|b| octal(&mut text, *b));
    }
    text.push('"');
    text
}

fn octal(text: &mut String, byte: u8) {
    text.push('\\');
    text.extend([byte >> 6, byte >> 3 & 7, byte & 7].map(|digit| char::from(b'0' + digit)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::testing::registry;
    use crate::script::{Body, parse_line};

    #[test]
    fn reads_as_in_c() {
        let cases = [
            ("read p.r 100", "read(p_r, buf, 100)"),
            ("read fd 7 $n * 2", "read(7, buf, n * 2)"),
            ("write p \"he\\\"llo\\n\"", "write(p, \"he\\\"llo\\n\", 7)"),
            ("write p \"\\x01\" + \"1\"", "write(p, buf, buf_len)"),
            ("write p \"\\x01f\\xff\"", "write(p, \"\\001f\\377\", 3)"),
            ("write p 'x' * 4097", "write(p, memset(buf, 'x', 4097), 4097)"),
            ("write p $data", "write(p, data, data_len)"),
            ("dup p.w as q-2", "q_2 = dup(p_w)"),
            ("open f notes O_RDWR|O_CREAT 0644", "open(\"notes\", O_RDWR|O_CREAT, 0644)"),
            ("open f \"notes\" 0", "open(\"notes\", 0)"),
            ("mq_open q", "mq_open(q, 0)"),
            ("mq_open q O_CREAT", "mq_open(q, O_CREAT)"),
            ("mq_open q O_CREAT 0600 maxmsg=4", "mq_open(q, O_CREAT, 0600, &(struct mq_attr){ 4 })"),
            ("mmap 4096 PROT_READ MAP_ANONYMOUS", "mmap(NULL, 4096, PROT_READ, MAP_ANONYMOUS, -1, 0)"),
            ("mmap q 4096 PROT_READ MAP_SHARED as m", "m = mmap(NULL, 4096, PROT_READ, MAP_SHARED, q, 0)"),
            (
                "fcntl f F_SETLKW F_WRLCK 5..100",
                "fcntl(f, F_SETLKW, &(struct flock){ .l_type = F_WRLCK, .l_start = 5, .l_len = 95 })",
            ),
            ("kill bob SIGRTMIN+3", "kill(bob, SIGRTMIN+3)"),
            ("nanosleep 1500ms", "nanosleep(&(struct timespec){ 1, 500000000 }, NULL)"),
            ("load $x m[3]", "x = m[3]"),
            ("load $x m:u8[$i]", "x = ((uint8_t *)m)[i]"),
            ("load $x m[2..5]", "memcpy(x, (char *)m + 2, 3)"),
            ("store m[0..5] \"hello\"", "memcpy((char *)m + 0, \"hello\", 5)"),
            ("store m[0] $x + 1", "m[0] = x + 1"),
            ("sem_wait m+12", "sem_wait((char *)m + 12)"),
            (
                "poll p.r:POLLIN|POLLPRI fd 7:0 timeout=1500ms",
                "poll((struct pollfd[]){ {p_r, POLLIN|POLLPRI}, {7, 0} }, 2, 1500)",
            ),
            ("poll q:POLLOUT", "poll((struct pollfd[]){ {q, POLLOUT} }, 1, -1)"),
            ("sigprocmask SIGUSR1|SIGRTMIN+2", "sigprocmask(&set /* SIGUSR1|SIGRTMIN+2 */)"),
            (
                "futex_waitv m+64:0 w:7:FUTEX2_PRIVATE",
                "syscall(SYS_futex_waitv, (struct futex_waitv[]){ { 0, (uintptr_t)((char *)m + 64), FUTEX2_SIZE_U32 }, \
                 { 7, (uintptr_t)(w), FUTEX2_SIZE_U32|FUTEX2_PRIVATE } }, 2)",
            ),
            ("semop s 0:-1", "semop(s, (struct sembuf[]){ {0, -1, 0} }, 1)"),
            (
                "semop s 0:-1:SEM_UNDO|IPC_NOWAIT $n:(2 * 3)",
                "semop(s, (struct sembuf[]){ {0, -1, SEM_UNDO|IPC_NOWAIT}, {n, (2 * 3), 0} }, 2)",
            ),
            ("semctl s SETALL 5", "semctl(s, SETALL, 5)"),
            ("semctl s SETALL 1 0 -2", "semctl(s, SETALL, (unsigned short[]){ 1, 0, -2 })"),
            ("semctl s GETALL", "semctl(s, GETALL)"),
            ("lseek f -5", "lseek(f, -5)"),
            ("connect s unix:srv", "connect(s, &(struct sockaddr_un){ AF_UNIX, \"srv\" }, sizeof(struct sockaddr_un))"),
            (
                "connect s unix:@srv",
                "connect(s, &(struct sockaddr_un){ AF_UNIX, \"\\000srv\" }, sizeof(sa_family_t) + 4)",
            ),
            (
                "connect s 127.0.0.1:$p",
                "connect(s, &(struct sockaddr_in){ AF_INET, htons(p), { htonl(INADDR_LOOPBACK) } }, \
                 sizeof(struct sockaddr_in))",
            ),
            ("fork bob", "fork()"),
        ];
        let registry = registry();
        for (text, c) in cases {
            let statement =
                parse_line(&format!("alice: {text}"), &registry).unwrap_or_else(|e| panic!("{text}: {e:?}"));
            let Body::Order { call, .. } = statement.body else { panic!("{text}") };
            let (_, spec) = registry.call(&call.verb).unwrap();
            assert_eq!(c_line(&call, spec), c, "{text}");
        }
    }
}
