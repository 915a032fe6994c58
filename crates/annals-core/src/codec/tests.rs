//! What serde can put into an event comes back the same, or is refused before it is written.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{read_variant, write_variant};

/// Writes and reads back; the index is that of the variant in the enum.
fn round_trip<T: Serialize + DeserializeOwned + PartialEq + Debug>(
    index: u32,
    event: &T,
    payload: &str,
) {
    let written = write_variant(event).unwrap();
    assert_eq!(written, payload);
    assert_eq!(read_variant::<T>(index, &written).unwrap(), *event);
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Address {
    street: String,
    number: u64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Unit,
    Newtype(i64),
    Tuple(i64, String),
    Struct { amount: i64, note: Option<String> },
    NoFields {},
    Nothing(),
    Wrapped(Address),
    Maybe(Option<i64>),
}

#[test]
fn payload_is_the_fields_without_the_variants_name() {
    round_trip(0, &Shape::Unit, "{}");
    round_trip(1, &Shape::Newtype(5), "5");
    round_trip(2, &Shape::Tuple(5, "x".into()), r#"[5,"x"]"#);
    round_trip(3, &Shape::Struct { amount: 5, note: None }, r#"{"amount":5,"note":null}"#);
    round_trip(4, &Shape::NoFields {}, "{}");
    round_trip(5, &Shape::Nothing(), "[]");
    let address = Address { street: "Am \"Tor\"".into(), number: 3 };
    round_trip(6, &Shape::Wrapped(address), r#"{"street":"Am \"Tor\"","number":3}"#);
    round_trip(7, &Shape::Maybe(None), "null");
    round_trip(7, &Shape::Maybe(Some(1)), "1");
}

#[test]
fn variant_without_fields_ignores_old_fields_but_not_damage() {
    assert_eq!(read_variant::<Shape>(0, r#"{"dropped":[1,2]}"#).unwrap(), Shape::Unit);
    assert!(read_variant::<Shape>(0, r#"{"dropped":[1,2"#).is_err());
    assert!(read_variant::<Shape>(0, "").is_err());
}

#[test]
fn text_after_the_payload_is_refused() {
    for (index, payload) in [(0, "{}"), (1, "5"), (2, r#"[5,"x"]"#), (3, r#"{"amount":5}"#)] {
        assert!(read_variant::<Shape>(index, payload).is_ok(), "{payload}");
        assert!(read_variant::<Shape>(index, &format!("{payload} 1")).is_err(), "{payload}");
    }
}

#[test]
fn variant_that_does_not_exist_is_refused() {
    let error = read_variant::<Shape>(8, "{}").unwrap_err().to_string();
    assert!(error.contains("8") && error.contains("variant index"), "{error}");
}

#[test]
fn serde_attributes_on_names_keep_their_meaning() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(
        rename = "other",
        rename_all = "SCREAMING-KEBAB-CASE",
        rename_all_fields = "camelCase",
        deny_unknown_fields
    )]
    enum Renamed {
        #[serde(rename = "something else")]
        First {
            owner_name: String,
            #[serde(rename = "sum", alias = "total", default)]
            initial_balance: i64,
        },
        #[serde(rename_all = "kebab-case", alias = "second")]
        Second { owner_name: String },
    }

    let first = Renamed::First { owner_name: "Ada".into(), initial_balance: 7 };
    round_trip(0, &first, r#"{"ownerName":"Ada","sum":7}"#);
    assert_eq!(read_variant::<Renamed>(0, r#"{"total":7,"ownerName":"Ada"}"#).unwrap(), first);
    round_trip(1, &Renamed::Second { owner_name: "Ada".into() }, r#"{"owner-name":"Ada"}"#);
    let unknown = read_variant::<Renamed>(0, r#"{"ownerName":"Ada","colour":1}"#).unwrap_err();
    assert!(unknown.to_string().contains("colour"), "{unknown}");
}

mod text {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(number: &i64, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(number)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

#[test]
fn serde_attributes_on_form_keep_their_meaning() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Formed {
        Fields {
            #[serde(with = "text")]
            amount: i64,
            #[serde(skip_serializing_if = "Option::is_none")]
            note: Option<String>,
            #[serde(skip)]
            cached: u8,
        },
        #[serde(with = "text")]
        Whole(i64),
    }

    let fields = Formed::Fields { amount: 5, note: None, cached: 0 };
    round_trip(0, &fields, r#"{"amount":"5"}"#);
    let noted = Formed::Fields { amount: 5, note: Some("x".into()), cached: 0 };
    round_trip(0, &noted, r#"{"amount":"5","note":"x"}"#);
    round_trip(1, &Formed::Whole(-5), r#""-5""#);
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Flat {
    Moved {
        id: u64,
        #[serde(flatten)]
        address: Address,
        #[serde(flatten)]
        more: BTreeMap<String, f64>,
    },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Counter {
    count: i128,
}

#[test]
fn flattened_fields_stand_among_the_others() {
    let address = Address { street: "Tor".into(), number: u64::MAX };
    let more = BTreeMap::from([("a".to_owned(), 13.180973264367669), ("b".to_owned(), 2.0)]);
    round_trip(
        0,
        &Flat::Moved { id: 1, address, more },
        r#"{"id":1,"street":"Tor","number":18446744073709551615,"a":13.180973264367669,"b":2.0}"#,
    );
}

/// To find out what it reads, serde buffers what is flattened, tagged inside or not tagged, and its
/// buffer has no integers of more than 64 bits.
#[test]
fn buffered_integer_beyond_64_bits_is_an_error_and_not_another_number() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Tagged {
        A { count: i128 },
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Whole(i128),
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Buffered {
        Flat {
            #[serde(flatten)]
            counter: Counter,
        },
        Tagged(Tagged),
        Untagged(Untagged),
    }

    for (index, event) in (0_u32..).zip([
        Buffered::Flat { counter: Counter { count: i128::MAX } },
        Buffered::Tagged(Tagged::A { count: i128::MAX }),
        Buffered::Untagged(Untagged::Whole(i128::MAX)),
    ]) {
        let written = write_variant(&event).unwrap();
        assert!(written.contains(&i128::MAX.to_string()), "{written}");
        assert!(read_variant::<Buffered>(index, &written).is_err(), "{written}");
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Numbers {
    Whole(u64, i64, u128, i128),
    Float { value: f64, short: f32 },
}

#[test]
fn integers_keep_every_digit_up_to_128_bits() {
    round_trip(
        0,
        &Numbers::Whole(u64::MAX, i64::MIN, u128::MAX, i128::MIN),
        &format!("[{},{},{},{}]", u64::MAX, i64::MIN, u128::MAX, i128::MIN),
    );
    assert!(read_variant::<Numbers>(0, "[18446744073709551616,0,0,0]").is_err());
    assert!(read_variant::<Numbers>(0, "[1.0,0,0,0]").is_err());
}

/// Without the `float_roundtrip` feature `serde_json` reads every tenth float as its neighbour, so
/// a replayed state differs from the one the command was decided on. Every bit must come back.
#[test]
fn floats_keep_every_bit() {
    let mut bits = 42_u64;
    let mut next = || {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        bits
    };
    let special = [0.0, -0.0, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, 13.180973264367669];
    let any = std::iter::repeat_with(|| f64::from_bits(next())).filter(|value| value.is_finite());
    for value in special.into_iter().chain(any.take(20_000)) {
        let short = f32::from_bits((value.to_bits() >> 32) as u32);
        let short = if short.is_finite() { short } else { 0.1 };
        let written = write_variant(&Numbers::Float { value, short }).unwrap();
        let Numbers::Float { value: read, short: read_short } = read_variant(1, &written).unwrap()
        else {
            panic!("{written} is a float")
        };
        assert_eq!(read.to_bits(), value.to_bits(), "{written}");
        assert_eq!(read_short.to_bits(), short.to_bits(), "{written}");
    }
}

#[derive(Debug, Serialize)]
struct Newtype<T>(T);

#[derive(Debug, Serialize)]
struct Pair<T>(u8, T);

#[derive(Debug, Serialize)]
struct Named<T> {
    value: T,
}

#[derive(Debug, Serialize)]
struct Flattened<T> {
    #[serde(flatten)]
    value: T,
}

#[derive(Debug, Serialize)]
enum Nested<T> {
    Newtype(T),
    Tuple(u8, T),
    Struct { value: T },
}

/// `serde_json` writes floats that are not finite as `null`, which is read as an error for a float
/// and as nothing for an optional one: the event would be lost or changed.
#[test]
fn float_that_is_not_finite_is_refused_wherever_it_stands() {
    fn refused<T: Serialize>(value: T) {
        for event in [Nested::Newtype(&value), Nested::Tuple(0, &value)] {
            let error = write_variant(&event).unwrap_err().to_string();
            assert!(error.contains("has no JSON form"), "{error}");
        }
        assert!(write_variant(&Nested::Struct { value }).is_err());
    }

    refused(f64::NAN);
    refused(f32::NEG_INFINITY);
    refused(Some(f64::INFINITY));
    refused(vec![0.0, f64::NAN]);
    refused((0, f64::NAN));
    refused(BTreeMap::from([("key", f64::NAN)]));
    refused(Newtype(f64::NAN));
    refused(Pair(0, f64::NAN));
    refused(Named { value: f64::NAN });
    refused(Flattened { value: Named { value: f64::NAN } });
    refused(Nested::Newtype(f64::NAN));
    refused(Nested::Tuple(0, f64::NAN));
    refused(Nested::Struct { value: f64::NAN });
}

#[test]
fn every_form_of_serde_is_written_as_serde_json_writes_it() {
    fn same<T: Serialize>(value: T) {
        let plain = serde_json::to_string(&value).unwrap();
        assert_eq!(write_variant(&Nested::Newtype(value)).unwrap(), plain);
    }

    same((true, 'x', "text", -1_i8, 1_u8, -1_i16, 1_u16, -1_i32, 1_u32, 1.5_f32, -1.5_f64));
    same((None::<u8>, Some(1), (), Newtype(1), Pair(0, 1), Named { value: 1 }));
    same((Nested::Newtype(1), Nested::Tuple(0, 1), Nested::Struct { value: 1 }, Shape::Unit));
    same(BTreeMap::from([(1, "integer as key"), (2, "another")]));
    same(BTreeMap::from([('c', [1, 2])]));
    same(Flattened { value: Named { value: [1, 2] } });
    same(format_args!("{}-{}", 1, 2));
    same(std::net::Ipv4Addr::LOCALHOST);
    same(RawValue::from_string(r#"{"kept" : 1.50}"#.to_owned()).unwrap());
}

#[test]
fn map_whose_keys_are_not_text_is_refused() {
    assert!(write_variant(&Nested::Newtype(BTreeMap::from([((1, 2), 3)]))).is_err());
}

#[test]
fn enums_inside_an_event_may_have_any_form() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Internal {
        A { x: u64 },
        B,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind", content = "value")]
    enum Adjacent {
        A(u64),
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Number(f64),
        Text(String),
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Outer {
        Internal(Internal),
        All { internal: Internal, adjacent: Adjacent, untagged: Vec<Untagged>, external: Shape },
    }

    round_trip(
        0,
        &Outer::Internal(Internal::A { x: u64::MAX }),
        r#"{"kind":"A","x":18446744073709551615}"#,
    );
    let all = Outer::All {
        internal: Internal::B,
        adjacent: Adjacent::A(1),
        untagged: vec![Untagged::Number(13.180973264367669), Untagged::Text("x".into())],
        external: Shape::Newtype(5),
    };
    let payload = concat!(
        r#"{"internal":{"kind":"B"},"adjacent":{"kind":"A","value":1},"#,
        r#""untagged":[13.180973264367669,"x"],"external":{"Newtype":5}}"#
    );
    round_trip(1, &all, payload);
}

#[test]
fn data_that_could_be_borrowed_is_owned_and_unescaped() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Texts {
        Cow(Cow<'static, str>),
    }
    for text in ["plain", "a\"b\\c\n\u{1F980}\u{7f}"] {
        let event = Texts::Cow(Cow::Borrowed(text));
        let payload = serde_json::to_string(text).unwrap();
        round_trip(0, &event, &payload);
    }
    assert_eq!(
        read_variant::<Texts>(0, r#""\ud83e\udd80""#).unwrap(),
        Texts::Cow("\u{1F980}".into())
    );
}

#[test]
fn raw_json_keeps_its_text() {
    #[derive(Serialize, Deserialize)]
    enum Raw {
        Kept { document: Box<RawValue> },
    }
    let payload = r#"{"document":{"b":1.50,"a":1e400}}"#;
    let Raw::Kept { document } = read_variant(0, payload).unwrap();
    assert_eq!(document.get(), r#"{"b":1.50,"a":1e400}"#);
    assert_eq!(write_variant(&Raw::Kept { document }).unwrap(), payload);
}

#[test]
fn types_that_are_not_plain_enums_are_refused_both_ways() {
    #[derive(Debug, Serialize, Deserialize)]
    #[serde(tag = "type")]
    enum Internal {
        A { x: u8 },
    }
    #[derive(Debug, Serialize, Deserialize)]
    #[serde(tag = "type", content = "value")]
    enum Adjacent {
        A { x: u8 },
    }
    #[derive(Debug, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        A { x: u8 },
    }

    fn refused<T: Serialize + DeserializeOwned + Debug>(value: &T) {
        let written = write_variant(value).unwrap_err().to_string();
        assert!(written.contains("must be an enum"), "{written}");
        let read = read_variant::<T>(0, "{}").unwrap_err().to_string();
        assert!(read.contains("must be an enum"), "{read}");
    }

    refused(&Internal::A { x: 1 });
    refused(&Adjacent::A { x: 1 });
    refused(&Untagged::A { x: 1 });
    refused(&Address { street: String::new(), number: 1 });
    refused(&Some(Shape::Unit));
    refused(&BTreeMap::from([("x", 1)].map(|(key, value)| (key.to_owned(), value))));
    refused(&vec![1]);
    refused(&"text".to_owned());
    refused(&1);
    refused(&());
}
