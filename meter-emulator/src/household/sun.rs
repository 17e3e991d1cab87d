//! Where the sun stands, in whole numbers, for a house at 52° north on the meridian of Greenwich.

use metrology::label::DAY_SECONDS;

use sealer::time::date_of;

/// 1 in the fixed-point numbers of this module.
const ONE: i64 = 10_000;
/// A full circle in hundredths of a degree.
const CIRCLE: i64 = 36_000;
/// sin 52° and cos 52°.
const LATITUDE: (i64, i64) = (7880, 6157);
/// The tilt of the Earth's axis in hundredths of a degree.
const TILT: i64 = 2344;

/// The sine of an angle in hundredths of a degree: Bhāskara's formula, right to 0.2 %.
fn sine(angle: i64) -> i64 {
    let angle = angle.rem_euclid(CIRCLE);
    let half = CIRCLE / 2;
    let (x, sign) = if angle < half { (angle, 1) } else { (angle - half, -1) };
    let product = x * (half - x);
    sign * 4 * product * ONE / (5 * half * half / 4 - product)
}

fn cosine(angle: i64) -> i64 {
    sine(angle + CIRCLE / 4)
}

/// The course of the sun on one day.
pub(super) struct Daylight {
    /// sin and cos of the declination.
    declination: (i64, i64),
}

/// Day of the year, counted from 1 January = 0.
pub(super) fn day_of_year(day: u32) -> i64 {
    i64::from(date_of(u64::from(day) * DAY_SECONDS).day_of_year()) - 1
}

impl Daylight {
    pub(super) fn of(day: u32) -> Self {
        // The sun is lowest ten days before the new year.
        let season = (day_of_year(day) + 10) * CIRCLE / 365;
        let declination = -TILT * cosine(season) / ONE;
        Self { declination: (sine(declination), cosine(declination)) }
    }

    /// Mean power of panels of `peak` watts in a quarter-hour under a clear sky.
    pub(super) fn output(&self, peak: u32, quarter: u32) -> u32 {
        let hour_angle = (i64::from(quarter) * 2 + 1) * CIRCLE / 192 - CIRCLE / 2;
        let (sin, cos) = self.declination;
        let height = LATITUDE.0 * sin / ONE + LATITUDE.1 * cos / ONE * cosine(hour_angle) / ONE;
        u32::try_from(i64::from(peak) * height.max(0) / ONE).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sines_are_close_enough() {
        for (degrees, sin) in [(0, 0), (30, 5000), (45, 7071), (90, 10_000), (180, 0), (210, -5000), (270, -10_000)] {
            assert!((sine(degrees * 100) - sin).abs() <= 20, "{degrees}°");
        }
        assert_eq!(sine(-9000), sine(27_000));
    }

    #[test]
    fn days_are_as_long_as_at_52_degrees() {
        // 2025-06-21 and 2025-12-21: about 16 h 45 and 7 h 40.
        let lit = |day| (0..96).filter(|q| Daylight::of(day).output(1000, *q) > 0).count();
        assert!((64..=69).contains(&lit(20_260)), "{}", lit(20_260));
        assert!((28..=33).contains(&lit(20_443)), "{}", lit(20_443));
    }
}
