//! The offset mechanism, pure: a group's state and a message's position give a track type.

mod track_type;

pub use track_type::TrackType;
