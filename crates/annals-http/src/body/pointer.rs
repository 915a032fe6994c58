//! Where in a body something is wrong.

use std::fmt::Write as _;

use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

use crate::problem::Fault;

/// Reads a body again that is known not to be a `T`, to find out where it is not. Only then:
/// keeping track of the place costs time.
pub(super) fn fault<T: DeserializeOwned>(bytes: &[u8]) -> Option<Fault> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let error = serde_path_to_error::deserialize::<_, T>(&mut json).err()?;
    Some(Fault::new(pointer(error.path()), error.inner().to_string()))
}

/// A JSON pointer (RFC 6901).
fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => {
                write!(pointer, "/{index}").unwrap_or_default();
            }
            Segment::Map { key } => {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            // The variant of an enum is a key of its own only in some forms; the place is clear
            // without it.
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read")]
    struct Order {
        #[serde(rename = "a/b~c")]
        odd: Option<u8>,
        lines: Vec<Line>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read")]
    struct Line {
        count: u8,
    }

    #[test]
    fn the_place_of_a_fault_is_a_json_pointer() {
        let pointer = |json: &str| fault::<Order>(json.as_bytes()).unwrap().pointer;
        assert_eq!(pointer(r#"{"lines":[{"count":1},{"count":-1}]}"#), "/lines/1/count");
        assert_eq!(pointer(r#"{"a/b~c":"x","lines":[]}"#), "/a~1b~0c");
        assert_eq!(pointer("{}"), "");
    }
}
