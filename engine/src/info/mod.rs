//! Info: who may have an answer, and what the answer is drawn from.
//!
//! A datagram's source address is a claim, not a fact. A service that answers it at length hands whoever
//! forges addresses a weapon, so [`Gate`] first lets a stranger prove where they are ([`Cookies`]), and
//! [`Limiter`] bounds what is sent into any network in the meantime, in fixed memory.

mod cookie;
mod gate;
mod limiter;
mod picture;
mod question;

pub use cookie::{Cookie, Cookies};
pub use gate::{Admission, Gate, Silence, check_source};
pub use limiter::{Limited, Limiter, Limits};
pub use picture::{Instance, Picture, STALE_AFTER, State, Status, UsersMode};
pub use question::{Kind, Question};
