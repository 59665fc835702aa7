//! What a password hash costs.

use std::fmt;
use std::str::FromStr;

/// A stored hash that asks for more than these and [`Cost::HIGHEST_LN`] is not computed.
const HIGHEST_R: u32 = 32;
const HIGHEST_P: u32 = 16;

/// The cost of a hash: time and memory grow with `2^ln · r`, time also with `p` (RFC 7914).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    pub ln: u8,
    pub r: u32,
    pub p: u32,
}

impl Cost {
    /// What the OWASP Password Storage Cheat Sheet asks for.
    pub const RECOMMENDED: Self = Self { ln: 17, r: 8, p: 1 };

    /// As many passes as each N needs, with r=8, by the same sheet.
    const SUFFICIENT: [(u8, u32); 5] = [(17, 1), (16, 2), (15, 3), (14, 5), (13, 10)];

    /// The highest `ln` that is computed: 1 GiB at r=8.
    pub const HIGHEST_LN: u8 = 20;

    /// Whether a stolen hash costs as much to try as OWASP asks for.
    pub fn is_sufficient(self) -> bool {
        let meets = |(ln, p)| self.ln >= ln && self.p >= p && self.r >= Self::RECOMMENDED.r;
        Self::SUFFICIENT.into_iter().any(meets)
    }

    /// Whether it is no dearer than the other, in any respect.
    pub(crate) fn is_within(self, other: Self) -> bool {
        self.ln <= other.ln && self.r <= other.r && self.p <= other.p
    }

    /// Of one hash, in bytes.
    pub fn memory(self) -> u64 {
        (128 * u64::from(self.r)) << self.ln
    }

    /// Whether it is a cost at all (RFC 7914, section 2), and one that we compute.
    pub(crate) fn is_bounded(self) -> bool {
        (1..=Self::HIGHEST_LN).contains(&self.ln)
            && (1..=HIGHEST_R).contains(&self.r)
            && (1..=HIGHEST_P).contains(&self.p)
            && u32::from(self.ln) < 16 * self.r
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ln={},r={},p={}", self.ln, self.r, self.p)
    }
}

impl FromStr for Cost {
    type Err = String;

    fn from_str(raw: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "it must look like {} with ln at most {}",
                Self::RECOMMENDED,
                Self::HIGHEST_LN
            )
        };
        let mut numbers = raw.split(',').zip(["ln=", "r=", "p="]).map(|(part, name)| {
            part.trim()
                .strip_prefix(name)
                .and_then(|digits| digits.parse::<u32>().ok())
                .ok_or_else(wrong)
        });
        let mut next = || numbers.next().ok_or_else(wrong)?;
        let (ln, r, p) = (next()?, next()?, next()?);
        let cost = Self {
            ln: u8::try_from(ln).map_err(|_| wrong())?,
            r,
            p,
        };
        let whole = raw.split(',').count() == 3 && cost.is_bounded();
        whole.then_some(cost).ok_or_else(wrong)
    }
}
