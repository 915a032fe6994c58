//! Reading documents.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use annals_core::limits::{DOCUMENT_KEY_BYTES_MAX, LIST_ITEMS_MAX};
use annals_core::{
    BoxFuture, DocumentList, DocumentOrder, DocumentProjection, GenerationKey, IfBehind,
    IndexValue, ListedDocument,
};

use super::harness::{ReadModelHarness, ReadModelsUnderTest};
use super::sample::{
    NAME, SampleLog, Scene, Worked, apply, create, id_in, is_not_found, is_rejected,
    new_generation, pos, serve, sum,
};
use super::sums::{Rank, Sum, SumEvent, Sums};
use crate::conformance::race;

async fn find(models: &dyn ReadModelsUnderTest, key: &str) -> Option<Sum> {
    let found = models.find_document(NAME, key).await.expect("a generation serves");
    found.value.map(|document| document.read().expect("a document reads as what was written"))
}

/// Everything the order selects, in pages of `limit`.
async fn pages(
    models: &dyn ReadModelsUnderTest,
    order: &DocumentOrder,
    is_descending: bool,
    limit: usize,
) -> Vec<ListedDocument> {
    let (mut all, mut order): (Vec<ListedDocument>, _) = (Vec::new(), order.clone());
    loop {
        let projection = NAME.to_owned();
        let list = DocumentList { projection, order: order.clone(), is_descending, limit };
        let page = models.list_documents(list).await.expect("a generation serves").value;
        assert!(page.len() <= limit.min(LIST_ITEMS_MAX), "{} documents in a page", page.len());
        let is_last = page.len() < limit.min(LIST_ITEMS_MAX);
        all.extend(page);
        let Some(last) = all.last().filter(|_| !is_last) else { return all };
        match &mut order {
            DocumentOrder::Key { after, .. } => *after = Some(last.key.clone()),
            DocumentOrder::Index { after, .. } => {
                let value = last.value.clone().expect("a list by index tells the value");
                *after = Some((value, last.key.clone()));
            }
        }
    }
}

fn by_key(prefix: &str) -> DocumentOrder {
    DocumentOrder::Key { prefix: prefix.to_owned(), after: None }
}

fn by_index(name: &str, value: Option<IndexValue>) -> DocumentOrder {
    DocumentOrder::Index { name: name.to_owned(), value, after: None }
}

/// A document is found by its very key, as it was written last; a removed one is not there.
///
/// # Panics
///
/// If the promise is broken.
pub async fn document_is_found_by_its_key(harness: &dyn ReadModelHarness) {
    let (mut scene, mut worked) = Scene::serving(harness).await;
    scene.log.add("a", i64::MAX);
    scene.log.rank("\u{e9}'\"\\%", Some(Rank::Text("\u{1f600} it's \"1\"\\ %".to_owned())));
    scene.log.add("gone", 1);
    worked.apply(&*scene.models, &scene.log, 3).await;
    scene.log.add("a", -1);
    scene.log.push("gone", SumEvent::Removed);
    worked.apply(&*scene.models, &scene.log, 5).await;

    let expected = scene.log.fold(1..=5);
    for key in ["a", "\u{e9}'\"\\%", "gone", "A", "", "a "] {
        assert_eq!(find(&*scene.models, key).await.as_ref(), expected.get(key), "{key:?}");
    }
    let seen = scene.models.find_document(NAME, "a").await.expect("a generation serves");
    let status = scene.models.status(worked.key()).await.expect("the status is told");
    assert_eq!((&seen.generation, seen.position), (worked.key(), pos(5)));
    assert_eq!(seen.log_id, status.generation.log_id);

    create_other(&scene).await;
    for name in ["sums_1", "nobody"] {
        assert!(is_not_found(&scene.models.find_document(name, "a").await), "{name} serves");
        let (projection, order) = (name.to_owned(), by_key(""));
        let list = DocumentList { projection, order, is_descending: false, limit: 1 };
        assert!(is_not_found(&scene.models.list_documents(list).await), "{name} serves");
    }
}

/// A projection that is being built, and serves not.
async fn create_other(scene: &Scene) -> GenerationKey {
    let other = Arc::new(DocumentProjection(Sums::<1>));
    let created = scene.models.create(other, new_generation()).await;
    created.expect("a healthy database begins a generation").key
}

/// Lists by key go byte by byte, in both directions, only where the prefix fits, and all pages
/// together are exactly the documents.
///
/// # Panics
///
/// If the promise is broken.
pub async fn documents_are_listed_by_key(harness: &dyn ReadModelHarness) {
    let (mut scene, mut worked) = Scene::serving(harness).await;
    let keys = [
        "b",
        "a",
        "B",
        "ab",
        "a b",
        "a_b",
        "a%b",
        "aab",
        "abc",
        "a\\b",
        "a'b",
        "\u{e9}",
        "e",
        "\u{e9}a",
        "\u{1f600}",
        "\u{ffff}",
        "10",
        "9",
        "a\u{10ffff}",
        "a-b",
        "Ab",
    ];
    for key in keys {
        scene.log.add(key, 1);
    }
    let head = scene.log.head();
    worked.apply(&*scene.models, &scene.log, head).await;
    for prefix in ["", "a", "ab", "a_", "a%", "a\\", "A", "\u{e9}", "z", "a\u{10ffff}", "1"] {
        let mut expected: Vec<&str> =
            keys.into_iter().filter(|key| key.starts_with(prefix)).collect();
        expected.sort_unstable();
        for is_descending in [false, true] {
            for limit in [1, 2, 3, 7, 100] {
                let found = pages(&*scene.models, &by_key(prefix), is_descending, limit).await;
                let found: Vec<_> = found.iter().map(|listed| listed.key.as_str()).collect();
                assert_eq!(found, expected, "prefix {prefix:?}, pages of {limit}");
            }
            expected.reverse();
        }
    }
    let found = pages(&*scene.models, &by_key(""), false, 5).await;
    let sums = found.iter().map(|listed| (listed.key.clone(), sum(listed))).collect();
    assert_eq!(scene.log.fold(1..=head), sums, "the documents themselves");
    assert!(found.iter().all(|listed| listed.value.is_none()), "there is no index to tell of");
}

/// Lists by index go by value, numbers before texts, then by key, in both directions, of all values
/// or one; documents without a value are left out, and those that change are at their new place.
///
/// # Panics
///
/// If the promise is broken.
pub async fn documents_are_listed_by_index(harness: &dyn ReadModelHarness) {
    let (mut scene, mut worked) = Scene::serving(harness).await;
    let longest = "x".repeat(DOCUMENT_KEY_BYTES_MAX);
    let texts = ["10", "9", "B", "a", "\u{e9}", "\u{1f600}", "", "a b", "a_b", "ab", &longest];
    let numbers = [0, -1, 10, 9, i64::MIN, i64::MAX, (1 << 53) + 1, 1 << 53];
    let ranks = numbers.map(Rank::Number).into_iter();
    let ranks = ranks.chain(texts.map(|text| Rank::Text(text.to_owned())));
    for (number, rank) in ranks.enumerate() {
        // Two of each, so that keys decide; some had another rank before.
        for key in [format!("k{}", number % 5), "other".to_owned()] {
            let key = format!("{key} {number}");
            if number % 3 == 0 {
                scene.log.rank(&key, Some(Rank::Number(5)));
            }
            scene.log.rank(&key, Some(rank.clone()));
        }
    }
    scene.log.add("unranked", 1);
    scene.log.rank("no more", Some(Rank::Number(9)));
    let middle = scene.log.head();
    scene.log.rank("no more", None);
    scene.log.rank("gone", Some(Rank::Number(9)));
    scene.log.push("gone", SumEvent::Removed);
    worked.apply(&*scene.models, &scene.log, middle).await;
    let head = scene.log.head();
    worked.apply(&*scene.models, &scene.log, head).await;

    let value = |rank: Rank| match rank {
        Rank::Number(number) => IndexValue::Number(number),
        Rank::Text(text) => IndexValue::Text(text),
    };
    let all = scene.log.fold(1..=head);
    let all: Vec<(IndexValue, String)> =
        all.into_iter().filter_map(|(key, sum)| Some((value(sum.rank?), key))).collect();
    let some = [IndexValue::Number(9), IndexValue::Text("9".to_owned()), IndexValue::Number(4)];
    for only in std::iter::once(None).chain(some.into_iter().map(Some)) {
        let is_asked_for =
            |entry: &&(IndexValue, String)| only.as_ref().is_none_or(|only| entry.0 == *only);
        let mut expected: Vec<_> = all.iter().filter(is_asked_for).cloned().collect();
        expected.sort();
        for is_descending in [false, true] {
            for limit in [1, 2, 5, 100] {
                let order = by_index("rank", only.clone());
                let found = pages(&*scene.models, &order, is_descending, limit).await;
                let found: Vec<_> = found
                    .into_iter()
                    .map(|listed| (listed.value.expect("the value is told"), listed.key))
                    .collect();
                assert_eq!(found, expected, "{only:?}, pages of {limit}");
            }
            expected.reverse();
        }
    }
}

/// No page is larger than was asked for, nor than the bound.
///
/// # Panics
///
/// If the promise is broken.
pub async fn pages_of_documents_are_bounded(harness: &dyn ReadModelHarness) {
    let (mut scene, mut worked) = Scene::serving(harness).await;
    let count = LIST_ITEMS_MAX + 3;
    for number in 0..count {
        scene.log.rank(&format!("{number:05}"), Some(Rank::Number(7)));
    }
    let head = scene.log.head();
    worked.apply(&*scene.models, &scene.log, head).await;
    for order in [by_key(""), by_index("rank", None), by_index("rank", Some(IndexValue::Number(7)))]
    {
        for (limit, expected) in
            [(0, 0), (1, 1), (LIST_ITEMS_MAX, LIST_ITEMS_MAX), (usize::MAX, LIST_ITEMS_MAX)]
        {
            let (projection, order) = (NAME.to_owned(), order.clone());
            let list = DocumentList { projection, order, is_descending: false, limit };
            let page = scene.models.list_documents(list).await.expect("a generation serves");
            assert_eq!(page.value.len(), expected, "at most {limit}");
        }
        assert_eq!(pages(&*scene.models, &order, true, usize::MAX).await.len(), count);
    }
}

/// Indexes belong to the generation that serves; one that it does not have is not found.
///
/// # Panics
///
/// If the promise is broken.
pub async fn unknown_index_is_not_found(harness: &dyn ReadModelHarness) {
    let (scene, _) = Scene::serving(harness).await;
    let list = |name: &str| DocumentList {
        projection: NAME.to_owned(),
        order: by_index(name, None),
        is_descending: false,
        limit: 10,
    };
    for name in ["total", "rank"] {
        let found = scene.models.list_documents(list(name)).await.expect("it is declared");
        assert_eq!(found.value, []);
    }
    assert!(is_not_found(&scene.models.list_documents(list("totals")).await));

    let projection = Arc::new(DocumentProjection(Sums::<4, 2>));
    let second = scene.models.create(Arc::clone(&projection), new_generation()).await;
    let second = second.expect("a healthy database begins a generation").key;
    scene.models.finish(projection, &second).await.expect("a generation can be finished");
    scene.models.switch(&second, IfBehind::Refuse).await.expect("it is not behind");
    assert!(scene.models.list_documents(list("total")).await.is_ok());
    let gone = scene.models.list_documents(list("rank")).await;
    assert!(is_not_found(&gone), "{gone:?} though version 2 does not declare it");
}

/// A text that is too long for an index is rejected, with everything that came with it.
///
/// # Panics
///
/// If the promise is broken.
pub async fn too_long_index_value_is_rejected(harness: &dyn ReadModelHarness) {
    let (mut scene, worked) = Scene::serving(harness).await;
    scene.log.add("a", 1);
    let text = "x".repeat(DOCUMENT_KEY_BYTES_MAX + 1);
    scene.log.rank("b", Some(Rank::Text(text)));
    let (changes, advance) = scene.log.advance(&worked.leases, 2);
    let outcome = apply(&*scene.models, changes, advance).await;
    assert!(is_rejected(&outcome), "{outcome:?}");
    assert!(scene.sums().await.is_empty());
}

/// The position of an answer is that of the slowest partition.
///
/// # Panics
///
/// If the promise is broken.
pub async fn answer_is_as_new_as_the_slowest_partition(harness: &dyn ReadModelHarness) {
    let (mut scene, worked) = Scene::serving(harness).await;
    let id = id_in(1);
    scene.log = SampleLog::of(&[&id, &id, &id]);
    for (lease, to) in worked.leases.iter().zip([3, 2, 3, 1]) {
        let (changes, advance) = scene.log.advance(std::slice::from_ref(lease), to);
        let outcome = apply(&*scene.models, changes, advance).await;
        outcome.expect("one partition moves by itself");
    }
    let seen = scene.models.find_document(NAME, &id).await.expect("a generation serves");
    assert_eq!(seen.position, pos(1));
    let serving = scene.models.serving(NAME).await.expect("a healthy database answers");
    assert_eq!(serving.map(|serving| serving.position), Some(pos(1)));
    assert_eq!(scene.sums().await, scene.log.fold(1..=2));
}

/// An answer is one consistent view: the documents, the position and the generation it tells belong
/// together, though all of them change meanwhile.
///
/// # Panics
///
/// If the promise is broken.
pub async fn answers_are_one_consistent_view(harness: &dyn ReadModelHarness) {
    const EVENTS: u64 = 40;
    let (scene, first) = Scene::serving(harness).await;
    let second = create(&*scene.models).await;
    let second = Worked::new(&*scene.models, &second).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let begun = Arc::new(AtomicU64::new(0));
    let keys = [first.key().clone(), second.key().clone()];
    let mut tasks: Vec<BoxFuture<'static, ()>> = Vec::new();
    for _ in 0..2 {
        let models = scene.database.open().await;
        let (is_over, begun) = (Arc::clone(&is_over), Arc::clone(&begun));
        tasks.push(Box::pin(async move {
            while !is_over.load(Ordering::Relaxed) {
                begun.fetch_add(1, Ordering::SeqCst);
                check_view(&*models).await;
                tokio::task::yield_now().await;
            }
        }));
    }
    let models = scene.database.open().await;
    tasks.push(Box::pin(async move {
        // The same sum grows by one in the first generation, by two in the second.
        let mut builds = [(first, SampleLog::default(), 1), (second, SampleLog::default(), 2)];
        for to in 1..=EVENTS {
            for (worked, log, amount) in &mut builds {
                log.add("a", *amount);
                // Somebody must be looking when it changes.
                let before = begun.load(Ordering::SeqCst);
                while begun.load(Ordering::SeqCst) == before {
                    tokio::task::yield_now().await;
                }
                worked.apply(&*models, log, to).await;
            }
            let next = usize::from(to % 2 == 0);
            if let Some(key) = keys.get(next) {
                serve(&*models, key).await;
            }
        }
        is_over.store(true, Ordering::Relaxed);
    }));
    race(tasks).await;
    check_view(&*scene.models).await;
}

async fn check_view(models: &dyn ReadModelsUnderTest) {
    let found = models.find_document(NAME, "a").await.expect("a generation serves");
    let total = found.value.map_or(0, |document| {
        document.read::<Sum>().expect("a document reads as what was written").total
    });
    let expected =
        |position: u64, number: u32| i64::try_from(position).map(|p| p * i64::from(number));
    assert_eq!(Ok(total), expected(found.position.get(), found.generation.number), "one document");

    for order in [by_key(""), by_index("total", None)] {
        let (projection, limit) = (NAME.to_owned(), 10);
        let list = DocumentList { projection, order, is_descending: false, limit };
        let found = models.list_documents(list).await.expect("a generation serves");
        let total: i64 = found.value.iter().map(|listed| sum(listed).total).sum();
        assert_eq!(Ok(total), expected(found.position.get(), found.generation.number), "a list");
    }
}
