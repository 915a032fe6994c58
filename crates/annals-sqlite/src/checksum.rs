//! The checksum of a row: a flipped bit is noticed, never passed on as an event.

use crc32fast::Hasher;

/// CRC-32 over the columns of an event that are known before it has its place.
///
/// The place is added last, so that whoever appends does most of the work, not the writer.
#[derive(Debug, Clone)]
pub(crate) struct ContentChecksum(Hasher);

/// The columns that an event brings along.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Content<'a> {
    pub(crate) aggregate_type: &'a str,
    pub(crate) aggregate_id: &'a str,
    pub(crate) event_type: &'a str,
    pub(crate) event_version: u32,
    pub(crate) event_id: &'a [u8],
    pub(crate) payload: &'a str,
    pub(crate) metadata: &'a str,
    pub(crate) tags: Option<&'a str>,
}

/// The columns that the store adds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) position: i64,
    pub(crate) sequence: i64,
    pub(crate) timestamp: i64,
}

impl ContentChecksum {
    pub(crate) fn of(content: Content<'_>) -> Self {
        let texts = [
            content.aggregate_type,
            content.aggregate_id,
            content.event_type,
            content.payload,
            content.metadata,
            content.tags.unwrap_or_default(),
        ];
        // In one piece: that is several times as fast as piece by piece, copying included. The
        // lengths come first, so that text cannot wander from one column to the next unnoticed.
        let length = texts.iter().map(|text| 8 + text.len()).sum::<usize>();
        let mut bytes = Vec::with_capacity(length + 4 + content.event_id.len());
        for text in texts {
            bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
        }
        bytes.extend_from_slice(&content.event_version.to_be_bytes());
        bytes.extend_from_slice(content.event_id);
        for text in texts {
            bytes.extend_from_slice(text.as_bytes());
        }
        let mut hash = Hasher::new();
        hash.update(&bytes);
        Self(hash)
    }

    pub(crate) fn at(&self, place: Place) -> u32 {
        let mut hash = self.0.clone();
        let mut bytes = [0; 24];
        for (number, value) in
            bytes.chunks_exact_mut(8).zip([place.position, place.sequence, place.timestamp])
        {
            number.copy_from_slice(&value.to_be_bytes());
        }
        hash.update(&bytes);
        hash.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTENT: Content<'static> = Content {
        aggregate_type: "account",
        aggregate_id: "7",
        event_type: "opened",
        event_version: 1,
        event_id: &[1; 16],
        payload: "{}",
        metadata: "{}",
        tags: None,
    };
    const PLACE: Place = Place { position: 1, sequence: 2, timestamp: 3 };

    #[test]
    fn every_column_counts() {
        let whole = ContentChecksum::of(CONTENT).at(PLACE);
        let contents = [
            Content { aggregate_type: "accounts", ..CONTENT },
            Content { aggregate_id: "8", ..CONTENT },
            Content { event_type: "closed", ..CONTENT },
            Content { event_version: 2, ..CONTENT },
            Content { event_id: &[2; 16], ..CONTENT },
            Content { payload: "[]", ..CONTENT },
            Content { metadata: "[]", ..CONTENT },
            Content { tags: Some("[]"), ..CONTENT },
            Content { aggregate_type: "account7", aggregate_id: "", ..CONTENT },
        ];
        for other in contents {
            assert_ne!(ContentChecksum::of(other).at(PLACE), whole, "{other:?}");
        }
        let places = [
            Place { position: 2, ..PLACE },
            Place { sequence: 3, ..PLACE },
            Place { timestamp: 4, ..PLACE },
        ];
        for other in places {
            assert_ne!(ContentChecksum::of(CONTENT).at(other), whole, "{other:?}");
        }
    }
}
