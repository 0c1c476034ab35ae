//! The normal form of a snapshot: what must be the same whenever the same statements run.

use super::{ActorState, CallState, Snapshot};

impl Snapshot {
    /// The same snapshot without what differs from run to run: pids, inodes and addresses are counted from 1 in
    /// order of appearance, times are 0.
    #[must_use]
    pub fn normal(&self) -> Self {
        let mut normal = self.clone();
        normal.at_ns = 0;
        for (index, actor) in normal.actors.iter_mut().enumerate() {
            actor.pid = index as i32 + 2;
            if let ActorState::Asleep(sleep) = &mut actor.state {
                sleep.since_ns = 0;
                sleep.deadline_ns = sleep.deadline_ns.map(|_| 0);
            }
            if let Some(last) = &mut actor.last {
                last.entered_ns = 0;
                if let CallState::Returned { at_ns, .. } = &mut last.state {
                    *at_ns = 0;
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
        }
        normal
    }
}
