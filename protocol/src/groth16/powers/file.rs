//! The layout of the public ceremonies' response files.
//!
//! ```text
//! BLAKE2b-512 of the challenge before (64) ‖ τⁱ in G1 (2n − 1) ‖ τⁱ in G2 (n) ‖ α·τⁱ in G1 (n) ‖ β·τⁱ in G1 (n) ‖ β in G2
//! ‖ public key of the last contribution (1152, uncompressed; not in a demonstration's file)
//! ```
//!
//! Points are compressed: 48 bytes in G1, 96 in G2. n is a power of two and follows from the length. The file is read once
//! from end to end, since its hash is what was published; points are kept as far as a circuit needs them. A demonstration's
//! file has a sentence in place of the first hash.

use std::io::{Read, Seek, SeekFrom, Write};

use super::super::points::{Point, Progress, parallel};
use super::{Origin, Powers, PowersError, Section};

/// What stands first in a demonstration's file: a BLAKE2b hash that reads so does not occur.
const DEMONSTRATION: &[u8; 64] = b"DEMONSTRATION: powers of tau of one maker, who can forge proofs.";
const HEAD: u64 = 64;
const PUBLIC_KEY: u64 = 3 * 192 + 6 * 96;
/// Filecoin's.
const LARGEST: u64 = 1 << 27;
/// Points read at a time.
const PART: usize = 4096;

impl Origin {
    /// What stands for it in hashes and transcripts.
    pub(in super::super) fn head(&self) -> &[u8; 64] {
        match self {
            Self::File(hash) => hash,
            Self::Demonstration => DEMONSTRATION,
        }
    }

    /// Reads it back.
    pub(in super::super) fn of(head: [u8; 64]) -> Self {
        if head == *DEMONSTRATION { Self::Demonstration } else { Self::File(head) }
    }
}

impl Powers {
    /// Reads a file, and keeps what a circuit of `size` rows (a power of two) needs; every point that is kept is looked at.
    /// Whether they are powers of one τ says [`Powers::verify`]. `watch` is told how many of how many points are done.
    ///
    /// # Errors
    /// When the file is of no size, too small, or holds points outside their groups.
    pub fn read(
        source: &mut (impl Read + Seek),
        size: usize,
        watch: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Self, PowersError> {
        let length = source.seek(SeekFrom::End(0))?;
        source.seek(SeekFrom::Start(0))?;
        let (rows, rest) = rows(length).ok_or(PowersError::Length)?;
        if size < 2 || size > rows {
            return Err(PowersError::TooSmall { has: rows, needs: size });
        }
        let progress = Progress::new(5 * size, watch);
        let mut file = Hashed { source, hash: blake2b_simd::State::new(), progress: &progress };
        let mut head = [0; 64];
        file.fill(&mut head)?;
        let mut powers = Self {
            origin: Origin::of(head),
            tau_g1: file.list(Section::TauG1, 2 * size - 1, 2 * rows - 1)?,
            tau_g2: file.list(Section::TauG2, size, rows)?,
            alpha_g1: file.list(Section::AlphaG1, size, rows)?,
            beta_g1: file.list(Section::BetaG1, size, rows)?,
            beta_g2: file.list(Section::BetaG2, 1, 1)?.pop().ok_or(PowersError::Length)?,
        };
        file.skip(rest)?;
        if powers.origin != Origin::Demonstration {
            powers.origin = Origin::File(*file.hash.finalize().as_array());
        }
        Ok(powers)
    }

    /// Writes powers made for demonstration.
    ///
    /// # Errors
    /// When they are a public file's, or cannot be written.
    pub fn write(&self, out: &mut impl Write) -> Result<(), PowersError> {
        if !self.is_demonstration() {
            return Err(PowersError::Public);
        }
        out.write_all(self.origin.head())?;
        write_list(out, &self.tau_g1)?;
        write_list(out, &self.tau_g2)?;
        write_list(out, &self.alpha_g1)?;
        write_list(out, &self.beta_g1)?;
        write_list(out, &[self.beta_g2])?;
        Ok(())
    }
}

fn write_list<P: Point>(out: &mut impl Write, points: &[P]) -> std::io::Result<()> {
    points.iter().try_for_each(|point| out.write_all(point.to_bytes().as_ref()))
}

/// n of a file of this length, and what follows its points.
fn rows(length: u64) -> Option<(usize, u64)> {
    [0, PUBLIC_KEY].into_iter().find_map(|rest| {
        // 48·(2n − 1) + 96·n + 48·n + 48·n + 96 = 288·n + 48.
        let points = length.checked_sub(HEAD + rest + 48)?;
        let rows = points / 288;
        let fits = points % 288 == 0 && rows.is_power_of_two() && (2..=LARGEST).contains(&rows);
        Some((usize::try_from(rows).ok().filter(|_| fits)?, rest))
    })
}

/// A file, and the hash of what was read of it.
struct Hashed<'a, R> {
    source: &'a mut R,
    hash: blake2b_simd::State,
    progress: &'a Progress<'a>,
}

impl<R: Read> Hashed<'_, R> {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), PowersError> {
        self.source.read_exact(buffer)?;
        self.hash.update(buffer);
        Ok(())
    }

    /// Hashes what is not kept.
    fn skip(&mut self, mut length: u64) -> Result<(), PowersError> {
        let mut buffer = vec![0; PART * 96];
        while length > 0 {
            let part = usize::try_from(length).map_or(buffer.len(), |length| length.min(buffer.len()));
            self.fill(buffer.get_mut(..part).unwrap_or_default())?;
            length = length.saturating_sub(u64::try_from(part).unwrap_or(u64::MAX));
        }
        Ok(())
    }

    /// The first `keep` of `count` points.
    fn list<P: Point>(&mut self, section: Section, keep: usize, count: usize) -> Result<Vec<P>, PowersError> {
        let width = P::Repr::default().as_ref().len();
        let mut points = Vec::with_capacity(keep);
        while points.len() < keep {
            let mut part = vec![P::Repr::default(); PART.min(keep - points.len())];
            for bytes in &mut part {
                self.fill(bytes.as_mut())?;
            }
            // Reading looks at the curve and at the group.
            let read = parallel(&part, self.progress, |bytes| Option::<P>::from(P::from_bytes(bytes)));
            for point in read {
                points.push(point.ok_or(PowersError::Group(section))?);
            }
        }
        let rest = u64::try_from(width * (count - keep)).map_err(|_| PowersError::Length)?;
        self.skip(rest)?;
        Ok(points)
    }
}
