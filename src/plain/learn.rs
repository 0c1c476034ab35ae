//! A lesson, line by line.

use std::fmt::Write as _;

use super::commands::LEARN;
use super::desk::{Desk, Stop, Typed};
use super::measure::measured;
use super::{json, script, tell, words};
use crate::lesson::progress::Progress;
use crate::lesson::review::{Question, note};
use crate::lesson::session::{Answered, Ask, News, Order, Origin, Part, Rung, Session};
use crate::lesson::{LeftOut, Lesson, Pack, Prediction};
use crate::script::Severity;

/// The lessons of a pack, with what the learner has done.
pub fn list(pack: &Pack, progress: &Progress) -> String {
    let mut out = String::new();
    for unit in &pack.units {
        let _ = writeln!(out, "{}", unit.title);
        for id in &unit.lessons {
            let Some(lesson) = pack.lesson(id) else {
                let _ = writeln!(out, "  {id}: can't be used, `ipclab check` tells why");
                continue;
            };
            let state = match progress.lesson(id) {
                Some(l) if l.done => ", done",
                Some(_) => ", begun",
                None => "",
            };
            let par = lesson.front.par.map(|par| format!(", par {par}")).unwrap_or_default();
            let _ = writeln!(out, "  {id}: {}, {} minutes{par}{state}", lesson.front.title, lesson.front.minutes);
        }
    }
    out
}

/// Whether the learner left before the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// The lesson is over.
    Over,
    /// They left.
    Early,
}

/// Goes through a lesson with whoever types. `from` is the id of the step to begin with.
pub fn learn(
    desk: &mut Desk<'_>,
    lesson: &Lesson,
    progress: &mut Progress,
    from: Option<&str>,
    prompt: bool,
) -> Result<Left, Stop> {
    let session = Session::new(lesson.clone(), from);
    let mut class = Class { desk, progress, session, question: None, shown: 0, prompt, unfit: false };
    class.opening()?;
    class.go()
}

/// Asks a question again.
pub fn review(desk: &mut Desk<'_>, question: &Question, progress: &mut Progress, prompt: bool) -> Result<Left, Stop> {
    let session = question.begin();
    Class { desk, progress, session, question: Some(question), shown: 0, prompt, unfit: false }.go()
}

const HELP: &str = "\
Enter goes on. A number answers a question, or a letter: 2 and b are the same. A
statement is run, as in play.
? gives help with a goal, more each time; /solve runs the solution.
/back goes to the step before, /restore brings the stage to where the lesson wants it.
/show tells all that is on stage, /waits who waits for whom, /help WORD what a call does.
/quit leaves; you will be asked to go on here next time.
";

struct Class<'d, 'o> {
    desk: &'d mut Desk<'o>,
    progress: &'d mut Progress,
    session: Session,
    /// The question that is asked again, if this is a review.
    question: Option<&'d Question>,
    /// How many parts of the page have been told.
    shown: usize,
    prompt: bool,
    /// Whether the stage can't hold the lesson.
    unfit: bool,
}

impl Class<'_, '_> {
    fn go(&mut self) -> Result<Left, Stop> {
        loop {
            match self.turn() {
                Ok(None) => {}
                Ok(Some(left)) => return Ok(left),
                Err(Stop::Lost(why)) => {
                    let text = format!("the stage is lost: {why}; it is opened again\n");
                    script::wrong(self.desk, &text)?;
                    self.session.lost();
                }
                Err(stop) => return Err(stop),
            }
        }
    }

    fn opening(&mut self) -> Result<(), Stop> {
        let lesson = self.session.lesson();
        if self.desk.json() {
            let lines = [json::lesson(lesson), json::prose("opening", &lesson.opening)];
            return lines.iter().try_for_each(|line| self.desk.line(line));
        }
        let front = &lesson.front;
        let mut text = format!("{}\n", front.title);
        let _ = writeln!(text, "About {} minutes. Afterwards you can:", front.minutes);
        for objective in &front.objectives {
            text.push_str(&words::fold(objective, "- ", "  "));
        }
        text.push('\n');
        text.push_str(&words::blocks(&lesson.opening));
        self.desk.say(&text)
    }

    /// One turn: what is to be run, told and asked. `Some` when the lesson is left.
    fn turn(&mut self) -> Result<Option<Left>, Stop> {
        self.orders()?;
        if self.unfit {
            return Ok(Some(Left::Early));
        }
        self.tell()?;
        match self.session.ask() {
            Ask::Busy => Ok(None),
            Ask::Over => Ok(Some(Left::Over)),
            Ask::Run(run) => {
                let count = run.statements.len();
                let plural = if count == 1 { "" } else { "s" };
                self.wait(&format!("\nEnter runs {count} statement{plural}. "))
            }
            Ask::Refute(_) => self.wait("Enter shows it. "),
            Ask::Measure(measure) => {
                let seconds = measure.seconds();
                self.wait(&format!("\nEnter measures it here, in about {seconds} s; /skip leaves it out. "))
            }
            Ask::Answer(prediction) => {
                let words = format!("Your answer, 1 to {}: ", prediction.choices.len());
                self.wait(&words)
            }
            Ask::Goals => self.wait("> "),
            Ask::Step(_) => self.wait("Enter goes on. "),
            Ask::End => {
                if !self.desk.json() && self.question.is_none() {
                    let read = self.session.lesson().front.read.join(", ");
                    let more = if read.is_empty() { String::new() } else { format!("To read on: {read}.\n") };
                    self.desk.say(&format!("\nThis is the end of the lesson. {more}"))?;
                }
                self.session.go_on();
                self.orders()?;
                self.tell()?;
                Ok(Some(Left::Over))
            }
        }
    }

    /// Carries out what the session wants.
    fn orders(&mut self) -> Result<(), Stop> {
        self.news()?;
        while let Some(order) = self.session.next_order() {
            match order {
                Order::Open => {
                    self.desk.open()?;
                    if let Some(why) = self.desk.lacks(self.session.lesson()) {
                        self.unfit = true;
                        return if self.desk.json() {
                            self.desk.line(&json::line("unfit", &serde_json::json!({ "why": why })))
                        } else {
                            self.desk.say(&words::fold(&format!("This can't be shown here: {why}."), "", ""))
                        };
                    }
                    if let Some(info) = self.desk.info().filter(|_| self.question.is_none()) {
                        self.session.fit(&info.capabilities);
                    }
                    self.session.opened();
                }
                Order::Measure(measure) => {
                    let figures = measured(self.desk, &measure)?;
                    self.session.measured(figures);
                }
                Order::Submit { statement, origin } => {
                    let quiet = origin == Origin::Replay;
                    if !quiet && !self.desk.json() {
                        let text = self.session.lesson().text(statement.span).to_owned();
                        self.desk.say(&format!("{text}\n"))?;
                    }
                    let report = self.desk.run(&statement, quiet)?;
                    self.desk.calm();
                    self.session.ended(&report);
                }
            }
            self.news()?;
        }
        Ok(())
    }

    /// Tells the parts of the page that were not told yet.
    fn tell(&mut self) -> Result<(), Stop> {
        let page = self.session.page();
        let from = self.shown.min(page.len());
        let mut said: Vec<String> = Vec::new();
        let json = self.desk.json();
        for part in &page[from..] {
            said.push(match part {
                Part::Prose(blocks) if json => json::prose("text", blocks),
                Part::Prose(blocks) => format!("\n{}", words::blocks(blocks)),
                Part::Measured(blocks) if json => json::prose("figures", blocks),
                Part::Measured(blocks) => format!("\n{}", words::blocks(blocks)),
                Part::Explain(blocks) if json => json::prose("explanation", blocks),
                Part::Explain(blocks) => format!("\n{}", words::blocks(blocks)),
                Part::Prediction(prediction, answered) => self.prediction(prediction, *answered),
                Part::Goal(goal, met) if json => {
                    json::line("goal", &serde_json::json!({ "goal": goal.id, "text": goal.text, "met": met }))
                }
                Part::Goal(goal, _) => {
                    let first = "\nYour goal: ";
                    words::fold(&goal.text, first, "  ")
                }
                Part::Hint(hint) if json => json::prose("hint", &hint.text),
                Part::Hint(hint) => format!("\n{}", words::led("Hint: ", &hint.text)),
                Part::Run(run) | Part::Solution(run) if json => {
                    let kind = if matches!(part, Part::Run(_)) { "run" } else { "solution" };
                    json::line("statements", &serde_json::json!({ "kind": kind, "text": self.session.lesson().text(run.span) }))
                }
                Part::Solution(_) if self.session.ask() != Ask::Goals => String::new(),
                Part::Solution(run) => {
                    format!("\nThe solution; /solve runs it:\n{}\n", indented(self.session.lesson().text(run.span)))
                }
                Part::Run(_) => String::new(), // each statement is told when it runs
                Part::Refutation(refutation) if json => json::line(
                    "statements",
                    &serde_json::json!({ "kind": "refutation", "text": self.session.lesson().text(refutation.run.span) }),
                ),
                Part::Refutation(_) => "\nSee for yourself:\n".to_owned(),
            });
        }
        self.shown = page.len();
        for text in said.iter().filter(|t| !t.is_empty()) {
            if json { self.desk.line(text)? } else { self.desk.say(text)? }
        }
        Ok(())
    }

    fn prediction(&self, prediction: &Prediction, answered: Option<Answered>) -> String {
        if answered.is_some() {
            return String::new();
        }
        if self.desk.json() {
            return json::asked(prediction);
        }
        let mut text = format!("\n{}", words::blocks(&prediction.question));
        for (index, choice) in prediction.choices.iter().enumerate() {
            text.push_str(&words::fold(&words::inlines(&choice.text), &format!("  {}. ", index + 1), "     "));
        }
        text
    }

    fn news(&mut self) -> Result<(), Stop> {
        for news in self.session.take_news() {
            let lesson = self.session.lesson();
            let id = lesson.id().to_owned();
            let kept = note(self.progress, &self.session, self.question, &news);
            if let News::Step(_) = &news {
                self.shown = 0;
            }
            if self.desk.json() {
                let line = json::news(lesson, &news);
                self.desk.line(&line)?;
            } else {
                let text = match &news {
                    News::Step(_) if self.question.is_some() => format!("\n{}\n", lesson.front.title),
                    _ => said(lesson, &news, self.session.position()),
                };
                self.desk.say(&text)?;
            }
            if let Err(why) = kept {
                script::wrong(self.desk, &format!("{id}: {why}\n"))?;
            }
        }
        Ok(())
    }

    /// Waits for the learner and does what they say. `Some` when they leave.
    fn wait(&mut self, prompt: &str) -> Result<Option<Left>, Stop> {
        let shown = if self.prompt { prompt } else { "" };
        let Typed::Line(line) = self.desk.ask(shown)? else { return Ok(Some(Left::Early)) };
        self.desk.echo(self.prompt, &line)?;
        let before = self.desk.seen().clone();
        if before != *self.session.snapshot() {
            self.session.refreshed(&before);
        }
        let word = line.trim();
        match word {
            "" => match self.session.ask() {
                Ask::Answer(_) | Ask::Goals => self.tell_text(HELP)?,
                _ => self.session.go_on(),
            },
            "?" => self.hint()?,
            _ => match LEARN.read(word) {
                None => self.typed(&line)?,
                Some(Ok(("/quit", _))) => return Ok(Some(Left::Early)),
                Some(Ok((command, rest))) => self.command(command, rest)?,
                Some(Err(why)) => script::wrong(self.desk, &format!("{why}\n"))?,
            },
        }
        Ok(None)
    }

    /// Carries out a command of this face.
    fn command(&mut self, word: &str, rest: &str) -> Result<(), Stop> {
        match word {
            "/hint" => return self.hint(),
            "/skip" => self.session.skip(),
            "/solve" => self.session.solve(),
            "/back" if self.question.is_some() => return self.tell_text("A review has one step.\n"),
            "/back" => self.session.back(),
            "/restore" => self.session.restore(),
            "/waits" => {
                let text = super::waits::all(self.desk.looks());
                return self.tell_text(&text);
            }
            "/show" => {
                let text = tell::stage(self.desk.seen());
                return self.tell_text(&text);
            }
            _ if rest.is_empty() => return self.tell_text(HELP),
            _ => return self.tell_text(&tell::help(rest)),
        }
        Ok(())
    }

    fn tell_text(&mut self, text: &str) -> Result<(), Stop> {
        script::tell_text(self.desk, text)
    }

    fn hint(&mut self) -> Result<(), Stop> {
        match self.session.hint() {
            None => self.tell_text("There is help where a goal is open.\n"),
            Some(Rung::Hint(_) | Rung::Solution(_)) => {
                // Hints stand before the solution on the page: tell the one that is new.
                self.shown = self.shown.min(self.session.page().len().saturating_sub(1));
                Ok(())
            }
        }
    }

    /// An answer, or a statement.
    fn typed(&mut self, line: &str) -> Result<(), Stop> {
        if let Ask::Answer(prediction) = self.session.ask()
            && let Some(place) = Prediction::place(line)
        {
            let count = prediction.choices.len();
            if place < count {
                self.session.answer(place);
                return Ok(());
            }
            let last = Prediction::letter(count - 1);
            let text = format!("{} is none of the answers: they are 1 to {count}, or a to {last}\n", line.trim());
            return script::wrong(self.desk, &text);
        }
        let mut source = line.to_owned();
        while crate::script::incomplete(&source) {
            match self.desk.ask(if self.prompt { "… " } else { "" })? {
                Typed::Line(line) => {
                    let _ = write!(source, "\n{line}");
                }
                Typed::End => break,
            }
        }
        let (statements, mut diagnostics) = crate::script::parse(&source, crate::facility::registry());
        if !diagnostics.is_empty() {
            LEARN.amend(&source, &mut diagnostics);
            script::mistaken(self.desk, &source, &diagnostics)?;
        }
        if diagnostics.iter().any(|d| d.severity == Severity::Error) {
            return Ok(());
        }
        for statement in &statements {
            let report = self.desk.run(statement, false)?;
            self.session.typed(statement, &report);
            if self.desk.calm() {
                break;
            }
        }
        if self.session.off_path() && !self.desk.json() {
            self.desk.say("You have left the lesson's path; going on brings the stage back.\n")?;
        }
        Ok(())
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|l| format!("    {l}")).collect::<Vec<_>>().join("\n")
}

fn said(lesson: &Lesson, news: &News, position: usize) -> String {
    match news {
        News::Step(id) => {
            let title = lesson.steps.iter().find(|s| s.id == *id).map_or("", |s| &s.title);
            format!("\nStep {} of {}: {title}\n", position + 1, lesson.steps.len())
        }
        News::LeftOut(steps) => {
            let words = |left: &LeftOut| words::fold(&format!("{}; `ipclab doctor` says why.", left.words()), "", "  ");
            steps.iter().map(words).collect()
        }
        News::Restored => "The stage is set as the lesson wants it.\n".to_owned(),
        News::Revealed { prediction, chosen, held } => {
            let Some(p) = lesson.prediction(prediction) else { return String::new() };
            let choice = &p.choices[*chosen];
            let verdict = if *held == Some(*chosen) { "You said so, and so it is: " } else { "You said: " };
            let mut text = words::fold(&format!("{verdict}{}.", choice.plain()), "\n", "");
            text.push_str(&words::fold(&words::inlines(&choice.answer), "", ""));
            match held {
                Some(h) if h != chosen => {
                    let right = &p.choices[*h];
                    text.push_str(&words::fold(&format!("What happened: {}.", right.plain()), "", ""));
                    text.push_str(&words::fold(&words::inlines(&right.answer), "", ""));
                }
                None => text.push_str(
                    "Your kernel does something that none of the answers foresaw. Have a look at the stage.\n",
                ),
                Some(_) => {}
            }
            text
        }
        News::Differs { span, outcome } => {
            format!(
                "This came out otherwise than the lesson says, in its line {}:\n{}",
                lesson.line(*span),
                tell::outcome(outcome)
            )
        }
        News::Met(id) => {
            let text = lesson.goals().find(|g| g.id == *id).map_or("", |g| &g.text);
            words::fold(&format!("Done: {text}."), "", "  ")
        }
        News::Scored { took, par } => words::fold(&format!("{}.", score(*took, *par)), "", "  "),
        News::Done(_) | News::Helped(_) => String::new(),
        News::Over => String::new(),
    }
}

/// How a challenge went.
pub fn score(took: u32, par: u32) -> String {
    let statements = if took == 1 { "statement" } else { "statements" };
    let how = match took.cmp(&par) {
        std::cmp::Ordering::Less => "fewer than ours",
        std::cmp::Ordering::Equal => "as good as ours",
        std::cmp::Ordering::Greater => "it can be done in fewer",
    };
    format!("done in {took} {statements}, par is {par}: {how}")
}
