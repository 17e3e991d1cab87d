//! Asking a person: at a terminal with as many tries as they need, from a pipe once.

use std::io::{BufRead, IsTerminal, Read, Write, stderr, stdin};

use gateway_core::custody::RecoveryKey;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::Failure;

/// Longest text that is read: a sheet with all its explanations.
const LIMIT: u64 = 16 << 10;
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
        let mut text = Zeroizing::new(String::new());
        stdin().lock().take(LIMIT).read_to_string(&mut text).map_err(|e| unreadable(&e))?;
        return Ok(RecoveryKey::read(&text)?);
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
            say(&format!("Type group {} of the sheet: ", place + 1));
            right &= fits(place, &line()?);
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
    say(text);
    line().map(|_| ())
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
/// When standard input ends before it.
pub fn line() -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::new());
    let read = stdin().lock().take(LIMIT).read_line(&mut text).map_err(|e| unreadable(&e))?;
    if read == 0 {
        return Err(Failure::refused("no-answer", "standard input ended before the answer; nothing was changed"));
    }
    Ok(text)
}

/// The terminal is silent before it asks: what is typed early is not shown either.
fn hidden_line(question: &str) -> Result<Zeroizing<String>, Failure> {
    let _quiet = Quiet::new()?;
    say(question);
    line()
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
