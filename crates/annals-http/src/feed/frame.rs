//! What goes over the wire.

use annals_core::{Position, ReadError, RecordedEvent};
use bytes::Bytes;

use crate::event::EventBody;

/// One event: its position as the id, its JSON as the data.
///
/// It has no `event:` line, so that a browser's `onmessage` sees all of them; the type is in the
/// data.
///
/// # Errors
///
/// [`ReadError::Corrupt`] if its text is damaged.
pub(super) fn event(event: &RecordedEvent) -> Result<Bytes, ReadError> {
    let position = event.position;
    let json = serde_json::to_string(&EventBody::new(event))
        .map_err(|error| ReadError::Corrupt { position, detail: error.to_string() })?;
    let mut frame = format!("id: {position}\n").into_bytes();
    // The text of a payload is kept as it was written and may have line breaks between its parts.
    for line in json.split(['\n', '\r']) {
        frame.extend_from_slice(b"data: ");
        frame.extend_from_slice(line.as_bytes());
        frame.push(b'\n');
    }
    frame.push(b'\n');
    Ok(frame.into())
}

/// Tells a client its place, although nothing of interest happened: who connects again need not be
/// sent past all of it anew. Without data, nobody's handler is called.
pub(super) fn place(position: Position) -> Bytes {
    format!(":\nid: {position}\n\n").into()
}

#[cfg(test)]
mod tests {
    use annals_core::{EventType, Json, NewEvent, Sequence, StreamId};
    use chrono::DateTime;

    use super::*;

    #[test]
    fn line_breaks_in_a_payload_do_not_end_the_event() {
        let stream = StreamId::new("account", "1").unwrap();
        let payload = Json::parse("payload", "{\r\n\"a\": 1,\n\"id\": \"x\\ny\"}", 100).unwrap();
        let event_type = EventType::new("happened").unwrap();
        let new = NewEvent::new(stream, event_type, 1, payload).unwrap();
        let position = Position::new(7).unwrap();
        let recorded = new.recorded_at(position, Sequence::new(1).unwrap(), DateTime::UNIX_EPOCH);
        let frame = String::from_utf8(event(&recorded).unwrap().to_vec()).unwrap();
        let lines: Vec<_> = frame.strip_suffix("\n\n").unwrap().lines().collect();
        assert_eq!(lines[0], "id: 7");
        let data = lines[1..].iter().map(|line| line.strip_prefix("data: ").unwrap());
        let json: serde_json::Value = serde_json::from_str(&data.collect::<String>()).unwrap();
        assert_eq!(json["payload"]["id"], "x\ny");
        assert_eq!(json["position"], 7);
    }
}
