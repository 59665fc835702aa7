//! Cells of CSV that a spreadsheet would calculate.

/// A spreadsheet calculates what starts like this (OWASP CSV Injection).
pub fn formula_safe(text: String) -> String {
    if is_formula(&text) {
        format!("'{text}")
    } else {
        text
    }
}

/// The text that [`formula_safe`] was given.
pub fn without_formula_mark(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if is_formula(rest) => rest,
        _ => text,
    }
}

/// Also behind quotes, so that what was quoted already comes back as it was.
fn is_formula(text: &str) -> bool {
    text.trim_start_matches('\'')
        .starts_with(['=', '+', '-', '@', '\t', '\r'])
}
