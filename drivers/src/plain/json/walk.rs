//! Finds values in a JSON text by their paths.
//!
//! serde_json says whether the text is JSON. Then it is gone through once more by names and brackets alone: no tree is
//! built, what is not looked for is not copied, and a number is seen as it was written. What lies deeper than any bridge
//! nests is passed over.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::map::Value;
use super::set::Set;

/// Deepest level that is looked at.
const DEPTH: usize = 12;

/// A text that is JSON.
#[derive(Clone, Copy)]
pub(super) struct Json<'a>(&'a str);

impl<'a> Json<'a> {
    /// Checks the text; `None` when it is no JSON.
    pub(super) fn new(text: &'a str) -> Option<Self> {
        serde_json::from_str::<&RawValue>(text).ok().map(|whole| Self(whole.get()))
    }

    /// The leaf at the path of each of these values, by the value's number: the first that stands there, a string
    /// without its quotes. `None` when a string on the way is no text.
    pub(super) fn find(self, values: &[Value], wanted: Set) -> Option<Vec<Option<Cow<'a, str>>>> {
        let mut walk = Walk { text: self.0, at: 0, values, found: vec![None; values.len()] };
        walk.value(0, wanted).map(|()| walk.found)
    }
}

/// A walk through a text that is JSON: commas and colons tell it nothing.
struct Walk<'a, 'w> {
    text: &'a str,
    at: usize,
    values: &'w [Value],
    found: Vec<Option<Cow<'a, str>>>,
}

impl<'a> Walk<'a, '_> {
    /// A value below so many names, which are the first of the paths of what is wanted here.
    fn value(&mut self, depth: usize, wanted: Set) -> Option<()> {
        let leaf = match self.next()? {
            b'{' | b'[' if depth == DEPTH => return self.pass(),
            b'{' => return self.object(depth, wanted),
            b'[' => return self.array(depth, wanted),
            b'"' => self.string()?,
            _ => Cow::Borrowed(self.word()?),
        };
        let ends = |value: &Value| value.path.as_ref().is_some_and(|names| names.len() == depth);
        for (number, _) in wanted.each(self.values).filter(|(_, value)| ends(value)) {
            if let Some(found) = self.found.get_mut(number) {
                found.get_or_insert_with(|| leaf.clone());
            }
        }
        Some(())
    }

    fn object(&mut self, depth: usize, wanted: Set) -> Option<()> {
        self.at += 1;
        while self.next()? != b'}' {
            let name = self.string()?;
            self.value(depth + 1, self.below(depth, wanted, &name))?;
        }
        self.at += 1;
        Some(())
    }

    fn array(&mut self, depth: usize, wanted: Set) -> Option<()> {
        self.at += 1;
        let mut number = 0_usize;
        while self.next()? != b']' {
            let below = if wanted.is_empty() { wanted } else { self.below(depth, wanted, &number.to_string()) };
            self.value(depth + 1, below)?;
            number += 1;
        }
        self.at += 1;
        Some(())
    }

    /// Those that are wanted below this name.
    fn below(&self, depth: usize, wanted: Set, name: &str) -> Set {
        let part = |value: &Value| {
            let part = value.path.as_ref().and_then(|names| names.get(depth));
            part.is_some_and(|part| part == name || part == "*")
        };
        wanted.that(self.values, part)
    }

    /// The first byte of what comes next.
    fn next(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..)?;
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b':');
        self.at += rest.iter().position(|byte| !blank(byte))?;
        self.text.as_bytes().get(self.at).copied()
    }

    /// A number, `true`, `false` or `null`.
    fn word(&mut self) -> Option<&'a str> {
        let rest = self.text.get(self.at..)?;
        let inside = |byte: u8| matches!(byte, b'-' | b'+' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'E');
        let word = rest.get(..rest.bytes().position(|byte| !inside(byte)).unwrap_or(rest.len()))?;
        self.at += word.len();
        (!word.is_empty()).then_some(word)
    }

    /// A string without its quotes.
    fn string(&mut self) -> Option<Cow<'a, str>> {
        let (quoted, escapes) = self.quoted()?;
        if escapes {
            // Half of a pair of surrogates is JSON and no text.
            return serde_json::from_str(quoted).ok().map(Cow::Owned);
        }
        quoted.get(1..quoted.len().checked_sub(1)?).map(Cow::Borrowed)
    }

    /// A string with its quotes, and whether something in it is escaped.
    fn quoted(&mut self) -> Option<(&'a str, bool)> {
        let (from, bytes) = (self.at, self.text.as_bytes());
        let (mut at, mut escapes) = (from + 1, false);
        loop {
            at += bytes.get(at..)?.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
            match bytes.get(at)? {
                b'"' => break,
                _ => at += 2,
            }
            escapes = true;
        }
        self.at = at + 1;
        Some((self.text.get(from..self.at)?, escapes))
    }

    /// An object or an array that is not looked into.
    fn pass(&mut self) -> Option<()> {
        let mut open = 0_usize;
        loop {
            match self.text.as_bytes().get(self.at)? {
                b'"' => {
                    self.quoted()?;
                    continue;
                }
                b'{' | b'[' => open += 1,
                b'}' | b']' => open = open.checked_sub(1)?,
                _ => {}
            }
            self.at += 1;
            if open == 0 {
                return Some(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value as Tree;

    use super::super::super::number::Decimal;
    use super::super::map::{Clock, Is};
    use super::*;

    fn values(paths: &[&str]) -> Vec<Value> {
        let path = |path: &&str| Some(path.split('/').map(str::to_owned).collect());
        let value =
            |path| Value { is: Is::Meter, topic: String::new(), path, scale: Decimal::whole(1), clock: Clock::Unix };
        paths.iter().map(path).map(value).collect()
    }

    fn found(text: &str, paths: &[&str]) -> Option<Vec<Option<String>>> {
        let values = values(paths);
        let found = Json::new(text)?.find(&values, Set::of(&values, |_| true))?;
        Some(found.into_iter().map(|leaf| leaf.map(Cow::into_owned)).collect())
    }

    fn leaf(text: &str, path: &str) -> Option<String> {
        found(text, &[path]).and_then(|mut leaves| leaves.remove(0))
    }

    #[test]
    fn leaves_are_told_as_they_are_written() {
        let text = " { \"a\\u0062\" : [ 1.50 , { \"\" : -2E+3 } , \"x\\\"]\\\\\" ] , \"a\":null,\"a\":2 , \"e\": {} , \"ü\":\"ß\"}";
        for (path, told) in [
            ("ab/0", Some("1.50")),
            ("ab/1/", Some("-2E+3")),
            ("ab/2", Some("x\"]\\")),
            ("*/1/*", Some("-2E+3")),
            ("*", Some("null")),
            ("a", Some("null")),
            ("ü", Some("ß")),
            ("ab", None),
            ("e", None),
            ("ab/00", None),
            ("ab/3", None),
            ("", None),
        ] {
            assert_eq!(leaf(text, path).as_deref(), told, "{path}");
        }
        assert_eq!(found("7", &["", "*"]), Some(vec![None, None]));
        for wrong in ["", "{", "{\"a\":1} 2", "[1,]", "{\"a\":01}", "\"\\ud800\"", "{\"\\ud800\":1}", "[[\"\\ud800\"]]"]
        {
            assert_eq!(found(wrong, &["a"]), None, "{wrong}");
        }
    }

    #[test]
    fn what_lies_too_deep_is_passed_over() {
        let nested = |depth: usize| format!("[{}7{},8]", "[".repeat(depth), "]".repeat(depth));
        let path = |depth: usize| vec!["0"; depth].join("/");
        assert_eq!(leaf(&nested(DEPTH - 1), &path(DEPTH)).as_deref(), Some("7"));
        assert_eq!(leaf(&nested(DEPTH), &path(DEPTH + 1)), None);
        assert_eq!(leaf(&nested(10_000), "1").as_deref(), Some("8"));
        // Nobody reads what stands there, so it need be no text.
        let deep = nested(DEPTH).replace('7', "{\"]\\\"\":\"\\ud800\"}");
        assert_eq!(leaf(&deep, "1").as_deref(), Some("8"));
    }

    /// The same by a tree: without numbers, which a tree does not show as they were written.
    fn in_tree<'t>(tree: &'t Tree, path: &[&str]) -> Option<&'t str> {
        match (tree, path.split_first()) {
            (Tree::String(text), None) => Some(text),
            (Tree::Object(members), Some((&"*", rest))) => members.values().find_map(|member| in_tree(member, rest)),
            (Tree::Object(members), Some((name, rest))) => in_tree(members.get(*name)?, rest),
            (Tree::Array(items), Some((&"*", rest))) => items.iter().find_map(|item| in_tree(item, rest)),
            (Tree::Array(items), Some((name, rest))) => in_tree(items.get(name.parse::<usize>().ok()?)?, rest),
            _ => None,
        }
    }

    fn trees() -> impl Strategy<Value = Tree> {
        let name = || prop::sample::select(vec!["a", "b", "", "\u{1f600}\"", "\\]", "x,:"]);
        let leaf = prop_oneof![name().prop_map(Tree::from), ".{0,4}".prop_map(Tree::from)];
        leaf.prop_recursive(5, 40, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Tree::from),
                prop::collection::btree_map(name().prop_map(str::to_owned), inner, 0..4)
                    .prop_map(|members| Tree::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_found_is_what_stands_in_the_tree(
            tree in trees(),
            pretty: bool,
            path in prop::collection::vec(prop::sample::select(vec!["a", "b", "", "*", "0", "2"]), 1..5),
        ) {
            let text = if pretty { serde_json::to_string_pretty(&tree) } else { serde_json::to_string(&tree) }.unwrap();
            let told = leaf(&text, &path.join("/"));
            prop_assert_eq!(told.as_deref(), in_tree(&tree, &path));
        }
    }
}
