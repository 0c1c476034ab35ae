//! The kinds of locks of one file side by side, the tree of those who wait, and leases, on real stages.

#![expect(clippy::unwrap_used, reason = "a test that can not go on says where")]

mod common;

use common::{Play, both};
use ipclab::model::{Evidence, Value};

fn text(value: &Value, part: &str) -> String {
    value.part(part).and_then(Value::as_text).unwrap_or_default().to_owned()
}

/// Each lock: its kind, its owners, and who waits behind whom.
fn locks(play: &Play, file: &str) -> Vec<String> {
    let one = |lock: &Value| {
        let waits = lock.part("waits").unwrap().as_list().iter();
        let waits: Vec<String> = waits.map(|w| format!(" {}>{}", text(w, "actor"), text(w, "behind"))).collect();
        format!("{} {}:{}", text(lock, "kind"), text(lock, "owner"), waits.concat())
    };
    play.object(file).value("locks").as_list().iter().map(one).collect()
}

#[test]
fn three_kinds_stand_side_by_side() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: open f "notes" O_RDWR|O_CREAT 0644
alice: open g "notes" O_RDWR
alice: fcntl f F_SETLK F_WRLCK 0..100
alice: fcntl g F_OFD_SETLK F_RDLCK 200..300
alice: flock f LOCK_EX
alice: fork bob
"#,
        );
        assert_eq!(locks(play, "f"), ["posix alice:", "flock alice, bob:", "ofd alice, bob:"]);
        play.run(
            r#"
bob: fcntl f F_GETLK F_RDLCK 40..50 -> $who
expect bob $who == "F_WRLCK 0..100"
bob: fcntl f F_OFD_GETLK F_WRLCK 40..50 -> $who
expect bob $who == "F_WRLCK 0..100"
alice: fcntl f F_GETLK F_RDLCK 40..50 -> $who
expect alice $who == "F_UNLCK"
alice: fcntl f F_OFD_GETLK F_WRLCK 200..210 -> $who
expect alice $who == "F_RDLCK 200..300"
alice: fcntl f F_GETLK F_WRLCK 200..
"#,
        );
        assert!(play.last("alice").contains("l_start=200, l_len=100, l_pid=-1"), "{}", play.last("alice"));
        play.run(
            r#"
spawn carol
carol: open h "notes" O_RDWR
carol: flock h LOCK_SH
expect carol blocked in flock on f
alice: exit 0
expect carol blocked in flock on f
"#,
        );
        // The record lock went with its process. What hangs on the open file is held by who still has that open.
        assert_eq!(locks(play, "f"), ["flock bob: carol>", "ofd bob:"]);
        play.run("bob: close f\nexpect carol returned 0 from flock\nexpect f read-locked by carol");
    });
}

#[test]
fn those_who_wait_form_a_tree() {
    both(|play| {
        play.run(
            r#"
spawn a
a: open f "notes" O_RDWR|O_CREAT 0644
a: fcntl f F_SETLK F_WRLCK 0..100
a: fork b
a: fork c
a: fork d
a: fork e
b: fcntl f F_SETLKW F_WRLCK 50..60
c: fcntl f F_SETLKW F_WRLCK 55..70
d: fcntl f F_SETLKW F_RDLCK 58..80
e: fcntl f F_SETLKW F_RDLCK 90..
expect f waiters b c d e
"#,
        );
        assert_eq!(locks(play, "f"), ["posix a: b> c>b d>c e>"]);
        assert_eq!(play.object("f").evidence("locks"), Evidence::Kernel);
        play.run(
            r"
a: fcntl f F_SETLK F_UNLCK 0..
expect b returned 0 from fcntl
expect c blocked in fcntl on f
expect d blocked in fcntl on f
expect e returned 0 from fcntl
",
        );
        assert_eq!(locks(play, "f"), ["posix b: c> d>c", "posix e:"]);
    });
}

#[test]
fn a_lease_is_broken_by_whoever_opens() {
    both(|play| {
        play.run(
            r#"
spawn alice
spawn bob
alice: open f "notes" O_RDWR|O_CREAT 0644
alice: write f "data"
alice: sigaction SIGIO handler SA_SIGINFO
alice: fcntl f F_SETLEASE F_WRLCK
expect f leased by alice
expect f unlocked
expect not f breaking
alice: fcntl f F_GETLEASE -> $lease
expect alice $lease == "F_WRLCK"
alice: getpid
expect f leased
expect not f breaking
bob: open g "notes" O_RDONLY|O_NONBLOCK
expect bob failed EWOULDBLOCK
expect alice handled SIGIO 1
bob: open g "notes" O_RDWR
expect bob blocked in open on f
expect f waiters bob
expect f breaking
"#,
        );
        let lock = play.object("f").value("locks").as_list()[0].clone();
        assert_eq!((text(&lock, "kind"), text(&lock, "breaking")), ("lease".to_owned(), "give it up".to_owned()));
        assert_eq!(play.object("f").holding("lease"), ["alice"]);
        play.run(
            r#"
alice: pwrite f "DATA" 0
alice: fcntl f F_SETLEASE F_UNLCK
expect bob returned 3 from open
expect not f leased
expect f holds "DATA"
bob: fcntl g F_SETLEASE F_WRLCK
expect bob failed EAGAIN
bob: fcntl g F_SETLEASE F_RDLCK
expect bob failed EAGAIN
"#,
        );
        assert!(play.refused("alice: fcntl f F_SETLEASE").contains("a lease has a type"));
    });
}

/// Nobody but its owner is told of a lease that is broken, and the owner may not even run.
#[test]
fn a_look_does_not_break_a_lease_and_sees_that_it_is_broken() {
    both(|play| {
        play.run(
            r#"
spawn alice
spawn bob
alice: open f "notes" O_WRONLY|O_CREAT 0644
alice: sigprocmask SIG_BLOCK SIGIO
alice: fcntl f F_SETLEASE F_WRLCK
"#,
        );
        assert_eq!(play.object("f").evidence("holds"), Evidence::Hidden);
        let again = play.look_again();
        assert_eq!(again.object("f").unwrap().value("locks").as_list().len(), 1);
        play.run(
            r#"
expect not f breaking
expect f leased by alice
expect not alice pending SIGIO
bob: open g "notes" O_RDONLY
expect f breaking
expect alice pending SIGIO
expect bob blocked in open on f
alice: fork carol
alice: close f
expect bob blocked in open on f
carol: close f
expect bob returned 3
"#,
        );
    });
}

#[test]
fn a_reader_may_stay_where_only_a_writer_must_go() {
    both(|play| {
        play.run(
            r#"
spawn alice
spawn bob
alice: open w "notes" O_WRONLY|O_CREAT 0644
alice: close w
alice: open f "notes" O_RDONLY
alice: fcntl f F_SETSIG SIGRTMIN
alice: sigaction SIGRTMIN handler SA_SIGINFO
alice: fcntl f F_SETLEASE F_RDLCK
bob: open r "notes" O_RDONLY
expect bob returned 3
expect not w breaking
bob: open w "notes" O_WRONLY
expect bob blocked in open on w
expect alice handled SIGRTMIN 1
alice: exit 0
expect bob returned 4
"#,
        );
        // Without a handler the signal ends the process, and with it the lease.
        play.run(
            r#"
spawn dora
dora: open d "other" O_RDWR|O_CREAT 0644
dora: fcntl d F_SETLEASE F_WRLCK
bob: open o "other" O_RDONLY
expect dora killed by SIGIO
expect bob returned 5
"#,
        );
    });
}

#[test]
fn bad_requests_have_their_real_errors() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: open f "notes" O_RDONLY|O_CREAT 0644
alice: fcntl f F_SETLK F_WRLCK 0..10
expect alice failed EBADF
alice: fcntl f F_SETLK F_RDLCK -5..0
expect alice failed EINVAL
alice: fcntl f F_OFD_SETLK F_RDLCK 0..
alice: fcntl f F_SETLK F_UNLCK 0..10
expect alice returned 0
expect f read-locked by alice
alice: flock f LOCK_NB
expect alice failed EINVAL
alice: pipe p
alice: fcntl p.r F_SETLEASE F_RDLCK
expect alice failed EINVAL
alice: fcntl fd 77 F_SETLK F_RDLCK
expect alice failed EBADF
alice: fcntl fd 77 F_GETLEASE
expect alice failed EBADF
"#,
        );
    });
}
