//! What one search may ask for.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use unicode_normalization::char::is_combining_mark;

use crate::{Code, Refusal};

/// Words in one search, those within a word such as `a-b` counted: a few times what a person types. The full-text
/// index goes through a list of its own for each.
pub const SEARCH_WORDS: usize = 32;

/// Accents that the index leaves out, and does not end a word at.
const ACCENTS: RangeInclusive<char> = '\u{300}'..='\u{331}';

/// Checks that a query holds no more than [`SEARCH_WORDS`]; a word said twice counts once.
///
/// # Errors
/// [`Code::BadRequest`].
pub fn check_query(query: &str) -> Result<(), Refusal> {
    let count: usize = search_words(query).into_iter().map(parts).sum();
    if count > SEARCH_WORDS {
        let words = format!("a search is for at most {SEARCH_WORDS} words, and these are {count}");
        return Err(Refusal::new(Code::BadRequest, words));
    }
    Ok(())
}

/// The words of a query, each once however often it is said and in whatever case.
pub fn search_words(query: &str) -> Vec<&str> {
    // To the index a NUL would be the end of the query.
    let separates = |c: char| c.is_whitespace() || c.is_control();
    let mut said = BTreeSet::new();
    let words = query.split(separates).filter(|word| !word.is_empty());
    words.filter(|word| said.insert(word.to_lowercase())).collect()
}

/// How many words the index makes of one; of signs alone none, but they are something to go through here.
/// It knows the letters of an older Unicode (<https://sqlite.org/fts5.html#unicode61_tokenizer>), which is near enough.
fn parts(word: &str) -> usize {
    word.split(|c| !is_within_word(c)).filter(|part| !part.is_empty()).count().max(1)
}

fn is_within_word(c: char) -> bool {
    ACCENTS.contains(&c) || c.is_alphanumeric() && !is_combining_mark(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_counted_as_the_index_splits_them() {
        let cases = [
            ("one", 1),
            ("naïve", 1),
            ("nai\u{308}ve", 1),
            ("a-b-a-b", 4),
            ("don't", 2),
            ("(e)", 1),
            ("***", 1),
            ("日本語", 1),
            ("日本、語", 2),
            ("हिन्दी", 3),
            ("snake_case", 2),
        ];
        for (word, wanted) in cases {
            assert_eq!(parts(word), wanted, "{word}");
        }
    }

    #[test]
    fn a_query_holds_so_many_words_and_no_more() {
        let numbers: Vec<String> = (0..=SEARCH_WORDS).map(|n| n.to_string()).collect();
        let (all, fitting) = (&numbers, &numbers[1..]);
        for separator in [" ", "-", "\0", " * "] {
            assert_eq!(
                check_query(&all.join(separator)).unwrap_err().code,
                Code::BadRequest,
                "{separator:?}"
            );
        }
        for separator in [" ", "-", "\t \0"] {
            assert_eq!(check_query(&fitting.join(separator)), Ok(()), "{separator:?}");
        }
        for often in ["a ", "A a ", "a-b-a-b ", "(", "x", " "] {
            assert_eq!(check_query(&often.repeat(1_000)), Ok(()), "{often:?}");
        }
    }
}
