//! What a panel shows of each service.

use crate::recorder::Series;
use crate::timeline::Second;

/// A service under load: what came of it, and the series that say how long that took and where.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) service: &'static str,
    /// How many have come since traffic began.
    pub(super) came: fn(&Second) -> u64,
    pub(super) response: Series,
    /// From sent to seen, our lateness, and how long the socket was full.
    pub(super) parts: [Series; 3],
    /// What else is told of it where there is room.
    pub(super) others: &'static [Series],
}

/// In the order of their importance, which is that of a report.
pub(super) const LANES: [Lane; 4] = [
    Lane {
        service: "chat",
        came: |second| second.arrived,
        response: Series::ChatDelivery,
        parts: [Series::ChatService, Series::ChatWake, Series::ChatSocket],
        others: &[Series::ChatFanOut, Series::ChatAck],
    },
    Lane {
        service: "info",
        came: |second| second.queries.saturating_sub(second.unanswered),
        response: Series::InfoQuery,
        parts: [Series::InfoService, Series::InfoWake, Series::InfoSocket],
        others: &[],
    },
    Lane {
        service: "file",
        came: |second| second.files,
        response: Series::FileUpload,
        parts: [Series::FileService, Series::FileWake, Series::FileSocket],
        others: &[Series::FileDownload],
    },
    Lane {
        service: "registry",
        came: |second| second.entries,
        response: Series::RegistrySeen,
        parts: [Series::RegistryService, Series::RegistryWake, Series::RegistrySocket],
        others: &[],
    },
];
