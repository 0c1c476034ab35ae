//! A value and how it is known.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// A word of the program's own, such as the name of a field: written in it, or read from another of its processes.
pub type Word = Cow<'static, str>;

/// How a value is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    /// Read from the kernel at this moment.
    Kernel,
    /// An actor said it.
    Reported,
    /// Rebuilt from reports and checked against a kernel counter.
    Mirror,
    /// Nobody can know it without changing it.
    Hidden,
}

impl Evidence {
    /// The one-letter mark that stands beside a value: `K`, `R`, `M` or `?`.
    pub const fn mark(self) -> char {
        match self {
            Self::Kernel => 'K',
            Self::Reported => 'R',
            Self::Mirror => 'M',
            Self::Hidden => '?',
        }
    }

    /// The word for it: `kernel`, `reported`, `mirror`, `hidden`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Reported => "reported",
            Self::Mirror => "mirror",
            Self::Hidden => "hidden",
        }
    }
}

/// What a [`Field`] holds. Facilities describe all they show with these few shapes, so that faces, `expect`,
/// comparison and `--json` need no code for each facility.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Value {
    /// There is none, or it is hidden.
    Nothing,
    /// A count, size, offset or number of the kernel's.
    Int(i64),
    /// A word or sentence.
    Text(String),
    /// The first bytes of `total`.
    Bytes {
        /// The head that was read.
        #[serde(with = "at_once")]
        bytes: Vec<u8>,
        /// How many there are in all.
        total: u64,
    },
    /// Several, in the kernel's order.
    List(Vec<Self>),
    /// Named parts, such as one message with its priority.
    Record(Vec<(Word, Self)>),
}

/// Bytes as one piece where the format has such a thing: one by one they take a hundred times as long.
mod at_once {
    use std::fmt;

    use serde::de::{Deserializer, SeqAccess, Visitor};
    use serde::ser::Serializer;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        struct Bytes;

        impl<'de> Visitor<'de> for Bytes {
            type Value = Vec<u8>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }

            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
                Ok(bytes)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Vec<u8>, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = all.next_element()? {
                    bytes.push(byte);
                }
                Ok(bytes)
            }
        }

        deserializer.deserialize_byte_buf(Bytes)
    }
}

impl Value {
    /// The integer in it, if it is one.
    pub const fn as_int(&self) -> Option<i64> {
        if let Self::Int(n) = self { Some(*n) } else { None }
    }

    /// The text in it, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(s) = self { Some(s) } else { None }
    }

    /// The bytes in it and how many there are in all.
    pub fn as_bytes(&self) -> Option<(&[u8], u64)> {
        if let Self::Bytes { bytes, total } = self { Some((bytes, *total)) } else { None }
    }

    /// Its elements; none if it is not a list.
    pub fn as_list(&self) -> &[Self] {
        if let Self::List(v) = self { v } else { &[] }
    }

    /// A named part of a record.
    pub fn part(&self, name: &str) -> Option<&Self> {
        if let Self::Record(parts) = self { parts.iter().find(|(n, _)| n == name).map(|(_, v)| v) } else { None }
    }
}

/// One named value of an object, with its evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name: the word that `expect` uses, such as `bytes`.
    pub name: Word,
    /// Its value.
    pub value: Value,
    /// How it is known.
    pub evidence: Evidence,
    /// What a reader must be told about it: why it is hidden, that a mirror disagrees with its counter.
    pub note: Option<String>,
}

impl Field {
    /// A field without a note.
    pub fn new(name: impl Into<Word>, value: Value, evidence: Evidence) -> Self {
        Self { name: name.into(), value, evidence, note: None }
    }

    /// An integer read from the kernel.
    pub fn kernel_int(name: impl Into<Word>, n: i64) -> Self {
        Self::new(name, Value::Int(n), Evidence::Kernel)
    }

    /// A value that nobody can know without changing it, with the reason.
    pub fn hidden(name: impl Into<Word>, why: &str) -> Self {
        Self { name: name.into(), value: Value::Nothing, evidence: Evidence::Hidden, note: Some(why.to_owned()) }
    }

    /// The same field with a note.
    #[must_use]
    pub fn noted(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
}
