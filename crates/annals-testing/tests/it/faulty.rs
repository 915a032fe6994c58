//! What a faulty store does, and that it does nothing unless it is told to.

use std::sync::Arc;

use annals_core::{
    Append, AppendCondition, AppendError, BoxFuture, CommandId, EventId, EventStore, EventType,
    Json, MemoryStore, NewEvent, Position, Read, ReadError, Sequence, Snapshot, SnapshotStore,
    StreamId,
};
use annals_testing::{Call, Fault, FaultyStore, Gate};

fn stream() -> StreamId {
    StreamId::new("thing", "1").expect("a valid stream")
}

fn append() -> Append {
    let event_type = EventType::new("happened").expect("a valid name");
    let event =
        NewEvent::new(stream(), event_type, 1, Json::empty_object()).expect("within the limits");
    Append::new(vec![event], AppendCondition::default(), Some(CommandId::new()))
        .expect("within the limits")
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

/// What one append says under `fault`, and how many events are in the log then.
fn append_under(fault: Fault) -> (Result<(), AppendError>, u64) {
    let store = FaultyStore::new(MemoryStore::new()).on(Call::Append, 1, fault);
    let outcome = run(store.append(append())).map(|appended| assert!(!appended.repeated));
    assert_eq!((store.calls(Call::Append), store.faults_left()), (1, 0));
    (outcome, run(store.head()).expect("no fault is planned for it").get())
}

#[test]
fn faults_of_appends_say_and_do_what_their_names_say() {
    assert!(matches!(append_under(Fault::Unavailable), (Err(AppendError::Unavailable { .. }), 0)));
    assert!(matches!(append_under(Fault::Closed), (Err(AppendError::Closed { .. }), 0)));
    assert!(matches!(append_under(Fault::RequestCut), (Err(AppendError::Unknown { .. }), 0)));
    assert!(matches!(append_under(Fault::AnswerCut), (Err(AppendError::Unknown { .. }), 1)));
    // The command id takes care that the second one writes nothing.
    assert!(matches!(append_under(Fault::Duplicated), (Ok(()), 1)));
}

#[test]
fn duplicated_append_without_a_command_id_is_written_twice() {
    let store = FaultyStore::new(MemoryStore::new()).on(Call::Append, 1, Fault::Duplicated);
    let (events, condition, _) = append().into_parts();
    let appended = run(store.append(Append::new(events, condition, None).unwrap())).unwrap();
    assert_eq!(appended.last_position().get(), 1, "the first answer is returned");
    assert_eq!(run(store.head()).unwrap().get(), 2);
}

#[test]
fn faults_of_reads_are_unavailable_or_closed() {
    for fault in [Fault::Unavailable, Fault::RequestCut, Fault::AnswerCut] {
        let store = FaultyStore::new(MemoryStore::new()).on(Call::Read, 1, fault);
        let outcome = run(store.read(Read::all()));
        assert!(matches!(outcome, Err(ReadError::Unavailable { .. })), "{outcome:?}");
        assert!(run(store.read(Read::all())).is_ok(), "only the first one goes wrong");
    }
    let store = FaultyStore::new(MemoryStore::new()).on(Call::Head, 1, Fault::Closed);
    let Err(ReadError::Closed { source }) = run(store.head()) else { panic!("it is closed") };
    assert_eq!(source.to_string(), "a planned fault closed the store");
}

#[test]
fn each_kind_of_call_is_counted_and_all_of_them_together() {
    let store = FaultyStore::new(MemoryStore::new())
        .on(Call::Append, 2, Fault::Unavailable)
        .on(Call::WaitPast, 1, Fault::Unavailable)
        .on(Call::Any, 6, Fault::Closed);
    run(async {
        assert!(store.append(append()).await.is_ok());
        assert!(store.append(append()).await.is_err());
        assert!(store.wait_past(Position::ZERO).await.is_err());
        assert!(store.wait_past(Position::ZERO).await.is_ok());
        assert!(store.find_command(CommandId::new()).await.is_ok());
        assert!(matches!(store.read(Read::all()).await, Err(ReadError::Closed { .. })));
        assert!(store.head().await.is_ok());
    });
    let calls = [Call::Any, Call::Append, Call::WaitPast, Call::FindCommand, Call::Read];
    assert_eq!(calls.map(|call| store.calls(call)), [7, 2, 2, 1, 1]);
    assert_eq!(store.faults_left(), 0);
}

#[test]
#[should_panic(expected = "1 were made already")]
fn fault_that_could_not_happen_any_more_is_refused() {
    let store = FaultyStore::new(MemoryStore::new());
    run(store.head()).unwrap();
    store.plan(Call::Head, 1, Fault::Unavailable);
}

#[test]
fn held_call_is_made_when_the_gate_opens_and_held_answer_is_made_at_once() {
    let (request, answer) = (Gate::new(), Gate::new());
    let store = FaultyStore::new(Arc::new(MemoryStore::new()))
        .on(Call::Append, 1, Fault::Held(request.clone()))
        .on(Call::Append, 2, Fault::AnswerHeld(answer.clone()));
    let store = Arc::new(store);
    run(async {
        let spawn = |store: Arc<FaultyStore<_>>| {
            tokio::spawn(async move { store.append(append()).await.map(|a| a.last_position()) })
        };
        let held = spawn(store.clone());
        request.arrived(1).await;
        assert_eq!(store.inner().head().await.unwrap().get(), 0, "it is not made yet");
        let answered_late = spawn(store.clone());
        answer.arrived(1).await;
        assert_eq!(store.inner().head().await.unwrap().get(), 1, "it is made");
        assert!(!answered_late.is_finished(), "it is not answered yet");
        request.open();
        assert_eq!(held.await.unwrap().unwrap().get(), 2);
        answer.open();
        assert_eq!(answered_late.await.unwrap().unwrap().get(), 1);
    });
}

#[test]
fn call_that_is_never_answered_is_not_made() {
    let store = FaultyStore::new(MemoryStore::new()).on(Call::Append, 1, Fault::NeverAnswered);
    run(async {
        let mut call: BoxFuture<'_, _> = store.append(append());
        for _ in 0..10 {
            let answer = std::future::poll_fn(|context| {
                std::task::Poll::Ready(call.as_mut().poll(context).is_ready())
            });
            assert!(!answer.await);
            tokio::task::yield_now().await;
        }
        assert_eq!(store.head().await.unwrap(), Position::ZERO);
    });
}

#[test]
fn snapshots_fail_as_planned() {
    let store = FaultyStore::new(MemoryStore::new())
        .on(Call::SaveSnapshot, 1, Fault::Unavailable)
        .on(Call::LoadSnapshot, 1, Fault::AnswerCut);
    let snapshot =
        Snapshot::new(stream(), Sequence::ZERO.plus(1), EventId::new(), 1, &"state").unwrap();
    run(async {
        assert!(store.save(snapshot.clone()).await.is_err());
        store.save(snapshot.clone()).await.unwrap();
        assert!(store.load(stream(), 1, Sequence::MAX).await.is_err());
        assert_eq!(store.load(stream(), 1, Sequence::MAX).await.unwrap(), Some(snapshot));
    });
}
