//! What accompanies events without anybody handing it on.

use annals_core::{CausationId, CommandId, CorrelationId, Metadata, Sequence};
use annals_runtime::{App, with_context};

use crate::domain::{Account, Command, app, id};

async fn last_metadata(app: &App<()>) -> Metadata {
    let history = app.history::<Account>(&id("1"), Sequence::ZERO, 100).await.unwrap();
    history.events.last().unwrap().metadata.clone()
}

#[tokio::test]
async fn a_command_is_the_cause_of_its_events_and_begins_a_conversation() {
    let app = app();
    let command_id = CommandId::new();
    let deposit = app.execute::<Account>(&id("1"), Command::Deposit(1)).command_id(command_id);
    deposit.await.unwrap();
    let metadata = last_metadata(&app).await;
    assert_eq!(metadata.causation_id, Some(CausationId::from(command_id)));
    assert_eq!(metadata.correlation_id, Some(CorrelationId::from(command_id)));
    assert_eq!(metadata.actor, None);
}

#[tokio::test]
async fn the_surrounding_context_reaches_every_command_inside() {
    let app = app();
    let context = Metadata::default().actor("alice").correlation_id(CorrelationId::new());
    with_context(context.clone(), async {
        app.execute::<Account>(&id("1"), Command::Deposit(1)).await.unwrap();
    })
    .await;
    let metadata = last_metadata(&app).await;
    assert_eq!(metadata.actor, context.actor);
    assert_eq!(metadata.correlation_id, context.correlation_id);
    assert!(metadata.causation_id.is_some());
}

#[tokio::test]
async fn what_a_command_brings_itself_replaces_the_context() {
    let app = app();
    with_context(Metadata::default().actor("alice"), async {
        app.execute::<Account>(&id("1"), Command::Deposit(1))
            .context(Metadata::default().header("tenant", "north"))
            .await
            .unwrap();
    })
    .await;
    let metadata = last_metadata(&app).await;
    assert_eq!(metadata.actor, None);
    assert_eq!(metadata.headers["tenant"], "north");
}

#[tokio::test]
async fn metadata_beyond_its_bounds_is_refused_before_anything_is_decided() {
    let app = app();
    let context = Metadata::default().actor("x".repeat(256));
    let error =
        app.execute::<Account>(&id("1"), Command::Deposit(1)).context(context).await.unwrap_err();
    assert_eq!(error.to_string(), "actor has 256 bytes, at most 255 are allowed");
    assert_eq!(app.store().head().await.unwrap().get(), 0);
}
