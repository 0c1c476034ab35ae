//! Scripts on which all six facilities are used in all their ways. Every statement ends well.

/// Each with its name.
pub(crate) const SCRIPTS: &[(&str, &str)] = &[
    (
        "pipes_and_processes",
        r#"
        spawn a
        a: pipe p
        a: fork b
        a: write p "hello"
        b: read p 2
        b: close p.w
        a: pipe2 d O_DIRECT|O_NONBLOCK|O_CLOEXEC
        a: write d "one"
        a: write d "two"
        a: fcntl p.w F_SETPIPE_SZ 4096
        a: write p 'x' * 5000
        b: read p 4096
        b: read p 4096
        b: dup p.r as again
        b: dup2 p.r fd 77
        b: fcntl again F_SETFD FD_CLOEXEC
        b: close p.r
        b: close fd 77
        b: execve self
        a: close p.w
        a: read p 10
        a: fork c
        a: kill c SIGTSTP
        a: kill c SIGCONT
        c: setpgid c c
        a: kill c SIGTSTP
        a: kill c SIGCONT
        a: kill c SIGTTIN
        a: kill c SIGCONT
        a: kill c SIGSTOP
        a: waitpid c WUNTRACED
        a: kill c SIGCONT
        a: waitpid c
        c: fork e
        c: exit 3
        a: kill b SIGTERM
        a: waitpid b
        e: pause
        a: nanosleep 60s
        "#,
    ),
    (
        "signals",
        r"
        spawn a
        spawn b
        b: sigaction SIGUSR1 handler SA_RESTART|SA_SIGINFO
        b: sigaction SIGRTMIN handler SA_SIGINFO sa_mask=SIGUSR1
        b: sigaction SIGPIPE SIG_IGN
        b: sigprocmask SIG_BLOCK SIGUSR1|SIGUSR2|SIGRTMIN
        a: kill b SIGUSR1
        repeat 4 a: kill b SIGUSR1
        a: sigqueue b SIGRTMIN 1
        a: sigqueue b SIGRTMIN 2
        a: tgkill b b SIGRTMIN
        a: kill b SIGUSR2
        b: sigpending
        b: sigtimedwait SIGRTMIN 0s
        b: sigwaitinfo SIGUSR2
        b: fork c
        c: setpgid c c
        b: sigprocmask SIG_SETMASK 0
        b: pipe p
        b: read p 1
        a: kill b SIGUSR1
        a: kill b SIGRTMIN
        b: pause
        c: kill b SIGSTOP
        c: kill b SIGUSR1
        c: kill b SIGCONT
        b: sigsuspend SIGRTMIN
        a: kill b SIGRTMIN
        a: kill b SIGUSR1
        b: sigprocmask SIG_BLOCK SIGUSR2
        b: sigwaitinfo SIGUSR2
        a: kill b SIGUSR1
        b: sigtimedwait SIGUSR2 60s
        c: sigqueue b SIGUSR2 5
        b: sigaction SIGCHLD handler SA_SIGINFO
        c: raise SIGTSTP
        b: kill c SIGCONT
        b: waitpid c WCONTINUED
        b: sigaction SIGUSR1 SIG_IGN
        a: kill b SIGUSR1
        b: execve self
        c: exit 3
        a: kill c SIGTERM
        b: waitpid c
        a: kill b SIGRTMIN
        ",
    ),
    (
        "fifos",
        r#"
        spawn a
        spawn b
        spawn c
        a: mkfifo f 0620
        a: open r f O_RDONLY
        b: open w f O_WRONLY
        b: write w "abc"
        a: read r 1
        c: open x f O_RDWR|O_NONBLOCK
        c: read x 1
        a: read r 10
        a: read r 10
        c: write x "!"
        a: mkfifo g 0600
        a: open y g O_RDONLY|O_NONBLOCK
        a: unlink f
        b: write w 'z' * 70000
        "#,
    ),
    (
        "queues",
        r#"
        spawn a
        a: mq_open q O_RDWR|O_CREAT 0640 maxmsg=2 msgsize=16
        a: fork b
        a: mq_send q "low" 1
        a: mq_send q "high" 9
        a: mq_send q "late" 5
        b: mq_receive q
        b: mq_receive q
        b: mq_receive q
        b: mq_receive q
        a: mq_send q "" 0
        a: mq_unlink q
        a: mq_send q "last" 3
        b: mq_close q
        a: fork c
        c: execve self
        "#,
    ),
    (
        "memory",
        r#"
        spawn a
        a: shm_open board O_RDWR|O_CREAT 0600
        a: ftruncate board 10000
        a: mmap board 8192 PROT_READ|PROT_WRITE MAP_SHARED as m
        a: store m[0] 7
        a: fork b
        b: store m[1] 9
        b: mmap board 4096 PROT_READ MAP_SHARED offset=4096 as high
        a: mmap board 4096 PROT_READ|PROT_WRITE MAP_PRIVATE as mine
        a: store mine[0] 1
        a: mmap 4096 PROT_READ|PROT_WRITE MAP_SHARED|MAP_ANONYMOUS as n
        a: fork c
        c: store n[3] 5
        c: mprotect n 4096 PROT_READ
        a: open f "data" O_RDWR|O_CREAT 0644
        a: ftruncate f 4096
        a: mmap f 4096 PROT_READ|PROT_WRITE MAP_SHARED as fm
        a: store fm[0] 1234
        a: mmap 4096 PROT_READ MAP_SHARED|MAP_ANONYMOUS as mine
        a: ftruncate board 20000
        a: shm_unlink board
        a: close board
        b: close board
        b: munmap m 8192
        b: exit 0
        "#,
    ),
    (
        "semaphores",
        r"
        spawn a
        a: sem_open s O_CREAT 0600 value=2
        a: sem_wait s
        spawn b
        b: sem_open s
        b: sem_wait s
        a: sem_wait s
        spawn c
        c: sem_open s
        c: sem_wait s
        b: sem_post s
        b: sem_post s
        b: sem_post s
        b: mmap 4096 PROT_READ|PROT_WRITE MAP_SHARED|MAP_ANONYMOUS as m
        b: sem_init m+64 1 1 as u
        b: fork d
        d: sem_wait u
        d: sem_wait u
        a: sem_unlink s
        c: sem_timedwait s 60s
        c: sem_timedwait s 60s
        ",
    ),
    (
        "locks",
        r#"
        spawn a
        a: umask 0
        a: open f "notes" O_RDWR|O_CREAT 0666
        a: write f "some text"
        a: flock f LOCK_SH
        a: fork b
        spawn c
        c: open f2 "notes" O_RDWR|O_APPEND
        c: flock f2 LOCK_SH
        a: open g "book" O_RDWR|O_CREAT 0666
        a: fcntl g F_SETLK F_WRLCK 0..100
        a: fcntl g F_SETLK F_RDLCK 200..
        c: open g2 "book" O_RDWR
        b: open g3 "book" O_RDWR
        b: fcntl g3 F_SETLKW F_WRLCK 50..60
        c: fcntl g2 F_OFD_SETLKW F_WRLCK 300..400
        spawn d
        d: open f3 "notes" O_RDONLY
        d: flock f3 LOCK_EX
        a: fcntl g F_SETLK F_UNLCK 0..100
        a: exit 0
        b: flock f LOCK_UN
        c: close f2
        d: unlink notes
        "#,
    ),
    (
        "strangers",
        r#"
        spawn a
        spawn eve uid=65533
        a: open f "secret" O_RDWR|O_CREAT 0600
        eve: open f2 "secret" O_RDONLY
        a: mkfifo box 0600
        eve: open w box O_WRONLY
        eve: kill a SIGTERM
        a: shm_open board O_RDWR|O_CREAT 0600
        eve: shm_open board2 O_RDWR|O_CREAT 0600
        eve: pipe p
        eve: write p "mine"
        "#,
    ),
    (
        "in_and_out_within_one_order",
        r#"
        spawn a
        spawn b
        a: umask 0
        a: open f "notes" O_RDWR|O_CREAT 0666
        a: mq_open q O_RDWR|O_CREAT 0666 maxmsg=4 msgsize=8
        a: shm_open board O_RDWR|O_CREAT 0666
        a: ftruncate board 4096
        a: sem_open s O_CREAT 0666 value=3
        a: mkfifo box 0666
        a: open r box O_RDONLY|O_NONBLOCK
        a: mmap 4096 PROT_READ|PROT_WRITE MAP_SHARED|MAP_ANONYMOUS as m
        a: fork c
        repeat 1 b
        open g "notes" O_RDWR
        write g "hello"
        close g
        end
        repeat 2 b
        sem_open s
        sem_wait s
        sem_close s
        end
        repeat 1 b
        open w box O_WRONLY
        write w "through"
        close w
        end
        repeat 3 c: atomic_fetch_add m[5] 1
        repeat 1 c
        mq_send q "deep" 2
        mq_close q
        end
        repeat 1 c
        store m[0] 77
        munmap m 4096
        end
        repeat 1 b
        open g "notes" O_RDONLY
        flock g LOCK_SH
        close g
        end
        repeat 1 b
        open g "notes" O_RDWR
        ftruncate g 2
        fchmod g 0604
        close g
        end
        b: chmod box 0600
        repeat 1 b
        open k "kept" O_RDWR|O_CREAT 0600
        write k "kept"
        close k
        end
        repeat 1 c
        open k "kept" O_RDWR|O_APPEND
        write k " and more"
        close k
        end
        b: unlink notes
        repeat 1 b
        open g "notes" O_RDWR|O_CREAT 0600
        write g "another"
        close g
        end
        c: close f
        a: kill c SIGKILL
        a: waitpid c
        a: close f
        a: munmap m 4096
        "#,
    ),
];

/// The statements of a script; a block with its `end` is one.
pub(crate) fn statements(name: &str) -> Vec<String> {
    let (_, script) = SCRIPTS.iter().find(|(n, _)| *n == name).unwrap();
    let mut blocks: Vec<String> = Vec::new();
    for line in script.lines().map(str::trim).filter(|l| !l.is_empty()) {
        match blocks.last_mut() {
            Some(last) if is_open(last) => last.extend(["\n", line]),
            _ => blocks.push(line.to_owned()),
        }
    }
    blocks
}

fn is_open(block: &str) -> bool {
    let header = block.lines().next().unwrap_or_default();
    (header.starts_with("program") || header.starts_with("repeat") && !header.contains(':'))
        && !block.ends_with("\nend")
}
