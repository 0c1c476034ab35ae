//! The actor's side of what is no call: accesses to memory, and its own computations. And how often it enters the kernel.

use super::perform::{Making, Performer};
use crate::kernel::arena::Entered;
use crate::kernel::trap::{self, Vouched};

impl Performer<'_> {
    /// Records an access to memory, which is no call: `$ret` and `$errno` stay as they are. It may be the actor's last
    /// deed: the record of its entry tells what it tried. The kernel vouches that it makes no system call, where it can.
    pub fn machine(&mut self, making: Making<'_>, access: impl FnOnce() -> i64) -> i64 {
        let mut vouched = Vouched::Unavailable;
        let (record, _) = self.run(making, || {
            let value;
            (value, vouched) = trap::without_calls(access);
            Ok(value)
        });
        self.entered(0, Some(vouched));
        self.body.writer.finish(&record);
        record.ret
    }

    /// The same for an access that loads bytes, the head of which is recorded. `bytes` has room for all of them.
    pub fn machine_bytes(&mut self, making: Making<'_>, mut bytes: Vec<u8>, access: impl FnOnce(&mut [u8])) -> Vec<u8> {
        let mut vouched = Vouched::Unavailable;
        let (mut record, _) = self.run(making, || {
            ((), vouched) = trap::without_calls(|| access(&mut bytes));
            Ok(bytes.len() as i64)
        });
        self.entered(0, Some(vouched));
        record.set_data(&bytes);
        self.body.writer.finish(&record);
        bytes
    }

    /// Records a computation of the actor's own, which is no call: `$ret` and `$errno` stay as they are.
    pub fn computed(&mut self, making: Making<'_>, value: i64) {
        let (record, _) = self.run(making, || Ok(value));
        self.body.writer.finish(&record);
    }

    /// Counts system calls, and whether the kernel vouches for something that is none.
    pub(super) fn entered(&self, calls: u64, vouched: Option<Vouched>) {
        let sure = vouched == Some(Vouched::Yes);
        let counts = Entered { calls, vouched: sure.into(), unvouched: (vouched.is_some() && !sure).into() };
        self.body.writer.slot().count_entered(counts);
    }
}
