//! Names: whatever is let in keeps the rules, and two spellings of one name have one holder.

use engine::chat::Ref;
use engine::file::{BadName, FileName, Prefix};
use engine::names::{NameIndex, RoomName, UserName};
use engine::registry::Label;
use engine::{Code, Refusal};

use crate::rules;

/// The input as a name of every kind, and, where it holds a space, as two users' names.
pub fn written(input: &[u8]) {
    let Some(text) = std::str::from_utf8(input).ok() else { return };
    judge(UserName::parse(text), rules::user, Code::BadName);
    judge(RoomName::parse(text), rules::room, Code::BadRoom);
    judge(FileName::parse(text).map_err(BadName::into), rules::file, Code::BadName);
    judge(Prefix::parse(text).map_err(BadName::into), rules::prefix, Code::BadName);
    judge(Label::parse(text), rules::label, Code::BadName);
    judge(Ref::parse(text), rules::reference, Code::BadRequest);
    if let Some((one, other)) = text.split_once(' ')
        && let (Ok(one), Ok(other)) = (UserName::parse(one), UserName::parse(other))
    {
        [&one, &other].into_iter().for_each(rules::user);
        one_holder(&one, &other);
    }
}

fn judge<T>(parsed: Result<T, Refusal>, rule: fn(&T), code: Code) {
    match parsed {
        Ok(name) => rule(&name),
        Err(refusal) => rules::refusal(&refusal, &[code]),
    }
}

/// Two names are the same in both directions, and the index says so too.
fn one_holder(one: &UserName, other: &UserName) {
    let same = one.is_same(other);
    assert_eq!(other.is_same(one), same, "{one} and {other}, the other way round");
    let mut index = NameIndex::default();
    assert_eq!(index.claim(one, 1), Ok(()), "nobody holds {one}");
    assert_eq!(index.claim(other, 2), if same { Err(1) } else { Ok(()) }, "{one}, then {other}");
    if !same {
        assert_eq!(index.rename(one, other, 1), Err(2), "{other} is taken");
        index.release(other);
    }
    assert_eq!(index.rename(one, other, 1), Ok(()), "{one} becomes {other}");
    assert_eq!((index.holder(other), index.len()), (Some(1), 1));
    index.release(other);
    assert!(index.is_empty() && index.holder(one).is_none(), "nothing of {one} or {other} stays");
}
