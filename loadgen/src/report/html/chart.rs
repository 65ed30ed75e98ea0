//! Lines in a frame, as SVG.

use std::fmt::Write;

use super::escape;

const SIZE: (f64, f64) = (900.0, 260.0);
/// Room for what is written left, right, above and below the frame.
const MARGIN: (f64, f64, f64, f64) = (60.0, 150.0, 30.0, 30.0);
const COLOURS: [&str; 9] =
    ["#1f77b4", "#d62728", "#9467bd", "#ff7f0e", "#2ca02c", "#8c564b", "#17becf", "#e377c2", "#7f7f7f"];
/// How many marks an axis has.
const MARKS: u32 = 4;

/// One line of a chart.
#[derive(Debug, Clone)]
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
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\" points=\"{}\"/>",
            points.join(" ")
        );
        let (x, y) = (SIZE.0 - MARGIN.1 + 10.0, MARGIN.2 + 14.0 * (place as f64 + 1.0));
        let _ = write!(svg, "<text x=\"{x}\" y=\"{y}\" fill=\"{colour}\">{}</text>", escape(&line.name));
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
        let floor = if scale == Scale::Linear { 0.0 } else { y.0 };
        Some(Frame { scale, x, y: (floor, y.1) })
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
        for mark in 0..=MARKS {
            let share = f64::from(mark) / f64::from(MARKS);
            let (x, y) = (self.x.0 + share * (self.x.1 - self.x.0), self.y.0 + share * (self.y.1 - self.y.0));
            let (across, up) = (self.across(x), self.up(y));
            let (left, right, bottom) = (MARGIN.0, SIZE.0 - MARGIN.1, SIZE.1 - 10.0);
            let (below, beside) = match self.scale {
                Scale::Linear => (format!("{x:.0} {unit}"), format!("{y:.3}")),
                Scale::Percentile => (percentile(x), format!("{:.3}", 10f64.powf(y))),
            };
            let _ = write!(
                svg,
                "<line x1=\"{left}\" x2=\"{right}\" y1=\"{up:.1}\" y2=\"{up:.1}\" stroke=\"#8884\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{beside}</text>\
                 <text x=\"{across:.1}\" y=\"{bottom}\" text-anchor=\"middle\">{below}</text>",
                left - 6.0,
                up + 4.0
            );
        }
    }
}

fn height(y: f64, scale: Scale) -> f64 {
    if scale == Scale::Linear { y } else { y.max(1e-6).log10() }
}

/// So many nines as a percentile.
fn percentile(nines: f64) -> String {
    let percent = 100.0 * (1.0 - 10f64.powf(-nines));
    let decimals = (nines.ceil() as usize).saturating_sub(2).min(6);
    format!("p{percent:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corners_of_the_data_are_the_corners_of_the_frame() {
        let line = Line::new("a", vec![(0.0, 0.0), (10.0, 5.0)]);
        let svg = chart("t", "s", &[line], Scale::Linear);
        assert!(svg.contains("points=\"60.0,230.0 750.0,30.0\""), "{svg}");
    }

    #[test]
    fn a_chart_of_nothing_is_nothing() {
        assert_eq!(chart("t", "s", &[Line::new("a", vec![(1.0, 1.0)])], Scale::Linear), "");
    }

    #[test]
    fn nines_are_percentiles() {
        assert_eq!([0.0, 1.0, 2.0, 3.0].map(percentile), ["p0", "p90", "p99", "p99.9"]);
    }
}
