use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;

/// All four services in their second second, of which chat has lost two connections.
fn busy() -> Panel {
    let mut panel = Panel::new(33, false);
    let mut total = Recorder::default();
    for (at, phase) in [(1, "warm-up"), (2, "steady")] {
        let mut recent = Recorder::default();
        for (place, &series) in Series::ALL.iter().enumerate() {
            (1..=100).for_each(|step| recent.note(series, (place as u64 + at) * step * 13_000));
        }
        total.merge(&recent);
        panel.note(&second(at, phase, &recent), &total);
    }
    panel
}

fn second(at: u64, phase: &str, recent: &Recorder) -> Second {
    Second {
        at,
        phase: phase.into(),
        messages: 100 * at,
        owed: 4_900 * at,
        arrived: 4_900 * at - 12,
        queries: 100 * at,
        unanswered: 1,
        files: 5 * at,
        entries: 80 * at,
        ended: 2,
        cpu_share: 0.053,
        service_cpu: [("chat", 0.18), ("info", 0.03), ("file", 0.41), ("registry", 0.01)]
            .map(|(service, share)| (service.to_owned(), share))
            .into(),
        rows: recent.rows(),
        ..Second::default()
    }
}

fn drawn(panel: &Panel, columns: usize, rows: usize) -> Vec<String> {
    drawing::lines(panel, columns, rows).iter().map(|line| line.written(false)).collect()
}

#[test]
fn it_is_drawn_for_the_size_there_is() {
    for (columns, rows) in [(80, 24), (60, 12), (40, 10), (20, 5)] {
        assert_snapshot!(format!("{columns}x{rows}"), drawn(&busy(), columns, rows).join("\n"));
    }
}

#[test]
fn before_traffic_it_says_who_has_come() {
    let mut panel = Panel::new(33, false);
    panel.joined(200, 500);
    assert_eq!(drawn(&panel, 40, 10), ["joining  ━━━━━╌╌╌╌╌╌╌╌╌ 200 of 500 users"]);
    assert_eq!(drawn(&panel, 20, 5), ["200 of 500 users"]);
}

#[test]
fn only_what_runs_is_there() {
    let mut panel = Panel::new(33, false);
    let mut recent = Recorder::default();
    recent.note(Series::InfoQuery, 200_000);
    let second =
        Second { at: 1, phase: "steady".into(), queries: 90, rows: recent.rows(), ..Second::default() };
    panel.note(&second, &recent);
    let text = drawn(&panel, 80, 24).join("\n");
    assert!(text.contains("info.query") && text.contains("info per s"), "{text}");
    for other in ["chat", "file", "registry", "not yet", "delivered"] {
        assert!(!text.contains(other), "{other}:\n{text}");
    }
}

#[test]
fn after_seconds_that_nobody_told_every_rate_is_still_that_of_one() {
    let mut panel = Panel::new(33, false);
    let mut recent = Recorder::default();
    for series in [Series::ChatDelivery, Series::ChatAck] {
        (0..90).for_each(|_| recent.note(series, 1_000_000));
    }
    panel.note(&Second { at: 1, phase: "steady".into(), ..Second::default() }, &recent);
    let later =
        Second { at: 4, phase: "steady".into(), arrived: 90, rows: recent.rows(), ..Second::default() };
    panel.note(&later, &recent);
    let text = drawn(&panel, 80, 24);
    for series in ["chat.delivery", "chat.ack"] {
        let row = text.iter().find(|line| line.starts_with(series)).unwrap();
        assert_eq!(words(row)[0], "30", "{row}");
    }
}

#[test]
fn a_second_in_which_nothing_came_has_no_tail() {
    let mut panel = busy();
    panel.note(&second(3, "drain", &Recorder::default()), &Recorder::default());
    let text = drawn(&panel, 80, 40);
    let chart = text.iter().find(|line| line.starts_with("chat p99 ms")).unwrap();
    assert!(chart.ends_with("▄█▁  -, at most 2.57"), "{chart}");
}

#[test]
fn what_should_be_nothing_and_is_not_is_red() {
    let mut panel = busy();
    panel.colour = true;
    assert!(panel.frame(80, 24).contains("connections lost \x1b[1;31m2\x1b[0m"));
    assert!(panel.frame(80, 24).contains("wrong 0"));
    panel.colour = false;
    assert!(!panel.frame(80, 24).contains("\x1b[1;31m"));
}

#[test]
fn a_frame_says_every_row_anew_and_never_breaks_a_line() {
    let frame = busy().frame(80, 30);
    for row in 1..=30 {
        assert_eq!(frame.matches(&format!("\x1b[{row};1H")).count(), 1, "row {row}");
    }
    assert!(!frame.contains('\n'), "which would scroll in the last row");
    let narrow = busy().frame(19, 5);
    let full: Vec<&str> = narrow.split("\x1b[").filter(|row| row.ends_with("wrong 0")).collect();
    assert_eq!(full, ["1;1Hnot yet 12  wrong 0"], "whose end is not taken away");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn it_fits_whatever_it_says_wherever_it_is(
        columns in 0usize..200, rows in 0usize..60, scale in 0u32..44, nanos in 0u64..60_000_000_000
    ) {
        let mut total = Recorder::default();
        Series::ALL.iter().for_each(|&series| total.note(series, nanos));
        let mut second = second(3_599, "warm-up", &total);
        let large = |number: u64| number << scale >> 12;
        (second.owed, second.arrived) = (large(second.owed), large(second.arrived));
        (second.queries, second.ended, second.wrong) = (large(second.queries), large(7), large(9));
        let mut panel = Panel::new(3_600, false);
        panel.note(&second, &total);
        panel.note(&second, &total);
        panel.past.iter_mut().for_each(|past| (0..300).for_each(|rate| push(&mut past.rates, rate)));
        let lines = drawing::lines(&panel, columns, rows);
        prop_assert!(lines.len() <= rows);
        let whole: Vec<String> =
            drawn(&panel, 400, 100).iter().flat_map(|line| words(line)).collect();
        for line in lines {
            prop_assert!(line.width() <= columns, "{}", line.written(false));
            // Bars are as long as there is room for, and narrow tables have short names.
            for figure in words(&line.written(false)) {
                prop_assert!(whole.contains(&figure), "{figure} in {}", line.written(false));
            }
        }
    }
}

/// What has a digit in it.
fn words(line: &str) -> Vec<String> {
    let words = line.split_whitespace().filter(|word| word.contains(|letter: char| letter.is_ascii_digit()));
    words.map(str::to_owned).collect()
}
