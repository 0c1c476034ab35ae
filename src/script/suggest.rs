//! The nearest right word.

use std::cmp::Reverse;

/// The longest word for which a near one is looked for; beyond it a typo is not what happened.
const WORD_MAX: usize = 48;

/// The candidate nearest to `word` by edits (a letter more, less or changed, two swapped), if it is near enough to be
/// what was meant: one edit in a word of up to four letters, then one more for each three.
///
/// Of several, letters left out, added or swapped are nearer than changed ones, which make another word; then counts how
/// much of the beginning is right; then whether the case of the first letter is. Case is no edit. The first of several
/// equals wins.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.is_empty() || word.len() > WORD_MAX {
        return None;
    }
    let lower: Vec<char> = word.chars().flat_map(char::to_lowercase).collect();
    let mut best: Option<((usize, Reverse<usize>, bool), &str)> = None;
    for candidate in candidates {
        if candidate == word {
            return Some(candidate);
        }
        if candidate.len() > WORD_MAX {
            continue;
        }
        let other: Vec<char> = candidate.chars().flat_map(char::to_lowercase).collect();
        let limit = 1 + lower.len().min(other.len()).saturating_sub(2) / 3;
        let edits = distance(&lower, &other, 1, 1);
        // A short word changed in each letter is another word.
        if edits > limit || edits >= lower.len() {
            continue;
        }
        let begins = lower.iter().zip(&other).take_while(|(a, b)| a == b).count();
        let other_case = !candidate.starts_with(word.chars().next().unwrap_or(' '));
        let cost = (distance(&lower, &other, 2, 3), Reverse(begins), other_case);
        if best.is_none_or(|(b, _)| cost < b) {
            best = Some((cost, candidate));
        }
    }
    best.map(|(_, c)| c)
}

/// "did you mean `X`?", if something is near.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(word, candidates).map(|near| format!("did you mean `{near}`?"))
}

/// The edit distance in which a letter more or less, or two neighbours swapped, costs `slip`, and another letter `change`.
fn distance(a: &[char], b: &[char], slip: usize, change: usize) -> usize {
    let width = b.len() + 1;
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..width).map(|letters| letters * slip).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(width);
        row.push((i + 1) * slip);
        for (j, y) in b.iter().enumerate() {
            let changed = if x == y { 0 } else { change };
            let mut edits = (last[j] + changed).min(last[j + 1] + slip).min(row[j] + slip);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                edits = edits.min(before[j - 1] + slip);
            }
            row.push(edits);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant_and_nothing_far() {
        let verbs = ["read", "write", "pipe", "close", "sem_wait", "mq_send", "mq_receive", "ftruncate"];
        let cases = [
            ("raed", Some("read")),
            ("Read", Some("read")),
            ("wirte", Some("write")),
            ("sem_wiat", Some("sem_wait")),
            ("mqsend", Some("mq_send")),
            ("ftrunkate", Some("ftruncate")),
            ("xyz", None),
            ("q", None),
            ("", None),
            ("launch", None),
        ];
        for (word, near) in cases {
            assert_eq!(nearest(word, verbs), near, "{word}");
        }
        assert_eq!(nearest("o_rdwr", ["O_RDONLY", "O_RDWR"]), Some("O_RDWR"));
        assert_eq!(nearest(&"x".repeat(100_000), verbs), None);
    }

    #[test]
    fn a_letter_left_out_is_nearer_than_another_letter() {
        for (word, candidates, near) in [
            ("flok", &["ftok", "flock"][..], "flock"),
            ("reed", &["send", "read", "rseed"], "rseed"),
            ("wrte", &["wait", "write"], "write"),
            ("forx", &["fork", "for"], "for"),
            // As many letters changed: the beginning decides, wherever it stands in the list.
            ("sem_pist", &["sem_wist", "sem_post"], "sem_post"),
            ("kipp", &["pipp", "kill", "kips"], "kips"),
        ] {
            assert_eq!(nearest(word, candidates.iter().copied()), Some(near), "{word}");
        }
    }
}
