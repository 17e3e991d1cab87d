//! Files of points: uncompressed, in counted lists.

use blstrs::{G1Affine, G2Affine};

use super::ParametersError;
use super::points::{Progress, parallel};

const G1_BYTES: usize = 96;
const G2_BYTES: usize = 192;

pub(crate) fn count(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()
}

/// Takes files of points apart.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    checked: bool,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8], checked: bool) -> Self {
        Self { rest: bytes, checked }
    }

    /// What was read, when nothing is left.
    pub(crate) fn end<T>(&self, read: T) -> Result<T, ParametersError> {
        if self.rest.is_empty() { Ok(read) } else { Err(ParametersError::Malformed) }
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], ParametersError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(ParametersError::Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], ParametersError> {
        self.take(N)?.try_into().map_err(|_| ParametersError::Malformed)
    }

    pub(crate) fn g1(&mut self) -> Result<G1Affine, ParametersError> {
        let checked = self.checked;
        g1(self.array()?, checked).ok_or(ParametersError::Point)
    }

    pub(crate) fn g2(&mut self) -> Result<G2Affine, ParametersError> {
        let checked = self.checked;
        g2(self.array()?, checked).ok_or(ParametersError::Point)
    }

    fn length(&mut self, each: usize) -> Result<usize, ParametersError> {
        let length = usize::try_from(u32::from_le_bytes(*self.array()?)).map_err(|_| ParametersError::Malformed)?;
        // No more than there is: nothing is reserved for points that do not come.
        if length <= self.rest.len() / each { Ok(length) } else { Err(ParametersError::Malformed) }
    }

    pub(crate) fn g1_list(&mut self) -> Result<Vec<G1Affine>, ParametersError> {
        let checked = self.checked;
        self.list(|bytes| g1(bytes, checked))
    }

    pub(crate) fn g2_list(&mut self) -> Result<Vec<G2Affine>, ParametersError> {
        let checked = self.checked;
        self.list(|bytes| g2(bytes, checked))
    }

    /// A counted list, on all processors.
    fn list<P: Send, const N: usize>(
        &mut self,
        point: impl Fn(&[u8; N]) -> Option<P> + Sync,
    ) -> Result<Vec<P>, ParametersError> {
        let length = self.length(N)?;
        let (points, _) = self.take(length * N)?.as_chunks();
        let read = parallel(points, &Progress::new(length, &|_, _| ()), point);
        read.into_iter().collect::<Option<_>>().ok_or(ParametersError::Point)
    }
}

fn g1(bytes: &[u8; G1_BYTES], checked: bool) -> Option<G1Affine> {
    let point = if checked { G1Affine::from_uncompressed(bytes) } else { G1Affine::from_uncompressed_unchecked(bytes) };
    point.into()
}

fn g2(bytes: &[u8; G2_BYTES], checked: bool) -> Option<G2Affine> {
    let point = if checked { G2Affine::from_uncompressed(bytes) } else { G2Affine::from_uncompressed_unchecked(bytes) };
    point.into()
}
