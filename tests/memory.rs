//! Mappings on real stages: one object and all who see it, private copies, memory without a name, counted calls.

mod common;

use common::both;
use ipclab::model::{Copies, Evidence, Value};

fn part<'a>(view: &'a Value, name: &str) -> Option<&'a str> {
    view.part(name).and_then(Value::as_text)
}

#[test]
fn a_private_mapping_parts_where_somebody_stores() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: open f "notes" O_RDWR|O_CREAT 0644
alice: ftruncate f (2 * pagesize)
alice: write f "hello world"
alice: mmap f (2 * pagesize) PROT_READ|PROT_WRITE MAP_SHARED as m
alice: mmap f (2 * pagesize) PROT_READ|PROT_WRITE MAP_PRIVATE as mine
alice: load $x mine[0..11]
expect not f parted
alice: fork bob
bob: store mine[6..11] "there"
expect f parted by bob
expect not f parted by alice
expect f[0..11] == "hello world"
alice: store m[0..5] "HELLO"
alice: load $x mine[0..11]
expect alice $x == "HELLO world"
bob: load $x mine[0..11]
expect bob $x == "hello there"
bob: load $x m[0..11]
expect bob $x == "HELLO world"
alice: store m[pagesize / 4] 7
bob: load $x mine[pagesize / 4]
expect bob $x == 7
"#,
        );
        let f = play.object("f");
        let views = f.value("views").as_list().to_vec();
        let told: Vec<_> = views
            .iter()
            .map(|v| (part(v, "actor").unwrap(), part(v, "kind").unwrap(), part(v, "differs").unwrap_or("-")))
            .collect();
        assert_eq!(
            told,
            [
                ("alice", "shared", "-"),
                ("alice", "private", "-"),
                ("bob", "shared", "-"),
                ("bob", "private", "0..5, 6..11"),
            ]
        );
        let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).unwrap().unwrap();
        assert_eq!(part(&views[3], "copied"), Some(format!("0..{page}").as_str()), "the second page is the file's");
        assert_eq!(views[3].part("sees").unwrap().as_bytes().unwrap().0[..11], *b"hello there");
        assert_eq!(f.evidence("views"), Evidence::Kernel);
        play.run("bob: munmap mine\nexpect not f parted");
    });
}

#[test]
fn a_fork_shares_private_pages_until_one_stores() {
    both(|play| {
        play.run(
            r"
spawn parent
parent: mmap pagesize PROT_READ|PROT_WRITE MAP_SHARED|MAP_ANONYMOUS as shared
parent: mmap pagesize PROT_READ|PROT_WRITE MAP_PRIVATE|MAP_ANONYMOUS as own
parent: store own[0] 1
",
        );
        let pages = |play: &common::Play, actor: &str| {
            let actor = play.snapshot().actor(actor).unwrap();
            let own = actor.mappings.iter().find(|m| m.names == ["own"]).unwrap();
            match own.copies {
                Some(Copies::Counted { own, inherited, of_first: None }) => (own, inherited),
                ref other => panic!("{other:?}"),
            }
        };
        assert_eq!(pages(play, "parent"), (1, 0));
        play.run("parent: mmap pagesize PROT_READ MAP_PRIVATE|MAP_ANONYMOUS as never\nparent: load $x never[0]\nparent: getpid");
        let never = play.snapshot().actor("parent").unwrap().mappings[2].copies.clone();
        assert_eq!(never, Some(Copies::Counted { own: 0, inherited: 0, of_first: None }), "nobody has stored there");
        play.run("parent: fork child");
        assert_eq!((pages(play, "parent"), pages(play, "child")), ((0, 1), (0, 1)));
        play.run(
            r"
child: store shared[0] 7
child: store own[0] 7
parent: load $a shared[0]
parent: load $b own[0]
expect parent $a == 7
expect parent $b == 1
expect child own[0] == 7
expect parent own[0] == 1
",
        );
        assert_eq!((pages(play, "parent"), pages(play, "child")), ((1, 0), (1, 0)));
        assert_eq!(play.object("shared").value("views").as_list().len(), 2);
    });
}

/// One mapping that was made once is one object, in whichever processes forks have left it, and what is
/// made later is another.
#[test]
fn private_memory_is_one_object_with_all_its_views() {
    both(|play| {
        play.run(
            r"
spawn parent
parent: mmap (2 * pagesize) PROT_READ|PROT_WRITE MAP_PRIVATE|MAP_ANONYMOUS as own
parent: store own[0] 1
parent: store own[pagesize / 4] 5
expect own mapped 1
expect not own parted
parent: fork child
child: fork grandchild
expect own mapped 3
expect not own parted
child: store own[1] 7
expect own parted by child
expect not own parted by parent
",
        );
        let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).unwrap().unwrap();
        let object = play.object("own").clone();
        let views = object.value("views").as_list();
        let told: [Vec<Option<&str>>; 4] =
            ["actor", "own", "shared", "differs"].map(|name| views.iter().map(|v| part(v, name)).collect());
        let (first, both, second) = (format!("0..{page}"), format!("0..{}", 2 * page), format!("{page}..{}", 2 * page));
        let expected: [Vec<Option<&str>>; 4] = [
            vec![Some("parent"), Some("child"), Some("grandchild")],
            vec![None, Some(&first), None],
            vec![Some(&both), Some(&second), Some(&both)],
            vec![Some("4..5"); 3],
        ];
        assert_eq!(told, expected);
        let sees = |at: usize| views[at].part("sees").unwrap().as_bytes().unwrap().0[0];
        assert_eq!((sees(0), sees(1), sees(2)), (0, 7, 0));
        assert_eq!((object.evidence("views"), object.evidence("descent")), (Evidence::Kernel, Evidence::Reported));
        let descent = object.value("descent").as_text().unwrap();
        assert!(descent.ends_with("grandchild has it by a fork of child"), "{descent}");
        // The pages that two still share are one's own when the other has gone.
        play.run("grandchild: exit 0\nparent: munmap own\nexpect own mapped 1\nexpect not own parted");
        let view = &play.object("own").value("views").as_list()[0];
        assert_eq!((part(view, "own"), part(view, "shared")), (Some(both.as_str()), None));
        assert!(play.object("own").value("descent").as_text().unwrap().ends_with("parent has it no more"));
        play.run(
            "parent: mmap pagesize PROT_READ|PROT_WRITE MAP_PRIVATE|MAP_ANONYMOUS as other\nparent: store other[0] 2",
        );
        assert_eq!((play.int("own", "mapped"), play.int("other", "mapped")), (1, 1));
        play.run("child: mprotect own pagesize PROT_NONE\nexpect own mapped 2\nchild: execve self");
        assert!(play.snapshot().object("own").is_none(), "a new program has none of it");
        assert_eq!(play.snapshot().normal(), play.look_again().normal());
    });
}

#[test]
fn memory_without_a_name_can_be_sealed() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: memfd_create board MFD_ALLOW_SEALING
alice: ftruncate board pagesize
expect board seals "none"
alice: mmap board pagesize PROT_READ|PROT_WRITE MAP_SHARED as m
alice: fork bob
bob: store m[0] 7
expect board[0] == 7
alice: fcntl board F_ADD_SEALS F_SEAL_WRITE
expect alice failed EBUSY
alice: fcntl board F_ADD_SEALS F_SEAL_SHRINK|F_SEAL_GROW
expect board seals "F_SEAL_SHRINK|F_SEAL_GROW"
alice: ftruncate board 0
expect alice failed EPERM
alice: munmap m
bob: munmap m
bob: fcntl board F_ADD_SEALS F_SEAL_WRITE|F_SEAL_SEAL
alice: write board "x"
expect alice failed EPERM
alice: fcntl board F_ADD_SEALS F_SEAL_GROW
expect alice failed EPERM
alice: mmap board pagesize PROT_READ MAP_PRIVATE as n
alice: load $x n[0]
expect alice $x == 7
alice: memfd_create plain
alice: fcntl plain F_ADD_SEALS F_SEAL_GROW
expect alice failed EPERM
"#,
        );
        assert_eq!(play.object("board").value("kind").as_text(), Some("memfd"));
        play.run("alice: fcntl board F_GET_SEALS -> $seals\nexpect alice $seals == 15");
        assert!(
            play.last("alice").ends_with("= 0xf (F_SEAL_SEAL|F_SEAL_SHRINK|F_SEAL_GROW|F_SEAL_WRITE)"),
            "{}",
            play.last("alice")
        );
        play.run("alice: memfd_create again\nalice: fcntl again F_GETFD");
        assert!(play.snapshot().object("again").unwrap().identifier.starts_with("/memfd:again"));
    });
}

#[test]
fn beyond_the_end_and_beyond_the_mapping() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: open f "notes" O_RDWR|O_CREAT 0644
alice: write f "hello"
alice: mmap f (2 * pagesize) PROT_READ|PROT_WRITE MAP_SHARED as m
alice: store m[5..10] " tail"
expect f size 5
alice: fork beyond
beyond: load $x m:u8[pagesize]
expect beyond killed by SIGBUS
alice: fork outside
outside: load $x m:u8[2 * pagesize]
expect outside killed by SIGSEGV
alice: ftruncate f (2 * pagesize)
alice: load $x m:u8[pagesize]
expect alice $x == 0
alice: mprotect m pagesize PROT_NONE
alice: load $x m:u8[pagesize]
alice: fork barred
barred: load $x m:u8[0]
expect barred killed by SIGSEGV
alice: munmap m
alice: msync m pagesize MS_SYNC
expect alice failed ENOMEM
alice: mprotect m pagesize PROT_READ
expect alice failed ENOMEM
alice: mmap f pagesize PROT_READ MAP_SHARED offset=1 as n
expect alice failed EINVAL
alice: mmap f 0 PROT_READ MAP_SHARED as n
expect alice failed EINVAL
alice: getpid
"#,
        );
    });
}

/// Who exchanges values by memory alone makes no system call: the kernel was set to stop any.
#[test]
fn no_system_call_is_needed_to_exchange_data() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: mmap pagesize PROT_READ|PROT_WRITE MAP_SHARED|MAP_ANONYMOUS as m
alice: fork bob
program alice
  store m[0] 7
  load $y m[1]
end
program bob
  load $x m[0]
  store m[1] $x
end
mark
go alice bob times=2000
expect syscalls 0 since mark
alice: store m[0] 9
bob: load $x m[0]
expect bob $x == 9
expect syscalls 0 since mark
alice: load $slice m[0..64]
alice: atomic_fetch_add m[0] 1
bob: execve self
",
        );
        let verdict = |play: &mut common::Play, claim: &str| match play.line(claim).outcome {
            ipclab::stage::Outcome::Checked(verdict) => verdict,
            other => panic!("{other:?}"),
        };
        play.run("mark\nalice: store m[0] 1\nalice: fork carol\ncarol: load $x m[0]\ncarol: store m:u8[3] 1");
        let seen = verdict(play, "expect syscalls 1 since mark");
        assert!(seen.met && seen.evidence == Evidence::Reported, "{seen:?}");
        play.run("mark\nalice: store m[0] 1\nalice: fork dora\nmark\ndora: store m[0] 5\nalice: load $x m[0]");
        let seen = verdict(play, "expect syscalls 0 since mark");
        assert!(seen.met, "{seen:?}");
        if seen.evidence == Evidence::Kernel {
            assert!(seen.seen.ends_with("to stop any in 2 accesses to memory"), "{seen:?}");
        }
        // Nothing was done that the kernel could vouch for.
        play.run("mark");
        assert_eq!(verdict(play, "expect syscalls 0 since mark").evidence, Evidence::Reported);
        // A learner's handler may come between, and SIGSYS may have another use: then only the actor's word is left.
        play.run("alice: sigaction SIGSYS SIG_IGN\nmark\nalice: store m[0] 1");
        let seen = verdict(play, "expect syscalls 0 since mark");
        assert!(seen.met && seen.evidence == Evidence::Reported, "{seen:?}");
        play.run("alice: kill dora SIGSYS\nexpect dora killed by SIGSYS");
        // A call that sleeps has been made.
        play.run("carol: pipe p\nmark\ncarol: read p 1\nexpect syscalls 1 since mark");
    });
}

/// A death by an access is explained: what the address led to.
#[test]
fn the_last_access_says_why_it_was_the_last() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: open f "notes" O_RDWR|O_CREAT 0644
alice: write f "hello"
alice: mmap f (2 * pagesize) PROT_READ|PROT_WRITE MAP_SHARED as m
alice: mmap f pagesize PROT_READ MAP_SHARED as r
"#,
        );
        let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).unwrap().unwrap();
        let mut last = |child: &str, lines: &str| {
            play.run(&format!("alice: fork {child}"));
            let mut said = None;
            for line in lines.lines() {
                let report = play.line(&format!("{child}: {line}"));
                said = report.calls.iter().rev().find_map(|call| call.meaning.clone());
            }
            said.unwrap_or_else(|| panic!("{lines}"))
        };
        assert_eq!(
            last("past", "load $x m:u8[pagesize + 4]"),
            format!("m+{} is mapped, and lies on a page beyond the end of f", page + 4)
        );
        assert_eq!(
            last("outside", "store m[pagesize] 1"),
            format!("nothing is mapped at m+{}: m has {} bytes", 4 * page, 2 * page)
        );
        assert_eq!(last("barred", "store r[1] 1"), "the mapping at r+4 may be loaded from and not stored to");
        assert_eq!(last("late", "munmap r\nload $x r[0..3]"), "nothing is mapped at r+0 any more");
        // A slice that begins well, and what lies before it.
        assert_eq!(
            last("long", "load $x r[0..pagesize + 1]"),
            format!("nothing is mapped at r+{page}: r has {page} bytes")
        );
        assert_eq!(last("below", "load $x m[-1]"), format!("nothing is mapped at m-4: m has {} bytes", 2 * page));
        // A library call goes to its address as a load does.
        assert_eq!(
            last("called", "pthread_mutex_lock r+(2 * pagesize)"),
            format!("nothing is mapped at r+{}: r has {page} bytes", 2 * page)
        );
        if cfg!(target_arch = "x86_64") {
            // Elsewhere a division by 0 is no fault.
            let why = last("divided", "pthread_barrier_wait m+64");
            assert!(why.starts_with("glibc divides by the number that must come, which is 0"), "{why}");
        }
        assert_eq!(last("wrote", "sem_post r+16"), "the library stores at r+16, and the mapping there is r--");
        assert_eq!(last("added", "atomic_fetch_add r[2] 1"), "the mapping at r+8 may be loaded from and not stored to");
    });
}
