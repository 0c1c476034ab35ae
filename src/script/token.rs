//! Text to tokens. Nothing stops it: what it can't read becomes a diagnostic, and it goes on behind it.

use core::net::{Ipv4Addr, Ipv6Addr};

use super::{Diagnostic, Radix, Span};

/// A token and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Where; never empty, except for the last token of a text.
    pub span: Span,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenKind {
    /// `alice`, `write-locked`, `O_RDWR`: letters, digits, `_`, and `-` between two of them.
    Name(String),
    /// `$x`, without `$`.
    Variable(String),
    /// `42`, `0x2a`, `052`: its value without sign.
    Int(u64, Radix),
    /// `500ms`: nanoseconds.
    Duration(i64),
    /// `"text\n"`.
    Text(Vec<u8>),
    /// `'x'`.
    Byte(u8),
    /// `127.0.0.1`.
    Ipv4(Ipv4Addr),
    /// `[::1]`.
    Ipv6(Ipv6Addr),
    /// `:`, `->`, `..` and the like, as written.
    Mark(&'static str),
    /// The end of a line.
    Newline,
    /// The end of the text.
    End,
}

/// The marks, longer ones first.
const MARKS: [&str; 25] = [
    "->", "..", "*:", "==", "!=", "<=", ">=", "|", "+", "-", "*", "/", "%", "(", ")", "[", "]", ":", ".", "=", "<",
    ">", ",", "@", "!",
];

/// The units of durations with their nanoseconds, longest name first.
pub(super) const UNITS: [(&str, i64); 4] = [("ms", 1_000_000), ("us", 1_000), ("ns", 1), ("s", 1_000_000_000)];

/// As many as are skipped at once.
const BLANKS: [u8; 256] = [b' '; 256];

/// The tokens of `text`, the last one [`TokenKind::End`], and what could not be read.
/// Comments and blanks leave no token; each line end leaves one.
pub fn tokenize(text: &str) -> (Vec<Token>, Vec<Diagnostic>) {
    let mut lexer = Lexer { text, pos: 0, tokens: Vec::new(), diagnostics: Vec::new() };
    lexer.run();
    (lexer.tokens, lexer.diagnostics)
}

struct Lexer<'a> {
    text: &'a str,
    pos: usize,
    tokens: Vec<Token>,
    diagnostics: Vec<Diagnostic>,
}

const fn in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

impl Lexer<'_> {
    fn run(&mut self) {
        while let Some(byte) = self.byte(0) {
            let start = self.pos;
            match byte {
                b'\n' => {
                    self.pos += 1;
                    self.push(TokenKind::Newline, start);
                }
                // Statements of a lesson come with all that stands before them blanked out.
                b' ' if self.text.as_bytes()[start..].starts_with(&BLANKS) => self.pos += BLANKS.len(),
                b' ' | b'\t' | b'\r' => self.pos += 1,
                b'#' if self.counts() => {
                    self.pos += 1;
                    self.push(TokenKind::Mark("#"), start);
                }
                b'#' => self.pos += self.rest().find('\n').unwrap_or(self.rest().len()),
                b'"' => {
                    let bytes = self.quoted(b'"');
                    self.push(TokenKind::Text(bytes), start);
                }
                b'\'' => self.character(),
                b'$' => self.variable(),
                b'0'..=b'9' => {
                    if !self.ipv4() {
                        self.number();
                    }
                }
                b'[' if self.ipv6() => {}
                _ if in_word(byte) => {
                    self.word(true);
                    self.push(TokenKind::Name(self.text[start..self.pos].to_owned()), start);
                }
                _ => self.mark(),
            }
        }
        self.push(TokenKind::End, self.text.len());
    }

    /// Whether the `#` here tells objects of one name apart, `q#2`, and begins no comment: it stands between a name and
    /// a number, without blanks.
    fn counts(&self) -> bool {
        let ends_here = self.tokens.last().filter(|token| token.span.end == self.pos);
        let named = ends_here.is_some_and(|token| match token.kind {
            TokenKind::Name(_) => true,
            TokenKind::Int(..) => self.tokens.iter().rev().nth(1).is_some_and(|t| t.kind == TokenKind::Mark(".")),
            _ => false,
        });
        let digits = self.rest().bytes().skip(1).take_while(u8::is_ascii_digit).count();
        named && digits > 0 && !self.byte(1 + digits).is_some_and(in_word)
    }

    fn rest(&self) -> &str {
        &self.text[self.pos..]
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.pos + ahead).copied()
    }

    fn push(&mut self, kind: TokenKind, start: usize) {
        self.tokens.push(Token { kind, span: Span::new(start, self.pos) });
    }

    fn error(&mut self, start: usize, message: impl Into<String>) -> &mut Diagnostic {
        self.diagnostics.push(Diagnostic::error(Span::new(start, self.pos), message));
        let last = self.diagnostics.len() - 1;
        &mut self.diagnostics[last]
    }

    /// Goes behind the word characters here, with dashes between two of them if `dashes`.
    fn word(&mut self, dashes: bool) {
        while let Some(byte) = self.byte(0) {
            let dash = dashes && byte == b'-' && self.byte(1).is_some_and(in_word);
            if !in_word(byte) && !dash {
                break;
            }
            self.pos += 1;
        }
    }

    fn variable(&mut self) {
        let start = self.pos;
        self.pos += 1;
        self.word(false);
        let name = self.text[start + 1..self.pos].to_owned();
        if name.is_empty() || name.as_bytes()[0].is_ascii_digit() {
            self.error(start, "a variable's name was expected after `$`").help = Some("write `$x`".to_owned());
        }
        self.push(TokenKind::Variable(name), start);
    }

    /// Reads four numbers with dots between them: nothing else of the language looks so.
    fn ipv4(&mut self) -> bool {
        let start = self.pos;
        let length = self.rest().bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        let text = &self.rest()[..length];
        let parts = || text.split('.');
        if parts().count() != 4 || parts().any(str::is_empty) || self.byte(length).is_some_and(in_word) {
            return false;
        }
        let address = text.parse();
        self.pos += length;
        if address.is_err() {
            self.error(start, "this is not an IPv4 address").help =
                Some("four numbers from 0 to 255, without zeros in front: 127.0.0.1".to_owned());
        }
        self.push(TokenKind::Ipv4(address.unwrap_or(Ipv4Addr::UNSPECIFIED)), start);
        true
    }

    /// Reads an address in brackets. It has colons, which no index has.
    fn ipv6(&mut self) -> bool {
        let start = self.pos;
        let inner = &self.rest()[1..];
        let length = inner.bytes().take_while(|b| b.is_ascii_hexdigit() || b".:".contains(b)).count();
        let text = &inner[..length];
        if text.bytes().filter(|b| *b == b':').count() < 2 || inner.as_bytes().get(length) != Some(&b']') {
            return false;
        }
        let address = text.parse();
        self.pos += length + 2;
        if address.is_err() {
            self.error(start, "this is not an IPv6 address").help = Some("it is written [::1]".to_owned());
        }
        self.push(TokenKind::Ipv6(address.unwrap_or(Ipv6Addr::UNSPECIFIED)), start);
        true
    }

    fn number(&mut self) {
        let start = self.pos;
        self.word(false);
        let word = &self.text[start..self.pos];
        let digits = word.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = word.split_at(digits);
        if let Some((_, factor)) = UNITS.iter().find(|(name, _)| *name == unit) {
            let value = number.parse::<i64>().ok().and_then(|n| n.checked_mul(*factor));
            if value.is_none() {
                self.error(start, "this duration is too long").help = Some("at most 2^63 - 1 ns, 292 years".to_owned());
            }
            return self.push(TokenKind::Duration(value.unwrap_or(0)), start);
        }
        let (digits, base, radix) = if let Some(hex) = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
            (hex, 16, Radix::Hex)
        } else if word.len() > 1 && word.starts_with('0') {
            (&word[1..], 8, Radix::Octal)
        } else {
            (word, 10, Radix::Decimal)
        };
        let value = u64::from_str_radix(digits, base);
        if let Err(e) = &value {
            use std::num::IntErrorKind::{Empty, PosOverflow};
            let (message, help) = match (e.kind(), base) {
                (PosOverflow, _) => (format!("{word} is too large"), "a number has 64 bits"),
                (Empty, _) => (format!("{word} has no digits"), "write `0x2a`"),
                (_, 8) => (format!("{word} is not an octal number"), "a 0 in front makes a number octal, as in C"),
                (_, 16) => (format!("{word} is not a hexadecimal number"), "its digits are 0-9 and a-f"),
                _ => {
                    (format!("{word} is neither a number nor a duration"), "durations are written 2s, 500ms, 10us, 5ns")
                }
            };
            self.error(start, message).help = Some(help.to_owned());
        }
        self.push(TokenKind::Int(value.unwrap_or(0), radix), start);
    }

    fn character(&mut self) {
        let start = self.pos;
        let bytes = self.quoted(b'\'');
        if bytes.len() != 1 && self.diagnostics.last().is_none_or(|d| d.span.start < start) {
            self.error(start, format!("'…' is one byte of data, this is {}", bytes.len())).help =
                Some("longer data stands in double quotes: \"text\"".to_owned());
        }
        self.push(TokenKind::Byte(bytes.first().copied().unwrap_or(0)), start);
    }

    /// Reads what stands between quotes here, up to the line's end at most.
    fn quoted(&mut self, quote: u8) -> Vec<u8> {
        let start = self.pos;
        let mut bytes = Vec::new();
        self.pos += 1;
        loop {
            match self.byte(0) {
                None | Some(b'\n') => {
                    self.error(start, "this quote is not closed before the line's end").help =
                        Some(format!("close it with {}", char::from(quote)));
                    return bytes;
                }
                Some(b) if b == quote => {
                    self.pos += 1;
                    return bytes;
                }
                Some(b'\\') => bytes.extend(self.escape()),
                Some(b) => {
                    bytes.push(b);
                    self.pos += 1;
                }
            }
        }
    }

    fn escape(&mut self) -> Option<u8> {
        let start = self.pos;
        self.pos += 1;
        let byte = self.byte(0).filter(|b| *b != b'\n')?;
        self.pos += self.rest().chars().next().map_or(1, char::len_utf8);
        let plain = match byte {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'0' => 0,
            b'\\' | b'"' | b'\'' => byte,
            b'x' => {
                let hex = self.rest().get(..2).and_then(|h| {
                    let digits = h.bytes().all(|b| b.is_ascii_hexdigit());
                    digits.then(|| u8::from_str_radix(h, 16).ok()).flatten()
                });
                if hex.is_some() {
                    self.pos += 2;
                } else {
                    self.error(start, "`\\x` takes two hexadecimal digits").help = Some("write `\\x41`".to_owned());
                }
                return hex;
            }
            _ => {
                let text = self.text[start..self.pos].to_owned();
                self.error(start, format!("unknown escape `{text}`")).help =
                    Some("one of \\n \\t \\r \\0 \\\\ \\\" \\' \\xNN".to_owned());
                return None;
            }
        };
        Some(plain)
    }

    fn mark(&mut self) {
        let start = self.pos;
        if let Some(mark) = MARKS.iter().find(|m| self.rest().starts_with(**m)) {
            self.pos += mark.len();
            return self.push(TokenKind::Mark(mark), start);
        }
        // A run of characters that mean nothing is one mistake.
        let odd = |c: &char| !c.is_ascii() || (!in_word(*c as u8) && !" \t\r\n#\"'$".contains(*c));
        let run: usize = self.rest().chars().take_while(odd).take(16).map(char::len_utf8).sum();
        self.pos += run.max(1);
        let text = self.text[start..self.pos].to_owned();
        self.error(start, format!("`{}` means nothing here", text.escape_debug()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use TokenKind::*;

    fn kinds(text: &str) -> Vec<TokenKind> {
        let (tokens, errors) = tokenize(text);
        assert_eq!(errors, [], "{text}");
        tokens.into_iter().map(|t| t.kind).filter(|k| *k != End).collect()
    }

    #[test]
    fn reads_each_kind_of_token() {
        let name = |s: &str| Name(s.to_owned());
        let cases: [(&str, Vec<TokenKind>); 16] = [
            ("alice: pipe p", vec![name("alice"), Mark(":"), name("pipe"), name("p")]),
            ("write-locked a- b", vec![name("write-locked"), name("a"), Mark("-"), name("b")]),
            ("s.0 p.r", vec![name("s"), Mark("."), Int(0, Radix::Decimal), name("p"), Mark("."), name("r")]),
            ("0..100", vec![Int(0, Radix::Decimal), Mark(".."), Int(100, Radix::Decimal)]),
            ("0x2A 052 0", vec![Int(42, Radix::Hex), Int(42, Radix::Octal), Int(0, Radix::Decimal)]),
            ("2s 500ms 10us 5ns", vec![Duration(2_000_000_000), Duration(500_000_000), Duration(10_000), Duration(5)]),
            (r#""a\n\t\r\0\\\"\x41é""#, vec![Text("a\n\t\r\0\\\"Aé".as_bytes().to_vec())]),
            (r"'x' '\n' '\''", vec![Byte(b'x'), Byte(b'\n'), Byte(b'\'')]),
            ("-> $buf", vec![Mark("->"), Variable("buf".to_owned())]),
            ("$x-1", vec![Variable("x".to_owned()), Mark("-"), Int(1, Radix::Decimal)]),
            ("a # b\nc", vec![name("a"), Newline, name("c")]),
            ("127.0.0.1:80", vec![Ipv4(Ipv4Addr::LOCALHOST), Mark(":"), Int(80, Radix::Decimal)]),
            ("[::1]:0", vec![Ipv6(Ipv6Addr::LOCALHOST), Mark(":"), Int(0, Radix::Decimal)]),
            ("[a]:0", vec![Mark("["), name("a"), Mark("]"), Mark(":"), Int(0, Radix::Decimal)]),
            ("*:$p", vec![Mark("*:"), Variable("p".to_owned())]),
            ("<= < == = != |", vec![Mark("<="), Mark("<"), Mark("=="), Mark("="), Mark("!="), Mark("|")]),
        ];
        for (text, expected) in cases {
            assert_eq!(kinds(text), expected, "{text}");
        }
    }

    #[test]
    fn says_what_it_can_not_read_and_goes_on() {
        let cases = [
            ("\"abc", 0, 4, "not closed"),
            ("x \"abc\\", 2, 7, "not closed"),
            (r#""\q" a"#, 1, 3, "unknown escape `\\q`"),
            (r#""\x4" a"#, 1, 3, "two hexadecimal digits"),
            ("'ab'", 0, 4, "one byte"),
            ("''", 0, 2, "one byte"),
            ("'é'", 0, 4, "one byte"),
            ("a ;;~ b", 2, 5, "`;;~` means nothing"),
            ("é", 0, 2, "means nothing"),
            ("089", 0, 3, "octal"),
            ("0x", 0, 2, "no digits"),
            ("12q", 0, 3, "neither a number nor a duration"),
            ("99999999999999999999", 0, 20, "too large"),
            ("99999999999s", 0, 12, "too long"),
            ("$ x", 0, 1, "name was expected"),
            ("1.2.3.256:1", 0, 9, "not an IPv4 address"),
            ("[1::2::3]:1", 0, 9, "not an IPv6 address"),
        ];
        for (text, start, end, message) in cases {
            let (_, errors) = tokenize(text);
            assert_eq!(errors.len(), 1, "{text}: {errors:?}");
            assert!(errors[0].message.contains(message), "{text}: {}", errors[0].message);
            assert_eq!((errors[0].span.start, errors[0].span.end), (start, end), "{text}");
        }
        assert_eq!(tokenize("\"abc\nd").0.len(), 4, "the next line is read again");
    }
}
