//! Queries: how new they are, and whether they are news.

use crate::client::Answer;
use crate::house::{House, Plan};

async fn projecting() -> House {
    House::with(Plan { is_projecting: true, ..Plan::default() }).await
}

fn token(answer: &Answer) -> String {
    answer.header("consistency-token").unwrap().to_owned()
}

#[tokio::test]
async fn a_query_with_the_token_of_a_command_sees_it() {
    let house = projecting().await;
    for count in 1..=20 {
        let token = token(&house.count_up("a", 1).await);
        let seen = house.get_with("/counts/a", &[("consistency-token", &token)]).await;
        assert_eq!(seen.json(200)["count"], count);
    }
}

#[tokio::test]
async fn a_read_model_that_is_too_old_is_told_with_its_place() {
    let house = projecting().await;
    let now = token(&house.count_up("a", 1).await);
    house.get_with("/counts/a", &[("consistency-token", &now)]).await.json(200);
    let later = now.replace(":1", ":5");
    let answer = house.get_with("/counts/a", &[("consistency-token", &later)]).await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "read_model_behind"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.json(503)["position"], 1);
}

#[tokio::test]
async fn a_token_of_another_log_and_one_that_is_none_are_told_apart() {
    let house = projecting().await;
    let now = token(&house.count_up("a", 1).await);
    house.get_with("/counts/a", &[("consistency-token", &now)]).await.json(200);
    let other = format!("{}:1", annals_core::LogId::new());
    let answer = house.get_with("/counts/a", &[("consistency-token", &other)]).await;
    assert_eq!((answer.status, answer.code().as_str()), (412, "token_of_another_log"));
    for odd in ["", "1", "x:1"] {
        let answer = house.get_with("/counts/a", &[("consistency-token", odd)]).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "malformed_header"));
    }
}

#[tokio::test]
async fn who_has_the_answer_already_is_told_so() {
    let house = House::new().await;
    house.count_up("a", 1).await.json(200);
    let first = house.get("/counters/a").await;
    assert_eq!(first.header("etag"), Some("\"1\""));
    assert_eq!(first.header("cache-control"), Some("private, no-cache"));
    let again = house.get_with("/counters/a", &[("if-none-match", "W/\"0\", \"1\"")]).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(again.header("etag"), Some("\"1\""));
    house.count_up("a", 1).await.json(200);
    let changed = house.get_with("/counters/a", &[("if-none-match", "\"1\"")]).await;
    assert_eq!(changed.json(200)["count"], 2);
}

#[tokio::test]
async fn a_compressed_answer_has_a_tag_of_its_own_that_is_as_good() {
    let house = House::new().await;
    house.count_up("a", 1).await.json(200);
    // Smaller answers are not worth it.
    let path = "/admin/aggregates/counter/a";
    let gzip = house.get_with(path, &[("accept-encoding", "gzip")]).await;
    assert_eq!(gzip.header("content-encoding"), Some("gzip"));
    let tag = gzip.header("etag").unwrap();
    assert_eq!(tag, "\"1-gzip\"");
    for encoding in ["gzip", "zstd", "identity"] {
        let headers = [("accept-encoding", encoding), ("if-none-match", tag)];
        assert_eq!(house.get_with(path, &headers).await.status, 304, "{encoding}");
    }
    let up = house.post_with("/counters/a/up", &[("if-match", tag)], r#"{"by":1}"#).await;
    up.json(200);
}

#[tokio::test]
async fn what_is_misspelt_or_ahead_is_refused() {
    let house = House::new().await;
    house.count_up("a", 1).await.json(200);
    for (path, status, code) in [
        ("/counters/a?at_sequenc=1", 400, "malformed_query"),
        ("/counters/a?at_sequence=x", 400, "malformed_query"),
        ("/counters/a?at_sequence=99999999999999999999", 400, "malformed_query"),
        ("/counters/a?at_sequence=2", 404, "sequence_ahead"),
        ("/counters/%ff", 400, "malformed_path"),
        ("/counters/a%00", 400, "malformed_path"),
        ("/nowhere", 404, "unknown_path"),
        ("/counters/../livez", 404, "unknown_path"),
    ] {
        let answer = house.get(path).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{path}");
    }
    let answer = house.post("/counters/a", "{}").await;
    assert_eq!((answer.status, answer.code().as_str()), (405, "method_not_allowed"));
    assert_eq!(answer.header("allow"), Some("GET,HEAD"));
}
