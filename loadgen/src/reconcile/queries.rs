//! Where the queries stayed that were not answered. Pure: both sides' figures in, the places out.

use super::scrape::Scrape;
use super::{Check, Unanswered};
use crate::report::Info;

/// Reasons for silence about a datagram that could be read as a request: it is counted as one, too.
const LIMITS: [&str; 2] = ["rate_limited", "global_limit"];
/// A reply that info's kernel did not take; the request was counted.
const SEND_ERROR: &str = "send_error";

/// Follows the queries through info: our figure beside its own, and where the unanswered ones stayed.
pub(super) fn trace(theirs: &Scrape, ours: &Info, drops: (u64, Option<u64>)) -> (Check, Unanswered) {
    let (requests, dropped) = (theirs.sum("info_requests_total", &[]), theirs.sum("info_dropped_total", &[]));
    let because = |reason| theirs.sum("info_dropped_total", &[("reason", reason)]);
    let rate_limited: u64 = LIMITS.map(because).iter().sum();
    let unsent = because(SEND_ERROR);
    let unread = dropped.saturating_sub(rate_limited + unsent);
    let received = requests + unread;
    let (more, less) = ("are somebody else's", "never came to info");
    let check = Check::new("info queries", ours.sent, received, more, less);
    let mut rest = ours.replies.unanswered;
    let mut take = |most: u64| {
        let taken = most.min(rest);
        rest -= taken;
        taken
    };
    let before_info = take(ours.sent.saturating_sub(received));
    let rate_limited = take(rate_limited);
    let refused = take(unread + unsent);
    let our_kernel = take(drops.0);
    let their_kernel = drops.1.map(|drops| drops.min(before_info));
    let unanswered = Unanswered {
        before_info,
        their_kernel,
        rate_limited,
        refused,
        our_kernel,
        behind_info: take(u64::MAX),
    };
    (check, unanswered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::info::Replies;

    fn traced(metrics: &str, sent: u64, unanswered: u64, drops: (u64, Option<u64>)) -> (Check, Unanswered) {
        let info = Info { sent, replies: Replies { unanswered, ..Replies::default() } };
        trace(&Scrape::parse(metrics), &info, drops)
    }

    #[test]
    fn each_place_where_a_query_can_stay_is_told_apart() {
        let metrics = "info_requests_total{kind=\"ping\"} 90\ninfo_dropped_total{reason=\"rate_limited\"} 5\n\
            info_dropped_total{reason=\"own_reply\"} 2\ninfo_dropped_total{reason=\"send_error\"} 1\n";
        let (check, unanswered) = traced(metrics, 100, 20, (3, Some(6)));
        assert_eq!(check.finding.unwrap(), "8 never came to info");
        let wanted = Unanswered {
            before_info: 8,
            their_kernel: Some(6),
            rate_limited: 5,
            refused: 3,
            our_kernel: 3,
            behind_info: 1,
        };
        assert_eq!(unanswered, wanted);
    }

    #[test]
    fn when_all_were_answered_nothing_stayed_anywhere() {
        let (check, unanswered) = traced("info_requests_total{kind=\"ping\"} 100\n", 100, 0, (0, None));
        assert_eq!((check.finding, unanswered), (None, Unanswered::default()));
    }
}
