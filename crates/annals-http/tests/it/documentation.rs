//! The description of the API and its page.

use serde_json::Value;

use crate::house::House;

#[tokio::test]
async fn the_description_is_openapi_3_1_and_has_all_routes() {
    let house = House::new().await;
    let description = house.get("/openapi.json").await.json(200);
    assert!(description["openapi"].as_str().unwrap().starts_with("3.1."));
    for path in [
        "/counters/{id}/up",
        "/events",
        "/admin/log",
        "/admin/dead-letters/{id}/retry",
        "/admin/sagas/{saga}/{id}/abandon",
    ] {
        assert!(description["paths"][path].is_object(), "{path}");
    }
    let of_log = &description["paths"]["/admin/log"]["get"];
    assert_eq!(of_log["operationId"], "get_admin_log");
}

#[tokio::test]
async fn whatever_the_description_refers_to_is_in_it() {
    let house = House::new().await;
    let description = house.get("/openapi.json").await.json(200);
    let mut references = Vec::new();
    collect(&description, &mut references);
    assert!(references.contains(&"#/components/schemas/Problem"), "{references:?}");
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(description.pointer(pointer).is_some(), "{reference}");
    }
}

fn collect<'a>(value: &'a Value, references: &mut Vec<&'a str>) {
    references.extend(value["$ref"].as_str());
    let items = value.as_array().into_iter().flatten();
    let fields = value.as_object().into_iter().flat_map(|object| object.values());
    items.chain(fields).for_each(|value| collect(value, references));
}

#[tokio::test]
async fn the_page_needs_nothing_but_this_service() {
    let house = House::new().await;
    let page = house.get("/docs/").await;
    let text = String::from_utf8(page.body.clone()).unwrap();
    assert_eq!(page.status, 200);
    assert!(!text.contains("//") || !text.contains("src=\"http"), "{text}");
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"));
    for file in ["swagger-ui-bundle.js", "swagger-ui.css", "swagger-initializer.js"] {
        assert!(text.contains(file), "{text}");
        assert_eq!(house.get(&format!("/docs/{file}")).await.status, 200, "{file}");
    }
    assert_eq!(house.get("/docs/nothing").await.code(), "unknown_path");
}
