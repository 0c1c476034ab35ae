//! What a learner has done, as text and as JSON.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use super::{json, words};
use crate::lesson::account::{Account, Due, LessonAccount, PredictionAccount, State, Tally, Whereabouts};
use crate::lesson::record::{Answer, Outcome};

/// All of it in short, with what to do next.
pub fn text(account: &Account, go_on: Option<&Whereabouts>) -> String {
    let mut out =
        format!("{} of {} lessons done.\n{}\n", account.done(), account.lessons.len(), tries(account.tally()));
    if let Some(go_on) = go_on {
        out.push_str(&words::fold(&format!("{}: `ipclab learn {}`.", place(go_on), go_on.lesson), "", "  "));
    }
    out.push('\n');
    let waiting = account.waiting();
    let due = account.due().len();
    match (due, waiting.first()) {
        (0, None) => out.push_str("Nothing is to be asked again.\n"),
        (0, Some(first)) => {
            let days = when(first, account);
            let _ = writeln!(out, "Nothing is due today; the next question {days}.");
        }
        (1, _) => out.push_str("One question is due: `ipclab review` asks it.\n"),
        (n, _) => {
            let _ = writeln!(out, "{n} questions are due: `ipclab review` asks them.");
        }
    }
    for due in &waiting {
        let line = format!("{}: {} (box {}, {})", due.lesson, due.question, due.standing.number, when(due, account));
        out.push_str(&words::fold(&line, "  ", "    "));
    }
    out.push('\n');
    let begun: Vec<&LessonAccount> = account.lessons.iter().filter(|l| l.state != State::New).collect();
    if begun.is_empty() {
        out.push_str("No lesson has been begun. `ipclab learn` opens them.\n");
    }
    for lesson in begun {
        out.push_str(&words::fold(&in_short(lesson), "", "  "));
    }
    if !account.elsewhere.is_empty() {
        let line = format!("Kept, but not of this pack: {}.", account.elsewhere.join(", "));
        out.push_str(&words::fold(&line, "\n", "  "));
    }
    out
}

/// Where to go on, in words.
pub fn place(go_on: &Whereabouts) -> String {
    match &go_on.step {
        Some((number, of, title)) => {
            format!("You were in \u{201c}{}\u{201d}, step {number} of {of}, {title}", go_on.title)
        }
        None => format!("Next comes \u{201c}{}\u{201d}", go_on.title),
    }
}

/// How predictions came out at the first try.
pub fn tries(tally: Tally) -> String {
    let decided = tally.right + tally.wrong;
    if decided == 0 {
        return "No prediction was made yet.".to_owned();
    }
    let percent = (tally.right * 100 + decided / 2) / decided;
    let mut text = format!("{} of {decided} predictions came out as foreseen ({percent} %)", tally.right);
    if tally.mended > 0 {
        let _ = write!(text, ", {} {} put right since", tally.mended, if tally.mended == 1 { "was" } else { "were" });
    }
    text.push('.');
    text
}

/// When a question is asked again.
pub fn when(due: &Due, account: &Account) -> String {
    match due.standing.due.since(account.today) {
        ..=0 => "is due".to_owned(),
        1 => "comes tomorrow".to_owned(),
        days => format!("comes in {days} days"),
    }
}

fn in_short(lesson: &LessonAccount) -> String {
    let mut text = format!("{}: {}", lesson.id, lesson.title);
    match &lesson.state {
        State::Done => text.push_str(", done"),
        State::Begun(number, of, _) => {
            let _ = write!(text, ", step {number} of {of}");
        }
        State::New => {}
    }
    let tally = lesson.tally();
    let decided = tally.right + tally.wrong;
    if decided > 0 {
        let _ = write!(text, "; {} of {decided} foreseen", tally.right);
        if tally.mended > 0 {
            let _ = write!(text, ", {} put right since", tally.mended);
        }
    }
    let (met, of) = lesson.goals;
    let _ = write!(text, "; {met} of {of} goals");
    if lesson.hints > 0 {
        let _ = write!(text, "; {} hint{}", lesson.hints, if lesson.hints == 1 { "" } else { "s" });
    }
    text.push('.');
    text
}

/// One lesson, with every prediction.
pub fn lesson(lesson: &LessonAccount, account: &Account) -> String {
    let mut out = words::fold(&in_short(lesson), "", "  ");
    if let Some(last) = lesson.last {
        let _ = writeln!(out, "Last time: {last}.");
    }
    for prediction in &lesson.predictions {
        out.push('\n');
        out.push_str(&words::fold(&prediction.question, "", ""));
        if prediction.answers.is_empty() {
            out.push_str("  not asked yet\n");
            continue;
        }
        for answer in &prediction.answers {
            out.push_str(&words::fold(&said(answer), "  ", "    "));
        }
        if prediction.answers.iter().any(|a| a.outcome == Outcome::Wrong) {
            out.push_str(&words::fold(&format!("What happens: {}.", prediction.right), "  ", "    "));
        }
        if let Some(overlooked) = &prediction.overlooked {
            out.push_str(&words::fold(overlooked, "  ", "    "));
        }
        if let Some(standing) = prediction.standing {
            let days = standing.due.since(account.today);
            let when = if days <= 0 { "now".to_owned() } else { format!("on {}", standing.due) };
            let _ = writeln!(out, "  Box {} of 4: asked again {when}.", standing.number);
        }
    }
    out
}

/// An answer in words: when, what, and how it came out.
pub fn said(answer: &Answer) -> String {
    let when = answer.at.map(|at| format!("{}: ", at.day())).unwrap_or_default();
    let review = if answer.review { " in a review" } else { "" };
    let (verb, how) = match answer.outcome {
        Outcome::Right => ("foresaw", ""),
        Outcome::Wrong => ("believed", ", and it came out otherwise"),
        Outcome::Undecided => ("said", ", and this kernel did something else altogether"),
    };
    format!("{when}you {verb}{review}: {}{how}", answer.text)
}

/// `progress`: all of it.
pub fn line(account: &Account, go_on: Option<&Whereabouts>) -> String {
    let tally = account.tally();
    json::line(
        "progress",
        &json!({
            "today": account.today.to_string(),
            "done": account.done(),
            "first_tries": {
                "right": tally.right, "wrong": tally.wrong, "undecided": tally.undecided, "open": tally.open,
                "mended": tally.mended,
            },
            "go_on": go_on.map(|w| json!({
                "lesson": w.lesson, "title": w.title, "step": w.step.as_ref().map(|s| s.0),
                "steps": w.step.as_ref().map(|s| s.1),
            })),
            "due": account.due().iter().map(|d| json!({ "lesson": d.lesson, "prediction": d.prediction })).collect::<Vec<_>>(),
            "lessons": account.lessons.iter().map(lesson_json).collect::<Vec<_>>(),
            "elsewhere": account.elsewhere,
        }),
    )
}

fn lesson_json(lesson: &LessonAccount) -> Json {
    let (state, step) = match &lesson.state {
        State::New => ("new", None),
        State::Begun(number, ..) => ("begun", Some(number)),
        State::Done => ("done", None),
    };
    json!({
        "lesson": lesson.id, "title": lesson.title, "state": state, "step": step,
        "goals": { "met": lesson.goals.0, "all": lesson.goals.1 }, "hints": lesson.hints,
        "last": lesson.last.map(|d| d.to_string()),
        "predictions": lesson.predictions.iter().map(prediction_json).collect::<Vec<_>>(),
    })
}

fn prediction_json(prediction: &PredictionAccount) -> Json {
    json!({
        "prediction": prediction.id,
        "question": prediction.question,
        "answers": prediction.answers.iter().map(answer_json).collect::<Vec<_>>(),
        "right": prediction.right,
        "box": prediction.standing.map(|s| s.number),
        "due": prediction.standing.map(|s| s.due.to_string()),
    })
}

fn answer_json(answer: &Answer) -> Json {
    json!({
        "at": answer.at.map(|at| at.to_string()), "choice": answer.choice.to_string(), "text": answer.text,
        "outcome": word(answer.outcome), "review": answer.review,
    })
}

/// What the kernel said to an answer, in one word.
pub const fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Right => "right",
        Outcome::Wrong => "wrong",
        Outcome::Undecided => "undecided",
    }
}
