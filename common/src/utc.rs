//! A moment as the date and time of day that people write, without time zones.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAY: u64 = 86_400;

/// A moment in UTC, to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Utc {
    /// The year.
    pub year: u64,
    /// The month, from 1.
    pub month: u64,
    /// The day of the month, from 1.
    pub day: u64,
    /// The hour, from 0.
    pub hour: u64,
    /// The minute, from 0.
    pub minute: u64,
    /// The second, from 0.
    pub second: u64,
}

impl Utc {
    /// The moment of a label. What lies before 1970 is 1970.
    pub fn of(time: SystemTime) -> Self {
        let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let (year, month, day) = date(seconds / DAY);
        let of_day = seconds % DAY;
        let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
        Self { year, month, day, hour, minute, second }
    }

    /// The label of the moment; `None` where there is no such date, or it lies before 1970.
    pub fn time(self) -> Option<SystemTime> {
        let days = days(self.year, self.month, self.day)?;
        let of_day = self.hour * 3_600 + self.minute * 60 + self.second;
        let time = UNIX_EPOCH.checked_add(Duration::from_secs(days * DAY + of_day))?;
        // Whatever is no date comes back as another one.
        (Self::of(time) == self).then_some(time)
    }
}

/// The day of the Gregorian calendar that comes so many days after 1970-01-01, by eras of 400
/// years that begin in March: then the day that some years lack is the last one.
const fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let is_next_year = month >= 10;
    let month = if is_next_year { month - 9 } else { month + 3 };
    (era * 400 + year + is_next_year as u64, month, day)
}

/// The way back from [`date`].
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era).checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_its_date_and_comes_back() {
        for (seconds, date) in [
            (0, (1970, 1, 1)),
            (951_782_400, (2000, 2, 29)),
            (1_763_640_291, (2025, 11, 20)),
            (4_107_542_400, (2100, 3, 1)),
        ] {
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            let utc = Utc::of(time);
            assert_eq!(((utc.year, utc.month, utc.day), utc.time()), (date, Some(time)));
        }
    }

    #[test]
    fn what_is_no_date_has_no_moment() {
        let utc = |year, month, day| Utc { year, month, day, hour: 0, minute: 0, second: 0 };
        for none in [utc(2025, 2, 29), utc(2025, 13, 1), utc(1969, 12, 31), utc(u64::MAX, 1, 1)] {
            assert_eq!(none.time(), None);
        }
        assert_eq!(Utc { hour: 24, ..utc(2025, 1, 1) }.time(), None);
    }
}
