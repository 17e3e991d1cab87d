//! The speed of whoever reads a pseudo-terminal: where the meter's line has one, a reader at another hears noise, as on a
//! real line.

use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::termios::tcgetattr;

/// The least that a meter takes before it answers (IEC 62056-21, 6.4.3).
const TURN: Duration = Duration::from_millis(200);

/// Whoever reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(Option<&'a OwnedFd>);

impl<'a> Reader<'a> {
    /// The reader of a pseudo-terminal, whose speed counts where the meter's line has one.
    pub(super) fn at(held: &'a OwnedFd, baud: Option<u32>) -> Self {
        Self(baud.map(|_| held))
    }

    /// One whose speed is not known, or is the line's own affair.
    pub(super) fn any() -> Self {
        Self(None)
    }

    /// Whether it listens at this speed.
    pub(super) fn is_at(self, baud: u32) -> bool {
        let speed = self.0.and_then(|held| tcgetattr(held).ok()).map(|settings| settings.output_speed());
        speed.is_none_or(|speed| speed == baud)
    }

    /// How long the meter waits for it to change its speed.
    pub(super) fn turn(self) -> Duration {
        self.0.map_or(Duration::ZERO, |_| TURN)
    }

    /// What it hears of bytes at a speed.
    pub(super) fn hears(self, bytes: &[u8], baud: Option<u32>) -> Vec<u8> {
        if baud.is_none_or(|baud| self.is_at(baud)) {
            return bytes.to_vec();
        }
        // A slower line seen by a faster reader and the other way about: other bytes, and another number of them.
        bytes.iter().step_by(2).map(|byte| byte.rotate_left(3) ^ 0xe1).collect()
    }
}
