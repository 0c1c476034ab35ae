//! Atomic accesses to memory, as C has them in stdatomic.h: each is one step that nobody can come between, and no system
//! call.

use std::cell::Cell;

use super::dialect::{Dialect, Op};
use super::memory::{Access, narrowed, place};
use super::perform::{Performer, Refusal};
use super::show::Shown;
use super::table::{CALL, optional, required};
use super::{Card, Facility};
use crate::kernel::arena::Record;
use crate::kernel::atomic::{self, Order};
use crate::kernel::memory;
use crate::script::{ArgKind, ArgSpec, CallSpec, Data};

/// Atomic accesses to memory.
#[derive(Debug)]
pub(super) struct Atomic;

static CARD: Card = Card {
    id: "atomic",
    title: "Atomics",
    family: "synchronization / atomic access",
    what: "Accesses to an integer in memory that nobody sees half done, with an order for those around them.",
    identifier: "none",
    handle: "address",
    persistence: "none: an access is a moment",
    access: "the protection of the mapping",
    blocking: "never: they do not enter the kernel",
    boundaries: "none: integers of one, two, four or eight bytes",
    manual: &["stdatomic.h(0p)", "membarrier(2)"],
};

const RELAXED: (&str, i64) = ("memory_order_relaxed", 0);
const CONSUME: (&str, i64) = ("memory_order_consume", 1);
const ACQUIRE: (&str, i64) = ("memory_order_acquire", 2);
const RELEASE: (&str, i64) = ("memory_order_release", 3);
const ACQ_REL: (&str, i64) = ("memory_order_acq_rel", 4);
const SEQ_CST: (&str, i64) = ("memory_order_seq_cst", 5);

/// C leaves it undefined to load with an order that releases, or to store with one that acquires.
const TO_LOAD: &[(&str, i64)] = &[RELAXED, CONSUME, ACQUIRE, SEQ_CST];
const TO_STORE: &[(&str, i64)] = &[RELAXED, RELEASE, SEQ_CST];
const TO_DO_BOTH: &[(&str, i64)] = &[RELAXED, CONSUME, ACQUIRE, RELEASE, ACQ_REL, SEQ_CST];

const PLACE: ArgSpec = required("place", ArgKind::Place, "the integer");

const fn order(of: &'static [(&'static str, i64)]) -> ArgSpec {
    optional("order", ArgKind::Constant(of), "what others may see of the accesses around it; left out, the strictest")
}

const CALLS: &[CallSpec] = &[
    CallSpec {
        name: "atomic_load",
        args: &[PLACE, order(TO_LOAD)],
        doc: "Loads an integer from memory as a whole",
        man: "stdatomic.h(0p)",
        c: "{?into {into} = ?}atomic_load{?order _explicit?}(&{place}{?order , {order}?})",
        gives: true,
        syscall: false,
        example: "bob: atomic_load m[0] memory_order_acquire -> $x",
        ..CALL
    },
    CallSpec {
        name: "atomic_store",
        args: &[PLACE, required("desired", ArgKind::Int, "what to store"), order(TO_STORE)],
        doc: "Stores an integer in memory as a whole",
        man: "stdatomic.h(0p)",
        c: "atomic_store{?order _explicit?}(&{place}, {desired}{?order , {order}?})",
        syscall: false,
        example: "alice: atomic_store m[0] 1 memory_order_release",
        ..CALL
    },
    CallSpec {
        name: "atomic_exchange",
        args: &[PLACE, required("desired", ArgKind::Int, "what to store"), order(TO_DO_BOTH)],
        doc: "Stores an integer in memory and gives what was there, as one step",
        man: "stdatomic.h(0p)",
        c: "{?into {into} = ?}atomic_exchange{?order _explicit?}(&{place}, {desired}{?order , {order}?})",
        gives: true,
        syscall: false,
        example: "alice: atomic_exchange m[0] 1 -> $old",
        ..CALL
    },
    CallSpec {
        name: "atomic_compare_exchange_strong",
        args: &[
            PLACE,
            required("expected", ArgKind::Variable, "what should be there; takes what is there where it is another"),
            required("desired", ArgKind::Int, "what to store in its place"),
            order(TO_DO_BOTH),
            optional("failure", ArgKind::Constant(TO_LOAD), "the order where nothing is stored"),
        ],
        doc: "Stores an integer if what is there is what was expected, as one step; gives 1 if it did",
        man: "stdatomic.h(0p)",
        c: "{?into {into} = ?}atomic_compare_exchange_strong{?order _explicit?}(&{place}, &{expected}, {desired}\
            {?order , {order}, {failure=memory_order_relaxed}?})",
        gives: true,
        syscall: false,
        example: "alice: atomic_compare_exchange_strong m[0] $seen 1 -> $done",
        ..CALL
    },
    CallSpec {
        name: "atomic_fetch_add",
        args: &[PLACE, required("operand", ArgKind::Int, "what to add"), order(TO_DO_BOTH)],
        doc: "Adds to an integer in memory and gives what was there, as one step that nobody can come between",
        man: "stdatomic.h(0p)",
        c: "{?into {into} = ?}atomic_fetch_add{?order _explicit?}(&{place}, {operand}{?order , {order}?})",
        gives: true,
        syscall: false,
        example: "alice: atomic_fetch_add m[0] 1 -> $old",
        ..CALL
    },
];

/// What a scenario on another facility becomes here.
static DIALECTS: &[Dialect] = &[Dialect {
    kind: "atomic",
    handle: "{o}",
    ways: &[(Op::Make, &["{a}: mmap pagesize PROT_READ|PROT_WRITE MAP_SHARED|MAP_ANONYMOUS as {o}m"])],
}];

impl Facility for Atomic {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn dialects(&self) -> &'static [Dialect] {
        DIALECTS
    }

    fn calls(&self) -> &'static [CallSpec] {
        CALLS
    }

    fn perform(&self, verb: &str, performer: &mut Performer<'_>) -> Result<(), Refusal> {
        let access = Access::of(performer)?;
        if access.slice.is_some() {
            return Err(Refusal::new("a slice of bytes is no integer").help("such as m[0]"));
        }
        let orders = Orders::of(performer);
        let Access { address, width, .. } = access;
        let signed = access.signed();
        let operand = performer.int(if verb == "atomic_fetch_add" { "operand" } else { "desired" }, 0);
        let operand = narrowed(operand, access.ty);
        let mut making = access.making(operand);
        making.args[1] |= orders.packed();
        if verb == "atomic_compare_exchange_strong" {
            return compare_exchange(performer, &access, making.args, operand);
        }
        let order = orders.order();
        let value = performer.machine(making, || match verb {
            "atomic_load" => atomic::load(address, width, signed, order),
            "atomic_store" => {
                atomic::store(address, width, operand, order);
                operand
            }
            "atomic_exchange" => atomic::exchange(address, width, operand, signed),
            _ => memory::atomic_add(address, width, operand, signed),
        });
        performer.deliver(Data::Int(value));
        Ok(())
    }

    fn show(&self, verb: &str, record: &Record) -> Shown {
        let mut parts = vec![place(record)];
        if verb == "atomic_compare_exchange_strong" {
            let expected = record.bytes().try_into().map_or(0, i64::from_le_bytes);
            parts.push(format!("[{expected}]"));
        }
        if verb != "atomic_load" {
            parts.push(record.args[2].to_string());
        }
        parts.extend(Orders::unpacked(record.args[1]).names().map(str::to_owned));
        Shown::args(parts.join(", "))
    }
}

/// The orders that were written: by number, if any.
struct Orders([Option<i64>; 2]);

/// Where they stand in the second argument of a record, above the type.
const FIRST: u32 = 32;
const SECOND: u32 = 40;

impl Orders {
    fn of(performer: &Performer<'_>) -> Self {
        Self(["order", "failure"].map(|name| performer.has(name).then(|| performer.int(name, 0))))
    }

    fn packed(&self) -> i64 {
        let [first, second] = self.0.map(|order| order.map_or(0, |n| n + 1));
        first << FIRST | second << SECOND
    }

    fn unpacked(kind: i64) -> Self {
        Self([FIRST, SECOND].map(|at| (kind >> at & 0xff).checked_sub(1).filter(|n| *n >= 0)))
    }

    fn order(&self) -> Order {
        self.0[0].and_then(|n| Order::ALL.get(n as usize)).map_or(Order::SeqCst, |(order, _)| *order)
    }

    fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.into_iter().flatten().filter_map(|n| Order::ALL.get(n as usize)).map(|(_, name)| *name)
    }
}

fn compare_exchange(
    performer: &mut Performer<'_>,
    access: &Access,
    args: [i64; 6],
    desired: i64,
) -> Result<(), Refusal> {
    let variable = performer.name("expected").to_owned();
    let expected = match performer.body.names.variables.get(&variable) {
        Some(Data::Int(n)) => narrowed(*n, access.ty),
        Some(Data::Bytes(_)) => return Err(Refusal::new(format!("${variable} is data, and a number is needed"))),
        None => {
            return Err(Refusal::new(format!("this actor has no ${variable}"))
                .help(format!("say what should be there: set ${variable} 0")));
        }
    };
    let bytes = expected.to_le_bytes();
    let making = super::perform::Making::new(args).data(&bytes);
    let seen = Cell::new(0);
    let done = performer.machine(making, || {
        seen.set(atomic::compare_exchange(access.address, access.width, expected, desired, access.signed()));
        i64::from(seen.get() == expected)
    });
    if done == 0 {
        performer.body.names.variables.insert(variable, Data::Int(seen.get()));
    }
    performer.deliver(Data::Int(done));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facility::show;

    #[test]
    fn reads_as_in_c() {
        let [n0, n1, n2] = show::pack("m");
        let record = |kind: i64, value: i64, ret: i64| Record {
            args: [3, kind, value, n0, n1, n2],
            ret,
            returned_ns: 1,
            ..Record::default()
        };
        let shown = |verb: &str, record: &Record| Atomic.show(verb, record).args;
        let orders = |first, second| Orders([first, second]).packed();
        assert_eq!(shown("atomic_load", &record(4 | orders(Some(2), None), 0, 7)), "m[3], memory_order_acquire");
        assert_eq!(shown("atomic_store", &record(4 | orders(Some(3), None), 1, 1)), "m[3], 1, memory_order_release");
        assert_eq!(shown("atomic_fetch_add", &record(1, -1, 9)), "m:u8[3], -1");
        assert_eq!(shown("atomic_exchange", &record(4 | orders(Some(0), None), 1, 0)), "m[3], 1, memory_order_relaxed");
        let mut compared = record(4 | orders(Some(5), Some(0)), 1, 0);
        compared.set_data(&(-4_i64).to_le_bytes());
        assert_eq!(
            shown("atomic_compare_exchange_strong", &compared),
            "m[3], [-4], 1, memory_order_seq_cst, memory_order_relaxed"
        );
    }

    #[test]
    fn orders_have_the_numbers_of_compilers() {
        for (name, number) in TO_DO_BOTH {
            assert_eq!(Order::ALL[*number as usize].1, *name);
        }
        assert_eq!(Orders([None, None]).order(), Order::SeqCst);
        assert_eq!(Orders::unpacked(Orders([Some(0), Some(5)]).packed()).0, [Some(0), Some(5)]);
    }
}
