//! All operations of a description.

use utoipa::openapi::path::Operation;
use utoipa::openapi::{OpenApi, PathItem};

/// The operations of a path, each with its method.
pub(super) fn operations(
    path: &mut PathItem,
) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let PathItem { get, put, post, delete, options, head, patch, trace, query, .. } = path;
    let with_methods = [
        ("get", get),
        ("put", put),
        ("post", post),
        ("delete", delete),
        ("options", options),
        ("head", head),
        ("patch", patch),
        ("trace", trace),
        ("query", query),
    ];
    with_methods.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// Names each operation by its method and path, such as `get_accounts_id`. Otherwise it has the
/// name of a function, which others have as well, and no client can be generated.
pub(super) fn name(openapi: &mut OpenApi) {
    for (path, item) in &mut openapi.paths.paths {
        let words = path.split(|character: char| !character.is_ascii_alphanumeric());
        let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
        for (method, operation) in operations(item) {
            operation.operation_id = Some(format!("{method}_{}", words.join("_")));
        }
    }
}
