//! Which version of the protocol two sides speak.

/// The versions one side speaks, from `min` to `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionRange {
    /// The oldest.
    pub min: u32,
    /// The newest.
    pub max: u32,
}

/// The versions this library speaks.
pub const VERSIONS: VersionRange = VersionRange { min: 1, max: 1 };

/// The two sides have no version in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the master speaks protocol versions {} to {}, the slave {} to {}",
    master.min, master.max, slave.min, slave.max
)]
pub struct VersionMismatch {
    /// What the master speaks.
    pub master: VersionRange,
    /// What the slave speaks.
    pub slave: VersionRange,
}

/// Picks the newest version that both speak.
///
/// # Errors
///
/// [`VersionMismatch`] when there is none: bring the older side up to date.
pub fn negotiate(master: VersionRange, slave: VersionRange) -> Result<u32, VersionMismatch> {
    let version = master.max.min(slave.max);
    let spoken = |range: VersionRange| (range.min..=range.max).contains(&version);
    if spoken(master) && spoken(slave) {
        Ok(version)
    } else {
        Err(VersionMismatch { master, slave })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn strangers_in_version_are_told_both_ranges() {
        let error = negotiate(VersionRange { min: 2, max: 3 }, VERSIONS).unwrap_err();
        let text = "the master speaks protocol versions 2 to 3, the slave 1 to 1";
        assert_eq!(error.to_string(), text);
    }

    proptest! {
        #[test]
        fn the_newest_common_version_is_spoken(a in 0_u32..9, b in 0_u32..9, c in 0_u32..9, d in 0_u32..9) {
            let (master, slave) = (VersionRange { min: a, max: b }, VersionRange { min: c, max: d });
            let common = (0..9).rev().find(|v| (a..=b).contains(v) && (c..=d).contains(v));
            prop_assert_eq!(negotiate(master, slave).ok(), common);
        }
    }
}
