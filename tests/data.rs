//! Processes, descriptors, pipes, FIFOs and message queues on real stages.

mod common;

use common::both;
use ipclab::model::{Evidence, Value};

#[test]
fn a_pipe_moves_bytes_and_shows_them() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: pipe p
alice: fork bob
bob: read p 100 -> $buf
expect bob blocked in read on p
alice: write p "hello\n"
expect bob returned 6 from read
expect bob got "hello\n"
alice: write p "abc"
alice: write p "de"
expect p holds "abcde"
expect not p holds "abc"
expect p bytes 5
expect p readers 2
expect p writers 2
"#,
        );
        assert_eq!(play.last("bob"), "read(3, \"hello\\n\", 100) = 6");
        let p = play.object("p");
        assert_eq!(p.value("slot bytes"), &Value::List(vec![Value::Int(5)]), "small writes merge in one page");
        assert_eq!(p.evidence("holds"), Evidence::Kernel);
        assert_eq!((p.identifier.as_str(), p.holding("write")), ("none", vec!["alice", "bob"]));
        assert_eq!(p.value("packet").as_text(), Some("no"));
    });
}

#[test]
fn end_of_file_is_a_count_of_writers() {
    both(|play| {
        play.run(
            r"
spawn parent
parent: pipe p
parent: fork child
parent: close p.w
child: read p 1
expect child blocked in read on p
expect p writers 1
expect not p eof
",
        );
        // A blocked reader holds the only write end: nobody else can ever end its wait.
        play.run("parent: kill child SIGKILL\nparent: waitpid child\nexpect p writers 0\nexpect p eof");
        play.run("parent: read p 1\nexpect parent returned 0 from read");
        assert_eq!(play.int("p", "readers"), 1);
    });
}

#[test]
fn a_pipe_without_readers_kills_its_writer() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: pipe p
alice: fork bob
alice: close p.r
bob: close p.r
bob: write p "x"
expect bob killed by SIGPIPE
alice: waitpid bob
"#,
        );
        assert!(play.last("alice").contains("WTERMSIG == SIGPIPE"), "{}", play.last("alice"));
    });
}

#[test]
fn capacity_is_pages() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: pipe2 p O_NONBLOCK|O_CLOEXEC
alice: read p 10
expect alice failed EAGAIN from read
alice: fcntl p.w F_GETPIPE_SZ -> $size
alice: fcntl p.w F_SETPIPE_SZ 4 * pagesize
repeat 4 alice: write p 'x' * (pagesize - 1)
expect alice returned pagesize - 1
alice: write p "y"
expect alice returned 1
alice: write p "z"
"#,
        );
        // The last page had one byte of room, and `y` took it: the three others are lost to single bytes.
        let page = play.int("p", "capacity") / 4;
        assert_eq!(play.int("p", "slots"), 4);
        assert_eq!(play.int("p", "slots used"), 4);
        assert_eq!(play.int("p", "bytes"), 4 * page - 3);
        play.run("expect alice failed EAGAIN from write");
        play.run("alice: fcntl p.w F_SETPIPE_SZ pagesize\nexpect alice failed EBUSY from fcntl");
        play.run("alice: fcntl p.w F_SETPIPE_SZ 10737418240\nexpect alice failed EPERM from fcntl");
        play.run("alice: fcntl p.w F_GETFL\nalice: fcntl p.w F_GETFD");
        assert_eq!(play.last("alice"), "fcntl(4, F_GETFD) = 0x1 (FD_CLOEXEC)");
    });
}

#[test]
fn a_larger_pipe_is_read_whole() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: pipe p
alice: fcntl p.w F_SETPIPE_SZ 1048576
alice: write p 'x' * 1000000
expect alice returned 1000000
expect p bytes 1000000
",
        );
        let p = play.object("p");
        let (head, total) = p.value("holds").as_bytes().unwrap();
        assert_eq!((head.len(), total), (65536, 1_000_000));
        let slots: i64 = p.value("slot bytes").as_list().iter().filter_map(Value::as_int).sum();
        assert_eq!(slots, 1_000_000);
        play.run("alice: read p 1000000\nexpect alice returned 1000000\nexpect p bytes 0");
    });
}

#[test]
fn packets_stay_apart() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: pipe2 p O_DIRECT
alice: write p "one"
alice: write p "two!"
"#,
        );
        let p = play.object("p");
        assert_eq!(p.value("packet").as_text(), Some("yes"));
        assert_eq!(p.value("slot bytes"), &Value::List(vec![Value::Int(3), Value::Int(4)]));
        play.run("alice: read p 100\nexpect alice got \"one\"\nexpect p holds \"two!\"");
    });
}

#[test]
fn where_only_write_ends_are_open_contents_are_hidden() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: pipe p
alice: write p "secret"
alice: close p.r
expect p bytes 6
expect p readers 0
"#,
        );
        assert_eq!(play.object("p").evidence("holds"), Evidence::Hidden);
        assert!(play.object("p").field("holds").unwrap().note.as_ref().unwrap().contains("read end"));
    });
}

#[test]
fn a_writer_sleeps_while_the_pipe_is_full() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: pipe p
alice: fork bob
alice: fcntl p.w F_SETPIPE_SZ pagesize
alice: write p 'x' * (pagesize + 10)
expect alice blocked in write on p
bob: read p pagesize
expect alice returned pagesize + 10 from write
expect p bytes 10
",
        );
    });
}

#[test]
fn a_fifo_is_a_rendezvous_and_then_a_pipe() {
    both(|play| {
        play.run(
            r#"
spawn alice
spawn bob
alice: mkfifo "box" 0600
alice: open w "box" O_WRONLY|O_NONBLOCK
expect alice failed ENXIO from open
bob: open r "box" O_RDONLY
expect bob blocked in open on box
"#,
        );
        let fifo = play.object("box");
        assert_eq!((fifo.facility(), fifo.identifier.as_str()), ("fifo", "box"));
        assert_eq!(fifo.waiters.iter().map(|w| w.direction.as_ref()).collect::<Vec<_>>(), ["open"]);
        assert_eq!(fifo.value("mode").as_text(), Some("0600"));
        play.run(
            r#"
alice: open w box O_WRONLY
expect bob idle
alice: write w "hi"
expect box holds "hi"
expect box readers 1
expect box writers 1
bob: read r 10
expect bob got "hi"
alice: write w "lost"
alice: close w
bob: close r
expect box bytes 0
alice: unlink box
expect gone box
"#,
        );
    });
}

#[test]
fn a_fifo_opened_again_gives_data_again() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: mkfifo "box" 0600
alice: open r "box" O_RDONLY|O_NONBLOCK
alice: read r 1
expect alice returned 0 from read
alice: open w "box" O_WRONLY
alice: write w "back"
alice: read r 10
expect alice got "back"
alice: mkfifo "box" 0600
expect alice failed EEXIST from mkfifo
"#,
        );
    });
}

#[test]
fn a_queue_goes_by_priority() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: mq_open q O_RDWR|O_CREAT|O_EXCL 0600 maxmsg=4 msgsize=16
alice: fork bob
alice: mq_send q "low"
alice: mq_send q "first" 5
alice: mq_send q "second" 5
expect q messages 3
expect q maxmsg 4
expect q bytes 14
expect q next "first"
expect q holds "low"
bob: mq_receive q -> $buf
expect bob got "first"
expect q next "second"
"#,
        );
        assert_eq!(play.last("bob"), "mq_receive(3, \"first\", 16, [5]) = 5");
        let q = play.object("q");
        let queue = q.field("queue").unwrap();
        assert_eq!((queue.evidence, queue.note.as_deref()), (Evidence::Mirror, None));
        let from: Vec<_> = queue.value.as_list().iter().filter_map(|m| m.part("from")?.as_text()).collect();
        assert_eq!(from, ["alice", "alice"]);
        assert_eq!(q.identifier, "/q");
        play.run(
            r#"
bob: mq_receive q 15
expect bob failed EMSGSIZE from mq_receive
alice: mq_send q "more than sixteen bytes"
expect alice failed EMSGSIZE from mq_send
alice: mq_send q "x" 32768
expect alice failed EINVAL from mq_send
alice: mq_open other O_RDWR|O_CREAT|O_EXCL 0600 maxmsg=1 msgsize=1
alice: mq_open q O_RDWR|O_CREAT|O_EXCL 0600
expect alice failed EEXIST from mq_open
"#,
        );
    });
}

#[test]
fn a_queue_blocks_and_gives_up_in_time() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: mq_open q O_RDWR|O_CREAT 0600 maxmsg=1 msgsize=16
alice: fork bob
bob: mq_receive q
expect bob blocked in mq_receive on q
alice: mq_send q "wake" 3
expect bob got "wake"
expect q messages 0
alice: mq_send q "full"
alice: mq_send q "waits" 9
expect alice blocked in mq_send on q
bob: mq_receive q
expect bob got "full"
expect q next "waits"
alice: mq_timedsend q "late" 0 50ms
await alice
expect alice failed ETIMEDOUT from mq_timedsend
alice: mq_setattr q O_NONBLOCK
alice: mq_send q "no"
expect alice failed EAGAIN from mq_send
bob: mq_receive q
bob: mq_receive q
expect bob failed EAGAIN from mq_receive
alice: mq_setattr q 0
bob: mq_timedreceive q 20ms
await bob
expect bob failed ETIMEDOUT from mq_timedreceive
alice: mq_getattr q -> $n
expect alice $n == 0
"#,
        );
        assert_eq!(play.object("q").field("queue").unwrap().note, None);
    });
}

#[test]
fn a_queue_outlives_its_processes_and_its_name() {
    both(|play| {
        play.run(
            r#"
spawn alice
spawn bob
alice: mq_open q O_WRONLY|O_CREAT 0600 maxmsg=2 msgsize=8
alice: mq_send q "kept" 1
alice: mq_close q
expect q messages 1
bob: mq_open q O_RDONLY
bob: mq_unlink q
bob: mq_receive q
expect bob got "kept"
bob: mq_close q
expect gone q
bob: mq_open q O_RDONLY
expect bob failed ENOENT from mq_open
"#,
        );
    });
}

#[test]
fn too_many_queues_are_the_kernels_to_refuse() {
    both(|play| {
        play.run("spawn alice");
        let mut last = String::new();
        for n in 0..200 {
            play.run(&format!("alice: mq_open q{n} O_RDWR|O_CREAT 0600 maxmsg=10 msgsize=8192"));
            last = play.last("alice");
            if last.contains("-1") {
                break;
            }
        }
        assert!(last.contains("EMFILE") || last.contains("ENOSPC"), "{last}");
    });
}

#[test]
fn children_are_waited_for() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: waitpid
expect alice failed ECHILD from waitpid
alice: fork bob
alice: waitpid bob WNOHANG
expect alice returned 0 from waitpid
alice: waitpid any
expect alice blocked in waitpid
bob: exit 7
expect alice idle
expect bob exited 7
",
        );
        assert!(play.last("alice").contains("[{WIFEXITED && WEXITSTATUS == 7}], 0) = "), "{}", play.last("alice"));
    });
}

#[test]
fn signals_reach_sleepers() {
    both(|play| {
        play.run(
            r"
spawn alice
spawn bob
bob: pause
expect bob blocked in pause
alice: kill bob 0
expect alice returned 0 from kill
alice: kill bob SIGSTOP
expect bob stopped
alice: kill bob SIGCONT
expect bob blocked in pause
alice: kill bob SIGUSR1
expect bob killed by SIGUSR1
",
        );
    });
}

#[test]
fn sleeping_takes_its_time() {
    both(|play| {
        play.run("spawn alice\nalice: nanosleep 5s\nexpect alice blocked in nanosleep");
        let sleep = play.snapshot().actor("alice").unwrap().sleep().unwrap();
        assert_eq!((sleep.direction.as_ref(), sleep.args.as_str()), ("time", "5s"));
        let deadline = sleep.deadline_ns.unwrap();
        assert!((deadline - sleep.since_ns).abs_diff(5_000_000_000) < 1_000_000_000);
        play.run("spawn bob\nbob: nanosleep 20ms\nawait bob\nexpect bob returned 0 from nanosleep");
    });
}

#[test]
fn variables_are_copied_by_fork() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: set $x 40
alice: add $x 2
alice: set $text "a" + "b" * 3
alice: fork bob
alice: add $x 1
expect alice $x == 43
expect bob $x == 42
bob: pipe p
bob: write p $text
expect p holds "abbb"
bob: getppid -> $parent
"#,
        );
        assert_eq!(play.refused("alice: add $text 1"), "$text holds data, and a number is needed");
        assert_eq!(play.refused("alice: add $y 1"), "$y was never set");
    });
}

#[test]
fn files_share_an_offset_across_fork_and_dup() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: open f "notes" O_RDWR|O_CREAT 0644
alice: write f "hello world"
alice: lseek f 0 SEEK_SET
alice: fork bob
bob: read f 5
expect bob got "hello"
alice: read f 100
expect alice got " world"
alice: pread f 4 1
expect alice got "ello"
alice: pwrite f "J" 0
alice: dup f as g
alice: lseek g -5 SEEK_END
expect alice returned 6 from lseek
alice: read f 5
expect alice got "world"
alice: ftruncate f 5
alice: fstat f -> $size
expect alice $size == 5
alice: close f
alice: read f 1
expect alice failed EBADF from read
alice: pread g 5 0
expect alice got "Jello"
alice: dup2 g fd 20
expect alice returned 20 from dup2
alice: read fd 20 1
expect alice returned 0 from read
alice: fcntl g F_DUPFD 30 as h
expect alice returned 30 from fcntl
alice: chmod "notes" 0
alice: open f "notes" O_RDONLY
"#,
        );
        // Permissions count when a file is opened, and actors have no privileges even where root started them.
        play.run("expect alice failed EACCES from open\nalice: unlink notes\nexpect alice returned 0 from unlink");
        play.run("alice: umask 077\nexpect alice returned 022 from umask");
        play.run("alice: open n \"new\" O_RDWR|O_CREAT 0666\nalice: fstat n");
        assert!(play.last("alice").contains("st_mode=S_IFREG|0600"), "{}", play.last("alice"));
    });
}

#[test]
fn nothing_leads_out_of_the_stage() {
    both(|play| {
        play.run("spawn alice");
        for path in ["\"/etc/passwd\"", "\"../x\"", "\"a/../../x\""] {
            let why = play.refused(&format!("alice: open f {path} O_RDONLY"));
            assert!(why.contains("outside"), "{why}");
        }
        let why = play.refused("alice: close fd 1000");
        assert!(why.contains("not the learner's"), "{why}");
        assert!(play.refused("alice: read fd 5 20000000").contains("DATA_MAX"));
        assert!(
            play.refused("alice: dup2 fd 0 fd 1000").contains("not the learner's"),
            "no number of the stage's can be taken"
        );
    });
}

#[test]
fn a_program_started_afresh_keeps_its_descriptors() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: pipe p
alice: pipe2 c O_CLOEXEC
alice: fork bob
alice: execve self
expect p readers 2
expect c readers 1
alice: write p "after"
bob: read p 10
expect bob got "after"
alice: write c "x"
expect alice failed EBADF from write
"#,
        );
    });
}

#[test]
fn two_readers_of_each_other_are_a_deadlock() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: pipe a
alice: pipe b
alice: fork bob
alice: close a.w
alice: close b.r
bob: close a.r
bob: close b.w
alice: read a 1
expect not deadlock alice bob
bob: read b 1
expect deadlock alice bob
",
        );
    });
}

#[test]
fn who_waits_for_a_name_waits_for_nobody_in_particular() {
    both(|play| {
        play.run(
            r#"
spawn alice
spawn bob
alice: mkfifo "box" 0600
alice: open w "box" O_WRONLY
bob: mq_open q O_RDWR|O_CREAT 0600
bob: mq_receive q
expect alice blocked in open on box
expect not deadlock alice bob
"#,
        );
        assert_eq!(play.object("q").waiters[0].direction, "receive");
    });
}

#[test]
fn a_mirror_heals_when_the_kernel_says_empty() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: mq_open q O_RDWR|O_CREAT 0600 maxmsg=4 msgsize=8
alice: fork bob
repeat 3000 alice: mq_send q "x"
repeat 3000 bob: mq_receive q
await alice
await bob
expect q messages 0
alice: mq_send q "last"
expect q next "last"
"#,
        );
        let queue = play.object("q").field("queue").unwrap();
        assert_eq!((queue.value.as_list().len(), queue.note.as_deref()), (1, None));
    });
}

#[test]
fn a_duplicate_is_the_same_queue_and_a_queue_is_no_file() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: mq_open q O_RDWR|O_CREAT 0600 maxmsg=4 msgsize=8
alice: mq_send q "one"
alice: dup q as other
alice: write q "no"
expect alice failed EINVAL from write
alice: read q 200
alice: mq_close q
alice: mq_receive other
expect alice got "one"
expect q messages 0
"#,
        );
        assert_eq!(play.object("q").field("queue").unwrap().note, None);
    });
}
