//! The rows of the Markdown table that the benchmark prints.

use std::fmt;

pub const HEADER: &str = "| figure | measured | ratio | goal |\n|---|---|---|---|";

/// One line of the table. The benchmark says whether a goal is met, and leaves the judgement to its
/// reader.
pub struct Row {
    figure: String,
    measured: String,
    ratio: f64,
    goal: String,
    met: bool,
}

impl Row {
    /// For a figure that is only told.
    pub fn told(figure: impl Into<String>, measured: String, ratio: f64) -> Self {
        Self {
            goal: String::new(),
            ..Self::at_least(figure, measured, ratio, 0.0)
        }
    }

    pub fn at_least(figure: impl Into<String>, measured: String, ratio: f64, goal: f64) -> Self {
        Self {
            figure: figure.into(),
            measured,
            ratio,
            goal: format!(">= {goal}"),
            met: ratio >= goal,
        }
    }

    pub fn at_most(figure: impl Into<String>, measured: String, ratio: f64, goal: f64) -> Self {
        Self {
            figure: figure.into(),
            measured,
            ratio,
            goal: format!("<= {goal}"),
            met: ratio <= goal,
        }
    }

    /// For a figure whose goal is a speed.
    pub fn rate(figure: impl Into<String>, value: f64, goal: f64, unit: &str) -> Self {
        Self {
            figure: figure.into(),
            measured: format!("{value:.0} {unit}"),
            ratio: value / goal,
            goal: format!(">= {goal:.0} {unit}"),
            met: value >= goal,
        }
    }

    /// For a figure whose goal is a size or a time: the ratio says how much of it is used.
    pub fn within(figure: impl Into<String>, value: f64, limit: f64, unit: &str) -> Self {
        Self {
            figure: figure.into(),
            measured: format!("{value:.1} {unit}"),
            ratio: value / limit,
            goal: format!("<= {limit:.0} {unit}"),
            met: value <= limit,
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match (self.goal.as_str(), self.met) {
            ("", _) => "none".to_owned(),
            (goal, true) => format!("{goal}: ok"),
            (goal, false) => format!("{goal}: missed"),
        };
        write!(
            f,
            "| {} | {} | {:.2} | {verdict} |",
            self.figure, self.measured, self.ratio
        )
    }
}
