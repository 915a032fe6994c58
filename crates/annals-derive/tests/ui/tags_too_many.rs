use annals_derive::DomainEvent;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, DomainEvent)]
enum Event {
    Opened(
        #[tag("a")] u8,
        #[tag("b")] u8,
        #[tag("c")] u8,
        #[tag("d")] u8,
        #[tag("e")] u8,
        #[tag("f")] u8,
        #[tag("g")] u8,
        #[tag("h")] u8,
        #[tag("i")] u8,
        #[tag("j")] u8,
        #[tag("k")] u8,
        #[tag("l")] u8,
        #[tag("m")] u8,
        #[tag("n")] u8,
        #[tag("o")] u8,
        #[tag("p")] u8,
        #[tag("q")] Option<u16>,
    ),
}

fn main() {}
