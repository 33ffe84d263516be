//! The `OnsMessageTrace` operation over HTTP, from any source, as official clients know it (`facts/ons-api.md` §3).

mod gateway;
mod reply;
mod request;

pub use gateway::Gateway;
pub use reply::{Note, Reply};
pub use request::Incoming;
