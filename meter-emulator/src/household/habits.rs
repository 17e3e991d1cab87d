//! What people in the house do on a day, and what it draws.

use super::draw::{Draw, Question};
use super::sun::day_of_year;
use metrology::label::DAY_SECONDS;
use sealer::time::date_of;

/// A household's size and habits.
pub(super) struct Habits {
    draw: Draw,
    /// What is always on, in watts.
    standby: u32,
    /// Lamps, screens and the like while people are up, in watts.
    living: u32,
    /// Electric heating on the coldest day, in watts.
    heating: u32,
    /// Quarter of the day in which a working day begins.
    rises: u32,
    /// Quarter in which people come home.
    returns: u32,
    /// Whether someone works at home.
    stays: bool,
}

/// A day's plan: runs of appliances over the course of being away, asleep, out or at home.
pub(super) struct Day<'a> {
    habits: &'a Habits,
    day: u32,
    away: bool,
    free: bool,
    /// Cold of the season in hundredths: 0 in July, 100 in January.
    cold: u32,
    /// First quarter, quarters and watts of each run.
    runs: Vec<(u32, u32, u32)>,
}

/// The clouds of a day.
pub(super) struct Clouds {
    draw: Draw,
    day: u32,
    /// Clearness of the day in hundredths.
    mean: u32,
}

impl Habits {
    pub(super) fn of(draw: Draw) -> Self {
        let size = |index, from, until| draw.between(Question::Household, index, from, until);
        Self {
            draw,
            standby: size(0, 60, 160),
            living: size(1, 120, 320),
            heating: size(2, 100, 700),
            rises: size(3, 24, 31),
            returns: size(4, 66, 74),
            stays: draw.happens(Question::Household, 5, 30),
        }
    }

    /// Whether people are away all day: a fortnight in summer, a week now and then, and single days.
    fn away(&self, day: u32) -> bool {
        let year = u64::from(date_of(u64::from(day) * DAY_SECONDS).year().unsigned_abs());
        let date = day_of_year(day);
        let leaves = i64::from(self.draw.between(Question::Absence, year << 2, 182, 215));
        let week = u64::from(day / 7);
        (leaves..leaves + 14).contains(&date)
            || self.draw.happens(Question::Absence, week << 2 | 1, 4)
            || self.draw.happens(Question::Absence, u64::from(day) << 2 | 2, 3)
    }

    pub(super) fn day(&self, day: u32) -> Day<'_> {
        let weekday = date_of(u64::from(day) * DAY_SECONDS).weekday().to_monday_zero_offset();
        let free = weekday >= 5;
        let away = self.away(day);
        let cold = cold_of(day);
        let mut plan = Day { habits: self, day, away, free, cold, runs: Vec::new() };
        if !away {
            plan.runs(self.draw);
        }
        plan
    }

    pub(super) fn clouds(&self, day: u32) -> Clouds {
        let spread = self.draw.below(Question::Weather, u64::from(day), 90);
        // Bright and dull days are both more frequent than middling ones.
        let mean = if spread < 40 { 15 + spread / 2 } else { 50 + (spread - 40) };
        Clouds { draw: self.draw, day, mean }
    }
}

impl Day<'_> {
    /// Decides on the appliances of the day.
    fn runs(&mut self, draw: Draw) {
        let index = |appliance: u64| u64::from(self.day) << 4 | appliance;
        let start = |appliance, from, until| draw.between(Question::Appliance, index(appliance), from, until);
        let happens = |appliance, percent| draw.happens(Question::Appliance, index(appliance), percent);
        let mut runs = Vec::new();
        if happens(0, if self.free { 60 } else { 25 }) {
            let washing = if self.free { start(1, 36, 68) } else { start(1, 68, 80) };
            runs.extend([(washing, 2, 1900), (washing + 2, 4, 350)]);
        }
        if happens(2, 55) {
            runs.push((start(3, 76, 86), 4, 1100));
        }
        if happens(4, 80) {
            runs.push((start(5, 69, 77), start(6, 2, 5), 1700));
        }
        if self.free && happens(7, 65) {
            runs.push((start(8, 46, 52), start(9, 3, 6), 1900));
        }
        runs.push((start(10, 28, 34), 1, 900));
        self.runs = runs;
    }

    /// Mean power used in a quarter-hour.
    pub(super) fn watts(&self, quarter: u32) -> u32 {
        let habits = self.habits;
        let index = u64::from(self.day) << 7 | u64::from(quarter);
        let jitter = |watts: u32| watts * habits.draw.between(Question::Quarter, index << 1, 80, 121) / 100;
        let fridge = if habits.draw.happens(Question::Quarter, index << 1 | 1, 38) { 95 } else { 0 };
        let frost = habits.heating * self.cold / 100;
        if self.away {
            return jitter(habits.standby) + fridge + frost / 3;
        }
        let (rises, rests) = if self.free { (habits.rises + 8, 93) } else { (habits.rises, 90) };
        let awake = (rises..rests).contains(&quarter);
        let out = !self.free && !habits.stays && (rises + 6..habits.returns).contains(&quarter);
        let dark = !(34 - self.cold / 20..60 + 14 * (100 - self.cold) / 100).contains(&quarter);
        let mut watts = jitter(habits.standby) + fridge;
        if awake && !out {
            watts += jitter(habits.living) + frost;
            if dark {
                watts += jitter(habits.living / 2);
            }
        } else {
            watts += frost / 2;
        }
        let running = self.runs.iter().filter(|(from, length, _)| (*from..from + length).contains(&quarter));
        watts + running.map(|(_, _, watts)| watts).sum::<u32>()
    }
}

/// Cold of the season in hundredths: 0 in July, 100 in January.
pub(super) fn cold_of(day: u32) -> u32 {
    let from_july = (day_of_year(day) - 200).unsigned_abs();
    u32::try_from(from_july.min(365 - from_july) * 100 / 183).unwrap_or(0)
}

impl Clouds {
    /// How much of the clear sky's light comes through in a quarter-hour, in hundredths.
    pub(super) fn clearness(&self, quarter: u32) -> u32 {
        let index = u64::from(self.day) << 7 | u64::from(quarter);
        let passing = self.draw.below(Question::Cloud, index, 31);
        (self.mean + 15).saturating_sub(passing).clamp(5, 100)
    }
}
