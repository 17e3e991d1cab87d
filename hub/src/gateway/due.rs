//! stub
use super::Gateway;
use crate::Failure;
use crate::api::{Answer, StandingAdd};
impl Gateway {
    pub(crate) async fn keep_sending(self, _every: std::time::Duration) {}
    pub(super) async fn submit(&self, _bill: &str, _account: Option<i64>) -> Result<Answer, Failure> {
        self.accounts().await
    }
    pub(super) async fn submissions(&self) -> Result<Answer, Failure> {
        self.accounts().await
    }
    pub(super) async fn add_standing(&self, _add: &StandingAdd) -> Result<Answer, Failure> {
        self.accounts().await
    }
    pub(super) async fn end_standing(&self, _standing: i64) -> Result<Answer, Failure> {
        self.accounts().await
    }
}
