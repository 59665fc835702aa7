//! What a name looks like: equal for names that readers take for the same (Unicode Technical Standard
//! 39, section 4).

use unicode_security::confusable_detection::skeleton;

/// The letters and digits of a canonical name as they look.
pub(super) fn look(name: &str) -> String {
    look_with(name, 'l')
}

/// Everything that a name may be read as: a stroke that is no small `l` is read as `i` too.
pub(super) fn readings(name: &str) -> [String; 2] {
    [look_with(name, 'l'), look_with(name, 'i')]
}

/// As `readings`, with digits for the letters that they stand for in `5upp0rt`.
pub(super) fn spelt_out(name: &str) -> [String; 2] {
    readings(
        &name
            .replace('3', "e")
            .replace('4', "a")
            .replace('5', "s")
            .replace('7', "t"),
    )
}

fn look_with(name: &str, stroke: char) -> String {
    let mut look = String::with_capacity(name.len());
    for c in name.chars() {
        let one = c.to_string();
        let shown: String = skeleton(&one).flat_map(char::to_lowercase).collect();
        match shown.as_str() {
            "l" if c != 'l' => look.push(stroke),
            _ => look.extend(shown.chars().filter(|it| it.is_alphanumeric())),
        }
    }
    look
}
