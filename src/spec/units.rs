//! Times and sizes as Spark's settings have them.

use std::time::Duration;

/// A whole number, and the unit behind it.
fn number_and_unit(text: &str) -> Option<(u64, String)> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit.to_owned()))
}

/// Spark's byte strings: a whole number with `b`, `k`, `m`, `g` or `t` behind it, and a `b` behind that or none; bytes where it
/// has none.
pub(super) fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = number_and_unit(text)?;
    let shift = match unit.as_str() {
        "" | "b" => 0,
        "k" | "kb" => 10,
        "m" | "mb" => 20,
        "g" | "gb" => 30,
        "t" | "tb" => 40,
        _ => return None,
    };
    number.checked_mul(1 << shift)
}

/// Spark's time strings: a whole number with `us`, `ms`, `s`, `m`, `min`, `h` or `d` behind it, seconds where it has none.
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = number_and_unit(text)?;
    match unit.as_str() {
        "us" => Some(Duration::from_micros(number)),
        "ms" => Some(Duration::from_millis(number)),
        "" | "s" => Some(Duration::from_secs(number)),
        "m" | "min" => number.checked_mul(60).map(Duration::from_secs),
        "h" => number.checked_mul(3_600).map(Duration::from_secs),
        "d" => number.checked_mul(86_400).map(Duration::from_secs),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_spark_reads_them() {
        for (text, expected) in [
            ("90", Duration::from_secs(90)),
            ("250ms", Duration::from_millis(250)),
            (" 2Min ", Duration::from_secs(120)),
            ("1h", Duration::from_secs(3_600)),
        ] {
            assert_eq!(parse_duration(text), Some(expected), "{text}");
        }
        for text in ["", "s", "-1s", "1.5s", "10 parsecs"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_are_read_as_spark_reads_them() {
        for (text, expected) in [
            ("512m", 512 << 20),
            ("2G", 2 << 30),
            ("1kb", 1024),
            ("7", 7),
        ] {
            assert_eq!(parse_size(text), Some(expected), "{text}");
        }
        for text in ["", "m", "1.5g", "-1g", "2 g", "99999999t"] {
            assert_eq!(parse_size(text), None, "{text}");
        }
    }
}
