//! What a handle leads to, and how a mapping becomes one.

use crate::facility::look::{Handle, HandleKind};
use crate::kernel::proc;
use crate::model::ObjectKey;

pub(super) const fn role(flags: i32) -> &'static str {
    match flags & libc::O_ACCMODE {
        libc::O_RDONLY => "read",
        libc::O_WRONLY => "write",
        _ => "read+write",
    }
}

pub(super) fn same_file(a: &Handle, b: &Handle) -> bool {
    (a.dev, a.ino) == (b.dev, b.ino)
}

pub(super) fn covers(handle: &Handle, key: &ObjectKey) -> bool {
    match &handle.kind {
        HandleKind::Mapping { start, end, offset, .. } => {
            let inside = (*offset..offset + (end - start)).contains(&key.offset);
            let private = handle.pid as u64 == key.dev && (*start..*end).contains(&key.ino);
            (handle.dev, handle.ino) == (key.dev, key.ino) && inside || private
        }
        HandleKind::Descriptor { .. } => false,
    }
}

pub(super) fn mapping(pid: i32, map: &proc::MapEntry) -> Handle {
    Handle {
        pid,
        dev: map.dev,
        ino: map.ino,
        link: map.path.clone(),
        kind: HandleKind::Mapping { start: map.start, end: map.end, offset: map.offset, perms: map.perms().to_owned() },
    }
}

pub(super) fn is_device(handle: &Handle) -> bool {
    matches!(handle.kind, HandleKind::Descriptor { mode, .. } if mode & libc::S_IFMT == libc::S_IFCHR)
}
