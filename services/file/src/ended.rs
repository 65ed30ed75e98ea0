//! How a connection ends.

use crate::labels::labels;

labels! {
    /// Why a connection ended.
    pub(crate) enum Ended {
        /// The peer closed it between two requests.
        Quit = "quit",
        /// It went away in the middle of a request, a body or a reply.
        Lost = "lost",
        /// The request said that nothing follows: it had the original's form, or no size.
        Done = "done",
        /// The service is going away.
        Drain = "drain",
        /// Nothing was asked for too long.
        Idle = "idle",
        /// A transfer moved too few bytes.
        Slow = "slow",
        /// A line was too long or had no end, or a request was refused in front of a body that can't be skipped.
        Refused = "refused",
        /// Another connection went on with the same upload.
        Superseded = "superseded",
        /// The file shrank while it was sent, or the disk failed.
        Broken = "broken",
    }
}
