//! What is remembered of projections.

use std::sync::Arc;
use std::time::Duration;

use annals_core::{ConsistencyToken, LogId, Position};
use annals_testing::MemoryReadModels;

use super::Visibility;

#[tokio::test(start_paused = true)]
async fn names_that_nobody_knows_do_not_pile_up() {
    let visibility = Visibility::new(Arc::new(MemoryReadModels::new()));
    let token = ConsistencyToken { log_id: LogId::new(), position: Position::new(1).unwrap() };
    for name in 0..100 {
        let name = format!("name_{name}");
        assert!(visibility.wait_for(&name, token, Duration::from_secs(1)).await.is_err());
    }
    assert_eq!(visibility.lock().len(), 0);
}
