//! The long run as a picture: a panel for each thing that could grow.

use std::fmt::Write;

use super::samples::{Sample, Samples, Value};

const WIDTH: f64 = 760.0;
const LEFT: f64 = 60.0;
const PANEL: f64 = 110.0;
const GAP: f64 = 46.0;
const TOP: f64 = 34.0;

const PANELS: [(&str, Value); 5] = [
    ("resident memory, MiB", |it| it.resident),
    ("file descriptors", |it| it.descriptors),
    ("threads", |it| it.threads),
    ("database, MiB", |it| it.database),
    ("write-ahead log, MiB", |it| it.log),
];

pub fn svg(samples: &Samples) -> String {
    let height = TOP + PANELS.len() as f64 * (PANEL + GAP);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    let mut top = TOP;
    for (title, value) in PANELS {
        panel(&mut text, top, title, &samples.all, value);
        top += PANEL + GAP;
    }
    text.push_str("</svg>\n");
    text
}

fn panel(text: &mut String, top: f64, title: &str, samples: &[Sample], value: Value) {
    let end = samples
        .last()
        .map_or(1.0, |it| it.at.as_secs_f64())
        .max(1.0);
    // From zero: what is flat looks flat.
    let most = samples.iter().map(value).fold(1.0, f64::max);
    let (right, bottom) = (WIDTH - 20.0, top + PANEL);
    let points: Vec<String> = samples
        .iter()
        .map(|it| {
            let x = LEFT + (right - LEFT) * it.at.as_secs_f64() / end;
            let y = bottom - PANEL * value(it) / most;
            format!("{x:.1},{y:.1}")
        })
        .collect();
    let (labels, above, below) = (LEFT - 6.0, top - 8.0, bottom + 15.0);
    let _ = writeln!(
        text,
        "<text x=\"{LEFT}\" y=\"{above}\" font-weight=\"bold\">{title}</text>\n\
         <path d=\"M{LEFT} {top}V{bottom}H{right}\" fill=\"none\" stroke=\"#888\"/>\n\
         <text x=\"{labels}\" y=\"{}\" text-anchor=\"end\">{most:.1}</text>\n\
         <text x=\"{labels}\" y=\"{bottom}\" text-anchor=\"end\">0</text>\n\
         <text x=\"{right}\" y=\"{below}\" text-anchor=\"end\">{:.0} minutes</text>\n\
         <polyline points=\"{}\" fill=\"none\" stroke=\"#06c\" stroke-width=\"1.5\"/>",
        top + 10.0,
        end / 60.0,
        points.join(" ")
    );
}
