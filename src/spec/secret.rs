//! What both sides of a TCP connection must know.

use std::fmt;
use std::io;

/// The secret that both sides of a TCP connection must know. Never shown.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Draws `bits` random bits, as hexadecimal digits (Spark's `Utils.createSecret`).
    pub fn draw(bits: usize) -> io::Result<Self> {
        random_hex(bits.div_ceil(8)).map(Self)
    }

    /// The secret itself, for the environment of a process that must know it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Compares in a time that does not depend on where the first difference is.
    pub(crate) fn matches(&self, other: &[u8]) -> bool {
        let own = self.0.as_bytes();
        own.len() == other.len() && own.iter().zip(other).fold(0, |acc, (a, b)| acc | (a ^ b)) == 0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Random bytes, as lower-case hexadecimal digits.
pub(crate) fn random_hex(bytes: usize) -> io::Result<String> {
    use fmt::Write as _;
    let mut random = vec![0_u8; bytes];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    Ok(random.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
