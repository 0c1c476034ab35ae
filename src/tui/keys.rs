//! The keymap: one table that dispatches keys, fills the line of keys, and makes the help of each screen.

use std::fmt;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Where keys are pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Context {
    /// The live pipe at the start.
    First = 1,
    /// The menu.
    Menu = 2,
    /// The list of lessons.
    Lessons = 4,
    /// A lesson.
    Lesson = 8,
    /// The stage, in Play or beside a lesson.
    Stage = 16,
    /// The prompt has the focus.
    Prompt = 32,
    /// The script editor has the focus.
    Editor = 64,
    /// The transcript has the focus.
    Transcript = 128,
    /// Help, or another page laid over the screen.
    Page = 256,
    /// A field that asks for one line: a file's name, a word to find.
    Field = 512,
    /// The map.
    Map = 1024,
    /// What the learner has done.
    Progress = 2048,
    /// The comparison.
    Compare = 4096,
    /// The measuring room.
    Measure = 8192,
    /// A terminal on stage is typed into.
    Terminal = 16384,
    /// The chooser.
    Choose = 32768,
    /// A scenario on two facilities.
    Swap = 65536,
    /// A page of what is known, laid over the screen.
    Sheet = 131_072,
}

impl Context {
    /// All contexts.
    pub const ALL: [Self; 18] = [
        Self::First,
        Self::Menu,
        Self::Lessons,
        Self::Lesson,
        Self::Stage,
        Self::Prompt,
        Self::Editor,
        Self::Transcript,
        Self::Page,
        Self::Field,
        Self::Map,
        Self::Progress,
        Self::Compare,
        Self::Measure,
        Self::Terminal,
        Self::Choose,
        Self::Swap,
        Self::Sheet,
    ];

    /// Whether characters are text here.
    pub const fn types(self) -> bool {
        matches!(self, Self::Prompt | Self::Editor | Self::Field | Self::Terminal)
    }
}

const fn contexts(list: &[Context]) -> u32 {
    let (mut bits, mut i) = (0, 0);
    while i < list.len() {
        bits |= list[i] as u32;
        i += 1;
    }
    bits
}

const EVERYWHERE: u32 = u32::MAX;
/// Where Control and a letter are no key of the terminal on stage.
const OURS: u32 = EVERYWHERE & !(Context::Terminal as u32);

/// One line of the table.
#[derive(Debug, Clone, Copy)]
struct Row {
    action: Action,
    name: &'static str,
    keys: &'static [&'static str],
    /// One or two words for the line of keys.
    short: &'static str,
    doc: &'static str,
    contexts: u32,
    /// Contexts whose line of keys shows it; the others show it in help only.
    shown: u32,
}

macro_rules! actions {
    ($($action:ident $name:literal $keys:tt $short:literal $doc:literal in $contexts:expr, shown $shown:expr;)+) => {
        /// Something that a key does.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Action {
            $(#[doc = $doc] $action),+
        }

        const ROWS: &[Row] = &[$(Row {
            action: Action::$action,
            name: $name,
            keys: &$keys,
            short: $short,
            doc: $doc,
            contexts: $contexts,
            shown: $shown,
        }),+];
    };
}

use Context::{
    Choose, Compare, Editor, Field, First, Lesson, Lessons, Map, Measure, Menu, Page, Progress, Prompt, Sheet, Stage,
    Swap, Terminal, Transcript,
};

const LISTS: u32 = contexts(&[Menu, Lessons, Map, Progress]);
const CHOICE: u32 = LISTS | contexts(&[Measure]);
const LOOK: u32 = contexts(&[Stage, Transcript, Lesson]);
const SCROLL: u32 = contexts(&[Stage, Transcript, Lesson, Page, Sheet, Map, Compare, Choose, Swap]);

actions! {
    MoveByte "move-byte" ["space"] "move a byte" "Let the writer write one byte" in contexts(&[First]), shown contexts(&[First]);
    Choose "choose" ["enter"] "choose" "Open the chosen entry" in LISTS | contexts(&[First, Page, Sheet]), shown LISTS;
    Run "run" ["enter"] "run" "Run the statement" in contexts(&[Prompt]), shown contexts(&[Prompt]);
    Accept "accept" ["enter"] "accept" "Take what was typed" in contexts(&[Field, Terminal]), shown contexts(&[Field, Terminal]);
    Next "next" ["n", "enter"] "next" "Go on to the next step of the lesson" in contexts(&[Lesson]), shown contexts(&[Lesson]);
    Answer1 "answer-1" ["1"] "answer" "Predict the first choice" in contexts(&[First, Lesson]), shown 0;
    Answer2 "answer-2" ["2"] "answer" "Predict the second choice" in contexts(&[First, Lesson]), shown 0;
    Answer3 "answer-3" ["3"] "answer" "Predict the third choice" in contexts(&[First, Lesson]), shown 0;
    Answer4 "answer-4" ["4"] "answer" "Predict the fourth choice" in contexts(&[First, Lesson]), shown 0;
    Answer5 "answer-5" ["5"] "answer" "Predict the fifth choice" in contexts(&[Lesson]), shown 0;
    Answer6 "answer-6" ["6"] "answer" "Predict the sixth choice" in contexts(&[Lesson]), shown 0;
    Skip "skip" ["s"] "" "Leave out the test of a belief" in contexts(&[Lesson]), shown 0;
    Solve "solve" ["S"] "" "Run the solution" in contexts(&[Lesson]), shown 0;
    StepBefore "step-before" ["b"] "" "Go back to the beginning of the step, or to the one before" in contexts(&[Lesson]), shown 0;
    Hint "hint" ["h"] "hint" "Show the next hint" in contexts(&[Lesson]), shown contexts(&[Lesson]);
    Undo "undo" ["u"] "undo" "Step back: a new stage runs the same statements up to the one before; or take an answer back" in LOOK | contexts(&[First, Choose]), shown contexts(&[Stage, First, Choose]);
    Suspend "suspend" ["ctrl-z"] "" "Stop the program until the shell brings it forward" in OURS, shown 0;
    Complete "complete" ["tab"] "complete" "Complete the word, and go through what fits" in contexts(&[Prompt]), shown contexts(&[Prompt]);
    CompleteBack "complete-back" ["backtab"] "" "Go back through what fits" in contexts(&[Prompt]), shown 0;
    Older "older" ["up", "ctrl-p"] "history" "Take the statement before from the history" in contexts(&[Prompt]), shown contexts(&[Prompt]);
    Newer "newer" ["down", "ctrl-n"] "" "Take the statement after from the history" in contexts(&[Prompt]), shown 0;
    Command "command" [":"] "type" "Type a statement" in LOOK, shown contexts(&[Stage, Transcript, Lesson]);
    Pane "pane" ["tab"] "column" "Go to the next column: lesson, stage, transcript; map, card; chart, card" in LOOK | contexts(&[Map, Measure, Choose]), shown LOOK | contexts(&[Map, Measure, Choose]);
    PageTurn "turn" ["tab"] "keys or language" "Turn between the keys and the reference of the language" in contexts(&[Page]), shown contexts(&[Page]);
    PaneBack "pane-back" ["backtab"] "" "Go to the column before" in LOOK | contexts(&[Map, Measure, Choose]), shown 0;
    Up "up" ["up", "k"] "" "Go up" in CHOICE | SCROLL, shown 0;
    Down "down" ["down", "j"] "" "Go down" in CHOICE | SCROLL, shown 0;
    Left "left" ["left", "h"] "" "Go left, or to the one before" in contexts(&[Stage, Map, Compare, Measure, Choose, Swap]), shown 0;
    Right "right" ["right", "l"] "another" "Go right, or to the next one" in contexts(&[Stage, Map, Compare, Measure, Choose, Swap]), shown contexts(&[Swap]);
    PageUp "page-up" ["pageup", "ctrl-b"] "" "Go up a page" in SCROLL | contexts(&[Prompt, Progress, Lessons]), shown 0;
    PageDown "page-down" ["pagedown", "ctrl-f"] "scroll" "Go down a page" in SCROLL | contexts(&[Prompt, Progress, Lessons]), shown contexts(&[Sheet]);
    Top "top" ["home", "g"] "" "Go to the first line" in SCROLL | contexts(&[Measure, Lessons]), shown 0;
    Bottom "bottom" ["end", "G"] "" "Go to the last line" in SCROLL | contexts(&[Measure, Lessons]), shown 0;
    Detail "detail" ["enter"] "detail" "Show all that is known of what has the focus" in contexts(&[Stage, Transcript]), shown contexts(&[Stage]);
    PlayIt "play-it" ["p"] "play it" "Play with what is chosen, on a stage that is made ready" in contexts(&[Map]), shown contexts(&[Map]);
    Prove "prove" ["c"] "run its claims" "Run the experiments that show what is claimed, each with its counter-run" in contexts(&[Map]), shown contexts(&[Map]);
    NeedIt "need-it" ["space", "enter"] "yes or no" "Say that it is needed, or not any more" in contexts(&[Choose]), shown contexts(&[Choose]);
    ProveReasons "prove-reasons" ["p"] "prove it" "Run the experiments behind the reasons of what is chosen" in contexts(&[Choose]), shown contexts(&[Choose]);
    RunSwap "run-swap" ["enter"] "run both" "Run the scenario on both facilities" in contexts(&[Swap]), shown contexts(&[Swap]);
    SwapIt "swap" ["x"] "swap" "Run it on another facility too, and see what breaks" in contexts(&[Stage, Map, Choose]), shown contexts(&[Map, Choose]);
    ProveIt "prove-it" ["p", "enter"] "prove it" "Run the experiment that shows the chosen answer, with its counter-run" in contexts(&[Compare]), shown contexts(&[Compare]);
    ProveRow "prove-row" ["r"] "its row" "Prove all answers of the row" in contexts(&[Compare]), shown contexts(&[Compare]);
    ProveColumn "prove-column" ["c"] "its column" "Prove all answers of the column" in contexts(&[Compare]), shown contexts(&[Compare]);
    ProveAll "prove-all" ["A"] "" "Prove all answers of the table" in contexts(&[Compare]), shown 0;
    ToMap "to-map" ["m"] "card" "Show the card of what is chosen, on the map" in contexts(&[Compare, Choose]), shown contexts(&[Compare, Choose]);
    ToCompare "to-compare" ["v"] "compare" "Show how it compares with the others" in contexts(&[Map]), shown contexts(&[Map]);
    Find "find" ["/"] "find" "Find a word" in contexts(&[Transcript, Page, Map]), shown contexts(&[Transcript, Page, Map]);
    FindNext "find-next" ["n"] "" "Go to the next find" in contexts(&[Transcript]), shown 0;
    FindBack "find-back" ["N"] "" "Go to the find before" in contexts(&[Transcript]), shown 0;
    Filter "filter" ["f"] "filter" "Show the calls of one actor, then of the next, then of all" in contexts(&[Transcript]), shown contexts(&[Transcript]);
    Waits "waits" ["w", "f4"] "who waits" "Show who waits for whom, and what is wrong" in LOOK | contexts(&[Page, Sheet]), shown contexts(&[Stage, Transcript]);
    WaitsHere "waits-here" ["f4"] "who waits" "Show who waits for whom, and what is wrong" in contexts(&[Prompt, Editor]), shown 0;
    Copy "copy" ["y"] "copy" "Copy the line or the pane to the clipboard" in contexts(&[Transcript, Stage]), shown contexts(&[Transcript]);
    EditorOpen "editor" ["e", "ctrl-e"] "script" "Open the script editor, or close it" in contexts(&[Stage, Transcript]), shown contexts(&[Stage]);
    EditorHere "editor-here" ["ctrl-e"] "close" "Open the script editor, or close it" in contexts(&[Prompt, Editor]), shown contexts(&[Editor]);
    RunLine "run-line" ["ctrl-r", "alt-enter"] "run line" "Run the line and go to the next" in contexts(&[Editor]), shown contexts(&[Editor]);
    RunAll "run-all" ["f5", "ctrl-g"] "run all" "Run the whole script on a fresh stage" in contexts(&[Editor]), shown contexts(&[Editor]);
    Pin "pin" ["p"] "" "Pin the stage as it is: what changes from here on is marked; again: let go" in contexts(&[Stage]), shown 0;
    TypeInto "type-into" ["i"] "" "Type into the terminal on stage that has the focus: Ctrl-C and the like reach it, until Esc" in contexts(&[Stage]), shown 0;
    OpenFile "open" ["ctrl-o"] "open" "Open a script" in contexts(&[Editor, Stage]), shown contexts(&[Editor]);
    SaveFile "save" ["ctrl-s"] "save" "Save the script, or the session as a script; as a lesson if the name ends in .md" in contexts(&[Editor, Stage, Transcript, Prompt]), shown contexts(&[Editor]);
    Reset "reset" ["R"] "reset" "Begin again on a fresh stage" in contexts(&[Stage, Lesson]), shown 0;
    Age "age" ["a"] "" "Work out anew since when each call sleeps" in contexts(&[Stage]), shown 0;
    Review "review" ["v"] "review" "Ask again what is due" in contexts(&[Progress, Lessons]), shown contexts(&[Progress]);
    Progress "progress" ["p"] "progress" "Show what you have done" in contexts(&[Menu, Lessons]), shown contexts(&[Lessons]);
    Forget "forget" ["x"] "forget" "Forget what was done in the chosen lesson" in contexts(&[Progress]), shown contexts(&[Progress]);
    ForgetAll "forget-all" ["X"] "" "Forget all that was done" in contexts(&[Progress]), shown 0;
    TakeBack "take-back" ["u"] "undo" "Bring back what was forgotten last" in contexts(&[Progress]), shown 0;
    Export "export" ["e"] "export" "Write all that was done into a file, for another ipclab" in contexts(&[Progress]), shown contexts(&[Progress]);
    Import "import" ["i"] "import" "Lay what an ipclab has exported beside what was done here" in contexts(&[Progress]), shown contexts(&[Progress]);
    ToMeasure "to-measure" ["m"] "cost" "Measure what each facility costs here, and come back" in LOOK | contexts(&[Map]), shown contexts(&[Map]);
    Measure "measure" ["m"] "measure" "Measure all facilities, in about a minute and a half" in contexts(&[Measure]), shown contexts(&[Measure]);
    MeasureQuick "measure-quick" ["Q"] "quickly" "Measure all facilities for a first impression, in about ten seconds" in contexts(&[Measure]), shown contexts(&[Measure]);
    MeasureOne "measure-one" ["enter"] "only this" "Measure the chosen facility alone" in contexts(&[Measure]), shown contexts(&[Measure]);
    Placement "placement" ["c"] "cores" "Show both processes on one core, or on two" in contexts(&[Measure]), shown contexts(&[Measure]);
    Size "size" ["z"] "size" "Show the next size of a message" in contexts(&[Measure]), shown contexts(&[Measure]);
    Cancel "cancel" ["esc"] "back" "Cancel what runs, close what is open, or go back" in EVERYWHERE, shown contexts(&[First, Menu, Lessons, Prompt, Editor, Page, Sheet, Field, Terminal, Stage, Map, Progress, Compare, Choose, Swap, Measure]);
    Interrupt "interrupt" ["ctrl-c"] "" "Clear the line; twice: leave the program" in OURS, shown 0;
    Help "help" ["?"] "keys" "Show the keys of this screen" in contexts(&[First, Menu, Lessons, Lesson, Stage, Transcript, Map, Progress, Compare, Choose, Swap, Measure]), shown contexts(&[First, Menu, Lessons, Lesson, Stage, Transcript, Map, Progress, Compare, Choose, Swap, Measure]);
    HelpKey "help-key" ["f1"] "help" "Show the keys of this screen, then the reference of the language" in EVERYWHERE, shown contexts(&[Prompt, Editor]);
    Mouse "mouse" ["f2"] "" "Let the mouse point and scroll, or leave it to the terminal" in EVERYWHERE, shown 0;
    ThemeNext "theme" ["f3"] "" "Change the palette" in EVERYWHERE, shown 0;
    Redraw "redraw" ["ctrl-l"] "" "Draw the whole screen anew" in OURS, shown 0;
    Quit "quit" ["q"] "quit" "Leave the program" in contexts(&[First, Menu, Lessons, Lesson, Stage, Transcript, Map, Progress, Compare, Choose, Swap, Measure]), shown contexts(&[First, Menu]);
    QuitNow "quit-now" ["ctrl-q"] "" "Leave the program from anywhere; once more where something is not saved" in OURS, shown 0;
}

/// One key with its modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Chord {
    /// The key.
    pub code: KeyCode,
    /// Control and Alt; Shift is in the character.
    pub modifiers: KeyModifiers,
}

const NAMED: [(&str, KeyCode, &str); 16] = [
    ("enter", KeyCode::Enter, "Enter"),
    ("esc", KeyCode::Esc, "Esc"),
    ("tab", KeyCode::Tab, "Tab"),
    ("backtab", KeyCode::BackTab, "Shift-Tab"),
    ("space", KeyCode::Char(' '), "Space"),
    ("backspace", KeyCode::Backspace, "Backspace"),
    ("delete", KeyCode::Delete, "Del"),
    ("insert", KeyCode::Insert, "Ins"),
    ("up", KeyCode::Up, "↑"),
    ("down", KeyCode::Down, "↓"),
    ("left", KeyCode::Left, "←"),
    ("right", KeyCode::Right, "→"),
    ("pageup", KeyCode::PageUp, "PgUp"),
    ("pagedown", KeyCode::PageDown, "PgDn"),
    ("home", KeyCode::Home, "Home"),
    ("end", KeyCode::End, "End"),
];

fn named_key(name: &str) -> Option<KeyCode> {
    if let Some((_, code, _)) = NAMED.iter().find(|(n, ..)| *n == name) {
        return Some(*code);
    }
    let number = name.strip_prefix('f')?.parse::<u8>().ok()?;
    (1..=12).contains(&number).then_some(KeyCode::F(number))
}

fn unknown_key(text: &str, name: &str) -> String {
    let names = NAMED.iter().map(|(n, ..)| *n).chain(["f1", "ctrl-r"]);
    match crate::script::nearest(name, names) {
        Some(near) => format!("unknown key `{text}`, the nearest is `{near}`"),
        None => format!("unknown key `{text}`, expected one such as `ctrl-r`, `alt-enter`, `f5`, `?`"),
    }
}

impl Chord {
    /// The chord that a key event is.
    pub fn of(event: KeyEvent) -> Self {
        let keep = KeyModifiers::CONTROL | KeyModifiers::ALT;
        Self { code: event.code, modifiers: event.modifiers & keep }
    }

    /// Reads `ctrl-r`, `alt-enter`, `f5`, `?`, `G`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (mut rest, mut modifiers) = (text, KeyModifiers::NONE);
        loop {
            let lower = rest.to_ascii_lowercase();
            let (found, len) = if lower.starts_with("ctrl-") {
                (KeyModifiers::CONTROL, 5)
            } else if lower.starts_with("alt-") {
                (KeyModifiers::ALT, 4)
            } else {
                break;
            };
            modifiers |= found;
            rest = &rest[len..];
        }
        let lower = rest.to_ascii_lowercase();
        let mut chars = rest.chars();
        let code = match (chars.next(), chars.next()) {
            (Some(c), None) if modifiers.contains(KeyModifiers::CONTROL) => KeyCode::Char(c.to_ascii_lowercase()),
            (Some(c), None) => KeyCode::Char(c),
            _ => named_key(&lower).ok_or_else(|| unknown_key(text, &lower))?,
        };
        Ok(Self { code, modifiers })
    }

    /// How it is called on screen, in ASCII if asked.
    pub fn label(self, ascii: bool) -> String {
        let mut label = String::new();
        if self.modifiers.contains(KeyModifiers::CONTROL) {
            label.push('^');
        }
        if self.modifiers.contains(KeyModifiers::ALT) {
            label.push_str("Alt-");
        }
        match NAMED.iter().find(|(_, code, _)| *code == self.code) {
            Some((name, _, shown)) if ascii && !shown.is_ascii() => label.push_str(name),
            Some((.., shown)) => label.push_str(shown),
            None => match self.code {
                KeyCode::Char(c) if self.modifiers.contains(KeyModifiers::CONTROL) => label.extend(c.to_uppercase()),
                KeyCode::Char(c) => label.push(c),
                KeyCode::F(n) => label.extend(["F", &n.to_string()]),
                _ => label.push('?'),
            },
        }
        label
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label(true))
    }
}

/// The action of that name.
pub fn action_named(name: &str) -> Option<Action> {
    ROWS.iter().find(|r| r.name == name).map(|r| r.action)
}

/// The names of all actions.
pub fn action_names() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|r| r.name)
}

/// One line of help: keys, what they do, and the action's name in `keys.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelpLine {
    /// The keys.
    pub keys: Vec<Chord>,
    /// What they do.
    pub doc: &'static str,
    /// The action's name.
    pub name: &'static str,
}

/// Which key does what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    /// The keys of each row of the table.
    keys: Vec<Vec<Chord>>,
}

impl Default for Keymap {
    fn default() -> Self {
        let keys = ROWS.iter().map(|r| r.keys.iter().filter_map(|k| Chord::parse(k).ok()).collect()).collect();
        Self { keys }
    }
}

impl Keymap {
    fn rows(&self) -> impl Iterator<Item = (&'static Row, &[Chord])> {
        ROWS.iter().zip(self.keys.iter().map(Vec::as_slice))
    }

    /// What the key does there.
    pub fn action(&self, context: Context, chord: Chord) -> Option<Action> {
        let here = |row: &Row| row.contexts & context as u32 != 0;
        self.rows().find(|(row, keys)| here(row) && keys.contains(&chord)).map(|(row, _)| row.action)
    }

    /// Gives an action other keys.
    pub fn rebind(&mut self, action: Action, keys: Vec<Chord>) {
        if let Some(at) = ROWS.iter().position(|r| r.action == action) {
            self.keys[at] = keys;
        }
    }

    /// The first key of an action, as it is called on screen.
    pub fn label(&self, action: Action, ascii: bool) -> String {
        self.rows()
            .find(|(row, _)| row.action == action)
            .and_then(|(_, keys)| keys.first())
            .map_or_else(String::new, |k| k.label(ascii))
    }

    /// Every pair of actions that want one key in one place, and every character that would be lost for typing.
    pub fn clashes(&self) -> Vec<String> {
        let mut clashes = Vec::new();
        for (i, (row, keys)) in self.rows().enumerate() {
            for key in keys {
                let typed = matches!(key.code, KeyCode::Char(_)) && key.modifiers.is_empty();
                if typed && Context::ALL.iter().any(|c| c.types() && row.contexts & *c as u32 != 0) {
                    clashes.push(format!("`{key}` for `{}` would be lost for typing", row.name));
                }
                for (other, others) in self.rows().take(i) {
                    if other.contexts & row.contexts != 0 && others.contains(key) {
                        clashes.push(format!("`{key}` is both `{}` and `{}`", other.name, row.name));
                    }
                }
            }
        }
        clashes
    }

    /// The keys that a screen's line shows, with one or two words each.
    pub fn line(&self, context: Context, ascii: bool) -> Vec<(String, &'static str)> {
        self.rows()
            .filter(|(row, keys)| row.shown & context as u32 != 0 && !keys.is_empty())
            .map(|(row, keys)| (keys[0].label(ascii), row.short))
            .collect()
    }

    /// All keys of a screen with what they do.
    pub fn help(&self, context: Context) -> Vec<HelpLine> {
        self.rows()
            .filter(|(row, keys)| row.contexts & context as u32 != 0 && !keys.is_empty())
            .map(|(row, keys)| HelpLine { keys: keys.to_vec(), doc: row.doc, name: row.name })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_no_clash_and_every_key_can_be_read() {
        assert_eq!(Keymap::default().clashes(), Vec::<String>::new());
        for row in ROWS {
            assert!(!row.keys.is_empty(), "{}", row.name);
            for key in row.keys {
                Chord::parse(key).unwrap();
            }
            assert_eq!(row.shown & !row.contexts, 0, "{} is shown where it does nothing", row.name);
            assert!(row.shown == 0 || !row.short.is_empty(), "{}", row.name);
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = action_names().collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn a_clash_is_named() {
        let mut keys = Keymap::default();
        keys.rebind(Action::Undo, vec![Chord::parse("q").unwrap()]);
        assert_eq!(keys.clashes(), ["`q` is both `undo` and `quit`"]);
        keys.rebind(Action::Undo, vec![Chord::parse("u").unwrap()]);
        keys.rebind(Action::Run, vec![Chord::parse("x").unwrap()]);
        assert_eq!(keys.clashes(), ["`x` for `run` would be lost for typing"]);
    }

    #[test]
    fn what_is_parsed_is_what_an_event_gives() {
        let pressed = |code, modifiers| Chord::of(KeyEvent::new(code, modifiers));
        for (text, chord) in [
            ("ctrl-R", pressed(KeyCode::Char('r'), KeyModifiers::CONTROL)),
            ("G", pressed(KeyCode::Char('G'), KeyModifiers::SHIFT)),
            ("alt-enter", pressed(KeyCode::Enter, KeyModifiers::ALT)),
            ("F5", pressed(KeyCode::F(5), KeyModifiers::NONE)),
            ("-", pressed(KeyCode::Char('-'), KeyModifiers::NONE)),
            ("backtab", pressed(KeyCode::BackTab, KeyModifiers::SHIFT)),
        ] {
            assert_eq!(Chord::parse(text), Ok(chord), "{text}");
        }
        assert_eq!(Chord::parse("entr"), Err("unknown key `entr`, the nearest is `enter`".to_owned()));
    }
}
