//! Waiting for read models: bounded, exact, and nobody asks for nothing.

mod commands;
mod shown;

use std::sync::Arc;
use std::time::Duration;

use annals_core::{ConsistencyToken, GenerationKey, LogId, Position, Seen};
use annals_runtime::{Visibility, WaitError};
use tokio::time::Instant;

use shown::{Shown, Slip};

const SECOND: Duration = Duration::from_secs(1);

fn position(value: u64) -> Position {
    Position::new(value).unwrap()
}

fn token(log_id: LogId, at: u64) -> ConsistencyToken {
    ConsistencyToken { log_id, position: position(at) }
}

#[tokio::test(start_paused = true)]
async fn what_another_process_writes_is_seen_soon() {
    let shown = Shown::serving().await;
    let visibility = Visibility::new(shown.clone());
    for at in [1, 2, 30] {
        let begun = Instant::now();
        let (waited, ()) = tokio::join!(
            visibility.wait_for(Shown::NAME, token(shown.log_id(), at), SECOND),
            async {
                tokio::time::sleep(Duration::from_millis(7)).await;
                shown.reach(at).await;
            }
        );
        assert_eq!(waited.unwrap(), position(at));
        assert!(begun.elapsed() <= Duration::from_millis(16), "{:?}", begun.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_known_to_be_there_takes_no_time_and_no_question() {
    let shown = Shown::serving().await;
    shown.reach(10).await;
    let visibility = Visibility::new(shown.clone());
    for at in [10, 9, 1] {
        let begun = Instant::now();
        let token = token(shown.log_id(), at);
        let reached = visibility.wait_for(Shown::NAME, token, SECOND).await;
        assert_eq!(reached.unwrap(), position(10));
        assert_eq!((begun.elapsed(), shown.questions()), (Duration::ZERO, 1));
    }
}

/// Without time it was not asked at all, and everything counted as not there that nobody had waited
/// for before.
#[tokio::test(start_paused = true)]
async fn whoever_has_no_time_is_answered_with_one_look() {
    let shown = Shown::serving().await;
    shown.reach(10).await;
    let visibility = Visibility::new(shown.clone());
    let begun = Instant::now();
    let at = |at| visibility.wait_for(Shown::NAME, token(shown.log_id(), at), Duration::ZERO);
    assert_eq!(at(10).await.unwrap(), position(10));
    let late = at(11).await.unwrap_err();
    assert!(
        matches!(late, WaitError::TooLate { reached, .. } if reached == position(10)),
        "{late}"
    );
    assert_eq!((begun.elapsed(), shown.questions()), (Duration::ZERO, 2));
}

/// With a question by each of them, a thousand would use up the connections of the database.
#[tokio::test(start_paused = true)]
async fn however_many_wait_one_asks_and_pauses_in_between() {
    let shown = Shown::serving().await;
    let visibility = Visibility::new(shown.clone());
    let waiting: Vec<_> = (1..=1_000)
        .map(|at| {
            let (visibility, token) = (visibility.clone(), token(shown.log_id(), 1 + at % 7));
            tokio::spawn(async move { visibility.wait_for(Shown::NAME, token, 5 * SECOND).await })
        })
        .collect();
    tokio::time::sleep(SECOND).await;
    assert_eq!(shown.asking_max(), 1);
    // Pauses of 2, 4, 8, 16, 32 and then 50 ms.
    assert!((20..=30).contains(&shown.questions()), "{}", shown.questions());
    shown.reach(6).await;
    tokio::time::sleep(SECOND).await;
    let rest = (1..=1_000).filter(|at| 1 + at % 7 == 7).count();
    assert_eq!(waiting.iter().filter(|one| !one.is_finished()).count(), rest);
    shown.reach(7).await;
    for one in waiting {
        one.await.unwrap().unwrap();
    }
    assert_eq!(shown.asking_max(), 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_asks_when_nobody_waits() {
    let shown = Shown::serving().await;
    let visibility = Visibility::new(shown.clone());
    let missing = token(shown.log_id(), 99);
    assert!(visibility.wait_for(Shown::NAME, missing, SECOND).await.is_err());
    // One that went away, too.
    tokio::select! {
        biased;
        waited = visibility.wait_for(Shown::NAME, missing, SECOND) => panic!("{waited:?}"),
        () = tokio::time::sleep(SECOND / 2) => {}
    }
    let before = shown.questions();
    tokio::time::sleep(100 * SECOND).await;
    assert_eq!(shown.questions(), before);
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_late_does_not_suffer_from_long_pauses() {
    let shown = Shown::serving().await;
    let visibility = Visibility::new(shown.clone());
    let patient = {
        let (visibility, token) = (visibility.clone(), token(shown.log_id(), 99));
        tokio::spawn(async move { visibility.wait_for(Shown::NAME, token, 100 * SECOND).await })
    };
    tokio::time::sleep(10 * SECOND).await;
    for at in 1..=10 {
        tokio::time::sleep(Duration::from_millis(13)).await;
        shown.reach(at).await;
        let begun = Instant::now();
        visibility.wait_for(Shown::NAME, token(shown.log_id(), at), SECOND).await.unwrap();
        assert!(begun.elapsed() <= Duration::from_millis(4), "{:?}", begun.elapsed());
    }
    patient.abort();
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_for_all_can_go_away_and_another_goes_on() {
    let shown = Shown::serving().await;
    let visibility = Visibility::new(shown.clone());
    let spawn = |at, within| {
        let (visibility, token) = (visibility.clone(), token(shown.log_id(), at));
        tokio::spawn(async move { visibility.wait_for(Shown::NAME, token, within).await })
    };
    let (first, second, third) = (spawn(5, SECOND), spawn(5, 10 * SECOND), spawn(5, 10 * SECOND));
    assert!(first.await.unwrap().is_err());
    second.abort();
    shown.reach(5).await;
    assert_eq!(third.await.unwrap().unwrap(), position(5));
}

#[tokio::test(start_paused = true)]
async fn too_late_says_how_far_it_is_and_comes_in_time() {
    let shown = Shown::serving().await;
    shown.reach(4).await;
    let visibility = Visibility::new(shown.clone());
    for within in [Duration::from_millis(1), 5 * SECOND] {
        let begun = Instant::now();
        let error = visibility.wait_for(Shown::NAME, token(shown.log_id(), 5), within).await;
        let text = error.unwrap_err().to_string();
        assert_eq!(text, "shown has reached position 4, 5 was asked for");
        assert_eq!(begun.elapsed(), within);
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_of_another_log_is_refused_at_once() {
    let shown = Shown::serving().await;
    let visibility = Visibility::new(shown.clone());
    let (begun, foreign) = (Instant::now(), LogId::new());
    let error = visibility.wait_for(Shown::NAME, token(foreign, 0), SECOND).await.unwrap_err();
    let WaitError::OtherLog { asked, built_from, .. } = error else { panic!("{error}") };
    assert_eq!((asked, built_from), (foreign, shown.log_id()));
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_serve_is_waited_for_and_then_named() {
    let shown = Shown::building().await;
    let visibility = Visibility::new(shown.clone());
    let zero = token(shown.log_id(), 0);
    for name in [Shown::NAME, "misspelt"] {
        let error = visibility.wait_for(name, zero, SECOND).await.unwrap_err();
        assert_eq!(error.to_string(), format!("no generation of {name} serves"));
    }
    let (waited, ()) = tokio::join!(visibility.wait_for(Shown::NAME, zero, SECOND), async {
        tokio::time::sleep(SECOND / 2).await;
        shown.serve().await;
    });
    assert_eq!(waited.unwrap(), Position::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_read_database_that_is_away_is_waited_for_and_then_named() {
    let shown = Shown::serving().await;
    shown.reach(1).await;
    let visibility = Visibility::new(shown.clone());
    for slip in [Slip::Unavailable, Slip::NeverAnswered] {
        shown.slip(Some(slip));
        let asked = token(shown.log_id(), 1);
        let error = visibility.wait_for(Shown::NAME, asked, SECOND).await.unwrap_err();
        assert!(matches!(error, WaitError::ReadModels { .. }), "{error}");
        assert_eq!(error.to_string(), "the read database does not say how far shown is");
    }
    let (waited, ()) =
        tokio::join!(visibility.wait_for(Shown::NAME, token(shown.log_id(), 1), SECOND), async {
            shown.slip(Some(Slip::Unavailable));
            tokio::time::sleep(SECOND / 2).await;
            shown.slip(None);
        });
    assert_eq!(waited.unwrap(), position(1));
}

/// A replica that lags, or a generation that was switched away from in between: what counts is what
/// the answer itself says.
#[tokio::test(start_paused = true)]
async fn an_answer_is_as_new_as_asked_for_whatever_serving_says() {
    let shown = Shown::serving().await;
    shown.reach(10).await;
    let visibility = Visibility::new(shown.clone());
    let seen = |at| Seen {
        value: at,
        generation: GenerationKey { projection: Shown::NAME.to_owned(), number: 1 },
        log_id: shown.log_id(),
        position: position(at),
    };
    let mut answers = [7, 9, 9, 10].into_iter().map(seen);
    let read =
        visibility.read_at_least::<_, WaitError, _>(token(shown.log_id(), 10), SECOND, || {
            std::future::ready(Ok(answers.next().unwrap()))
        });
    assert_eq!(read.await.unwrap().value, 10);

    let begun = Instant::now();
    let mut reads = 0;
    let read =
        visibility.read_at_least::<_, WaitError, _>(token(shown.log_id(), 10), SECOND, || {
            reads += 1;
            std::future::ready(Ok(seen(9)))
        });
    let error = read.await.unwrap_err();
    assert_eq!(error.to_string(), "shown has reached position 9, 10 was asked for");
    assert_eq!(begun.elapsed(), SECOND);
    assert!((20..=30).contains(&reads), "{reads}");

    let foreign = token(LogId::new(), 1);
    let read = visibility
        .read_at_least::<_, WaitError, _>(foreign, SECOND, || std::future::ready(Ok(seen(9))));
    assert!(matches!(read.await, Err(WaitError::OtherLog { .. })));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_new_enough_asks_nothing_more() {
    let shown = Shown::serving().await;
    let visibility = Visibility::new(shown.clone());
    let seen = Seen {
        value: "ada",
        generation: GenerationKey { projection: Shown::NAME.to_owned(), number: 1 },
        log_id: shown.log_id(),
        position: position(3),
    };
    let read =
        visibility.read_at_least::<_, WaitError, _>(token(shown.log_id(), 3), SECOND, || {
            std::future::ready(Ok(seen.clone()))
        });
    assert_eq!(read.await.unwrap(), seen);
    assert_eq!((shown.questions(), Arc::strong_count(&shown)), (0, 2));
}
