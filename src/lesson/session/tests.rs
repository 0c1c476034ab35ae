//! A learner's way, with a stage that says what the test wants.

use super::*;
use crate::lesson::parse;
use crate::model::{Actor, ActorState, Call, CallState, Sleep};
use crate::script::testing::registry;
use crate::script::{self, Statement};

const LESSON: &str = r#"+++
id = "l"
title = "T"
unit = "u"
minutes = 1
+++
## One {#one}
Words.
```run
spawn alice
alice: pipe p
```
```predict id=p
What?
- [ ] she returns {alice returned 0} -> no
- [x] she sleeps {alice blocked in read on p} -> yes
```
```run
alice: read p 1
```
```run for=a
expect not alice returned 0
```
More words.

## Two {#two}
```run
spawn bob
```
```goal
# Have bob sleep
expect bob blocked
```
```hint when=bob blocked
Too late.
```
```hint
Let him read.
```
```solve
bob: read p 1
```
```explain
Well.
```

## Three {#three}
```run fresh
spawn carol
```
"#;

#[test]
fn what_is_measured_stands_where_its_fence_stands_and_can_be_left_out() {
    let source = LESSON.replace("More words.\n", "```measure\npipe\n```\nMore words.\n");
    let (lesson, diagnostics) = parse(&source, &registry());
    let lesson = lesson.unwrap_or_else(|| panic!("{diagnostics:?}"));
    let at_the_fence = || {
        let mut session = Session::new(lesson.clone(), None);
        carry_out(&mut session, &Snapshot::empty());
        session.go_on();
        carry_out(&mut session, &seen(&[("alice", false)]));
        assert!(session.answer(1));
        carry_out(&mut session, &seen(&[("alice", true)]));
        assert!(matches!(session.ask(), Ask::Measure(measure) if measure.plan.facilities == ["pipe"]));
        session
    };
    let words = |session: &Session| session.page().iter().filter(|part| matches!(part, Part::Measured(_))).count();
    let mut session = at_the_fence();
    session.go_on();
    assert!(matches!(session.next_order(), Some(Order::Measure(_))));
    assert_eq!((session.ask(), words(&session)), (Ask::Busy, 0));
    session.measured(vec![Block::Rule]);
    assert_eq!(session.page()[session.page().len() - 2], Part::Measured(&[Block::Rule]));
    assert!(matches!(session.ask(), Ask::Step(_)));
    let mut session = at_the_fence();
    session.skip();
    assert!(matches!(session.ask(), Ask::Step(_)) && words(&session) == 0);
    // A stage that is lost meanwhile takes nothing of it away: it is asked again.
    let mut session = at_the_fence();
    session.go_on();
    session.next_order();
    session.lost();
    assert!(matches!(session.ask(), Ask::Measure(_)));
}

fn session() -> Session {
    let (lesson, diagnostics) = parse(LESSON, &registry());
    Session::new(lesson.unwrap_or_else(|| panic!("{diagnostics:?}")), None)
}

fn statement(text: &str) -> Statement {
    script::parse_line(text, &registry()).unwrap()
}

fn actor(name: &str, asleep: bool) -> Actor {
    let sleep = Sleep {
        verb: "read".into(),
        args: String::new(),
        object: Some("p".into()),
        also: vec![],
        direction: "read".into(),
        since_ns: 0,
        deadline_ns: None,
        syscall: 0,
        restarts: 0,
    };
    let last = Call {
        actor: name.into(),
        order: 1,
        seq: 0,
        verb: "read".into(),
        args: String::new(),
        on: None,
        entered_ns: 0,
        state: CallState::Returned { ret: 0, errno: None, shown: "0".into(), data: None, at_ns: 1 },
        syscall: true,
        meaning: None,
    };
    Actor {
        name: name.into(),
        pid: 2,
        tid: 2,
        thread_of: None,
        scheduling: None,
        uid: 0,
        parent: None,
        host: None,
        state: if asleep { ActorState::Asleep(sleep) } else { ActorState::Idle },
        descriptors: Vec::new(),
        mappings: Vec::new(),
        variables: Vec::new(),
        stdout: None,
        job: crate::model::Job::default(),
        signals: None,
        program: None,
        last: Some(last),
        finished: 1,
        dropped: 0,
    }
}

fn seen(actors: &[(&str, bool)]) -> Snapshot {
    Snapshot { actors: actors.iter().map(|(name, asleep)| actor(name, *asleep)).collect(), ..Snapshot::empty() }
}

fn report(statement: &Statement, snapshot: Snapshot, outcome: Outcome) -> Report {
    Report { id: 1, statement: statement.to_string(), calls: Vec::new(), outcome, snapshot }
}

/// Carries out what the session wants; all see the same at the end. What was done, in words.
fn carry_out(session: &mut Session, after: &Snapshot) -> Vec<String> {
    let mut done = Vec::new();
    while let Some(order) = session.next_order() {
        match order {
            Order::Open => {
                done.push("open".to_owned());
                session.opened();
            }
            Order::Submit { statement, origin } => {
                done.push(format!("{origin:?} {statement}"));
                session.ended(&report(&statement, after.clone(), Outcome::Settled));
            }
            Order::Measure(_) => panic!("nobody asked for it"),
        }
    }
    done
}

fn type_it(session: &mut Session, text: &str, after: Snapshot, outcome: Outcome) {
    let statement = statement(text);
    session.typed(&statement, &report(&statement, after, outcome));
}

/// Up to the goals of the second step, with the given answer to the prediction.
fn at_goals(answer: usize) -> Session {
    let mut session = session();
    carry_out(&mut session, &Snapshot::empty());
    session.go_on();
    carry_out(&mut session, &seen(&[("alice", false)]));
    assert!(session.answer(answer));
    carry_out(&mut session, &seen(&[("alice", true)]));
    if answer == 0 {
        session.skip();
    }
    session.go_on();
    carry_out(&mut session, &seen(&[("alice", true)]));
    session.go_on();
    carry_out(&mut session, &seen(&[("alice", true), ("bob", false)]));
    assert_eq!(session.ask(), Ask::Goals);
    session.take_news();
    session
}

#[test]
fn a_prediction_is_asked_answered_and_decided_by_the_kernel() {
    let mut session = session();
    assert_eq!(carry_out(&mut session, &Snapshot::empty()), ["open"]);
    assert!(matches!(session.ask(), Ask::Run(_)));
    assert!(!session.answer(0), "nothing is asked yet");
    session.go_on();
    assert_eq!(session.ask(), Ask::Busy);
    assert_eq!(carry_out(&mut session, &seen(&[("alice", false)])), ["Lesson spawn alice", "Lesson alice: pipe p"]);
    assert!(matches!(session.ask(), Ask::Answer(_)));
    session.go_on();
    assert!(matches!(session.ask(), Ask::Answer(_)), "it can't be passed by");
    assert!(!session.answer(2));
    assert!(session.answer(0));
    assert_eq!(carry_out(&mut session, &seen(&[("alice", true)])), ["Lesson alice: read p 1"]);
    let news = session.take_news();
    assert_eq!(news.last(), Some(&News::Revealed { prediction: "p".into(), chosen: 0, held: Some(1) }));
    assert!(matches!(session.ask(), Ask::Refute(_)), "a wrong choice is refuted");
    session.go_on();
    assert_eq!(carry_out(&mut session, &seen(&[("alice", true)])), ["Refutation expect not alice returned 0"]);
    assert!(matches!(session.ask(), Ask::Step(step) if step.id == "two"));
    assert_eq!(session.take_news(), [News::Done("one".into())]);
    assert!(matches!(
        session.page()[..],
        [Part::Prose(_), Part::Run(_), Part::Prediction(..), Part::Run(_), Part::Refutation(_), Part::Prose(_)]
    ));
}

#[test]
fn a_right_choice_is_not_refuted_and_another_kernel_is_a_discovery() {
    for (asleep, held) in [(true, Some(1)), (false, Some(0))] {
        let mut session = session();
        carry_out(&mut session, &Snapshot::empty());
        session.go_on();
        carry_out(&mut session, &seen(&[("alice", false)]));
        session.answer(1);
        carry_out(&mut session, &seen(&[("alice", asleep)]));
        assert!(session.take_news().contains(&News::Revealed { prediction: "p".into(), chosen: 1, held }));
        assert!(matches!(session.ask(), Ask::Step(_)));
    }
}

#[test]
fn a_goal_is_met_in_any_way_and_stays_met() {
    let mut session = at_goals(1);
    type_it(&mut session, "alice: pipe q", seen(&[("bob", false)]), Outcome::Settled);
    assert_eq!(session.ask(), Ask::Goals);
    assert!(!session.off_path(), "on the way to a goal there is no path to leave");
    type_it(&mut session, "bob: read q 1", seen(&[("bob", true)]), Outcome::Settled);
    assert_eq!(session.take_news(), [News::Met("two".into()), News::Done("two".into())]);
    session.refreshed(&seen(&[("bob", false)]));
    assert!(matches!(session.page().last(), Some(Part::Explain(_))));
    assert_eq!(session.goals().iter().map(|(_, met)| *met).collect::<Vec<_>>(), [true]);
    session.go_on();
    let done = carry_out(&mut session, &Snapshot::empty());
    assert_eq!(
        done,
        [
            "open",
            "Replay spawn alice",
            "Replay alice: pipe p",
            "Replay alice: read p 1",
            "Replay spawn bob",
            "Replay bob: read p 1",
        ],
        "the next step begins where the lesson wants it"
    );
    assert_eq!(session.take_news(), [News::Step("three".into()), News::Restored]);
    session.go_on();
    assert_eq!(carry_out(&mut session, &Snapshot::empty()), ["open", "Lesson spawn carol"]);
    assert_eq!(session.ask(), Ask::End);
    session.go_on();
    assert_eq!(session.ask(), Ask::Over);
    assert_eq!(session.take_news(), [News::Done("three".into()), News::Over]);
}

#[test]
fn what_happens_by_itself_can_meet_a_goal() {
    let mut session = at_goals(1);
    session.refreshed(&seen(&[("bob", true)]));
    assert_eq!(session.take_news(), [News::Met("two".into()), News::Done("two".into())]);
}

#[test]
fn help_comes_in_rungs_that_fit_and_ends_with_the_solution() {
    let mut session = at_goals(1);
    assert!(matches!(session.hint(), Some(Rung::Hint(hint)) if hint.when.is_none()), "the first does not fit");
    assert!(matches!(session.hint(), Some(Rung::Solution(_))));
    assert!(matches!(session.hint(), Some(Rung::Solution(_))));
    session.solve();
    assert_eq!(carry_out(&mut session, &seen(&[("bob", true)])), ["Solution bob: read p 1"]);
    assert!(session.take_news().contains(&News::Done("two".into())));
    assert!(matches!(session.ask(), Ask::Step(_)));
    session.go_on();
    assert_eq!(carry_out(&mut session, &Snapshot::empty()), Vec::<String>::new(), "the stage is as it should be");
}

#[test]
fn who_leaves_the_path_can_come_back() {
    let mut session = session();
    carry_out(&mut session, &Snapshot::empty());
    session.go_on();
    carry_out(&mut session, &seen(&[("alice", false)]));
    type_it(&mut session, "expect p bytes 0", seen(&[]), Outcome::Settled);
    assert!(!session.off_path(), "looking leaves no trace");
    let why = Outcome::Refused { why: "no".into(), help: None };
    type_it(&mut session, "bob: read p 1", seen(&[]), why);
    assert!(!session.off_path(), "what was refused leaves none either");
    type_it(&mut session, "spawn eve", seen(&[]), Outcome::Settled);
    assert!(session.off_path());
    session.answer(1);
    assert_eq!(
        carry_out(&mut session, &seen(&[("alice", true)])),
        ["open", "Replay spawn alice", "Replay alice: pipe p", "Lesson alice: read p 1",]
    );
    assert!(!session.off_path());
}

#[test]
fn stepping_back_asks_again_on_the_stage_of_that_step() {
    let mut session = at_goals(1);
    session.back();
    assert_eq!(session.step().id, "two");
    assert_eq!(
        carry_out(&mut session, &Snapshot::empty()),
        ["open", "Replay spawn alice", "Replay alice: pipe p", "Replay alice: read p 1",]
    );
    assert!(matches!(session.ask(), Ask::Run(_)));
    session.back();
    assert_eq!(session.step().id, "one");
    assert_eq!(carry_out(&mut session, &Snapshot::empty()), ["open"]);
    session.go_on();
    carry_out(&mut session, &seen(&[("alice", false)]));
    assert!(matches!(session.ask(), Ask::Answer(_)));
    session.back();
    session.back();
    assert_eq!(session.step().id, "one", "before the first there is nothing");
}

#[test]
fn a_lost_stage_is_built_again() {
    let mut session = at_goals(1);
    session.lost();
    assert_eq!(carry_out(&mut session, &seen(&[("bob", false)])).len(), 5);
    assert_eq!(session.ask(), Ask::Goals);

    let mut session = self::session();
    carry_out(&mut session, &Snapshot::empty());
    session.go_on();
    session.next_order();
    session.lost();
    assert!(matches!(session.ask(), Ask::Run(_)), "the run begins again");
    session.go_on();
    assert_eq!(carry_out(&mut session, &Snapshot::empty()), ["open", "Lesson spawn alice", "Lesson alice: pipe p"]);
}

#[test]
fn a_session_can_begin_at_any_step() {
    let lesson = session().lesson().clone();
    let mut session = Session::new(lesson, Some("two"));
    assert_eq!(session.position(), 1);
    assert_eq!(carry_out(&mut session, &Snapshot::empty()).len(), 4);
    assert!(matches!(session.ask(), Ask::Run(_)));
    assert!(session.go_to("three") && !session.go_to("nowhere"));
}

#[test]
fn what_comes_out_otherwise_is_told_and_the_lesson_goes_on() {
    let mut session = session();
    carry_out(&mut session, &Snapshot::empty());
    session.take_news();
    session.go_on();
    let Some(Order::Submit { statement, .. }) = session.next_order() else { panic!() };
    let outcome = Outcome::Refused { why: "no".into(), help: None };
    session.ended(&report(&statement, Snapshot::empty(), outcome.clone()));
    let [News::Differs { span, outcome: told }] = &session.take_news()[..] else { panic!() };
    assert_eq!((session.lesson().line(*span), told), (10, &outcome));
    assert!(session.next_order().is_some());
}

#[test]
fn a_challenge_tells_in_how_many_statements() {
    let mut session = at_goals(1);
    session.lesson.front.par = Some(1);
    type_it(&mut session, "alice: pipe q", seen(&[("bob", false)]), Outcome::Settled);
    type_it(&mut session, "bob: read q 1", seen(&[("bob", true)]), Outcome::Settled);
    let met = [News::Met("two".into()), News::Done("two".into()), News::Scored { took: 2, par: 1 }];
    assert_eq!(session.take_news(), met);
    // Who lets the solution run has no score.
    let mut session = at_goals(1);
    session.lesson.front.par = Some(1);
    type_it(&mut session, "alice: pipe q", seen(&[("bob", false)]), Outcome::Settled);
    session.solve();
    carry_out(&mut session, &seen(&[("bob", true)]));
    assert!(!session.take_news().iter().any(|news| matches!(news, News::Scored { .. })));
}
