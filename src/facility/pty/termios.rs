//! Terminal settings in the words of termios(3): how they are changed and how they are shown.

use crate::kernel::pty::Termios;

/// One of the three words of flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Input,
    Output,
    Local,
}

use Word::{Input, Local, Output};

const TABLE: [(&str, Word, u32); 23] = [
    ("ICANON", Local, libc::ICANON),
    ("ECHO", Local, libc::ECHO),
    ("ISIG", Local, libc::ISIG),
    ("IEXTEN", Local, libc::IEXTEN),
    ("ECHOE", Local, libc::ECHOE),
    ("ECHOK", Local, libc::ECHOK),
    ("ECHONL", Local, libc::ECHONL),
    ("ECHOCTL", Local, libc::ECHOCTL),
    ("ECHOKE", Local, libc::ECHOKE),
    ("NOFLSH", Local, libc::NOFLSH),
    ("TOSTOP", Local, libc::TOSTOP),
    ("ICRNL", Input, libc::ICRNL),
    ("INLCR", Input, libc::INLCR),
    ("IGNCR", Input, libc::IGNCR),
    ("ISTRIP", Input, libc::ISTRIP),
    ("IXON", Input, libc::IXON),
    ("IXANY", Input, libc::IXANY),
    ("IUTF8", Input, libc::IUTF8),
    ("OPOST", Output, libc::OPOST),
    ("ONLCR", Output, libc::ONLCR),
    ("OCRNL", Output, libc::OCRNL),
    ("ONOCR", Output, libc::ONOCR),
    ("ONLRET", Output, libc::ONLRET),
];

/// The flags that can be set and cleared. The words of flags use the same bits, so each has its place in the table as
/// its bit here.
pub(super) const FLAGS: &[(&str, i64)] = &{
    let mut flags = [("", 0); TABLE.len()];
    let mut place = 0;
    while place < flags.len() {
        flags[place] = (TABLE[place].0, 1 << place);
        place += 1;
    }
    flags
};

/// The names and places of control characters.
pub(super) const CHARACTERS: &[(&str, usize)] = &[
    ("VINTR", libc::VINTR),
    ("VQUIT", libc::VQUIT),
    ("VSUSP", libc::VSUSP),
    ("VEOF", libc::VEOF),
    ("VERASE", libc::VERASE),
    ("VKILL", libc::VKILL),
    ("VMIN", libc::VMIN),
    ("VTIME", libc::VTIME),
];

/// Sets or clears flags of [`FLAGS`], each in its word.
pub(super) fn change(settings: &mut Termios, chosen: i64, on: bool) {
    for (_, (_, word, bits)) in TABLE.iter().enumerate().filter(|(place, _)| chosen & 1 << place != 0) {
        let word = match word {
            Input => &mut settings.iflag,
            Output => &mut settings.oflag,
            Local => &mut settings.lflag,
        };
        *word = if on { *word | bits } else { *word & !bits };
    }
}

/// The flags of one word that are set, by their names; what has no name here is left out.
fn names(of: Word, value: u32) -> String {
    let set = TABLE.iter().filter(|(_, word, bits)| *word == of && value & bits == *bits);
    let names: Vec<&str> = set.map(|(name, ..)| *name).collect();
    if names.is_empty() { "0".to_owned() } else { names.join("|") }
}

/// The three words of flags: input, output, local.
pub(super) fn words(settings: &Termios) -> [String; 3] {
    [names(Input, settings.iflag), names(Output, settings.oflag), names(Local, settings.lflag)]
}

/// The structure as strace writes it, without what a pseudoterminal has no use for.
pub(super) fn shown(settings: &Termios) -> String {
    let [iflag, oflag, lflag] = words(settings);
    format!("{{c_iflag={iflag}, c_oflag={oflag}, c_lflag={lflag}, …}}")
}

/// A control character as it is typed: `^C`, `^?`; `none` for 0.
pub(super) fn character(byte: u8) -> String {
    match byte {
        0 => "none".to_owned(),
        1..=0x1f | 0x7f => format!("^{}", char::from(byte ^ 0x40)),
        _ => char::from(byte).to_string(),
    }
}

/// The control characters that matter under these settings: `VINTR ^C, VEOF ^D`; in raw mode VMIN and VTIME.
pub(super) fn characters(settings: &Termios) -> String {
    let canonical = settings.lflag & libc::ICANON != 0;
    let signals = settings.lflag & libc::ISIG != 0;
    let told = CHARACTERS.iter().filter_map(|(name, place)| {
        let byte = settings.characters[*place];
        match *name {
            "VMIN" | "VTIME" => (!canonical).then(|| format!("{name} {byte}")),
            "VINTR" | "VQUIT" | "VSUSP" => signals.then(|| format!("{name} {}", character(byte))),
            _ => canonical.then(|| format!("{name} {}", character(byte))),
        }
    });
    told.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_flag_goes_into_its_word() {
        let mut settings = Termios::default();
        let flag = |name: &str| FLAGS.iter().find(|(n, _)| *n == name).unwrap().1;
        change(&mut settings, flag("ICANON") | flag("ECHO") | flag("OPOST") | flag("ICRNL"), true);
        assert_eq!(settings.lflag, libc::ICANON | libc::ECHO);
        assert_eq!((settings.oflag, settings.iflag), (libc::OPOST, libc::ICRNL));
        assert_eq!(words(&settings), ["ICRNL", "OPOST", "ICANON|ECHO"]);
        change(&mut settings, flag("ECHO") | flag("OPOST"), false);
        assert_eq!(shown(&settings), "{c_iflag=ICRNL, c_oflag=0, c_lflag=ICANON, …}");
    }

    #[test]
    fn characters_are_told_where_they_mean_something() {
        let mut settings = Termios { lflag: libc::ICANON | libc::ISIG, ..Termios::default() };
        settings.characters[libc::VINTR] = 3;
        settings.characters[libc::VEOF] = 4;
        settings.characters[libc::VERASE] = 0x7f;
        let told = characters(&settings);
        assert_eq!(told, "VINTR ^C, VQUIT none, VSUSP none, VEOF ^D, VERASE ^?, VKILL none");
        settings.lflag = 0;
        settings.characters = [1; crate::kernel::pty::CHARACTERS];
        assert_eq!(characters(&settings), "VMIN 1, VTIME 1");
    }
}
