//! The HTTP API: `OnsMessageTrace`, API version 2019-02-14.
//!
//! [`endpoint`] says where the gateway is, [`sign_v3`] and [`sign_v1`] how a call is signed,
//! [`credentials`] with which key.

pub mod credentials;
pub mod endpoint;
pub mod percent;
mod regions;
pub mod sign_v1;
pub mod sign_v3;

pub use credentials::Credentials;
pub use endpoint::Endpoint;

#[cfg(test)]
mod tests;
