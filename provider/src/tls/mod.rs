//! TLS of the service: certificates under the identity key, and who may come in with which.
//!
//! The identity key issues a short-lived certificate for a TLS key of its own. One Ed25519 key may sign both: the bytes
//! signed in X.509 begin with 0x30 (a DER SEQUENCE), those in COSE with 0x84 (a CBOR array), so neither signature
//! passes for the other (docs/decisions/0011).

mod accept;
mod leaf;

pub(crate) use accept::crypto;
pub use accept::{client_key, server_config};
pub use leaf::{LEAF_FILE, Leaf, TlsError, root};
