//! G9: events stay as they are.

use annals_core::{AppendCondition, Appended, CommandId};

use super::harness::Harness;
use super::reading::read_log;
use super::sample::{
    acknowledged, commanded, conditional, event, event_of, event_with, new_log, stream,
};

/// **G9** Events are never changed or removed; the database itself refuses it.
///
/// Everything [`LogUnderTest::tamper`](super::LogUnderTest::tamper) tries is refused, and
/// afterwards the log is as it was, also when it is opened again, and can be written to.
///
/// # Panics
///
/// If the guarantee is broken.
pub async fn g9_events_cannot_be_changed_or_removed(harness: &dyn Harness) {
    let mut log = new_log(harness).await;
    let store = log.store();
    let own = stream("own");
    let id = CommandId::new();
    let written = vec![
        event_with(&own, "opened", &["owner:ann", "branch:1"], r#"{"amount":1}"#),
        event_of(&own, "closed", &[]),
        event(&stream("other")),
    ];
    let first = acknowledged(&*store, commanded(written, AppendCondition::default(), id)).await;
    let before = read_log(&*store).await;
    drop(store);
    for attempt in log.tamper().await {
        assert!(attempt.is_refused, "the storage carried out: {}", attempt.attempt);
    }
    for _ in 0..2 {
        let store = log.store();
        assert_eq!(read_log(&*store).await, before, "what was written has changed");
        let found = store.find_command(id).await.expect("a healthy store can be read");
        let expected = Appended { repeated: true, ..first.clone() };
        assert_eq!(found, Some(expected), "the ledger has changed");
        drop(store);
        log.reopen().await;
    }
    let store = log.store();
    let more = conditional(vec![event(&own)], super::sample::at(&own, 2));
    let _ = acknowledged(&*store, more).await;
    assert_eq!(read_log(&*store).await.len(), before.len() + 1);
}
