//! Many descriptors, counters, timers and signals behind descriptors, notification: on real stages.

mod common;

use common::{Play, both};
use ipclab::model::{Evidence, Object, Value};

/// A part of an epoll instance's entry for an object.
#[track_caller]
fn entry(play: &Play, epoll: &str, on: &str, part: &str) -> String {
    let object = play.object(epoll);
    let list = object.value("interest").as_list();
    let found = list.iter().find(|e| e.part("on").and_then(Value::as_text) == Some(on));
    let found = found.unwrap_or_else(|| panic!("{epoll} does not watch {on}: {list:#?}"));
    match found.part(part) {
        Some(Value::Text(text)) => text.clone(),
        Some(Value::Int(n)) => n.to_string(),
        other => panic!("{part}: {other:?}"),
    }
}

fn waiters(object: &Object) -> Vec<(&str, &str, &str)> {
    object.waiters.iter().map(|w| (w.actor.as_ref(), w.verb.as_ref(), w.direction.as_ref())).collect()
}

fn sleeps_on(play: &Play, actor: &str) -> (String, i64) {
    let sleep = play.snapshot().actor(actor).and_then(|a| a.sleep()).unwrap_or_else(|| panic!("{actor} is awake"));
    (sleep.on().unwrap_or_default(), sleep.syscall)
}

#[test]
fn a_counter_adds_up_and_is_taken_whole() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: eventfd e 0
alice: fork bob
alice: eventfd_write e 3
alice: eventfd_write e 4
expect e count 7
bob: eventfd_read e -> $n
expect bob $n == 7
expect e count 0
bob: eventfd_read e
expect bob blocked in eventfd_read on e
",
        );
        assert_eq!(waiters(play.object("e")), [("bob", "eventfd_read", "read")]);
        play.run("alice: eventfd_write e 2\nexpect bob returned 0 from eventfd_read\nalice: eventfd_write e -2");
        assert_eq!(play.object("e").value("count").as_text(), Some("18446744073709551614"));
        play.run("bob: eventfd_write e 1\nexpect bob blocked in eventfd_write on e");
        assert_eq!(waiters(play.object("e")), [("bob", "eventfd_write", "write")]);
        play.run("alice: read e 8\nexpect bob idle\nexpect e count 1");
        play.run("alice: eventfd s 2 EFD_SEMAPHORE|EFD_NONBLOCK\nalice: eventfd_read s -> $x\nexpect alice $x == 1");
        play.run("expect s semaphore\nexpect not e semaphore\nalice: eventfd_read s\nalice: eventfd_read s");
        play.run("expect alice failed EAGAIN from eventfd_read\nalice: eventfd_write s -1\nexpect alice failed EINVAL");
        assert_eq!(play.object("e").evidence("count"), Evidence::Kernel);
    });
}

#[test]
fn what_shares_an_inode_is_told_apart() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: eventfd e 1
alice: eventfd f 2
alice: timerfd_create t CLOCK_MONOTONIC
alice: epoll_create1 ep
alice: fork bob
alice: dup e as g
",
        );
        assert_eq!(play.object("e").holders.len(), 3, "{:?}", play.object("e").holders);
        for name in ["f", "t", "ep"] {
            assert_eq!(play.object(name).holders.len(), 2, "{name}: {:?}", play.object(name).holders);
        }
        // The number is used again for another thing, in one of the two processes.
        play.run("alice: close f\nalice: eventfd h 9\nexpect h count 9\nexpect f count 2");
        assert_eq!(play.object("h").holders.len(), 1);
        assert_eq!(play.object("f").holders[0].actor, "bob");
        play.run("bob: dup2 f e\nexpect f count 2");
        assert_eq!(play.object("f").holders.len(), 2);
        assert_eq!(play.object("e").holders.len(), 2);
        // All at once, without a look in between.
        play.run(
            "program alice\n  close h\n  eventfd i 5\n  close i\n  timerfd_create j CLOCK_MONOTONIC\nend\ngo alice",
        );
        play.run("expect gone h\nexpect gone i");
        assert_eq!(play.object("j").facility(), "timerfd");
        play.run("bob: exit 0\nexpect gone f");
    });
}

#[test]
fn poll_sleeps_on_all_it_watches() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: pipe p
alice: pipe q
alice: fork bob
bob: close p.w
bob: close q.w
bob: poll p.r:POLLIN q.r:POLLIN -> $fd
expect bob blocked in poll on p
expect bob blocked in poll on q
",
        );
        assert_eq!(sleeps_on(play, "bob").0, "p, q");
        assert_eq!(waiters(play.object("q")), [("bob", "poll", "read")]);
        play.run("alice: write q \"x\"\nexpect bob returned 1 from poll\nexpect bob $fd == 5");
        assert_eq!(
            play.last("bob"),
            "poll([{fd=3, events=POLLIN}, {fd=5, events=POLLIN}], 2, -1) = 1 ([{fd=5, revents=POLLIN}])"
        );
        play.run("bob: poll p.r:POLLIN q.r:0 timeout=0s\nexpect bob returned 0 from poll");
        assert!(play.last("bob").ends_with("= 0 (Timeout)"), "{}", play.last("bob"));
        // All writers gone: it is told unasked, and is not POLLIN.
        play.run("alice: close p.w\nbob: poll p.r:POLLIN timeout=0s");
        assert!(play.last("bob").ends_with("revents=POLLHUP}])"), "{}", play.last("bob"));
        play.run("bob: poll fd 77:POLLIN timeout=0s");
        assert!(play.last("bob").ends_with("revents=POLLNVAL}])"), "{}", play.last("bob"));
        play.run("bob: ppoll q.r:POLLPRI timeout=60s sigmask=SIGUSR1\nexpect bob blocked in ppoll on q");
        let sleep = play.snapshot().actor("bob").unwrap().sleep().unwrap();
        assert!(sleep.deadline_ns.unwrap() > sleep.since_ns + 50_000_000_000);
    });
}

#[test]
fn select_sleeps_on_its_sets() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: pipe p
alice: pipe q
alice: fcntl q.w F_SETPIPE_SZ pagesize
alice: write q 'x' * pagesize
alice: fork bob
bob: select p.r:readfds q.w:writefds -> $fd
expect bob blocked in select on p
expect bob blocked in select on q
",
        );
        assert_eq!(waiters(play.object("p")), [("bob", "select", "read")]);
        assert_eq!(waiters(play.object("q")), [("bob", "select", "write")]);
        play.run("alice: read q pagesize\nexpect bob returned 1 from select");
        assert_eq!(play.last("bob"), "select(7, [3], [6], NULL, NULL) = 1 (out [6])");
        play.run("bob: pselect p.r:readfds|exceptfds timeout=60s sigmask=SIGUSR2\nexpect bob blocked in pselect on p");
        play.run("alice: write p \"x\"\nexpect bob returned 1 from pselect");
        play.run(
            "alice: open f \"n\" O_RDWR|O_CREAT\nalice: select f:readfds|writefds timeout=0s\nexpect alice returned 2",
        );
        play.run("alice: select fd 99:readfds timeout=0s\nexpect alice failed EBADF");
        assert!(play.refused("alice: select fd 2000:readfds").contains("not the learner's"));
    });
}

#[test]
fn who_waits_for_any_of_several_is_stuck_only_if_nobody_is_awake_for_one() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: pipe p
alice: pipe q
alice: fork bob
bob: close p.w
alice: close p.r
alice: close q.w
bob: poll p.r:POLLIN
expect not deadlock bob
alice: read q 1
expect deadlock alice bob
",
        );
    });
}

#[test]
fn an_edge_is_told_once_and_a_level_again() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: pipe p
alice: pipe q
alice: epoll_create1 ep
alice: epoll_ctl ep EPOLL_CTL_ADD p.r EPOLLIN|EPOLLET
alice: epoll_ctl ep EPOLL_CTL_ADD q.r EPOLLIN data=42
expect ep watches 2
expect ep ready 0
expect not ep tells
alice: write p 'x' * 100
expect ep ready 1
expect ep tells
",
        );
        assert_eq!(entry(play, "ep", "p", "told"), "yes");
        assert_eq!(entry(play, "ep", "p", "events"), "EPOLLIN|EPOLLET");
        assert_eq!((entry(play, "ep", "q", "ready"), entry(play, "ep", "q", "data")), ("0".into(), "42".into()));
        play.run("alice: epoll_wait ep -> $fd\nexpect alice returned 1\nexpect alice $fd == 3");
        assert_eq!(play.last("alice"), "epoll_wait(7, [{events=EPOLLIN, data=3}], 8, -1) = 1");
        // Half is read, half is there: ready, and told already.
        play.run("alice: read p 50\nexpect ep ready 0\nexpect not ep tells");
        assert_eq!((entry(play, "ep", "p", "ready"), entry(play, "ep", "p", "told")), ("EPOLLIN".into(), "no".into()));
        play.run("alice: epoll_wait ep timeout=0s\nexpect alice returned 0\nalice: write p \"y\"\nexpect ep ready 1");
        // Beside a level, what is left to be told of an edge can't be known.
        play.run("alice: write q \"z\"\nexpect ep tells");
        let ready = play.object("ep").field("ready").unwrap();
        assert_eq!(ready.evidence, Evidence::Hidden);
        assert!(ready.note.as_ref().unwrap().contains("beside something else"), "{ready:?}");
        assert_eq!((entry(play, "ep", "p", "told"), entry(play, "ep", "q", "told")), ("?".into(), "yes".into()));
        play.run("alice: epoll_wait ep\nexpect alice returned 2\nalice: epoll_wait ep\nexpect alice returned 1");
        play.run(
            "alice: epoll_ctl ep EPOLL_CTL_MOD q.r EPOLLIN|EPOLLONESHOT\nalice: epoll_wait ep\nexpect alice returned 1",
        );
        assert_eq!(
            (entry(play, "ep", "q", "events"), entry(play, "ep", "q", "told")),
            ("EPOLLONESHOT".into(), "no".into())
        );
        play.run("alice: epoll_wait ep timeout=0s\nexpect alice returned 0");
        play.run(
            "alice: epoll_ctl ep EPOLL_CTL_MOD q.r EPOLLIN\nexpect ep tells\nalice: epoll_ctl ep EPOLL_CTL_DEL q.r",
        );
        play.run("expect ep watches 1\nalice: epoll_ctl ep EPOLL_CTL_DEL q.r\nexpect alice failed ENOENT");
        play.run("alice: open f \"n\" O_RDWR|O_CREAT\nalice: epoll_ctl ep EPOLL_CTL_ADD f EPOLLIN\nexpect alice failed EPERM");
        play.run("alice: epoll_ctl ep EPOLL_CTL_ADD p.r EPOLLIN\nexpect alice failed EEXIST");
        play.run("alice: epoll_ctl ep EPOLL_CTL_ADD q.r\nexpect alice failed EFAULT");
        play.run("alice: epoll_wait ep 0\nexpect alice failed EINVAL");
    });
}

#[test]
fn a_dup_keeps_a_dead_number_alive() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: pipe p
alice: epoll_create1 ep
alice: epoll_ctl ep EPOLL_CTL_ADD p.r EPOLLIN
alice: dup p.r as other
alice: close p.r
alice: write p "x"
expect ep watches 1
expect ep ready 1
alice: epoll_wait ep -> $fd
expect alice returned 1
expect alice $fd == 3
alice: epoll_ctl ep EPOLL_CTL_DEL p.r
expect alice failed EBADF
"#,
        );
        // The number stands for something else now; what is watched is still the pipe.
        play.run("alice: eventfd e 0");
        assert_eq!((entry(play, "ep", "p", "fd"), entry(play, "ep", "p", "by")), ("3".into(), "alice 6".into()));
        // In flight it is still watched, and nobody holds it through whom it could be asked.
        play.run("alice: socketpair s AF_UNIX SOCK_STREAM\nalice: sendmsg s.0 \"x\" rights=other\nalice: close other");
        let ready = play.object("ep").field("ready").unwrap();
        assert!(ready.note.as_ref().unwrap().contains("nobody on stage holds it"), "{ready:?}");
        play.run("alice: recv s.1 1\nexpect ep watches 0");
    });
}

#[test]
fn epoll_wait_sleeps_and_one_of_several_is_woken() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: pipe p
alice: epoll_create1 ep
alice: epoll_ctl ep EPOLL_CTL_ADD p.r EPOLLIN|EPOLLEXCLUSIVE
alice: fork bob
alice: fork carol
bob: epoll_wait ep timeout=60s
carol: epoll_pwait ep sigmask=SIGUSR1
expect bob blocked in epoll_wait on ep
expect carol blocked in epoll_pwait on ep
expect ep waiters bob carol
",
        );
        play.run("alice: eventfd e 0\nalice: epoll_ctl ep EPOLL_CTL_ADD e EPOLLIN|EPOLLET\nexpect ep watches 2");
        assert_eq!(entry(play, "ep", "p", "events"), "EPOLLIN|EPOLLEXCLUSIVE");
        play.run("alice: eventfd_write e 1");
        let idle = |name: &str| play.snapshot().actor(name).unwrap().sleep().is_none();
        assert!(idle("bob") != idle("carol"), "one is woken, the other sleeps on");
    });
}

#[test]
fn waiting_for_an_epoll_instance_is_waiting_for_what_it_watches() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: pipe p
alice: pipe q
alice: fork bob
bob: close p.w
alice: close p.r
alice: close q.w
bob: epoll_create1 ep
bob: epoll_ctl ep EPOLL_CTL_ADD p.r EPOLLIN
bob: epoll_wait ep
expect bob blocked in epoll_wait on ep
expect not deadlock bob
alice: read q 1
expect deadlock alice bob
",
        );
    });
}

#[test]
fn an_epoll_instance_watches_another_and_a_timer() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: epoll_create1 inner
alice: timerfd_create t CLOCK_MONOTONIC
alice: epoll_ctl inner EPOLL_CTL_ADD t EPOLLIN
alice: epoll_create1 outer
alice: epoll_ctl outer EPOLL_CTL_ADD inner EPOLLIN
alice: epoll_wait outer timeout=0s
expect alice returned 0
alice: timerfd_settime t 1ms
alice: epoll_wait outer timeout=5s
expect alice returned 1
expect t ticks 1
expect outer ready 1
alice: epoll_ctl inner EPOLL_CTL_ADD outer EPOLLIN
expect alice failed ELOOP
",
        );
        assert_eq!(entry(play, "outer", "inner", "ready"), "EPOLLIN");
    });
}

#[test]
fn a_timer_counts_what_nobody_has_read() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: timerfd_create t CLOCK_MONOTONIC
expect not t armed
alice: timerfd_settime t 60s interval=2s
expect t armed
alice: timerfd_gettime t -> $left
expect alice $left > 50s
",
        );
        let t = play.object("t");
        assert!(t.int("remaining time").unwrap() > 50_000_000_000, "{:?}", t.fields);
        assert_eq!((t.value("interval").as_text(), t.value("clock").as_text()), (Some("2s"), Some("CLOCK_MONOTONIC")));
        play.run("alice: fork bob\nbob: read t 8\nexpect bob blocked in read on t");
        assert_eq!(waiters(play.object("t")), [("bob", "read", "read")]);
        play.run("alice: timerfd_settime t 1ms\nawait bob\nexpect bob got \"\\x01\\0\\0\\0\\0\\0\\0\\0\"");
        play.run("expect not t armed\nalice: timerfd_settime t 1ms TFD_TIMER_ABSTIME\nexpect t ticks 1");
    });
}

#[test]
fn signals_are_read_from_a_descriptor() {
    both(|play| {
        play.run(
            r"
spawn alice
spawn bob
bob: sigprocmask SIG_BLOCK SIGUSR1|SIGUSR2|SIGRTMIN+1
bob: signalfd s SIGUSR1|SIGRTMIN+1
expect bob blocks SIGUSR2
bob: read s 128
expect bob blocked in read on s
alice: kill bob SIGUSR2
expect bob blocked in read on s
expect bob pending SIGUSR2
alice: kill bob SIGUSR1
expect bob returned 128 from read
expect not bob pending SIGUSR1
alice: kill bob SIGUSR1
alice: kill bob SIGUSR1
alice: sigqueue bob SIGRTMIN+1 42
expect s unread 2
bob: read s 1024
expect bob returned 256
expect s unread 0
",
        );
        let taken = play.object("s").value("taken").as_text().unwrap().to_owned();
        assert_eq!(taken, "SIGUSR1 {si_code=SI_USER, from alice}");
        assert_eq!(play.object("s").evidence("taken"), Evidence::Reported);
        play.run("bob: signalfd s SIGUSR2 fd=s\nexpect s unread 1");
        assert_eq!(play.object("s").value("signals").as_text(), Some("SIGUSR2"));
        // A poll by the director would look at its own signals, so what an instance has to tell is not asked.
        play.run("bob: epoll_create1 ep\nbob: epoll_ctl ep EPOLL_CTL_ADD s EPOLLIN|EPOLLET\nexpect ep watches 1");
        assert_eq!(play.object("ep").evidence("tells"), Evidence::Hidden);
        assert_eq!(entry(play, "ep", "s", "ready"), "EPOLLIN");
        play.run("bob: epoll_wait ep timeout=0s\nexpect bob returned 1");
    });
}

#[test]
fn handlers_and_masks_show() {
    both(|play| {
        play.run(
            r"
spawn alice
spawn bob
bob: sigaction SIGUSR1 handler SA_RESTART|SA_SIGINFO
bob: sigaction SIGUSR2 SIG_IGN
bob: pipe p
expect bob catches SIGUSR1
expect bob ignores SIGUSR2
expect not alice catches SIGUSR1
bob: read p 1
alice: kill bob SIGUSR1
expect bob blocked in read on p
expect bob handled SIGUSR1 1
alice: kill bob SIGUSR2
alice: kill bob SIGUSR1
expect bob handled SIGUSR1 2
expect bob handled SIGUSR1
expect not bob handled SIGUSR2
",
        );
        let report = play.line("alice: kill bob SIGUSR1");
        let handler = report.calls.iter().find(|call| call.verb == "handler").expect("no handler ran");
        assert!(handler.args.starts_with("SIGUSR1, {si_code=SI_USER, si_pid="), "{}", handler.args);
        assert!(handler.args.contains("<alice>"), "{}", handler.args);
        assert_eq!(handler.actor, "bob");
        assert!(!handler.syscall);
        // poll never restarts, whatever the handler was told.
        play.run("spawn carol\ncarol: sigaction SIGUSR1 handler SA_RESTART\ncarol: pipe q\ncarol: poll q.r:POLLIN");
        play.run("alice: kill carol SIGUSR1\nexpect carol failed EINTR from poll\nexpect carol handled SIGUSR1 1");
        // Masks and handlers go with a fork, the count does not; an execve takes handlers and leaves masks.
        play.run("carol: sigprocmask SIG_BLOCK SIGUSR2\ncarol: fork dave\nexpect dave catches SIGUSR1\nexpect dave blocks SIGUSR2");
        play.run("alice: kill dave SIGUSR1\nexpect dave handled SIGUSR1 1\nexpect carol handled SIGUSR1 1");
        play.run("dave: sigaction SIGPIPE SIG_IGN\ndave: execve self\nexpect not dave catches SIGUSR1\nexpect dave blocks SIGUSR2\nexpect dave ignores SIGPIPE");
        play.run("dave: sigaction SIGUSR1 handler\nalice: kill dave SIGUSR1\nexpect dave handled SIGUSR1 2");
        play.run("alice: kill dave SIGUSR2\nexpect dave pending SIGUSR2\ndave: sigpending -> $n\nexpect dave $n == 1");
        play.run("dave: sigaction SIGUSR2 handler\ndave: sigsuspend 0\nexpect dave failed EINTR\nexpect dave handled SIGUSR2 1");
        assert!(play.refused("dave: sigaction SIGSEGV handler").contains("can't be handled here"));
        play.run("dave: sigaction SIGKILL handler\nexpect dave failed EINVAL");
    });
}

#[test]
fn signals_are_waited_for() {
    both(|play| {
        play.run(
            r"
spawn alice
spawn bob
bob: sigprocmask SIG_BLOCK SIGUSR1|SIGRTMIN+1
bob: sigtimedwait SIGUSR1 0s
expect bob failed EAGAIN
bob: sigwaitinfo SIGUSR1|SIGRTMIN+1 -> $value
expect bob blocked in sigwaitinfo
alice: sigqueue bob SIGRTMIN+1 42
expect bob $value == 42
alice: sigqueue bob SIGRTMIN+1 1
alice: sigqueue bob SIGRTMIN+1 2
bob: sigtimedwait SIGRTMIN+1 0s -> $value
expect bob $value == 1
bob: sigtimedwait SIGRTMIN+1 0s -> $value
expect bob $value == 2
bob: sigtimedwait SIGRTMIN+1 60s
expect bob blocked in sigtimedwait
alice: kill bob SIGRTMIN+1
expect bob idle
",
        );
        let last = play.last("bob");
        assert!(last.contains("[SIGRTMIN+1], {si_code=SI_USER, si_pid=") && last.contains("<alice>"), "{last}");
        play.run("bob: sigsuspend SIGUSR1\nexpect bob blocked in sigsuspend");
    });
}

#[test]
fn a_queue_tells_once_of_the_first_message() {
    both(|play| {
        play.run(
            r"
spawn alice
spawn bob
spawn carol
alice: mq_open q O_RDWR|O_CREAT 0666 maxmsg=4 msgsize=16
bob: mq_open q O_RDWR
carol: mq_open q O_RDWR
bob: sigaction SIGUSR1 handler SA_SIGINFO
bob: mq_notify q SIGEV_SIGNAL signo=SIGUSR1 value=7
expect q notifies bob
carol: mq_notify q SIGEV_SIGNAL signo=SIGUSR1
expect carol failed EBUSY
",
        );
        assert_eq!(play.object("q").value("notify").as_text(), Some("bob by SIGUSR1"));
        assert_eq!(play.object("q").evidence("notify"), Evidence::Kernel);
        let report = play.line("alice: mq_send q \"one\"");
        let told = report.calls.iter().find(|call| call.verb == "handler").expect("nobody was told");
        assert!(told.args.contains("si_code=SI_MESGQ") && told.args.contains("si_value=7"), "{}", told.args);
        play.run("expect bob handled SIGUSR1 1\nexpect not q notifies bob\nalice: mq_send q \"two\"");
        play.run("expect bob handled SIGUSR1 1");
        // Registering while something is in it stays silent until it has been empty.
        play.run(
            "bob: mq_notify q SIGEV_SIGNAL signo=SIGUSR1\nalice: mq_send q \"three\"\nexpect bob handled SIGUSR1 1",
        );
        play.run("expect q notifies bob\nrepeat 3 carol: mq_receive q\ncarol: mq_receive q\nexpect carol blocked in mq_receive");
        // A receiver that sleeps gets the message, and nobody is told.
        play.run("alice: mq_send q \"four\"\nexpect carol idle\nexpect bob handled SIGUSR1 1\nexpect q notifies bob");
        play.run(
            "bob: mq_notify q NULL\nexpect not q notifies bob\nalice: mq_send q \"five\"\nexpect bob handled SIGUSR1 1",
        );
        play.run("carol: mq_notify q SIGEV_NONE\nexpect q notifies carol\nbob: mq_notify q SIGEV_NONE\nexpect bob failed EBUSY");
        assert_eq!(play.object("q").value("notify").as_text(), Some("carol of nothing"));
        assert!(play.refused("bob: mq_notify q SIGEV_SIGNAL").contains("needs a signal"));
    });
}

#[test]
fn a_queue_tells_by_a_thread() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: mq_open q O_RDWR|O_CREAT 0600 maxmsg=4 msgsize=16
alice: fork bob
bob: mq_notify q SIGEV_THREAD value=9
expect bob returned 0 from mq_notify
expect q notifies bob
",
        );
        assert_eq!(play.object("q").value("notify").as_text(), Some("bob by a thread"));
        let report = play.line("alice: mq_send q \"x\"");
        let told: Vec<String> =
            report.calls.iter().filter(|c| c.actor == "bob").map(|c| format!("{}({})", c.verb, c.args)).collect();
        assert_eq!(told, ["sigev_notify_function(9)"]);
        play.run("expect not q notifies bob\nbob: mq_receive q\nexpect bob got \"x\"\nbob: mq_receive q");
        play.run("expect bob blocked in mq_receive on q\nalice: mq_send q \"y\"\nexpect bob got \"y\"");
    });
}

#[test]
fn input_is_told_by_a_signal() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: pipe p
alice: fork bob
bob: sigaction SIGRTMIN handler SA_SIGINFO
bob: fcntl p.r F_SETFL O_ASYNC|O_NONBLOCK
bob: fcntl p.r F_SETOWN bob
bob: fcntl p.r F_SETSIG SIGRTMIN
bob: fcntl p.r F_GETOWN
",
        );
        assert!(play.last("bob").ends_with("<bob>"), "{}", play.last("bob"));
        let flags = &play.snapshot().actor("bob").unwrap().descriptors[0].flags;
        assert_eq!(flags[..], ["O_NONBLOCK", "O_ASYNC", "owner bob", "SIGRTMIN"]);
        let report = play.line("alice: write p \"one\"");
        let told = report.calls.iter().find(|call| call.verb == "handler").expect("nobody was told");
        assert!(told.args.starts_with("SIGRTMIN, {si_code=POLL_IN, si_fd=3, si_band=POLLIN"), "{}", told.args);
        play.run("alice: write p \"two\"\nexpect bob handled SIGRTMIN 2\nalice: write p \"three\"\nexpect bob handled SIGRTMIN 3");
        play.run("bob: fcntl p.r F_SETSIG 0\nbob: sigaction SIGIO handler\nalice: write p \"four\"\nexpect bob handled SIGIO 1");
        assert!(play.refused("bob: fcntl p.r F_SETOWN 1").contains("needs the name of an actor"));
    });
}
