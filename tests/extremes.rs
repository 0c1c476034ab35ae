//! What lies at the edge: limits, exhausted tables, actors that go while they run.

mod common;

use common::both;
use ipclab::model::ActorState;

#[test]
fn a_fork_needs_no_free_descriptor() {
    both(|play| {
        play.run("spawn a\na: pipe p\nrepeat 1100 a: dup p.r\nexpect a failed EMFILE from dup");
        play.run("a: fork b\nexpect a idle\nexpect b returned 0 from fork\nb: getpid");
        let open = |name: &str| play.snapshot().actor(name).unwrap().descriptors.len();
        assert_eq!((open("a"), open("b")), (997, 997));
    });
}

#[test]
fn no_number_leads_to_the_stages_own_descriptors() {
    both(|play| {
        play.run("spawn a");
        for call in ["close fd 1000", "close fd 4294968296", "dup2 fd 0 fd 1001", "read fd 8589935592 1"] {
            assert!(play.refused(&format!("a: {call}")).contains("not the learner's"), "{call}");
        }
        play.run("a: close fd 4294967299\nexpect a failed EBADF\na: getpid");
    });
}

#[test]
fn what_variables_and_names_take_is_limited_and_survives_a_new_program() {
    both(|play| {
        play.run("spawn a");
        assert!(play.refused("a: set $x 'x' * 200000").contains("VARIABLES_MAX"));
        play.run("a: set $x 'x' * 65536\na: execve self\nexpect a $x == 'x' * 65536\na: pipe p");
        assert!(play.refused("a: read p 70000 -> $y").contains("VARIABLES_MAX"));
        // What a thousand rounds make is told in one message.
        play.run(
            "repeat 5000 a: dup2 p.r fd 77 as k\nrepeat 2000 a\nopen f x O_RDWR|O_CREAT 0600\nclose f\nend\na: getpid",
        );
    });
}

#[test]
fn a_signal_to_one_that_runs_has_taken_effect_when_the_statement_ends() {
    both(|play| {
        play.run("spawn a");
        for _ in 0..10 {
            play.run("spawn b\nrepeat forever b: getpid");
            play.run("a: kill b SIGSTOP");
            assert!(matches!(play.snapshot().actor("b").unwrap().state, ActorState::Stopped { .. }));
            play.run("a: kill b SIGCONT\na: kill b SIGKILL");
            assert!(matches!(play.snapshot().actor("b").unwrap().state, ActorState::Dead(_)));
        }
    });
}

#[test]
fn a_repeat_of_nothing_can_be_cancelled_and_one_that_forks_is_refused() {
    both(|play| {
        play.run("spawn a\nrepeat forever a\nend\ncancel a\nexpect a idle");
        assert!(play.refused("repeat 3 a: fork b").contains("can't fork"));
        play.run("a: getpid");
    });
}

#[test]
fn too_few_descriptors_are_a_reason() {
    let script = std::env::temp_dir().join(format!("ipclab-few-{}", std::process::id()));
    std::fs::write(&script, "spawn a\n").unwrap();
    let command = format!("ulimit -n 200; exec {} run {}", env!("CARGO_BIN_EXE_ipclab"), script.display());
    let out = std::process::Command::new("sh").args(["-c", &command]).output().unwrap();
    std::fs::remove_file(&script).unwrap();
    let said = String::from_utf8(out.stdout).unwrap();
    assert!(said.contains("the limit of open files is 200") && said.contains("ulimit -n"), "{said}");
    assert_eq!(out.status.code(), Some(1));
}

#[test]
fn nobody_changes_the_stages_directory_or_is_root() {
    both(|play| {
        play.run("spawn a");
        for call in ["chmod . 0", "open d \"./\" O_RDONLY", "unlink \"./.\""] {
            assert!(play.refused(&format!("a: {call}")).contains("the stage's directory itself"), "{call}");
        }
        play.run("a: open f \".hidden\" O_RDWR|O_CREAT 0600\na: close f\nexpect f size 0");
        // Where root is the only user there is, actors are that one, without its rights.
        if play.stage().info().capabilities.iter().any(|word| word == "stranger") {
            assert!(play.refused("spawn root uid=0").contains("can't be root"));
        }
    });
}

/// Numbers that no int holds are as wrong as they are, and do not become others by losing their upper bits.
#[test]
fn a_number_that_is_too_large_is_not_cut() {
    both(|play| {
        play.run("spawn a\na: fork b\na: pipe p\na: epoll_create1 ep\na: msgget q IPC_CREAT\na: semget s 1 IPC_CREAT");
        play.run("a: posix_openpt t O_RDWR\na: shm_open board O_CREAT|O_RDWR\na: ftruncate board 4096");
        play.run("a: mmap board 4096 PROT_READ|PROT_WRITE MAP_SHARED as m\na: pthread_mutexattr_init m as attr");
        for (call, errno) in [
            ("kill b 4294967305", "EINVAL"),
            ("sigqueue b 4294967305 1", "EINVAL"),
            ("raise 4294967305", "EINVAL"),
            ("sched_setscheduler a SCHED_FIFO 4294967297", "EINVAL"),
            ("fcntl p.r F_SETPIPE_SZ 4294971392", "EPERM"),
            ("epoll_wait ep 9223372036854775807 timeout=0", "EINVAL"),
            ("epoll_wait ep -9223372036854775808 timeout=0", "EINVAL"),
            ("epoll_wait ep 2147483647 timeout=0", "EINVAL"),
            ("msgctl q IPC_SET uid=4294967296", "EINVAL"),
            ("semctl s 4294967296 GETVAL", "EINVAL"),
            ("semctl s 0 SETVAL 4294967299", "ERANGE"),
            ("pthread_mutexattr_setprioceiling attr 4294967306", "EINVAL"),
        ] {
            play.run(&format!("a: {call}\nexpect a failed {errno}"));
        }
        play.run("expect b idle\na: sched_getscheduler a -> $p\nexpect a policy SCHED_OTHER");
        assert!(play.refused("a: msgget r IPC_CREAT key=4294967297").contains("key"));
        assert!(play.refused("a: ioctl t.m TIOCSWINSZ ws_row=65536").contains("65535"));
        assert!(play.refused("a: tcsetattr t.m TCSANOW VMIN=256").contains("0 to 255"));
        assert!(play.refused("a: eventfd e 4294967296").contains("unsigned int"));
    });
}

/// Every number that a call takes, at its edges: a real answer or a refusal, and the stage goes on.
#[test]
fn no_number_is_too_much_for_the_stage() {
    let numbers = ["0", "-1", "4294967296", "9223372036854775807", "-9223372036854775808"];
    both(|play| {
        play.run("spawn a\na: pipe p\na: epoll_create1 ep\na: epoll_ctl ep EPOLL_CTL_ADD p.r EPOLLIN\na: eventfd e 1 EFD_NONBLOCK");
        play.run("a: timerfd_create t CLOCK_MONOTONIC TFD_NONBLOCK\na: mq_open q O_RDWR|O_CREAT|O_NONBLOCK 0600 maxmsg=2 msgsize=8");
        play.run("a: msgget v IPC_CREAT\na: posix_openpt pt O_RDWR|O_NOCTTY\na: socketpair s AF_UNIX SOCK_STREAM\na: open f x O_RDWR|O_CREAT");
        for n in numbers {
            for call in [
                format!("epoll_wait ep {n} timeout=0"),
                format!("epoll_ctl ep EPOLL_CTL_MOD p.r EPOLLIN data={n}"),
                format!("epoll_ctl fd {n} EPOLL_CTL_ADD p.r EPOLLIN"),
                format!("poll fd {n}:POLLIN timeout=0"),
                format!("select fd {n}:readfds timeout=0"),
                format!("eventfd_write e {n}"),
                format!("eventfd x {n}"),
                format!("mq_send q \"x\" {n}"),
                format!("mq_receive q {n}"),
                format!("mq_open r O_RDWR|O_CREAT 0600 maxmsg={n}"),
                format!("mq_open r O_RDWR|O_CREAT 0600 msgsize={n}"),
                format!("mq_notify q SIGEV_SIGNAL signo=SIGUSR1 value={n}"),
                format!("msgsnd v \"x\" IPC_NOWAIT type={n}"),
                format!("msgrcv v 10 IPC_NOWAIT type={n}"),
                format!("msgrcv v {n} IPC_NOWAIT"),
                format!("msgctl v IPC_SET qbytes={n}"),
                format!("ftok x {n}"),
                format!("ioctl pt.m TIOCSWINSZ ws_row={n}"),
                format!("ioctl pt.m TIOCPKT arg={n}"),
                format!("tcsetattr pt.m TCSANOW VTIME={n}"),
                format!("listen s.0 {n}"),
                format!("setsockopt s.0 SOL_SOCKET SO_SNDBUF {n}"),
                format!("recv s.0 {n} MSG_DONTWAIT"),
                format!("lseek f {n} SEEK_SET"),
                format!("pread f 1 {n}"),
                format!("ftruncate f {n}"),
                format!("fcntl f F_SETLK F_WRLCK {n}..0"),
            ] {
                // Some are no statements at all: a count is not negative.
                let line = format!("a: {call}");
                if ipclab::script::parse_line(&line, ipclab::facility::registry()).is_ok() {
                    play.line(&line);
                }
            }
        }
        play.run("a: getpid\nexpect a idle");
    });
}
