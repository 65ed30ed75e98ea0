//! Every plan there could be has these properties.

use proptest::prelude::*;

use super::*;
use crate::profile::Stage;

const RUN: Duration = Duration::from_secs(5);

fn shape(users: u32, messages: f64, queries: f64, arrival: Arrival, seed: u64) -> Shape {
    Shape {
        users,
        speakers: users,
        messages: Profile::constant(messages, RUN),
        queries: Profile::constant(queries, RUN),
        arrival,
        warmup: Duration::from_secs(1),
        ..Shape::empty(seed)
    }
}

fn arrival(poisson: bool) -> Arrival {
    if poisson { Arrival::Poisson } else { Arrival::Constant }
}

#[test]
fn constant_arrivals_are_evenly_spaced() {
    let plan = Schedule::new(&shape(3, 2.0, 0.0, Arrival::Constant, 1));
    let due: Vec<u64> = plan.operations().iter().map(|operation| operation.due).collect();
    let wanted: Vec<u64> = (0..10).map(|step| step * 500_000_000).collect();
    assert_eq!(due, wanted);
    assert!(!plan.counts(1) && plan.counts(2), "the warm-up ends with the first second");
}

#[test]
fn a_rate_of_nothing_is_no_operation() {
    let plan = Schedule::new(&shape(3, 0.0, 0.0, Arrival::Poisson, 1));
    assert_eq!((plan.messages(), plan.queries(), plan.operations().len()), (0, 0, 0));
}

#[test]
fn whoever_only_listens_says_nothing_and_leaves_in_turns() {
    let quiet = Shape {
        users: 6,
        departures: Profile::constant(1.0, RUN),
        restless: 4..6,
        ..shape(4, 8.0, 0.0, Arrival::Constant, 1)
    };
    let plan = Schedule::new(&quiet);
    let said: Vec<u32> = (0..6).map(|user| plan.messages_of(user)).collect();
    assert_eq!(said, [10, 10, 10, 10, 0, 0]);
    let left = plan.operations().iter().filter_map(|operation| match operation.action {
        Action::Leave { user } => Some(user),
        _ => None,
    });
    assert_eq!(left.collect::<Vec<_>>(), [4, 5, 4, 5, 4]);
}

proptest! {
    #[test]
    fn a_seed_is_a_plan(users in 1u32..40, poisson: bool, seed: u64) {
        let shape = shape(users, 70.0, 30.0, arrival(poisson), seed);
        prop_assert_eq!(Schedule::new(&shape), Schedule::new(&shape));
    }

    #[test]
    fn every_operation_is_found_again_and_users_take_turns(
        users in 1u32..40, messages in 0u32..200, queries in 0u32..50, others in 0u32..20, poisson: bool,
        seed: u64,
    ) {
        let plan = Schedule::new(&Shape {
            transfers: Profile::constant(others.into(), RUN),
            entries: Profile::constant(others.into(), RUN),
            ..shape(users, f64::from(messages), f64::from(queries), arrival(poisson), seed)
        });
        prop_assert!(plan.operations().is_sorted_by_key(|operation| operation.due));
        for (number, operation) in (0u32..).zip(plan.operations()) {
            prop_assert!(operation.due < 5_000_000_000);
            let found = match operation.action {
                Action::Say { user, sequence } => plan.message(user, sequence),
                Action::Ask { query } => plan.query(query),
                Action::Transfer { file } => plan.transfer(file),
                Action::Enter { guest } => plan.entry(guest),
                Action::Leave { .. } => None,
            };
            prop_assert_eq!(found, Some(number));
        }
        let said: Vec<u32> = (0..users).map(|user| plan.messages_of(user)).collect();
        prop_assert_eq!(said.iter().sum::<u32>(), plan.messages());
        prop_assert!(said.iter().max().unwrap() - said.iter().min().unwrap() <= 1);
        prop_assert_eq!(plan.message(0, said[0]), None);
        prop_assert_eq!(plan.message(users, 0), None);
        let all = plan.messages() + plan.queries() + plan.transfers() + plan.entries();
        prop_assert_eq!(all as usize, plan.operations().len());
    }

    #[test]
    fn poisson_arrivals_keep_the_rate(seed: u64) {
        let plan = Schedule::new(&shape(5, 2000.0, 0.0, Arrival::Poisson, seed));
        // 10,000 expected, standard deviation 100: ten of them never happen.
        prop_assert!((9_000..11_000).contains(&plan.messages()));
    }

    #[test]
    fn constant_arrivals_follow_their_stages(
        stages in proptest::collection::vec((1u64..6, 0u32..300), 1..5), users in 1u32..9,
    ) {
        let stages: Vec<Stage> = stages.iter().map(|&(seconds, rate)| {
            Stage { lasts: Duration::from_secs(seconds), rate: rate.into() }
        }).collect();
        let messages = Profile::stages(&stages);
        let expected = messages.operations();
        let plan = Schedule::new(&Shape { messages, ..shape(users, 0.0, 0.0, Arrival::Constant, 1) });
        prop_assert!((f64::from(plan.messages()) - expected).abs() <= 1.0);
        // In each stage come as many as the area of its trapezium says.
        let (mut begins, mut from) = (0.0, 0.0);
        for stage in &stages {
            let ends = begins + stage.lasts.as_secs_f64();
            let within = plan.operations().iter().map(|operation| operation.due as f64 / 1e9);
            let came = within.filter(|second| (begins..ends).contains(second)).count() as f64;
            let area = (from + stage.rate) / 2.0 * (ends - begins);
            prop_assert!((came - area).abs() <= 2.0, "{came} of {area} from {begins} s");
            (begins, from) = (ends, stage.rate);
        }
    }
}
