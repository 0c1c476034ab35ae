//! The gallery: screens of the program, drawn by the real views from real stages, in normal form.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{Event as Input, KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::app::{App, Opening};
use super::conductor::Conductor;
use super::event::{Event, Events};
use super::keys::{Chord, Keymap};
use super::learner::learner;
use super::lessons::Lessons;
use super::picture::{self, Own};
use super::theme::{Palette, Theme};
use crate::bench::History;
use crate::lesson::Pack;
use crate::lesson::progress::Progress;

/// One picture: its name, how the program opens, and the keys that lead there. Text in the list is typed; `<enter>`
/// and the like are keys; after each key the stage may come to rest.
struct Scene {
    name: &'static str,
    title: &'static str,
    opening: fn() -> Opening,
    keys: &'static [&'static str],
}

const PLAY: fn() -> Opening = || Opening::Play(None);

/// Measured for the pictures: figures change with every run, and a picture must not.
const MEASURE: fn() -> Opening = || Opening::Measure(History::of(include_bytes!("../../assets/measured.json")));

const SCENES: &[Scene] = &[
    Scene { name: "first-minute", title: "The first minute", opening: || Opening::First, keys: &[] },
    Scene {
        name: "first-prediction",
        title: "The first prediction",
        opening: || Opening::First,
        keys: &["<space>", "<enter>", "2"],
    },
    Scene { name: "menu", title: "The menu", opening: || Opening::Menu, keys: &[] },
    Scene { name: "map", title: "The map", opening: || Opening::Menu, keys: &["<down><down><enter>"] },
    Scene {
        name: "map-claims",
        title: "A card of the map, its claims run on this machine",
        opening: || Opening::Menu,
        keys: &["<down><down><enter>", "/queue<enter>", "c", "<tab><down><down><down><down>"],
    },
    Scene {
        name: "choose",
        title: "The chooser: what is needed, and what fits",
        opening: || Opening::Menu,
        keys: &["<down><down><down><down><enter>", "<space><down><down><down><space><down><down><space>", "<tab>p"],
    },
    Scene {
        name: "swap",
        title: "A scenario on a pipe, and on a System V queue",
        opening: PLAY,
        keys: &[
            "spawn alice<enter>",
            "alice: pipe p<enter>",
            "alice: fork bob<enter>",
            "alice: write p \"one\"<enter>",
            "alice: write p \"two\"<enter>",
            "bob: read p 100<enter>",
            "bob: read p 100<enter>",
            "<esc>x<right><right><right><right><right><right><right><right><right><right><enter>",
        ],
    },
    Scene {
        name: "compare",
        title: "The comparison of all facilities, with a row that was proved",
        opening: || Opening::Menu,
        keys: &["<down><down><down><enter>", "<down><down><right>", "r"],
    },
    Scene { name: "lessons", title: "The lessons", opening: || Opening::Learn(None), keys: &[] },
    Scene {
        name: "lesson",
        title: "A lesson",
        opening: || Opening::Learn(Some("pipe-eof".to_owned())),
        keys: &["<enter>", "1"],
    },
    Scene { name: "progress", title: "What was done", opening: || Opening::Progress, keys: &["<up>"] },
    Scene { name: "review", title: "A question that is asked again", opening: || Opening::Review(false), keys: &[] },
    Scene {
        name: "pipe",
        title: "A pipe and its reader",
        opening: PLAY,
        keys: &[
            "spawn alice<enter>",
            "alice: pipe p<enter>",
            "alice: fork bob<enter>",
            "alice: close p.r<enter>",
            "bob: close p.w<enter>",
            "alice: write p \"hello\\n\"<enter>",
            "bob: read p 100<enter>",
            "bob: read p 100<enter>",
        ],
    },
    Scene {
        name: "queue",
        title: "A message queue",
        opening: PLAY,
        keys: &[
            "spawn alice<enter>",
            "alice: mq_open q O_CREAT|O_RDWR<enter>",
            "alice: fork bob<enter>",
            "alice: mq_send q \"later\" 0<enter>",
            "alice: mq_send q \"urgent\" 9<enter>",
            "bob: mq_send q \"soon\" 3<enter>",
        ],
    },
    Scene {
        name: "shared-memory",
        title: "Shared memory",
        opening: PLAY,
        keys: &[
            "spawn alice<enter>",
            "alice: shm_open board O_CREAT|O_RDWR<enter>",
            "alice: ftruncate board 4096<enter>",
            "alice: mmap board 4096 PROT_READ|PROT_WRITE MAP_SHARED as m<enter>",
            "alice: fork bob<enter>",
            "alice: store m[0] 41<enter>",
            "bob: load $x m[0]<enter>",
            "bob: add $x 1<enter>",
            "bob: store m[0] $x<enter>",
        ],
    },
    Scene {
        name: "private-memory",
        title: "A private mapping that has parted from its file",
        opening: PLAY,
        keys: &[
            "spawn alice<enter>",
            "alice: open f \"notes\" O_RDWR|O_CREAT 0644<enter>",
            "alice: write f \"hello world\"<enter>",
            "alice: mmap f 4096 PROT_READ|PROT_WRITE MAP_SHARED as m<enter>",
            "alice: mmap f 4096 PROT_READ|PROT_WRITE MAP_PRIVATE as mine<enter>",
            "alice: fork bob<enter>",
            "bob: store mine[6..11] \"there\"<enter>",
            "alice: store m[0..5] \"HELLO\"<enter>",
        ],
    },
    Scene {
        name: "semaphore",
        title: "A semaphore and its waiters",
        opening: PLAY,
        keys: &[
            "spawn alice<enter>",
            "alice: sem_open s O_CREAT 0644 value=1<enter>",
            "alice: fork bob<enter>",
            "alice: fork carol<enter>",
            "alice: sem_wait s<enter>",
            "bob: sem_wait s<enter>",
            "carol: kill alice SIGKILL<enter>",
            "carol: sem_wait s<enter>",
        ],
    },
    Scene {
        name: "mutex",
        title: "Mutexes: one that is waited for, and one whose owner has died",
        opening: PLAY,
        keys: &[
            "spawn alice<enter>",
            "alice: mmap 4096 PROT_READ|PROT_WRITE MAP_SHARED|MAP_ANONYMOUS as m<enter>",
            "alice: pthread_mutexattr_init m+512 as attr<enter>",
            "alice: pthread_mutexattr_setpshared attr PTHREAD_PROCESS_SHARED<enter>",
            "alice: pthread_mutex_init m+64 attr as l<enter>",
            "alice: pthread_mutexattr_setrobust attr PTHREAD_MUTEX_ROBUST<enter>",
            "alice: pthread_mutex_init m+128 attr as k<enter>",
            "alice: fork bob<enter>",
            "alice: fork carol<enter>",
            "alice: pthread_mutex_lock l<enter>",
            "bob: pthread_mutex_lock m+64<enter>",
            "carol: pthread_mutex_lock m+128<enter>",
            "carol: exit 0<enter>",
            "alice: pthread_mutex_unlock m+128<enter>",
        ],
    },
    Scene {
        name: "condition",
        title: "A condition variable that is waited on, and a read-write lock with a reader and a writer",
        opening: PLAY,
        keys: &[
            "spawn alice<enter>",
            "alice: mmap 4096 PROT_READ|PROT_WRITE MAP_SHARED|MAP_ANONYMOUS as m<enter>",
            "alice: pthread_mutexattr_init m+512 as attr<enter>",
            "alice: pthread_mutexattr_setpshared attr PTHREAD_PROCESS_SHARED<enter>",
            "alice: pthread_mutex_init m+64 attr as l<enter>",
            "alice: pthread_condattr_init m+520 as cattr<enter>",
            "alice: pthread_condattr_setpshared cattr PTHREAD_PROCESS_SHARED<enter>",
            "alice: pthread_cond_init m+128 cattr as c<enter>",
            "alice: pthread_rwlockattr_init m+528 as rattr<enter>",
            "alice: pthread_rwlockattr_setpshared rattr PTHREAD_PROCESS_SHARED<enter>",
            "alice: pthread_rwlock_init m+192 rattr as r<enter>",
            "alice: fork bob<enter>",
            "alice: fork carol<enter>",
            "bob: pthread_mutex_lock l<enter>",
            "bob: pthread_cond_wait c l<enter>",
            "alice: pthread_rwlock_rdlock r<enter>",
            "carol: pthread_rwlock_wrlock r<enter>",
        ],
    },
    Scene {
        name: "futex",
        title: "A barrier, a spin lock and a bare futex; and what is undefined, said while it is typed",
        opening: PLAY,
        keys: &[
            "spawn alice<enter>",
            "alice: mmap 4096 PROT_READ|PROT_WRITE MAP_SHARED|MAP_ANONYMOUS as m<enter>",
            "alice: pthread_barrierattr_init m+536 as battr<enter>",
            "alice: pthread_barrierattr_setpshared battr PTHREAD_PROCESS_SHARED<enter>",
            "alice: pthread_barrier_init m+256 3 battr as b<enter>",
            "alice: pthread_spin_init m+320 PTHREAD_PROCESS_SHARED as s<enter>",
            "alice: fork bob<enter>",
            "alice: fork carol<enter>",
            "alice: pthread_spin_lock s<enter>",
            "bob: futex m+384 FUTEX_WAIT 0<enter>",
            "carol: pthread_barrier_wait b<enter>",
            "alice: pthread_barrier_destroy b",
        ],
    },
    Scene {
        name: "epoll",
        title: "An epoll instance: what is asked, and what there is to tell",
        opening: PLAY,
        keys: &[
            "spawn alice<enter>",
            "alice: pipe p<enter>",
            "alice: fork bob<enter>",
            "bob: epoll_create1 ep<enter>",
            "bob: eventfd e 0<enter>",
            "bob: epoll_ctl ep EPOLL_CTL_ADD p.r EPOLLIN|EPOLLET<enter>",
            "bob: epoll_ctl ep EPOLL_CTL_ADD e EPOLLIN<enter>",
            "alice: write p \"hello\"<enter>",
            "bob: epoll_wait ep<enter>",
            "bob: read p 2<enter>",
            "bob: epoll_wait ep<enter>",
        ],
    },
    Scene {
        name: "counter-and-signals",
        title: "A counter, and signals that are read",
        opening: PLAY,
        keys: &[
            "spawn alice<enter>",
            "alice: eventfd e 7<enter>",
            "alice: fork bob<enter>",
            "bob: sigaction SIGUSR2 handler SA_SIGINFO<enter>",
            "bob: sigprocmask SIG_BLOCK SIGUSR1|SIGRTMIN<enter>",
            "bob: signalfd s SIGUSR1|SIGRTMIN<enter>",
            "alice: kill bob SIGUSR2<enter>",
            "alice: kill bob SIGUSR1<enter>",
            "bob: timerfd_create t CLOCK_MONOTONIC<enter>",
            "bob: poll e:POLLOUT t:POLLIN<enter>",
            "bob: poll t:POLLIN<enter>",
        ],
    },
    Scene {
        name: "signals",
        title: "Signals: five sent and one held, a queue of realtime ones, and a call that was started again",
        opening: PLAY,
        keys: &[
            "spawn alice<enter>",
            "alice: pipe p<enter>",
            "alice: fork bob<enter>",
            "bob: close p.w<enter>",
            "bob: sigaction SIGUSR1 handler SA_RESTART|SA_SIGINFO<enter>",
            "bob: sigprocmask SIG_BLOCK SIGUSR2|SIGRTMIN<enter>",
            "repeat 4 alice: kill bob SIGUSR2<enter>",
            "alice: kill bob SIGUSR2<enter>",
            "alice: sigqueue bob SIGRTMIN 10<enter>",
            "alice: sigqueue bob SIGRTMIN 20<enter>",
            "bob: read p 1<enter>",
            "alice: kill bob SIGUSR1<enter>",
        ],
    },
    Scene {
        name: "sockets",
        title: "A pair of sockets, and a descriptor on its way",
        opening: PLAY,
        keys: &[
            "spawn alice<enter>",
            "alice: pipe p<enter>",
            "alice: socketpair s AF_UNIX SOCK_STREAM<enter>",
            "alice: fork bob<enter>",
            "alice: close s.1<enter>",
            "bob: close s.0<enter>",
            "bob: close p.w<enter>",
            "bob: send s.1 \"thanks\"<enter>",
            "alice: send s.0 \"here it is: \"<enter>",
            "alice: sendmsg s.0 \"take it\" rights=p.w<enter>",
            "alice: close p.w<enter>",
            "bob: read p 100<enter>",
        ],
    },
    Scene {
        name: "listener",
        title: "A listener, a connection, and one who waits to be accepted",
        opening: PLAY,
        keys: &[
            "spawn srv<enter>",
            "srv: socket l AF_INET SOCK_STREAM<enter>",
            "srv: bind l 127.0.0.1:5000<enter>",
            "srv: listen l 3<enter>",
            "spawn ann<enter>",
            "ann: socket a AF_INET SOCK_STREAM<enter>",
            "ann: bind a 127.0.0.1:4001<enter>",
            "ann: connect a 127.0.0.1:5000<enter>",
            "spawn ben<enter>",
            "ben: socket b AF_INET SOCK_STREAM<enter>",
            "ben: bind b 127.0.0.1:4002<enter>",
            "ben: connect b 127.0.0.1:5000<enter>",
            "ann: send a \"GET /\"<enter>",
            "srv: accept l as c<enter>",
            "ben: recv b 100<enter>",
        ],
    },
    Scene {
        name: "hosts",
        title: "Two machines, and a line that is cut",
        opening: PLAY,
        keys: &[
            "host east<enter>",
            "host west<enter>",
            "spawn dora @east<enter>",
            "spawn emil @west<enter>",
            "dora: socket u AF_INET SOCK_DGRAM<enter>",
            "dora: bind u *:5000<enter>",
            "emil: socket v AF_INET SOCK_DGRAM<enter>",
            "emil: bind v *:4000<enter>",
            "emil: sendto v \"hello\" east:5000<enter>",
            "link east west down<enter>",
            "emil: sendto v \"lost\" east:5000<enter>",
        ],
    },
    Scene {
        name: "datagrams",
        title: "Datagrams: what is dropped, and who is a member",
        opening: PLAY,
        keys: &[
            "spawn bob<enter>",
            "bob: socket r AF_INET SOCK_DGRAM<enter>",
            "bob: setsockopt r SOL_SOCKET SO_RCVBUF 0<enter>",
            "bob: bind r *:5000<enter>",
            "bob: setsockopt r IPPROTO_IP IP_ADD_MEMBERSHIP \"239.1.2.3\"<enter>",
            "spawn alice<enter>",
            "alice: socket s AF_INET SOCK_DGRAM<enter>",
            "alice: bind s *:4000<enter>",
            "alice: sendto s \"to the group\" 239.1.2.3:5000<enter>",
            "repeat 9 alice: sendto s \"x\" 127.0.0.1:5000<enter>",
        ],
    },
    Scene {
        name: "threads",
        title: "Threads of a process, each asleep for itself",
        opening: PLAY,
        keys: &[
            "spawn alice<enter>",
            "alice: pipe p<enter>",
            "alice: pthread_create t1<enter>",
            "alice: pthread_create t2<enter>",
            "spawn bob<enter>",
            "alice.t1: read p 100<enter>",
            "alice.t2: sched_setscheduler alice.t2 SCHED_BATCH<enter>",
            "alice.t2: pthread_exit 7<enter>",
            "alice: pthread_join alice.t1<enter>",
        ],
    },
    Scene {
        name: "sysv-queue",
        title: "A System V queue and one who waits for a type",
        opening: PLAY,
        keys: &[
            "spawn alice<enter>",
            "alice: msgget q IPC_CREAT<enter>",
            "alice: fork bob<enter>",
            "alice: msgsnd q \"three\" type=3<enter>",
            "alice: msgsnd q \"five\" type=5<enter>",
            "alice: msgsnd q \"one\" type=1<enter>",
            "bob: msgrcv q 100 type=-4<enter>",
            "bob: msgrcv q 100 type=7<enter>",
        ],
    },
    Scene {
        name: "sysv-semaphores",
        title: "A set of System V semaphores",
        opening: PLAY,
        keys: &[
            "spawn alice<enter>",
            "alice: semget s 2 IPC_CREAT<enter>",
            "alice: semctl s SETALL 1 3<enter>",
            "alice: fork bob<enter>",
            "alice: fork carol<enter>",
            "alice: semop s 0:-1:SEM_UNDO<enter>",
            "bob: semop s 0:-1 1:-1<enter>",
            "carol: semop s 1:0<enter>",
        ],
    },
    Scene {
        name: "sysv-memory",
        title: "System V shared memory, removed while it is attached",
        opening: PLAY,
        keys: &[
            "spawn alice<enter>",
            "alice: shmget board 4096 IPC_CREAT<enter>",
            "alice: shmat board as m<enter>",
            "alice: fork bob<enter>",
            "bob: shmat board SHM_RDONLY as r<enter>",
            "alice: store m[0] 42<enter>",
            "alice: shmctl board IPC_RMID<enter>",
        ],
    },
    Scene {
        name: "locks",
        title: "Locks on ranges of a file",
        opening: PLAY,
        keys: &[
            "spawn alice<enter>",
            "alice: open f \"notes\" O_RDWR|O_CREAT 0644<enter>",
            "alice: write f \"hello world\\n\"<enter>",
            "spawn bob<enter>",
            "bob: open g \"notes\" O_RDWR<enter>",
            "alice: fcntl f F_SETLKW F_WRLCK 0..100<enter>",
            "bob: fcntl g F_SETLKW F_RDLCK 200..<enter>",
            "bob: fcntl g F_SETLKW F_WRLCK 50..150<enter>",
        ],
    },
    Scene {
        name: "lock-kinds",
        title: "Three kinds of lock on one file, the tree of those who wait, and a lease",
        opening: PLAY,
        keys: &[
            "spawn alice<enter>",
            "alice: open f \"notes\" O_RDWR|O_CREAT 0644<enter>",
            "alice: fork bob<enter>",
            "alice: fork carol<enter>",
            "alice: fcntl f F_SETLK F_WRLCK 0..100<enter>",
            "alice: fcntl f F_OFD_SETLK F_RDLCK 200..300<enter>",
            "alice: flock f LOCK_EX<enter>",
            "bob: fcntl f F_SETLKW F_WRLCK 50..60<enter>",
            "carol: fcntl f F_SETLKW F_RDLCK 55..70<enter>",
            "alice: open l \"lease\" O_RDWR|O_CREAT 0644<enter>",
            "alice: sigaction SIGIO handler SA_SIGINFO<enter>",
            "alice: fcntl l F_SETLEASE F_WRLCK<enter>",
            "spawn dave<enter>",
            "dave: open k \"lease\" O_RDONLY<enter>",
        ],
    },
    Scene {
        name: "terminal",
        title: "Both sides of a pseudoterminal",
        opening: PLAY,
        keys: &[
            "spawn term<enter>",
            "term: posix_openpt t O_RDWR|O_NOCTTY<enter>",
            "term: unlockpt t.m<enter>",
            "term: fork shell<enter>",
            "shell: setsid<enter>",
            "shell: ioctl t.m TIOCGPTPEER O_RDWR<enter>",
            "shell: close t.m<enter>",
            "shell: write t.s \"> \"<enter>",
            "term: write t.m \"one\\nhelo\"<enter>",
            "shell: fork job<enter>",
            "shell: setpgid job job<enter>",
            "shell: tcsetpgrp t.s job<enter>",
            "term: write t.m \"\\x7flo\"<enter>",
            "job: read t.s 100<enter>",
            "job: read t.s 100<enter>",
        ],
    },
    Scene {
        name: "deadlock",
        title: "Two who wait for each other",
        opening: PLAY,
        keys: &[
            "spawn alice<enter>",
            "spawn bob<enter>",
            "alice: open f \"notes\" O_RDWR|O_CREAT 0644<enter>",
            "bob: open f \"notes\" O_RDWR as g<enter>",
            "alice: fcntl f F_SETLKW F_WRLCK 0..10<enter>",
            "bob: flock g LOCK_EX<enter>",
            "bob: fcntl g F_SETLKW F_WRLCK 0..10<enter>",
            "alice: flock f LOCK_EX<enter>",
        ],
    },
    Scene {
        name: "who-waits",
        title: "Who waits for whom, and why in vain",
        opening: PLAY,
        keys: &[
            "spawn parent<enter>",
            "parent: pipe out<enter>",
            "parent: pipe err<enter>",
            "parent: open f \"log\" O_RDWR|O_CREAT 0644<enter>",
            "parent: fork child<enter>",
            "parent: close out.w<enter>",
            "parent: close err.w<enter>",
            "child: close out.r<enter>",
            "child: close err.r<enter>",
            "parent: flock f LOCK_EX<enter>",
            "spawn carol<enter>",
            "carol: open g \"log\" O_RDWR<enter>",
            "carol: flock g LOCK_EX<enter>",
            "parent: read out 100<enter>",
            "child: write err 'x' * 65537<enter>",
            "<esc>",
            "w",
        ],
    },
    Scene {
        name: "measure",
        title: "What a message costs, and the machine's limits",
        opening: MEASURE,
        keys: &["<down>"],
    },
    Scene {
        name: "measure-throughput",
        title: "What goes through, of messages of 64 KiB across cores",
        opening: MEASURE,
        keys: &["<right><right>c", "zzzz", "<tab>"],
    },
    Scene {
        name: "completion",
        title: "Completion",
        opening: PLAY,
        keys: &["spawn alice<enter>", "alice: pipe p<enter>", "alice: s", "<tab>"],
    },
    Scene { name: "help", title: "The keys of a screen", opening: PLAY, keys: &["<f1>"] },
];

/// Sizes in which scenes are drawn, and in which palettes.
const SIZES: [((u16, u16), &[Palette]); 3] =
    [((80, 24), &[Palette::Dark]), ((120, 40), &[Palette::Dark, Palette::Light]), ((200, 60), &[Palette::Dark])];
/// The scenes that are drawn in the largest size too; one looks much like another there.
const LARGE: [&str; 2] = ["first-minute", "locks"];

/// The scenes that are drawn with 16 colours and with none too, in the smallest size.
const FEW_COLOURS: [&str; 3] = ["lesson", "who-waits", "progress"];

/// How long a stage may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(20);

/// Draws all pictures into `directory`, or, to check, compares them with what is there; gives the names of those that
/// differ.
pub fn pictures(launcher: &Path, directory: &Path, check: bool) -> anyhow::Result<Vec<PathBuf>> {
    let mut differ = Vec::new();
    if !check {
        std::fs::create_dir_all(directory).with_context(|| format!("{} can't be made", directory.display()))?;
    }
    for scene in SCENES {
        for (size, palettes) in SIZES.iter().filter(|(size, _)| size.0 < 200 || LARGE.contains(&scene.name)) {
            let area = Rect::new(0, 0, size.0, size.1);
            let mut stage = Rehearsal::new(launcher, (scene.opening)(), area)?;
            for keys in scene.keys {
                stage.press(keys).with_context(|| format!("in the scene {}, at {keys}", scene.name))?;
            }
            let few = size.0 == 80 && FEW_COLOURS.contains(&scene.name);
            let few: &[Palette] = if few { &[Palette::Ansi, Palette::Mono] } else { &[] };
            for palette in palettes.iter().chain(few) {
                let own = if *palette == Palette::Light { picture::LIGHT } else { picture::DARK };
                let svg = stage.draw(*palette, own, scene.title);
                let path = directory.join(format!("{}-{}x{}-{}.svg", scene.name, size.0, size.1, palette.name()));
                let there = std::fs::read_to_string(&path).ok();
                if there.as_deref() == Some(svg.as_str()) {
                    continue;
                }
                if !check {
                    std::fs::write(&path, svg).with_context(|| format!("{} can't be written", path.display()))?;
                }
                differ.push(path);
            }
        }
    }
    Ok(differ)
}

/// The program without a terminal.
struct Rehearsal {
    app: App,
    events: Events,
    conductor: Conductor,
    area: Rect,
}

impl Rehearsal {
    fn new(launcher: &Path, opening: Opening, area: Rect) -> anyhow::Result<Self> {
        let events = Events::new();
        let conductor = Conductor::start(launcher.to_owned(), false, events.sender())?;
        let theme = Theme::new(Palette::Dark, false);
        let pack = Pack::embedded(crate::facility::registry())?;
        // Progress is nobody's: pictures show a learner who has just begun, or one who is made up.
        let progress = match opening {
            Opening::Progress | Opening::Review(_) => learner(&pack),
            _ => Progress::off(String::new()),
        };
        let lessons = Lessons::new(pack, progress);
        let app = App::new(theme, Keymap::default(), Vec::new(), lessons.into(), opening, area).timeless();
        let mut own = Self { app, events, conductor, area };
        own.rest()?;
        Ok(own)
    }

    fn press(&mut self, keys: &str) -> anyhow::Result<()> {
        let mut rest = keys;
        while !rest.is_empty() {
            let chord = if let Some((name, after)) = rest.strip_prefix('<').and_then(|r| r.split_once('>')) {
                rest = after;
                Chord::parse(name).map_err(anyhow::Error::msg)?
            } else {
                let mut chars = rest.chars();
                let c = chars.next().unwrap_or(' ');
                rest = chars.as_str();
                Chord { code: KeyCode::Char(c), modifiers: KeyModifiers::NONE }
            };
            self.app.handle(Event::Input(Input::Key(KeyEvent::new(chord.code, chord.modifiers))));
        }
        self.rest()?;
        match self.app.complaint() {
            Some(words) => bail!("{words}"),
            None => Ok(()),
        }
    }

    /// Hands orders on and takes events in until the stage is at rest.
    fn rest(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            for order in self.app.out.orders.drain(..) {
                self.conductor.send(order);
            }
            for order in self.app.out.works.drain(..) {
                self.conductor.begin(order);
            }
            if !self.app.is_busy() {
                return Ok(());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.events.receiver().recv_timeout(left) {
                Ok(event) => self.app.handle(event),
                Err(_) => bail!("the stage did not come to rest"),
            }
        }
    }

    fn draw(&mut self, palette: Palette, own: Own, title: &str) -> String {
        self.app.palette(palette);
        let mut buffer = Buffer::empty(self.area);
        let cursor = self.app.render(self.area, &mut buffer);
        if let Some(cell) = cursor.and_then(|c| buffer.cell_mut(c)) {
            cell.set_style(Style::new().add_modifier(ratatui::style::Modifier::REVERSED));
        }
        picture::svg(&buffer, own, title)
    }
}
