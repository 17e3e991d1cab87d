//! Visits the leaves of a JSON text: its numbers and strings, each with the path to it.
//!
//! Every level is cut into raw texts, so that a number is seen as it was written. The text is checked as a whole first;
//! what lies deeper than any bridge nests is passed over.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Deepest level that is looked at.
const DEPTH: usize = 12;

/// The members of one object, in order.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Cut;
        impl<'de> Visitor<'de> for Cut {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((Name(name), value)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Cut)
    }
}

/// Calls `visit` with the path and the text of each leaf; a string without its quotes.
///
/// # Errors
/// When the text is no JSON.
pub(super) fn walk(text: &str, visit: &mut impl FnMut(&[Cow<'_, str>], &str)) -> Result<(), serde_json::Error> {
    let whole: &RawValue = serde_json::from_str(text)?;
    level(whole.get(), &mut Vec::new(), visit)
}

fn level<'a>(
    text: &'a str,
    path: &mut Vec<Cow<'a, str>>,
    visit: &mut impl FnMut(&[Cow<'_, str>], &str),
) -> Result<(), serde_json::Error> {
    let members = match text.as_bytes().first() {
        Some(b'{' | b'[') if path.len() >= DEPTH => return Ok(()),
        Some(b'{') => serde_json::from_str::<Members<'a>>(text)?.0,
        Some(b'[') => {
            let items = serde_json::from_str::<Vec<&'a RawValue>>(text)?.into_iter();
            items.enumerate().map(|(at, item)| (Cow::Owned(at.to_string()), item)).collect()
        }
        Some(b'"') => {
            visit(path, &serde_json::from_str::<Name<'a>>(text)?.0);
            return Ok(());
        }
        _ => {
            visit(path, text);
            return Ok(());
        }
    };
    for (name, value) in members {
        path.push(name);
        level(value.get(), path, visit)?;
        path.pop();
    }
    Ok(())
}
