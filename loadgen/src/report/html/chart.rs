//! Lines in a frame, as SVG.

use std::fmt::Write;

use super::escape;
use crate::report::numbers::count;

const SIZE: (f64, f64) = (900.0, 260.0);
/// Room for what is written left, right, above and below the frame.
const MARGIN: (f64, f64, f64, f64) = (70.0, 150.0, 14.0, 30.0);
const COLOURS: [&str; 9] =
    ["#2f7fc1", "#d62728", "#9a6fd0", "#e8820c", "#2ca02c", "#a0604f", "#15a5b5", "#e377c2", "#808080"];
/// About how many marks an axis has.
const MARKS: f64 = 5.0;
/// The percentiles that are marked, as how many nines they have.
const NINES: [(f64, &str); 8] = [
    (0.0, "p0"),
    (0.301, "p50"),
    (1.0, "p90"),
    (2.0, "p99"),
    (3.0, "p99.9"),
    (4.0, "p99.99"),
    (5.0, "p99.999"),
    (6.0, "p99.9999"),
];

/// One line of a chart.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    name: String,
    points: Vec<(f64, f64)>,
}

impl Line {
    pub(super) fn new(name: &str, points: Vec<(f64, f64)>) -> Self {
        Line { name: name.to_owned(), points }
    }
}

/// What the horizontal axis is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// What it says.
    Linear,
    /// A percentile, as how many nines it has; the vertical axis is logarithmic.
    Percentile,
}

/// Draws a chart; nothing when no line has two points.
pub(super) fn chart(title: &str, unit: &str, lines: &[Line], scale: Scale) -> String {
    let lines: Vec<&Line> = lines.iter().filter(|line| line.points.len() > 1).collect();
    let Some(frame) = Frame::around(&lines, scale) else { return String::new() };
    let mut svg = format!(
        "<h2>{}</h2><svg viewBox=\"0 0 {} {}\" font-size=\"12\" fill=\"currentColor\">",
        escape(title),
        SIZE.0,
        SIZE.1
    );
    frame.axes(&mut svg, unit);
    for (place, line) in lines.iter().enumerate() {
        let colour = COLOURS[place % COLOURS.len()];
        let points: Vec<String> = line.points.iter().map(|&point| frame.place(point)).collect();
        let _ = write!(
            svg,
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.6\" stroke-linejoin=\"round\" points=\"{}\"/>",
            points.join(" ")
        );
        let (x, y) = (SIZE.0 - MARGIN.1 + 12.0, MARGIN.2 + 18.0 * (place as f64 + 0.5));
        let _ = write!(
            svg,
            "<rect x=\"{x}\" y=\"{:.1}\" width=\"14\" height=\"3\" fill=\"{colour}\"/>\
             <text x=\"{}\" y=\"{y}\">{}</text>",
            y - 6.0,
            x + 20.0,
            escape(&line.name)
        );
    }
    svg.push_str("</svg>");
    svg
}

/// The part of the plane that is shown.
struct Frame {
    scale: Scale,
    x: (f64, f64),
    y: (f64, f64),
}

impl Frame {
    fn around(lines: &[&Line], scale: Scale) -> Option<Self> {
        let points = || lines.iter().flat_map(|line| &line.points);
        let span = |values: &mut dyn Iterator<Item = f64>| {
            values.fold(None, |span: Option<(f64, f64)>, value| {
                let (low, high) = span.unwrap_or((value, value));
                Some((low.min(value), high.max(value)))
            })
        };
        let x = span(&mut points().map(|point| point.0))?;
        let y = span(&mut points().map(|point| height(point.1, scale)))?;
        let y = match scale {
            Scale::Linear => (0.0, (y.1 / step(y.1)).ceil() * step(y.1)),
            Scale::Percentile => (y.0.floor(), y.1.ceil()),
        };
        Some(Frame { scale, x, y })
    }

    fn place(&self, (x, y): (f64, f64)) -> String {
        let (x, y) = (self.across(x), self.up(height(y, self.scale)));
        format!("{x:.1},{y:.1}")
    }

    fn across(&self, x: f64) -> f64 {
        let share = (x - self.x.0) / (self.x.1 - self.x.0).max(1e-9);
        MARGIN.0 + share * (SIZE.0 - MARGIN.0 - MARGIN.1)
    }

    fn up(&self, y: f64) -> f64 {
        let share = (y - self.y.0) / (self.y.1 - self.y.0).max(1e-9);
        SIZE.1 - MARGIN.3 - share * (SIZE.1 - MARGIN.2 - MARGIN.3)
    }

    fn axes(&self, svg: &mut String, unit: &str) {
        let (left, right, bottom) = (MARGIN.0, SIZE.0 - MARGIN.1, SIZE.1 - 10.0);
        for (y, words) in self.heights() {
            let up = self.up(y);
            let _ = write!(
                svg,
                "<line x1=\"{left}\" x2=\"{right}\" y1=\"{up:.1}\" y2=\"{up:.1}\" stroke=\"#8884\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{words}</text>",
                left - 8.0,
                up + 4.0
            );
        }
        for (x, words) in self.widths(unit) {
            let across = self.across(x);
            let _ =
                write!(svg, "<text x=\"{across:.1}\" y=\"{bottom}\" text-anchor=\"middle\">{words}</text>");
        }
    }

    /// The marks of the vertical axis.
    fn heights(&self) -> Vec<(f64, String)> {
        let by = if self.scale == Scale::Linear { step(self.y.1) } else { 1.0 };
        let marks = marks(self.y, by).into_iter();
        marks.map(|y| (y, number(if self.scale == Scale::Linear { y } else { 10f64.powf(y) }))).collect()
    }

    /// The marks of the horizontal axis.
    fn widths(&self, unit: &str) -> Vec<(f64, String)> {
        match self.scale {
            Scale::Linear => {
                let by = step(self.x.1 - self.x.0).max(1.0);
                marks(self.x, by).into_iter().map(|x| (x, format!("{} {unit}", number(x)))).collect()
            }
            Scale::Percentile => {
                let shown = NINES.into_iter().filter(|(nines, _)| *nines <= self.x.1);
                shown.map(|(nines, words)| (nines, words.to_owned())).collect()
            }
        }
    }
}

/// A round step, 1, 2 or 5 times a power of ten, of which about [`MARKS`] make a span.
fn step(span: f64) -> f64 {
    let rough = span.max(1e-6) / MARKS;
    let power = 10f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .map(|factor| factor * power)
        .into_iter()
        .find(|step| *step >= rough)
        .unwrap_or(rough)
}

/// The multiples of a step within a span.
fn marks((low, high): (f64, f64), step: f64) -> Vec<f64> {
    let (first, last) = ((low / step).ceil() as i64, (high / step + 1e-9).floor() as i64);
    (first..=last).map(|mark| mark as f64 * step).collect()
}

/// A round number, without the noughts that say nothing.
fn number(value: f64) -> String {
    if value >= 1.0 || value == 0.0 {
        let tenths = (value * 10.0).round() as u64;
        return if tenths.is_multiple_of(10) { count(tenths / 10) } else { format!("{value:.1}") };
    }
    format!("{value:.4}").trim_end_matches('0').to_owned()
}

fn height(y: f64, scale: Scale) -> f64 {
    if scale == Scale::Linear { y } else { y.max(1e-6).log10() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corners_of_the_data_are_the_corners_of_the_frame() {
        let line = Line::new("a", vec![(0.0, 0.0), (10.0, 5.0)]);
        let svg = chart("t", "s", &[line], Scale::Linear);
        assert!(svg.contains("points=\"70.0,230.0 750.0,14.0\""), "{svg}");
    }

    #[test]
    fn a_chart_of_nothing_is_nothing() {
        assert_eq!(chart("t", "s", &[Line::new("a", vec![(1.0, 1.0)])], Scale::Linear), "");
    }

    #[test]
    fn marks_are_round_and_reach_the_top() {
        assert_eq!(marks((0.0, 100.0), step(93.979)), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!([7.2, 93.9, 0.004, 2_499.0].map(step), [2.0, 20.0, 0.001, 500.0]);
        assert_eq!([0.0, 0.001, 2.5, 20.0, 2_500.0].map(number), ["0", "0.001", "2.5", "20", "2,500"]);
    }

    #[test]
    fn percentiles_are_marked_by_name_and_their_times_by_powers_of_ten() {
        let line = Line::new("a", vec![(0.0, 0.02), (2.5, 30.0)]);
        let svg = chart("t", "", &[line], Scale::Percentile);
        for mark in [">p50<", ">p99<", ">0.01<", ">100<"] {
            assert!(svg.contains(mark), "{mark}: {svg}");
        }
        assert!(!svg.contains("p99.9"), "{svg}");
    }
}
