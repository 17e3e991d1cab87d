//! A password on its way to a broker: wiped when dropped, and shown by nothing.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// A secret text. It has no `Display` and no comparison, and its `Debug` shows nothing of it.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret(String);

impl Secret {
    /// Takes the text over.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for the one place that must send it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        let secret = Secret::new("hunter2".into());
        assert_eq!(format!("{secret:?} {:?}", secret.clone()), "Secret(…) Secret(…)");
        assert_eq!(secret.expose(), "hunter2");
    }
}
