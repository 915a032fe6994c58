//! The names of event types at compile time.
//!
//! The log knows an event by its name alone. Inside one enum the derive sees that no name is given
//! twice; for enums that are read together it cannot, because each is derived on its own. So each
//! carries its names as a constant, and the union of them is checked while it is compiled.

/// The names and aliases of an event type, known at compile time. Derived with
/// [`DomainEvent`](crate::DomainEvent).
///
/// A type that implements `DomainEvent` by hand needs it only as a part of a union.
#[diagnostic::on_unimplemented(
    message = "the event names of `{Self}` are not known at compile time",
    note = "a part of a union is an enum or a union that derives `DomainEvent`"
)]
pub trait EventNames {
    /// All of them, in no particular order.
    const NAMES: &'static [&'static str];
}

/// Whether no name stands in both lists.
#[must_use]
pub const fn share_no_name(one: &[&str], other: &[&str]) -> bool {
    let mut one = one;
    while let [name, rest @ ..] = one {
        if contains(other, name) {
            return false;
        }
        one = rest;
    }
    true
}

/// All names of several lists in one.
///
/// # Panics
///
/// While compiling, if `COUNT` is not the sum of their lengths.
#[must_use]
pub const fn join_names<const COUNT: usize>(lists: &[&[&'static str]]) -> [&'static str; COUNT] {
    let mut joined = [""; COUNT];
    let mut free = joined.as_mut_slice();
    let mut lists = lists;
    while let [list, rest @ ..] = lists {
        let (places, left) = free.split_at_mut(list.len());
        places.copy_from_slice(list);
        (free, lists) = (left, rest);
    }
    assert!(free.is_empty(), "COUNT must be the number of names");
    joined
}

const fn contains(names: &[&str], wanted: &str) -> bool {
    let mut names = names;
    while let [name, rest @ ..] = names {
        if is_equal(name.as_bytes(), wanted.as_bytes()) {
            return true;
        }
        names = rest;
    }
    false
}

/// `==` on text, which constants cannot use yet.
const fn is_equal(mut one: &[u8], mut other: &[u8]) -> bool {
    while let ([a, one_rest @ ..], [b, other_rest @ ..]) = (one, other) {
        if *a != *b {
            return false;
        }
        (one, other) = (one_rest, other_rest);
    }
    one.is_empty() && other.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_unless_every_letter_is_the_same() {
        assert!(share_no_name(&["opened", "closed"], &["open", "closed_again", "Opened"]));
        assert!(!share_no_name(&["opened", "closed"], &["moved", "closed"]));
        assert!(share_no_name(&[], &["opened"]));
    }

    #[test]
    fn joined_names_are_all_names() {
        const JOINED: [&str; 3] = join_names(&[&["a", "b"], &[], &["c"]]);
        assert_eq!(JOINED, ["a", "b", "c"]);
    }
}
