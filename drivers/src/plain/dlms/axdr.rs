//! COSEM data in A-XDR (IEC 62056-5-3, IEC 61334-6): a tree of typed values, read into a row of nodes.
//!
//! A structure or an array is a node with its count, and what it holds follows. Nothing here recurses, and nothing is
//! reserved because a count says so.

#![deny(clippy::indexing_slicing)]

use super::assembly::length;
use crate::plain::Fault;

/// Nodes of one telegram. The longest push list known has about 150.
const MAX_NODES: usize = 4096;
/// Structures within structures. The standard's own objects have about 6.
const MAX_DEPTH: usize = 16;

/// A value, or the head of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node<'a> {
    /// An array or a structure of so many nodes, which follow.
    Holds(usize),
    /// A whole number of any width.
    Number(i64),
    /// A number beyond any, or all bits set, which stands for none.
    NoNumber,
    /// Octets.
    Octets(&'a [u8]),
    /// Text.
    Text(&'a [u8]),
    /// One of a list of meanings, such as a unit.
    Enum(u8),
    /// A value of another type: nothing here needs it.
    Other,
}

/// The nodes of a value, and how it ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tree<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    /// Less came than its counts say. Iskraemeco's AM550 sends such lists.
    pub(super) cut: bool,
    /// What follows the value.
    pub(super) rest: &'a [u8],
}

/// Reads one value.
///
/// # Errors
/// [`Fault::Malformed`] for a type that does not exist, [`Fault::TooLong`] for a tree too large or too deep.
pub(super) fn read(bytes: &[u8]) -> Result<Tree<'_>, Fault> {
    let mut nodes = Vec::new();
    let mut open: Vec<usize> = Vec::with_capacity(MAX_DEPTH);
    let mut rest = bytes;
    loop {
        let before = rest;
        match node(&mut rest) {
            Ok(node) if nodes.len() < MAX_NODES => {
                nodes.push(node);
                if let Some(left) = open.last_mut() {
                    *left -= 1;
                }
                if let Node::Holds(count) = node {
                    open.push(count);
                }
            }
            Ok(_) => return Err(Fault::TooLong),
            Err(Fault::Cut) => return Ok(Tree { nodes, cut: true, rest: before }),
            Err(fault) => return Err(fault),
        }
        while open.last() == Some(&0) {
            open.pop();
        }
        if open.is_empty() {
            return Ok(Tree { nodes, cut: false, rest });
        }
        if open.len() > MAX_DEPTH {
            return Err(Fault::TooLong);
        }
    }
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8], Fault> {
    let (taken, after) = rest.split_at_checked(count).ok_or(Fault::Cut)?;
    *rest = after;
    Ok(taken)
}

fn byte(rest: &mut &[u8]) -> Result<u8, Fault> {
    let (first, after) = rest.split_first().ok_or(Fault::Cut)?;
    *rest = after;
    Ok(*first)
}

fn counted(rest: &mut &[u8]) -> Result<usize, Fault> {
    let (count, after) = length(rest).ok_or(if rest.is_empty() { Fault::Cut } else { Fault::Malformed })?;
    *rest = after;
    Ok(count)
}

fn signed(bytes: &[u8]) -> Node<'_> {
    let begin = if bytes.first().is_some_and(|first| first & 0x80 != 0) { -1 } else { 0 };
    match bytes.iter().fold(begin, |number: i64, byte| number << 8 | i64::from(*byte)) {
        i64::MIN | i64::MAX => Node::NoNumber,
        number => Node::Number(number),
    }
}

fn unsigned(bytes: &[u8]) -> Node<'_> {
    let number = bytes.iter().fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
    match i64::try_from(number) {
        Ok(i64::MAX) | Err(_) => Node::NoNumber,
        Ok(0xffff_ffff) if bytes.len() == 4 => Node::NoNumber,
        Ok(number) => Node::Number(number),
    }
}

/// One node, by its type's tag.
fn node<'a>(rest: &mut &'a [u8]) -> Result<Node<'a>, Fault> {
    match byte(rest)? {
        0x00 | 0xff => Ok(Node::Other),
        0x01 | 0x02 => counted(rest).map(Node::Holds),
        0x03 | 0x0d => take(rest, 1).map(|_| Node::Other),
        0x04 => {
            let bits = counted(rest)?;
            take(rest, bits.div_ceil(8)).map(|_| Node::Other)
        }
        0x05 => take(rest, 4).map(signed),
        0x06 => take(rest, 4).map(unsigned),
        0x09 => {
            let count = counted(rest)?;
            take(rest, count).map(Node::Octets)
        }
        0x0a | 0x0c => {
            let count = counted(rest)?;
            take(rest, count).map(Node::Text)
        }
        0x0f => take(rest, 1).map(signed),
        0x10 => take(rest, 2).map(signed),
        0x11 => take(rest, 1).map(unsigned),
        0x12 => take(rest, 2).map(unsigned),
        0x13 => {
            described(rest)?;
            let count = counted(rest)?;
            take(rest, count).map(|_| Node::Other)
        }
        0x14 => take(rest, 8).map(signed),
        0x15 => take(rest, 8).map(unsigned),
        0x16 => byte(rest).map(Node::Enum),
        0x17 => take(rest, 4).map(|_| Node::Other),
        0x18 => take(rest, 8).map(|_| Node::Other),
        // Date-time is told from octets by its type alone.
        0x19 => take(rest, 12).map(Node::Octets),
        0x1a => take(rest, 5).map(Node::Octets),
        0x1b => take(rest, 4).map(Node::Octets),
        // Differences to a value sent before: no register.
        0x1c | 0x1f => take(rest, 1).map(|_| Node::Other),
        0x1d | 0x20 => take(rest, 2).map(|_| Node::Other),
        0x1e | 0x21 => take(rest, 4).map(|_| Node::Other),
        _ => Err(Fault::Malformed),
    }
}

/// Passes over the description of a compact array: a tag, or that of what an array or a structure holds.
fn described(rest: &mut &[u8]) -> Result<(), Fault> {
    let mut open = 1_usize;
    while open > 0 {
        open -= 1;
        match byte(rest)? {
            0x01 => {
                take(rest, 2)?;
                open += 1;
            }
            0x02 => open = open.saturating_add(counted(rest)?),
            _ => {}
        }
        if open > rest.len() {
            return Err(Fault::Cut);
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nodes(bytes: &[u8]) -> Vec<Node<'_>> {
        let tree = read(bytes).unwrap();
        assert!(!tree.cut && tree.rest.is_empty());
        tree.nodes
    }

    #[test]
    fn each_type_has_its_length() {
        let types: &[(&[u8], Node<'_>)] = &[
            (&[0], Node::Other),
            (&[3, 1], Node::Other),
            (&[4, 9, 0xff, 0x80], Node::Other),
            (&[5, 0xff, 0xff, 0xff, 0xfe], Node::Number(-2)),
            (&[6, 0xff, 0xff, 0xff, 0xfe], Node::Number(0xffff_fffe)),
            (&[9, 2, 7, 8], Node::Octets(&[7, 8])),
            (&[0x0a, 1, b'x'], Node::Text(b"x")),
            (&[0x0c, 1, b'y'], Node::Text(b"y")),
            (&[0x0d, 0x12], Node::Other),
            (&[0x0f, 0xfd], Node::Number(-3)),
            (&[0x10, 0xff, 0x00], Node::Number(-256)),
            (&[0x11, 0xff], Node::Number(255)),
            (&[0x12, 0xff, 0x00], Node::Number(0xff00)),
            (&[0x14, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], Node::Number(-1)),
            (&[0x15, 0, 0, 0, 1, 0, 0, 0, 0], Node::Number(1 << 32)),
            (&[0x16, 30], Node::Enum(30)),
            (&[0x17, 0, 0, 0, 0], Node::Other),
            (&[0x18, 0, 0, 0, 0, 0, 0, 0, 0], Node::Other),
            (&[0x1b, 1, 2, 3, 4], Node::Octets(&[1, 2, 3, 4])),
            (&[0x1a, 7, 0xe6, 1, 2, 3], Node::Octets(&[7, 0xe6, 1, 2, 3])),
            (&[0x19, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], Node::Octets(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])),
            (&[0x13, 0x02, 2, 0x11, 0x01, 0, 3, 0x12, 4, 1, 2, 3, 4], Node::Other),
            (&[0x21, 1, 2, 3, 4], Node::Other),
            (&[0xff], Node::Other),
        ];
        for (bytes, node) in types {
            assert_eq!(nodes(bytes), [*node], "{bytes:?}");
            for short in 1..bytes.len() {
                assert!(!matches!(read(&bytes[..short]), Ok(Tree { cut: false, .. })), "{bytes:?} less");
            }
        }
        for none in [
            &[0x15, 0xff, 0, 0, 0, 0, 0, 0, 0][..],
            &[0x15, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x14, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x14, 0x80, 0, 0, 0, 0, 0, 0, 0],
            &[0x06, 0xff, 0xff, 0xff, 0xff],
        ] {
            assert_eq!(nodes(none), [Node::NoNumber]);
        }
        assert_eq!(read(&[0x08]), Err(Fault::Malformed));
    }

    #[test]
    fn what_holds_others_is_followed_by_them() {
        let bytes = [2, 2, 1, 2, 0x11, 1, 0x11, 2, 2, 0, 9];
        let tree = read(&bytes).unwrap();
        assert_eq!(tree.nodes, [Node::Holds(2), Node::Holds(2), Node::Number(1), Node::Number(2), Node::Holds(0)]);
        assert_eq!((tree.cut, tree.rest), (false, &[9][..]));
        assert!(read(&bytes[..6]).unwrap().cut);
    }

    #[test]
    fn trees_are_bounded() {
        assert_eq!(read(&[2, 1].repeat(100)), Err(Fault::TooLong));
        let wide = [&[1, 0x82, 0xff, 0xff][..], &[0; 0xffff]].concat();
        assert_eq!(read(&wide), Err(Fault::TooLong));
        assert!(read(&[0x13, 2, 0x84, 0xff, 0xff, 0xff, 0xff]).unwrap().cut);
    }

    proptest! {
        #[test]
        fn any_bytes_are_safe(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = read(&bytes);
        }

        #[test]
        fn any_tags_are_safe(bytes in prop::collection::vec(0u8..0x22, 0..400)) {
            let _ = read(&bytes);
        }
    }
}
