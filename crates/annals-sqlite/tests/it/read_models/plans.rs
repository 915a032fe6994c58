//! Pages of documents are read from where they begin.

use annals_sqlite::rusqlite::{Connection, ToSql};

fn plan(file: &Connection, sql: &str, binds: &[&dyn ToSql]) -> String {
    let mut explain = file.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let steps = explain.query_map(binds, |row| row.get::<_, String>(3)).unwrap();
    steps.map(Result::unwrap).collect::<Vec<_>>().join("; ")
}

#[test]
fn pages_of_documents_need_neither_scan_nor_sort() {
    let file = Connection::open_in_memory().unwrap();
    file.execute_batch(include_str!("../../../src/sql/read_models/document_schema.sql")).unwrap();
    let by_key: [&dyn ToSql; 3] = [&b"a", &b"b", &10];
    let by_index: [&dyn ToSql; 6] = [&"owner", &1, &"", &2, &"", &10];
    for (sql, binds) in [
        (include_str!("../../../src/sql/read_models/document_page.sql"), by_key.as_slice()),
        (include_str!("../../../src/sql/read_models/document_page_descending.sql"), &by_key),
        (include_str!("../../../src/sql/read_models/document_index_page.sql"), &by_index),
        (
            include_str!("../../../src/sql/read_models/document_index_page_descending.sql"),
            &by_index,
        ),
    ] {
        let plan = plan(&file, sql, binds);
        assert!(!plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{plan}: {sql}");
        let is_bounded = plan.contains("(key>? AND key<?)")
            || plan.contains("(name=? AND (value,key)>(?,?) AND (value,key)<(?,?))")
            || plan.contains("(name=? AND value>? AND value<?)");
        assert!(is_bounded, "{plan}: {sql}");
    }
}
