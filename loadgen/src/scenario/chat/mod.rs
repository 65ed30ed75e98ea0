//! Chat: users in rooms who say what is due and account for all they hear.

mod absence;
mod account;
mod crowd;
mod desk;
mod familiar;
mod frame;
mod glance;
mod heard;
mod inbox;
mod tally;
mod user;
mod voice;

pub use account::Account;
pub use crowd::{Crowd, Gathering, Venue};
pub use user::NotIn;
