//! Hosts: machines within the machine.
//!
//! A host is three namespaces (network, IPC, mount) that the director holds open by descriptors; no process needs to
//! live there. In its network namespace a bridge, `eth0`, carries its addresses. Each pair of hosts has a line of its
//! own: a veth, one end a port of either's bridge. Ports pass nothing on to each other, so that a line is the only way
//! between its two hosts, and to take both its ends down cuts these two off from each other and from nobody else.
//!
//! The director itself stays where it is. It enters a host's network only to open a socket there, and its IPC and mount
//! namespaces only to read.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns, unshare};

use super::isolate;
use crate::facility::perform::HostAddress;
use crate::kernel::netlink::Netlink;
use crate::kernel::netlink::diag::Diag;
use crate::kernel::netlink::route::Route;
use crate::kernel::process::{self, Fork};
use crate::kernel::{SysError, SysResultExt};
use crate::model::{self, Evidence, Field, Value};

/// Most hosts of a stage.
pub(super) const HOSTS_MAX: usize = 8;
/// The interface that has a host's addresses.
const CARD: &str = "eth0";
/// How long the kernel may take to tell that a line carries, or no longer does.
const PATIENCE: Duration = Duration::from_secs(2);
const PREFIX_V4: u8 = 24;
const PREFIX_V6: u8 = 64;

/// The namespaces of a place.
#[derive(Debug)]
struct Spaces {
    net: OwnedFd,
    ipc: OwnedFd,
    mnt: OwnedFd,
}

impl Spaces {
    /// Those of a process, `self` for our own.
    fn of(process: &str) -> crate::kernel::Result<Self> {
        let open = |kind: &str| {
            let path = format!("/proc/{process}/ns/{kind}");
            File::open(&path).map(OwnedFd::from).on("open", path)
        };
        Ok(Self { net: open("net")?, ipc: open("ipc")?, mnt: open("mnt")? })
    }

    fn enter_files(&self) -> Result<(), Errno> {
        setns(&self.ipc, CloneFlags::CLONE_NEWIPC)?;
        setns(&self.mnt, CloneFlags::CLONE_NEWNS)
    }

    fn enter(&self) -> Result<(), Errno> {
        setns(&self.net, CloneFlags::CLONE_NEWNET)?;
        self.enter_files()
    }
}

/// One host.
#[derive(Debug)]
struct Host {
    name: String,
    /// Counted from 1 over the stage: the last part of its addresses.
    number: u8,
    spaces: Spaces,
    route: Route,
    watch: Netlink,
    /// The number of its [`CARD`].
    card: u32,
    /// Device number of its /dev/shm.
    shm_dev: u64,
}

impl Host {
    /// What a port is called here whose line leads to `other`.
    fn line_to(other: u8) -> String {
        format!("line{other}")
    }

    /// Waits until the line to `other` carries, or does not, as `wanted`; and the card that all lines end in.
    fn wait(&mut self, other: u8, wanted: bool) -> bool {
        let until = Instant::now() + PATIENCE;
        let name = Self::line_to(other);
        loop {
            let index = self.route.index(&name).unwrap_or(0);
            let line = self.route.link(index).is_ok_and(|link| link.carries);
            let any = self.route.links().is_ok_and(|links| links.iter().any(|link| link.port && link.carries));
            let card = self.route.link(self.card).is_ok_and(|link| link.carries);
            if line == wanted && card == any {
                return true;
            }
            let left = until.saturating_duration_since(Instant::now());
            // A signal ends the wait before anything has happened.
            let happened = match self.watch.happened(left) {
                Err(Errno::EINTR) => true,
                told => told.unwrap_or(false),
            };
            if left.is_zero() || !happened {
                return false;
            }
        }
    }
}

/// The hosts of a stage. A *place* is the number of one, 0 the stage's own ground.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    home: Option<Spaces>,
    all: Vec<Host>,
}

impl Hosts {
    /// Whether the kernel has what hosts are made of.
    pub(super) fn possible() -> bool {
        Route::open().is_ok_and(|mut route| route.knows("bridge") && route.knows("veth"))
    }

    /// The place of a host.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.all.iter().position(|host| host.name == name).map(|index| index + 1)
    }

    /// Their names, in order of birth.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|host| host.name.as_str())
    }

    /// The name of the host at a place; `None` for the stage's own ground.
    pub(super) fn name(&self, place: usize) -> Option<&str> {
        Some(self.all.get(place.checked_sub(1)?)?.name.as_str())
    }

    /// Device number of a place's /dev/shm; `None` for the stage's own ground.
    pub(super) fn shm_dev(&self, place: usize) -> Option<u64> {
        Some(self.all.get(place.checked_sub(1)?)?.shm_dev)
    }

    /// Where in the network a host is.
    pub(super) fn address(&self, name: &str) -> Option<HostAddress> {
        let host = self.all.iter().find(|host| host.name == name)?;
        Some(HostAddress { name: name.to_owned(), v4: v4(host.number), v6: v6(host.number) })
    }

    /// Makes a host, with a line to each other. Gives its socket for questions about sockets.
    ///
    /// # Errors
    /// The call that the kernel refused, as a sentence; nothing of the host is left then.
    pub(super) fn make(&mut self, name: &str, mqueue: bool) -> Result<Diag, String> {
        if self.home.is_none() {
            self.home = Some(Spaces::of("self").map_err(in_words)?);
        }
        let spaces = found(mqueue)?;
        self.connected(name, spaces).map_err(in_words)
    }

    /// Takes a new host into the network.
    fn connected(&mut self, name: &str, spaces: Spaces) -> crate::kernel::Result<Diag> {
        let number = self.all.len() as u8 + 1;
        let (route, watch, diag) =
            self.within_network(&spaces, || Ok((Route::open()?, Route::watch()?, Diag::open()?)))?;
        let mut host = Host { name: name.to_owned(), number, spaces, route, watch, card: 0, shm_dev: 0 };
        let route = &mut host.route;
        route.index("lo").and_then(|lo| route.set_up(lo, true)).on("rtnetlink", "lo up")?;
        route.make_bridge(CARD, mac(number)).on("rtnetlink", "a bridge")?;
        host.card = route.index(CARD).on("rtnetlink", CARD)?;
        route.no_own_addresses(host.card);
        route.set_up(host.card, true).on("rtnetlink", format!("{CARD} up"))?;
        let address = IpAddr::from(v4(number));
        route.add_address(host.card, address, PREFIX_V4).on("rtnetlink", address.to_string())?;
        // The kernel may have no IPv6, and what is shown is what the host has.
        let _ = route.add_address(host.card, v6(number).into(), PREFIX_V6);
        for (to, prefix) in [(Ipv4Addr::new(224, 0, 0, 0), 4), (Ipv4Addr::BROADCAST, 32)] {
            route.add_route(host.card, to.into(), prefix).on("rtnetlink", format!("a route to {to}"))?;
        }
        for other in &mut self.all {
            connect(&mut host, other).on("rtnetlink", format!("a line to {}", other.name))?;
        }
        self.all.push(host);
        let place = self.all.len();
        let device = self.visit(place, || nix::sys::stat::stat("/dev/shm").map(|stat| stat.st_dev));
        if let Some(host) = self.all.last_mut() {
            host.shm_dev = device.unwrap_or(0);
        }
        for other in 1..number {
            self.settle(number, other, true);
        }
        Ok(diag)
    }

    /// Cuts the line between two places, or mends it, and waits until it is so. `false`: the kernel has not told in time.
    ///
    /// # Errors
    /// What the kernel answers.
    pub(super) fn link(&mut self, first: usize, second: usize, up: bool) -> crate::kernel::Result<bool> {
        let [first, second] = [first as u8, second as u8];
        for (here, there) in [(first, second), (second, first)] {
            let Some(host) = self.all.get_mut(usize::from(here) - 1) else { continue };
            let route = &mut host.route;
            let index = route.index(&Host::line_to(there)).on("rtnetlink", Host::line_to(there))?;
            route.set_up(index, up).on("rtnetlink", Host::line_to(there))?;
        }
        Ok(self.settle(first, second, up))
    }

    fn settle(&mut self, first: u8, second: u8, up: bool) -> bool {
        [(first, second), (second, first)]
            .into_iter()
            .all(|(here, there)| self.all.get_mut(usize::from(here) - 1).is_some_and(|host| host.wait(there, up)))
    }

    /// What the hosts' own networks tell of them now.
    pub(super) fn shown(&mut self) -> Vec<model::Host> {
        let names: Vec<(u8, String)> = self.all.iter().map(|host| (host.number, host.name.clone())).collect();
        self.all.iter_mut().map(|host| shown(host, &names)).collect()
    }

    /// Takes this process to a place for good: a child that becomes an actor there.
    pub(super) fn settle_down(&self, place: usize) -> Result<(), Errno> {
        place.checked_sub(1).and_then(|index| self.all.get(index)).map_or(Ok(()), |host| host.spaces.enter())
    }

    /// Does something among the files and IPC objects of a place.
    pub(super) fn visit<T>(&self, place: usize, what: impl FnOnce() -> T) -> T {
        let mut visit = self.visitor();
        visit.go(place);
        what()
    }

    /// To go from place to place. The visit ends when it is dropped.
    pub(super) const fn visitor(&self) -> Visit<'_> {
        Visit { hosts: self, at: 0 }
    }

    fn within_network<T>(
        &self,
        spaces: &Spaces,
        open: impl FnOnce() -> crate::kernel::Result<T>,
    ) -> crate::kernel::Result<T> {
        setns(&spaces.net, CloneFlags::CLONE_NEWNET).on("setns", "a host's network")?;
        let opened = open();
        if self.home.as_ref().is_none_or(|home| setns(&home.net, CloneFlags::CLONE_NEWNET).is_err()) {
            lost();
        }
        opened
    }
}

/// The director among the files and IPC objects of a place.
pub(super) struct Visit<'a> {
    hosts: &'a Hosts,
    at: usize,
}

impl Visit<'_> {
    /// Goes there; does nothing if we are there.
    pub(super) fn go(&mut self, place: usize) {
        if place == self.at {
            return;
        }
        let there = match place.checked_sub(1) {
            None => self.hosts.home.as_ref(),
            Some(index) => self.hosts.all.get(index).map(|host| &host.spaces),
        };
        if there.is_none_or(|spaces| spaces.enter_files().is_err()) {
            lost();
        }
        self.at = place;
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        self.go(0);
    }
}

/// A director that can't get back to its own place would tell of another's objects as if they were here: it ends, and
/// the stage with it.
fn lost() -> ! {
    let _ = writeln!(std::io::stderr(), "the director can't enter or leave a host any more");
    process::exit_now(1)
}

fn in_words(error: SysError) -> String {
    error.to_string()
}

/// The hardware address of a host's card.
const fn mac(number: u8) -> [u8; 6] {
    [2, 0, 0, 0, 0, number]
}

const fn v4(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, number)
}

const fn v6(number: u8) -> Ipv6Addr {
    Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, number as u16)
}

/// Makes the namespaces of a host and its file systems, by a process that ends as soon as we hold them.
fn found(mqueue: bool) -> Result<Spaces, String> {
    let (mut ours, theirs) = UnixStream::pair().on("socketpair", "").map_err(in_words)?;
    match process::fork().on("fork", "").map_err(in_words)? {
        Fork::Child => {
            drop(ours);
            let mut line = theirs;
            let made = unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWNS)
                .on("unshare", "network, IPC and mounts")
                .and_then(|()| isolate::furnish(mqueue));
            let answer = match made {
                Ok(()) => String::new(),
                Err(error) => error.to_string(),
            };
            // As much as its length, which is one byte, can tell of.
            let told = &answer.as_bytes()[..answer.len().min(u8::MAX.into())];
            let _ = line.write_all(&[&[told.len() as u8], told].concat());
            // Until the director has what it needs.
            let _ = line.read(&mut [0]);
            process::exit_now(0)
        }
        Fork::Parent(pid) => {
            drop(theirs);
            let mut length = [0];
            let mut answer = String::new();
            let heard = ours
                .read_exact(&mut length)
                .and_then(|()| (&mut ours).take(length[0].into()).read_to_string(&mut answer))
                .on("read", "a host's founder");
            let spaces = match heard {
                Ok(_) if !answer.is_empty() => Err(answer),
                heard => heard.and_then(|_| Spaces::of(&pid.to_string())).map_err(in_words),
            };
            drop(ours);
            let _ = process::waitpid(pid, 0);
            spaces
        }
    }
}

/// Lays the line between two hosts.
fn connect(one: &mut Host, other: &mut Host) -> Result<(), Errno> {
    let [here, there] = [Host::line_to(other.number), Host::line_to(one.number)];
    one.route.make_veth(&here, &there, other.spaces.net.as_fd())?;
    // Who had to ask for an address first would keep what is sent over a line that is cut, until it is answered or gives up
    // seconds later: too late to be lost, and too late to have come when the stage has settled.
    let [first, second] = [one.number, other.number];
    for (host, other) in [(&mut *one, second), (&mut *other, first)] {
        host.route.add_neighbour(host.card, v4(other).into(), mac(other))?;
        let _ = host.route.add_neighbour(host.card, v6(other).into(), mac(other));
    }
    for (host, name) in [(one, here), (other, there)] {
        let index = host.route.index(&name)?;
        host.route.no_own_addresses(index);
        host.route.plug(index, host.card)?;
        host.route.set_up(index, true)?;
    }
    Ok(())
}

fn shown(host: &mut Host, all: &[(u8, String)]) -> model::Host {
    let texts = |texts: Vec<String>| Value::List(texts.into_iter().map(Value::Text).collect());
    let known = |name: &'static str, told: Result<Vec<String>, Errno>| match told {
        Ok(told) => Field::new(name, texts(told), Evidence::Kernel),
        Err(errno) => Field::hidden(name, errno.desc()),
    };
    let addresses = host.route.addresses().map(|all| {
        let mine = all.into_iter().filter(|assigned| assigned.index == host.card);
        mine.map(|assigned| format!("{}/{}", assigned.ip, assigned.prefix)).collect()
    });
    let links = host.route.links();
    let lines = |carries: bool| {
        let links = links.as_ref().map_err(|errno| *errno)?;
        let mine = |number: u8| links.iter().find(|link| link.name == Host::line_to(number));
        let wanted = all.iter().filter(|(number, _)| mine(*number).is_some_and(|link| link.carries == carries));
        Ok(wanted.map(|(_, name)| name.clone()).collect())
    };
    model::Host {
        name: host.name.clone(),
        fields: vec![known("addresses", addresses), known("up", lines(true)), known("down", lines(false))],
    }
}
