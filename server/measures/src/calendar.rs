//! Days and quarters as plain numbers, so that no time zone and no clock is involved.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;
use time::{Date, Month};

const FIRST_YEAR: u16 = 1900;
const LAST_YEAR: u16 = 9999;
/// 1900-01-01 in days since 1970-01-01.
const FIRST_DAY: i32 = -25_567;
/// 9999-12-31 in days since 1970-01-01.
const LAST_DAY: i32 = 2_932_896;
const UNIX_EPOCH_JULIAN_DAY: i32 = 2_440_588;

/// Why something is not a day or not a quarter.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CalendarError {
    /// Text or number is no day between 1900-01-01 and 9999-12-31.
    #[error(
        "not a day between 1900-01-01 and 9999-12-31; write it as YYYY-MM-DD, for example 2026-01-12"
    )]
    NotADay,
    /// Text or number is no quarter between 1900Q1 and 9999Q4.
    #[error("not a quarter between 1900Q1 and 9999Q4; write it as YYYYQn, for example 2026Q1")]
    NotAQuarter,
}

/// A calendar day: whole days since 1970-01-01, from 1900-01-01 to 9999-12-31.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i32", into = "i32")]
pub struct Day(i32);

impl Day {
    /// The day with this number (days since 1970-01-01).
    pub fn new(number: i32) -> Result<Self, CalendarError> {
        if (FIRST_DAY..=LAST_DAY).contains(&number) {
            Ok(Self(number))
        } else {
            Err(CalendarError::NotADay)
        }
    }

    /// The day of this year, month (1–12) and day of month.
    pub fn from_ymd(year: i32, month: u8, day: u8) -> Result<Self, CalendarError> {
        let month = Month::try_from(month).map_err(|_| CalendarError::NotADay)?;
        let date =
            Date::from_calendar_date(year, month, day).map_err(|_| CalendarError::NotADay)?;
        Self::try_from(date)
    }

    /// Days since 1970-01-01.
    pub fn number(self) -> i32 {
        self.0
    }

    /// This day moved by `days`, stopping at the first and last day there is.
    #[must_use]
    pub fn plus(self, days: i32) -> Self {
        Self(self.0.saturating_add(days).clamp(FIRST_DAY, LAST_DAY))
    }

    /// Days from `earlier` to this day; negative when `earlier` is later.
    pub fn days_since(self, earlier: Self) -> i32 {
        self.0 - earlier.0
    }

    /// The quarter this day lies in.
    pub fn quarter(self) -> Quarter {
        let (year, month, _) = self.ymd();
        Quarter {
            year,
            number: (month - 1) / 3 + 1,
        }
    }

    /// Civil date by the proleptic Gregorian calendar (H. Hinnant, "chrono-compatible low-level
    /// date algorithms", 2013), total over the range of the type.
    fn ymd(self) -> (u16, u8, u8) {
        let shifted = self.0 + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        };
        let year = year_of_era + era * 400 + i32::from(month <= 2);
        // In range because the day is between 1900 and 9999.
        (year as u16, month as u8, day as u8)
    }
}

impl TryFrom<i32> for Day {
    type Error = CalendarError;

    fn try_from(number: i32) -> Result<Self, CalendarError> {
        Self::new(number)
    }
}

impl From<Day> for i32 {
    fn from(day: Day) -> Self {
        day.0
    }
}

impl TryFrom<Date> for Day {
    type Error = CalendarError;

    fn try_from(date: Date) -> Result<Self, CalendarError> {
        Self::new(date.to_julian_day() - UNIX_EPOCH_JULIAN_DAY)
    }
}

impl FromStr for Day {
    type Err = CalendarError;

    /// Reads `YYYY-MM-DD`.
    fn from_str(text: &str) -> Result<Self, CalendarError> {
        let mut parts = text.split('-');
        let (Some(year), Some(month), Some(day), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(CalendarError::NotADay);
        };
        if (year.len(), month.len(), day.len()) != (4, 2, 2)
            || !text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'-')
        {
            return Err(CalendarError::NotADay);
        }
        let number = |part: &str| part.parse::<u16>().map_err(|_| CalendarError::NotADay);
        let small = |part: &str| part.parse::<u8>().map_err(|_| CalendarError::NotADay);
        Self::from_ymd(i32::from(number(year)?), small(month)?, small(day)?)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.ymd();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// Silent: the exact day of a check-in is personal.
impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Day(..)")
    }
}

/// A quarter of a year, 1900Q1 to 9999Q4.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Quarter {
    year: u16,
    number: u8,
}

impl Quarter {
    /// Quarter `number` (1–4) of `year` (1900–9999).
    pub fn new(year: u16, number: u8) -> Result<Self, CalendarError> {
        if (FIRST_YEAR..=LAST_YEAR).contains(&year) && (1..=4).contains(&number) {
            Ok(Self { year, number })
        } else {
            Err(CalendarError::NotAQuarter)
        }
    }

    /// The quarter with this [`index`](Self::index).
    pub fn from_index(index: u32) -> Result<Self, CalendarError> {
        let year = u16::try_from(index / 4).map_err(|_| CalendarError::NotAQuarter)?;
        Self::new(year, (index % 4) as u8 + 1)
    }

    /// Consecutive number of the quarter: `year * 4 + number - 1`. This is its form on the wire.
    pub fn index(self) -> u32 {
        u32::from(self.year) * 4 + u32::from(self.number) - 1
    }

    /// The year, 1900–9999.
    pub fn year(self) -> u16 {
        self.year
    }

    /// The quarter within its year, 1–4.
    pub fn number(self) -> u8 {
        self.number
    }

    /// First day of the quarter.
    pub fn first_day(self) -> Day {
        Day(days_from_civil(
            i32::from(self.year),
            i32::from(self.number) * 3 - 2,
        ))
    }

    /// Last day of the quarter.
    pub fn last_day(self) -> Day {
        let (year, month) = if self.number == 4 {
            (i32::from(self.year) + 1, 1)
        } else {
            (i32::from(self.year), i32::from(self.number) * 3 + 1)
        };
        Day(days_from_civil(year, month) - 1)
    }

    /// The quarter after this one; 9999Q4 stays.
    #[must_use]
    pub fn next(self) -> Self {
        Self::from_index(self.index() + 1).unwrap_or(self)
    }

    /// The quarter before this one; 1900Q1 stays.
    #[must_use]
    pub fn previous(self) -> Self {
        Self::from_index(self.index() - 1).unwrap_or(self)
    }
}

/// Day number of the first of a month (Hinnant 2013).
fn days_from_civil(year: i32, month: i32) -> i32 {
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let shifted_month = (month + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

impl From<Day> for Quarter {
    fn from(day: Day) -> Self {
        day.quarter()
    }
}

impl TryFrom<String> for Quarter {
    type Error = CalendarError;

    fn try_from(text: String) -> Result<Self, CalendarError> {
        text.parse()
    }
}

impl From<Quarter> for String {
    fn from(quarter: Quarter) -> Self {
        quarter.to_string()
    }
}

impl FromStr for Quarter {
    type Err = CalendarError;

    /// Reads `2026Q1`.
    fn from_str(text: &str) -> Result<Self, CalendarError> {
        let (year, number) = text.split_once('Q').ok_or(CalendarError::NotAQuarter)?;
        if year.len() != 4 || number.len() != 1 || !year.bytes().all(|b| b.is_ascii_digit()) {
            return Err(CalendarError::NotAQuarter);
        }
        let year = year.parse().map_err(|_| CalendarError::NotAQuarter)?;
        let number = number.parse().map_err(|_| CalendarError::NotAQuarter)?;
        Self::new(year, number)
    }
}

impl fmt::Display for Quarter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}Q{}", self.year, self.number)
    }
}

impl fmt::Debug for Quarter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_epoch_and_the_ends_have_their_dates() {
        assert_eq!(Day::new(0).unwrap().to_string(), "1970-01-01");
        assert_eq!(Day::new(FIRST_DAY).unwrap().to_string(), "1900-01-01");
        assert_eq!(Day::new(LAST_DAY).unwrap().to_string(), "9999-12-31");
        assert_eq!(Day::new(LAST_DAY + 1), Err(CalendarError::NotADay));
        assert_eq!(Day::new(LAST_DAY).unwrap().plus(5), Day(LAST_DAY));
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in [
            "2026-02-29",
            "2026-1-2",
            "2026-13-01",
            "+026-01-01",
            "",
            "12.1.2026",
            "1899-12-31",
        ] {
            assert_eq!(text.parse::<Day>(), Err(CalendarError::NotADay), "{text}");
        }
        assert_eq!(
            "2024-02-29".parse::<Day>().unwrap().to_string(),
            "2024-02-29"
        );
    }

    #[test]
    fn what_is_no_quarter_is_refused() {
        for text in [
            "2026Q0", "2026Q5", "26Q1", "2026q1", "2026", "1899Q4", "2026Q11",
        ] {
            assert_eq!(
                text.parse::<Quarter>(),
                Err(CalendarError::NotAQuarter),
                "{text}"
            );
        }
        assert_eq!(Quarter::from_index(7), Err(CalendarError::NotAQuarter));
        assert_eq!(
            Quarter::from_index(u32::MAX),
            Err(CalendarError::NotAQuarter)
        );
    }

    #[test]
    fn a_quarter_ends_the_day_before_the_next_begins() {
        let quarter: Quarter = "2026Q1".parse().unwrap();
        assert_eq!(quarter.last_day().to_string(), "2026-03-31");
        assert_eq!(quarter.first_day().to_string(), "2026-01-01");
        assert_eq!(quarter.previous().to_string(), "2025Q4");
        assert_eq!(quarter.index(), 2026 * 4);
    }

    proptest! {
        #[test]
        fn days_agree_with_the_time_crate(number in FIRST_DAY..=LAST_DAY) {
            let day = Day::new(number).unwrap();
            let date = Date::from_julian_day(number + UNIX_EPOCH_JULIAN_DAY).unwrap();
            let (year, month, of_month) = day.ymd();
            prop_assert_eq!((i32::from(year), month, of_month), (date.year(), u8::from(date.month()), date.day()));
            prop_assert_eq!(day.to_string().parse::<Day>().unwrap(), day);
            let quarter = day.quarter();
            prop_assert!(quarter.first_day() <= day && day <= quarter.last_day());
            prop_assert_eq!(quarter.last_day().plus(1).quarter(), quarter.next());
            prop_assert_eq!(Quarter::from_index(quarter.index()).unwrap(), quarter);
            prop_assert_eq!(quarter.to_string().parse::<Quarter>().unwrap(), quarter);
        }
    }
}
