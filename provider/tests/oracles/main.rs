//! Bills that others computed: every month by the bill relation and by the machine, against engines nobody here wrote.
//!
//! The data are no part of this repository: the folder is named by WATTSEAL_DATA, or stands beside the repository.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::float_arithmetic)]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, missing_docs)]

mod both;
mod data;
mod german;
#[path = "../../../tests/tests/common/home.rs"]
mod home;
mod nettleie;
mod peaks;
mod proof;
mod pysam;
mod pysam_sources;
mod urdb;
