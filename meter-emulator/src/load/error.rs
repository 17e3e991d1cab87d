//! Why a load is refused: what is wrong, where it stands, and what to do. Amounts stay out of every message.

use crate::amount::AmountError;

/// A load that is refused whole.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file could not be read.
    #[error("the file cannot be read: {0}")]
    Io(#[source] std::io::Error),
    /// The file is not CSV text.
    #[error("line {line}: this is not comma-separated UTF-8 text; save the file as CSV (UTF-8)")]
    NotText {
        /// Where.
        line: u64,
    },
    /// The first column is not the time.
    #[error("line 1: the first column must be called utc_start; name the columns in the first line")]
    Header,
    /// The column does not exist.
    #[error("there is no column {wanted:?}; the file has: {there}")]
    UnknownColumn {
        /// What was asked for.
        wanted: String,
        /// What there is.
        there: String,
    },
    /// Two columns have the name.
    #[error("two columns are called {0:?}; rename one of them in the first line")]
    AmbiguousColumn(String),
    /// More or fewer fields than the header names.
    #[error("line {line}: {found} fields where the first line names {expected}; complete or remove the line")]
    Fields {
        /// Where.
        line: u64,
        /// Fields there.
        found: usize,
        /// Fields in the header.
        expected: usize,
    },
    /// Not a time in UTC.
    #[error("line {line}: the time is not of the form 2013-01-31T23:30Z (UTC, from 1970 on)")]
    Time {
        /// Where.
        line: u64,
    },
    /// The same time twice.
    #[error(
        "line {line}: the same time as on the line before; keep one of the two (local time repeats an hour in autumn: convert to UTC)"
    )]
    Duplicate {
        /// Where.
        line: u64,
    },
    /// A time before that of an earlier line.
    #[error(
        "line {line}: the time is earlier than on the line before; sort the lines by time (local time runs back in autumn: convert to UTC)"
    )]
    Disorder {
        /// Where.
        line: u64,
    },
    /// A time that is not on the file's own grid.
    #[error("line {line}: the time is off the file's grid of {cadence} s; correct or remove the line")]
    OffGrid {
        /// Where.
        line: u64,
        /// The grid.
        cadence: u64,
    },
    /// A cadence that does not divide the interval.
    #[error(
        "the lines are {cadence} s apart (line {line}), which does not divide slots of {interval} s; correct the times or choose another --interval"
    )]
    Cadence {
        /// Where the step was seen.
        line: u64,
        /// The file's step.
        cadence: u64,
        /// The slot.
        interval: u64,
    },
    /// The file is coarser than the slots.
    #[error(
        "the lines are {cadence} s apart, coarser than slots of {interval} s, and a meter cannot tell what happened in between; choose --interval {cadence} if that is 900, 1800 or 3600"
    )]
    TooCoarse {
        /// The file's step.
        cadence: u64,
        /// The slot.
        interval: u64,
    },
    /// An amount that is none.
    #[error("line {line}, column {column:?}: {reason}")]
    Amount {
        /// Where.
        line: u64,
        /// In which column.
        column: String,
        /// What is wrong.
        reason: AmountError,
    },
    /// The parts of a slot add up to more than a slot can hold.
    #[error(
        "line {line}, column {column:?}: the slot that this line belongs to exceeds what a register can count in one slot (429,496 units); check the unit of the column"
    )]
    SlotTooLarge {
        /// Where the limit was passed.
        line: u64,
        /// In which column.
        column: String,
    },
    /// No lines below the header.
    #[error("the file has no readings; it needs a line utc_start,<column>… and at least two lines below it")]
    Empty,
    /// One line alone.
    #[error("the file has one reading only, which does not tell how long its interval is; give at least two lines")]
    OneLine,
    /// Not one slot is covered from start to end.
    #[error("the file does not cover one slot of {interval} s from start to end; give more lines")]
    NoWholeSlot {
        /// The slot.
        interval: u64,
    },
    /// From the first line to the last it is longer than a meter's life.
    #[error("line {line}: the file ends more than 50 years after it began; check the year")]
    TooLong {
        /// The last line.
        line: u64,
    },
    /// The cut left nothing.
    #[error("no slot lies between --from and --until; compare them with the times in the file")]
    NothingLeft,
    /// 29 February has no counterpart.
    #[error(
        "29 February {year} cannot be moved to {target}, which has none; choose a multiple of 4 for --shift-years, or cut the day away with --from and --until"
    )]
    LeapDay {
        /// From.
        year: i16,
        /// To.
        target: i32,
    },
    /// Moved out of what can be counted.
    #[error("--shift-years leads out of the years 1970 to 9999")]
    ShiftOutOfRange,
}

impl PartialEq for LoadError {
    fn eq(&self, other: &Self) -> bool {
        self.code() == other.code() && self.to_string() == other.to_string()
    }
}

impl LoadError {
    /// A short name that programs can compare.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io(_) => "io",
            Self::NotText { .. } => "not_text",
            Self::Header => "header",
            Self::UnknownColumn { .. } => "unknown_column",
            Self::AmbiguousColumn(_) => "ambiguous_column",
            Self::Fields { .. } => "fields",
            Self::Time { .. } => "time",
            Self::Duplicate { .. } => "duplicate",
            Self::Disorder { .. } => "disorder",
            Self::OffGrid { .. } => "off_grid",
            Self::Cadence { .. } => "cadence",
            Self::TooCoarse { .. } => "too_coarse",
            Self::Amount { reason: AmountError::Negative, .. } => "negative",
            Self::Amount { reason: AmountError::NotANumber, .. } => "not_a_number",
            Self::Amount { reason: AmountError::TooFine, .. } => "too_fine",
            Self::Amount { reason: AmountError::TooLarge, .. } | Self::SlotTooLarge { .. } => "too_large",
            Self::Empty => "empty",
            Self::OneLine => "one_line",
            Self::NoWholeSlot { .. } => "no_whole_slot",
            Self::TooLong { .. } => "too_long",
            Self::NothingLeft => "nothing_left",
            Self::LeapDay { .. } => "leap_day",
            Self::ShiftOutOfRange => "shift_out_of_range",
        }
    }
}
