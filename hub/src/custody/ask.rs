//! Asking a person: at a terminal with as many tries as they need, from a pipe once.

use std::fs::File;
use std::io::{ErrorKind, IsTerminal, Read, Write, stderr, stdin};
use std::os::fd::AsFd;

use gateway_core::custody::RecoveryKey;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::interrupt::Question;
use crate::Failure;

/// Longest text that is read: a sheet with all its explanations.
const LIMIT: usize = 16 << 10;
const TRIES: usize = 3;

/// Whether a person sits at standard input.
#[must_use]
pub fn is_terminal() -> bool {
    stdin().is_terminal()
}

/// Asks for the recovery key: a code typed at a terminal without echo, or a code or a whole sheet from a pipe.
///
/// # Errors
/// When no code without typing mistakes comes.
pub fn recovery_key() -> Result<RecoveryKey, Failure> {
    if !is_terminal() {
        return Ok(RecoveryKey::read(&read_until(None)?)?);
    }
    let mut tries = TRIES;
    loop {
        tries -= 1;
        let typed = hidden_line("Type the six groups of the recovery sheet (nothing is shown while you type): ")?;
        match RecoveryKey::read(&typed) {
            Ok(key) => return Ok(key),
            Err(error) if tries > 0 => say(&format!("\n{error}\n")),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Has two groups of a sheet typed again, chosen at random, and compares them.
///
/// # Errors
/// `not-confirmed` when they are wrong three times.
pub fn retype(fits: impl Fn(usize, &str) -> bool) -> Result<(), Failure> {
    let (first, second) = two_places()?;
    for _ in 0..TRIES {
        let mut right = true;
        for place in [first, second] {
            let question = Question::begin();
            say(&format!("Type group {} of the sheet: ", place + 1));
            right &= fits(place, &answer(&question)?);
        }
        if right {
            return Ok(());
        }
        say("That is not what the sheet says. Look at the numbers of the groups.\n");
    }
    Err(Failure::refused("not-confirmed", "the groups were wrong three times; nothing was changed"))
}

/// Waits until Enter is pressed.
///
/// # Errors
/// When standard input is closed.
pub fn enter(text: &str) -> Result<(), Failure> {
    let question = Question::begin();
    say(text);
    answer(&question).map(|_| ())
}

/// Shows something to a person; standard output is for answers.
pub fn say(text: &str) {
    let mut out = stderr();
    // Whoever does not see the question will not answer it; that is noticed there.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Takes what was shown off a terminal's screen and out of its scroll-back.
pub fn wipe_screen() {
    if stderr().is_terminal() {
        say("\x1b[H\x1b[2J\x1b[3J");
    }
}

/// A line that a person types, or that comes from a pipe.
///
/// # Errors
/// When standard input ends before it, or Ctrl-C is pressed instead.
pub fn line() -> Result<Zeroizing<String>, Failure> {
    answer(&Question::begin())
}

fn answer(question: &Question) -> Result<Zeroizing<String>, Failure> {
    let read = || read_until(Some(b'\n'));
    let text = if is_terminal() { question.answer(read) } else { Some(read()) };
    let text = text.ok_or_else(|| Failure::could_not("interrupted", "interrupted; nothing was changed"))??;
    if text.is_empty() {
        return Err(Failure::refused("no-answer", "standard input ended before the answer; nothing was changed"));
    }
    Ok(text)
}

/// Standard input up to a sign, or to its end. It goes byte by byte into room that does not grow: no copy of what may be
/// secret is left in a buffer.
fn read_until(end: Option<u8>) -> Result<Zeroizing<String>, Failure> {
    let mut input = File::from(stdin().as_fd().try_clone_to_owned().map_err(|e| unreadable(&e))?);
    let mut bytes = Zeroizing::new(Vec::with_capacity(LIMIT));
    let mut byte = Zeroizing::new([0]);
    while bytes.len() < LIMIT {
        match input.read(byte.as_mut()) {
            Ok(0) => break,
            Ok(_) => bytes.extend_from_slice(byte.as_ref()),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(&error)),
        }
        if bytes.last().copied() == end {
            break;
        }
    }
    let text = str::from_utf8(&bytes).map_err(|_| unreadable(&ErrorKind::InvalidData.into()))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// The terminal is silent before it asks: what is typed early is not shown either.
fn hidden_line(question: &str) -> Result<Zeroizing<String>, Failure> {
    let asked = Question::begin();
    let _quiet = Quiet::new()?;
    say(question);
    answer(&asked)
}

/// A terminal that does not show what is typed, until this is dropped.
struct Quiet(Termios);

impl Quiet {
    fn new() -> Result<Self, Failure> {
        let before = tcgetattr(stdin()).map_err(|e| unreadable(&e.into()))?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(stdin(), OptionalActions::Now, &quiet).map_err(|e| unreadable(&e.into()))?;
        Ok(Self(before))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // A terminal that has gone away needs no repair.
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.0);
        say("\n");
    }
}

/// Two different places of six.
fn two_places() -> Result<(usize, usize), Failure> {
    let mut bytes = [0; 2];
    getrandom::fill(&mut bytes)
        .map_err(|e| Failure::could_not("randomness", format!("no randomness from the system: {e}")))?;
    let [a, b] = bytes.map(usize::from);
    let first = a % 6;
    Ok((first, (first + 1 + b % 5) % 6))
}

fn unreadable(error: &std::io::Error) -> Failure {
    Failure::could_not("input", format!("standard input cannot be read: {error}"))
}
