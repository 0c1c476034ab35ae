//! What the kernel does not tell of pages is hidden, and no count of 0. The stage is opened in a mount namespace of the
//! thread that opens it, so this is a program of its own.

mod common;

use common::Play;
use ipclab::model::{Copies, Evidence};
use ipclab::stage::Outcome;

/// It is made to keep silent by another file in the place of a process' pagemap.
#[test]
fn what_nobody_tells_of_pages_is_hidden() {
    use nix::mount::{MsFlags, mount};
    use nix::sched::{CloneFlags, unshare};
    let own = unshare(CloneFlags::CLONE_NEWNS)
        .and_then(|()| mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>));
    if let Err(errno) = own {
        common::left_out(&format!("no mount namespace without privilege ({errno})"));
        return;
    }
    let mut play = Play::open(true);
    play.run(
        r#"
spawn alice
alice: open f "notes" O_RDWR|O_CREAT 0644
alice: write f "hello"
alice: mmap f pagesize PROT_READ|PROT_WRITE MAP_PRIVATE as mine
alice: store mine[0] 1
expect f parted by alice
"#,
    );
    let pid = play.snapshot().actor("alice").unwrap().pid;
    let place = format!("/proc/{pid}/pagemap");
    mount(Some("/dev/null"), place.as_str(), None::<&str>, MsFlags::MS_BIND, None::<&str>).unwrap();
    play.run("alice: getpid");
    let mapping = &play.snapshot().actor("alice").unwrap().mappings[0];
    assert!(matches!(&mapping.copies, Some(Copies::Hidden(why)) if why.contains("pagemap")), "{mapping:?}");
    let view = &play.object("f").value("views").as_list()[0];
    assert!(view.part("hidden").is_some() && view.part("copied").is_none(), "{view:?}");
    for claim in ["expect f parted by alice", "expect not f parted by alice", "expect not f parted"] {
        match play.line(claim).outcome {
            Outcome::Checked(verdict) => {
                assert!(!verdict.met && verdict.evidence == Evidence::Hidden, "{claim}: {verdict:?}");
            }
            other => panic!("{other:?}"),
        }
    }
}
