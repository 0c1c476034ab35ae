//! Lesson files, right and wrong, and what is said of them.

use super::*;
use crate::script::testing::registry;
use crate::script::{Diagnostic, Severity};

const GOOD: &str = r#"+++
id = "pipe-eof"
title = "End of file"
unit = "pipes"
misconception = "mine closes, so it ends"
objectives = ["say when"]
claims = ["X4"]
minutes = 6
read = ["pipe(7)"]
+++

An opening with a `pipe`.

## Two {#two}

Some words.

```run
spawn parent
parent: pipe p
parent: fork child
```
```predict id=eof
What does the child get?
- [ ] 0, end of file {child returned 0} -> it is *not* your writer
  that counts
- [x] it sleeps {child blocked in read on p} -> its own copy
- [ ] `EBADF` {child failed EBADF} -> one process
```
```run
parent: close p.w
child: read p 1
```
```run for=c
parent: spawn_nobody
```
```goal
# Make the child see
# the end of file
expect child returned 0
```
```hint when=child idle
Who?
```
```hint
Look at the holders.
```
```solve
parent: write p.r "x"
```
```explain
Because.
```

## Three {#three}

```text
a  diagram
```
"#;

/// `line:column-column message | help` of each.
fn said(source: &str, diagnostics: &[Diagnostic]) -> Vec<String> {
    let place = |at: usize| {
        let before = &source[..at];
        let line = before.matches('\n').count() + 1;
        (line, at - before.rfind('\n').map_or(0, |n| n + 1) + 1)
    };
    diagnostics
        .iter()
        .map(|d| {
            let ((line, from), (_, to)) = (place(d.span.start), place(d.span.end));
            let help = d.help.as_ref().map(|h| format!(" | {h}")).unwrap_or_default();
            format!("{line}:{from}-{to} {}{help}", d.message)
        })
        .collect()
}

fn errors(source: &str) -> Vec<String> {
    let (lesson, diagnostics) = parse(source, &registry());
    assert_eq!(lesson.is_none(), diagnostics.iter().any(|d| d.severity == Severity::Error));
    said(source, &diagnostics)
}

/// The good lesson without its only mistake.
fn good() -> String {
    GOOD.replace("parent: spawn_nobody", "child: write p \"x\"")
}

#[test]
fn a_lesson_has_its_parts() {
    let source = good();
    let (lesson, diagnostics) = parse(&source, &registry());
    assert_eq!(said(&source, &diagnostics), Vec::<String>::new());
    let lesson = lesson.unwrap();
    assert_eq!(lesson.id(), "pipe-eof");
    assert_eq!(lesson.front.minutes, 6);
    assert_eq!(lesson.opening.len(), 1);
    assert_eq!(lesson.steps.iter().map(|s| s.id.as_str()).collect::<Vec<_>>(), ["two", "three"]);
    let step = &lesson.steps[0];
    let kinds: Vec<&str> = step
        .items
        .iter()
        .map(|i| match i {
            Item::Prose(_) => "prose",
            Item::Run(_) => "run",
            Item::Predict(_) => "predict",
            Item::Refute(_) => "refute",
            Item::Measure(_) => "measure",
        })
        .collect();
    assert_eq!(kinds, ["prose", "run", "predict", "run", "refute"]);
    let prediction = lesson.prediction("eof").unwrap();
    assert_eq!(prediction.right(), 1);
    let texts: Vec<String> = prediction.choices.iter().map(Choice::plain).collect();
    assert_eq!(texts, ["0, end of file", "it sleeps", "EBADF"]);
    assert_eq!(prose::plain(&prediction.choices[0].answer), "it is not your writer that counts");
    assert_eq!(lesson.text(prediction.choices[1].predicate.span), "child blocked in read on p");
    assert_eq!(step.refutation("eof", 2).map(|(at, _)| at), Some(4));
    assert_eq!(step.goals[0].id, "two", "a goal without an id has that of its step");
    assert_eq!(step.goals[0].text, "Make the child see the end of file");
    assert_eq!(step.hints.len(), 2);
    assert!(step.hints[0].when.is_some());
    let statement = &step.items[3..].iter().find_map(Item::run).unwrap().statements[1];
    assert_eq!(lesson.text(statement.span), "child: read p 1");
    assert_eq!(lesson.line(statement.span), 32);
    assert_eq!(lesson.steps[1].items.len(), 1);
}

#[test]
fn the_course_of_a_lesson_is_what_was_run_and_solved() {
    let lesson = parse(&good(), &registry()).0.unwrap();
    let lines =
        |step, item| lesson.course(step, item).iter().map(|s| lesson.text(s.span).to_owned()).collect::<Vec<_>>();
    assert_eq!(lines(0, 0), Vec::<String>::new());
    assert_eq!(lines(0, 3), ["spawn parent", "parent: pipe p", "parent: fork child"]);
    assert_eq!(lines(0, 5).len(), 5, "a refutation leaves no trace");
    assert_eq!(lines(1, 0).last().unwrap(), "parent: write p.r \"x\"");
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "id = \"pipe-eof\"",
            "id = \"Pipe EOF\"",
            &["2:6-16 `Pipe EOF` can't be an id | small letters, digits and hyphens, a letter first"],
        ),
        ("minutes = 6", "minutes = 600", &["8:11-14 expected minutes from 1 to 60"]),
        (
            "minutes = 6",
            "minuets = 6",
            &[
                "1:1-4 the front matter lacks `minutes` | such as `minutes = 6`",
                "8:1-8 unknown key `minuets` | did you mean `minutes`?",
            ],
        ),
        ("claims = [\"X4\"]", "claims = \"X4\"", &["7:10-14 expected an array of strings, found string"]),
        ("```run\nspawn parent", "```rum\nspawn parent", &["18:4-7 unknown fence `rum` | did you mean `run`?"]),
        ("```run for=c", "```run for=e", &["34:12-13 `e` is no choice | the choices of `eof` are a to c"]),
        (
            "```run for=c",
            "```run four=c",
            &["34:8-14 `four=c` means nothing to a run fence | it is written: run, run fresh, run for=CHOICE"],
        ),
        ("```predict id=eof", "```predict", &["23:4-11 a prediction needs an id | `predict id=eof`"]),
        ("- [x] it", "- [ ] it", &["24:1-25 no choice is marked as right | exactly one has `[x]`"]),
        ("- [ ] `EBADF`", "- [x] `EBADF`", &["28:1-50 a second choice is marked as right | exactly one has `[x]`"]),
        (
            "- [x] it",
            "- [X] it",
            &[
                "27:1-6 expected `[ ]` or `[x]` | such as `- [ ] 0, end of file {bob returned 0} -> what that belief overlooks`",
            ],
        ),
        (
            "it sleeps {child blocked in read on p}",
            "it sleeps",
            &["27:1-32 a choice needs the predicate that decides it, in braces | such as `- [ ] 0, end of file {bob \
             returned 0} -> what that belief overlooks`"],
        ),
        (" -> one process", "", &["28:34-35 a choice needs an answer to its belief | it stands behind `->`"]),
        ("on p} -> its", "on p -> its", &["27:17-60 this brace is never closed"]),
        (
            "# Make the child see\n# the end of file\n",
            "",
            &[
                "37:1-8 a goal needs words that the learner reads | its first line is `# Make the child see the end of file`",
            ],
        ),
        (
            "expect child returned 0\n```\n",
            "child: read p 1\n```\n",
            &["40:1-16 a goal holds only `expect` statements"],
        ),
        (
            "## Three {#three}",
            "## Three {#two}",
            &["55:1-16 a second step has the id `two` | ids are unique in a lesson"],
        ),
        ("```hint\nLook at the holders.\n```\n", "```hint\n\n```\n", &["45:1-8 an empty hint fence"]),
        (
            "```solve\nparent: write p.r \"x\"\n```\n",
            "",
            &["14:1-14 a step with a goal needs a solution | add a ```solve fence"],
        ),
        (
            "## Two {#two}\n",
            "",
            &["17:1-7 a fence before the first step | put a heading with an id above it: `## A pipe {#pipe}`"],
        ),
        (
            "## Three {#three}",
            "## Three",
            &[
                "55:1-9 a step needs an id, by which progress is kept | `## Three {#three}`; one with ### is a heading within a step",
            ],
        ),
        (
            "parent: write p.r \"x\"\n```\n",
            "parent: write p.r \"x\"\n",
            &["48:1-9 the `solve` fence of line 48 is not closed | a line of ``` ends it"],
        ),
        (
            "a  diagram\n```\n",
            "a  diagram\n",
            &["57:1-8 the `text` fence of line 57 is not closed | a line of ``` ends it"],
        ),
        (
            "```explain\nBecause.\n```\n",
            "```run\nspawn x\n```\n",
            &[
                "51:1-7 nothing is run or asked behind a goal of the same step | let a new step begin, with a heading of its own",
            ],
        ),
    ];
    for (right, wrong, expected) in cases {
        let source = good();
        assert!(source.contains(right), "{right}");
        let source = source.replacen(right, wrong, 1);
        let said = errors(&source);
        if expected[0].contains("is not closed") {
            assert_eq!(said.len(), 1, "nothing else is said: {said:#?}");
        }
        let first: Vec<&str> = said.iter().map(String::as_str).take(expected.len()).collect();
        assert_eq!(first, *expected, "{wrong}: {said:#?}");
    }
}

#[test]
fn figures_are_worked_out_for_this_machine() {
    let source = good().replace("Some words.", "So many: `= 16 * pagesize`, not `16 * pagesize`.");
    let lesson = parse(&source, &registry()).0.unwrap();
    let Item::Prose(blocks) = &lesson.steps[0].items[0] else { panic!() };
    let prose::Block::Paragraph(inlines) = &blocks[0] else { panic!() };
    assert_eq!(prose::plain(inlines), "So many: 65536, not 16 * pagesize.");
    let source = good().replace("Some words.", "`= pagesize` and `= 16 * pagesizes`.");
    assert!(errors(&source)[0].starts_with("16:18-36"), "{:?}", errors(&source));
}

#[test]
fn several_mistakes_are_told_at_once_in_order() {
    let source =
        GOOD.replace("parent: close p.w", "parent: clsoe p.w").replace("child failed EBADF", "child faild EBADF");
    let said = errors(&source);
    assert_eq!(said.len(), 3, "{said:#?}");
    assert!(said[0].starts_with("28:") && said[0].contains("faild"), "{said:#?}");
    assert!(said[1].starts_with("31:9-14") && said[1].contains("close"), "{said:#?}");
    assert!(said[2].starts_with("35:9-21"), "{said:#?}");
}

#[test]
fn what_is_no_lesson_is_said() {
    for (source, message) in [
        ("", "expected front matter"),
        ("# Hello\n", "expected front matter"),
        ("+++\nid = \"a\"\n", "expected front matter"),
        ("+++\nid = \n+++\n", "2:"),
        ("+++\nid = \"a\"\ntitle = \"b\"\nunit = \"c\"\nminutes = 1\n+++\nText.\n", "a lesson needs a step"),
        (&"x".repeat(LESSON_MAX + 1), "longer than LESSON_MAX"),
    ] {
        let said = errors(source);
        assert!(said.first().is_some_and(|s| s.contains(message)), "{message}: {said:?}");
    }
}

#[test]
fn nothing_read_makes_it_panic() {
    let good = good();
    for end in 0..good.len() {
        if good.is_char_boundary(end) {
            parse(&good[..end], &registry());
            parse(&format!("{}{}", &good[..end], &good[(end + 7).min(good.len())..]), &registry());
        }
    }
}

fn linted(source: &str) -> Vec<String> {
    let (lesson, diagnostics) = parse(source, &registry());
    let lesson = lesson.unwrap_or_else(|| panic!("{:#?}", said(source, &diagnostics)));
    said(source, &lint::lint(&lesson, &registry()))
}

#[test]
fn a_wall_of_statements_is_said() {
    let with = |more: usize| {
        good().replacen("parent: close p.w\n", &format!("parent: close p.w\n{}", "mark\n".repeat(more)), 1)
    };
    let walls = |source: &str| linted(source).into_iter().filter(|said| said.contains("are a wall")).count();
    let before = good().lines().filter(|line| line.starts_with("spawn")).count();
    assert!(before > 0);
    assert_eq!((walls(&with(15)), walls(&with(18))), (0, 1));
}

#[test]
fn the_linter_finds_what_form_allows() {
    assert_eq!(linted(&good()), Vec::<String>::new());
    let cases: &[(&str, &str, &str)] = &[
        ("[\"X4\"]", "[\"X44\"]", "7:11-16 unknown claim `X44` | did you mean `X4`?"),
        ("claims = [\"X4\"]\n", "", "1:1-4 the lesson does not say which claims it proves"),
        ("misconception = \"mine closes, so it ends\"\n", "", "1:1-4 the lesson corrects no misconception"),
        ("objectives = [\"say when\"]\n", "", "1:1-4 the lesson has no objectives"),
        (
            "minutes = 6\n",
            "minutes = 6\nrequires = [\"stranjer\"]\n",
            "9:13-23 unknown capability `stranjer` | did you mean `stranger`?",
        ),
        ("{#two}", "{#two requires=hosts}", "the first step can't be left out | say it in the front matter"),
        (
            "{#two}\n",
            "{#two}\n\nWords.\n\n## Away {#away requires=hots}\n",
            "unknown capability `hots` | did you mean `hosts`?",
        ),
        (
            "{#two}\n",
            "{#two}\n\nWords.\n\n## Away {#away requires=hosts}\n\n## Back {#back}\n",
            "this goes on from a step that may be left out | begin with an empty stage",
        ),
        ("minutes = 6\n", "minutes = 50\n", "longer than 12 minutes | make two lessons of it"),
        (
            "minutes = 6\n",
            "minutes = 6\npar = 9\n",
            "the last solution takes 1 statements | `par = 1`, or another solution",
        ),
        ("Because.", "See [it](pipes.html).", "`pipes.html` leads nowhere | a page, `https://…`, or a step, `#its-id`"),
        ("Because.", "TODO: the reason", "still to be written: the reason"),
        ("```explain\nBecause.\n```\n", "", "nothing is explained after the goal is met"),
        ("parent: close p.w", "parnt: close p.w", "31:1-17 nobody on stage is called `parnt` | did you mean `parent`?"),
        ("{child failed", "{chld failed", "28:16-33 nobody on stage is called `chld` | did you mean `child`?"),
        ("expect child returned", "expect chidl returned", "nobody on stage is called `chidl` | did you mean `child`?"),
        ("read p 1", "read p 4096", "32:15-19 4096 is true only where a page has 4096 bytes"),
        ("child: read p 1", "child: nanosleep 1s", "a lesson that sleeps waits for luck"),
        ("parent: close p.w", "parent: mq_open q timeout=1s", "`await parent`, before the next order to parent"),
    ];
    for (right, wrong, expected) in cases {
        let source = good();
        assert!(source.contains(right), "{right}");
        let said = linted(&source.replacen(right, wrong, 1));
        assert!(said.iter().any(|s| s.contains(expected)), "{wrong}: {said:#?}");
    }
    let awaited = good().replace("parent: close p.w", "parent: mq_open q timeout=1s\nawait parent");
    assert_eq!(linted(&awaited), Vec::<String>::new());
    let unasked = good();
    let (from, to) = (unasked.find("```predict").unwrap(), unasked.find("```run\nparent").unwrap());
    let refuted = unasked.find("```run for=c").unwrap();
    let goal = unasked.find("```goal").unwrap();
    let unasked = format!("{}{}{}", &unasked[..from], &unasked[to..refuted], &unasked[goal..]);
    assert!(linted(&unasked).iter().any(|s| s.contains("asks no prediction")));
}

#[test]
fn the_lessons_of_the_binary_are_sound() {
    let registry = crate::facility::registry();
    let pack = Pack::embedded(registry).unwrap();
    let mut found: Vec<String> = pack.bad.iter().flat_map(|b| said(&b.source, &b.diagnostics)).collect();
    for lesson in &pack.lessons {
        let linted = said(&lesson.source, &lint::lint(lesson, registry));
        found.extend(linted.into_iter().map(|s| format!("{}:{s}", lesson.id())));
    }
    assert_eq!(found, Vec::<String>::new());
}

mod packs {
    use std::path::PathBuf;

    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str, files: &[(&str, &str)]) -> Self {
            let path = std::env::temp_dir().join(format!("ipclab-pack-{}-{name}", std::process::id()));
            let _ = std::fs::remove_dir_all(&path);
            std::fs::create_dir(&path).unwrap();
            for (name, text) in files {
                std::fs::write(path.join(name), text).unwrap();
            }
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn list(lessons: &str) -> String {
        format!("format_version = 1\n[[units]]\nid = \"pipes\"\ntitle = \"Pipes\"\nlessons = [{lessons}]\n")
    }

    #[test]
    fn a_bad_lesson_is_named_and_the_others_stand() {
        let folder = Folder::new(
            "bad",
            &[
                ("pack.toml", &list("\"pipe-eof\", \"broken\", \"missing\", \"other\"")),
                ("pipe-eof.md", &good()),
                ("broken.md", "nothing"),
                ("other.md", &good()),
                ("left-out.md", &good()),
                ("README.md", "# What this is\n"),
            ],
        );
        let pack = Pack::open(&folder.0, &registry()).unwrap();
        assert_eq!(pack.lessons.len(), 1);
        assert_eq!(pack.units[0].lessons, ["pipe-eof", "broken", "missing", "other"]);
        let bad: Vec<String> = pack
            .bad
            .iter()
            .map(|b| {
                let file = PathBuf::from(&b.file).file_name().unwrap().to_str().unwrap().to_owned();
                format!("{file} {}", said(&b.source, &b.diagnostics)[0].replace(folder.0.to_str().unwrap(), "DIR"))
            })
            .collect();
        assert_eq!(
            bad,
            [
                "broken.md 1:1-8 expected front matter | the first line is `+++`, then `id = \"…\"` and the other keys, then `+++`",
                "pack.toml 5:34-43 DIR/missing.md can't be read: No such file or directory (os error 2)",
                "other.md 2:1-3 expected id `other`, as pack.toml has it, found `pipe-eof`",
            ]
        );
        let [note] = &pack.notes[..] else { panic!("{:?}", pack.notes) };
        let note = (&note.file, said(&note.source, &note.diagnostics)[0].replace(folder.0.to_str().unwrap(), "DIR"));
        assert!(note.0.ends_with("/left-out.md"), "{note:?}");
        assert_eq!(
            note.1,
            "1:1-4 DIR/pack.toml does not list it, so it is no part of the pack | `lessons = [\"left-out\"]` in one of its units"
        );
        assert_eq!(pack.nearest("pipe-eoff"), Some("pipe-eof"));
        assert_eq!(pack.nearest("eof"), Some("pipe-eof"));
        assert_eq!(pack.nearest("zebra"), None);
    }

    #[test]
    fn a_folder_needs_no_list() {
        let folder = Folder::new("plain", &[("a.md", &good()), ("b.md", &good()), ("notes.txt", "x")]);
        let pack = Pack::open(&folder.0, &registry()).unwrap();
        assert_eq!((pack.lessons.len(), pack.bad.len()), (1, 1), "the second has the id of the first");
        let told = said(&pack.bad[0].source, &pack.bad[0].diagnostics);
        assert!(
            told[0].starts_with("2:1-3 a second lesson has the id `pipe-eof`, the first is ")
                && told[0].contains("/a.md"),
            "{told:?}"
        );
        assert_eq!(pack.units[0].id, "pipes");
        assert_eq!(Pack::single(&folder.0.join("a.md"), &registry()).unwrap().lessons.len(), 1);
    }

    #[test]
    fn a_list_that_cannot_be_used_is_told_with_its_place() {
        for (text, expected) in [
            (
                list("\"a\"").replace("= 1", "= 2"),
                "1:18-19 expected format_version 1, found 2 | a newer ipclab may read it",
            ),
            (list("\"a\"").replace("title", "titel"), "4:1-6 unknown field `titel`"),
            ("format_version = 1\n".into(), "1:1-"),
            (list("3"), "5:12-13 invalid type"),
        ] {
            let folder = Folder::new("list", &[("pack.toml", &text)]);
            let Err(PackError::Wrong(bad)) = Pack::open(&folder.0, &registry()) else { panic!("{text}") };
            let said = said(&bad.source, &bad.diagnostics);
            assert!(said[0].starts_with(expected), "{said:?}");
        }
        let empty = Folder::new("empty", &[]);
        assert!(matches!(Pack::open(&empty.0, &registry()), Err(PackError::Empty(_))));
        assert!(matches!(Pack::open(&empty.0.join("nowhere"), &registry()), Err(PackError::Unreadable { .. })));
        assert!(matches!(Pack::single(&empty.0.join("nowhere"), &registry()), Err(PackError::Unreadable { .. })));
    }
}

#[test]
fn a_step_that_the_stage_is_not_enough_for_is_left_out() {
    let text = good().replacen(
        "{#two}\n",
        "{#two}\n\nWords.\n\n## Away {#away requires=hosts,pty}\n\nFar.\n\n## Back {#back}\n",
        1,
    );
    let (lesson, found) = parse(&text, &registry());
    let lesson = lesson.unwrap_or_else(|| panic!("{found:#?}"));
    let ids = |lesson: &Lesson| lesson.steps.iter().map(|s| s.id.clone()).collect::<Vec<_>>();
    let all = ["isolated", "hosts", "pty"].map(str::to_owned);
    let mut there = lesson.clone();
    assert_eq!(
        (there.fit(&all), ids(&there)),
        (Vec::new(), ["two", "away", "back", "three"].map(str::to_owned).to_vec())
    );
    let mut here = lesson.clone();
    let left = here.fit(&all[..2]);
    assert_eq!(ids(&here), ["two", "back", "three"]);
    assert_eq!(left[0].words(), "“Away” is left out: this stage lacks pty");

    // A learner who was in that step goes on behind it.
    let mut session = session::Session::new(lesson, Some("away"));
    session.take_news();
    session.fit(&all[..2]);
    assert_eq!(session.step().id, "back");
    let news = session.take_news();
    assert!(news.contains(&session::News::LeftOut(left)), "{news:?}");

    let (lesson, found) = parse(&good().replacen("{#two}", "{#two require=hosts}", 1), &registry());
    assert!(lesson.is_none());
    assert!(found.iter().any(|d| d.message == "unknown attribute `require`"), "{found:?}");
}
