//! Forms of JSON: every field by name, type and length, and nothing beside them.

use serde_json::Value;

use crate::shape::{self, Shape};

/// What a value may be.
pub enum Form {
    /// The number 1, the format of every message.
    Format,
    /// A text, one of these.
    OneOf(&'static [&'static str]),
    /// A text of at most so many bytes without control characters.
    Text(usize),
    /// An integer of either sign.
    Integer,
    /// An integer of either sign in decimal digits, at most so many.
    Digits(usize),
    /// True or false.
    Flag,
    /// Lower-case hexadecimal digits of so many bytes.
    Hex(usize),
    /// CBOR of one of these shapes in lower-case hexadecimal digits, at most so many bytes.
    Message(usize, Vec<Shape>),
    /// An object of exactly these fields.
    Object(Vec<(&'static str, Form)>),
    /// At most so many of one form.
    List(usize, Box<Form>),
    /// Null, or this.
    Optional(Box<Form>),
    /// This, or the whole field is missing.
    Maybe(Box<Form>),
}

/// Holds a body against a form; gives every integer in it.
pub fn check(body: &[u8], form: &Form) -> Result<Vec<i128>, String> {
    let value: Value = serde_json::from_slice(body).map_err(|error| format!("body: not JSON: {error}"))?;
    // One way to write a value: no blanks, no field twice, no order that says something.
    if serde_json::to_vec(&value).ok().as_deref() != Some(body) {
        return Err("body: JSON written otherwise than it has to be".into());
    }
    let mut integers = Vec::new();
    walk(&value, form, "body", &mut integers)?;
    Ok(integers)
}

fn walk(value: &Value, form: &Form, path: &str, integers: &mut Vec<i128>) -> Result<(), String> {
    let bad = || format!("{path}: not of the listed type or length");
    let text = || value.as_str().ok_or_else(bad);
    let holds = |holds: bool| if holds { Ok(()) } else { Err(bad()) };
    match form {
        Form::Format => holds(value.as_u64() == Some(1)),
        Form::OneOf(known) => holds(known.contains(&text()?)),
        Form::Text(longest) => holds(text()?.len() <= *longest && !text()?.chars().any(char::is_control)),
        Form::Integer => {
            integers.push(value.as_i64().map(i128::from).or(value.as_u64().map(i128::from)).ok_or_else(bad)?);
            Ok(())
        }
        Form::Digits(most) => {
            let number: i128 = text()?.parse().map_err(|_| bad())?;
            integers.push(number);
            holds(number.to_string() == text()? && text()?.trim_start_matches('-').len() <= *most)
        }
        Form::Flag => holds(value.is_boolean()),
        Form::Hex(length) => holds(digits(text()?).is_some_and(|bytes| bytes.len() == *length)),
        Form::Message(longest, shapes) => {
            let bytes = digits(text()?).filter(|bytes| bytes.len() <= *longest).ok_or_else(bad)?;
            integers.extend(any(&bytes, shapes, path)?);
            Ok(())
        }
        Form::Object(fields) => {
            let object = value.as_object().ok_or_else(bad)?;
            if let Some(other) = object.keys().find(|key| !fields.iter().any(|(name, _)| name == key)) {
                return Err(format!("{path} › {other}: not a listed field"));
            }
            fields.iter().try_for_each(|(name, form)| {
                let path = format!("{path} › {name}");
                match (object.get(*name), form) {
                    (Some(value), form) => walk(value, form, &path, integers),
                    (None, Form::Maybe(_)) => Ok(()),
                    (None, _) => Err(format!("{path}: missing")),
                }
            })
        }
        Form::List(most, form) => {
            let list = value.as_array().filter(|list| list.len() <= *most).ok_or_else(bad)?;
            list.iter().try_for_each(|value| walk(value, form, path, integers))
        }
        Form::Optional(_) if value.is_null() => Ok(()),
        Form::Optional(form) | Form::Maybe(form) => walk(value, form, path, integers),
    }
}

/// Holds bytes against each of several shapes; what the first of them says when none fits.
pub fn any(bytes: &[u8], shapes: &[Shape], path: &str) -> Result<Vec<i128>, String> {
    let mut first = None;
    for shape in shapes {
        match shape::check(bytes, shape, path) {
            Ok(integers) => return Ok(integers),
            Err(problem) => {
                first.get_or_insert(problem);
            }
        }
    }
    Err(first.unwrap_or_else(|| format!("{path}: nothing is allowed here")))
}

fn digits(text: &str) -> Option<Vec<u8>> {
    if text.bytes().any(|b| b.is_ascii_uppercase()) { None } else { hex::decode(text).ok() }
}
