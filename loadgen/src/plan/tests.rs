//! What a plan is made of flags.

use super::*;
use crate::cli::tests::options;

pub(crate) fn planned(args: &str) -> (Options, Result<Plan, Failure>) {
    let options = options(args);
    let plan = Plan::new(&options);
    (options, plan)
}

#[test]
fn a_room_holds_fifty_unless_told_otherwise() {
    assert_eq!(planned("--clients 500").1.unwrap().rooms, 10);
    assert_eq!(planned("--clients 51").1.unwrap().rooms, 2);
    assert_eq!(planned("--clients 500 --rooms 1").1.unwrap().rooms, 1);
    assert_eq!(planned("info").1.unwrap().rooms, 0);
}

#[test]
fn many_clients_take_longer_to_join() {
    assert_eq!(planned("--clients 500").1.unwrap().ramp_seconds, 5.0);
    assert_eq!(planned("--clients 15000").1.unwrap().ramp_seconds, 30.0);
    assert_eq!(planned("--clients 15000 --ramp 1s").1.unwrap().ramp_seconds, 1.0);
}

#[test]
fn flags_that_do_not_go_together_are_named() {
    for (args, flag) in [
        ("--clients 2 --rooms 3", "--rooms"),
        ("--rate 1e6 --duration 1h", "--duration"),
        ("--stages 2s:5 --warmup 2s", "--warmup"),
        ("--churn 5%/min", "--churn"),
        ("--idle 60% --slow-readers 60%", "--idle"),
    ] {
        let failure = planned(args).1.unwrap_err();
        assert_eq!(failure.exit_code(), 2);
        assert!(failure.to_string().starts_with(flag), "{failure}");
    }
}

#[test]
fn a_dry_run_shows_what_will_be_owed() {
    let (options, plan) = planned("--clients 4 --rooms 2 --rate 2 --info-rate 0 --duration 3s --warmup 1s");
    let plan = plan.unwrap();
    let preview = plan.preview(&plan.scene(&options, 1));
    assert!(preview.contains("8 messages, 8 deliveries owed, 0 queries, 4 connections"), "{preview}");
    assert!(preview.contains("  0.500000 s  user "), "{preview}");
}

#[test]
fn parts_are_given_from_the_end() {
    let plan = planned("chat --clients 100 --idle 20% --slow-readers 10% --churn 6%/min").1.unwrap();
    assert_eq!((plan.speakers, plan.slow_readers, plan.churn_per_minute), (70, 10, 6.0));
    let each = planned("chat --clients 100 --idle 50% --rate-per-user 0.5").1.unwrap();
    assert_eq!(each.messages.per_second, 25.0, "only who speaks has a rate");
    assert!(plan.line().contains("20 of them idle, 10 reading slowly, 6 leaving/min"), "{}", plan.line());
}

#[test]
fn stages_say_how_long_it_lasts() {
    let plan = planned("chat --stages 10s:100,30s:500,10s:0").1.unwrap();
    assert_eq!((plan.steady_seconds, plan.warmup_seconds), (50.0, 0.0));
    assert!(plan.line().contains("by stages 10s:100,30s:500,10s:0"), "{}", plan.line());
}
