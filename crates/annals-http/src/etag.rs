//! `ETag`, `If-Match` and `If-None-Match`: the sequence of an aggregate as a tag
//! (RFC 9110, section 8.8.3 and 13.1).

use annals_core::Sequence;
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;

use crate::problem::{Fault, Kind, Problem};

/// What a command expects of the aggregate.
///
/// `If-Match: "5"` means that it is at sequence 5, `If-None-Match: *` that it does not exist. If it
/// is otherwise, the answer is 412 and nothing was written. A list, or `If-Match: *`, says less
/// than a command needs to know, and is refused with 400.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Precondition(pub Option<Sequence>);

impl<S: Sync> FromRequestParts<S> for Precondition {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let only = |name: &HeaderName| match single(&parts.headers, name) {
            Ok(value) => Ok(value),
            Err(Several) => Err(malformed(name)),
        };
        match (only(&header::IF_MATCH)?, only(&header::IF_NONE_MATCH)?) {
            (None, None) => Ok(Self(None)),
            (None, Some("*")) => Ok(Self(Some(Sequence::ZERO))),
            // A weak tag never matches where bytes are compared.
            (Some(tag), None) if tag.starts_with("W/") => {
                let detail = "a weak tag matches nothing";
                Err(Problem::new(Kind::PRECONDITION_FAILED, detail))
            }
            (Some(tag), None) => match sequence(tag) {
                Some(sequence) => Ok(Self(Some(sequence))),
                None => Err(malformed(&header::IF_MATCH)),
            },
            (Some(tag), Some("*")) if sequence(tag).is_some() => {
                let detail = "what is at a sequence exists";
                Err(Problem::new(Kind::PRECONDITION_FAILED, detail))
            }
            (_, Some(_)) => Err(malformed(&header::IF_NONE_MATCH)),
        }
    }
}

/// A header was sent several times, or is no text.
struct Several;

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Several> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    match (value.to_str(), values.next()) {
        (Ok(text), None) => Ok(Some(text.trim())),
        _ => Err(Several),
    }
}

fn malformed(name: &HeaderName) -> Problem {
    let detail =
        "there may be either if-match with one sequence such as \"5\", or if-none-match: *";
    let fault = Fault::new(name.as_str(), detail);
    Problem::new(Kind::MALFORMED_HEADER, detail).with_faults(vec![fault])
}

/// The tag of a sequence.
pub(crate) fn tag(sequence: Sequence) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("\"{sequence}\"")).ok()
}

/// The sequence of a tag. Zero is none: what does not exist has no tag.
fn sequence(tag: &str) -> Option<Sequence> {
    let text = opaque(tag)?;
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    is_number.then_some(())?;
    Sequence::new(text.parse().ok()?).ok()
}

/// What stands in the quotation marks, without the encoding.
fn opaque(tag: &str) -> Option<&str> {
    let text = tag.strip_prefix('"')?.strip_suffix('"')?;
    let encoding = ENCODINGS.iter().find_map(|encoding| text.strip_suffix(encoding));
    Some(encoding.unwrap_or(text))
}

/// What is appended to the tags of compressed answers: their bytes differ, so must their tags.
const ENCODINGS: [&str; 2] = ["-gzip", "-zstd"];

/// What a client that reads has already, by `If-None-Match`.
#[derive(Debug)]
pub(crate) struct Known {
    is_read: bool,
    lists: Vec<HeaderValue>,
}

impl Known {
    pub(crate) fn of(request: &Request) -> Self {
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        let lists = request.headers().get_all(header::IF_NONE_MATCH).into_iter().cloned();
        Self { is_read, lists: if is_read { lists.collect() } else { Vec::new() } }
    }

    /// Makes the tag of a compressed answer its own, and the answer 304 to who has it already.
    /// Outside of compression.
    pub(crate) fn apply(&self, mut response: Response) -> Response {
        let Some(tag) = response.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok())
        else {
            return response;
        };
        let is_known = self.is_read
            && response.status() == StatusCode::OK
            && self.lists.iter().filter_map(|it| it.to_str().ok()).any(|list| lists(list, tag));
        if let Some(encoding) = response.headers().get(header::CONTENT_ENCODING)
            && let Some(own) = tag.strip_suffix('"')
            && let Ok(encoding) = encoding.to_str()
            && let Ok(value) = HeaderValue::from_str(&format!("{own}-{encoding}\""))
        {
            response.headers_mut().insert(header::ETAG, value);
        }
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            *response.body_mut() = axum::body::Body::from(Bytes::new());
            for name in [header::CONTENT_LENGTH, header::CONTENT_TYPE, header::CONTENT_ENCODING] {
                response.headers_mut().remove(name);
            }
        }
        response
    }
}

/// Whether `list`, as in `If-None-Match`, has the tag, compared weakly.
fn lists(list: &str, tag: &str) -> bool {
    let weak = |tag: &str| opaque(tag.strip_prefix("W/").unwrap_or(tag)).map(str::to_owned);
    let tag = weak(tag);
    list.trim() == "*"
        || list.split(',').map(|one| weak(one.trim())).any(|one| one.is_some() && one == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn precondition(headers: &[(HeaderName, &str)]) -> Result<Option<u64>, u16> {
        let mut request = Request::new(());
        for (name, value) in headers {
            request.headers_mut().append(name, HeaderValue::from_str(value).unwrap());
        }
        let read = Precondition::from_request_parts(&mut request.into_parts().0, &()).await;
        read.map(|Precondition(it)| it.map(Sequence::get)).map_err(|it| it.kind().status().as_u16())
    }

    #[tokio::test]
    async fn a_precondition_names_one_sequence_or_none() {
        let (matches, none) = (header::IF_MATCH, header::IF_NONE_MATCH);
        assert_eq!(precondition(&[]).await, Ok(None));
        assert_eq!(precondition(&[(matches.clone(), "\"5\"")]).await, Ok(Some(5)));
        assert_eq!(precondition(&[(matches.clone(), " \"5-zstd\"")]).await, Ok(Some(5)));
        assert_eq!(precondition(&[(none.clone(), "*")]).await, Ok(Some(0)));
        assert_eq!(precondition(&[(matches.clone(), "W/\"5\"")]).await, Err(412));
        for odd in [
            "*",
            "5",
            "\"\"",
            "\"05\"",
            "\"0\"",
            "\"-1\"",
            "\"1\", \"2\"",
            "\"99999999999999999999\"",
        ] {
            assert_eq!(precondition(&[(matches.clone(), odd)]).await, Err(400), "{odd}");
        }
        assert_eq!(precondition(&[(none.clone(), "\"5\"")]).await, Err(400));
        let both = [(matches.clone(), "\"5\""), (none, "*")];
        assert_eq!(precondition(&both).await, Err(412));
        let twice = [(matches.clone(), "\"5\""), (matches, "\"5\"")];
        assert_eq!(precondition(&twice).await, Err(400));
    }

    #[test]
    fn tags_are_compared_weakly_and_whatever_the_encoding() {
        for list in ["\"5\"", "W/\"5\"", "\"4\", \"5-gzip\"", "*"] {
            assert!(lists(list, "\"5\""), "{list}");
        }
        for list in ["", "\"4\"", "5", "\"55\"", "\"5"] {
            assert!(!lists(list, "\"5\""), "{list}");
        }
    }
}
