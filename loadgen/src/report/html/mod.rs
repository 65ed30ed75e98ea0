//! The report as one page: no script, no other file, its charts drawn inside.

mod chart;

use std::fmt::Write;

use chart::{Line, Scale, chart};

use super::Report;
use super::lateness::{TAILS, Tail};
use super::numbers::{count, milliseconds};
use super::text;
use crate::hdr;
use crate::reconcile::Check;
use crate::recorder::{Row, Series};
use crate::timeline::Second;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;\
background:#fff}h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse}\
td,th{padding:.15rem .8rem;text-align:right;border-bottom:1px solid #ddd}td:first-child,th:first-child{text-align:left}\
td{font-variant-numeric:tabular-nums}h1 span{padding:.1rem .6rem;border-radius:.4rem;border:2px solid}\
.good{color:#176d2c}.bad{color:#b3261e}pre{font-size:13px;background:#f5f5f5;padding:1rem;overflow:auto}svg{width:100%;height:auto}\
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}td,th{border-color:#444}pre{background:#222}\
.good{color:#6fcf85}.bad{color:#ff8a80}}";

/// Whose percentiles are drawn: more lines than [`chart`] has colours can't be told apart.
const SPECTRA: [Series; 7] = [
    Series::ChatDelivery,
    Series::ChatService,
    Series::ChatAck,
    Series::InfoQuery,
    Series::FileUpload,
    Series::FileDownload,
    Series::RegistrySeen,
];

/// Writes the page.
pub fn page(report: &Report) -> String {
    let word = if report.verdict.valid { "VALID" } else { "INVALID" };
    let class = if report.verdict.valid { "good" } else { "bad" };
    let title = escape(&format!("loadgen: {}", report.plan.line()));
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style>\
         <h1><span class=\"{class}\">{word}</span> exit {}</h1><p>{title}</p>",
        report.exit_code
    );
    said(&mut page, report);
    charts(&mut page, report);
    rows(&mut page, &report.rows);
    ledger(&mut page, report);
    assertions(&mut page, report);
    let _ = write!(page, "<h2>As the terminal showed it</h2><pre>{}</pre>", escape(&text::summary(report)));
    let environment = serde_json::to_string_pretty(&report.environment).unwrap_or_default();
    let _ = writeln!(page, "<h2>Environment</h2><pre>{}</pre></html>", escape(&environment));
    page
}

/// What a run says about itself.
fn said(page: &mut String, report: &Report) {
    for (class, lines) in [("bad", &report.verdict.reasons), ("", &report.verdict.warnings)] {
        for line in lines {
            let _ = write!(page, "<p class=\"{class}\">{}</p>", escape(line));
        }
    }
}

fn charts(page: &mut String, report: &Report) {
    let seconds: Vec<&Second> = report.timeline.iter().filter(|second| second.phase != "drain").collect();
    for tail in &TAILS {
        // A closed loop takes the times of its messages from the send.
        let is_from_send = report.plan.closed && tail.response == Series::ChatDelivery;
        let since = if is_from_send { "send" } else { "due time" };
        let title = format!("{} over time, ms from the {since}", tail.what);
        page.push_str(&chart(&title, "s", &course(tail, &seconds), Scale::Linear));
    }
    // Of some there are many more than of others.
    let many =
        rates(&seconds, &[("deliveries", |second| second.arrived), ("queries", |second| second.queries)]);
    let few = rates(&seconds, &[("files", |second| second.files), ("entries", |second| second.entries)]);
    page.push_str(&chart("Deliveries and queries a second", "s", &many, Scale::Linear));
    page.push_str(&chart("Files and entries a second", "s", &few, Scale::Linear));
    let own = TAILS.iter().flat_map(|tail| [tail.wake, tail.read]);
    page.push_str(&spectra("Percentiles, ms", report, SPECTRA));
    page.push_str(&spectra("Percentiles of our own lateness, ms", report, own));
}

/// A response over time, and our own lateness beside it.
fn course(tail: &Tail, seconds: &[&Second]) -> [Line; 5] {
    let line = |name, series: Series, pick: fn(&Row) -> Option<u64>| {
        let point = |second: &&Second| Some((second.at as f64, pick(second.row(series)?)? as f64 / 1e6));
        Line::new(name, seconds.iter().filter_map(point).collect())
    };
    [
        line("p50", tail.response, |row| row.p50_ns),
        line("p99", tail.response, |row| row.p99_ns),
        line("max", tail.response, |row| row.max_ns),
        line("we woke late, p99", tail.wake, |row| row.p99_ns),
        line("we read late, p99", tail.read, |row| row.p99_ns),
    ]
}

/// The percentiles of those series that have any.
fn spectra(title: &str, report: &Report, series: impl IntoIterator<Item = Series>) -> String {
    let lines: Vec<Line> = series.into_iter().filter_map(|series| spectrum(report, series)).collect();
    chart(title, "", &lines, Scale::Percentile)
}

type Count = fn(&Second) -> u64;

/// How much more there was each second, of what there was any.
fn rates(seconds: &[&Second], counts: &[(&str, Count)]) -> Vec<Line> {
    let nothing = Second::default();
    let before = || std::iter::once(&nothing).chain(seconds.iter().copied());
    let grown = |pick: Count| -> Vec<(f64, f64)> {
        let pairs = before().zip(seconds).filter(|(before, now)| now.at > before.at);
        let rate = |(before, now): (&Second, &&Second)| {
            let grown = pick(now).saturating_sub(pick(before)) as f64;
            (now.at as f64, grown / (now.at - before.at) as f64)
        };
        pairs.map(rate).collect()
    };
    let is_any = |pick: Count| seconds.iter().any(|second| pick(second) > 0);
    let lines = counts.iter().filter(|(_, pick)| is_any(*pick));
    lines.map(|(name, pick)| Line::new(name, grown(*pick))).collect()
}

/// The percentiles of a series: how many nines against milliseconds.
fn spectrum(report: &Report, series: Series) -> Option<Line> {
    let histogram = hdr::decode(report.histograms.get(series.name())?)?;
    let points = histogram
        .iter_quantiles(5)
        .filter(|step| step.quantile_iterated_to() < 1.0)
        .map(|step| (-(1.0 - step.quantile_iterated_to()).log10(), step.value_iterated_to() as f64 / 1e6));
    Some(Line::new(series.name(), points.collect()))
}

fn rows(page: &mut String, rows: &[Row]) {
    page.push_str(
        "<h2>Latencies, ms</h2><table><tr><th>series<th>n<th>p50<th>p90<th>p99<th>p99.9<th>max</tr>",
    );
    for row in rows {
        let _ = write!(page, "<tr><td>{}<td>{}", escape(&row.name), count(row.n));
        for value in [row.p50_ns, row.p90_ns, row.p99_ns, row.p999_ns, row.max_ns] {
            let _ = write!(page, "<td>{}", milliseconds(value));
        }
        page.push_str("</tr>");
    }
    page.push_str("</table>");
}

fn ledger(page: &mut String, report: &Report) {
    page.push_str("<h2>Ledger</h2><table>");
    for name in super::seen::NAMES {
        let number = report.seen.count(name).unwrap_or(0);
        if number > 0 || *name == "lost" {
            let _ = write!(page, "<tr><td>{name}<td>{}</tr>", count(number));
        }
    }
    page.push_str("</table>");
    books(page, &report.reconciliation.checks);
}

/// What both sides count, where they were asked.
fn books(page: &mut String, checks: &[Check]) {
    if checks.is_empty() {
        return;
    }
    page.push_str("<table><tr><th>both sides count<th>we<th>they<th></tr>");
    for check in checks {
        let finding = check.finding.as_deref().unwrap_or("the same");
        let (ours, theirs) = (count(check.ours), count(check.theirs));
        let _ =
            write!(page, "<tr><td>{}<td>{ours}<td>{theirs}<td>{}</tr>", escape(&check.what), escape(finding));
    }
    page.push_str("</table>");
}

fn assertions(page: &mut String, report: &Report) {
    if report.assertions.is_empty() {
        return;
    }
    page.push_str("<h2>Assertions</h2><table>");
    for judgement in &report.assertions {
        let (class, word) = if judgement.held { ("good", "held") } else { ("bad", "FAILED") };
        let (assertion, found) = (escape(&judgement.assertion), escape(&judgement.found));
        let _ = write!(page, "<tr><td>{assertion}<td>{found}<td class=\"{class}\">{word}</tr>");
    }
    page.push_str("</table>");
}

/// Text as it must stand in a page.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assertion::Judgement;
    use crate::recorder::Recorder;
    use crate::report::tests::{example, of};

    #[test]
    fn what_there_was_none_of_has_no_line_and_the_first_second_has_a_rate() {
        let second = |at, arrived| Second { at, arrived, ..Second::default() };
        let (first, second) = (second(2, 10), second(3, 40));
        let counts: [(&str, Count); 2] =
            [("deliveries", |second| second.arrived), ("queries", |second| second.queries)];
        let lines = rates(&[&first, &second], &counts);
        assert_eq!(lines, [Line::new("deliveries", vec![(2.0, 5.0), (3.0, 30.0)])]);
    }

    #[test]
    fn a_closed_loop_s_deliveries_are_told_from_the_send() {
        let mut report = example();
        assert!(page(&report).contains("Deliveries over time, ms from the due time"));
        report.plan.closed = true;
        assert!(page(&report).contains("Deliveries over time, ms from the send"));
    }

    #[test]
    fn how_late_we_sent_and_read_is_drawn_beside_each_response() {
        let mut recorder = Recorder::default();
        Series::ALL.iter().for_each(|&series| (1..=60).for_each(|n| recorder.note(series, n * 100_000)));
        let page = page(&of(&recorder));
        for line in ["we woke late, p99", "we read late, p99"] {
            assert_eq!(page.matches(&format!(">{line}<")).count(), TAILS.len(), "{line}");
        }
        for series in Series::ALL.iter().map(|series| series.name()) {
            let is_drawn = page.contains(&format!(">{series}</text>"));
            assert!(is_drawn || ![".wake", ".read"].iter().any(|end| series.ends_with(end)), "{series}");
        }
    }

    #[test]
    fn a_page_needs_nothing_else_and_says_all() {
        let mut report = example();
        let judgement =
            Judgement { assertion: "chat.delivery.p99<1ms".into(), held: false, found: "2 ms".into() };
        report.assertions.push(judgement);
        report.verdict.warnings.push("<b>".into());
        let page = page(&report);
        for part in ["VALID", "<svg", "chat.delivery.p99&lt;1ms", "FAILED", "&lt;b&gt;", "<h2>Ledger"] {
            assert!(page.contains(part), "{part}");
        }
        for outside in ["http://", "https://", "<script", "src=", "@import"] {
            assert!(!page.contains(outside), "{outside}");
        }
    }
}
