//! Serial and MQTT transports, and decoders that turn a meter's bytes into register values.
//!
//! This room is reserved: readings reach the gateway as sealed block files today. Decoders will be sans-I/O and know
//! neither the store nor any cryptography but the decryption of meter frames.
